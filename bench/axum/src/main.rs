use axum::{Json, Router, extract::Path, response::Html, routing::get};
#[derive(serde::Serialize)]
struct Message { message: &'static str }
#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(3).unwrap().parse().unwrap();
    let app = Router::new()
        .route("/plaintext", get(|| async { "Hello, World!" }))
        .route("/json", get(|| async { Json(Message { message: "Hello, World!" }) }))
        .route("/hello/{name}", get(|Path(name): Path<String>| async move { Html(format!("<h1>Hello, {name}!</h1>")) }));
    let l = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(l, app).await.unwrap();
}
