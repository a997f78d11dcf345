//! Requests that another site makes a browser send.

use hipflask::Frozen;
use hipflask::http::Method;
use hipflask::prelude::*;
use hipflask::security::CsrfExempt;
use hipflask::signing::Serializer;
use hipflask::testing::{TestClient, TestRequest, TestResponse};

const KEY: &str = "a key that is long enough, and only for tests";

#[route("/change", methods = [GET, POST, PUT, PATCH, DELETE])]
async fn change() -> &'static str {
    "changed"
}

#[post("/exempt", with = CsrfExempt)]
async fn exempt() -> &'static str {
    "changed"
}

#[get("/token")]
async fn token() -> Template {
    Template::from_string("{{ csrf_token() }}")
}

#[get("/field")]
async fn field() -> Template {
    Template::from_string("{{ form.hidden_tag() }}").with("form", &Form::<Comment>::empty())
}

#[derive(Form)]
struct Comment {
    text: String,
}

fn app() -> App {
    let app = App::new("test", ".").config("SECRET_KEY", KEY).config("DEBUG", false);
    app.routes(routes![change, exempt, token, field])
}

/// A client that says nothing about where its requests come from.
fn silent(app: App) -> TestClient {
    app.test_client().without_browser_headers()
}

async fn token_of(client: &TestClient) -> String {
    client.get("/token").send().await.text()
}

#[track_caller]
fn assert_refused(response: &TestResponse, reason: &str) {
    assert_eq!(response.status(), 400, "{reason}");
    assert!(response.text().contains(reason), "{reason}: {}", response.text());
    assert!(!response.text().contains("changed"));
}

#[hipflask::test]
async fn where_a_request_comes_from_decides() {
    let app = app().config("WTF_CSRF_TRUSTED_ORIGINS", ["https://partner.example"]);
    let client = silent(app);
    let unknown = "The CSRF token is missing.";
    let foreign = "The request came from another site.";
    for (site, origin, outcome) in [
        (Some("same-origin"), None, "changed"),
        (Some("same-origin"), Some("https://evil.example"), "changed"),
        (Some("none"), None, "changed"),
        (Some("cross-site"), None, foreign),
        (Some("same-site"), None, foreign),
        (Some("cross-site"), Some("http://localhost"), foreign),
        (Some("Same-Origin"), None, foreign),
        (Some("same-origin, cross-site"), None, foreign),
        (Some(""), None, foreign),
        (Some("nonsense"), None, foreign),
        (Some("cross-site"), Some("https://partner.example"), "changed"),
        (Some("cross-site"), Some("https://partner.example.evil.example"), foreign),
        (Some("cross-site"), Some("http://partner.example"), foreign),
        (None, Some("http://localhost"), "changed"),
        (None, Some("https://localhost"), "changed"),
        (None, Some("http://LOCALHOST"), "changed"),
        (None, Some("http://localhost:80"), "changed"),
        (None, Some("http://localhost:8080"), foreign),
        (None, Some("http://localhost.evil.example"), foreign),
        (None, Some("http://evil.example"), foreign),
        (None, Some("http://evil.example/localhost"), foreign),
        (None, Some("http://localhost@evil.example"), foreign),
        (None, Some("http://localhost#evil.example"), foreign),
        (None, Some("http://sub.localhost"), foreign),
        (None, Some("null"), foreign),
        (None, Some(""), foreign),
        (None, Some("localhost"), foreign),
        (None, Some("file://localhost"), foreign),
        (None, Some("https://partner.example"), "changed"),
        (None, None, unknown),
    ] {
        let request = site.into_iter().fold(client.post("/change"), |r, site| r.header("sec-fetch-site", site));
        let request = origin.into_iter().fold(request, |r, origin| r.header("origin", origin));
        let response = request.send().await;
        match outcome {
            "changed" => assert_eq!(response.text(), "changed", "{site:?} {origin:?}"),
            reason => assert_refused(&response, reason),
        }
    }
}

