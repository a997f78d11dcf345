//! Applications and functions mounted into an application.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use hipflask::cli::CliArgs;
use hipflask::extension::{Answer, Handler};
use hipflask::prelude::*;
use hipflask::{Extension, Frozen, Rule};
use tokio::sync::Semaphore;

/// Where a request is, as the functions around a view see it.
fn place(ctx: &Context) -> String {
    let request = ctx.request();
    format!("{} {}|{} {:?}", request.method(), request.root_path(), request.path(), request.header("x-test"))
}

/// An application with `mounted` at `/old` that notes where its own functions find the request.
fn noting(mounted: impl Handler, noted: &Arc<Mutex<Vec<String>>>) -> App {
    let note = |noted: &Arc<Mutex<Vec<String>>>, ctx: &Context| noted.lock().expect("no panic here").push(place(ctx));
    let (on_error, after, teardown) = (Arc::clone(noted), Arc::clone(noted), Arc::clone(noted));
    App::new("test", ".")
        .mount("/old", mounted)
        .register_error_handler(500, move |ctx: &mut Context| {
            note(&on_error, ctx);
            (Status::INTERNAL_SERVER_ERROR, "handled")
        })
        .after_request(move |ctx: &mut Context| note(&after, ctx))
        .teardown_request(move |ctx: &mut Context| note(&teardown, ctx))
        .config("DEBUG", false)
        .config("SECRET_KEY", "a key that is long enough, and only for tests")
}

struct Panicking;

impl Handler for Panicking {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        assert_eq!((ctx.request().root_path(), ctx.request().path()), ("/old", "/x"));
        panic!("in a mount")
    }
}

#[test]
fn a_mount_that_panics_leaves_the_path_whole() {
    let noted = Arc::default();
    let client = noting(Panicking, &noted).test_client();
    let response = client.get("/old/x").header("x-test", "1").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "handled"));
    assert_eq!(*noted.lock().expect("nothing panicked"), ["GET |/old/x Some(\"1\")"; 3]);
}

/// Gives its handler up where that first waits, as a time-out does.
struct Impatient(Arc<dyn Handler>);

impl Handler for Impatient {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let mut answer = pin!(self.0.call(ctx));
            match poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
                Poll::Ready(answer) => answer,
                Poll::Pending => Err(Error::msg("it took too long")),
            }
        }))
    }
}

#[test]
fn a_mounted_application_that_is_given_up_returns_the_request() {
    async fn slow() -> &'static str {
        pending().await
    }
    let inner = App::new("inner", ".").add_url_rule(Rule::new("/slow"), slow).freeze().expect("it is well formed");
    let noted = Arc::default();
    let client = noting(Impatient(Arc::new(inner)), &noted).test_client();
    let response = client.get("/old/slow").header("x-test", "1").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "handled"));
    assert_eq!(*noted.lock().expect("nothing panicked"), ["GET |/old/slow Some(\"1\")"; 3]);
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }
}

/// An extension that connects at the start and closes at the end, or fails in one of them as often as is said.
#[derive(Clone)]
struct Connection {
    name: &'static str,
    record: Record,
    /// How often what fails.
    fails: Arc<Mutex<(&'static str, u32)>>,
}

impl Connection {
    fn new(name: &'static str, record: &Record) -> Connection {
        Connection { name, record: record.clone(), fails: Arc::default() }
    }

    fn failing(self, what: &'static str, times: u32) -> Connection {
        *self.fails.lock().expect("no panic") = (what, times);
        self
    }

