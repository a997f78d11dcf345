//! What is wrong with an application is told before it serves: all of it, each with its line.

use hipflask::errors::SetupErrors;
use hipflask::extension::EmbeddedFile;
use hipflask::prelude::*;
use hipflask::{Extension, FromContext, Frozen, Rule};

const KEY: &str = "a key that is long enough, and only for tests";

fn production() -> App {
    App::new("test", ".").config("DEBUG", false).config("SECRET_KEY", KEY)
}

fn problems(app: App) -> SetupErrors {
    app.freeze().expect_err("something is wrong with it")
}

fn text(app: App) -> String {
    app.freeze().map_or_else(|errors| errors.to_string(), |_| "none".to_owned())
}

async fn view() -> &'static str {
    "view"
}

/// What `line` numbers belong to in this file.
macro_rules! here {
    ($($code:tt)*) => {
        (line!(), $($code)*)
    };
}

#[test]
fn everything_is_told_at_once_with_its_line() {
    static TEMPLATES: [EmbeddedFile; 2] = [
        EmbeddedFile { name: "bad.html", content: b"\n{% if %}" },
        EmbeddedFile { name: "link.html", content: b"{{ url_for('nowhere') }}" },
    ];
    struct Missing;
    impl FromContext for Missing {
        async fn from_context(_: &mut Context) -> Result<Missing> {
            Ok(Missing)
        }
        fn check(_: &hipflask::extension::Freezing<'_>) -> Result<(), String> {
            Err("the extension `Missing` is missing; add it with `.extend(Missing)`".into())
        }
    }
    let mut expected = Vec::new();
    let mut expect = |(line, rule): (u32, Rule), told: &'static str| {
        expected.push((Some(line), told));
        rule
    };
    let app = production()
        .embed("templates", &TEMPLATES)
        .add_url_rule(Rule::new("/same").endpoint("same"), view)
        .add_url_rule(
            expect(here!(Rule::new("/other").endpoint("same")), "the endpoint `same` belongs to another view"),
            async || "x",
        )
        .add_url_rule(expect(here!(Rule::new("/same").endpoint("twice")), "/same"), view)
        .add_url_rule(expect(here!(Rule::new("no-slash")), "slash"), view)
        .add_url_rule(expect(here!(Rule::new("/<nope:x>")), "nope"), view)
        .add_url_rule(expect(here!(Rule::new("/<int:x>/<x>")), "x"), view)
        .add_url_rule(expect(here!(Rule::new("/<int(")), "/<int("), view)
        .add_url_rule(
            expect(here!(Rule::new("/missing")), "the extension `Missing` is missing"),
            async |_: Missing| "x",
        );
    let line = line!() + 1;
    let app = app.before_request(async |_: Missing| ()).config("lower", 1).mount("nowhere", view);
    let app =
        app.config("MAX_FORM_PARTS", "many").config("SESSION_COOKIE_SAMESITE", "Sometimes").config("SECRT_KEY", 1);
    expected.extend([
        (Some(line), "the extension `Missing` is missing"),
        (Some(line), "`lower` is not a configuration key"),
        (Some(line), "the prefix `nowhere` of a mount must start with a slash"),
        (None, "`MAX_FORM_PARTS`"),
        (None, "`SESSION_COOKIE_SAMESITE`"),
        (Some(line + 2), "unknown configuration key `SECRT_KEY`; did you mean `SECRET_KEY`?"),
        (None, "bad.html:2"),
        (None, "link.html:1: `url_for('nowhere')`"),
    ]);
    let errors = problems(app);
    for (line, told) in &expected {
        let found = errors.iter().any(|error| {
            let place = error.location().map(std::panic::Location::line);
            let file = error.location().is_none_or(|location| location.file().ends_with("setup.rs"));
            error.message().contains(told) && place == *line && file
        });
        assert!(found, "{told:?} of line {line:?}: {errors}");
    }
    assert_eq!(errors.iter().count(), expected.len(), "{errors}");
    let all = errors.to_string();
    assert!(all.starts_with("the application cannot start: "), "{all}");
    assert!(!all.lines().any(|line| line.trim().is_empty()), "{all}");
}

