//! Every macro, in a program where `hipflask` is called `web`, and in one where it comes from another crate.

#![cfg(test)]

use database::prelude::*;
use web::prelude::*;

/// As another framework would that is built upon Hipflask.
mod my {
    pub(crate) use web as hipflask;
}

#[derive(web::form::Choices)]
#[choices(crate = web)]
enum Plan {
    Free,
    #[choice(label = "Pro")]
    Professional,
}

async fn leave(form: Form<Registration>) -> Result<Form<Registration>> {
    Ok(form)
}

#[derive(Form)]
#[form(crate = web, prepare = leave)]
struct Registration {
    #[field(length(2..=10), one_of("ada", "grace"))]
    name: String,
    #[field(email)]
    email: Option<String>,
    #[field(equal_to = "name")]
    again: String,
    #[field(range(18..), check = is_even)]
    age: i64,
    plan: Option<Plan>,
    #[field(widget = "date", none_of("2026-01-01"))]
    days: Vec<String>,
    inner: Option<Inner>,
}

#[derive(Form)]
#[form(crate = my::hipflask)]
struct Inner {
    #[field(ticked)]
    agreed: bool,
}

fn is_even(number: &i64) -> Result<(), String> {
    if number % 2 == 0 { Ok(()) } else { Err("Odd.".to_owned()) }
}

#[derive(FromRow)]
#[row(crate = database)]
struct Row {
    id: i64,
    #[column(flatten)]
    name: Name,
}

#[derive(FromRow)]
#[row(crate = database)]
struct Name {
    name: String,
}

#[get("/hello/<name>", crate = web)]
#[get("/hello", defaults(name = "nobody"), crate = web)]
async fn hello(ctx: &mut Context, name: String) -> Result<Html> {
    let url = ctx.url_for(url_for!(hello, name = &name))?;
    Ok(html!("<a href=\"{url}\">{name}</a>"))
}

#[post("/register", crate = my::hipflask)]
fn register(form: Form<Registration>) -> String {
    form.errors().map(|(field, error)| format!("{field}: {error}\n")).collect()
}

#[route("/page/<int:id>", methods = [GET, PUT], crate = crate::my::hipflask)]
fn page(id: i64) -> Template {
    render_template!("page.html", title = id)
}

#[get("/row", crate = web)]
async fn row(db: Db) -> Result<String> {
    let row: Row = db.query("SELECT 7 AS id, 'ada' AS name").one().await?;
    Ok(format!("{} {}", row.id, row.name.name))
}

#[get("/fails", crate = web)]
fn fails() -> Result<&'static str> {
    Err(std::fmt::Error.into())
}

#[errorhandler(404, crate = web)]
async fn missing(error: HttpError) -> (Status, String) {
    (error.status(), "not here".to_owned())
}

#[errorhandler(std::fmt::Error, crate = my::hipflask)]
fn failed(error: &my::hipflask::Error) -> (Status, String) {
    (Status::BAD_GATEWAY, error.to_string())
}

fn app() -> App {
    let app = app!().config("DATABASE_URL", "sqlite:").config("CSRF", false).extend(Sql::from_config());
    let app = app.routes(routes![hello, register, page]).routes(my::hipflask::routes![row, fails]);
    app.errorhandler(missing).errorhandler(failed)
}

#[web::test(crate = web)]
async fn every_macro_works_under_another_name() {
    let client = app().test_client();
    for (path, text) in [
        ("/hello/ada", "<a href=\"/hello/ada\">ada</a>"),
        ("/hello", "<a href=\"/hello\">nobody</a>"),
        ("/page/7", "<h1>7</h1>"),
        ("/row", "7 ada"),
        ("/nowhere", "not here"),
        ("/fails", &std::fmt::Error.to_string()),
    ] {
        assert_eq!(client.get(path).send().await.text(), text, "{path}");
    }
    let form = [("name", "bob"), ("email", ""), ("again", "rob"), ("age", "17")];
    let errors = client.post("/register").form(form).send().await.text();
    let fields: Vec<&str> = errors.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(fields, ["name", "again", "age"], "{errors}");
}

mod program {
    use super::*;

    #[web::main(crate = crate::my::hipflask)]
    pub(super) fn built() -> App {
        super::app()
    }

    #[test]
    fn main_is_written_beside_it() {
        let main: fn() -> std::process::ExitCode = main;
        let _ = (main, built().freeze().expect("nothing is wrong with it"));
    }
}
