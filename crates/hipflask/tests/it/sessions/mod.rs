//! Sessions: one suite for every kind, and what is special to each.

mod opening;
mod secure_cookie;
mod server_side;
mod suite;

use hipflask::http::MultiDict;
use hipflask::prelude::*;

const KEY: &str = "a key that is long enough, and only for tests";

#[get("/set")]
async fn set(session: Session, query: MultiDict) -> String {
    for (key, value) in query.iter() {
        session.set(key, value);
    }
    "set".to_owned()
}

#[get("/get/<key>")]
async fn get(session: Session, key: String) -> String {
    format!("{:?}", session.get::<String>(&key))
}

#[get("/pop/<key>")]
async fn pop(session: Session, key: String) -> String {
    format!("{:?}", session.pop::<String>(&key))
}

#[get("/clear")]
async fn clear(session: Session) -> &'static str {
    session.clear();
    "cleared"
}

/// Flask's own way to log in, and ours.
#[get("/login/<how>")]
async fn login(session: Session, how: String) -> &'static str {
    if how == "renew" {
        session.renew();
    } else {
        session.clear();
    }
    session.set("user", "Ada");
    "logged in"
}

#[get("/permanent")]
async fn permanent(session: Session) -> &'static str {
    session.set_permanent(true);
    session.set("kept", "long");
    "permanent"
}

#[get("/ask")]
async fn ask(session: Session) -> String {
    format!("{} {} {:?}", session.is_empty(), session.contains_key("a"), session.keys())
}

#[get("/untouched")]
async fn untouched(_session: Session) -> &'static str {
    "untouched"
}

#[get("/flash")]
async fn flash(session: Session) -> &'static str {
    session.flash("one");
    session.flash_as("error", "two <b>");
    "flashed"
}

#[get("/flashes")]
async fn flashes() -> Template {
    Template::from_string(
        "{% for category, message in get_flashed_messages(with_categories=true) %}{{ category }}={{ message }};{% endfor %}\
         {{ get_flashed_messages()|length }} {{ get_flashed_messages(category_filter=['error'])|join }}",
    )
}

/// An application whose sessions are in a signed cookie, until something else is said.
fn app() -> App {
    let routes = routes![set, get, pop, clear, login, permanent, ask, untouched, flash, flashes];
    App::new("test", ".").config("SECRET_KEY", KEY).config("DEBUG", false).routes(routes)
}
