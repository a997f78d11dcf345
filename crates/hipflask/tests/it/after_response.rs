//! Work that begins when the client has its answer.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use hipflask::extension::State;
use hipflask::http::{Body, Request};
use hipflask::prelude::*;
use hipflask::{Frozen, Rule};
use tokio::sync::Semaphore;

use crate::log::Log;

/// What happened, in order: the state of an application.
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

fn noting(name: &'static str, record: &Record) -> App {
    let [after, torn_down, finished] = [record.clone(), record.clone(), record.clone()];
    App::new(name, ".")
        .config("DEBUG", false)
        .config("SECRET_KEY", "a key that is long enough, and only for tests")
        .config("WHO", name)
        .insert_state(record.clone())
        .after_request(move || after.note(format!("{name}: after")))
        .teardown_request(move || torn_down.note(format!("{name}: torn down")))
        .on_finished(move |f| finished.note(format!("{name}: finished {}", f.status().as_u16())))
}

/// Asks for work that says where it finds itself.
async fn ask(ctx: &mut Context) -> Result<()> {
    ctx.g_mut().set("lang", "de");
    let taken_along = ctx.g().value("lang").unwrap_or_default().to_owned();
    let id = ctx.request_id().to_owned();
    ctx.after_response(async move |mut ctx| {
        let record: State<Record> = ctx.extract().await?;
        let who: String = ctx.config().get("WHO")?;
        let (path, root) = (ctx.request().path(), ctx.request().root_path());
        assert_eq!((ctx.request_id(), ctx.g().names().count(), taken_along.as_str()), (id.as_str(), 0, "de"));
        record.note(format!("{who}: work at {root}|{path} {:?} {:?}", ctx.endpoint(), ctx.session().get::<u8>("n")));
        Ok(())
    })
}

async fn asking(ctx: &mut Context) -> Result<&'static str> {
    ctx.session().set("n", 1);
    ask(ctx).await?;
    Ok("text")
}

fn view(path: &str) -> Rule {
    Rule::new(path).endpoint("view")
}

