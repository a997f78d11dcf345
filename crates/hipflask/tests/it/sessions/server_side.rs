//! Sessions that are kept on the server: in stores of the tests' own, made of nothing but what is public.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use hipflask::Rule;
use hipflask::http::MultiDict;
use hipflask::prelude::*;
use hipflask::sessions::{MemoryStore, ServerSideSessions, SessionStore};
use hipflask::testing::TestClient;
use tokio::sync::Notify;

use super::app;

/// A store that has to be waited for, like one behind a socket.
#[derive(Default)]
pub(super) struct Slow(MemoryStore);

impl SessionStore for Slow {
    async fn load(&self, sid: &str) -> Result<Option<Vec<u8>>> {
        tokio::task::yield_now().await;
        self.0.load(sid).await
    }

    async fn insert(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<()> {
        tokio::task::yield_now().await;
        self.0.insert(sid, values, lifetime).await
    }

    async fn update(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<bool> {
        tokio::task::yield_now().await;
        self.0.update(sid, values, lifetime).await
    }

    async fn touch(&self, sid: &str, lifetime: Duration) -> Result<bool> {
        tokio::task::yield_now().await;
        self.0.touch(sid, lifetime).await
    }

    async fn delete(&self, sid: &str) -> Result<()> {
        tokio::task::yield_now().await;
        self.0.delete(sid).await
    }
}

/// A store that may be down, and notes what it was asked for. `NOW` is whether it never waits.
#[derive(Clone, Default)]
struct Watched<const NOW: bool> {
    kept: Arc<MemoryStore>,
    asked: Arc<Mutex<Vec<&'static str>>>,
    down: Arc<AtomicBool>,
    /// The one thing that fails.
    failing: Arc<Mutex<&'static str>>,
}

impl<const NOW: bool> Watched<NOW> {
    fn note(&self, what: &'static str) -> Result<()> {
        self.asked.lock().expect("nothing panics with it").push(what);
        if self.down.load(Relaxed) || *self.failing.lock().expect("nothing panics with it") == what {
            abort!(503, "the store is down");
        }
        Ok(())
    }

    fn fails_at(&self, what: &'static str) {
        *self.failing.lock().expect("nothing panics with it") = what;
    }

    fn asked(&self) -> String {
        std::mem::take(&mut *self.asked.lock().expect("nothing panics with it")).join(" ")
    }

    fn interface(&self, app: App) -> App {
        let store = self.clone();
        app.session_interface(move |freezing| ServerSideSessions::new(store, freezing.config()))
    }
}

impl<const NOW: bool> SessionStore for Watched<NOW> {
    const READY: bool = NOW;

    async fn load(&self, sid: &str) -> Result<Option<Vec<u8>>> {
        self.note("load")?;
        self.kept.load(sid).await
    }

    async fn insert(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<()> {
        self.note("insert")?;
        self.kept.insert(sid, values, lifetime).await
    }

    async fn update(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<bool> {
        self.note("update")?;
        self.kept.update(sid, values, lifetime).await
    }

    async fn touch(&self, sid: &str, lifetime: Duration) -> Result<bool> {
        self.note("touch")?;
        self.kept.touch(sid, lifetime).await
    }

    async fn delete(&self, sid: &str) -> Result<()> {
        self.note("delete")?;
        self.kept.delete(sid).await
    }
}

async fn get(client: &TestClient, target: &str) -> String {
    client.get(target).send().await.text()
}

#[hipflask::test]
async fn the_cookie_has_an_id_and_no_values() {
    let client = Watched::<true>::default().interface(app()).test_client();
    get(&client, "/set?password=correct-horse").await;
    let first = client.cookie("session").expect("it was set");
    get(&client, "/set?more=1").await;
    let id = |cookie: &str| cookie.split('.').next().map(str::to_owned);
    assert_eq!(id(&client.cookie("session").expect("it was set")), id(&first), "it keeps its id");
    get(&client, "/login/renew").await;
    assert_ne!(id(&client.cookie("session").expect("it was set")), id(&first), "but not over a login");
    let other = Watched::<true>::default().interface(app()).test_client();
    other.set_cookie("session", &first);
    assert_eq!(get(&other, "/ask").await, "true false []", "a store that does not have it");
}

/// One statement for a change, one for putting an end off, none for what nothing asks for.
#[hipflask::test]
async fn a_store_is_asked_for_no_more_than_is_needed() {
    let store = Watched::<true>::default();
    let client = store.interface(app()).test_client();
    for (target, asked) in [
        ("/untouched", ""),
        ("/ask", ""),
        ("/set?a=1", "insert"),
        ("/set?a=2", "load update"),
        ("/get/a", "load"),
        ("/nowhere", ""),
        ("/login/renew", "load insert delete"),
        ("/clear", "load delete"),
        ("/permanent", "insert"),
        ("/get/kept", "load touch"),
    ] {
        get(&client, target).await;
        // A session that is not permanent is only opened at the end to see that it is not.
        let found = store.asked();
        let found = if asked.is_empty() { found.replace("load", "") } else { found };
        assert_eq!(found, asked, "{target}");
    }
}

#[hipflask::test]
async fn a_store_that_is_down_fails_the_request_and_logs_no_one_out() {
    async fn page(error: HttpError) -> (Status, Template) {
        (error.status(), Template::from_string("{{ session.user }}|{{ get_flashed_messages()|length }}"))
    }
    async fn ask(ctx: &mut hipflask::Context) -> String {
        format!("{:?}", ctx.session().get::<String>("user"))
    }
    fn client_of<const NOW: bool>(store: &Watched<NOW>) -> TestClient {
        let app = app().register_error_handler(503, page).add_url_rule(Rule::new("/in-a-view"), ask);
        store.interface(app).test_client()
    }
    async fn check<const NOW: bool>() {
        let store = Watched::<NOW>::default();
        let client = client_of(&store);
        get(&client, "/set?user=Ada").await;
        for target in ["/get/user", "/set?user=Eve", "/clear", "/login/renew", "/flash"] {
            store.down.store(true, Relaxed);
            let response = client.get(target).send().await;
            store.down.store(false, Relaxed);
            let found = (response.status().as_u16(), response.header("set-cookie"), response.text());
            assert_eq!(found, (503, None, "|0".to_owned()), "{target}");
            assert_eq!(get(&client, "/get/user").await, "Some(\"Ada\")", "{target}: the login is still there");
        }
        // The same where the error shows as late as at the end.
        let stranger = client_of(&store);
        for (client, target, page) in [(&client, "/in-a-view", "|0"), (&stranger, "/set?user=Eve", "Eve|0")] {
            store.down.store(true, Relaxed);
            let response = client.get(target).send().await;
            store.down.store(false, Relaxed);
            let found = (response.status().as_u16(), response.header("set-cookie"), response.text());
            assert_eq!(found, (503, None, page.to_owned()), "{target}");
        }
        assert_eq!(get(&stranger, "/ask").await, "true false []");
    }
    check::<true>().await;
    check::<false>().await;
}

/// A login that cannot be kept takes nothing away.
#[hipflask::test]
async fn what_was_there_stays_until_the_new_session_is_kept() {
    let store = Watched::<true>::default();
    let client = store.interface(app()).test_client();
    get(&client, "/set?basket=1").await;
    store.fails_at("insert");
    assert_eq!(client.get("/login/renew").send().await.status(), 503);
    store.fails_at("");
    assert_eq!(get(&client, "/get/basket").await, "Some(\"1\")");
}

/// A view that stops in the middle, and goes on when it is told to.
async fn halfway(app: App, begin: &str, meanwhile: &[&str]) -> TestClient {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (reached, released) = (Arc::clone(&begun), Arc::clone(&go_on));
    let stop = move |query: MultiDict, session: Session| {
        let (reached, released) = (Arc::clone(&reached), Arc::clone(&released));
        async move {
            query.iter().for_each(|(key, value)| session.set(key, value));
            reached.notify_one();
            released.notified().await;
            "went on"
        }
    };
    let client = app.add_url_rule(Rule::new("/halfway"), stop).test_client();
    get(&client, "/set?user=Ada").await;
    get(&client, "/permanent").await;
    {
        let mut request = pin!(client.get(begin).send());
        std::future::poll_fn(|cx| {
            assert!(request.as_mut().poll(cx).is_pending(), "it stops halfway");
            Poll::Ready(())
        })
        .await;
        begun.notified().await;
        for target in meanwhile {
            assert_eq!(client.get(target).send().await.status(), 200, "{target}");
        }
        go_on.notify_one();
        assert_eq!(request.await.text(), "went on");
    }
    client
}

#[hipflask::test]
async fn a_session_that_one_request_has_ended_is_not_brought_back_by_another() {
    let store = Watched::<true>::default();
    let client = halfway(store.interface(app()), "/halfway?late=1", &["/clear"]).await;
    assert_eq!(get(&client, "/ask").await, "true false []");
    let client = halfway(store.interface(app()), "/halfway?late=1", &["/login/renew"]).await;
    assert_eq!(get(&client, "/ask").await, r#"false false ["user"]"#, "the new login is untouched");
    // One that only puts the end of the old session off must not give the browser its cookie again.
    let client = halfway(store.interface(app()), "/halfway", &["/login/renew"]).await;
    assert_eq!(get(&client, "/get/user").await, "Some(\"Ada\")");
    assert_eq!(get(&client, "/get/kept").await, "None", "it is the new session");
}

#[hipflask::test]
async fn a_request_that_only_reads_takes_nothing_back() {
    let client = halfway(Watched::<true>::default().interface(app()), "/halfway", &["/set?meanwhile=1"]).await;
    assert_eq!(get(&client, "/get/meanwhile").await, "Some(\"1\")");
}

#[hipflask::test]
async fn a_store_that_says_it_is_ready_and_waits_is_told() {
    struct Liar;
    impl SessionStore for Liar {
        const READY: bool = true;

        async fn load(&self, _: &str) -> Result<Option<Vec<u8>>> {
            std::future::pending().await
        }

        async fn insert(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<()> {
            std::future::pending().await
        }

        async fn update(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<bool> {
            Ok(true)
        }

        async fn touch(&self, _: &str, _: Duration) -> Result<bool> {
            Ok(true)
        }

        async fn delete(&self, _: &str) -> Result<()> {
            Ok(())
        }
    }
    let app = app().session_interface(|freezing| ServerSideSessions::new(Liar, freezing.config()));
    assert_eq!(app.test_client().get("/set?a=1").send().await.status(), 500);
}

#[test]
fn a_plain_test_looks_into_a_store_that_has_to_be_waited_for() {
    let app = app().session_interface(|freezing| ServerSideSessions::new(Slow::default(), freezing.config()));
    let client = app.test_client();
    client.session_transaction(|session| session.set("user", "Ada"));
    assert_eq!(client.session(|session| session.get::<String>("user")).as_deref(), Some("Ada"));
}