#[hipflask::test]
async fn what_changes_nothing_is_not_asked() {
    let client = silent(app());
    for (method, status) in [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("TRACE", 405)] {
        let method: Method = method.parse().expect("a method");
        let response = client.request(method.clone(), "/change").header("sec-fetch-site", "cross-site").send().await;
        assert_eq!(response.status(), status, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let method: Method = method.parse().expect("a method");
        assert_eq!(client.request(method.clone(), "/change").send().await.status(), 400, "{method}");
    }
    // A path that no rule has is a 404 for every client.
    assert_eq!(client.post("/nowhere").send().await.status(), 404);
    assert_eq!(client.post("/token").send().await.status(), 405);
    let unknown = Method::from_bytes(b"get").expect("a method");
    assert_eq!(client.request(unknown, "/change").send().await.status(), 405, "methods are not spelt in small letters");
}

#[hipflask::test]
async fn a_rule_or_a_blueprint_may_be_exempt() {
    let inner = Blueprint::new("inner").url_prefix("/inner").routes(routes![change]);
    let api =
        Blueprint::new("api").url_prefix("/api").with(CsrfExempt).routes(routes![change]).register_blueprint(inner);
    let site = Blueprint::new("site").url_prefix("/site").routes(routes![change, exempt]);
    let client = silent(app().register_blueprint(api).register_blueprint(site));
    for (target, status) in [
        ("/exempt", 200),
        ("/api/change", 200),
        ("/api/inner/change", 200),
        ("/site/exempt", 200),
        ("/site/change", 400),
        ("/change", 400),
    ] {
        let request =
            client.post(target).header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
        assert_eq!(request.send().await.status(), status, "{target}");
    }
    let off = silent(app().config("WTF_CSRF_ENABLED", false));
    assert_eq!(off.post("/change").send().await.text(), "changed");
    let everything_exempt = silent(app().with(CsrfExempt));
    assert_eq!(everything_exempt.post("/change").send().await.text(), "changed");
}

#[hipflask::test]
async fn a_token_is_taken_from_the_form_or_a_header() {
    let client = silent(app());
    let token = token_of(&client).await;
    let other = token_of(&client).await;
    let accepted: Vec<TestRequest<'_>> = vec![
        client.post("/change").form([("csrf_token", &token)]),
        client.post("/change").form([("csrf_token", &other)]),
        client.post("/change").file("f", "f.txt", "text/plain", "x").form([("csrf_token", &token)]),
        client.post("/change").form([("login-csrf_token", &token)]),
        client.post("/change").header("x-csrftoken", &token),
        client.post("/change").header("x-csrf-token", &token).json(&[1]),
        client.delete("/change").header("x-csrf-token", &token),
        client.post("/change").header("x-csrftoken", "").header("x-csrf-token", &token),
        client.post("/change").form([("csrf_token", "")]).header("x-csrf-token", &token),
    ];
    for (number, request) in accepted.into_iter().enumerate() {
        assert_eq!(request.send().await.text(), "changed", "{number}");
    }
    for (request, reason) in [
        (client.post("/change"), "The CSRF token is missing."),
        (client.post("/change").form([("csrf_token", "")]), "The CSRF token is missing."),
        (client.post("/change").header("x-csrftoken", ""), "The CSRF token is missing."),
        (client.post("/change").form([("csrf_token", "x")]), "The CSRF token is invalid."),
        (client.post("/change").form([("csrf_token", &format!("{token}x"))]), "The CSRF token is invalid."),
        (
            client.post("/change").form([("csrf_token", "x")]).header("x-csrf-token", &token),
            "The CSRF token is invalid.",
        ),
        (client.post("/change").query([("csrf_token", &token)]), "The CSRF token is missing."),
        (client.post("/change").json(&serde_json::json!({"csrf_token": token})), "The CSRF token is missing."),
        // A program is not told to put something into a form.
        (client.post("/change").json(&serde_json::json!({})), "if it sends the header `Origin: http://localhost`"),
        (client.post("/change").header("accept", "application/json"), "`Origin: http://localhost`"),
        (client.post("/change").header("sec-fetch-site", "cross-site").form([("csrf_token", &token)]), "another site"),
    ] {
        assert_refused(&request.send().await, reason);
    }
}