    fn step(&self, what: &str) -> Result<()> {
        let mut fails = self.fails.lock().expect("no panic");
        self.record.note(format!("{what} {}", self.name));
        if fails.0 == what && fails.1 > 0 {
            fails.1 -= 1;
            abort!(503, "{what} {} failed", self.name);
        }
        Ok(())
    }
}

impl Extension for Connection {
    fn init_app(self, app: App) -> App {
        let (starting, stopping) = (self.clone(), self);
        let stop = move || stopping.step("stop");
        app.on_startup(move || starting.step("start")).on_shutdown(stop)
    }
}

/// An application with two connections, in which another one with one is mounted, and one in that.
fn nested(record: &Record, first: Connection, inner: Connection) -> Frozen {
    let innermost = App::new("innermost", ".").extend(Connection::new("innermost", record));
    let mounted = App::new("inner", ".").extend(inner).mount("/deep", innermost);
    let app = App::new("outer", ".").extend(first).extend(Connection::new("second", record)).mount("/in", mounted);
    app.freeze().expect("it is well formed")
}

const STARTS: [&str; 4] = ["start first", "start second", "start inner", "start innermost"];
const STOPS: [&str; 4] = ["stop innermost", "stop inner", "stop second", "stop first"];

#[hipflask::test]
async fn a_mounted_application_starts_and_stops_with_the_one_around_it() {
    let record = Record::default();
    let app = nested(&record, Connection::new("first", &record), Connection::new("inner", &record));
    app.stop().await.expect("there is nothing to stop");
    assert_eq!(record.take(), [""; 0]);
    let (a, b) = tokio::join!(app.start(), app.start());
    a.and(b).expect("it starts");
    app.start().await.expect("it has started");
    assert_eq!(record.take(), STARTS);
    app.stop().await.expect("it stops");
    app.stop().await.expect("it has stopped");
    assert_eq!(record.take(), STOPS);
    app.test_client().get("/in/deep/x").send().await;
    assert_eq!(record.take(), STARTS, "it can be started again");
}

#[hipflask::test]
async fn everything_is_stopped_even_if_something_fails() {
    let record = Record::default();
    let first = Connection::new("first", &record).failing("stop", 1);
    let app = nested(&record, first, Connection::new("inner", &record).failing("stop", 1));
    app.start().await.expect("it starts");
    let error = app.stop().await.expect_err("something fails");
    assert!(error.to_string().contains("stop inner failed"), "the first one is told: {error}");
    assert_eq!(record.take()[4..], STOPS);
    let panicking = App::new("test", ".").on_shutdown(Connection::new("last", &record).stopping());
    let panicking = panicking.on_shutdown(|| -> &str { panic!("in pieces") }).freeze().expect("it is well formed");
    panicking.start().await.expect("it starts");
    assert!(panicking.stop().await.is_err_and(|error| error.to_string().contains("in pieces")));
    assert_eq!(record.take(), ["stop last"]);
}

impl Connection {
    fn stopping(self) -> impl Fn() -> Result<()> + Clone + Send + Sync + 'static {
        move || self.step("stop")
    }
}

#[hipflask::test]
async fn a_start_that_fails_stops_what_had_started() {
    let record = Record::default();
    let app = nested(&record, Connection::new("first", &record), Connection::new("inner", &record).failing("start", 1));
    let error = app.start().await.expect_err("something fails");
    assert!(error.to_string().contains("start inner failed"), "{error}");
    // What has failed has nothing to stop, and what comes after it was not reached.
    assert_eq!(record.take(), ["start first", "start second", "start inner", "stop second", "stop first"]);
    app.stop().await.expect("there is nothing to stop");
    assert_eq!(record.take(), [""; 0]);
    app.start().await.expect("the next call tries again");
    assert_eq!(record.take(), STARTS);
}

#[hipflask::test]
async fn a_start_that_is_given_up_is_stopped_before_the_next() {
    let record = Record::default();
    let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begin, gate, noted) = (Arc::clone(&begun), Arc::clone(&open), record.clone());
    let wait = move || {
        let (begin, gate, noted) = (Arc::clone(&begin), Arc::clone(&gate), noted.clone());
        async move {
            begin.add_permits(1);
            gate.acquire().await?.forget();
            noted.note("start second");
            Ok::<_, Error>(())
        }
    };
    let app = App::new("test", ".").extend(Connection::new("first", &record)).on_startup(wait);
    let app = app.freeze().expect("it is well formed");
    tokio::select! {
        _ = app.start() => panic!("it waits for the gate"),
        _ = begun.acquire() => {}
    }
    assert_eq!(record.take(), ["start first"]);
    open.add_permits(1);
    app.start().await.expect("it starts");
    assert_eq!(record.take(), ["stop first", "start first", "start second"]);
}

/// An application with a command that says where it runs and what it was given.
fn commanding(name: &'static str) -> App {
    let say = |ctx: &mut Context, args: CliArgs| format!("{} {:?}", ctx.app().name(), args.get(0));
    App::new(name, ".").command("say", "Say something.", say)
}