/// What an extension finds has the line of the program that added it, whichever way it goes about it.
#[test]
fn what_an_extension_finds_has_the_line_that_added_it() {
    fn nested(app: App) -> App {
        app.extend(inner).extend_last(last)
    }
    fn inner(app: App) -> App {
        app.on_freeze(|freezing| freezing.problem("inner"))
    }
    fn last(app: App) -> App {
        app.on_freeze(|freezing| {
            freezing.problem("last");
            freezing.problem_of("the file x:1", "of");
        })
    }
    let at = std::panic::Location::caller;
    let here = at();
    let (first, app) = (line!(), production().extend(nested));
    let (second, app) = (line!(), app.on_freeze(|freezing| freezing.problem("own")));
    let (third, app) = (line!(), app.extend_last(last));
    let app = app.on_freeze(move |freezing| freezing.problem_at(here, "at"));
    let errors = problems(app);
    let found: Vec<_> =
        errors.iter().map(|error| (error.location().map(std::panic::Location::line), error.message())).collect();
    let expected = [
        (Some(first), "inner"),
        (Some(second), "own"),
        (Some(here.line()), "at"),
        (Some(first), "last"),
        (None, "of"),
        (Some(third), "last"),
    ];
    assert_eq!(found, expected, "{errors}");
    assert!(errors.iter().all(|error| error.location().is_none_or(|at| at.file().ends_with("setup.rs"))), "{errors}");
}

#[test]
fn what_is_wrong_inside_a_mounted_application_is_reported_too() {
    let inner = production().add_url_rule(Rule::new("inner"), view);
    let app = production().mount("/inner", inner).add_url_rule(Rule::new("outer"), view);
    let errors = problems(app);
    assert_eq!(errors.iter().count(), 2, "{errors}");
    assert!(text(production().mount("/x", production())) == "none");
}

#[test]
fn two_rules_for_the_same_path() {
    let with = |one: Rule, two: Rule| {
        text(production().add_url_rule(one.endpoint("one"), view).add_url_rule(two.endpoint("two"), view))
    };
    let get = || Rule::new("/x");
    let post = |path: &str| Rule::new(path).methods([hipflask::http::Method::POST]);
    for (one, two, fine) in [
        (get(), get(), false),
        (get(), post("/x"), true),
        // As in Flask, a view may answer HEAD itself; the first rule does.
        (get(), Rule::new("/x").methods([hipflask::http::Method::HEAD]), true),
        (post("/x"), post("/x"), false),
        (Rule::new("/<a>"), Rule::new("/<b>"), false),
        (Rule::new("/<a>"), Rule::new("/<int:b>"), true),
        (Rule::new("/<int:a>"), Rule::new("/<int(min=1):b>"), true),
        (Rule::new("/x"), Rule::new("/x/"), true),
        (get(), Rule::new("/x").build_only(true), true),
    ] {
        let told = format!("{one:?} {two:?}");
        assert_eq!(with(one, two) == "none", fine, "{told}");
    }
}

