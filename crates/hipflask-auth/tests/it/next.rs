//! The way to the login, and back to where one came from: nowhere else.

use hipflask::Rule;
use hipflask::http::is_safe_redirect;
use hipflask::prelude::*;
use hipflask::testing::TestResponse;
use hipflask_auth::prelude::*;

#[derive(Clone, serde::Serialize)]
struct User;

impl UserMixin for User {
    fn get_id(&self) -> String {
        "1".to_owned()
    }
}

async fn load_user(id: UserId) -> Result<Option<User>> {
    Ok((id.as_str() == "1").then_some(User))
}

#[derive(serde::Deserialize)]
struct Next {
    next: Option<String>,
}

#[route("/login", methods = [GET, POST])]
async fn login(ctx: &mut Context, query: Query<Next>, session: Session) -> Result<Reply> {
    if ctx.request().method() == POST {
        login_user(&session, &User);
        return match query.next.as_deref().filter(|next| is_safe_redirect(next)) {
            Some(next) => Ok(redirect(next).into_reply()),
            None => Ok(redirect("/").into_reply()),
        };
    }
    Ok(Template::from_string("{% for message in get_flashed_messages() %}{{ message }}{% endfor %}").into_reply())
}

#[get("/")]
async fn index() -> &'static str {
    "index"
}

#[route("/secret/<path:rest>", methods = [GET, POST, PUT])]
async fn secret(ctx: &mut Context, rest: String, _: Login<User>) -> String {
    format!("{rest} {}", ctx.request().query_string())
}

#[route("/members/area", methods = [GET, POST])]
async fn area() -> &'static str {
    "members only"
}

fn app() -> App {
    let members = Blueprint::new("members").before_request(login_required).routes(routes![area]);
    let app = App::new("test", ".").extend(LoginManager::new(load_user).login_view("login"));
    app.register_blueprint(members).routes(routes![login, index, secret])
}

fn location(response: &TestResponse) -> (u16, Option<&str>) {
    (response.status().as_u16(), response.header("location"))
}

#[hipflask::test]
async fn a_visitor_is_sent_to_the_login_and_back_to_the_page() {
    for (target, next) in [
        ("/secret/x", "/login?next=/secret/x"),
        ("/secret/x?a=1&b=%26", "/login?next=/secret/x?a%3D1%26b%3D%2526"),
        ("/secret/a%20b", "/login?next=/secret/a%2520b"),
        ("/secret/a%3Fb%23c", "/login?next=/secret/a%253Fb%2523c"),
        ("/secret/%C3%BC", "/login?next=/secret/%25C3%25BC"),
        ("/members/area", "/login?next=/members/area"),
    ] {
        let client = app().test_client();
        let sent = client.get(target).send().await;
        assert_eq!(location(&sent), (303, Some(next)), "{target}");
        assert_eq!(client.get(next).send().await.text(), "Please log in to access this page.");
        let back = client.post(next).send().await;
        assert_eq!(location(&back), (303, Some(target)));
        assert_eq!(client.get(target).send().await.status(), 200, "{target}");
    }
}

#[hipflask::test]
async fn an_application_below_a_prefix_sends_to_its_own_login() {
    let client = App::new("outer", ".").mount("/inner", app()).test_client();
    let sent = client.get("/inner/secret/x").send().await;
    assert_eq!(location(&sent), (303, Some("/inner/login?next=/inner/secret/x")));
}

#[hipflask::test]
async fn a_blueprint_or_a_rule_has_a_login_of_its_own_or_none() {
    #[get("/door")]
    async fn door() -> &'static str {
        "a form"
    }
    #[get("/here", with = LoginView::new("login"))]
    async fn here(_: Login<User>) -> &'static str {
        "here"
    }
    #[get("/there")]
    async fn there(_: Login<User>) -> &'static str {
        "there"
    }
    let staff =
        Blueprint::new("staff").url_prefix("/staff").with(LoginView::new(".door")).routes(routes![door, there, here]);
    let api = Blueprint::new("api").url_prefix("/api").with(LoginView::none()).routes(routes![there, here]);
    let members = Blueprint::new("club").url_prefix("/club").with(LoginView::none()).before_request(login_required);
    let app = app().register_blueprint(staff).register_blueprint(api);
    let client = app.register_blueprint(members.routes(routes![area])).test_client();
    for (target, answer) in [
        ("/staff/there", (303, Some("/staff/door?next=/staff/there"))),
        ("/staff/here", (303, Some("/login?next=/staff/here"))),
        ("/api/there", (401, None)),
        ("/api/here", (303, Some("/login?next=/api/here"))),
        ("/club/members/area", (401, None)),
        ("/secret/x", (303, Some("/login?next=/secret/x"))),
    ] {
        assert_eq!(location(&client.get(target).send().await), answer, "{target}");
    }
}

/// A form that was sent cannot be gone back to by a redirect.
#[hipflask::test]
async fn a_form_is_sent_to_the_login_without_a_way_back() {
    let client = app().test_client();
    for target in ["/secret/x", "/members/area"] {
        assert_eq!(location(&client.post(target).form([("a", "b")]).send().await), (303, Some("/login")), "{target}");
    }
    assert_eq!(location(&client.head("/secret/x").send().await), (303, Some("/login?next=/secret/x")));
}

