//! What the page "From Flask" calls different, and what it calls missing.

use hipflask::helpers::send_data;
use hipflask::http::{Cookie, FormData, Request, Scheme};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::security::ProxyFix;
use hipflask::testing::{TestClient, TestResponse};
use hipflask::{DateTime, Rule};
use hipflask_websocket::prelude::*;

const KEY: &str = "only for this test, and long enough for production";

fn app() -> App {
    App::new("test", "tests")
}

/// In production, where nothing is shown and everything is required.
fn production() -> App {
    app().config("DEBUG", false).config("SECRET_KEY", KEY)
}

fn answers(app: App) -> TestResponse {
    app.test_client().get("/").send_blocking()
}

fn shown(source: &'static str) -> TestResponse {
    answers(app().add_url_rule(Rule::new("/"), move || Template::from_string(source)))
}

fn problems(app: App) -> String {
    app.freeze().expect_err("there is a mistake in it").to_string()
}

#[test]
fn a_proxy_is_believed_where_it_can_be_one_and_in_what_can_be() {
    let app = production().extend(ProxyFix::new()).add_url_rule(Rule::new("/"), async |ctx: &mut Context| {
        format!("{:?} {}", ctx.request().remote_addr(), ctx.request().scheme().as_str())
    });
    let app = app.freeze().expect("nothing is wrong with it");
    for (peer, said, scheme, seen) in [
        ("10.0.0.1:80", "192.0.2.7", "wss", "Some(192.0.2.7) https"),
        ("10.0.0.1:80", "6.6.6.6, \", 192.0.2.7", "https", "Some(192.0.2.7) https"),
        ("10.0.0.1:80", "<b>", "javascript", "Some(10.0.0.1) http"),
        ("203.0.113.1:80", "192.0.2.7", "https", "Some(203.0.113.1) http"),
    ] {
        let request = Request::get("/").with_peer(peer.parse().expect("an address"), Scheme::Http);
        let request = request.with_header("x-forwarded-for", said).with_header("x-forwarded-proto", scheme);
        let response = hipflask::block_on(app.respond(request));
        assert_eq!(response.data(), Some(seen.as_bytes()), "{peer} {said}");
    }
}

#[hipflask::test]
async fn a_page_of_another_site_opens_no_websocket() {
    let view = async |handshake: Handshake| handshake.accept(async |_| Ok(()));
    let app = production().extend(WebSockets).add_url_rule(Rule::new("/").websocket(true), view);
    let client = app.test_client();
    for (origin, status) in [("http://localhost", 101), ("https://evil.example", 403)] {
        assert_eq!(client.websocket("/").header("origin", origin).send().await.status(), status, "{origin}");
    }
}

/// What Flask does in each case was seen with Flask 3.1.3.
#[test]
fn errors_propagate_only_where_a_test_wants_it() {
    let broken = |app: App| {
        let app = app.add_url_rule(Rule::new("/"), async || -> Result<&str> { Err(Error::msg("broken")) });
        app.add_url_rule(Rule::new("/slash/"), async || "x").test_client()
    };
    let debug = broken(app().config("DEBUG", true));
    assert!(hipflask::block_on(debug.get("/").try_send()).is_ok_and(|response| response.status() == 500));
    assert!(hipflask::block_on(broken(app().config("TESTING", true)).get("/").try_send()).is_err());
    let trapping = broken(production().config("TRAP_HTTP_EXCEPTIONS", true));
    assert_eq!(trapping.get("/nowhere").send_blocking().status(), 500);
    assert_eq!(trapping.get("/slash").send_blocking().status(), 308);
    // What a server sends: no handler for 500 is asked, and the functions after the view run.
    let app = production().config("PROPAGATE_EXCEPTIONS", true).register_error_handler(500, async || "handled");
    let app = app.add_url_rule(Rule::new("/"), async || -> Result<&str> { Err(Error::msg("broken")) }).freeze();
    let response = hipflask::block_on(app.expect("in order").respond(Request::get("/")));
    assert_eq!(response.status(), 500);
    assert!(response.headers().contains_key("x-content-type-options"));
}

