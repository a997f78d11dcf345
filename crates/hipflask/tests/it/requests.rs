//! What is read off a request: address, query, headers, cookies, JSON, and how much of a body.

use hipflask::Rule;
use hipflask::http::{Body, Bytes, FormData, Method, MultiDict};
use hipflask::prelude::*;
use hipflask::security::CsrfExempt;
use hipflask::testing::TestClient;
use serde::Deserialize;
use serde_json::Value;

fn recorded(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/requests.json")).expect("it is JSON");
    let part = all[part].as_array().expect("a list").clone();
    assert!(part.len() > 10);
    part
}

fn text(value: &Value) -> &str {
    value.as_str().expect("it is text")
}

#[hipflask::test]
async fn a_query_is_read_as_werkzeug_reads_it() {
    async fn pairs(query: MultiDict) -> Json<Value> {
        Json(query.iter().map(|(key, value)| Value::from(vec![key, value])).collect())
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), pairs).test_client();
    for one in recorded("queries") {
        let target = format!("/?{}", text(&one["query"]));
        assert_eq!(client.get(&target).send().await.json::<Value>(), one["pairs"], "{target}");
    }
}

#[hipflask::test]
async fn the_best_offer_is_werkzeugs() {
    async fn best(ctx: &mut Context, query: MultiDict) -> String {
        let best = ctx.request().accept().best_match(query.getlist("offer")).unwrap_or("none");
        best.to_owned()
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), best).test_client();
    for one in recorded("accept") {
        let offers = one["offers"].as_array().expect("a list").iter().map(|offer| ("offer", text(offer)));
        let request = client.get("/").query(offers).header("accept", text(&one["header"]));
        // To a client that says nothing Werkzeug gives the default; ours is the first offer.
        let default = if one["header"] == "" { text(&one["offers"][0]) } else { "none" };
        assert_eq!(request.send().await.text(), one["best"].as_str().unwrap_or(default), "{one}");
    }
}

#[hipflask::test]
async fn a_list_in_several_headers_is_one_list() {
    async fn best(ctx: &mut Context) -> String {
        format!("{:?}", ctx.request().accept().best_match(["text/html", "application/json"]))
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), best).freeze().expect("nothing is wrong with it");
    let mut head = http::Request::get("http://localhost/").body(()).expect("a request").into_parts().0;
    for value in ["text/html;q=0.5", "application/json"] {
        head.headers.append("accept", value.parse().expect("a header"));
    }
    let response = app.respond(hipflask::http::Request::from_parts(head, Body::empty())).await;
    assert_eq!(response.body().as_bytes(), Some(&b"Some(\"application/json\")"[..]), "RFC 9110 §5.3");
}

#[derive(Deserialize)]
struct Everything {
    method: String,
    path: String,
    full_path: String,
    url: String,
    base_url: String,
    root_url: String,
    root_path: String,
    host: String,
    scheme: String,
    remote_addr: Option<String>,
}

async fn everything(ctx: &mut Context) -> Json<Value> {
    let request = ctx.request();
    Json(serde_json::json!({
        "method": request.method().as_str(), "path": request.path(), "full_path": request.full_path(),
        "url": request.url(), "base_url": request.base_url(), "root_url": request.root_url(),
        "root_path": request.root_path(), "host": request.host(), "scheme": request.scheme().as_str(),
        "remote_addr": request.remote_addr(),
    }))
}

fn mirror() -> App {
    App::new("test", ".").config("DEBUG", false).add_url_rule(Rule::new("/<path:path>"), everything)
}

#[hipflask::test]
async fn the_parts_of_an_address() {
    let inner = mirror();
    let client = App::new("outer", ".").config("DEBUG", false).mount("/röot", inner).test_client();
    let request = client.get("/röot/a%20b/é%2Fc?q=%41&x").https().header("host", "EX.com:8443");
    let all: Everything = request.send().await.json();
    assert_eq!((all.method.as_str(), all.scheme.as_str(), all.host.as_str()), ("GET", "https", "ex.com:8443"));
    assert_eq!((all.root_path.as_str(), all.path.as_str()), ("/röot", "/a b/é/c"));
    assert_eq!(all.full_path, "/a b/é/c?q=%41&x");
    assert_eq!(all.base_url, "https://ex.com:8443/r%C3%B6ot/a%20b/%C3%A9/c");
    assert_eq!(all.url, "https://ex.com:8443/r%C3%B6ot/a%20b/%C3%A9/c?q=%41&x");
    assert_eq!(all.root_url, "https://ex.com:8443/r%C3%B6ot/");
    assert_eq!(all.remote_addr.as_deref(), Some("127.0.0.1"));
    for (host, https, known) in [
        ("ex.com:80", false, "ex.com"),
        ("ex.com:443", false, "ex.com:443"),
        ("ex.com:443", true, "ex.com"),
        ("ex.com:80", true, "ex.com:80"),
        ("[::1]:80", false, "[::1]"),
        ("EX.COM.", false, "ex.com."),
        ("192.0.2.1:8000", false, "192.0.2.1:8000"),
    ] {
        let request = client.get("/röot/x").header("host", host);
        let request = if https { request.https() } else { request };
        assert_eq!(request.send().await.json::<Everything>().host, known, "{host}");
    }
}