#[test]
fn a_session_in_production_needs_a_key() {
    static TEMPLATES: [EmbeddedFile; 1] = [EmbeddedFile { name: "a.html", content: b"\n{{ get_flashed_messages() }}" }];
    #[derive(Form)]
    struct Empty {}
    let app = || App::new("test", ".").config("DEBUG", false);
    async fn with_session(_session: Session) {}
    async fn with_form(_form: Form<Empty>) -> &'static str {
        "x"
    }
    for (app, what) in [
        (app().before_request(with_session), "before_request"),
        (app().after_request(with_session), "after_request"),
        (app().url_value_preprocessor(with_session), "url_value_preprocessor"),
        (app().register_error_handler(404, with_session), "error handler"),
        (app().add_url_rule(Rule::new("/form").endpoint("form"), with_form), "the view `form`"),
        (app().register_blueprint(Blueprint::new("b").before_request(with_session)), "of the blueprint `b`"),
        (app().embed("templates", &TEMPLATES), "a.html:2"),
        (app().on_startup(with_session), "on_startup"),
        (app().on_shutdown(with_session), "on_shutdown"),
        (app().teardown_request(with_session), "the teardown_request function"),
        (app().context_processor(async |_: Session| hipflask::context! {}), "the context processor"),
        (app().register_blueprint(Blueprint::new("b").teardown_request(with_session)), "function of the blueprint `b`"),
        (
            app().register_blueprint(Blueprint::new("b").context_processor(async |_: Session| hipflask::context! {})),
            "the context processor of the blueprint `b`",
        ),
        (app().mount("/m", with_session), "mounted at `/m`"),
        (app().command("count", "Counts.", with_session), "count"),
    ] {
        let found = text(app);
        assert!(found.contains(what) && found.contains("FLASK_SECRET_KEY"), "{what}: {found}");
    }
    assert_eq!(text(app().add_url_rule(Rule::new("/"), view)), "none", "nothing is signed, nothing is needed");
    assert_eq!(text(app().config("DEBUG", true).before_request(with_session)), "none", "a developer's key is made up");
    assert_eq!(text(app().config("WTF_CSRF_ENABLED", false).add_url_rule(Rule::new("/"), with_form)), "none");
}

/// Each of them would be a 500 for some request, or safety that is silently switched off.
#[test]
fn a_value_of_the_wrong_kind_keeps_the_application_from_starting() {
    use serde_json::json;
    for (key, value) in [
        ("MAX_CONTENT_LENGTH", json!("2 MB")),
        ("MAX_CONTENT_LENGTH", json!(-1)),
        ("MAX_CONTENT_LENGTH", json!(1.5)),
        ("MAX_FORM_MEMORY_SIZE", json!([])),
        ("MAX_FORM_PARTS", json!(-1)),
        ("MAX_COOKIE_SIZE", json!("x")),
        ("PERMANENT_SESSION_LIFETIME", json!("a month")),
        ("PERMANENT_SESSION_LIFETIME", json!(-1)),
        ("WTF_CSRF_TIME_LIMIT", json!(-3600)),
        ("WTF_CSRF_TIME_LIMIT", json!("1h")),
        ("WTF_CSRF_HEADERS", json!("X-CSRFToken")),
        ("WTF_CSRF_FIELD_NAME", json!(1)),
        ("WTF_CSRF_TRUSTED_ORIGINS", json!("https://a.example")),
        ("SEND_FILE_MAX_AGE_DEFAULT", json!(-1)),
        ("SEND_FILE_MAX_AGE_DEFAULT", json!("a day")),
        ("SESSION_COOKIE_NAME", json!(7)),
        ("SESSION_COOKIE_NAME", json!(null)),
        ("SESSION_COOKIE_HTTPONLY", json!("no")),
        ("SESSION_COOKIE_SAMESITE", json!("Sometimes")),
        ("SECRET_KEY_FALLBACKS", json!("one")),
        ("TRUSTED_HOSTS", json!("example.org")),
        ("CONTENT_SECURITY_POLICY", json!("default-src 'self'\r\nset-cookie: x=y")),
        ("CONTENT_SECURITY_POLICY", json!(["default-src 'self'"])),
        ("CONTENT_SECURITY_POLICY", json!({"img-src": "*; script-src *"})),
        ("HTTPS_PORT", json!(70_000)),
        ("SERVER_NAME", json!(80)),
        ("APPLICATION_ROOT", json!(1)),
    ] {
        let found = text(production().config(key, &value));
        assert!(found.contains(key), "{key}={value}: {found}");
        assert!(found.contains("1 problem\n"), "{key}={value} is told once: {found}");
    }
}