#[hipflask::test]
async fn a_websocket_is_told_401() {
    let view = async |_: Login<User>| "never";
    let app = app().add_url_rule(Rule::new("/live").websocket(true), view);
    let (response, connection) = app.test_client().get("/live").upgrade("websocket").await;
    assert_eq!((response.status().as_u16(), response.header("location")), (401, None));
    assert!(connection.is_none() && response.header("set-cookie").is_none(), "nothing is flashed");
}

#[hipflask::test]
async fn a_program_is_told_401() {
    let client = app().test_client();
    for target in ["/secret/x", "/members/area"] {
        let response = client.get(target).header("accept", "application/json").send().await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.json::<serde_json::Value>()["code"], 401);
        assert_eq!(response.header("location"), None);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(client.get(target).header("accept", browser).send().await.status(), 303);
    }
    assert!(client.session(|session| session.flashed_messages().len()) > 0, "browsers were told why");

    let without = App::new("test", ".").extend(LoginManager::new(load_user)).routes(routes![secret]).test_client();
    assert_eq!(without.get("/secret/x").send().await.status(), 401);
    assert!(without.session(hipflask::Session::is_empty));
}

#[hipflask::test]
async fn a_blueprint_behind_a_login_still_says_what_it_allows() {
    let response = app().test_client().options("/members/area").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, ""));
    let allowed = response.header("allow").unwrap_or_default();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    for method in ["GET", "HEAD", "POST"] {
        let response = app().test_client().request(method.parse().unwrap(), "/members/area").send().await;
        assert_eq!(response.status(), 303, "{method}");
    }
}

#[hipflask::test]
async fn the_message_can_be_another_or_none() {
    for (message, shown) in [(Some("Who are you?"), "Who are you?"), (None, "")] {
        let logins = LoginManager::new(load_user).login_view(url_for!(login)).login_message(message);
        let client = App::new("test", ".").extend(logins).routes(routes![login, index, secret]).test_client();
        assert_eq!(client.get("/secret/x").follow_redirects().send().await.text(), shown);
    }
}

const HOSTILE: [&str; 58] = [
    "http://evil.test",
    "https://evil.test",
    "HTTPS://evil.test/path",
    "ftp://evil.test",
    "http:evil.test",
    "https:evil.test",
    "https:/evil.test",
    "https:///evil.test",
    "http:999999999",
    "http://localhost@evil.test",
    "http://localhost\\@evil.test",
    "http://localhost:password@evil.test",
    "http://localhost.evil.test",
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "//evil.test/%2f..",
    "/\\evil.test",
    "/\\/evil.test",
    "/\\\\/evil.test",
    "\\\\evil.test",
    "\\\\\\evil.test",
    "\\/evil.test",
    "\\evil.test",
    "http:/\\//evil.test",
    "http:\\/evil.test",
    "http:\\\\evil.test",
    "javascript:alert(1)",
    "\njavascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "mailto:a@evil.test",
    "\u{8}//evil.test",
    " //evil.test",
    "\t//evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r/evil.test",
    "/\0/evil.test",
    "/%09/evil.test",
    "/%0a/evil.test",
    "/%0d%0aSet-Cookie:a=b",
    "/a\r\nSet-Cookie: a=b",
    "/%5cevil.test",
    "/%5Cevil.test",
    "/%2fevil.test",
    "/%2F/evil.test",
    "%2f%2fevil.test",
    "/\u{a0}/evil.test",
    "\u{2028}//evil.test",
    "\u{feff}//evil.test",
    "/\u{85}/evil.test",
    "evil.test",
    "www.evil.test/login",
    "?next=//evil.test",
    "#//evil.test",
    ".",
    "",
];

#[hipflask::test]
async fn a_way_back_that_leads_elsewhere_is_not_taken() {
    for hostile in HOSTILE {
        assert!(!is_safe_redirect(hostile), "{hostile:?}");
        let client = app().test_client();
        let sent = client.post("/login").query([("next", hostile)]).send().await;
        assert_eq!(location(&sent), (303, Some("/")), "{hostile:?}");
        assert_eq!(sent.headers().get_all("set-cookie").iter().count(), 1, "{hostile:?}");
    }
    for good in [
        "/",
        "/secret/x",
        "/secret/x?a=http://x.test/",
        "/a//b",
        "/@x",
        "/a:b",
        "/%C3%BC",
        "/x#//part",
        "/a%20b",
        "/..",
        "/.//x",
    ] {
        let sent = app().test_client().post("/login").query([("next", good)]).send().await;
        assert_eq!(location(&sent), (303, Some(good)));
    }
}

/// A path that looks like another host is asked for, and comes back as the way back.
#[hipflask::test]
async fn a_page_with_the_address_of_another_host_does_not_lead_back() {
    let hook = async |_: Login<User>| "page";
    let app = app().add_url_rule(Rule::new("/<path:any>").endpoint("any"), hook);
    let client = app.test_client();
    for target in ["//evil.test/x", "/%5Cevil.test", "/%2Fevil.test"] {
        let sent = client.get(target).send().await;
        let Some(next) = sent.header("location").filter(|_| sent.status() == 303) else { continue };
        let back = client.post(next).send().await;
        let back = back.header("location").unwrap_or_default();
        assert!(
            back.starts_with('/') && !back.starts_with("//") && !back.starts_with("/\\") && is_safe_redirect(back),
            "{target}: {back}"
        );
    }
}
