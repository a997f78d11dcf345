//! A WebSocket is a request: sessions, logins, hooks, errors, and its end.

use std::sync::{Arc, Mutex};

use hipflask::errors::Caught;
use hipflask::extension::inline;
use hipflask::http::Cookie;
use hipflask::prelude::*;
use hipflask_websocket::prelude::*;

use crate::raw::soon;
use crate::{app, echo, rule};

/// What happened, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("nothing panics while it notes").push(what.into());
    }

    async fn has(&self, expected: &[&str]) {
        let so_far = || self.0.lock().expect("nothing panics while it notes").clone();
        soon(async {
            while so_far().len() < expected.len() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(so_far(), expected);
        self.0.lock().expect("nothing panics while it notes").clear();
    }

    fn app(&self) -> App {
        let (before, after, teardown, finished) = (self.clone(), self.clone(), self.clone(), self.clone());
        app()
            .before_request(inline(move || before.note("before")))
            .after_request(inline(move |ctx: &mut Context| {
                after.note(format!("after {}", ctx.response().map_or(0, |response| response.status().as_u16())));
            }))
            .teardown_request(inline(move |error: Option<Caught<Error>>| {
                teardown.note(format!("teardown {}", error.map(|error| error.to_string()).unwrap_or_default()));
            }))
            .on_finished(move |f| {
                let error = f.error().map(ToString::to_string).unwrap_or_default();
                finished.note(format!("finished {} {} {error}", f.status().as_u16(), f.is_complete()));
            })
    }
}

#[hipflask::test]
async fn hooks_run_around_the_handshake_and_the_request_ends_with_the_conversation() {
    let record = Record::default();
    let app = record.app().add_url_rule(rule("/"), async |handshake: Handshake| handshake.accept(echo));
    let client = app.test_client();
    let mut socket = client.websocket("/").connect().await;
    socket.send("hello").await;
    assert_eq!(socket.receive_text().await, "hello");
    record.has(&["before", "after 101", "teardown "]).await;
    socket.close(1000, "");
    socket.closed().await;
    record.has(&["finished 101 true "]).await;
    // One whose client is gone has ended too, and not as it should.
    client.websocket("/").connect().await.vanish().await;
    record.has(&["before", "after 101", "teardown ", "finished 101 false "]).await;
}

#[hipflask::test]
async fn with_the_context_teardown_waits_for_the_end() {
    let record = Record::default();
    let noted = record.clone();
    let view = async move |handshake: Handshake, session: Session| {
        let noted = noted.clone();
        session.set("seen", true);
        handshake.accept_with_context(async move |mut ctx, mut socket| {
            ctx.g_mut().insert(7u8);
            let user: String = ctx.session().get("user").unwrap_or_default();
            socket.send(format!("{user} {}", ctx.request_id().len())).await?;
            while let Some(message) = socket.receive().await? {
                if message.as_text() == Some("fail") {
                    return Err(Error::msg("it failed"));
                }
            }
            noted.note("the function ends");
            Ok(())
        })
    };
    let view = {
        let view = Arc::new(view);
        move |handshake: Handshake, session: Session| {
            let view = Arc::clone(&view);
            async move { view(handshake, session).await }
        }
    };
    let client = record.app().add_url_rule(rule("/"), view).test_client();
    client.session_transaction(|session| session.set("user", "Ada"));
    let mut socket = client.websocket("/").connect().await;
    assert_eq!(socket.receive_text().await, "Ada 16");
    assert_eq!(client.session(|session| session.get::<bool>("seen")), Some(true), "the handshake sets cookies");
    record.has(&["before", "after 101"]).await;
    socket.close(1000, "");
    record.has(&["the function ends", "teardown ", "finished 101 true "]).await;

    let mut socket = client.websocket("/").connect().await;
    socket.send("fail").await;
    assert_eq!(socket.receive_text().await, "Ada 16");
    assert_eq!(socket.closed().await.code(), CloseCode::INTERNAL_ERROR);
    drop(socket);
    record.has(&["before", "after 101", "teardown it failed", "finished 101 false it failed"]).await;
}

#[hipflask::test]
async fn an_error_before_the_accept_is_an_ordinary_answer_and_one_after_it_is_none() {
    #[derive(Debug)]
    struct Closed;
    impl std::fmt::Display for Closed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("closed")
        }
    }
    impl std::error::Error for Closed {}
    let record = Record::default();
    let view = async |handshake: Handshake, args: hipflask::routing::ViewArgs| -> Result<Accepted> {
        match args.text("when") {
            Some("abort") => abort!(403),
            Some("error") => Err(Closed)?,
            Some("panic") => panic!("in pieces"),
            Some("later") => Ok(handshake.accept(async |_| Err(Closed.into()))),
            _ => Ok(handshake.accept(async |_| panic!("in pieces"))),
        }
    };
    let handler = hipflask::errors::ErrorHandler::new(hipflask::errors::Catches::error::<Closed>(), || ("closed", 409));
    let client = record.app().errorhandler(handler).add_url_rule(rule("/<when>"), view).test_client();
    for (when, status) in [("abort", 403), ("error", 409), ("panic", 500)] {
        let response = client.websocket(&format!("/{when}")).send().await;
        assert_eq!((response.status().as_u16(), response.header("upgrade")), (status, None), "{when}");
        record.0.lock().expect("no panic").clear();
    }
    for (when, told) in [("later", "closed"), ("much-later", "in pieces")] {
        let mut socket = client.websocket(&format!("/{when}")).connect().await;
        assert_eq!(socket.closed().await.code(), CloseCode::INTERNAL_ERROR);
        drop(socket);
        soon(async {
            while record.0.lock().expect("no panic").len() < 4 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let record = std::mem::take(&mut *record.0.lock().expect("no panic"));
        assert!(record[3].starts_with("finished 101 false ") && record[3].ends_with(told), "{record:?}");
    }
}

#[hipflask::test]
async fn an_answer_that_accepts_takes_headers_and_cookies() {
    let view = async |handshake: Handshake| -> Result<Reply> {
        let mut reply = handshake.accept(echo).into_reply().with_header("x-room", "a")?;
        reply.set_cookie(&Cookie::new("theme", "dark"))?;
        Ok(reply)
    };
    let client = app().add_url_rule(rule("/"), view).test_client();
    let mut socket = client.websocket("/").connect().await;
    assert_eq!(socket.response().header("x-room"), Some("a"));
    assert_eq!(client.cookie("theme").as_deref(), Some("dark"));
    socket.send(vec![1, 2, 3]).await;
    assert_eq!(socket.receive().await, Message::from(vec![1, 2, 3]));
}

#[hipflask::test]
async fn a_hook_that_answers_refuses() {
    let view = async |handshake: Handshake| handshake.accept(echo);
    let app = app().before_request(async || Some(("not today", 503))).add_url_rule(rule("/"), view);
    let response = app.test_client().websocket("/").send().await;
    assert_eq!((response.status().as_u16(), response.text()), (503, "not today".to_owned()));
}

#[hipflask::test]
async fn blueprints_mounts_and_plain_functions_have_websockets() {
    fn view(handshake: Handshake) -> Accepted {
        handshake.accept(echo)
    }
    let room = |name: &'static str| Blueprint::new(name).url_prefix(format!("/{name}"));
    let inner = app().add_url_rule(rule("/echo"), view);
    let app = app().register_blueprint(room("chat").add_url_rule(rule("/echo"), view)).mount("/inner", inner);
    let client = app.test_client();
    for path in ["/chat/echo", "/inner/echo"] {
        let mut socket = client.websocket(path).connect().await;
        socket.send("hello").await;
        assert_eq!(socket.receive_text().await, "hello", "{path}");
    }
}

#[hipflask::test]
async fn json_comes_and_goes() {
    let view = async |handshake: Handshake| {
        handshake.accept(async |mut socket| {
            while let Some(numbers) = socket.receive_json::<Vec<i64>>().await? {
                socket.send_json(&serde_json::json!({"sum": numbers.iter().sum::<i64>()})).await?;
            }
            Ok(())
        })
    };
    let client = app().add_url_rule(rule("/"), view).test_client();
    let mut socket = client.websocket("/").connect().await;
    socket.send_json(&[1, 2, 3]).await;
    assert_eq!(socket.receive_text().await, "{\"sum\":6}");
    socket.send("[1, 2]").await;
    assert_eq!(socket.receive_json::<serde_json::Value>().await, serde_json::json!({"sum": 3}));
    socket.send("nonsense").await;
    assert_eq!(socket.closed().await.code(), CloseCode::INTERNAL_ERROR);
}
