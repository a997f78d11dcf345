//! Streams of events, and work after responses, on real sockets.

use std::future::pending;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hipflask::Rule;
use hipflask::helpers::{Event, EventStream};
use hipflask::prelude::*;
use tokio::process::Command;
use tokio::sync::{Semaphore, mpsc};

use super::{PATIENCE, Server, app, rule, soon, wait};

const GET_ROOT: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn events_come_at_once_and_end_when_the_server_stops() {
    let events = || async {
        EventStream::new(async |mut out| {
            out.send("first").await?;
            pending().await
        })
    };
    let server = Server::start(app().add_url_rule(rule("/"), events).config("SERVER_GRACEFUL_TIMEOUT", 600));
    let mut client = server.connect().await;
    client.send(GET_ROOT).await;
    let head = client.head().await;
    assert!(head.contains("text/event-stream") && head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(client.chunk().await, b"data: first\n\n");
    let began = Instant::now();
    let stopped = server.stop();
    assert_eq!(client.chunk().await, b"", "it ends like a whole body");
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn the_client_has_its_answer_before_the_work_is_done_and_a_stop_waits_for_that() {
    let [begun, open, done, shut] = std::array::from_fn(|_| Arc::new(Semaphore::new(0)));
    let (begin, gate, end, down) = (Arc::clone(&begun), Arc::clone(&open), Arc::clone(&done), Arc::clone(&shut));
    let view = move |ctx: &mut Context| {
        let (begin, gate, end) = (Arc::clone(&begin), Arc::clone(&gate), Arc::clone(&end));
        ctx.after_response(async move |_| {
            begin.add_permits(1);
            wait(&gate).await;
            end.add_permits(1);
            Ok(())
        })?;
        Ok::<_, Error>("answer")
    };
    let app = app().add_url_rule(Rule::new("/"), view).on_shutdown(move || down.add_permits(1));
    let server = Server::start(app);
    assert_eq!(server.answer(GET_ROOT).await.body, "answer");
    soon(wait(&begun)).await;
    assert_eq!(done.available_permits(), 0);
    let stopped = server.stop();
    open.add_permits(1);
    soon(wait(&shut)).await;
    assert_eq!(done.available_permits(), 1, "it shuts down after the work");
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

/// The page tells the server what it gets. It connects again on its own, with the id of the last event.
#[tokio::test]
#[ignore = "needs Chromium, which `cargo xtask test` prepares"]
async fn a_browser_gets_events_and_goes_on_where_it_was() {
    const SCRIPT: &str = "const source = new EventSource('/events');
        const tell = (event) => fetch('/seen?' + new URLSearchParams({event: event.data + '|' + event.lastEventId}));
        source.onmessage = tell;
        source.addEventListener('note', tell);";
    let events = async |ctx: &mut Context| {
        let last: u32 = ctx.request().last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
        EventStream::new(async move |mut out| {
            out.send(Event::comment("soon").retry(Duration::from_millis(10))).await?;
            out.send(Event::new(format!("line {last}\nend")).id((last + 1).to_string())).await?;
            out.send(Event::new("\u{fc}").event("note")).await
        })
    };
    let (see, mut seen) = mpsc::unbounded_channel();
    let app = app()
        .add_url_rule(Rule::new("/"), || html!("<!doctype html><script src=/script.js></script>"))
        .add_url_rule(Rule::new("/script.js"), || ([("content-type", "text/javascript")], SCRIPT))
        .add_url_rule(Rule::new("/events"), events)
        .add_url_rule(Rule::new("/seen"), move |ctx: &mut Context| {
            let _ = see.send(ctx.request().args().get("event").unwrap_or_default().to_owned());
            "seen"
        });
    let server = Server::start(app);
    let profile = std::env::temp_dir().join(format!("hipflask-events-{}", std::process::id()));
    let mut browser = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--remote-debugging-port=0".to_owned(), format!("http://{}/", server.address)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Chromium is there");
    // What it tells may overtake each other, and it goes on and on.
    let mut awaited = vec!["line 0\nend|1", "\u{fc}|1", "line 1\nend|2", "\u{fc}|2"];
    while !awaited.is_empty() {
        let told = soon(seen.recv()).await.expect("the server is there");
        awaited.retain(|one| *one != told);
    }
    browser.kill().await.expect("it runs until it is told to end");
    let _ = std::fs::remove_dir_all(profile);
}
