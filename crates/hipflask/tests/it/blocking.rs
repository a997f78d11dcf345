//! Where synchronous functions run, and that they may block there.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use hipflask::extension::{Answer, Handler, IntoHandler, inline};
use hipflask::http::Request;
use hipflask::prelude::*;
use hipflask::{Frozen, Rule};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

fn frozen(app: App) -> Frozen {
    app.freeze().expect("nothing is wrong with it")
}

async fn text(app: &Frozen, path: &str) -> String {
    let response = app.respond(Request::get(path)).await;
    let body = response.into_parts().2.collect(u64::MAX).await.expect("a body in memory");
    String::from_utf8_lossy(&body).into_owned()
}

fn on_a_view_thread() -> bool {
    thread::current().name().is_some_and(|name| name.starts_with("hipflask-view-"))
}

#[hipflask::test]
async fn synchronous_views_are_views() {
    #[get("/<int:n>")]
    fn double(n: u32) -> String {
        (n * 2).to_string()
    }
    #[get("/ctx/<name>")]
    fn with_context(ctx: &mut Context, name: String) -> String {
        format!("{} {name}", ctx.request().path())
    }
    #[get("/panic")]
    fn panics() -> String {
        panic!("in a synchronous view")
    }
    #[get("/panic/ctx")]
    fn panics_with_context(_ctx: &mut Context) -> String {
        panic!("in a synchronous view")
    }
    fn stamp(ctx: &mut Context) {
        let path = ctx.request().path().parse().expect("a path is a header's value");
        ctx.response_mut().headers_mut().insert("x-path", path);
    }
    let routes = routes![double, with_context, panics, panics_with_context];
    let client = App::new("test", ".").routes(routes).after_request(stamp).test_client();
    for n in 0..10 {
        assert_eq!(client.get(&format!("/{n}")).send().await.text(), (n * 2).to_string());
    }
    assert_eq!(client.get("/ctx/x").send().await.text(), "/ctx/x x");
    for path in ["/panic", "/panic/ctx"] {
        let response = client.get(path).send().await;
        assert_eq!((response.status().as_u16(), response.header("x-path")), (500, Some(path)));
    }
    assert_eq!(client.get("/1").send().await.text(), "2");
}

#[test]
fn a_plain_function_runs_on_a_view_thread_and_what_is_inline_in_place() {
    #[get("/")]
    fn view() -> String {
        on_a_view_thread().to_string()
    }
    #[get("/inline", inline)]
    fn quick() -> String {
        on_a_view_thread().to_string()
    }
    #[get("/inline/<name>", inline)]
    fn quick_with_context(ctx: &mut Context, name: String, session: Session) -> String {
        format!("{} {name} {} {}", on_a_view_thread(), session.is_empty(), ctx.request().path())
    }
    #[get("/inline/body", inline)]
    fn quick_with_body(body: hipflask::http::Bytes) -> String {
        format!("{} {}", on_a_view_thread(), body.len())
    }
    #[get("/fails")]
    fn fails() -> Result<String> {
        abort!(409)
    }
    #[errorhandler(409)]
    fn conflict() -> String {
        format!("409 {}", on_a_view_thread())
    }
    #[errorhandler(404, inline)]
    fn missing() -> String {
        format!("404 {}", on_a_view_thread())
    }
    fn hook(ctx: &mut Context) -> Option<String> {
        (ctx.request().path() == "/hook").then(|| on_a_view_thread().to_string())
    }
    fn quick_hook(ctx: &mut Context) -> Option<String> {
        (ctx.request().path() == "/quick-hook").then(|| on_a_view_thread().to_string())
    }
    let app = App::new("test", ".").config("SECRET_KEY", "a key that is long enough, and only for tests");
    let app = app.before_request(hook).before_request(inline(quick_hook));
    let app = app.add_url_rule(Rule::new("/closure"), || on_a_view_thread().to_string());
    let app = app.add_url_rule(Rule::new("/closure/inline"), inline(|_: Config| on_a_view_thread().to_string()));
    let app = app.errorhandler(conflict).errorhandler(missing);
    let client = app.routes(routes![view, quick, quick_with_context, quick_with_body, fails]).test_client();
    for (path, text) in [
        ("/", "true"),
        ("/inline", "false"),
        ("/inline/a", "false a true /inline/a"),
        ("/inline/body", "false 0"),
        ("/fails", "409 true"),
        ("/nowhere", "404 false"),
        ("/hook", "true"),
        ("/quick-hook", "false"),
        ("/closure", "true"),
        ("/closure/inline", "false"),
    ] {
        assert_eq!(client.get(path).send_blocking().text(), text, "{path}");
    }
}