#[hipflask::test]
async fn commands_of_mounted_applications_have_their_names_in_front() {
    let record = Record::default();
    let innermost = commanding("innermost").extend(Connection::new("innermost", &record));
    let inner = commanding("inner").mount("/deep", innermost).freeze().expect("it is well formed");
    let app = commanding("outer").mount("/in", inner).freeze().expect("it is well formed");
    for (command, said) in [
        ("say", "outer Some(\"x\")"),
        ("inner.say", "inner Some(\"x\")"),
        ("inner.innermost.say", "innermost Some(\"x\")"),
    ] {
        assert_eq!(app.run_command(command, ["x"]).await.expect("it runs"), said);
    }
    assert!(app.run_command("innermost.say", ["x"]).await.is_err());
    assert_eq!(record.take(), ["start innermost"], "a frozen application is started too, and once");
}

#[test]
fn commands_that_cannot_be_told_apart_are_refused() {
    let twice = || commanding("shop").command("say", "The same again.", || "twice");
    assert!(commanding("outer").mount("/a", twice()).freeze().is_ok(), "an extension may be added twice");
    let app = commanding("outer").mount("/a", twice());
    let (line, app) = (line!(), app.mount("/b", commanding("shop")));
    let errors = app.freeze().expect_err("two are called `shop`").to_string();
    assert!(errors.contains(&format!("mounts.rs:{line}: the command `shop.say`")), "{errors}");
    assert!(App::new("o", ".").mount("/a", App::new("x", ".")).mount("/b", App::new("x", ".")).freeze().is_ok());
}

const KEY: &str = "a key that is long enough, and only for tests";

fn production(name: &str) -> App {
    App::new(name, ".").config("DEBUG", false).config("SECRET_KEY", KEY).config("WTF_CSRF_ENABLED", false)
}

/// An application with a rule for everything, whose functions note that they run.
fn owning(record: &Record) -> App {
    let [before, after, torn_down, finished] = [(); 4].map(|()| record.clone());
    production("outer")
        .add_url_rule(Rule::new("/<path:page>"), || "own")
        .before_request(move || before.note("before"))
        .after_request(move |_: &mut Context| after.note("after"))
        .teardown_request(move || torn_down.note("torn down"))
        .on_finished(move |f| finished.note(format!("finished {:?} {:?}", f.mount(), f.rule())))
}

