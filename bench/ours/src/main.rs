//! The bench on Hipflask. With `BENCH_BARE` set, what the peers do not have is switched off.

use std::path::Path;
use std::time::Duration;

use hipflask::Rule;
use hipflask::http::Upload;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask_sql::prelude::*;
use serde::Serialize;

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    "Hello, World!"
}

#[get("/sync")]
fn plaintext_sync() -> &'static str {
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

#[get("/hello/<name>")]
async fn hello(name: String) -> Html {
    html!("<h1>Hello, {name}!</h1>")
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

#[get("/template")]
async fn template() -> Template {
    render_template!("posts.html", heading = "Posts", posts = posts())
}

#[get("/session")]
async fn session(session: Session) -> String {
    let visits = session.get::<u32>("visits").unwrap_or(0) + 1;
    session.set("visits", visits);
    format!("visit {visits}")
}

#[derive(Form)]
struct Registration {
    #[field(length(2..=60))]
    name: String,
    #[field(range(16..=120))]
    age: u8,
    #[field(length(..=500))]
    note: String,
}

#[post("/form")]
async fn form(form: Form<Registration>) -> Result<String> {
    let Some(Registration { name, age, note }) = form.valid() else {
        abort!(400, "{:?}", form.messages().collect::<Vec<_>>());
    };
    Ok(format!("{name} ({age}): {note}"))
}

#[get("/page")]
async fn page(session: Session) -> Template {
    session.set("visits", session.get::<u32>("visits").unwrap_or(0) + 1);
    // What is taken out now is what the page shows; the new message is for the next one.
    session.flashed_messages();
    session.flash("Your visit was counted.");
    render_template!("page.html", heading = "Posts", posts = posts())
}

#[derive(Serialize, FromRow)]
struct Item {
    id: i64,
    title: String,
    views: i64,
}

#[get("/row/<int:id>")]
async fn row(id: i64, db: Db) -> Result<Json<Item>> {
    let item = db.query("SELECT id, title, views FROM item WHERE id = ?").bind(id).optional().await?;
    Ok(Json(item.or_404()?))
}

#[derive(Serialize, FromRow)]
struct Fortune {
    id: i64,
    message: String,
}

#[get("/fortunes")]
async fn fortunes(db: Db) -> Result<Template> {
    let mut fortunes: Vec<Fortune> = db.query("SELECT id, message FROM fortune").all().await?;
    fortunes.push(Fortune { id: 0, message: "Added while the page was asked for.".to_owned() });
    fortunes.sort_by(|a, b| a.message.cmp(&b.message));
    Ok(render_template!("fortunes.html", fortunes))
}

async fn numbered(args: ViewArgs) -> Result<String> {
    Ok(args.get::<i64>("id")?.to_string())
}

#[derive(Form)]
struct NewFile {
    file: Upload,
}

#[post("/upload")]
async fn upload(form: Form<NewFile>, config: Config) -> Result<String> {
    let Some(NewFile { file }) = form.valid() else {
        abort!(400, "{:?}", form.messages().collect::<Vec<_>>());
    };
    let folder: String = config.get("UPLOADS")?;
    file.save(Path::new(&folder).join(file.secure_filename())).await?;
    Ok(format!("{} bytes", file.len()))
}

#[get("/sleep")]
fn sleep() -> &'static str {
    std::thread::sleep(Duration::from_millis(50));
    "slept"
}

#[hipflask::main]
fn app() -> App {
    let variable = |name| std::env::var(name).ok();
    let mut app = app!()
        .config("MAX_CONTENT_LENGTH", 20_000_000)
        .config("UPLOADS", variable("BENCH_UPLOADS"))
        .routes(routes![plaintext, plaintext_sync, json, hello, template, session, form, page, upload, sleep]);
    for n in 0..variable("BENCH_ROUTES").and_then(|count| count.parse().ok()).unwrap_or(0) {
        app = app.add_url_rule(Rule::new(format!("/r{n}/<int:id>")), numbered);
    }
    if let Some(url) = variable("BENCH_DATABASE_URL") {
        app = app.config("DATABASE_URL", url).extend(Sql::from_config()).routes(routes![row, fortunes]);
    }
    if variable("BENCH_BARE").is_some() {
        app = app.config("SECURITY_HEADERS", false).config("ACCESS_LOG", false);
    }
    app
}