#[hipflask::test]
async fn a_panic_in_place_is_a_500() {
    #[get("/", inline)]
    fn view() -> String {
        panic!("in place")
    }
    fn hook(ctx: &mut Context) {
        assert!(ctx.request().path() != "/hook", "in a hook");
    }
    let client = App::new("test", ".").before_request(inline(hook)).routes(routes![view]).test_client();
    for path in ["/", "/hook", "/"] {
        assert_eq!(client.get(path).send().await.status(), 500, "{path}");
    }
}

/// All that blocks or needs the runtime, as often as it takes to show that no call is treated differently.
#[test]
fn a_plain_function_may_block_in_every_way() {
    #[get("/runtime")]
    fn runtime() -> String {
        Handle::current().block_on(async { tokio::spawn(async { "spawned" }).await.expect("no panic") }).to_owned()
    }
    #[get("/block-on")]
    fn block_on() -> String {
        hipflask::block_on(async {
            tokio::task::yield_now().await;
            "awaited".to_owned()
        })
    }
    #[get("/own-runtime")]
    fn own_runtime() -> Result<String> {
        Ok(Builder::new_current_thread().build()?.block_on(async { "own".to_owned() }))
    }
    #[get("/channel")]
    fn blocking_channel(ctx: &mut Context) -> Result<String> {
        let (send, receive) = oneshot::channel();
        tokio::spawn(async move { send.send("received") });
        assert_eq!(ctx.request().path(), "/channel");
        Ok(receive.blocking_recv()?.to_owned())
    }
    for (name, runtime) in [
        ("current thread", Builder::new_current_thread().enable_all().build()),
        ("one worker", Builder::new_multi_thread().worker_threads(1).enable_all().build()),
        ("two workers", Builder::new_multi_thread().worker_threads(2).enable_all().build()),
    ] {
        let app = frozen(App::new("test", ".").routes(routes![runtime, block_on, own_runtime, blocking_channel]));
        let requests = async move {
            for _ in 0..8 {
                assert_eq!(text(&app, "/runtime").await, "spawned", "{name}");
                assert_eq!(text(&app, "/block-on").await, "awaited", "{name}");
                assert_eq!(text(&app, "/own-runtime").await, "own", "{name}");
                assert_eq!(text(&app, "/channel").await, "received", "{name}");
            }
        };
        let runtime = runtime.expect("a runtime needs nothing special");
        runtime.block_on(async { tokio::spawn(requests).await.expect("every request is answered") });
    }
}

/// The view's own message wakes the actor, which on tokio's worker would wait right behind the view.
#[test]
fn a_view_may_wait_for_a_task_that_it_has_woken_itself() {
    type Asked = (u32, Sender<u32>);
    #[get("/<int:n>")]
    fn ask(ctx: &mut Context, n: u32) -> Result<String> {
        let (reply, replied) = channel();
        let actor = ctx.state::<mpsc::UnboundedSender<Asked>>().or_404()?;
        actor.send((n, reply)).map_err(|_| Error::msg("the actor has ended"))?;
        Ok(replied.recv()?.to_string())
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime needs nothing special").block_on(async {
        let (actor, mut asked) = mpsc::unbounded_channel::<Asked>();
        tokio::spawn(async move {
            while let Some((n, reply)) = asked.recv().await {
                reply.send(n + 1).expect("the view waits for it");
            }
        });
        let app = frozen(App::new("test", ".").insert_state(actor).routes(routes![ask]));
        let requests = async move {
            for n in 0..50 {
                assert_eq!(text(&app, &format!("/{n}")).await, (n + 1).to_string());
            }
        };
        tokio::spawn(requests).await.expect("every request is answered");
    });
}

