use super::*;

#[hipflask::test]
async fn a_basket_is_filled_and_emptied() {
    let client = app().test_client();
    for item in ["tea", "tea", "cup"] {
        client.post(&format!("/basket/{item}/more")).send().await;
    }
    let page = client.get("/").send().await.text();
    assert!(page.contains("2 × Green tea, 100 g") && page.contains("Together 30.30 €"), "{page}");
    let page = client.post("/basket/cup/less").follow_redirects().send().await.text();
    assert!(page.contains("Together 17.80 €") && !page.contains("× A cup"), "{page}");
    assert_eq!(client.post("/basket/cup/less").send().await.status(), 404);
    assert_eq!(client.post("/basket/gold/more").send().await.status(), 404);
    client.post("/forget").send().await;
    assert!(client.cookie("session").is_none(), "an empty session leaves no cookie");
}

/// A test does not have to click its way to its starting point.
#[hipflask::test]
async fn nine_are_enough() {
    let client = app().test_client();
    client.session_transaction(|session| session.set("basket", Basket::from([("pot".into(), 9)])));
    let page = client.post("/basket/pot/more").follow_redirects().send().await.text();
    assert!(page.contains(r#"<p class="flash error" role="status">More than nine"#), "{page}");
    assert_eq!(client.session(basket)["pot"], 9);
}

#[hipflask::test]
async fn a_permanent_session_says_when_it_ends() {
    let client = app().test_client();
    let cookie =
        |response: hipflask::testing::TestResponse| response.header("set-cookie").unwrap_or_default().to_owned();
    assert!(!cookie(client.post("/basket/tea/more").send().await).contains("Expires"));
    assert!(cookie(client.post("/remember").send().await).contains("Expires"));
    assert!(!cookie(client.post("/remember").send().await).contains("Expires"));
}

#[hipflask::test]
async fn a_changed_cookie_is_an_empty_basket() {
    let client = app().test_client();
    client.post("/basket/tea/more").send().await;
    let cookie = client.cookie("session").expect("a basket is in a cookie");
    client.set_cookie("session", &cookie.replacen("e", "f", 1));
    assert!(client.get("/").send().await.text().contains("There is nothing in it."));
}

#[hipflask::test]
async fn two_browsers_have_two_baskets() {
    let app = app().freeze().expect("nothing is wrong with the shop");
    let (ada, grace) = (app.test_client(), app.test_client());
    ada.post("/basket/tea/more").send().await;
    assert!(ada.get("/").send().await.text().contains("1 × Green tea"));
    assert!(!grace.get("/").send().await.text().contains("1 × Green tea"));
}
