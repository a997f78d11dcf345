//! Rules of every kind, for hostile paths.

use hipflask::prelude::*;

use crate::canary;

#[route("/", methods = [GET, OPTIONS])]
async fn index() -> &'static str {
    "index"
}

#[get("/item/<int:i>")]
async fn item(i: u64) -> String {
    format!("item {i}")
}

#[get("/user/<name>")]
async fn user(name: String) -> String {
    format!("user {name}")
}

#[get("/user/<name>/edit")]
async fn user_edit(name: String) -> String {
    canary::bump();
    format!("edit {name}")
}

#[get("/files/<path:p>")]
async fn files(p: String) -> String {
    format!("files {p}")
}

#[get("/span/<int:a>-<int:b>")]
async fn span(a: u64, b: u64) -> String {
    format!("span {a} {b}")
}

#[get("/dir/")]
async fn dir() -> &'static str {
    "dir"
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("pages").routes(routes![index, item, user, user_edit, files, span, dir])
}
