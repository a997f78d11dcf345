//! Options of a route, and three extensions that are made of them with nothing but what is public.

mod body_limit;
mod rate_limit;
mod roles;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hipflask::http::FormData;
use hipflask::prelude::*;
use hipflask::security::CsrfExempt;
use hipflask::testing::TestClient;
use hipflask::{Extension, Rule};

use body_limit::{BodyLimit, body_limits};
use rate_limit::{RateLimit, RateLimits};
use roles::{Role, roles};

/// An option that several parts have.
#[derive(Debug, PartialEq)]
struct At(&'static str);

async fn seen(ctx: &mut hipflask::Context) -> String {
    let all: Vec<&str> = ctx.options::<At>().map(|at| at.0).collect();
    format!("{:?} of {}", ctx.option::<At>().map(|at| at.0), all.join(","))
}

#[get("/two", with = At("first"), with = At("second"))]
#[get("/other")]
async fn two(ctx: &mut hipflask::Context) -> String {
    seen(ctx).await
}

fn parts() -> App {
    let rule = |text: &str| Rule::new(text).endpoint(text.trim_matches('/'));
    let inner = Blueprint::new("inner").url_prefix("/inner").with(At("inner"));
    let inner = inner.add_url_rule(rule("/own").with(At("rule")), seen).add_url_rule(rule("/none"), seen);
    let outer = Blueprint::new("outer").url_prefix("/outer").with(At("outer")).add_url_rule(rule("/none"), seen);
    App::new("test", ".")
        .reads_option::<At>()
        .with(At("app"))
        .routes(routes![two])
        .add_url_rule(rule("/none"), seen)
        .register_blueprint(outer.register_blueprint(inner))
}

#[hipflask::test]
async fn options_are_merged_from_the_outside_in() {
    let client = parts().test_client();
    for (target, found) in [
        ("/none", r#"Some("app") of app"#),
        ("/outer/none", r#"Some("outer") of app,outer"#),
        ("/outer/inner/none", r#"Some("inner") of app,outer,inner"#),
        ("/outer/inner/own", r#"Some("rule") of app,outer,inner,rule"#),
        ("/two", r#"Some("second") of app,first,second"#),
        ("/other", r#"Some("app") of app"#),
    ] {
        assert_eq!(client.get(target).send().await.text(), found, "{target}");
    }
}

#[hipflask::test]
async fn they_are_there_before_the_hooks_and_without_a_rule() {
    async fn note(ctx: &mut hipflask::Context) -> String {
        format!("before the view: {:?}", ctx.option::<At>())
    }
    let app = App::new("test", ".").reads_option::<At>().with(At("app")).before_request(note);
    let client = app.add_url_rule(Rule::new("/").with(At("rule")), async || "the view").test_client();
    assert_eq!(client.get("/").send().await.text(), r#"before the view: Some(At("rule"))"#);
    assert_eq!(client.get("/nowhere").send().await.text(), r#"before the view: Some(At("app"))"#);
}

#[hipflask::test]
async fn a_mounted_application_has_its_own() {
    let inner = App::new("inner", ".").reads_option::<At>().add_url_rule(Rule::new("/"), seen);
    let client = App::new("test", ".").reads_option::<At>().with(At("app")).mount("/inner", inner).test_client();
    assert_eq!(client.get("/inner/").send().await.text(), "None of ");
}

#[hipflask::test]
async fn every_rule_can_be_read_with_its_options() {
    let app = parts().freeze().expect("nothing is wrong with it");
    let found: Vec<String> = app
        .rules()
        .filter(|rule| rule.endpoint() != "static")
        .map(|rule| format!("{} {:?}", rule.endpoint(), rule.options::<At>().map(|at| at.0).collect::<Vec<_>>()))
        .collect();
    assert_eq!(
        found,
        [
            r#"two ["app", "first", "second"]"#,
            r#"two ["app"]"#,
            r#"none ["app"]"#,
            r#"outer.none ["app", "outer"]"#,
            r#"outer.inner.own ["app", "outer", "inner", "rule"]"#,
            r#"outer.inner.none ["app", "outer", "inner"]"#,
        ]
    );
    let rule = app.rules().find(|rule| rule.endpoint() == "outer.inner.own").expect("it is there");
    assert_eq!(
        (rule.blueprint(), rule.option(), rule.is_build_only()),
        (Some("outer.inner"), Some(&At("rule")), false)
    );
    assert!(rule.location().file().ends_with("options/mod.rs"));
}

/// A view that asks for a role must not be open to everybody because its extension was forgotten.
#[hipflask::test]
async fn an_option_that_nothing_reads_keeps_the_application_from_starting() {
    #[get("/admin", with = Role("admin"))]
    async fn admin() -> &'static str {
        "secret"
    }
    let line = line!() + 1;
    let blueprint = Blueprint::new("site").with(RateLimit(1, Duration::ZERO)).routes(routes![admin]);
    let app = App::new("test", ".").with(BodyLimit(1)).register_blueprint(blueprint);
    let errors = app.freeze().expect_err("nothing reads them").to_string();
    for wanted in [
        "the view `site.admin`: the option `it::options::roles::Role` has no effect",
        "the blueprint `site`: the option `it::options::rate_limit::RateLimit` has no effect",
        "the application: the option `it::options::body_limit::BodyLimit` has no effect",
        "say `.reads_option::<it::options::roles::Role>()`",
        &format!("options/mod.rs:{line}: the blueprint `site`"),
    ] {
        assert!(errors.contains(wanted), "{wanted}: {errors}");
    }
}

#[get("/admin", with = Role("admin"))]
async fn admin() -> &'static str {
    "for admins"
}

#[get("/list")]
async fn list() -> &'static str {
    "for the staff"
}

fn with_roles() -> App {
    let staff = Blueprint::new("staff").url_prefix("/staff").with(Role("staff")).routes(routes![admin, list]);
    App::new("test", ".").extend(roles).register_blueprint(staff).add_url_rule(Rule::new("/"), async || "for all")
}

fn who(client: &TestClient, roles: &[&str]) {
    client.session_transaction(|session| session.set("roles", roles));
}

#[hipflask::test]
async fn roles_are_asked_for_before_the_view() {
    let client = with_roles().test_client();
    assert_eq!(client.get("/").send().await.status(), 200);
    assert_eq!(client.get("/staff/list").send().await.status(), 401);
    who(&client, &["staff"]);
    assert_eq!(client.get("/staff/list").send().await.text(), "for the staff");
    let refused = client.get("/staff/admin").send().await;
    assert_eq!((refused.status().as_u16(), refused.text().contains("You need the role `admin`.")), (403, true));
    who(&client, &["admin"]);
    assert_eq!(client.get("/staff/admin").send().await.status(), 403, "the blueprint's role is wanted too");
    who(&client, &["admin", "staff"]);
    assert_eq!(client.get("/staff/admin").send().await.text(), "for admins");
}

#[hipflask::test]
async fn roles_are_checked_at_the_start_and_can_be_listed() {
    let line = line!() + 1;
    let app = with_roles().add_url_rule(Rule::new("/x").with(Role("amdin")), async || "");
    let errors = app.freeze().expect_err("there is no such role").to_string();
    assert!(errors.contains(&format!("options/mod.rs:{line}: there is no role `amdin`")), "{errors}");
    let app = with_roles().freeze().expect("nothing is wrong with it");
    let demands: Vec<(&str, Vec<&str>)> =
        app.rules().map(|rule| (rule.endpoint(), rule.options::<Role>().map(|role| role.0).collect())).collect();
    assert!(demands.contains(&("staff.admin", vec!["staff", "admin"])), "{demands:?}");
}

#[post("/", with = BodyLimit(10))]
async fn small(body: hipflask::http::Bytes) -> String {
    body.len().to_string()
}

#[post("/large", with = BodyLimit(4 * 1024 * 1024))]
async fn large(form: FormData) -> String {
    form.files.iter().map(|file| file.filename().len()).sum::<usize>().to_string()
}

#[hipflask::test]
async fn a_body_has_the_limit_of_its_view() {
    let app = App::new("test", ".").extend(body_limits).routes(routes![small, large]);
    let app = app.add_url_rule(Rule::new("/token"), async || Template::from_string("{{ csrf_token() }}"));
    let client = app.test_client().without_browser_headers();
    let token = client.get("/token").send().await.text();
    let send = |size: usize| client.post("/").header("x-csrf-token", &token).body("x".repeat(size));
    assert_eq!(send(10).send().await.text(), "10");
    assert_eq!(send(11).send().await.status(), 413);
    // The check against cross-site requests finds its token inside a body that only this view takes.
    let file = "x".repeat(3 * 1024 * 1024);
    let sent = client.post("/large").file("file", "f.txt", "text/plain", file).form([("csrf_token", &token)]);
    assert_eq!(sent.send().await.text(), "5");
}

#[get("/", with = RateLimit(2, Duration::from_secs(60)))]
async fn limited() -> &'static str {
    "answered"
}

#[hipflask::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let now = Arc::new(Mutex::new(Instant::now()));
    let clock = Arc::clone(&now);
    let limits = RateLimits(Arc::new(move || *clock.lock().expect("nothing panics with it")));
    let app = limits.init_app(App::new("test", ".")).routes(routes![limited]);
    let client = app.add_url_rule(Rule::new("/free"), async || "answered").test_client();
    let pass = |seconds: f64| *now.lock().expect("nothing panics with it") += Duration::from_secs_f64(seconds);
    for _ in 0..2 {
        assert_eq!(client.get("/").send().await.status(), 200);
        pass(10.25);
    }
    let refused = client.get("/").send().await;
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("40")));
    assert_eq!(client.get("/free").send().await.status(), 200);
    pass(39.0);
    assert_eq!(client.get("/").send().await.header("retry-after"), Some("1"));
    pass(1.0);
    assert_eq!(client.get("/").send().await.status(), 200, "a new window");
}

#[hipflask::test]
async fn the_check_against_cross_site_requests_is_told_by_an_option() {
    let app = App::new("test", ".").add_url_rule(Rule::new("/in").methods([POST]), async || "in");
    let app = app.add_url_rule(Rule::new("/out").methods([POST]).with(CsrfExempt), async || "out").freeze();
    let app = app.expect("the core reads its own option");
    let exempt: Vec<&str> =
        app.rules().filter(|rule| rule.option::<CsrfExempt>().is_some()).map(|rule| rule.endpoint()).collect();
    assert_eq!(exempt, ["/out"]);
}
