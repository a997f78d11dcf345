//! Layers around an application.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use hipflask::Rule;
use hipflask::errors::{Catches, ErrorHandler};
use hipflask::http::{Body, Bytes, HeaderName, HeaderValue, Request};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask_tower::{Inside, LayerExt};
use tokio::sync::Semaphore;
use tower::timeout::TimeoutLayer;
use tower::timeout::error::Elapsed;
use tower::util::MapResponseLayer;
use tower::{Layer, Service, ServiceExt};
use tower_http::add_extension::AddExtensionLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use super::{Notes, echo, never, noting};

#[test]
fn layers_of_tower_http_wrap_an_application() {
    let page = || "All work and no play makes Jack a dull boy. ".repeat(100);
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), page).layer(CompressionLayer::new());
    let stamp = SetResponseHeaderLayer::overriding(HeaderName::from_static("x-stamp"), HeaderValue::from_static("1"));
    let client = app.layer(stamp).layer(TraceLayer::new_for_http()).test_client();
    let plain = client.get("/").send_blocking();
    assert_eq!((plain.text().len(), plain.header("x-stamp")), (4400, Some("1")));
    let compressed = client.get("/").header("accept-encoding", "gzip").send_blocking();
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert!(compressed.bytes().len() < 200 && compressed.bytes().starts_with(b"\x1f\x8b"));
    assert_eq!(compressed.header("x-content-type-options"), Some("nosniff"), "a layer sees all headers");
    assert_eq!(client.get("/nowhere").send_blocking().header("x-stamp"), Some("1"));
}

#[hipflask::test]
async fn bodies_pass_as_they_come() {
    let app = App::new("test", ".").config("WTF_CSRF_ENABLED", false);
    let app = app.add_url_rule(Rule::new("/").methods([POST]), echo).layer(TraceLayer::new_for_http());
    let frozen = app.layer(RequestBodyLimitLayer::new(10)).freeze().expect("it is well formed");
    let more = Arc::new(Semaphore::new(0));
    let wanted = Arc::clone(&more);
    let sent = Body::stream(async move |mut out| {
        out.send("first").await?;
        wanted.acquire().await?.forget();
        out.send("rest").await?;
        wanted.acquire().await?.forget();
        out.send("too much").await
    });
    let request = Request::get("/").with_method(hipflask::http::Method::POST).with_body(sent);
    let (status, _, mut body) = frozen.respond(request).await.into_parts();
    assert_eq!(status, 200);
    assert_eq!(body.chunk().await.transpose().expect("a chunk").as_deref(), Some(&b"first"[..]));
    more.add_permits(1);
    assert_eq!(body.chunk().await.transpose().expect("a chunk").as_deref(), Some(&b"rest"[..]));
    more.add_permits(1);
    assert!(body.chunk().await.expect("it does not just end").is_err(), "the layer's limit holds");
}

#[hipflask::test]
async fn a_body_that_no_layer_touches_stays_in_one_piece() {
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), || "whole").layer(tower::layer::util::Identity::new());
    let response = app.freeze().expect("it is well formed").respond(Request::get("/")).await;
    assert_eq!(response.body().as_bytes(), Some(&b"whole"[..]));
}

#[test]
fn a_layer_that_gives_up_leaves_the_context_whole() {
    let notes = Notes::default();
    let late = ErrorHandler::new(Catches::error::<Elapsed>(), || (Status::SERVICE_UNAVAILABLE, "too late"));
    let app = noting(&notes).add_url_rule(Rule::new("/slow").endpoint("slow"), never).errorhandler(late);
    let client = app.layer(TimeoutLayer::new(Duration::from_millis(10))).test_client();
    let response = client.get("/slow").header("x-test", "1").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (503, "too late"));
    let place = r#"GET /slow Some("1") Some("slow")"#;
    assert_eq!(notes.take(), [format!("after {place}"), format!("teardown {place}")]);
}

/// Has the call run in a task of its own, which does not end with the caller.
#[derive(Clone)]
struct Spawning(Inside);

impl Service<http::Request<Body>> for Spawning {
    type Response = http::Response<Body>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let task = tokio::spawn(self.0.call(request));
        Box::pin(async { task.await? })
    }
}