#[test]
fn work_comes_after_everything_and_a_test_client_waits_for_it() {
    let record = Record::default();
    let client = noting("app", &record).add_url_rule(view("/x"), asking).test_client();
    assert_eq!(client.get("/x").send_blocking().text(), "text");
    let expected = ["app: after", "app: torn down", "app: finished 200", r#"app: work at |/x Some("view") Some(1)"#];
    assert_eq!(record.take(), expected);
}

#[test]
fn a_synchronous_view_asks_like_others() {
    let record = Record::default();
    let sync = |ctx: &mut Context| hipflask::block_on(asking(ctx));
    noting("app", &record).add_url_rule(view("/x"), sync).test_client().get("/x").send_blocking();
    assert_eq!(record.take()[2..], ["app: finished 200", r#"app: work at |/x Some("view") Some(1)"#]);
}

#[test]
fn work_of_a_mounted_application_has_its_configuration() {
    let record = Record::default();
    let inner = noting("inner", &record).add_url_rule(view("/x"), asking);
    let client = noting("outer", &record).mount("/in", inner).test_client();
    client.get("/in/x").send_blocking();
    let expected = ["inner: finished 200", "outer: finished 200", r#"inner: work at /in|/x Some("view") Some(1)"#];
    assert_eq!(record.take()[4..], expected);
}

#[test]
fn hooks_may_ask_and_an_error_page_does_not_keep_work_from_running() {
    let record = Record::default();
    let failing = async |ctx: &mut Context| -> Result<&'static str> {
        ask(ctx).await?;
        abort!(404)
    };
    let app = noting("app", &record).add_url_rule(view("/x"), failing).after_request(ask).teardown_request(ask);
    app.test_client().get("/x").send_blocking();
    let noted = record.take();
    assert_eq!(noted[2], "app: finished 404");
    assert_eq!(noted[3..], [r#"app: work at |/x Some("view") None"#; 3]);
}

/// Runs `f` with the log of this thread, on which everything happens.
fn log_of(f: impl AsyncFnOnce()) -> String {
    Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("the system has threads").block_on(f());
    })
}

#[test]
fn errors_and_panics_are_in_the_log_with_the_request() {
    let app = noting("app", &Record::default())
        .add_url_rule(Rule::new("/error"), async |ctx: &mut Context| {
            ctx.after_response(async |_| Err(Error::msg("no mail today")))?;
            Ok::<_, Error>(ctx.request_id().to_owned())
        })
        .add_url_rule(Rule::new("/panic"), async |ctx: &mut Context| {
            ctx.after_response(async |_| panic!("in pieces"))?;
            Ok::<_, Error>(ctx.request_id().to_owned())
        });
    let client = app.test_client();
    for (path, told) in [("/error", "unhandled error: no mail today"), ("/panic", "in pieces")] {
        let mut id = String::new();
        let log = log_of(async || id = client.get(path).send().await.text());
        let line = log.lines().find(|line| line.contains(told)).unwrap_or_else(|| panic!("{told}: {log}"));
        assert!(line.contains(&format!("request_id=\"{id}\"")) && line.contains(&format!("path={path}")), "{line}");
    }
}

#[test]
fn there_is_no_more_work_than_there_may_be() {
    let record = Record::default();
    let twice = async |ctx: &mut Context| -> Result<&'static str> {
        ask(ctx).await?;
        ask(ctx).await?;
        Ok("twice")
    };
    let app = noting("app", &record).add_url_rule(view("/twice"), twice);
    let client = app.add_url_rule(Rule::new("/x"), asking).config("MAX_AFTER_RESPONSE", 1).test_client();
    let log = log_of(async || {
        let refused = client.get("/twice").send().await;
        assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (503, Some("1")));
    });
    assert!(log.contains("raise MAX_AFTER_RESPONSE"), "{log}");
    assert_eq!(record.take()[3..], [r#"app: work at |/twice Some("view") None"#], "what was promised is done");
    assert_eq!(client.get("/x").send_blocking().status(), 200, "its place is free again");
    let none = App::new("app", ".").config("MAX_AFTER_RESPONSE", 0).freeze().expect_err("it makes no sense");
    assert!(none.to_string().contains("MAX_AFTER_RESPONSE"), "{none}");
}

#[hipflask::test]
async fn without_an_answer_to_come_there_is_nothing_to_wait_for() {
    let app = App::new("test", ".").command("go", "Go.", ask).freeze().expect("it is well formed");
    let error = app.run_command("go", [""; 0]).await.expect_err("a command has no answer");
    assert!(error.to_string().contains("await it here"), "{error}");
    let nested = async |ctx: &mut Context| {
        ctx.after_response(async |mut ctx| {
            assert!(ask(&mut ctx).await.is_err());
            ctx.extract::<State<Record>>().await?.note("refused");
            Ok(())
        })
    };
    let record = Record::default();
    App::new("test", ".")
        .insert_state(record.clone())
        .add_url_rule(Rule::new("/"), nested)
        .before_request(nested)
        .test_client()
        .get("/")
        .send()
        .await;
    assert_eq!(record.take()[..1], ["refused"]);
}

#[test]
fn the_producer_of_a_body_may_ask_too() {
    let record = Record::default();
    let streaming = async |ctx: &mut Context| -> Result<Body> {
        ask(ctx).await?;
        Ok(ctx.stream_with_context(async |mut ctx, mut out| {
            ask(&mut ctx).await?;
            out.send("body").await
        }))
    };
    let client = noting("app", &record).add_url_rule(view("/x"), streaming).test_client();
    assert_eq!(client.get("/x").send_blocking().text(), "body");
    let mut expected = vec!["app: after", "app: torn down", "app: finished 200"];
    expected.extend([r#"app: work at |/x Some("view") None"#; 2]);
    assert_eq!(record.take(), expected);
}

/// Waits until something was noted.
async fn noted(record: &Record, what: &str) {
    let found = || record.0.lock().expect("no panic").iter().any(|noted| noted.contains(what));
    while !found() {
        tokio::task::yield_now().await;
    }
}

#[hipflask::test]
async fn work_is_done_although_the_client_has_gone() {
    let record = Record::default();
    let app = noting("app", &record).add_url_rule(view("/x"), async |ctx: &mut Context| -> Result<Body> {
        ask(ctx).await?;
        Ok(Body::stream(async |mut out| {
            out.send("a").await?;
            pending().await
        }))
    });
    let frozen = app
        .add_url_rule(Rule::new("/slow"), async |ctx: &mut Context| -> Result<&'static str> {
            ask(ctx).await?;
            pending().await
        })
        .freeze()
        .expect("it is well formed");
    drop(frozen.respond(Request::get("/x")).await);
    noted(&record, "work at |/x").await;
    let mut answering = Box::pin(frozen.respond(Request::get("/slow")));
    poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx).is_pending())).await;
    drop(answering);
    noted(&record, "work at |/slow").await;
}

/// An application with work that waits for its gate and then notes that it is done; `on_shutdown` notes itself.
fn gated(record: &Record, gate: &Arc<Semaphore>) -> App {
    let (gate, stopping, ended) = (Arc::clone(gate), record.clone(), record.clone());
    let view = move |ctx: &mut Context| {
        let (gate, ended) = (Arc::clone(&gate), ended.clone());
        ctx.after_response(async move |ctx| {
            let _permit = gate.acquire().await?;
            ended.note(format!("{} done", ctx.app().name()));
            Ok(())
        })
    };
    App::new("gated", ".")
        .config("DEBUG", false)
        .add_url_rule(Rule::new("/"), hipflask::extension::inline(view))
        .on_shutdown(move || stopping.note("shutdown"))
}

async fn started(app: App) -> Frozen {
    let frozen = app.freeze().expect("it is well formed");
    frozen.start().await.expect("it starts");
    frozen
}

#[hipflask::test]
async fn a_stop_waits_for_work_before_it_shuts_down() {
    let (record, gate) = (Record::default(), Arc::new(Semaphore::new(0)));
    let frozen = started(App::new("outer", ".").mount("/in", gated(&record, &gate))).await;
    frozen.respond(Request::get("/in/")).await;
    let mut stopping = Box::pin(frozen.stop());
    assert!(poll_fn(|cx| Poll::Ready(stopping.as_mut().poll(cx).is_pending())).await);
    assert_eq!(record.take(), [""; 0]);
    gate.add_permits(1);
    stopping.await.expect("it stops in good order");
    assert_eq!(record.take(), ["gated done", "shutdown"]);
}

#[test]
fn what_is_not_done_in_time_is_cut_off_and_told() {
    let (record, gate) = (Record::default(), Arc::new(Semaphore::new(0)));
    let log = log_of(async || {
        let frozen = started(gated(&record, &gate).config("SERVER_GRACEFUL_TIMEOUT", 0.05)).await;
        for _ in 0..2 {
            frozen.respond(Request::get("/")).await;
        }
        frozen.stop().await.expect("it stops in good order");
        gate.add_permits(2);
        assert_eq!(record.take(), ["shutdown"]);
        // What comes after the end is not begun either, until it starts again.
        frozen.respond(Request::get("/")).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(record.take(), [""; 0]);
        frozen.start().await.expect("it starts again");
        frozen.respond(Request::get("/")).await;
        noted(&record, "gated done").await;
    });
    assert!(log.contains("cut off 2 pieces of work of `gated` after responses"), "{log}");
    assert_eq!(log.matches("after_response.rs").count(), 3, "each is told with its line: {log}");
    assert!(log.contains("was cut off"), "{log}");
}

#[hipflask::test]
async fn a_copy_is_a_context_of_its_own() {
    async fn both(ctx: &mut Context) -> Result<String> {
        ctx.g_mut().set("a", 1);
        ctx.session().set("n", 1);
        let copy = ctx.copy();
        let task = tokio::spawn(async move {
            copy.session().set("m", 2);
            assert!(copy.response().is_none() && !copy.g().contains_key("a"));
            (copy.request().path().to_owned(), copy.endpoint().map(str::to_owned), copy.request_id().to_owned())
        });
        let (path, endpoint, id) = task.await?;
        assert_eq!((id.as_str(), endpoint.as_deref()), (ctx.request_id(), ctx.endpoint()));
        Ok(path)
    }
    let record = Record::default();
    let client = noting("app", &record).add_url_rule(view("/x"), both).test_client();
    assert_eq!(client.get("/x").send().await.text(), "/x");
    assert_eq!(client.session(Session::keys), ["m", "n"], "the session is the same one");
    assert_eq!(record.take().iter().filter(|noted| noted.contains("torn down")).count(), 1);
}

#[test]
fn a_change_of_the_session_of_a_copy_that_nothing_saves_is_told() {
    async fn late(ctx: &mut Context) -> Result<()> {
        ctx.after_response(async |ctx| {
            ctx.session().set("n", 1);
            Ok(())
        })
    }
    let client = noting("app", &Record::default()).add_url_rule(Rule::new("/"), late).test_client();
    let log = log_of(async || _ = client.get("/").send().await);
    assert!(log.contains("the change is lost"), "{log}");
}

/// A context may be lent to something that never gives it back; a test client does not wait for that.
#[hipflask::test]
async fn a_test_client_waits_for_no_copy() {
    let (gate, kept) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let keep = Arc::clone(&kept);
    let (begun, wait) = (Arc::new(Semaphore::new(0)), Arc::clone(&gate));
    let begin = Arc::clone(&begun);
    let view = move |ctx: &mut Context| {
        keep.lock().expect("no panic").push(ctx.copy());
        begin.add_permits(1);
        let _ = hipflask::block_on(wait.acquire());
        "late"
    };
    struct GiveUp(Arc<dyn hipflask::extension::Handler>, Arc<Semaphore>);
    impl hipflask::extension::Handler for GiveUp {
        fn call<'a>(&'a self, ctx: &'a mut Context) -> hipflask::extension::Answer<'a> {
            hipflask::extension::Answer::Later(Box::pin(async {
                tokio::select! {
                    answer = self.0.call(ctx) => answer,
                    _ = self.1.acquire() => abort!(503),
                }
            }))
        }
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), view).wrap(move |inside| GiveUp(inside, begun));
    assert_eq!(app.test_client().get("/").send().await.status(), 503);
    gate.add_permits(1);
    assert_eq!(kept.lock().expect("no panic").len(), 1);
}
