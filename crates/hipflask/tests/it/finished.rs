//! The end of a request: the functions that are told of it, and what a stream has until then.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use hipflask::errors::Caught;
use hipflask::extension::{Answer, Finished, Handler, inline};
use hipflask::http::{Body, Bytes, Request};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{Extension, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

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

    /// Waits until this much has happened.
    async fn has(&self, count: usize) {
        while self.0.lock().expect("no test panics while it notes").len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// An application that notes what comes after its views.
    fn app(&self, name: &'static str) -> App {
        let (after, teardown, finished) = (self.clone(), self.clone(), self.clone());
        App::new(name, ".")
            .config("DEBUG", false)
            .config("SECRET_KEY", "a key that is long enough, and only for tests")
            .config("WTF_CSRF_ENABLED", false)
            .after_request(move || after.note(format!("{name}: after")))
            .teardown_request(inline(move |ctx: &mut Context, error: Option<Caught<Error>>| {
                let error = error.map(|error| format!(" {}", *error)).unwrap_or_default();
                teardown.note(format!("{name}: teardown {}{error}", ctx.request().path()));
            }))
            .on_finished(move |f| finished.note(format!("{name}: {}", told(f))))
    }
}

fn told(finished: &Finished<'_>) -> String {
    let how = if finished.is_complete() { "whole" } else { "broken" };
    let rule = finished.rule().unwrap_or("no rule");
    format!("finished {} {} {how} {rule}", finished.status().as_u16(), finished.bytes())
}

fn stream(ctx: &mut Context) -> Body {
    ctx.stream_with_context(async |ctx, mut out| {
        let user = ctx.session().get::<String>("user").unwrap_or_default();
        out.send(format!("{user} at {}", ctx.url_for("stream")?)).await?;
        out.send(", again").await
    })
}

fn streaming(record: &Record, name: &'static str) -> App {
    record.app(name).add_url_rule(Rule::new("/stream").endpoint("stream"), stream)
}

#[hipflask::test]
async fn a_request_that_changes_the_protocol_ends_with_what_is_spoken() {
    let record = Record::default();
    let greet = async |ctx: &mut Context, args: ViewArgs| {
        let fails = args.text("fails") == Some("yes");
        ctx.upgrade_with_context("greeting", async move |ctx, mut connection: hipflask::http::Upgraded| {
            let name = ctx.session().get::<String>("user").unwrap_or_default();
            connection.write_all(format!("{name} at {}", ctx.url_for("ping")?).as_bytes()).await?;
            let asked = connection.read_u8().await;
            if fails { Err(Error::msg("no")) } else { Ok(asked.map(drop)?) }
        })
    };
    let app = record.app("app").add_url_rule(Rule::new("/ping").endpoint("ping"), async || "pong");
    let client = app.add_url_rule(Rule::new("/<fails>"), greet).test_client();
    client.session_transaction(|session| session.set("user", "Ada"));
    for (path, end, told) in [("/no", "", "whole"), ("/yes", " no", "broken")] {
        let (response, connection) = client.get(path).upgrade("greeting").await;
        assert_eq!(
            (response.status(), response.header("upgrade")),
            (hipflask::Status::SWITCHING_PROTOCOLS, Some("greeting"))
        );
        let mut connection = connection.expect("the protocol changes");
        let mut said = [0; 12];
        connection.read_exact(&mut said).await.expect("it speaks");
        assert_eq!(&said, b"Ada at /ping");
        assert_eq!(record.take(), ["app: after"], "the request has not ended");
        connection.write_u8(0).await.expect("it listens");
        assert_eq!(connection.read(&mut said).await.ok(), Some(0), "it ends");
        record.has(2).await;
        let ended = [format!("app: teardown {path}{end}"), format!("app: finished 101 12 {told} /<fails>")];
        assert_eq!(record.take(), ended);
    }
    // Where nobody listens to the answer, it ends all the same.
    drop(client.get("/no").send().await);
    record.has(3).await;
}

mod metrics {
    use super::*;

    /// Requests, their bytes and their time, by rule and status: an extension.
    #[derive(Clone, Default)]
    pub(super) struct Metrics(Arc<Mutex<BTreeMap<(String, u16), Sum>>>);

    #[derive(Clone, Copy, Default)]
    pub(super) struct Sum {
        pub(super) requests: u64,
        pub(super) bytes: u64,
        pub(super) time: Duration,
    }

    impl Extension for Metrics {
        fn init_app(self, app: App) -> App {
            app.on_finished(move |finished| {
                let key = (finished.rule().unwrap_or("none").to_owned(), finished.status().as_u16());
                let mut sums = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let sum = sums.entry(key).or_default();
                sum.requests += 1;
                sum.bytes += finished.bytes();
                sum.time += finished.duration();
            })
        }
    }

    impl Metrics {
        pub(super) fn of(&self, rule: &str, status: u16) -> Sum {
            self.0.lock().expect("no panic").get(&(rule.to_owned(), status)).copied().unwrap_or_default()
        }
    }
}

#[test]
fn metrics_are_an_extension_of_thirty_lines() {
    let metrics = metrics::Metrics::default();
    let app =
        App::new("test", ".").extend(metrics.clone()).add_url_rule(Rule::new("/item/<int:id>"), |args: ViewArgs| {
            let id: u8 = args.get("id")?;
            if id == 0 { abort!(404) } else { Ok("x".repeat(id.into())) }
        });
    let client = app.test_client();
    for target in ["/item/3", "/item/4", "/item/0", "/nowhere"] {
        client.get(target).send_blocking();
    }
    let items = metrics.of("/item/<int:id>", 200);
    assert_eq!((items.requests, items.bytes), (2, 7));
    assert!(items.time > Duration::ZERO);
    assert_eq!((metrics.of("/item/<int:id>", 404).requests, metrics.of("none", 404).requests), (1, 1));
}

#[test]
fn a_stream_reads_the_sessions_user_and_ends_before_the_request() {
    let record = Record::default();
    let client = streaming(&record, "app").test_client();
    client.session_transaction(|session| session.set("user", "Ada"));
    assert_eq!(client.get("/stream").send_blocking().text(), "Ada at /stream, again");
    let expected = ["app: after", "app: teardown /stream", "app: finished 200 21 whole /stream"];
    assert_eq!(record.take(), expected);
}

#[test]
fn other_answers_are_torn_down_before_they_are_sent() {
    let record = Record::default();
    let noted = record.clone();
    let app = record.app("app").add_url_rule(Rule::new("/text").endpoint("text"), || "text");
    let app = app.add_url_rule(Rule::new("/stream").endpoint("stream"), move || {
        let noted = noted.clone();
        Body::stream(async move |mut out| {
            noted.note("streams");
            out.send("a").await
        })
    });
    let client = app.test_client();
    client.get("/text").send_blocking();
    assert_eq!(record.take(), ["app: after", "app: teardown /text", "app: finished 200 4 whole /text"]);
    client.get("/stream").send_blocking();
    let expected = ["app: after", "app: teardown /stream", "streams", "app: finished 200 1 whole /stream"];
    assert_eq!(record.take(), expected);
}

fn endless(ctx: &mut Context) -> Body {
    ctx.stream_with_context(async |_ctx, mut out| {
        loop {
            out.send("1234").await?;
        }
    })
}

#[hipflask::test]
async fn a_stream_that_is_left_in_the_middle_ends_once() {
    let record = Record::default();
    let app = record.app("app").add_url_rule(Rule::new("/endless").endpoint("endless"), endless);
    let frozen = app.freeze().expect("it is well formed");
    let (_, _, mut body) = frozen.respond(Request::get("/endless")).await.into_parts();
    for _ in 0..2 {
        assert_eq!(body.chunk().await.transpose().expect("a chunk").as_deref(), Some(&b"1234"[..]));
    }
    assert_eq!(record.take(), ["app: after"]);
    drop(body);
    assert_eq!(record.take(), ["app: teardown /endless", "app: finished 200 8 broken /endless"]);
    // Not a byte of it was read.
    drop(frozen.respond(Request::get("/endless")).await);
    let expected = ["app: after", "app: teardown /endless", "app: finished 200 0 broken /endless"];
    assert_eq!(record.take(), expected);
}

#[test]
fn a_stream_that_is_not_sent_keeps_nothing() {
    let record = Record::default();
    let app = streaming(&record, "app").add_url_rule(Rule::new("/unused").endpoint("unused"), |ctx: &mut Context| {
        let (first, unused) = (stream(ctx), stream(ctx));
        drop(unused);
        drop(first);
        "text"
    });
    let app = app.add_url_rule(Rule::new("/second").endpoint("second"), |ctx: &mut Context| {
        drop(stream(ctx));
        stream(ctx)
    });
    let client = app.add_url_rule(Rule::new("/failing").endpoint("failing"), |ctx: &mut Context| -> Result<Body> {
        let _body = stream(ctx);
        abort!(418)
    });
    let client = client.test_client();
    let head = client.head("/stream").send_blocking();
    assert_eq!((head.status().as_u16(), head.text().as_str()), (200, ""));
    assert_eq!(record.take(), ["app: after", "app: teardown /stream", "app: finished 200 0 whole /stream"]);
    assert_eq!(client.get("/unused").send_blocking().text(), "text");
    assert_eq!(record.take(), ["app: after", "app: teardown /unused", "app: finished 200 4 whole /unused"]);
    assert_eq!(client.get("/second").send_blocking().text(), " at /stream, again");
    assert_eq!(record.take(), ["app: after", "app: teardown /second", "app: finished 200 18 whole /second"]);
    client.get("/failing").send_blocking();
    assert_eq!(record.take()[..2], ["app: after", "app: teardown /failing"]);
}

#[test]
fn teardown_sees_what_a_stream_failed_with() {
    let record = Record::default();
    let app = record.app("app").add_url_rule(Rule::new("/error").endpoint("error"), |ctx: &mut Context| {
        ctx.stream_with_context(async |_ctx, mut out| {
            out.send("ab").await?;
            Err(Error::msg("broken off"))
        })
    });
    let app = app.add_url_rule(Rule::new("/panic").endpoint("panic"), |ctx: &mut Context| {
        ctx.stream_with_context(async |ctx, _out| panic!("at {}", ctx.request().path()))
    });
    let client = app.test_client();
    let failed = client.get("/error").send_blocking();
    assert_eq!((failed.text().as_str(), failed.body_error()), ("ab", Some("broken off")));
    let expected = ["app: after", "app: teardown /error broken off", "app: finished 200 2 broken /error"];
    assert_eq!(record.take(), expected);
    let panicked = client.get("/panic").send_blocking();
    assert!(panicked.body_error().is_some_and(|error| error.ends_with("at /panic")), "{:?}", panicked.body_error());
    let noted = record.take();
    assert!(noted[1].starts_with("app: teardown /panic panicked at "), "{noted:?}");
    assert_eq!(noted[2], "app: finished 200 0 broken /panic");
}

#[test]
fn the_error_that_nothing_handled_is_told() {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&errors);
    let app = Record::default().app("app").on_finished(move |finished| {
        told.lock().expect("no panic").push(finished.error().map(ToString::to_string));
    });
    let app = app.add_url_rule(Rule::new("/ok"), || "ok");
    let app = app.add_url_rule(Rule::new("/http"), || -> Result<&str> { abort!(403) });
    let app = app.add_url_rule(Rule::new("/error"), || -> Result<&str> { Err(Error::msg("broken")) });
    let client = app.test_client();
    for target in ["/ok", "/http", "/error"] {
        client.get(target).send_blocking();
    }
    assert_eq!(*errors.lock().expect("no panic"), [None, None, Some("broken".to_owned())]);
}

