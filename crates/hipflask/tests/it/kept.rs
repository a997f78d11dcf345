//! A value that cannot be kept is never lost in silence: it is an error where there is a `Result`, fails the request
//! where there is none, and the log names it, its type and the line that gave it.

use std::sync::{Arc, Mutex};

use hipflask::cli::Command;
use hipflask::prelude::*;
use hipflask::{Context, Rule};

use crate::log::Log;

/// What cannot be written down.
struct Drawing;

impl serde::Serialize for Drawing {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is not made of words"))
    }
}

/// Where the values were given.
const SESSION: u32 = line!() + 3;

async fn session(session: Session) -> &'static str {
    session.set("drawn", Drawing);
    "never seen"
}

const G: u32 = line!() + 3;

async fn g(ctx: &mut Context) -> &'static str {
    ctx.g_mut().set("drawn", Drawing);
    "never seen"
}

async fn template() -> Template {
    Template::from_string("{{ drawn }}").with("drawn", &Drawing)
}

const HEADER: u32 = line!() + 3;

async fn header() -> Result<&'static str> {
    Err(HttpError::new(503).header("x-drawn", "1\r\nset-cookie: 2"))?
}

fn app() -> App {
    App::new("test", ".")
        .config("DEBUG", false)
        .config("SECRET_KEY", "only for this test, and long enough for it")
        .add_url_rule(Rule::new("/session"), session)
        .add_url_rule(Rule::new("/g"), g)
        .add_url_rule(Rule::new("/template"), template)
        .add_url_rule(Rule::new("/header"), header)
}

#[test]
fn what_cannot_be_kept_fails_the_request() {
    let client = app().test_client();
    for (target, told, line) in [
        ("/session", "the session cannot keep `drawn`, a `", Some(SESSION)),
        ("/g", "`g` cannot keep `drawn`, a `", Some(G)),
        ("/template", "the template cannot have `drawn`, a `", None),
        ("/header", "the header `x-drawn` of a 503 cannot have the value \"1\\r\\nset-cookie: 2\"", Some(HEADER)),
    ] {
        let mut answer = None;
        let log = Log::of(|| answer = Some(client.get(target).send_blocking()));
        let answer = answer.expect("it was sent");
        assert_eq!(answer.status(), 500, "{target}");
        assert!(!answer.text().contains("never seen") && answer.header("set-cookie").is_none(), "{target}");
        assert!(log.contains(told) && log.contains("ERROR"), "{target}: {log}");
        let named = log.contains("kept::Drawing`: it is not made of words");
        assert!(target == "/header" || named, "{target}: {log}");
        if let Some(line) = line {
            assert!(log.contains(&format!("it/kept.rs:{line}")), "{target}: {log}");
        }
    }
}

/// A page that is made of an HTTP error directly has its status; what it lacks is in the log.
#[test]
fn a_header_that_an_error_page_cannot_have_is_told() {
    async fn page(ctx: &mut Context) -> Response {
        ctx.error_page(&HttpError::new(503).header("x-drawn", "\n"))
    }
    let client = app().add_url_rule(Rule::new("/page"), page).test_client();
    let log = Log::of(|| assert_eq!(client.get("/page").send_blocking().status(), 503));
    assert!(log.contains("the header `x-drawn` of a 503 cannot have the value"), "{log}");
}

/// The same outside requests: a command that leaves something in `g` for a template, a start that does.
#[hipflask::test]
async fn a_command_and_the_start_fail_too() {
    let command = app().command(Command::new("draw").runs(g)).freeze().expect("nothing is wrong with it");
    let error = command.run_command("draw", [""; 0]).await.expect_err("it cannot be kept");
    assert!(error.to_string().contains("`g` cannot keep `drawn`"), "{error}");
    let started = app().on_startup(g).freeze().expect("nothing is wrong with it");
    assert!(started.start().await.is_err());
}

