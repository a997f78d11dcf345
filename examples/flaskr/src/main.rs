//! Flaskr, the tutorial application: a small blog with authors, posts, comments and pictures.
//!
//! `cargo run` serves it on <http://127.0.0.1:5000>; `cargo run -- init-db` fills in sample posts.

mod api;
mod auth;
mod blog;
mod pictures;
mod samples;
#[cfg(test)]
mod tests;

use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::prelude::*;

#[hipflask::main]
fn app() -> App {
    app!()
        .config("MAX_CONTENT_LENGTH", pictures::MOST_BYTES + 100_000)
        .extend(Sql::from_config())
        .extend(LoginManager::new(auth::load_user).login_view("auth.login"))
        .register_blueprint(auth::blueprint())
        .register_blueprint(blog::blueprint())
        .register_blueprint(api::blueprint())
        .routes(routes![pictures::picture])
        .errorhandler(http_error)
        .command(samples::init_db)
}

/// Every HTTP error has a page in the blog's design; programs get JSON.
#[errorhandler(HttpError)]
async fn http_error(ctx: &mut Context, error: HttpError) -> (Status, Reply) {
    let status = error.status();
    if ctx.request().accept().prefers_json() || ctx.request().path().starts_with("/api/") {
        return (status, Json(error).into_reply());
    }
    (status, render_template!("error.html", error).into_reply())
}