/// An extension with everything that one may have.
struct Visits(&'static str);

struct Counted(std::sync::atomic::AtomicUsize);

impl Extension for Visits {
    fn init_app(self, app: App) -> App {
        async fn count(ctx: &mut Context) -> Result<()> {
            let name: String = ctx.config().get("VISITS_HEADER")?;
            let counted = ctx.state::<Counted>().expect("it was put there");
            let count = counted.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            let headers = ctx.response_mut().headers_mut();
            headers.insert(http::HeaderName::try_from(name)?, http::HeaderValue::from(count));
            Ok(())
        }
        app.config_default("VISITS_HEADER", self.0)
            .insert_state(Counted(0.into()))
            .after_request(count)
            .template_global("visits", || "many")
            .on_freeze(|freezing| {
                if freezing.config().find::<bool>("VISITS_OFF").ok().flatten().is_some() {
                    freezing.problem("`VISITS_OFF` no longer exists; leave the extension out");
                }
            })
    }
}

#[hipflask::test]
async fn an_extension_may_be_added_twice_and_to_two_applications() {
    let page = async || Template::from_string("{{ visits() }}");
    let with = |app: App| app.add_url_rule(Rule::new("/"), page);
    let (one, two) = (with(production().extend(Visits("x-one"))), with(production().extend(Visits("x-two"))));
    let (one, two) = (one.test_client(), two.test_client());
    for count in ["1", "2"] {
        assert_eq!(one.get("/").send().await.header("x-one"), Some(count));
    }
    let response = two.get("/").send().await;
    assert_eq!((response.header("x-two"), response.header("x-one")), (Some("1"), None), "nothing is shared");
    assert_eq!(response.text(), "many");
    let twice = with(production().extend(Visits("x-one")).extend(Visits("x-two"))).test_client();
    let response = twice.get("/").send().await;
    assert_eq!((response.header("x-one"), response.header("x-two")), (Some("2"), None), "the first default is kept");
    let configured = with(production().config("VISITS_HEADER", "x-own").extend(Visits("x-one"))).test_client();
    assert_eq!(configured.get("/").send().await.header("x-own"), Some("1"));
    assert!(text(production().extend(Visits("x-one")).config("VISITS_OFF", true)).contains("leave the extension out"));
}

#[hipflask::test]
async fn state_is_an_argument_and_the_last_of_a_type_counts() {
    struct Words(&'static str);
    async fn view(words: hipflask::extension::State<Words>) -> &'static str {
        words.0
    }
    fn sync(words: hipflask::extension::State<Words>) -> &'static str {
        words.clone().0
    }
    let with = |app: App| app.add_url_rule(Rule::new("/"), view).add_url_rule(Rule::new("/sync"), sync);
    let line = line!() - 1;
    let errors = text(with(production()));
    for told in ["it takes `State<it::setup::", "::Words>`", "add `.insert_state(..)`", &format!("setup.rs:{line}")] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
    let replaced =
        with(production().insert_state(Words("the program's")).insert_state(Words("a test's"))).test_client();
    let late = with(production().on_freeze(|freezing| freezing.insert_state(Words("an extension's")))).test_client();
    for target in ["/", "/sync"] {
        assert_eq!(replaced.get(target).send().await.text(), "a test's");
        assert_eq!(late.get(target).send().await.text(), "an extension's");
    }
}

#[hipflask::test]
async fn an_extension_may_come_last() {
    let late = |app: App| {
        let name: Option<String> = app.configured("LATE");
        app.add_url_rule(Rule::new("/late"), move || name.clone().unwrap_or_default())
    };
    let app = production().extend_last(late).config("LATE", "said after it");
    assert_eq!(app.test_client().get("/late").send().await.text(), "said after it");
}

#[hipflask::test]
async fn what_runs_before_the_first_request_runs_once() {
    static STARTS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    async fn start(ctx: &mut Context) -> Result<()> {
        let before = STARTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(ctx.app().name(), "test");
        if before == 0 { Err(Error::msg("the database is not ready yet")) } else { Ok(()) }
    }
    let app: Frozen = production().on_startup(start).freeze().expect("nothing is wrong with it");
    assert!(app.start().await.is_err());
    assert!(app.start().await.is_ok(), "the next call tries again");
    assert!(app.start().await.is_ok());
    assert_eq!(STARTS.load(std::sync::atomic::Ordering::Relaxed), 2);
}