#[test]
fn a_function_that_panics_keeps_no_other_from_being_told() {
    let record = Record::default();
    let app = App::new("test", ".").on_finished(|_| panic!("no metrics today"));
    let noted = record.clone();
    let app = app.on_finished(move |finished| noted.note(told(finished))).add_url_rule(Rule::new("/"), || "ok");
    assert_eq!(app.test_client().get("/").send_blocking().text(), "ok");
    assert_eq!(record.take(), ["finished 200 2 whole /"]);
}

#[test]
fn a_mounted_application_is_told_of_its_own() {
    let record = Record::default();
    let inner = streaming(&record, "inner").add_url_rule(Rule::new("/text/<name>"), || "text");
    let outer = record.app("outer").mount("/in", inner);
    let client = outer.test_client();
    client.get("/in/text/a").send_blocking();
    let expected = [
        "inner: after",
        "inner: teardown /text/a",
        "outer: after",
        "outer: teardown /in/text/a",
        "inner: finished 200 4 whole /text/<name>",
        "outer: finished 200 4 whole no rule",
    ];
    assert_eq!(record.take(), expected);
    assert_eq!(client.get("/in/stream").send_blocking().text(), " at /in/stream, again");
    let expected = [
        "inner: after",
        "outer: after",
        "outer: teardown /in/stream",
        "inner: teardown /stream",
        "inner: finished 200 21 whole /stream",
        "outer: finished 200 21 whole no rule",
    ];
    assert_eq!(record.take(), expected);
}