/// Nothing is believed that any client can say: no proxy is configured.
#[hipflask::test]
async fn headers_of_proxies_change_nothing() {
    let client = mirror().test_client();
    let forged = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "444"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "for=198.51.100.7;proto=https;host=evil.example"),
        ("x-real-ip", "198.51.100.7"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-method-override", "DELETE"),
    ];
    let request = forged.into_iter().fold(client.get("/x"), |request, (name, value)| request.header(name, value));
    let response = request.send().await;
    assert_eq!(response.header("strict-transport-security"), None);
    let all: Everything = response.json();
    assert_eq!((all.method.as_str(), all.url.as_str()), ("GET", "http://localhost/x"));
    assert_eq!(all.remote_addr.as_deref(), Some("127.0.0.1"));
}

#[hipflask::test]
async fn cookies_are_read_in_order_and_unquoted() {
    async fn cookies(ctx: &mut Context) -> String {
        let all: Vec<String> = ctx.request().cookies().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{:?} {}", ctx.request().cookie("a"), all.join("|"))
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), cookies).test_client();
    for (header, read) in [
        ("a=1; b=2; a=3", "Some(\"1\") a=1|b=2|a=3"),
        ("a=\"x y\\073\\303\\274\\\"\"", "Some(\"x y;ü\\\"\") a=x y;ü\""),
        ("a=b=c", "Some(\"b=c\") a=b=c"),
        ("b=1;a=2", "Some(\"2\") b=1|a=2"),
        ("A=1", "None A=1"),
        ("=x; a=1", "Some(\"1\") a=1"),
        (";;; a=1;", "Some(\"1\") a=1"),
        ("b=é; a=1; c=\"x", "Some(\"1\") b=é|a=1"),
    ] {
        assert_eq!(client.get("/").header("cookie", header).send().await.text(), read, "{header}");
    }
}

/// A program that sets a cookie with a letter of its own, anywhere on the domain, logs nobody out.
#[hipflask::test]
async fn a_byte_that_is_not_utf_8_takes_no_other_cookie_away() {
    async fn user(ctx: &mut Context, session: Session) -> String {
        format!("{:?} {:?}", ctx.request().cookie("b"), session.get::<String>("user"))
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), user);
    let client = app.test_client();
    client.session_transaction(|session| session.set("user", "Ada"));
    let session = client.cookie("session").expect("it is set");
    let app = client.app();
    let mut head = http::Request::get("http://localhost/").body(()).expect("a request").into_parts().0;
    let cookies = [b"a=\xe9; session=".as_slice(), session.as_bytes(), b"; b=2"].concat();
    head.headers.insert("cookie", http::HeaderValue::from_bytes(&cookies).expect("a header"));
    let response = app.respond(hipflask::http::Request::from_parts(head, Body::empty())).await;
    assert_eq!(response.data(), Some(&b"Some(\"2\") Some(\"Ada\")"[..]));
}

#[hipflask::test]
async fn a_number_is_exact_or_refused() {
    async fn mirror(value: Json<Value>) -> Json<Value> {
        value
    }
    let rule = Rule::new("/").methods([Method::POST]).with(CsrfExempt);
    let client = App::new("test", ".").config("DEBUG", false).add_url_rule(rule, mirror).test_client();
    let post = |body: &'static str| client.post("/").header("content-type", "application/json").body(body);
    for exact in ["0.17149029618786193", "18446744073709551615", "-9223372036854775808", "1e+20"] {
        assert_eq!(post(exact).send().await.text(), format!("{exact}\n"));
    }
    let refused = post("[1, 18446744073709551616]").send().await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().contains("more than 64 bits"), "{}", refused.text());
    assert!(!post("{\"a\": ]").send().await.text().contains("line 1"), "what the parser says is for the developer");
}

#[hipflask::test]
async fn what_is_compressed_is_refused_where_it_would_be_read() {
    let client = limited(100);
    let form = "application/x-www-form-urlencoded";
    for (target, content_type, encoding, status) in [
        ("/form", form, "gzip", 415),
        ("/form", form, "identity", 200),
        ("/form", form, "", 200),
        ("/json", "application/json", "br", 415),
        ("/json", "application/json", "Identity", 200),
        ("/bytes", "", "gzip", 200), // As it came, for a view that knows what to do with it.
    ] {
        let request = client.post(target).header("content-type", content_type).header("content-encoding", encoding);
        let response = request.body("1").send().await;
        assert_eq!(response.status(), status, "{target} {encoding}");
        let accepted = (status == 415).then_some("identity");
        assert_eq!(response.header("accept-encoding"), accepted, "RFC 9110 §15.5.16");
    }
}

