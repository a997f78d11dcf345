//! Streams of events, and work after responses, on real sockets.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use hipflask::Rule;
use hipflask::helpers::EventStream;
use hipflask::prelude::*;
use tokio::sync::Semaphore;

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
