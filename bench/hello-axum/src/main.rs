//! examples/1-hello as a user of axum writes it, with the crates for signed cookies and templates at hand. It is
//! what `cargo xtask budget` compares build times with.

use axum::extract::Path;
use axum::response::Html;
use axum::{Router, routing::get};
use minijinja::{AutoEscape, Environment, context};

async fn hello(Path(name): Path<String>) -> Html<String> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    Html(templates.render_str("<h1>Hello, {{ name }}!</h1>", context! { name }).expect("the template is right"))
}

#[tokio::main]
async fn main() {
    let app = Router::new().route("/", get(|| async { "Hello, World!" })).route("/hello/{name}", get(hello));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:5000").await.expect("port 5000 is free");
    axum::serve(listener, app).await.expect("the server runs");
}