/// Sixty-four views wait until another request was answered that came after them.
#[test]
fn views_that_block_stop_no_others() {
    const BLOCKED: usize = 64;
    static ALL: Barrier = Barrier::new(BLOCKED + 1);
    #[get("/block")]
    fn block() -> &'static str {
        ALL.wait(); // All of them run.
        ALL.wait(); // The others were answered.
        "blocked"
    }
    #[get("/quick")]
    async fn quick() -> &'static str {
        "quick"
    }
    #[get("/sync")]
    fn sync() -> &'static str {
        "sync"
    }
    let app = frozen(App::new("test", ".").routes(routes![block, quick, sync]));
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime needs nothing special").block_on(async {
        let get = |path: &'static str| {
            let app = app.clone();
            tokio::spawn(async move { text(&app, path).await })
        };
        let blocked: Vec<_> = (0..BLOCKED).map(|_| get("/block")).collect();
        tokio::task::spawn_blocking(|| ALL.wait()).await.expect("all of them begin");
        assert_eq!(app.view_threads().running, BLOCKED);
        assert_eq!(get("/quick").await.expect("no panic"), "quick");
        assert_eq!(get("/sync").await.expect("no panic"), "sync");
        tokio::task::spawn_blocking(|| ALL.wait()).await.expect("all of them end");
        for view in blocked {
            assert_eq!(view.await.expect("no panic"), "blocked");
        }
    });
}

/// What lets a view say that it has begun, and end when it is told to.
#[derive(Clone)]
struct Gate {
    begin: mpsc::UnboundedSender<()>,
    ended: Arc<Mutex<Receiver<()>>>,
}

impl Gate {
    fn new() -> (Gate, mpsc::UnboundedReceiver<()>, Sender<()>) {
        let (begin, began) = mpsc::unbounded_channel();
        let (end, ended) = channel();
        (Gate { begin, ended: Arc::new(Mutex::new(ended)) }, began, end)
    }

    fn pass(&self) {
        self.begin.send(()).expect("the test waits for it");
        self.ended.lock().expect("not poisoned").recv().expect("the test lets it end");
    }
}

fn slow(ctx: &mut Context) -> Result<String> {
    ctx.state::<Gate>().cloned().or_404()?.pass();
    Ok(format!("slow {}", ctx.request().path()))
}

#[hipflask::test]
async fn when_all_threads_are_busy_and_the_queue_is_full_the_answer_is_503() {
    let (gate, mut began, end) = Gate::new();
    let app = App::new("test", ".").config("VIEW_THREADS", 1).config("VIEW_QUEUE", 1).insert_state(gate);
    let app = app.add_url_rule(Rule::new("/slow"), slow).add_url_rule(Rule::new("/"), || "quick");
    let app = frozen(app.after_request(async |ctx: &mut Context| {
        let path = ctx.request().path().parse()?;
        ctx.response_mut().headers_mut().insert("x-path", path);
        Ok::<_, Error>(())
    }));
    let get = |path: &'static str| {
        let app = app.clone();
        tokio::spawn(async move { app.respond(Request::get(path)).await })
    };
    let running = get("/slow");
    began.recv().await.expect("it begins");
    let waiting = get("/");
    while app.view_threads().waiting == 0 {
        tokio::task::yield_now().await;
    }
    for path in ["/", "/slow"] {
        let refused = app.respond(Request::get(path)).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["x-path"], path);
    }
    end.send(()).expect("the view waits for it");
    assert_eq!(running.await.expect("no panic").status(), 200);
    assert_eq!(waiting.await.expect("no panic").status(), 200);
    let errors = App::new("test", ".").config("VIEW_THREADS", 0).freeze().expect_err("no view could run");
    assert!(errors.to_string().contains("VIEW_THREADS"), "{errors}");
}