#[hipflask::test]
async fn a_token_is_good_for_its_own_session_alone() {
    let app = app().freeze().expect("nothing is wrong with it");
    let client = |app: &Frozen| app.test_client().without_browser_headers();
    let (mine, theirs, nobody) = (client(&app), client(&app), client(&app));
    let (token, their_token) = (token_of(&mine).await, token_of(&theirs).await);
    for (client, token, outcome) in [
        (&mine, &token, "changed"),
        (&theirs, &their_token, "changed"),
        (&mine, &their_token, "The CSRF tokens do not match."),
        (&theirs, &token, "The CSRF tokens do not match."),
        (&nobody, &token, "The CSRF session token is missing."),
    ] {
        let response = client.post("/change").form([("csrf_token", token)]).send().await;
        match outcome {
            "changed" => assert_eq!(response.text(), "changed"),
            reason => assert_refused(&response, reason),
        }
    }
    mine.session_transaction(|session| session.clear());
    let response = mine.post("/change").form([("csrf_token", &token)]).send().await;
    assert_refused(&response, "The CSRF session token is missing.");
    assert!(!token_of(&mine).await.is_empty());
    let response = mine.post("/change").form([("csrf_token", &token)]).send().await;
    assert_refused(&response, "The CSRF tokens do not match.");
}

/// Signed with the right key for another purpose, or for no session at all.
#[hipflask::test]
async fn only_what_was_signed_as_a_token_is_one() {
    let client = silent(app());
    client.session_transaction(|session| session.set("csrf_token", "the session's own"));
    let signed = |key: &str, salt: &str, value: &str| Serializer::new([key], salt).dumps(value).expect("it is JSON");
    for (token, outcome) in [
        (signed(KEY, "wtf-csrf-token", "the session's own"), "changed"),
        (signed(KEY, "wtf-csrf-token", "another's"), "The CSRF tokens do not match."),
        (signed(KEY, "wtf-csrf-token", ""), "The CSRF tokens do not match."),
        (signed(KEY, "cookie-session", "the session's own"), "The CSRF token is invalid."),
        (
            signed("another key, which is long enough too", "wtf-csrf-token", "the session's own"),
            "The CSRF token is invalid.",
        ),
        ("the session's own".to_owned(), "The CSRF token is invalid."),
    ] {
        let response = client.post("/change").form([("csrf_token", &token)]).send().await;
        match outcome {
            "changed" => assert_eq!(response.text(), "changed"),
            reason => assert_refused(&response, reason),
        }
    }
    let own_key = silent(app().config("WTF_CSRF_SECRET_KEY", "a key for tokens alone, which is long too"));
    let token = token_of(&own_key).await;
    assert_eq!(own_key.post("/change").form([("csrf_token", &token)]).send().await.text(), "changed");
    own_key.session_transaction(|session| session.set("csrf_token", "the session's own"));
    let token = signed(KEY, "wtf-csrf-token", "the session's own");
    let response = own_key.post("/change").form([("csrf_token", &token)]).send().await;
    assert_refused(&response, "The CSRF token is invalid.");
}

#[hipflask::test]
async fn a_key_that_was_replaced_still_verifies() {
    let old = silent(app().config("SECRET_KEY", "the old key, which is long enough as well"));
    let token = token_of(&old).await;
    let client = silent(app().config("SECRET_KEY_FALLBACKS", ["the old key, which is long enough as well"]));
    client.set_cookie("session", &old.cookie("session").expect("the session has the secret"));
    assert_eq!(client.post("/change").form([("csrf_token", &token)]).send().await.text(), "changed");
}

