//! The bench on actix-web, with actix-files, actix-multipart, actix-session, MiniJinja, validator and sqlx.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use actix_files::Files;
use actix_multipart::form::tempfile::{TempFile, TempFileConfig};
use actix_multipart::form::{MultipartForm, MultipartFormConfig};
use actix_session::config::CookieContentSecurity;
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::error::{ErrorBadRequest, ErrorInternalServerError, ErrorNotFound};
use actix_web::web::{Data, Form, Html, Json, Path};
use actix_web::{App, HttpServer, Responder, Result, get, post, web};
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use validator::Validate;

#[get("/plaintext")]
async fn plaintext() -> impl Responder {
    "Hello, World!"
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(Message { message: "Hello, World!" })
}

#[get("/hello/{name}")]
async fn hello(name: Path<String>) -> Html {
    Html::new(format!("<h1>Hello, {}!</h1>", html_escape::encode_text(&*name)))
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

fn render(templates: &Environment<'_>, name: &str, values: minijinja::Value) -> Result<Html> {
    let page = templates.get_template(name).and_then(|found| found.render(values));
    page.map(Html::new).map_err(ErrorInternalServerError)
}

#[get("/template")]
async fn template(templates: Data<Environment<'static>>) -> Result<Html> {
    render(&templates, "posts.html", context! { heading => "Posts", posts => Serde(posts()) })
}

async fn session(session: Session) -> Result<String> {
    let visits = session.get::<u32>("visits")?.unwrap_or(0) + 1;
    session.insert("visits", visits)?;
    Ok(format!("visit {visits}"))
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

#[post("/form")]
async fn form(Form(registration): Form<Registration>) -> Result<String> {
    registration.validate().map_err(ErrorBadRequest)?;
    let Registration { name, age, note } = registration;
    Ok(format!("{name} ({age}): {note}"))
}

#[derive(Serialize, sqlx::FromRow)]
struct Item {
    id: i64,
    title: String,
    views: i64,
}

#[get("/row/{id}")]
async fn row(database: Data<PgPool>, id: Path<i64>) -> Result<Json<Item>> {
    let item = sqlx::query_as("SELECT id, title, views FROM item WHERE id = $1").bind(*id);
    let item = item.fetch_optional(&**database).await.map_err(ErrorInternalServerError)?;
    item.map(Json).ok_or_else(|| ErrorNotFound("there is no such item"))
}

#[derive(Serialize, sqlx::FromRow)]
struct Fortune {
    id: i64,
    message: String,
}

#[get("/fortunes")]
async fn fortunes(database: Data<PgPool>, templates: Data<Environment<'static>>) -> Result<Html> {
    let fortunes = sqlx::query_as("SELECT id, message FROM fortune");
    let mut fortunes: Vec<Fortune> = fortunes.fetch_all(&**database).await.map_err(ErrorInternalServerError)?;
    fortunes.push(Fortune { id: 0, message: "Added while the page was asked for.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    render(&templates, "fortunes.html", context! { fortunes => Serde(fortunes) })
}

async fn numbered(id: Path<i64>) -> String {
    id.to_string()
}

#[derive(MultipartForm)]
struct NewFile {
    #[multipart(limit = "20MB")]
    file: TempFile,
}

#[post("/upload")]
async fn upload(folder: Data<PathBuf>, MultipartForm(NewFile { file }): MultipartForm<NewFile>) -> Result<String> {
    // Only the last part of the name: it comes from the client.
    let name = file.file_name.as_deref().and_then(|name| FilePath::new(name).file_name());
    let path = folder.join(name.ok_or_else(|| ErrorBadRequest("the file has no name"))?);
    file.file.persist(path).map_err(ErrorInternalServerError)?;
    Ok(format!("{} bytes", file.size))
}

#[get("/sleep")]
async fn sleep() -> Result<&'static str> {
    web::block(|| std::thread::sleep(Duration::from_millis(50))).await?;
    Ok("slept")
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let variable = |name| std::env::var(name).ok();
    let port: u16 = std::env::args().nth(3).and_then(|port| port.parse().ok()).expect("run --port PORT");
    let key = Key::from(variable("FLASK_SECRET_KEY").expect("FLASK_SECRET_KEY").as_bytes());
    let mut templates = Environment::new();
    for (name, source) in [
        ("base.html", include_str!("../../templates/base.html")),
        ("posts.html", include_str!("../../templates/posts.html")),
        ("fortunes.html", include_str!("../../templates/fortunes.html")),
    ] {
        templates.add_template(name, source).expect(name);
    }
    let templates = Data::new(templates);
    let database = match variable("BENCH_DATABASE_URL") {
        Some(url) => Some(Data::new(PgPool::connect(&url).await.expect("the database answers"))),
        None => None,
    };
    let uploads = PathBuf::from(variable("BENCH_UPLOADS").unwrap_or_default());
    let routes: u32 = variable("BENCH_ROUTES").and_then(|count| count.parse().ok()).unwrap_or(0);
    let site = move || {
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            .cookie_content_security(CookieContentSecurity::Signed)
            .build();
        let mut app = App::new()
            .app_data(templates.clone())
            .app_data(Data::new(uploads.clone()))
            .app_data(MultipartFormConfig::default().total_limit(20_000_000))
            // A temporary file is moved to where it is to stay, so it has to be on the same disk.
            .app_data(TempFileConfig::default().directory(&uploads))
            .service(plaintext)
            .service(json)
            .service(hello)
            .service(template)
            .service(form)
            .service(web::resource("/session").wrap(sessions).get(session))
            .service(row)
            .service(fortunes)
            .service(upload)
            .service(sleep)
            .service(Files::new("/static", concat!(env!("CARGO_MANIFEST_DIR"), "/../static")));
        if let Some(database) = &database {
            app = app.app_data(database.clone());
        }
        for n in 0..routes {
            app = app.route(&format!("/r{n}/{{id}}"), web::get().to(numbered));
        }
        app
    };
    HttpServer::new(site).bind(("127.0.0.1", port))?.run().await
}
