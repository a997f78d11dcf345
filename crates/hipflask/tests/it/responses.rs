//! What a view may return, and what is sent for it.

use hipflask::Rule;
use hipflask::http::{Body, Bytes, Cookie, HeaderMap, MultiDict, SameSite};
use hipflask::prelude::*;
use hipflask::testing::TestClient;
use serde::Serialize;

macro_rules! answering {
    ($($path:literal => $value:expr),* $(,)?) => {
        App::new("test", ".")$(.add_url_rule(Rule::new($path), async || $value))*.test_client()
    };
}

#[derive(Serialize)]
struct Post {
    title: &'static str,
    id: u32,
}

async fn shape(client: &TestClient, target: &str) -> (u16, String, String) {
    let response = client.get(target).send().await;
    let content_type = response.header("content-type").unwrap_or_default().to_owned();
    (response.status().as_u16(), content_type, response.text())
}

#[hipflask::test]
async fn every_kind_of_answer() {
    let client = answering! {
        "/str" => "text",
        "/string" => String::from("text"),
        "/html" => html!("<b>{}</b>", "<&>"),
        "/bytes" => Bytes::from_static(b"\x00\x01"),
        "/vec" => vec![1_u8, 2],
        "/json" => Json(Post { title: "ü", id: 1 }),
        "/status" => Status::IM_A_TEAPOT,
        "/status-body" => (Status::CREATED, "made"),
        "/body-number" => ("made", 201),
        "/headers-body" => ([("x-a", "1"), ("content-type", "text/csv")], "a,b"),
        "/all" => (Status::ACCEPTED, [("x-a", "1")], Json(1)),
        "/map" => (HeaderMap::new(), "text"),
        "/response" => Response::new("text").with_status(418),
        "/result" => Result::<_>::Ok("fine"),
        "/http" => http::Response::builder().status(207).header("x-a", "b").body(String::from("from the ecosystem")),
    };
    let text = "text/plain; charset=utf-8";
    for (target, status, content_type, body) in [
        ("/str", 200, text, "text"),
        ("/string", 200, text, "text"),
        ("/html", 200, "text/html; charset=utf-8", "<b>&lt;&amp;&gt;</b>"),
        ("/bytes", 200, "application/octet-stream", "\x00\x01"),
        ("/vec", 200, "application/octet-stream", "\x01\x02"),
        ("/json", 200, "application/json", "{\"title\":\"\\u00fc\",\"id\":1}\n"),
        ("/status", 418, "", ""),
        ("/status-body", 201, text, "made"),
        ("/body-number", 201, text, "made"),
        ("/headers-body", 200, "text/csv", "a,b"),
        ("/all", 202, "application/json", "1\n"),
        ("/map", 200, text, "text"),
        ("/response", 418, text, "text"),
        ("/result", 200, text, "fine"),
    ] {
        let (found_status, found_type, found_body) = shape(&client, target).await;
        assert_eq!((found_status, found_type.as_str()), (status, content_type), "{target}");
        assert_eq!(found_body, body, "{target}");
    }
    let response = client.get("/http").send().await;
    assert_eq!((response.status().as_u16(), response.header("x-a")), (207, Some("b")));
    assert_eq!(response.text(), "from the ecosystem");
}

#[hipflask::test]
async fn a_header_cannot_be_split() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/header"), async |query: MultiDict| {
            Response::new("x").with_header("x-name", query.get("v").unwrap_or_default())
        })
        .add_url_rule(Rule::new("/pair"), async |query: MultiDict| {
            ([("x-name", query.get("v").unwrap_or_default().to_owned())], "x")
        })
        .add_url_rule(Rule::new("/redirect"), async |query: MultiDict| redirect(query.get("v").unwrap_or_default()))
        .test_client();
    for path in ["/header", "/pair"] {
        assert_eq!(client.get(path).query([("v", "fine")]).send().await.header("x-name"), Some("fine"));
        for bad in ["a\r\nset-cookie: x=y", "a\nb", "a\0b"] {
            let response = client.get(path).query([("v", bad)]).send().await;
            assert_eq!(response.status(), 500, "{path} {bad:?}");
            assert_eq!(response.header("set-cookie"), None);
        }
    }
    let response = client.get("/redirect").query([("v", "/a\r\nset-cookie: x=y")]).send().await;
    assert_eq!(response.header("set-cookie"), None);
}