#[test]
fn what_is_of_another_type_counts_as_missing_and_the_log_says_so() {
    async fn read(session: Session) -> String {
        format!("{:?} {:?} {:?}", session.get::<u8>("name"), session.get::<u8>("age"), session.get::<u8>("none"))
    }
    async fn pop(session: Session) -> String {
        format!("{:?}", session.pop::<bool>("name"))
    }
    async fn try_get(session: Session) -> Result<String> {
        Ok(format!("{:?}", session.try_get::<u8>("name")?))
    }
    let app = app().add_url_rule(Rule::new("/read"), read).add_url_rule(Rule::new("/pop"), pop);
    let client = app.add_url_rule(Rule::new("/try"), try_get).test_client();
    client.session_transaction(|session| {
        session.set("name", "Ada");
        session.set("age", 36);
    });
    let asked = |target: &str, text: &str| Log::of(|| assert_eq!(client.get(target).send_blocking().text(), text));
    let log = asked("/read", "None Some(36) None");
    assert!(log.contains("the session's `name` is not a `u8`, and counts as missing WARN"), "{log}");
    assert_eq!(log.matches("counts as missing").count(), 1, "of what is missing nothing is said: {log}");
    assert!(asked("/pop", "None").contains("the session's `name` is not a `bool`"));
    client.session_transaction(|session| session.set("name", "Ada"));
    let log = Log::of(|| assert_eq!(client.get("/try").send_blocking().status(), 500));
    assert!(log.contains("the session's `name` is not a `u8`"), "{log}");
}

#[test]
fn so_it_does_of_g() {
    async fn view(ctx: &mut Context) -> String {
        ctx.g_mut().set("language", "de");
        format!("{:?} {:?}", ctx.g().named::<u8>("language"), ctx.g().named::<u8>("none"))
    }
    let client = app().add_url_rule(Rule::new("/language"), view).test_client();
    let log = Log::of(|| assert_eq!(client.get("/language").send_blocking().text(), "None None"));
    assert_eq!(log.matches("`language` in `g` is not a `u8`, and counts as missing").count(), 1, "{log}");
}

/// By a clone that something has kept, and that is not waited for.
#[test]
fn what_comes_after_the_answer_is_told() {
    let kept: Arc<Mutex<Option<Session>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let view = move |session: Session| {
        let keep = Arc::clone(&keep);
        async move {
            session.set("early", 1);
            *keep.lock().expect("nothing panics with it") = Some(session);
        }
    };
    let client = app().add_url_rule(Rule::new("/keep").endpoint("keep"), view).test_client();
    client.get("/keep").send_blocking();
    let session = kept.lock().expect("nothing panics with it").take().expect("it was kept");
    let line = line!() + 1;
    let log = Log::of(|| session.set("late", 1));
    assert!(
        log.contains("after it was saved; the change is lost") && log.contains(&format!("kept.rs:{line}")),
        "{log}"
    );
    assert_eq!(client.session(Session::keys), ["early"]);
}

/// A `Serialize` of the application's runs while the session is changed: it may look into it.
#[hipflask::test]
async fn a_value_may_look_into_the_session_while_it_is_set() {
    struct Curious(Session);
    impl serde::Serialize for Curious {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bool(self.0.is_empty())
        }
    }
    async fn view(session: Session) -> String {
        session.set("was empty", Curious(session.clone()));
        format!("{:?}", session.get::<bool>("was empty"))
    }
    let client = app().add_url_rule(Rule::new("/curious"), view).test_client();
    assert_eq!(client.get("/curious").send().await.text(), "Some(true)");
}

#[test]
fn a_setting_of_the_wrong_type_is_told_at_the_start() {
    let errors = app().config("INSTANCE_PATH", 7).freeze().expect_err("it is not a path").to_string();
    assert!(errors.contains("`INSTANCE_PATH` (") && errors.contains(") is 7: "), "{errors}");
}