async fn length(body: Bytes) -> String {
    body.len().to_string()
}

fn limited(limit: impl serde::Serialize) -> TestClient {
    async fn json(value: Json<Value>) -> Json<Value> {
        value
    }
    async fn form(form: FormData) -> String {
        format!("{:?}", form.get("a").map(str::len))
    }
    async fn raised(ctx: &mut Context) -> Result<String> {
        ctx.set_max_content_length(Some(20));
        Ok(ctx.data().await?.len().to_string())
    }
    async fn unread() -> &'static str {
        "unread"
    }
    let post = |path: &str| Rule::new(path).methods([Method::POST]);
    let app = App::new("test", ".").config("MAX_CONTENT_LENGTH", limit).add_url_rule(post("/bytes"), length);
    let app = app.add_url_rule(post("/json"), json).add_url_rule(post("/form"), form);
    app.add_url_rule(post("/raised"), raised).add_url_rule(post("/unread"), unread).test_client()
}

#[hipflask::test]
async fn a_body_is_read_up_to_its_limit_and_refused_beyond() {
    let client = limited(10);
    for (target, content_type, body, status) in [
        ("/bytes", "", "0123456789", 200),
        ("/bytes", "", "0123456789+", 413),
        ("/json", "application/json", "[12345678]", 200),
        ("/json", "application/json", "[123456789]", 413),
        ("/form", "application/x-www-form-urlencoded", "a=23456789", 200),
        ("/form", "application/x-www-form-urlencoded", "a=234567890", 413),
        ("/raised", "", "01234567890123456789", 200),
        ("/raised", "", "012345678901234567890", 413),
        // It is not read, so it does not matter, as in Flask.
        ("/unread", "", "0123456789+", 200),
    ] {
        let request = client.post(target).header("content-type", content_type).body(body);
        assert_eq!(request.send().await.status(), status, "{target} {body}");
    }
    let unlimited = limited(None::<u64>);
    let large = vec![b'x'; 3 << 20];
    assert_eq!(unlimited.post("/bytes").body(large.clone()).send().await.text(), "3145728");
    let ordinary = App::new("test", ".").add_url_rule(Rule::new("/").methods([Method::POST]), length).test_client();
    assert_eq!(ordinary.post("/").body(large).send().await.status(), 413, "2 MiB are the default");
}

/// A length that was not stated is counted while the body comes.
#[hipflask::test]
async fn a_body_without_a_length_is_counted() {
    async fn send(path: &str, content_type: &str, chunk: &'static str, most: usize) -> (u16, usize) {
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&taken);
        let body = Body::stream(move |mut out| async move {
            for _ in 0..most {
                out.send(chunk).await?;
                counter.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
            }
            Ok(())
        });
        async fn form(form: FormData) -> String {
            form.fields.len().to_string()
        }
        let post = |path: &str| Rule::new(path).methods([Method::POST]).with(CsrfExempt);
        let app = App::new("test", ".").config("MAX_CONTENT_LENGTH", None::<u64>).config("MAX_FORM_MEMORY_SIZE", 1000);
        let app = app.add_url_rule(post("/form"), form).freeze().expect("nothing is wrong with it");
        let request = hipflask::http::Request::get(path).with_method(Method::POST).with_body(body);
        let response = app.respond(request.with_header("content-type", content_type)).await;
        (response.status().as_u16(), taken.load(std::sync::atomic::Ordering::Relaxed))
    }
    let urlencoded = "application/x-www-form-urlencoded";
    assert_eq!(send("/form", urlencoded, "a=1&", 250).await, (200, 1000));
    let (status, taken) = send("/form", urlencoded, "a=1&", 100_000).await;
    assert_eq!(status, 413);
    assert!(taken < 2000, "{taken} bytes of a form were kept that may have 1000");
}

