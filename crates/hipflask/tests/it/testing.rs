//! The test client itself: what it sends, keeps, follows and tells.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hipflask::cli::Command;
use hipflask::extension::State;
use hipflask::http::{Body, Bytes, FormData, Method};
use hipflask::prelude::*;
use hipflask::testing::{TestClient, TestResponse};
use hipflask::{Context, Rule};
use serde_json::{Value, json};

/// Says what came.
async fn echo(ctx: &mut Context, body: Bytes) -> Json<Value> {
    let request = ctx.request();
    let header = |name: &str| request.header(name).map(str::to_owned);
    Json(json!({
        "method": request.method().as_str(),
        "url": request.url(),
        "remote": request.remote_addr().map(|address| address.to_string()),
        "authorization": header("authorization"),
        "type": header("content-type"),
        "length": header("content-length"),
        "origin": header("origin"),
        "cookie": header("cookie"),
        "body": String::from_utf8_lossy(&body),
    }))
}

fn app() -> App {
    let methods = [GET, POST, PUT, PATCH, DELETE, Method::HEAD];
    App::new("test", ".")
        .config("WTF_CSRF_ENABLED", false)
        .config("TRUSTED_HOSTS", ["localhost", ".localhost", ".example.org", ".example"])
        .add_url_rule(Rule::new("/<path:rest>").endpoint("echo").methods(methods), echo)
}

fn client() -> TestClient {
    app().test_client()
}

/// What a test's mistake is told.
fn told(mistake: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(mistake)).expect_err("this is a mistake");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