/// What Flask-WTF 1.3.0 gave a browser, before its application was moved here.
#[hipflask::test]
async fn a_token_of_flask_wtf_is_one() {
    const SESSION: &str = "eyJjc3JmX3Rva2VuIjoiMWEyZGFjZjEzMDBjZTI3MTIyNmYwMTQxMzc3ZjIzMzU2NGExNGMyOCJ9.awJd9A.LQAQ33O4N5M-0CKoEzcOPzgsWU0";
    const TOKEN: &str = "IjFhMmRhY2YxMzAwY2UyNzEyMjZmMDE0MTM3N2YyMzM1NjRhMTRjMjgi.awJd9A.zMmldJhoD5eHDicAUg2A2uEfldU";
    let eternal = app().config("PERMANENT_SESSION_LIFETIME", 3_000_000_000_u64);
    let client = silent(eternal.config("WTF_CSRF_TIME_LIMIT", None::<u32>));
    client.set_cookie("session", SESSION);
    assert_eq!(client.post("/change").form([("csrf_token", TOKEN)]).send().await.text(), "changed");
}

#[hipflask::test]
async fn a_token_has_its_time() {
    let client = silent(app().config("WTF_CSRF_TIME_LIMIT", 0));
    let token = token_of(&client).await;
    // A second is the unit of the signature; in the one that it was made in, a token has no age yet.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let response = client.post("/change").form([("csrf_token", &token)]).send().await;
        if response.status() == 400 {
            return assert_refused(&response, "The CSRF token has expired.");
        }
        assert!(std::time::Instant::now() < deadline, "it never expires");
        std::thread::yield_now();
    }
}

#[hipflask::test]
async fn a_form_carries_its_token() {
    let client = silent(app());
    let html = client.get("/field").send().await.text();
    let token = html.strip_prefix("<input id=\"csrf_token\" name=\"csrf_token\" type=\"hidden\" value=\"");
    let token = token.and_then(|rest| rest.strip_suffix("\">")).expect(&html);
    assert_eq!(client.post("/change").form([("csrf_token", token)]).send().await.text(), "changed");
    let renamed = silent(app().config("WTF_CSRF_FIELD_NAME", "_t").config("WTF_CSRF_HEADERS", ["X-T"]));
    let token = token_of(&renamed).await;
    assert_eq!(renamed.post("/change").form([("_t", &token)]).send().await.text(), "changed");
    assert_eq!(renamed.post("/change").header("x-t", &token).send().await.text(), "changed");
    assert_refused(&renamed.post("/change").header("x-csrftoken", &token).send().await, "The CSRF token is missing.");
    let off = silent(app().config("WTF_CSRF_ENABLED", false));
    assert_eq!(off.get("/field").send().await.text(), "");
}

/// No browser adds that header for another site, unless it has a cookie of ours as well.
#[hipflask::test]
async fn a_program_with_a_token_of_its_own_passes() {
    let client = silent(app());
    for (authorization, cookie, status) in [
        ("Bearer abc", None, 200),
        ("bearer abc", None, 200),
        ("Bearer abc", Some("session=x"), 400),
        ("Basic YTpi", None, 400),
        ("Bearer", None, 400),
        ("Bearerabc", None, 400),
        ("BearerÄ abc", None, 400),
    ] {
        let request = client.post("/change").header("authorization", authorization);
        let request = cookie.into_iter().fold(request, |request, cookie| request.header("cookie", cookie));
        assert_eq!(request.send().await.status(), status, "{authorization} {cookie:?}");
    }
    let request = client.post("/change").header("authorization", "Bearer abc").header("origin", "https://evil.example");
    assert_eq!(request.send().await.status(), 400);
}

/// The check comes before everything, and its refusal is an error like another.
#[hipflask::test]
async fn nothing_runs_for_a_refused_request() {
    async fn hook(ctx: &mut Context) {
        ctx.session().set("ran", true);
    }
    async fn handler(error: HttpError) -> (Status, String) {
        (Status::FORBIDDEN, format!("dressed: {}", error.text()))
    }
    let client = silent(app().before_request(hook).register_error_handler(400, handler));
    let response = client.post("/change").header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(
        (response.status().as_u16(), response.text().as_str()),
        (403, "dressed: The request came from another site.")
    );
    assert_eq!(client.cookie("session"), None, "no hook ran");
    let json = silent(app()).post("/change").header("accept", "application/json").send().await;
    let told: serde_json::Value = json.json();
    assert_eq!(told["code"], 400);
    assert!(told["description"].as_str().is_some_and(|text| text.contains("X-CSRFToken")), "it says what to do");
}
