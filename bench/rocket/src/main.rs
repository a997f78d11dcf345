//! The bench on Rocket, with private cookies, rocket_dyn_templates (MiniJinja) and rocket_db_pools (deadpool-postgres).

use std::path::{Path, PathBuf};
use std::time::Duration;

use rocket::config::Config;
use rocket::data::{Limits, ToByteUnit};
use rocket::form::{Contextual, Form};
use rocket::fs::{FileServer, TempFile};
use rocket::http::{Cookie, CookieJar, Status};
use rocket::response::content::RawHtml;
use rocket::serde::Serialize;
use rocket::serde::json::Json;
use rocket::tokio::task::spawn_blocking;
use rocket::{FromForm, State, get, launch, post, routes};
use rocket_db_pools::deadpool_postgres::Pool;
use rocket_db_pools::{Connection, Database};
use rocket_dyn_templates::{Template, context};

#[get("/plaintext")]
fn plaintext() -> &'static str {
    "Hello, World!"
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Message {
    message: &'static str,
}

#[get("/json")]
fn json() -> Json<Message> {
    Json(Message { message: "Hello, World!" })
}

#[get("/hello/<name>")]
fn hello(name: &str) -> RawHtml<String> {
    RawHtml(format!("<h1>Hello, {}!</h1>", html_escape::encode_text(name)))
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
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

#[get("/template")]
fn template() -> Template {
    Template::render("posts.html", context! { heading: "Posts", posts: posts() })
}

#[get("/session")]
fn session(jar: &CookieJar<'_>) -> String {
    let visits = jar.get_private("visits").and_then(|cookie| cookie.value().parse().ok()).unwrap_or(0_u32) + 1;
    jar.add_private(Cookie::new("visits", visits.to_string()));
    format!("visit {visits}")
}

#[derive(FromForm)]
struct Registration<'r> {
    #[field(validate = len(2..=60))]
    name: &'r str,
    #[field(validate = range(16..=120))]
    age: u8,
    #[field(validate = len(..=500))]
    note: &'r str,
}

#[post("/form", data = "<form>")]
fn form(form: Form<Contextual<'_, Registration<'_>>>) -> Result<String, (Status, String)> {
    match &form.value {
        Some(Registration { name, age, note }) => Ok(format!("{name} ({age}): {note}")),
        None => Err((Status::BadRequest, form.context.errors().map(ToString::to_string).collect())),
    }
}

#[derive(Database)]
#[database("bench")]
struct Db(Pool);

/// What went wrong and is not the client's fault.
fn failed(_: impl std::error::Error) -> Status {
    Status::InternalServerError
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Item {
    id: i64,
    title: String,
    views: i64,
}

#[get("/row/<id>")]
async fn row(db: Connection<Db>, id: i64) -> Result<Option<Json<Item>>, Status> {
    let select = db.prepare_cached("SELECT id, title, views FROM item WHERE id = $1").await.map_err(failed)?;
    let row = db.query_opt(&select, &[&id]).await.map_err(failed)?;
    Ok(row.map(|row| Json(Item { id: row.get("id"), title: row.get("title"), views: row.get("views") })))
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Fortune {
    id: i64,
    message: String,
}

#[get("/fortunes")]
async fn fortunes(db: Connection<Db>) -> Result<Template, Status> {
    let select = db.prepare_cached("SELECT id, message FROM fortune").await.map_err(failed)?;
    let rows = db.query(&select, &[]).await.map_err(failed)?;
    let mut fortunes: Vec<Fortune> =
        rows.iter().map(|row| Fortune { id: row.get("id"), message: row.get("message") }).collect();
    fortunes.push(Fortune { id: 0, message: "Added while the page was asked for.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    Ok(Template::render("fortunes.html", context! { fortunes }))
}

#[get("/<id>")]
fn numbered(id: i64) -> String {
    id.to_string()
}

#[derive(FromForm)]
struct NewFile<'r> {
    file: TempFile<'r>,
}

struct Uploads(PathBuf);

#[post("/upload", data = "<form>")]
async fn upload(uploads: &State<Uploads>, mut form: Form<NewFile<'_>>) -> Result<String, Status> {
    // Rocket gives a name without its extension and without what is unsafe in it.
    let name = form.file.name().ok_or(Status::BadRequest)?;
    let path = uploads.0.join(name).with_extension("bin");
    form.file.persist_to(path).await.map_err(failed)?;
    Ok(format!("{} bytes", form.file.len()))
}

#[get("/sleep")]
async fn sleep() -> Result<&'static str, Status> {
    spawn_blocking(|| std::thread::sleep(Duration::from_millis(50))).await.map_err(failed)?;
    Ok("slept")
}

#[launch]
fn rocket() -> _ {
    let variable = |name| std::env::var(name).ok();
    let port: u16 = std::env::args().nth(3).and_then(|port| port.parse().ok()).expect("run --port PORT");
    let key = variable("FLASK_SECRET_KEY").expect("FLASK_SECRET_KEY");
    let uploads = PathBuf::from(variable("BENCH_UPLOADS").unwrap_or_default());
    let config = Config::figment()
        .merge(("port", port))
        .merge(("secret_key", key.into_bytes()))
        .merge(("template_dir", concat!(env!("CARGO_MANIFEST_DIR"), "/templates")))
        // A temporary file is moved to where it is to stay, so it has to be on the same disk.
        .merge(("temp_dir", &uploads))
        .merge(("limits", Limits::default().limit("file", 20.megabytes()).limit("data-form", 20.megabytes())))
        .merge(("databases.bench.max_connections", 10));
    let database = variable("BENCH_DATABASE_URL");
    let config = config.merge(("databases.bench.url", database.as_deref().unwrap_or_default()));
    let mut rocket = rocket::custom(config)
        .manage(Uploads(uploads))
        .attach(Template::fairing())
        .mount("/", routes![plaintext, json, hello, template, session, form, upload, sleep])
        .mount("/static", FileServer::from(Path::new(env!("CARGO_MANIFEST_DIR")).join("../static")));
    if database.is_some() {
        rocket = rocket.attach(Db::init()).mount("/", routes![row, fortunes]);
    }
    for n in 0..variable("BENCH_ROUTES").and_then(|count| count.parse().ok()).unwrap_or(0) {
        rocket = rocket.mount(format!("/r{n}"), routes![numbered]);
    }
    rocket
}