#[test]
fn a_missing_key_of_a_form_is_a_400_in_debug_mode_too() {
    let required = async |form: FormData| form.fields.require("name").map(str::to_owned);
    let app = |trap: Option<bool>| {
        let app = app().config("DEBUG", true).config("TRAP_BAD_REQUEST_ERRORS", trap);
        app.add_url_rule(Rule::new("/").methods([POST]), required).test_client()
    };
    let sent = |trap| app(trap).post("/").form([("other", "x")]).send_blocking();
    assert!(sent(None).status() == 400 && sent(None).text().contains("name"));
    assert_eq!(sent(Some(true)).status(), 500);
}

#[test]
fn who_is_told_what_happens_harms_nobody_and_a_message_waits_for_the_context() {
    use std::sync::{Arc, Mutex};

    use hipflask::signals::{MessageFlashed, TemplateRendered};

    let told = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let told = Arc::clone(&told);
        move || told.lock().expect("nobody panics").push(what)
    };
    let (flashed, rendered, viewed) = (note("flashed"), note("rendered"), note("view"));
    let app = app()
        .connect(move |_, _: &MessageFlashed| flashed())
        .connect(|_, _: &TemplateRendered| panic!("it fails"))
        .connect(move |_, _: &TemplateRendered| rendered())
        .add_url_rule(Rule::new("/"), move |session: Session| {
            session.flash("Hello!");
            viewed();
            Template::from_string("page")
        });
    assert_eq!(answers(app).text(), "page");
    assert_eq!(*told.lock().expect("nobody panics"), ["view", "flashed", "rendered"]);
}

#[test]
fn what_is_around_an_application_has_its_context_and_ends_before_teardown() {
    use std::sync::{Arc, Mutex};

    use hipflask::extension::{Answer, Handler};

    struct Around(Arc<dyn Handler>, Arc<Mutex<Vec<String>>>);

    impl Handler for Around {
        fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
            Answer::Later(Box::pin(async {
                let answer = self.0.call(ctx).await;
                self.1.lock().expect("nobody panics").push(format!("around {:?}", ctx.endpoint()));
                answer
            }))
        }
    }

    let told = Arc::new(Mutex::new(Vec::new()));
    let (around, end) = (Arc::clone(&told), Arc::clone(&told));
    let app = app()
        .add_url_rule(Rule::new("/").endpoint("index"), async || "x")
        .teardown_request(move || end.lock().expect("nobody panics").push("teardown".to_owned()))
        .wrap(move |inside| Around(inside, around));
    answers(app);
    assert_eq!(*told.lock().expect("nobody panics"), ["around Some(\"index\")", "teardown"]);
}

