use super::*;

#[hipflask::test]
async fn every_link_on_the_first_page_leads_somewhere_unless_it_says_otherwise() {
    let client = app().test_client();
    let page = client.get("/").send().await.text();
    let links: Vec<&str> = page.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links.len(), 13);
    for link in links {
        let missing = ["/shelves/three", "/isbn/9783161484101"].contains(&link);
        let response = client.get(link).follow_redirects().send().await;
        assert_eq!(response.status(), if missing { 404 } else { 200 }, "{link}");
    }
}

#[hipflask::test]
async fn converters_take_what_fits() {
    let client = app().test_client();
    for (target, text) in [
        ("/readers/Ada <3", "<h1>Ada &lt;3</h1>"),
        ("/shelves/3", "Shelf 3."),
        ("/scans/covers/front.png", "The scan covers/front.png."),
        ("/lists/popular", "Books that are popular."),
        ("/isbn/9783161484100", "The edition 9783161484100."),
    ] {
        assert_eq!(client.get(target).send().await.text(), text);
    }
    // 300 is a number, but not a `u8`.
    for target in ["/readers/a/b", "/shelves/-1", "/shelves/300", "/lists/old", "/isbn/9783161484101"] {
        assert_eq!(client.get(target).send().await.status(), 404, "{target}");
    }
}

#[hipflask::test]
async fn one_rule_has_several_methods() {
    let client = app().test_client();
    assert_eq!(client.put("/loans/7").send().await.text(), "Loan 7 is renewed.");
    assert_eq!(client.delete("/loans/7").send().await.text(), "Loan 7 is over.");
    let refused = client.post("/loans/7").send().await;
    assert_eq!((refused.status().as_u16(), refused.header("allow")), (405, Some("GET, HEAD, PUT, DELETE, OPTIONS")));
}

#[hipflask::test]
async fn every_page_has_one_address() {
    let client = app().test_client();
    for (target, status, location) in [
        ("/opening-hours", 308, "http://localhost/opening-hours/"),
        ("/catalogue/1", 308, "http://localhost/catalogue"),
        ("/home", 301, "/"),
    ] {
        let response = client.get(target).send().await;
        assert_eq!((response.status().as_u16(), response.header("location")), (status, Some(location)), "{target}");
    }
    assert_eq!(client.get("/home/").send().await.status(), 404, "its rule has no slash at the end");
    let page = client.get("/catalogue?order=title").send().await.text();
    assert!(page.contains(r#"href="/catalogue/2?order=title""#), "{page}");
}

#[hipflask::test]
async fn a_blueprint_has_a_prefix_and_a_name() {
    let client = app().test_client();
    let page = client.get("/staff/").send().await.text();
    assert_eq!(page, r#"<a href="/staff/desks/1">Desk 1</a> <a href="/">The public part</a>"#);
    assert_eq!(client.get("/staff/desks/1").send().await.text(), "Desk 1 (staff.desk).");
}