#[hipflask::test]
async fn bodies_fit_their_status() {
    let client = answering! {
        "/204" => (Status::NO_CONTENT, "never sent"),
        "/304" => (Status::NOT_MODIFIED, [("etag", "\"x\""), ("expires", "0")], "never sent"),
        "/ok" => "body",
    };
    let response = client.get("/204").send().await;
    assert_eq!((response.text().as_str(), response.header("content-length")), ("", None));
    let response = client.get("/304").send().await;
    assert_eq!((response.text().as_str(), response.header("content-type")), ("", None));
    assert_eq!((response.header("etag"), response.header("expires")), (Some("\"x\""), Some("0")));
    let response = client.head("/ok").send().await;
    assert_eq!((response.text().as_str(), response.header("content-length")), ("", Some("4")));
}

#[hipflask::test]
async fn redirects() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/view").endpoint("view"), async || {
            redirect(hipflask::helpers::UrlFor::endpoint("target").value("q", "ü"))
        })
        .add_url_rule(Rule::new("/target").endpoint("target"), async |query: MultiDict| {
            query.get("q").map(str::to_owned)
        })
        .add_url_rule(Rule::new("/iri"), async || redirect("/é?a= b"))
        .add_url_rule(Rule::new("/permanent"), async || redirect("https://example.org/").code(301))
        .add_url_rule(Rule::new("/teapot"), async || (Status::FOUND, [("x-a", "b")], redirect("/target")))
        .test_client();
    let response = client.get("/view").send().await;
    assert_eq!((response.status().as_u16(), response.header("location")), (303, Some("/target?q=%C3%BC")));
    assert_eq!(client.get("/view").follow_redirects().send().await.text(), "ü");
    assert_eq!(client.get("/iri").send().await.header("location"), Some("/%C3%A9?a=%20b"));
    let response = client.get("/permanent").send().await;
    assert_eq!((response.status().as_u16(), response.header("location")), (301, Some("https://example.org/")));
    let response = client.get("/teapot").send().await;
    assert_eq!((response.status().as_u16(), response.header("x-a")), (302, Some("b")));
}

#[hipflask::test]
async fn cookies() {
    async fn set(query: MultiDict) -> Result<Response> {
        let mut response = Response::new("set");
        let value = query.get("v").unwrap_or("1").to_owned();
        let theme = Cookie::new("theme", value).max_age(std::time::Duration::from_secs(60)).path(Some("/a"));
        response.set_cookie(&theme.secure(true).http_only(true).same_site(SameSite::Strict))?;
        response.set_cookie(&Cookie::deleted("old"))?;
        Ok(response)
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), set).test_client();
    let response = client.get("/").query([("v", "a b;ü\"")]).send().await;
    let cookies: Vec<&str> = response.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok()).collect();
    assert!(cookies[0].starts_with("theme=\"a b\\073\\303\\274\\\"\"; Expires="), "{}", cookies[0]);
    assert!(cookies[0].ends_with("; Max-Age=60; Secure; HttpOnly; Path=/a; SameSite=Strict"), "{}", cookies[0]);
    assert_eq!(cookies[1], "old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/");
}

#[hipflask::test]
async fn streams() {
    async fn stream() -> Response {
        Response::new(Body::stream(async |mut out| {
            for part in ["one ", "two ", "three"] {
                out.send(part).await?;
            }
            Ok(())
        }))
    }
    async fn broken() -> Response {
        Response::new(Body::stream(async |mut out| {
            out.send("half").await?;
            Err(Error::msg("the source ended too early"))
        }))
    }
    async fn short() -> Response {
        Response::new(Body::stream_sized(10, async |mut out| out.send("half").await))
    }
    async fn long() -> Response {
        Response::new(Body::stream_sized(5, async |mut out| {
            out.send("half").await?;
            out.send("more").await
        }))
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), stream).add_url_rule(Rule::new("/broken"), broken);
    let client = app.add_url_rule(Rule::new("/short"), short).add_url_rule(Rule::new("/long"), long).test_client();
    let response = client.get("/").send().await;
    assert_eq!((response.text().as_str(), response.header("content-length")), ("one two three", None));
    for target in ["/broken", "/short", "/long"] {
        let response = client.get(target).send().await;
        assert_eq!(response.text(), "half");
        assert!(response.body_error().is_some(), "a body that broke off does not look complete");
    }
}
