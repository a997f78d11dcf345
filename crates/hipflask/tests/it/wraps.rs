//! What is wrapped around an application: what each of these would be as a middleware of its own, and what becomes of it.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hipflask::Rule;
use hipflask::extension::{Answer, Freezing, Handler};
use hipflask::http::{HeaderMap, Method};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;

const KEY: &str = "a key that is long enough, and only for tests";

/// What `f` does with a request and with what is inside.
struct Around<F>(Arc<dyn Handler>, F);

impl<F: Fn(&mut Context) + Send + Sync + 'static> Handler for Around<F> {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        self.1(ctx);
        self.0.call(ctx)
    }
}

#[test]
fn a_header_can_name_another_method() {
    fn method_override(ctx: &mut Context) {
        let named = ctx.request().header("x-http-method-override").and_then(|name| name.parse::<Method>().ok());
        if let (true, Some(method)) = (ctx.request().method() == POST, named) {
            ctx.request_mut().set_method(method);
        }
    }
    let app = App::new("test", ".").add_url_rule(Rule::new("/").methods([DELETE]), || "deleted");
    let client = app.wrap(|inside| Around(inside, method_override)).test_client();
    assert_eq!(client.post("/").header("x-http-method-override", "DELETE").send_blocking().text(), "deleted");
    assert_eq!(client.post("/").send_blocking().status(), 405);
}

/// Gives up what takes longer.
struct TimeOut(Arc<dyn Handler>, Duration);

impl Handler for TimeOut {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            match tokio::time::timeout(self.1, self.0.call(ctx)).await {
                Ok(answer) => answer,
                Err(_) => abort!(503, "It took too long."),
            }
        }))
    }
}

#[test]
fn a_time_out_around_everything_is_an_answer_like_others() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let client = |limit: Duration| {
        let (hooks, ended) = (Arc::clone(&notes), Arc::clone(&notes));
        let place = |ctx: &Context| format!("{} {:?}", ctx.request().path(), ctx.endpoint());
        App::new("test", ".")
            .add_url_rule(Rule::new("/slow").endpoint("slow"), async || -> &str { pending().await })
            .add_url_rule(Rule::new("/quick").endpoint("quick"), || "quick")
            .after_request(move |ctx: &mut Context| hooks.lock().expect("no panic").push(place(ctx)))
            .teardown_request(move |ctx: &mut Context| ended.lock().expect("no panic").push(place(ctx)))
            .wrap(move |inside| TimeOut(inside, limit))
            .test_client()
    };
    let response = client(Duration::from_millis(10)).get("/slow").send_blocking();
    assert_eq!((response.status().as_u16(), response.header("x-content-type-options")), (503, Some("nosniff")));
    assert!(response.text().contains("It took too long."));
    assert_eq!(client(Duration::from_secs(60)).get("/quick").send_blocking().text(), "quick");
    let (slow, quick) = (r#"/slow Some("slow")"#, r#"/quick Some("quick")"#);
    assert_eq!(*notes.lock().expect("no panic"), [slow, slow, quick, quick]);
}

mod spans {
    use super::*;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Instrument, Metadata, Subscriber};

    /// A span around the request, which learns the endpoint when it is known.
    struct Traced(Arc<dyn Handler>);

    impl Handler for Traced {
        fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
            let path = ctx.request().path();
            let span = tracing::info_span!("request", path, endpoint = tracing::field::Empty);
            Answer::Later(Box::pin(async move {
                let answer = self.0.call(ctx).instrument(span.clone()).await;
                span.record("endpoint", ctx.endpoint().unwrap_or("none"));
                answer
            }))
        }
    }

    /// Notes what happens, in order.
    #[derive(Clone, Default)]
    struct Noting(Arc<Mutex<Vec<String>>>);

    impl Visit for Noting {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.lock().expect("no panic").push(format!("{field}={value:?}"));
        }
    }

    impl Subscriber for Noting {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("it::wraps")
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut self.clone());
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }

        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_span_is_around_everything() {
        async fn view() -> &'static str {
            tracing::info!("in the view");
            "ok"
        }
        let app = App::new("test", ".").add_url_rule(Rule::new("/<name>").endpoint("show"), view).wrap(Traced);
        let (client, noting) = (app.test_client(), Noting::default());
        tracing::subscriber::with_default(noting.clone(), || client.get("/a").send_blocking());
        let noted = noting.0.lock().expect("no panic");
        assert_eq!(*noted, ["path=\"/a\"", "message=in the view", "endpoint=\"show\""]);
    }
}

/// Notes that it was passed on the way in, and in a header on the way out.
fn stamp(name: &'static str) -> impl FnOnce(Arc<dyn Handler>) -> Stamp + Send + 'static {
    move |inside| Stamp(inside, name)
}

struct Stamp(Arc<dyn Handler>, &'static str);

impl Handler for Stamp {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            ctx.request_mut().headers_mut().append("x-in", self.1.parse()?);
            let mut answer = self.0.call(ctx).await?;
            if let Some(response) = &mut answer {
                response.headers_mut().append("x-out", self.1.parse()?);
            }
            Ok(answer)
        }))
    }
}

fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("text").to_owned()).collect()
}

#[test]
fn the_last_one_is_the_outermost_and_a_mounted_application_keeps_its_own() {
    async fn passed(ctx: &mut Context) -> String {
        all(ctx.request().headers(), "x-in").join(" ")
    }
    let inner = App::new("inner", ".").add_url_rule(Rule::new("/x"), passed).wrap(stamp("inner"));
    let outer = App::new("outer", ".").add_url_rule(Rule::new("/x"), passed).wrap(stamp("first")).wrap(stamp("last"));
    let client = outer.mount("/in", inner).test_client();
    let own = client.get("/x").send_blocking();
    assert_eq!(
        (own.text().as_str(), all(own.headers(), "x-out")),
        ("last first", ["first", "last"].map(String::from).into())
    );
    let mounted = client.get("/in/x").send_blocking();
    assert_eq!(mounted.text(), "last first inner");
    assert_eq!(all(mounted.headers(), "x-out"), ["inner", "first", "last"]);
}

#[test]
fn the_path_is_matched_as_it_is_inside() {
    let moved = |ctx: &mut Context| {
        let target = ctx.request().uri().path().strip_prefix("/v1").map(str::to_owned);
        target.map_or(Ok(()), |target| ctx.request_mut().set_target(&target)).expect("a target");
    };
    let inner =
        App::new("inner", ".").add_url_rule(Rule::new("/y").endpoint("y"), async |ctx: &mut Context| ctx.url_for("y"));
    let app = App::new("test", ".").add_url_rule(Rule::new("/x"), || "x").mount("/in", inner);
    let client = app.wrap(move |inside| Around(inside, moved)).test_client();
    assert_eq!(client.get("/v1/x").send_blocking().text(), "x");
    assert_eq!(client.get("/v1/in/y").send_blocking().text(), "/in/y");
}

/// Asks the application again where it has nothing.
struct Fallback(Arc<dyn Handler>);

impl Handler for Fallback {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let answer = self.0.call(ctx).await?;
            if answer.as_ref().is_none_or(|response| response.status() != 404) {
                return Ok(answer);
            }
            ctx.request_mut().set_target("/index.html")?;
            self.0.call(ctx).await
        }))
    }
}

#[test]
fn the_application_can_be_asked_again() {
    let app = App::new("test", ".").add_url_rule(Rule::new("/<int:id>"), |args: ViewArgs| args.get::<String>("id"));
    let app = app.add_url_rule(Rule::new("/index.html"), |args: ViewArgs| format!("the page {:?}", args.text("id")));
    let client = app.wrap(Fallback).test_client();
    assert_eq!(client.get("/7").send_blocking().text(), "7");
    assert_eq!(client.get("/deep/link").send_blocking().text(), "the page None");
}

#[test]
fn what_it_answers_itself_passes_no_hook_and_its_errors_pass_all() {
    type Own = fn() -> Result<Option<Response>>;
    let client = |own: Own| {
        let app = App::new("test", ".").config("DEBUG", false).config("SECRET_KEY", KEY);
        let app = app.register_error_handler(404, || (Status::NOT_FOUND, "handled"));
        app.before_request(|| -> &str { panic!("it is not reached") }).wrap(move |_| move || own()).test_client()
    };
    let own = client(|| Ok(Some(Response::new("closed").with_status(503)))).get("/").send_blocking();
    assert_eq!((own.status().as_u16(), own.header("x-content-type-options")), (503, None));
    for (own, status, text) in [
        ((|| Ok(None)) as Own, 404, "handled"),
        (|| abort!(404), 404, "handled"),
        (|| Err(Error::msg("broken")), 500, "Internal Server Error"),
        (|| panic!("in pieces"), 500, "Internal Server Error"),
    ] {
        let response = client(own).get("/").send_blocking();
        assert!(response.status() == status && response.text().contains(text), "{}", response.text());
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    let templated = App::new("test", ".").wrap(|_| || Template::from_string("{{ request.path }}")).test_client();
    assert_eq!(templated.get("/any").send_blocking().text(), "/any");
    assert_eq!(templated.head("/any").send_blocking().header("content-length"), Some("4"));
}

#[test]
fn what_it_needs_is_checked_at_the_start() {
    struct Demanding;
    impl Handler for Demanding {
        fn call<'a>(&'a self, _: &'a mut Context) -> Answer<'a> {
            Answer::Ready(Ok(None))
        }
        fn check(&self, _: &Freezing<'_>) -> Result<(), String> {
            Err("it wants more".into())
        }
    }
    let app = App::new("test", ".").wrap(stamp("outside"));
    let (line, app) = (line!(), app.wrap(|_| Demanding));
    let errors = app.freeze().expect_err("something is missing").to_string();
    assert!(
        errors.contains(&format!("wraps.rs:{line}: what is wrapped around the application: it wants more")),
        "{errors}"
    );
}