#[test]
fn what_is_mounted_first_comes_before_rules_and_hooks_and_is_left_as_it_is() {
    let record = Record::default();
    async fn pass() -> Option<&'static str> {
        None
    }
    let api = production("api")
        .config("SECURITY_HEADERS", false)
        .add_url_rule(Rule::new("/users"), |ctx: &mut Context| place(ctx));
    let app =
        owning(&record).mount_first("/api", api).mount_first("/api/function", || "function").mount_first("/pass", pass);
    let client = app.test_client();
    let response = client.get("/api/users").send_blocking();
    assert_eq!(response.text(), "GET /api|/users None");
    let names: Vec<_> = response.headers().keys().map(hipflask::http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type"], "no header is added");
    assert_eq!(record.take(), [r#"finished Some("/api") None"#]);
    // The longest prefix comes first, and what the application does not know is its own 404.
    assert_eq!(client.get("/api/function/x").send_blocking().text(), "function");
    assert_eq!(client.get("/api/nothing").send_blocking().status(), 404);
    assert_eq!(client.head("/api/users").send_blocking().text(), "");
    record.take();
    let own = ["before", "after", "torn down", r#"finished None Some("/<path:page>")"#];
    for path in ["/pass/x", "/apix", "/x"] {
        let response = client.get(path).send_blocking();
        assert_eq!(
            (response.text().as_str(), response.header("x-frame-options")),
            ("own", Some("SAMEORIGIN")),
            "{path}"
        );
        assert_eq!(record.take(), own, "{path}");
    }
}

#[test]
fn what_is_wrapped_around_an_application_is_around_what_is_mounted_first() {
    async fn slow() -> &'static str {
        pending().await
    }
    let app = production("outer").mount_first("/slow", slow).wrap(Impatient);
    let response = app.config("DEBUG", false).test_client().get("/slow").send_blocking();
    assert_eq!((response.status().as_u16(), response.header("x-frame-options")), (500, Some("SAMEORIGIN")));
}

#[test]
fn a_function_that_is_mounted_first_is_called_for_trusted_hosts_alone_and_fails_like_others() {
    let record = Record::default();
    let app = owning(&record).mount_first("/f", |ctx: &mut Context| -> Result<&'static str> {
        if ctx.request().path() == "/fail" { abort!(418) } else { Ok("called") }
    });
    let client = app
        .mount_first("/api", production("api").add_url_rule(Rule::new("/"), || "api"))
        .config("TRUSTED_HOSTS", ["own.example"])
        .test_client();
    let ask = |path: &str, host: &str| client.get(path).header("host", host).send_blocking().status().as_u16();
    assert_eq!((ask("/f/x", "own.example"), ask("/f/x", "other.example")), (200, 400));
    assert_eq!((ask("/api/", "own.example"), ask("/api/", "other.example")), (200, 200), "it has hosts of its own");
    assert_eq!(ask("/f/fail", "own.example"), 418);
}

#[test]
fn a_mount_that_does_not_begin_with_a_slash_is_refused() {
    let errors = App::new("o", ".").mount_first("api", || "x").freeze().expect_err("it is no path");
    assert!(errors.to_string().contains("the prefix `api` of a mount must start with a slash"), "{errors}");
}

/// Two applications whose sessions have one cookie, as they do with one key and one name; the outer one's is permanent.
fn sharing(with: fn(App) -> App) -> App {
    let login = |session: Session| {
        session.renew();
        session.set("user", "Ada");
        "hello"
    };
    let inner = with(production("inner")).add_url_rule(Rule::new("/login"), login).add_url_rule(Rule::new("/"), || "x");
    let begin = |session: Session| {
        session.set_permanent(true);
        session.set("seen", 1);
        "begun"
    };
    with(production("outer")).add_url_rule(Rule::new("/begin"), begin).mount("/in", inner)
}

#[test]
fn a_mounted_applications_session_is_not_overwritten_by_the_refresh_of_the_outer_one() {
    use hipflask::sessions::{MemoryStore, ServerSideSessions};
    let on_the_server: fn(App) -> App =
        |app| app.session_interface(|freezing| ServerSideSessions::new(MemoryStore::default(), freezing.config()));
    for (kind, with) in [("cookie", (|app| app) as fn(App) -> App), ("on the server", on_the_server)] {
        let client = sharing(with).test_client();
        client.get("/begin").send_blocking();
        let ours = |headers: &hipflask::http::HeaderMap| headers.get_all("set-cookie").iter().count();
        assert_eq!(ours(client.get("/in/").send_blocking().headers()), 1, "{kind}: the outer one is refreshed");
        let response = client.get("/in/login").send_blocking();
        assert_eq!(ours(response.headers()), 1, "{kind}: one cookie, and it is the mounted application's");
        let again = client.cookie("session");
        client.get("/in/").send_blocking();
        if kind == "cookie" {
            assert_eq!(client.session(|session| session.get::<String>("user")).as_deref(), Some("Ada"));
        } else {
            assert_eq!(client.cookie("session"), again, "the id is the inner one's, whose values are in its own store");
        }
    }
}

#[test]
fn a_mounts_own_headers_win_and_the_outer_ones_fill_the_gaps() {
    let policy = "default-src 'none'";
    let inner = production("inner").config("CONTENT_SECURITY_POLICY", policy).add_url_rule(Rule::new("/"), || "x");
    let bare = production("bare")
        .config("SECURITY_HEADERS", false)
        .add_url_rule(Rule::new("/"), || ([("content-security-policy", "sandbox"), ("x-frame-options", "DENY")], "x"));
    let client = production("outer").mount("/in", inner).mount("/bare", bare).mount("/f", || "x").test_client();
    let get = |path: &str, name: &str| client.get(path).send_blocking().header(name).map(str::to_owned);
    assert_eq!(get("/in/", "content-security-policy").as_deref(), Some(policy));
    assert_eq!(get("/bare/", "content-security-policy").as_deref(), Some("sandbox"));
    assert_eq!(get("/bare/", "x-frame-options").as_deref(), Some("DENY"));
    assert_eq!(get("/bare/", "x-content-type-options").as_deref(), Some("nosniff"));
    assert!(get("/f/", "content-security-policy").is_some_and(|policy| policy.contains("'self'")));
}