#[test]
fn what_a_mount_has_answered_is_told_with_its_prefix() {
    let record = Record::default();
    let note = |name: &'static str| {
        let record = record.clone();
        move |f: &Finished<'_>| record.note(format!("{name} {:?} {:?}", f.mount(), f.rule()))
    };
    async fn pass() -> Option<&'static str> {
        None
    }
    let innermost = App::new("innermost", ".").add_url_rule(Rule::new("/<name>"), || "text");
    let inner = App::new("inner", ".").mount("/deep", innermost.on_finished(note("innermost")));
    let app = App::new("outer", ".")
        .mount("/in", inner.on_finished(note("inner")))
        .mount("/function", || "function")
        .mount("/failing", || -> Result<&str> { abort!(503) })
        .mount("/passing", pass)
        .add_url_rule(Rule::new("/own"), || "own")
        .on_finished(note("outer"));
    let client = app.test_client();
    for (target, expected) in [
        ("/own", &[r#"outer None Some("/own")"#][..]),
        ("/nowhere", &["outer None None"]),
        ("/passing/x", &["outer None None"]),
        ("/function/x", &[r#"outer Some("/function") None"#]),
        ("/failing/x", &[r#"outer Some("/failing") None"#]),
        (
            "/in/deep/x",
            &[r#"innermost None Some("/<name>")"#, r#"inner Some("/deep") None"#, r#"outer Some("/in") None"#],
        ),
    ] {
        client.get(target).send_blocking();
        assert_eq!(record.take(), expected, "{target}");
    }
    let client = App::new("outer", ".").mount("/", || "all").on_finished(note("outer")).test_client();
    client.get("/x").send_blocking();
    assert_eq!(record.take(), [r#"outer Some("/") None"#]);
}

#[hipflask::test]
async fn an_answer_that_nothing_waits_for_ends_too() {
    let record = Record::default();
    let inner = record.app("inner").add_url_rule(Rule::new("/slow"), async || -> &str { pending().await });
    let frozen = record.app("outer").mount("/in", inner).freeze().expect("it is well formed");
    let mut answering = Box::pin(frozen.respond(Request::get("/in/slow")));
    poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx).is_pending())).await;
    assert_eq!(record.take(), [""; 0]);
    drop(answering);
    let expected = [
        "inner: teardown /slow",
        "outer: teardown /in/slow",
        "inner: finished 499 0 broken /slow",
        "outer: finished 499 0 broken no rule",
    ];
    assert_eq!(record.take(), expected);
    // One that has not begun has nothing to be torn down.
    drop(frozen.respond(Request::get("/in/slow")));
    assert_eq!(record.take(), ["outer: finished 499 0 broken no rule"]);
}

/// Waits until it may go on; permits are counted, so that none is missed.
async fn pass(gate: &Semaphore) {
    gate.acquire().await.expect("it is never closed").forget();
}

#[hipflask::test]
async fn a_request_ends_after_the_last_of_its_teardown_functions() {
    let (record, gate, ends) = (Record::default(), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let app = |name: &'static str| {
        let (blocking, waiting, finished) = (record.clone(), record.clone(), record.clone());
        let (block, wait, end) = (Arc::clone(&gate), Arc::clone(&gate), Arc::clone(&ends));
        App::new(name, ".")
            .add_url_rule(Rule::new("/slow").endpoint("slow"), async || -> &str { pending().await })
            .add_url_rule(Rule::new("/endless").endpoint("endless"), endless)
            .teardown_request(move || {
                tokio::runtime::Handle::current().block_on(pass(&block));
                blocking.note("torn down: plain");
            })
            .teardown_request(move || {
                let (wait, waiting) = (Arc::clone(&wait), waiting.clone());
                async move {
                    pass(&wait).await;
                    waiting.note("torn down: async");
                }
            })
            .on_finished(move |f| {
                finished.note(format!("{name}: {}", told(f)));
                end.add_permits(1);
            })
    };
    let torn_down = ["torn down: async", "torn down: plain"];
    let frozen = app("outer").mount("/in", app("inner")).freeze().expect("it is well formed");

    // A client that goes away before there is an answer, of the application and of one that is mounted.
    for (target, apps, told) in [
        ("/slow", 1, &["outer: finished 499 0 broken /slow"][..]),
        ("/in/slow", 2, &["inner: finished 499 0 broken /slow", "outer: finished 499 0 broken no rule"]),
    ] {
        let mut answering = Box::pin(frozen.respond(Request::get(target)));
        poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx).is_pending())).await;
        drop(answering);
        assert_eq!(record.take(), [""; 0], "{target}");
        gate.add_permits(2 * apps);
        ends.acquire_many(apps as u32).await.expect("it is never closed").forget();
        let mut noted = record.take();
        assert_eq!(noted.split_off(2 * apps), told, "{target}");
        noted.sort();
        assert_eq!(noted, torn_down.map(|what| vec![what; apps]).concat(), "{target}");
    }

    // One that goes away in the middle of a stream.
    let (_, _, mut body) = frozen.respond(Request::get("/endless")).await.into_parts();
    body.chunk().await.transpose().expect("a chunk");
    drop(body);
    assert_eq!(record.take(), [""; 0]);
    gate.add_permits(2);
    pass(&ends).await;
    assert_eq!(record.take(), [torn_down[0], torn_down[1], "outer: finished 200 4 broken /endless"]);
}

/// A synchronous hook has the context until it returns, even if nothing waits for it any more.
#[hipflask::test]
async fn a_mounted_application_is_told_though_the_hook_after_it_was_left() {
    let (record, begun, gate) = (Record::default(), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let inner = record.app("inner").add_url_rule(Rule::new("/"), || "text");
    let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&gate));
    let frozen = App::new("outer", ".").mount("/in", inner).after_request(move |_: &mut Context| {
        begins.add_permits(1);
        tokio::runtime::Handle::current().block_on(pass(&goes_on));
    });
    let frozen = frozen.freeze().expect("it is well formed");
    let mut answering = Box::pin(frozen.respond(Request::get("/in/")));
    let begins = async {
        tokio::select! {
            () = pass(&begun) => {}
            _ = &mut answering => panic!("the hook does not end"),
        }
    };
    begins.await;
    record.take();
    drop(answering);
    assert_eq!(record.take(), ["inner: finished 499 0 broken /"]);
    gate.add_permits(1);
}

/// Reads the body of every answer to its end, as what signs or compresses answers does.
struct Whole(Arc<dyn Handler>);

impl Handler for Whole {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let Some(mut response) = self.0.call(ctx).await? else { return Ok(None) };
            let whole = std::mem::take(response.body_mut()).collect(u64::MAX).await?;
            *response.body_mut() = Body::from(whole);
            Ok(Some(response))
        }))
    }
}

