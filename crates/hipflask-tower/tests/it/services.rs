//! Services inside an application.

use axum::Router;
use axum::extract::{Path, RawQuery, Request};
use axum::http::Uri;
use axum::routing::{get, post};
use hipflask::Rule;
use hipflask::errors::{Catches, ErrorHandler};
use hipflask::http::{Body, HeaderName, HeaderValue};
use hipflask::prelude::*;
use hipflask_tower::{LayerExt as _, tower_service};
use tokio::sync::mpsc;
use tower_http::set_header::SetResponseHeaderLayer;

use super::{Notes, is_handler, noting};

fn router() -> Router {
    Router::new()
        .route(
            "/users/{name}",
            get(async |Path(name): Path<String>, RawQuery(query): RawQuery| format!("{name} {query:?}")),
        )
        .route("/uri", get(async |uri: Uri| uri.to_string()))
        .route("/echo", post(async |request: Request| request.into_body()))
        .route("/panic", get(async || -> &'static str { panic!("in pieces") }))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "axum's own 404"))
}

#[test]
fn an_axum_router_is_mounted() {
    let notes = Notes::default();
    let app = noting(&notes).add_url_rule(Rule::new("/api/own"), || "ours").mount("/api", tower_service(router()));
    let client = app.test_client();
    assert_eq!(client.get("/api/own").send_blocking().text(), "ours");
    assert_eq!(client.get("/api/users/A%20B?q=%C3%A9").send_blocking().text(), "A B Some(\"q=%C3%A9\")");
    assert_eq!(client.get("/api/uri?x").send_blocking().text(), "/uri?x");
    assert_eq!(client.post("/api/echo").body("as it came").send_blocking().text(), "as it came");
    notes.take();
    let missing = client.get("/api").header("x-test", "1").send_blocking();
    assert_eq!((missing.status().as_u16(), missing.text().as_str()), (404, "axum's own 404"));
    // The application's hooks are around it, with the request as it came.
    assert_eq!(missing.header("x-content-type-options"), Some("nosniff"));
    let place = r#"GET /api Some("1") None"#;
    assert_eq!(notes.take(), [format!("after {place}"), format!("teardown {place}")]);
    assert_eq!(client.get("/api/panic").send_blocking().status(), 500);
}

#[test]
fn a_router_that_is_mounted_first_meets_layers_and_no_hook() {
    let notes = Notes::default();
    let stamp = SetResponseHeaderLayer::overriding(HeaderName::from_static("x-stamp"), HeaderValue::from_static("yes"));
    let app = noting(&notes).add_url_rule(Rule::new("/api/<path:own>"), || "ours").layer(stamp);
    let client = app.mount_first("/api", tower_service(router())).test_client();
    let response = client.get("/api/uri").send_blocking();
    assert_eq!((response.text().as_str(), response.header("x-stamp")), ("/uri", Some("yes")));
    assert_eq!(response.header("x-content-type-options"), None);
    assert!(notes.take().is_empty());
}

/// A view that asks its own application passes the layers again.
#[test]
fn layers_are_around_a_request_within_another() {
    async fn outer(ctx: &mut Context) -> Result<Response> {
        ctx.request_to(hipflask::http::Method::GET, "/api/uri").send().await
    }
    let stamp = SetResponseHeaderLayer::appending(HeaderName::from_static("x-stamp"), HeaderValue::from_static("yes"));
    let app = App::new("test", ".").add_url_rule(Rule::new("/outer"), outer).mount("/api", tower_service(router()));
    let response = app.layer(stamp).test_client().get("/outer").send_blocking();
    assert_eq!(response.text(), "/uri");
    assert_eq!(response.headers().get_all("x-stamp").iter().count(), 2, "once for each");
}

#[hipflask::test]
async fn bodies_pass_a_service_as_they_come() {
    let app = App::new("test", ".").config("WTF_CSRF_ENABLED", false).mount("/", tower_service(router()));
    let frozen = app.freeze().expect("it is well formed");
    let (more, mut wanted) = mpsc::channel::<&'static str>(1);
    let sent = Body::stream(async move |mut out| {
        while let Some(piece) = wanted.recv().await {
            out.send(piece).await?;
        }
        Ok(())
    });
    let request = hipflask::http::Request::get("/echo").with_method(hipflask::http::Method::POST).with_body(sent);
    let (_, _, mut body) = frozen.respond(request).await.into_parts();
    for piece in ["first", "second"] {
        more.send(piece).await.expect("it is read");
        assert_eq!(body.chunk().await.transpose().expect("a chunk").as_deref(), Some(piece.as_bytes()));
    }
    drop(more);
    assert!(body.chunk().await.is_none());
}

#[test]
fn what_a_service_fails_with_is_an_error_of_the_request() {
    let service = tower_service(tower::service_fn(async |_: http::Request<Body>| {
        Err::<http::Response<Body>, _>(std::io::Error::other("the disk is full"))
    }));
    is_handler(&service);
    let handler = ErrorHandler::new(Catches::error::<std::io::Error>(), || (Status::INSUFFICIENT_STORAGE, "full"));
    let app = App::new("test", ".").add_url_rule(Rule::new("/view"), service.clone()).mount("/mount", service);
    let client = app.errorhandler(handler).test_client();
    for target in ["/view", "/mount"] {
        assert_eq!(client.get(target).send_blocking().status(), 507, "{target}");
    }
}