#[test]
fn every_part_of_a_request_can_be_said() {
    let client = app().config("SERVER_NAME", "example.org:81").test_client();
    let sent = |response: TestResponse, at: &str| response.json_at::<Value>(at);
    assert_eq!(sent(client.get("/x").send_blocking(), "/url"), "http://example.org:81/x");
    assert_eq!(sent(client.get("/x").base_url("https://a.example").send_blocking(), "/url"), "https://a.example/x");
    assert_eq!(sent(client.get("/x").subdomain("api").send_blocking(), "/url"), "http://api.example.org:81/x");
    assert_eq!(
        sent(client.get("/x").scheme("https").host("b.example:8").send_blocking(), "/url"),
        "https://b.example:8/x"
    );
    let posted = client.post("/x").https().send_blocking();
    assert_eq!(posted.json_at::<String>("/origin"), "https://example.org:81", "a page of its own has its origin");
    assert_eq!(sent(client.get("/x").remote_addr([192, 0, 2, 7]).send_blocking(), "/remote"), "192.0.2.7");
    let basic = client.get("/x").basic_auth("Aladdin", "open sesame").send_blocking();
    assert_eq!(sent(basic, "/authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(sent(client.get("/x").bearer("abc").send_blocking(), "/authorization"), "Bearer abc");
    let body = client.put("/x").content_type("text/csv").body("a,b").send_blocking();
    assert_eq!((body.json_at::<String>("/type"), body.json_at::<String>("/body")), ("text/csv".into(), "a,b".into()));
    let query = json!({"q": "a b", "page": 2, "tag": ["x", "y"], "none": null});
    let asked = client.get("/x?first=1").query([("second", 2)]).query_struct(&query).send_blocking();
    assert_eq!(sent(asked, "/url"), "http://example.org:81/x?first=1&second=2&page=2&q=a+b&tag=x&tag=y");
}

#[hipflask::test]
async fn a_body_may_come_over_time() {
    let body = Body::stream(|mut sender| async move {
        sender.send("one ").await?;
        sender.send("two").await
    });
    let response = client().post("/x").body_stream(body).send().await;
    assert_eq!(response.json_at::<String>("/body"), "one two");
    assert_eq!(response.json_at::<Value>("/length"), Value::Null);
}

#[test]
fn fields_are_added_and_files_have_their_names_and_types() {
    let show = async |form: FormData| {
        let fields = form.fields.iter().map(|(key, value)| format!("{key}={value}"));
        let files = form.files.iter();
        let files = files.map(|file| format!("{}:{}:{:?}", file.name(), file.filename(), file.content_type()));
        fields.chain(files).collect::<Vec<_>>().join(" ")
    };
    let client = App::new("test", ".").add_url_rule(Rule::new("/").methods([POST]), show).test_client();
    let post = || client.post("/");
    assert_eq!(post().form([("a", "1")]).form([("b", "2")]).send_blocking().text(), "a=1 b=2");
    let sent = post().form([("a", "1")]).file("f", "quote\".txt", "text/plain", "x").form([("b", "2")]).send_blocking();
    assert!(sent.text().starts_with("a=1 b=2 f:quote"), "{sent}");
    assert!(sent.text().ends_with(":\"text/plain\""), "{sent}");
}

#[test]
fn contradictions_are_refused() {
    let client = client();
    for (told, part) in [
        (told(|| _ = client.post("/x").json(&1).form([("a", "b")])), "`form` was called after `json`"),
        (told(|| _ = client.post("/x").form([("a", "b")]).body("x")), "`body` was called after `form`"),
        (told(|| _ = client.post("/x").body("x").file("f", "f", "text/plain", "x")), "`file` was called after `body`"),
        (told(|| _ = client.get("/x").subdomain("api")), "Set `SERVER_NAME`"),
        (told(|| _ = client.get("/x").base_url("/path")), "`/path` is not a base URL"),
        (told(|| _ = client.get("/x").base_url("http://a/path")), "is not a base URL"),
        (told(|| _ = client.get("/x").scheme("ftp")), "not `ftp`"),
        (told(|| _ = client.get("/x").query_struct("text")), "names and values"),
        (told(|| client.without_cookies().session_transaction(|_| ())), "without cookies has no session"),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn cookies_are_kept_by_domain_and_path() {
    let cookie = |response: TestResponse| response.json_at::<Option<String>>("/cookie");
    let client = client();
    client.set_cookie("everywhere", "1");
    client.cookies_of("localhost", "/shop").set("shop", "2");
    client.cookies_of("example.org", "/").set("theirs", "3");
    assert_eq!(cookie(client.get("/shop/x").send_blocking()).as_deref(), Some("shop=2; everywhere=1"));
    assert_eq!(cookie(client.get("/x").send_blocking()).as_deref(), Some("everywhere=1"));
    assert_eq!(cookie(client.get("/x").host("example.org:90").send_blocking()).as_deref(), Some("theirs=3"));
    assert_eq!(client.cookies_of("localhost", "/shop").get("shop").as_deref(), Some("2"));
    client.cookies_of("localhost", "/").delete("shop");
    assert_eq!(client.cookie("shop").as_deref(), Some("2"), "that is another path");
    client.delete_cookie("shop");
    assert_eq!(client.cookie("shop"), None);
    let without = client.without_cookies();
    assert_eq!(cookie(without.get("/x").send_blocking()), None);
    without.set_cookie("own", "1");
    assert_eq!(client.cookie("own"), None, "it has a jar of its own");
}

fn redirecting() -> TestClient {
    let to = |status: u16, location: &'static str| {
        move || -> Result<Response> { Response::new("moved").with_status(status).with_header("location", location) }
    };
    let rule = |text: &str| Rule::new(text).methods([GET, POST, Method::HEAD]);
    app()
        .subdomain_matching()
        .config("SERVER_NAME", "localhost")
        .add_url_rule(rule("/go/relative"), to(302, "x?y=1"))
        .add_url_rule(rule("/go/up"), to(303, "../x#part"))
        .add_url_rule(rule("/go/away"), to(302, "http://example.org/"))
        .add_url_rule(rule("/go/sub"), to(307, "http://api.localhost/x"))
        .add_url_rule(rule("/go/round"), to(302, "/go/and"))
        .add_url_rule(rule("/go/and"), to(302, "round"))
        .add_url_rule(rule("/go/keep"), to(308, "/x"))
        .add_url_rule(rule("/go/post"), to(301, "/x"))
        .add_url_rule(rule("/go/proxy"), to(305, "/x"))
        .add_url_rule(Rule::new("/x").endpoint("api").subdomain("api").methods([GET, POST]), async || "the API")
        .test_client()
}

#[test]
fn redirects_are_followed_as_in_a_browser() {
    let client = redirecting();
    let go = |target: &str| client.post(target).body("sent").follow_redirects().send_blocking();
    for (target, method, url, body) in [
        ("/go/relative", "GET", "http://localhost/go/x?y=1", ""),
        ("/go/up", "GET", "http://localhost/x", ""),
        ("/go/keep", "POST", "http://localhost/x", "sent"),
        ("/go/post", "GET", "http://localhost/x", ""),
    ] {
        let page = go(target);
        let found: [String; 3] = ["/method", "/url", "/body"].map(|at| page.json_at(at));
        assert_eq!(found, [method, url, body], "{target}");
        assert_eq!(page.history().len(), 1);
        assert_eq!(page.request().url(), url, "the last one");
        assert_eq!(page.request().method().as_str(), method);
    }
    assert_eq!(go("/go/sub").text(), "the API");
    assert_eq!(go("/go/proxy").status(), 305, "a proxy is not a redirect");
    let away = told(|| _ = go("/go/away"));
    assert!(away.contains("another host, example.org"), "{away}");
    let round = told(|| _ = go("/go/round"));
    assert!(
        round.contains("the redirects form a loop: a 302 from /go/round to /go/and was already followed"),
        "{round}"
    );
}

#[hipflask::test]
async fn a_stream_is_read_piece_by_piece() {
    #[derive(Default)]
    struct Ended(tokio::sync::Notify);
    struct Gone(State<Ended>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.0.notify_one();
        }
    }
    let numbers = |most: u32| {
        move |ended: State<Ended>| {
            Response::new(Body::stream(move |mut sender| async move {
                let _gone = Gone(ended);
                for number in 1..=most {
                    sender.send(format!("{number} ")).await?;
                }
                Ok(())
            }))
        }
    };
    let client = App::new("test", ".")
        .insert_state(Ended::default())
        .add_url_rule(Rule::new("/three"), numbers(3))
        .add_url_rule(Rule::new("/many"), numbers(u32::MAX))
        .test_client();
    let ended = || async { client.app().state::<Ended>().expect("it is there").0.notified().await };
    let mut stream = client.get("/three").stream().await;
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.next().await.as_deref(), Some(&b"1 "[..]));
    assert!(!stream.is_ended());
    let rest = stream.rest().await;
    assert_eq!(rest.text(), "2 3 ");
    ended().await;
    let mut stream = client.get("/many").stream().await;
    stream.next().await;
    drop(stream);
    ended().await;
}

#[test]
fn a_failing_assertion_shows_the_response() {
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/"), async || (Status::NOT_FOUND, [("x-why", "gone")], "Nothing here."))
        .add_url_rule(Rule::new("/json"), async || Json(json!({"posts": [{"title": "First"}]})))
        .test_client();
    let page = client.get("/").send_blocking();
    page.assert_status(404).assert_contains("Nothing");
    for told in [
        told(|| _ = page.assert_status(200)),
        told(|| _ = page.assert_contains("Something")),
        told(|| _ = page.assert_redirect("/login")),
    ] {
        for part in ["GET /\n", "404 Not Found\n", "x-why: gone\n", "\n\nNothing here."] {
            assert!(told.contains(part), "{part:?} is not in\n{told}");
        }
    }
    let posts = client.get("/json").send_blocking();
    assert_eq!(posts.json_at::<String>("/posts/0/title"), "First");
    let missing = told(|| _ = posts.json_at::<String>("/posts/1/title"));
    assert!(missing.contains("nothing at `/posts/1/title`") && missing.contains("First"), "{missing}");
}

#[hipflask::test]
async fn a_live_server_serves_and_stops() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stopped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = std::sync::Arc::clone(&stopped);
    let app = app().on_shutdown(move || stop.store(true, std::sync::atomic::Ordering::SeqCst));
    let server = app.command(Command::new("x").runs(|| "x")).live_server();
    assert_eq!(server.url("/x"), format!("http://{}/x", server.address()));
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.expect("it listens");
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let address = server.address();
    drop(server);
    assert!(stopped.load(std::sync::atomic::Ordering::SeqCst));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