#[test]
fn a_wrap_may_read_a_stream_and_a_hook_may_not() {
    let record = Record::default();
    let client = streaming(&record, "app").wrap(Whole).test_client();
    assert_eq!(client.get("/stream").send_blocking().text(), " at /stream, again");
    assert_eq!(record.take(), ["app: after", "app: teardown /stream", "app: finished 200 18 whole /stream"]);
    async fn read(ctx: &mut Context) -> Result<()> {
        let body = std::mem::take(ctx.response_mut().body_mut());
        let whole: Bytes = body.collect(u64::MAX).await?;
        *ctx.response_mut().body_mut() = Body::from(whole);
        Ok(())
    }
    let client = streaming(&record, "app").after_request(read).test_client();
    assert_eq!(client.get("/stream").send_blocking().status(), 500);
    let noted = record.take();
    assert!(noted[1].contains("while the functions of its request still ran"), "{noted:?}");
    assert_eq!(noted.len(), 3, "{noted:?}");
}

/// Notes when it is dropped.
struct Guard(Record);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

#[test]
fn g_lives_as_long_as_something_can_read_it() {
    let record = Record::default();
    let (hook, plain, kept) = (record.clone(), record.clone(), record.clone());
    let app = App::new("test", ".")
        .before_request(move |ctx: &mut Context| ctx.g_mut().insert(Guard(hook.clone())))
        .add_url_rule(Rule::new("/plain").endpoint("plain"), move || {
            let plain = plain.clone();
            Body::stream(async move |mut out| {
                plain.note("sent");
                out.send("x").await
            })
        })
        .add_url_rule(Rule::new("/kept").endpoint("kept"), move |ctx: &mut Context| {
            let kept = kept.clone();
            ctx.stream_with_context(async move |ctx, mut out| {
                kept.note(format!("{}", ctx.g().get::<Guard>().is_some()));
                out.send("x").await
            })
        });
    let client = app.test_client();
    client.get("/plain").send_blocking();
    assert_eq!(record.take(), ["dropped", "sent"]);
    client.get("/kept").send_blocking();
    assert_eq!(record.take(), ["true", "dropped"]);
}

#[test]
fn templates_of_a_stream_are_recorded_for_tests() {
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), async |ctx: &mut Context| -> Result<Body> {
        let page = ctx.render(Template::from_string("page")).await?;
        Ok(ctx.stream_with_context(async move |_ctx, mut out| out.send(page.into_string()).await))
    });
    let response = app.test_client().get("/").send_blocking();
    assert_eq!((response.text().as_str(), response.templates().len()), ("page", 1));
}

#[hipflask::test]
async fn a_body_ends_when_its_producer_does() {
    let record = Record::default();
    let noted = record.clone();
    let mut body = Body::stream(async move |mut out| {
        out.send("last").await?;
        drop(out);
        tokio::task::yield_now().await;
        noted.note("and done");
        Ok(())
    });
    assert_eq!(body.chunk().await.transpose().expect("a chunk").as_deref(), Some(&b"last"[..]));
    assert_eq!(record.take(), [""; 0]);
    assert!(body.chunk().await.is_none());
    assert_eq!(record.take(), ["and done"]);
}
