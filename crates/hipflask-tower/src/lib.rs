//! Tower's layers around Hipflask applications, and its services inside them.
//!
//! ```
//! use axum::routing;
//! use hipflask::Rule;
//! use hipflask::prelude::*;
//! use hipflask_tower::{LayerExt, tower_service};
//! use tower_http::set_header::SetResponseHeaderLayer;
//!
//! let api = axum::Router::new().route("/hello", routing::get(async || "Hello from axum!"));
//! let app = App::new("doc", ".")
//!     .add_url_rule(Rule::new("/"), async || "Hello from Hipflask!")
//!     .mount("/api", tower_service(api))
//!     .layer(SetResponseHeaderLayer::overriding("x-served-by".parse()?, hipflask::http::HeaderValue::from_static("us")));
//!
//! let client = app.test_client();
//! for (path, text) in [("/", "Hello from Hipflask!"), ("/api/hello", "Hello from axum!")] {
//!     let response = client.get(path).send_blocking();
//!     assert_eq!((response.text().as_str(), response.header("x-served-by")), (text, Some("us")));
//! }
//! # Ok::<(), hipflask::Error>(())
//! ```
//!
//! Bodies are passed on as they come, in both directions. A service is cloned for every request and asked whether it is
//! ready, as hyper and axum do it; what it fails with becomes an error of the request.

mod convert;
mod http_service;
mod layer;
mod service;

pub use http_service::HttpService;
pub use layer::{Inside, LayerExt};
pub use service::{TowerService, tower_service};

/// An error of tower's.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