#[hipflask::test]
async fn json_is_refused_as_flask_refuses_it() {
    async fn read(value: Json<Value>) -> Json<Value> {
        value
    }
    async fn perhaps(value: Result<Json<Value>>) -> String {
        value.map_or_else(|error| error.status().to_string(), |value| value.to_string())
    }
    let post = |path: &str| Rule::new(path).methods([Method::POST]);
    let app = App::new("test", ".").add_url_rule(post("/"), read).add_url_rule(post("/perhaps"), perhaps);
    let client = app.test_client();
    let send = |content_type: &'static str, body: &'static str| {
        client.post("/").header("content-type", content_type).body(body).send()
    };
    for (content_type, status) in [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/vnd.api+json", 200),
        ("application/json;charset=latin-1", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/jsonp", 415),
        ("application/json-seq", 415),
        ("json", 415),
        ("", 415),
    ] {
        assert_eq!(send(content_type, "[1]").await.status(), status, "{content_type}");
    }
    for (body, status) in [
        ("null", 200),
        (" [1] \r\n", 200),
        ("{\"a\":1,\"a\":2}", 200),
        ("", 400),
        ("{", 400),
        ("{'a':1}", 400),
        ("[1,]", 400),
        ("NaN", 400),
        ("\"\\ud800\"", 400),
        ("\u{feff}[1]", 400),
        ("[1] [2]", 400),
        ("01", 400),
    ] {
        assert_eq!(send("application/json", body).await.status(), status, "{body:?}");
    }
    assert_eq!(client.post("/").body("[1]").send().await.status(), 415, "without a type");
    assert_eq!(client.post("/perhaps").body("[1]").send().await.text(), "415 Unsupported Media Type");
    let wrong = send("application/json", "{\"password\": \"hunter2\",").await;
    assert!(!wrong.text().contains("hunter2"), "what was sent is not sent back: {}", wrong.text());
}

#[hipflask::test]
async fn a_body_can_be_asked_for_again() {
    async fn twice(ctx: &mut Context) -> Result<String> {
        let first = ctx.data().await?;
        let form = ctx.form().await?;
        let fields = format!("{:?} {}", form.get("a"), form.files.len());
        let second = ctx.data().await?;
        Ok(format!("{} {fields} {}", first.is_empty(), first == second))
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/").methods([Method::POST]), twice).test_client();
    assert_eq!(client.post("/").form([("a", "1")]).send().await.text(), "false Some(\"1\") 0 true");
    let multipart = client.post("/").file("f", "f.txt", "text/plain", "content").form([("a", "1")]);
    assert_eq!(multipart.send().await.text(), "false Some(\"1\") 1 true", "Flask parses what get_data() has cached");
    assert_eq!(client.post("/").send().await.text(), "true None 0 true");
}

/// A key is looked up, not searched: the time of a thousand keys is not the square of that of one.
#[hipflask::test]
async fn many_keys_take_no_more_than_their_share() {
    #[derive(Deserialize)]
    struct Wanted {
        last: u32,
        #[serde(default)]
        k7: Vec<u32>,
    }
    async fn read(form: FormData) -> Result<String> {
        let wanted: Wanted = form.fields.deserialize()?;
        Ok(format!("{} {:?}", wanted.last, wanted.k7))
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/").methods([Method::POST]), read).test_client();
    let many: String = (0..50_000).map(|n| format!("k{n}=1&")).collect();
    let started = std::time::Instant::now();
    let body = format!("{many}last=7&last=8&k7=1");
    let request = client.post("/").header("content-type", "application/x-www-form-urlencoded").body(body);
    let response = request.send().await;
    assert_eq!(response.text(), "7 [1, 1]");
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

#[hipflask::test]
async fn the_limits_of_a_form_can_be_raised_for_a_request() {
    async fn raised(ctx: &mut Context) -> Result<String> {
        ctx.set_max_form_memory_size(Some(20));
        ctx.set_max_form_parts(Some(2));
        Ok(ctx.form().await?.fields.len().to_string())
    }
    let app = App::new("test", ".").config("MAX_FORM_MEMORY_SIZE", 5).config("MAX_FORM_PARTS", 1);
    let client = app.add_url_rule(Rule::new("/").methods([Method::POST]), raised).test_client();
    let urlencoded = |body: &str| {
        let request = client.post("/").header("content-type", "application/x-www-form-urlencoded");
        request.body(body.to_owned())
    };
    assert_eq!(urlencoded("a=234567890123456789").send().await.text(), "1");
    assert_eq!(urlencoded("a=2345678901234567890").send().await.status(), 413);
    let multipart = |parts: usize| {
        let part = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n".repeat(parts);
        client.post("/").header("content-type", "multipart/form-data; boundary=b").body(format!("{part}--b--"))
    };
    assert_eq!(multipart(2).send().await.text(), "2");
    assert_eq!(multipart(3).send().await.status(), 413);
}

#[hipflask::test]
async fn the_blueprints_of_a_view_are_told_from_the_inside_out() {
    async fn names(ctx: &mut Context) -> String {
        ctx.blueprints().collect::<Vec<_>>().join(" ")
    }
    let inner = Blueprint::new("inner").add_url_rule(Rule::new("/x"), names);
    let app = App::new("test", ".").register_blueprint(Blueprint::new("outer").register_blueprint(inner));
    let client = app.add_url_rule(Rule::new("/"), names).test_client();
    assert_eq!(client.get("/x").send().await.text(), "outer.inner outer");
    assert_eq!(client.get("/").send().await.text(), "");
}
