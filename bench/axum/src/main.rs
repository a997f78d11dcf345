//! The bench on axum, with axum-extra, tower-http, tower-sessions, axum-messages, axum_csrf, MiniJinja, validator
//! and sqlx.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, FromRef, Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_csrf::{CsrfConfig, CsrfToken};
use axum_extra::extract::SignedCookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SameSite};
use axum_messages::{Messages, MessagesManagerLayer};
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tower_http::services::ServeDir;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use validator::Validate;

#[derive(Clone, FromRef)]
struct Site {
    templates: Arc<Environment<'static>>,
    key: Key,
    csrf: CsrfConfig,
    uploads: PathBuf,
    database: Option<PgPool>,
}

impl FromRef<Site> for PgPool {
    fn from_ref(site: &Site) -> PgPool {
        site.database.clone().expect("this workload has a database")
    }
}

/// What went wrong and is not the client's fault.
fn failed(_: impl std::error::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

async fn json() -> Json<Message> {
    Json(Message { message: "Hello, World!" })
}

async fn hello(Path(name): Path<String>) -> Html<String> {
    Html(format!("<h1>Hello, {}!</h1>", html_escape::encode_text(&name)))
}

#[derive(Serialize)]
struct Post {
    id: u32,
    title: String,
    author: &'static str,
    body: &'static str,
}

fn posts() -> Vec<Post> {
    let body = "It is <b>not bold</b>, and it is not \"new\" & 'improved'.";
    (1..=12).map(|id| Post { id, title: format!("Post <{id}>"), author: "Ada & Grace", body }).collect()
}

fn render(templates: &Environment<'_>, name: &str, values: minijinja::Value) -> Result<Html<String>, StatusCode> {
    let page = templates.get_template(name).and_then(|found| found.render(values));
    page.map(Html).map_err(failed)
}

async fn template(State(templates): State<Arc<Environment<'static>>>) -> Result<Html<String>, StatusCode> {
    render(&templates, "posts.html", context! { heading => "Posts", posts => Serde(posts()) })
}

async fn session(jar: SignedCookieJar) -> (SignedCookieJar, String) {
    let visits = jar.get("visits").and_then(|cookie| cookie.value().parse().ok()).unwrap_or(0_u32) + 1;
    let cookie = Cookie::build(("visits", visits.to_string())).path("/").http_only(true).same_site(SameSite::Lax);
    (jar.add(cookie), format!("visit {visits}"))
}

#[derive(Deserialize, Validate)]
struct Registration {
    #[validate(length(min = 2, max = 60))]
    name: String,
    #[validate(range(min = 16, max = 120))]
    age: u8,
    #[validate(length(max = 500))]
    note: String,
}

async fn form(Form(registration): Form<Registration>) -> Response {
    if let Err(errors) = registration.validate() {
        return (StatusCode::BAD_REQUEST, errors.to_string()).into_response();
    }
    let Registration { name, age, note } = registration;
    format!("{name} ({age}): {note}").into_response()
}

async fn page(
    State(templates): State<Arc<Environment<'static>>>,
    session: Session,
    messages: Messages,
    token: CsrfToken,
) -> Result<(CsrfToken, Html<String>), StatusCode> {
    let visits = session.get::<u32>("visits").await.map_err(failed)?.unwrap_or(0) + 1;
    session.insert("visits", visits).await.map_err(failed)?;
    let shown: Vec<String> = messages.clone().map(|message| message.to_string()).collect();
    messages.info("Your visit was counted.");
    let csrf_token = token.authenticity_token().map_err(failed)?;
    let values = context! { heading => "Posts", posts => Serde(posts()), messages => shown, csrf_token };
    Ok((token, render(&templates, "page.html", values)?))
}

#[derive(Serialize, sqlx::FromRow)]
struct Item {
    id: i64,
    title: String,
    views: i64,
}

async fn row(State(database): State<PgPool>, Path(id): Path<i64>) -> Result<Json<Item>, StatusCode> {
    let item = sqlx::query_as("SELECT id, title, views FROM item WHERE id = $1").bind(id);
    let item = item.fetch_optional(&database).await.map_err(failed)?;
    item.map(Json).ok_or(StatusCode::NOT_FOUND)
}

#[derive(Serialize, sqlx::FromRow)]
struct Fortune {
    id: i64,
    message: String,
}

async fn fortunes(
    State(database): State<PgPool>,
    State(templates): State<Arc<Environment<'static>>>,
) -> Result<Html<String>, StatusCode> {
    let fortunes = sqlx::query_as("SELECT id, message FROM fortune");
    let mut fortunes: Vec<Fortune> = fortunes.fetch_all(&database).await.map_err(failed)?;
    fortunes.push(Fortune { id: 0, message: "Added while the page was asked for.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    render(&templates, "fortunes.html", context! { fortunes => Serde(fortunes) })
}

async fn numbered(Path(id): Path<i64>) -> String {
    id.to_string()
}

async fn upload(State(folder): State<PathBuf>, mut form: Multipart) -> Result<String, StatusCode> {
    let bad = |_| StatusCode::BAD_REQUEST;
    let mut length = 0;
    while let Some(mut field) = form.next_field().await.map_err(bad)? {
        // Only the last part of the name: it comes from the client.
        let name = field.file_name().and_then(|name| std::path::Path::new(name).file_name());
        let path = folder.join(name.ok_or(StatusCode::BAD_REQUEST)?);
        let mut file = BufWriter::new(File::create(path).await.map_err(failed)?);
        while let Some(chunk) = field.chunk().await.map_err(bad)? {
            length += chunk.len();
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
    }
    Ok(format!("{length} bytes"))
}

async fn sleep() -> Result<&'static str, StatusCode> {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(50))).await.map_err(failed)?;
    Ok("slept")
}

#[tokio::main]
async fn main() {
    let variable = |name| std::env::var(name).ok();
    let port: u16 = std::env::args().nth(3).and_then(|port| port.parse().ok()).expect("run --port PORT");
    let key = Key::from(variable("FLASK_SECRET_KEY").expect("FLASK_SECRET_KEY").as_bytes());
    let mut templates = Environment::new();
    for (name, source) in [
        ("base.html", include_str!("../../templates/base.html")),
        ("posts.html", include_str!("../../templates/posts.html")),
        ("page.html", include_str!("../../templates/page_of_values.html")),
        ("fortunes.html", include_str!("../../templates/fortunes.html")),
    ] {
        templates.add_template(name, source).expect(name);
    }
    let database = match variable("BENCH_DATABASE_URL") {
        Some(url) => Some(PgPool::connect(&url).await.expect("the database answers")),
        None => None,
    };
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_signed(key.clone());
    let mut app = Router::new()
        .route("/page", get(page))
        .layer(MessagesManagerLayer)
        .layer(sessions)
        .route("/plaintext", get(|| async { "Hello, World!" }))
        .route("/json", get(json))
        .route("/hello/{name}", get(hello))
        .route("/template", get(template))
        .route("/session", get(session))
        .route("/form", post(form))
        .route("/row/{id}", get(row))
        .route("/fortunes", get(fortunes))
        .route("/upload", post(upload).layer(DefaultBodyLimit::max(20_000_000)))
        .route("/sleep", get(sleep))
        .nest_service("/static", ServeDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../static")));
    for n in 0..variable("BENCH_ROUTES").and_then(|count| count.parse().ok()).unwrap_or(0) {
        app = app.route(&format!("/r{n}/{{id}}"), get(numbered));
    }
    let site = Site {
        templates: Arc::new(templates),
        csrf: CsrfConfig::default().with_key(Some(key.clone())),
        key,
        uploads: variable("BENCH_UPLOADS").unwrap_or_default().into(),
        database,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    axum::serve(listener, app.with_state(site)).await.expect("the server runs");
}