#[test]
fn a_blueprint_with_defaults_can_have_files() {
    let blueprint =
        Blueprint::new("part").url_prefix("/part").default("lang", "de").root_path("docs/tests/programs/parts/blog");
    let app = App::new("test", concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let client = app.register_blueprint(blueprint.static_folder("static")).test_client();
    assert_eq!(client.get("/part/static/blog.css").send_blocking().status(), 200);
}

#[test]
fn a_string_is_plain_text() {
    let response = answers(app().add_url_rule(Rule::new("/"), || String::from("<b>")));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn requests_of_other_sites_are_refused() {
    let client = app().add_url_rule(Rule::new("/").methods([POST]), || "changed").test_client();
    assert_eq!(client.post("/").send_blocking().status(), 200);
    for site in ["cross-site", "same-site"] {
        assert_eq!(client.post("/").header("sec-fetch-site", site).send_blocking().status(), 400);
    }
    let program = client.without_browser_headers();
    assert!(program.post("/").send_blocking().text().contains("The CSRF token is missing."));
}

#[test]
fn security_headers_are_there_without_being_asked_for() {
    let response = answers(app());
    for name in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
        assert!(response.header(name).is_some(), "{name} on a {}", response.status());
    }
}

#[test]
fn the_sessions_cookie_is_lax_and_in_production_secure() {
    fn remember(session: Session) {
        session.set("a", 1);
    }
    let cookie = |app: App| answers(app.after_request(remember)).header("set-cookie").map(str::to_owned);
    let (developing, serving) = (cookie(app()).expect("it is set"), cookie(production()).expect("it is set"));
    assert!(developing.ends_with("; HttpOnly; Path=/; SameSite=Lax") && !developing.contains("Secure"));
    assert!(serving.ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax"), "{serving}");
}

#[test]
fn bodies_and_the_fields_of_a_form_have_limits() {
    async fn count(form: FormData) -> String {
        form.fields.len().to_string()
    }
    let client = app().add_url_rule(Rule::new("/").methods([POST]), count).test_client();
    let fields = |count: usize| (0..count).map(|index| (format!("a{index}"), "x".repeat(200_000)));
    let upload = || client.post("/").file("file", "a.txt", "text/plain", "x");
    assert_eq!(upload().form(fields(2)).send_blocking().text(), "2");
    assert_eq!(upload().form(fields(3)).send_blocking().status(), 413);
    let large = client.post("/").file("file", "a.txt", "text/plain", "x".repeat(2 * 1024 * 1024));
    assert_eq!(large.send_blocking().status(), 413);
    let malformed = client.post("/").header("content-type", "multipart/form-data; boundary=b").body("--b\r\n");
    assert_eq!(malformed.send_blocking().status(), 400);
}

#[test]
fn a_weak_secret_key_is_refused_in_production() {
    assert!(problems(production().config("SECRET_KEY", "dev")).contains("the secret key has 3 bytes"));
    assert!(app().config("SECRET_KEY", "dev").freeze().is_ok());
}

#[test]
fn only_this_machines_names_are_answered_while_developing() {
    let status = |client: &TestClient, host: &str| client.get("/").header("host", host).send_blocking().status();
    let client = app().add_url_rule(Rule::new("/"), || "x").test_client();
    assert_eq!((status(&client, "127.0.0.1:5000").as_u16(), status(&client, "evil.example").as_u16()), (200, 400));
    let client = production().add_url_rule(Rule::new("/"), || "x").test_client();
    assert_eq!(status(&client, "www.example.org"), 200);
}

#[test]
fn a_host_that_is_not_trusted_meets_no_hook() {
    let app = app().before_request(|| Some("from the hook"));
    let response = app.test_client().get("/").header("host", "evil.example").send_blocking();
    assert_eq!(response.status(), 400);
}

#[test]
fn what_used_the_session_is_not_for_shared_caches() {
    let reads = |session: Session| session.keys().join(",");
    let response = answers(production().add_url_rule(Rule::new("/"), reads));
    assert_eq!(
        (response.header("vary"), response.header("cache-control")),
        (Some("Cookie"), Some("private, no-cache"))
    );
}

#[test]
fn json_has_a_bounded_number_of_values() {
    let app = production().add_url_rule(Rule::new("/").methods([POST]), async |_: Json<serde_json::Value>| "read");
    let client = app.test_client();
    let status = |count: usize| client.post("/").json(&vec![0; count]).send_blocking().status().as_u16();
    assert_eq!((status(90_000), status(110_000)), (200, 413));
}

#[test]
fn a_good_token_in_the_header_is_enough() {
    let app = production().add_url_rule(Rule::new("/token"), || Template::from_string("{{ csrf_token() }}"));
    let app = app.add_url_rule(Rule::new("/").methods([POST]), async || "changed");
    let client = app.test_client().without_browser_headers();
    let token = client.get("/token").send_blocking().text();
    let request = client.post("/").header("x-csrftoken", &token).form([("csrf_token", "wrong")]);
    assert_eq!(request.send_blocking().text(), "changed");
}

#[test]
fn a_compressed_body_is_refused() {
    async fn json(value: Json<u8>) -> String {
        value.0.to_string()
    }
    let client = app().add_url_rule(Rule::new("/").methods([POST]), json).test_client();
    let post = || client.post("/").header("content-type", "application/json").body("1");
    assert_eq!(post().send_blocking().text(), "1");
    assert_eq!(post().header("content-encoding", "gzip").send_blocking().status(), 415);
}

#[test]
fn a_cookie_keeps_what_its_prefix_promises() {
    let cookie = Cookie::new("__Host-a", "b");
    let mut response = Response::new("");
    assert!(response.set_cookie(&cookie.clone().domain("example.org")).is_err());
    assert!(response.set_cookie(&cookie).is_ok());
    assert_eq!(response.headers()["set-cookie"], "__Host-a=b; Secure; Path=/");
}

#[test]
fn ranges_follow_the_rfc() {
    let client = app().add_url_rule(Rule::new("/"), || send_data("0123456789")).test_client();
    for (range, status) in [("items=0-1", 200), ("bytes=-100", 206), ("bytes=10-", 416)] {
        assert_eq!(client.get("/").header("range", range).send_blocking().status(), status, "{range}");
    }
}

#[test]
fn addresses_and_headers_are_text_that_can_be_sent_on() {
    let request = Request::get("/%C3%BC").with_header("x-name", "\u{fc}");
    assert_eq!((request.path(), request.url().as_str()), ("/\u{fc}", "http://localhost/%C3%BC"));
    assert_eq!(request.header("x-name"), Some("\u{fc}"));
}

#[test]
fn an_integer_is_never_rounded() {
    async fn json(value: Json<serde_json::Value>) -> Json<serde_json::Value> {
        value
    }
    async fn large(value: Json<u128>) -> String {
        value.0.to_string()
    }
    let rule = |path| Rule::new(path).methods([POST]);
    let client = app().add_url_rule(rule("/"), json).add_url_rule(rule("/large"), large).test_client();
    let post = |path: &str| client.post(path).header("content-type", "application/json").body("18446744073709551616");
    assert_eq!(post("/").send_blocking().status(), 400);
    assert_eq!(post("/large").send_blocking().text(), "18446744073709551616");
}

#[test]
fn the_body_is_still_there_after_the_form() {
    async fn both(ctx: &mut Context) -> Result<String> {
        let fields = ctx.form().await?.fields.len();
        Ok(format!("{fields} {}", ctx.data().await?.len()))
    }
    let client = app().add_url_rule(Rule::new("/").methods([POST]), both).test_client();
    assert_eq!(client.post("/").form([("a", "1")]).send_blocking().text(), "1 3");
}

#[test]
fn a_float_is_finite_and_every_error_status_can_abort() {
    async fn show(args: ViewArgs) -> Result<String> {
        Ok(args.get::<f64>("x")?.to_string())
    }
    async fn paid() -> Result<&'static str> {
        abort!(402)
    }
    let views = app().add_url_rule(Rule::new("/<float:x>"), show);
    let client = views.add_url_rule(Rule::new("/paid"), paid).test_client();
    assert_eq!(client.get(&format!("/{}.0", "9".repeat(400))).send_blocking().status(), 404);
    assert_eq!(client.get("/paid").send_blocking().status(), 402);
}

#[test]
fn media_types_are_the_same_everywhere() {
    for (name, mimetype, encoding) in [
        ("a.gz", "application/gzip", None),
        ("a.tar.gz", "application/x-tar", Some("gzip")),
        ("a.ts", "video/mp2t", None),
        ("a.rss", "application/rss+xml", None),
    ] {
        assert_eq!(hipflask::http::guess_type(name), (mimetype, encoding), "{name}");
    }
}

#[test]
fn an_encoded_slash_separates_nothing() {
    async fn two(args: ViewArgs) -> String {
        format!("{:?}", args.iter().collect::<Vec<_>>())
    }
    let client = app()
        .add_url_rule(Rule::new("/pair/<a>/<b>"), two)
        .add_url_rule(Rule::new("/path/<path:a>"), two)
        .test_client();
    assert_eq!(client.get("/pair/x/y").send_blocking().text(), r#"[("a", "x"), ("b", "y")]"#);
    assert_eq!(client.get("/pair/x%2Fy").send_blocking().status(), 404);
    assert_eq!(client.get("/path/x%2Fy").send_blocking().text(), r#"[("a", "x/y")]"#);
}

#[test]
fn hidden_files_are_not_served() {
    let folder = std::env::temp_dir().join(format!("hipflask-hidden-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("static")).expect("there is room");
    for name in [".env", "seen.txt"] {
        std::fs::write(folder.join("static").join(name), "x").expect("there is room");
    }
    let client = App::new("test", &folder).test_client();
    let statuses = ["/static/seen.txt", "/static/.env"].map(|path| client.get(path).send_blocking().status().as_u16());
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    assert_eq!(statuses, [200, 404]);
}

#[test]
fn a_signed_text_is_written_in_one_way() {
    let signer = hipflask::signing::Serializer::new([KEY], "test");
    let token = signer.dumps(&"x").expect("it is text");
    assert!(signer.loads::<String>(&token, None).valid().is_some());
    // The last letter of the signature encodes four bits that count and two that do not.
    let last = token.chars().last().expect("it is not empty");
    let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
    let others: Vec<char> = letters.filter(|letter| *letter != last).collect();
    for other in others {
        let written = format!("{}{other}", &token[..token.len() - 1]);
        assert!(signer.loads::<String>(&written, None).valid().is_none(), "{written}");
    }
}

#[test]
fn mistakes_are_found_at_the_start_and_all_at_once() {
    let view = || "x";
    let app = production()
        .config("SECRET_KEY", None::<String>)
        .config("SECRT_KEY", KEY)
        .add_url_rule(Rule::new("/a").endpoint("a"), view)
        .add_url_rule(Rule::new("/a").endpoint("b"), view)
        .add_url_rule(Rule::new("/b"), |_: Session| "x");
    let problems = problems(app);
    for expected in ["did you mean `SECRET_KEY`", "the rule `/a` already answers GET", "no secret key is set"] {
        assert!(problems.contains(expected), "{expected} is not in\n{problems}");
    }
    assert!(problems.matches("differences.rs:").count() >= 2, "they have lines:\n{problems}");
}

#[test]
fn a_redirect_is_a_303() {
    let response = answers(app().add_url_rule(Rule::new("/"), || redirect("/other")));
    assert_eq!(response.status(), 303);
}

#[test]
fn json_is_compact_in_its_own_order_with_dates_of_rfc_3339() {
    #[derive(serde::Serialize)]
    struct Post {
        title: &'static str,
        created: Option<DateTime>,
    }
    let created = DateTime::from_unix_micros(1_577_934_245_000_000).ok();
    let view = move || Json(Post { title: "é", created });
    let text = answers(app().add_url_rule(Rule::new("/"), view)).text();
    assert_eq!(text, "{\"title\":\"\\u00e9\",\"created\":\"2020-01-02T03:04:05Z\"}\n");
}

#[test]
fn urls_of_floats_and_words_match_their_own_rules() {
    let app = app()
        .add_url_rule(Rule::new("/float/<float:x>").endpoint("float"), || "x")
        .add_url_rule(Rule::new("/any/<any(a, 'b c'):x>").endpoint("any"), || "x")
        .freeze()
        .expect("nothing is wrong with it");
    let urls = app.bind("localhost");
    let url = |endpoint: &str, value: &str| urls.build(endpoint, &[("x", value)]).expect("it can be built");
    assert_eq!(url("float", "1e20"), "/float/100000000000000000000.0");
    assert_eq!(url("any", "b c"), "/any/b%20c");
}

#[test]
fn a_float_is_never_infinite_and_becomes_zero_only_if_it_is() {
    async fn show(args: ViewArgs) -> Result<String> {
        Ok(args.get::<f64>("x")?.to_string())
    }
    let client = app().add_url_rule(Rule::new("/<float:x>"), show).test_client();
    let status = |digits: &str| client.get(&format!("/{digits}")).send_blocking().status();
    assert_eq!((status(&format!("{}.0", "9".repeat(308))), status("0.000")), (Status::OK, Status::OK));
    for digits in [format!("{}.0", "9".repeat(309)), format!("0.{}1", "0".repeat(400))] {
        assert_eq!(status(&digits), 404, "{digits}");
    }
}

fn with_subdomains() -> App {
    app().subdomain_matching().config("SERVER_NAME", "example.org").config("TRUSTED_HOSTS", [".example.org", ".net"])
}

#[test]
fn a_host_that_is_not_ours_is_nobodys_subdomain() {
    let client = with_subdomains().add_url_rule(Rule::new("/").subdomain("<user>"), || "a user's").test_client();
    let status = |host: &str| client.get("/").header("host", host).send_blocking().status();
    assert_eq!((status("ada.example.org"), status("example.net")), (Status::OK, Status::NOT_FOUND));
}

#[test]
fn a_value_does_not_choose_the_host() {
    let app = with_subdomains()
        .add_url_rule(Rule::new("/<path:page>").endpoint("wiki"), || "a page")
        .add_url_rule(Rule::new("/").endpoint("home").subdomain("<user>"), || "a user's")
        .add_rule(Rule::new("/to/<path:x>").redirect_to("<x>"));
    let client = app.test_client();
    let urls = client.app().bind("example.org");
    assert!(urls.build("home", &[("user", "a@evil.example/")]).is_err());
    assert_eq!(urls.build("wiki", &[("page", "/evil.example")]).expect("it can be built"), "/evil.example");
    let redirect = client.get("/to/https://evil.example").send_blocking();
    assert_eq!(redirect.header("location"), Some("http://example.org/https://evil.example"));
}

#[test]
fn rules_that_never_match_or_have_no_view_are_refused() {
    for (app, told) in [
        (app().add_url_rule(Rule::new("/").subdomain("api"), || "x"), "subdomain_matching"),
        (app().add_url_rule(Rule::new("/").host("a.example"), || "x"), "host_matching"),
        (app().host_matching().without_static_files().add_url_rule(Rule::new("/"), || "x"), "has no host"),
        (app().add_rule(Rule::new("/").endpoint("index")), "no view answers the rule `/`"),
        (app().config("SERVER_NAME", "https://example.org"), "must be a host"),
        (app().subdomain_matching(), "`SERVER_NAME`, which is not set"),
    ] {
        let found = problems(app);
        assert!(found.contains(told), "{told}: {found}");
    }
}

#[test]
fn an_int_has_ascii_digits_and_fits_its_argument() {
    #[get("/<int:id>")]
    async fn show(id: u8) -> String {
        id.to_string()
    }
    let client = app().routes(routes![show]).test_client();
    for (path, status) in [("/255", 200), ("/007", 200), ("/256", 404), ("/%D9%A1", 404)] {
        assert_eq!(client.get(path).send_blocking().status(), status, "{path}");
    }
}

#[test]
fn a_session_is_compressed_from_512_bytes_on() {
    let cookie = |length: usize| {
        let client = app().add_url_rule(Rule::new("/"), move |session: Session| session.set("a", "b".repeat(length)));
        let client = client.test_client();
        client.get("/").send_blocking();
        client.cookie("session").expect("it is set")
    };
    assert!(!cookie(400).starts_with('.') && cookie(600).starts_with('.'));
}

#[test]
fn an_error_is_json_for_a_client_that_prefers_it() {
    let client = production().test_client();
    let page = |accept: &str| client.get("/").header("accept", accept).send_blocking();
    assert_eq!(page("application/json").header("content-type"), Some("application/json"));
    assert_eq!(page("text/html,*/*;q=0.8").header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page("*/*").text().contains("<title>404 Not Found</title>"));
}

#[test]
fn every_teardown_runs() {
    fn fails() {
        panic!("this one fails")
    }
    let ran = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let note = std::sync::Arc::clone(&ran);
    // The last registered is the first to run.
    let app =
        app().teardown_request(move || note.store(true, std::sync::atomic::Ordering::Relaxed)).teardown_request(fails);
    answers(app.add_url_rule(Rule::new("/"), || "x"));
    assert!(ran.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn the_applications_own_rules_come_before_a_mount() {
    let old = app().add_url_rule(Rule::new("/<path:page>"), || "old");
    let new = app().add_url_rule(Rule::new("/moved/"), || "new").mount("/", old);
    let client = new.test_client();
    assert_eq!(client.get("/moved/").send_blocking().text(), "new");
    assert_eq!(client.get("/moved").follow_redirects().send_blocking().text(), "new");
    assert_eq!(client.get("/still-there").send_blocking().text(), "old");
}

#[test]
fn what_a_template_cannot_use_is_known() {
    for source in [
        "{{ [1, 2]|random }}",
        "{{ 'x'|urlize }}",
        "{{ 'x'|wordwrap }}",
        "{{ 1 is callable }}",
        "{{ cycler(1, 2) }}",
        "{{ joiner(',') }}",
        "{{ lipsum() }}",
        "{{ '%s' % 1 }}",
        "{{ '{}'.format(1) }}",
        "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(1) }}",
        "{{ [1].append(2) }}",
        "{% do 1 %}",
        "{% trans %}x{% endtrans %}",
        "{% for x in [1] %}{% break %}{% endfor %}",
    ] {
        assert_eq!(shown(source).status(), 500, "{source} works; take it out of the page");
    }
    assert_eq!(shown("{{ '%s and %05.1f'|format('x', 3) }}").text(), "x and 003.0");
}

#[test]
fn a_session_that_does_not_fit_into_its_cookie_is_not_sent() {
    let text: String = (0..1000).map(|_| hipflask::signing::token_urlsafe::<3>()).collect();
    let answer = |most: usize| {
        let text = text.clone();
        let fill = move |session: Session| {
            session.set("x", &text);
            "filled"
        };
        let response = answers(production().config("MAX_COOKIE_SIZE", most).add_url_rule(Rule::new("/"), fill));
        assert_eq!(response.text(), "filled");
        response.header("set-cookie").map(str::to_owned)
    };
    let whole = answer(0).expect("there is no limit");
    // The name and the value, without what is between them and without the attributes.
    let size = whole.split(';').next().unwrap_or_default().len() - "=".len();
    assert!(answer(size).is_some() && answer(size - 1).is_none());
}

#[test]
fn a_refresh_leaves_the_cookie_of_a_mounted_application_alone() {
    let login = |session: Session| {
        session.set("user", "ada");
        "hello"
    };
    let begin = |session: Session| {
        session.set_permanent(true);
        "begun"
    };
    let inner = production().config("WTF_CSRF_ENABLED", false).add_url_rule(Rule::new("/"), login);
    let client = production().add_url_rule(Rule::new("/"), begin).mount("/in", inner).test_client();
    client.get("/").send_blocking();
    let response = client.get("/in/").send_blocking();
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
    assert_eq!(client.session(|session| session.get::<String>("user")).as_deref(), Some("ada"));
}