/// Calls a handler and gives up on it: the first time once it has begun, then while it cannot begin.
struct Impatient {
    inner: Arc<dyn Handler>,
    began: Mutex<Option<mpsc::UnboundedReceiver<()>>>,
}

impl Handler for Impatient {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        let began = self.began.lock().expect("not poisoned").take();
        Answer::Later(Box::pin(async move {
            let enough = async {
                match began {
                    Some(mut began) => began.recv().await.expect("it begins"),
                    None => tokio::task::yield_now().await,
                }
            };
            tokio::select! {
                biased;
                answer = self.inner.call(ctx) => return answer,
                () = enough => {}
            }
            let body = ctx.data().await?;
            let text = format!("gave up on {} {body:?}", ctx.request().path());
            Ok(Some(Response::new(text).with_status(Status::GATEWAY_TIMEOUT)))
        }))
    }
}

/// A future that the context was lent to is dropped; the request has its answer all the same.
#[hipflask::test]
async fn a_synchronous_function_that_is_given_up_leaves_a_context() {
    let (gate, began, _end) = Gate::new();
    let app = App::new("test", ".").config("VIEW_THREADS", 1).insert_state(gate);
    let app =
        app.config("SECRET_KEY", "a key that is long enough, and only for tests").config("WTF_CSRF_ENABLED", false);
    let app = app.before_request(async |session: Session| session.set("kept", true));
    let app = app.after_request(async |ctx: &mut Context| {
        let found = (ctx.request().header("x-sent").map(str::to_owned), ctx.endpoint().map(str::to_owned));
        ctx.response_mut().headers_mut().insert("x-found", format!("{found:?}").parse()?);
        Ok::<_, Error>(())
    });
    let impatient = Impatient { inner: slow.into_handler(), began: Mutex::new(Some(began)) };
    let app = frozen(app.add_url_rule(Rule::new("/<name>").methods([POST]).endpoint("named"), impatient));
    // What has begun keeps the body; what has not gives it back.
    for (path, text) in [("/begun", r#"gave up on /begun b"""#), ("/waiting", r#"gave up on /waiting b"body""#)] {
        let request = Request::get(path).with_method(POST).with_header("x-sent", "yes").with_body("body");
        let response = app.respond(request).await;
        assert_eq!(response.status(), 504, "{path}");
        assert_eq!(response.headers()["x-found"], r#"(Some("yes"), Some("named"))"#, "{path}");
        assert!(response.headers().contains_key("set-cookie"), "the session is saved: {path}");
        assert_eq!(response.into_parts().2.collect(u64::MAX).await.expect("a body in memory"), text);
        let threads = app.view_threads();
        assert_eq!((threads.running, threads.waiting), (1, 0), "{path}");
    }
}

#[hipflask::test]
async fn a_step_of_an_async_view_can_block_too() {
    #[get("/<name>")]
    async fn view(ctx: &mut Context, name: String) -> Result<String> {
        let apart = ctx.app().run_blocking(on_a_view_thread).await?;
        let path = ctx.run_blocking(|ctx| ctx.request().path().to_owned()).await?;
        Ok(format!("{name} {apart} {path} {}", on_a_view_thread()))
    }
    #[get("/panic")]
    async fn panics(ctx: &mut Context) -> Result<String> {
        let panicked = ctx.run_blocking(|_| panic!("boom")).await;
        Ok(format!("{} {}", panicked.map_or_else(|error| error.to_string(), |()| "fine".into()), ctx.request().path()))
    }
    let client = App::new("test", ".").routes(routes![view, panics]).test_client();
    assert_eq!(client.get("/x").send().await.text(), "x true /x false");
    assert!(client.get("/panic").send().await.text().ends_with(": boom /panic"));
}