#[hipflask::test]
async fn a_layer_that_keeps_the_context_leaves_a_copy() {
    let notes = Notes::default();
    let app = noting(&notes).add_url_rule(Rule::new("/quick").endpoint("quick"), || "quick");
    let client = app.layer(tower::layer::layer_fn(Spawning)).test_client();
    assert_eq!(client.get("/quick").send().await.text(), "quick");
    assert_eq!(notes.take().last().map(String::as_str), Some(r#"teardown GET /quick None Some("quick")"#));
    let app =
        noting(&notes).add_url_rule(Rule::new("/slow").endpoint("slow"), never).layer(tower::layer::layer_fn(Spawning));
    let client = app.layer(TimeoutLayer::new(Duration::from_millis(10))).test_client();
    assert_eq!(client.get("/slow").header("x-test", "1").send().await.status(), 500);
    assert_eq!(notes.take().last().map(String::as_str), Some(r#"teardown GET /slow Some("1") None"#));
}

#[test]
fn a_layer_can_answer_itself_and_change_the_request() {
    /// Refuses requests without a key, and moves the others below `/v1`.
    async fn gate(mut request: http::Request<Body>, inside: Inside) -> Result<http::Response<Body>, tower::BoxError> {
        if request.headers_mut().remove("x-key").is_none() {
            return Ok(http::Response::builder().status(401).body(Body::from("no key"))?);
        }
        *request.uri_mut() = format!("/v1{}", request.uri()).parse()?;
        *request.method_mut() = http::Method::GET;
        inside.oneshot(request).await
    }
    let notes = Notes::default();
    let app = noting(&notes).add_url_rule(
        Rule::new("/v1/item/<id>").endpoint("item"),
        |args: ViewArgs, ctx: Query<Vec<(String, String)>>| format!("{:?} {:?}", args.text("id"), ctx.0),
    );
    let layer = tower::layer::layer_fn(|inside: Inside| {
        tower::service_fn(move |request: http::Request<Body>| gate(request, inside.clone()))
    });
    let client = app.layer(layer).test_client();
    let refused = client.post("/item/1").send_blocking();
    assert_eq!((refused.status().as_u16(), refused.text().as_str()), (401, "no key"));
    assert_eq!(notes.take(), ["teardown POST /item/1 None None"]);
    let item = client.post("/item/a%20b?q=1").header("x-key", "1").header("x-test", "1").send_blocking();
    assert_eq!(item.text(), r#"Some("a b") [("q", "1")]"#);
    let place = r#"GET /v1/item/a b Some("1") Some("item")"#;
    assert_eq!(notes.take(), [format!("after {place}"), format!("teardown {place}")]);
}

#[test]
fn what_a_layer_adds_to_the_request_is_in_g() {
    #[derive(Clone)]
    struct Tenant(&'static str);
    let app = App::new("test", ".").add_url_rule(Rule::new("/"), |ctx: &mut Context| {
        let tenant = ctx.g().get::<http::Extensions>().and_then(|extensions| extensions.get::<Tenant>());
        tenant.map_or("nobody", |tenant| tenant.0)
    });
    let client = app.layer(AddExtensionLayer::new(Tenant("acme"))).test_client();
    assert_eq!(client.get("/").send_blocking().text(), "acme");
}

#[test]
fn what_goes_with_a_response_reaches_hooks_and_the_layers_around() {
    #[derive(Clone)]
    struct Cost(u32);
    fn adding(more: u32) -> impl Fn(http::Response<Body>) -> http::Response<Body> + Clone {
        move |mut response| {
            let cost = response.extensions().get().map_or(0, |cost: &Cost| cost.0) + more;
            response.extensions_mut().insert(Cost(cost));
            response.headers_mut().insert("x-cost", cost.into());
            response
        }
    }
    async fn empty(_: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
        Ok(http::Response::default())
    }
    let service = MapResponseLayer::new(adding(1)).layer(tower::service_fn(empty));
    let app = App::new("test", ".")
        .add_url_rule(Rule::new("/"), || "view")
        .mount("/mounted", hipflask_tower::tower_service(service))
        .after_request(|ctx: &mut Context| {
            if let Some(Cost(cost)) = ctx.response_mut().extensions_mut().get_mut() {
                *cost += 100;
            }
        });
    let app = app.layer(MapResponseLayer::new(adding(20))).layer(MapResponseLayer::new(adding(3000)));
    let client = app.test_client();
    assert_eq!(client.get("/mounted").send_blocking().header("x-cost"), Some("3121"));
    assert_eq!(client.get("/").send_blocking().header("x-cost"), Some("3020"));
}

/// Must be asked whether it is ready before each call, and is at the second time.
#[derive(Clone)]
struct Shy {
    asked: u32,
}

impl<R> Service<R> for Shy {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.asked += 1;
        if self.asked == 2 {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: R) -> Self::Future {
        assert_eq!(std::mem::take(&mut self.asked), 2, "it was called before it was ready");
        ready(Ok(http::Response::new(Body::from("ready"))))
    }
}

#[test]
fn a_service_is_cloned_and_is_ready_before_it_is_called() {
    let layered = App::new("test", ".").layer(tower::layer::layer_fn(|_: Inside| Shy { asked: 0 }));
    let mounted = App::new("test", ".").mount("/", hipflask_tower::tower_service(Shy { asked: 0 }));
    for app in [layered, mounted] {
        let client = app.test_client();
        for _ in 0..2 {
            assert_eq!(client.get("/").send_blocking().text(), "ready");
        }
    }
}

#[test]
fn errors_of_the_application_pass_a_layer_unchanged() {
    let app = App::new("test", ".").mount(
        "/",
        hipflask_tower::tower_service(Layer::layer(
            &tower::layer::util::Identity::new(),
            tower::service_fn(|_: http::Request<Body>| async { Err::<http::Response<Body>, _>(std::fmt::Error) }),
        )),
    );
    let handler = ErrorHandler::new(Catches::error::<std::fmt::Error>(), || (Status::IM_A_TEAPOT, "found"));
    let client = app.errorhandler(handler).layer(TraceLayer::new_for_http()).test_client();
    assert_eq!(client.get("/").send_blocking().status(), 418);
    // A wrap inside the layer fails; the layer passes the error on.
    let app = App::new("test", ".").wrap(|_| || -> Result<Bytes> { abort!(409, "taken") });
    let client = app.layer(TraceLayer::new_for_http()).test_client();
    let response = client.get("/").send_blocking();
    assert!(response.status() == 409 && response.text().contains("taken"));
}
