//! Server-sent events, and bodies from iterators that block.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hipflask::Rule;
use hipflask::extension::inline;
use hipflask::helpers::{Event, EventSender, EventStream};
use hipflask::http::{Body, Request};
use hipflask::prelude::*;

async fn text(body: &mut Body) -> Option<String> {
    let bytes = body.chunk().await?.expect("the producer does not fail");
    Some(String::from_utf8(bytes.to_vec()).expect("events are text"))
}

#[test]
fn a_stream_of_events_is_kept_and_buffered_by_nobody() {
    async fn events(ctx: &mut Context) -> EventStream {
        let last = ctx.request().last_event_id().unwrap_or("none").to_owned();
        EventStream::new(async move |mut out| {
            out.send(Event::comment("hello").retry(Duration::from_millis(1500))).await?;
            out.send(Event::new(format!("after {last}")).event("note").id("8")).await?;
            out.send(Event::json(&[1, 2])?).await?;
            out.send("plain\ntext").await
        })
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/events"), events).test_client();
    let response = client.get("/events").header("last-event-id", "7").send_blocking();
    for (name, value) in [
        ("content-type", Some("text/event-stream")),
        ("cache-control", Some("no-cache")),
        ("x-accel-buffering", Some("no")),
        ("content-length", None),
        ("x-content-type-options", Some("nosniff")),
    ] {
        assert_eq!(response.header(name), value, "{name}");
    }
    let expected = ": hello\nretry: 1500\n\n\
        event: note\nid: 8\ndata: after 7\n\n\
        data: [1,2]\n\n\
        data: plain\ndata: text\n\n";
    assert_eq!(response.text(), expected);
    assert!(client.get("/events").header("last-event-id", "").send_blocking().text().contains("after none"));
    assert_eq!(client.head("/events").send_blocking().text(), "");
}

#[test]
fn an_event_that_would_become_two_ends_the_stream() {
    async fn events() -> EventStream {
        EventStream::new(async |mut out| {
            out.send("good").await?;
            out.send(Event::new("x").id("1\ndata: forged")).await
        })
    }
    let response = App::new("test", ".").add_url_rule(Rule::new("/"), events).test_client().get("/").send_blocking();
    assert_eq!(response.text(), "data: good\n\n");
    assert_eq!(response.body_error(), Some("the id of an event contains a line break or a NUL"));
}

/// An application whose events never come, and what tells when their producer was dropped.
fn silent(keep_alive: Duration) -> (App, Arc<AtomicBool>) {
    struct Told(Arc<AtomicBool>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&dropped);
    let events = move || {
        let told = Told(Arc::clone(&told));
        let stream = EventStream::new(async move |mut out| {
            let _told = told;
            out.send("first").await?;
            pending().await
        });
        std::future::ready(stream.keep_alive(keep_alive))
    };
    (App::new("test", ".").add_url_rule(Rule::new("/events"), events), dropped)
}

#[hipflask::test]
async fn silence_is_filled_with_comments() {
    let (app, _) = silent(Duration::from_millis(1));
    let frozen = app.freeze().expect("it is well formed");
    let (_, _, mut body) = frozen.respond(Request::get("/events")).await.into_parts();
    assert_eq!(text(&mut body).await.as_deref(), Some("data: first\n\n"));
    for _ in 0..3 {
        assert_eq!(text(&mut body).await.as_deref(), Some(":\n\n"));
    }
}

#[hipflask::test]
async fn events_end_when_the_application_stops_or_the_client_leaves() {
    let (app, dropped) = silent(Duration::MAX);
    let frozen = App::new("outer", ".").mount("/in", app).freeze().expect("it is well formed");
    frozen.start().await.expect("it starts");
    let (_, _, mut body) = frozen.respond(Request::get("/in/events")).await.into_parts();
    assert_eq!(text(&mut body).await.as_deref(), Some("data: first\n\n"));
    let (end, stopped) = tokio::join!(text(&mut body), frozen.stop());
    stopped.expect("it stops in good order");
    assert_eq!((end, dropped.swap(false, Relaxed)), (None, true));
    frozen.start().await.expect("it starts again");
    let (_, _, mut body) = frozen.respond(Request::get("/in/events")).await.into_parts();
    assert_eq!(text(&mut body).await.as_deref(), Some("data: first\n\n"));
    drop(body);
    assert!(dropped.load(Relaxed));
}

#[test]
fn events_may_have_the_context() {
    let torn_down = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&torn_down);
    async fn events(ctx: &mut Context) -> EventStream {
        EventStream::from_body(
            ctx.stream_with_context(async |ctx, out| EventSender::new(out).send(ctx.url_for("events")?).await),
        )
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/e").endpoint("events"), events);
    let client = app.teardown_request(move |ctx: &mut Context| {
        noted.lock().expect("no panic").push(ctx.request().path().to_owned());
    });
    assert_eq!(client.test_client().get("/e").send_blocking().text(), "data: /e\n\n");
    assert_eq!(*torn_down.lock().expect("no panic"), ["/e"]);
}

#[test]
fn an_iterator_that_blocks_is_a_body() {
    let lines = |ctx: &mut Context| {
        let lines = (0..20_000).map(|n| format!("line {n}\n"));
        ctx.app().stream_blocking(lines.map(Ok::<_, Error>))
    };
    let fails = |ctx: &mut Context| {
        let items = [Ok("good"), Err(io::Error::other("the disk is gone"))];
        ctx.app().stream_blocking(items)
    };
    let panics = |ctx: &mut Context| {
        let items = (0..2).map(|n| if n == 0 { Ok::<_, Error>("x") } else { panic!("in pieces") });
        ctx.app().stream_blocking(items)
    };
    let client = App::new("test", ".")
        .add_url_rule(Rule::new("/lines"), lines)
        .add_url_rule(Rule::new("/fails"), fails)
        .add_url_rule(Rule::new("/panics"), panics)
        .test_client();
    let text = client.get("/lines").send_blocking().text();
    assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 19999\n"));
    assert_eq!(text.lines().count(), 20_000);
    let failed = client.get("/fails").send_blocking();
    assert_eq!((failed.text().as_str(), failed.body_error()), ("good", Some("the disk is gone")));
    assert!(client.get("/panics").send_blocking().body_error().is_some_and(|error| error.contains("in pieces")));
}

#[hipflask::test]
async fn an_item_is_sent_while_the_next_one_is_waited_for() {
    let (give, given) = mpsc::channel::<String>();
    let given = Mutex::new(Some(given));
    let items = move |ctx: &mut Context| {
        let given = given.lock().expect("no panic").take().expect("one asks");
        ctx.app().stream_blocking(given.into_iter().map(Ok::<_, Error>))
    };
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), inline(items)).freeze().expect("it is well formed");
    let (_, _, mut body) = app.respond(Request::get("/")).await.into_parts();
    for word in ["one", "two"] {
        give.send(word.to_owned()).expect("it is read");
        assert_eq!(text(&mut body).await.as_deref(), Some(word));
    }
    drop(give);
    assert_eq!(text(&mut body).await, None);
}

/// With one thread and no place to wait for it, it would stand still if a body kept the thread that it has.
#[hipflask::test]
async fn iterators_take_turns() {
    let items = |ctx: &mut Context| {
        let items = (0..200).map(|_| "x".repeat(1024));
        ctx.app().stream_blocking(items.map(Ok::<_, Error>))
    };
    let app = App::new("test", ".").config("VIEW_THREADS", 1).config("VIEW_QUEUE", 0);
    let app = app.add_url_rule(Rule::new("/"), inline(items)).freeze().expect("it is well formed");
    let (_, _, mut a) = app.respond(Request::get("/")).await.into_parts();
    let (_, _, mut b) = app.respond(Request::get("/")).await.into_parts();
    let (mut from_a, mut from_b) = (0, 0);
    while from_a + from_b < 400 * 1024 {
        from_a += text(&mut a).await.map_or(0, |text| text.len());
        from_b += text(&mut b).await.map_or(0, |text| text.len());
    }
    assert_eq!((from_a, from_b), (200 * 1024, 200 * 1024));
}
