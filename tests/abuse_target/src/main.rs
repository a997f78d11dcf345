//! The application that `cargo xtask abuse` attacks: each kind of view that a request can be hostile to.
//!
//! `cargo run -p abuse-target -- run --port 8000` serves it. What the cases in `tests/abuse` rely on is here: its
//! routes, its limits, its keys and its users. `/canary` counts how often it ran, so that a case can tell whether a
//! request came through that should not have.

mod canary;
mod input;
mod login;
mod output;
mod pages;
mod sessions;
mod static_files;

use hipflask::prelude::*;

/// The keys that the cases sign sessions with.
const SECRET: &str = "abuse-secret-key-0123456789abcdef0123456789abcdef";
const OLD_SECRET: &str = "abuse-old-secret-key-0123456789abcdef0123456789ab";

#[hipflask::main]
fn app() -> App {
    let app = app!()
        .config("SECRET_KEY", SECRET)
        .config("SECRET_KEY_FALLBACKS", [OLD_SECRET])
        .config("MAX_CONTENT_LENGTH", 2 * 1024 * 1024)
        .config("MAX_FORM_MEMORY_SIZE", 500_000)
        .config("MAX_FORM_PARTS", 1000)
        .config("TRUSTED_HOSTS", ["localhost", "127.0.0.1", "app.test", ".sub.test"])
        .config("PERMANENT_SESSION_LIFETIME", 3600)
        .config("DATABASE_URL", "sqlite:");
    let app = login::add(static_files::add(app));
    [canary::blueprint(), input::blueprint(), output::blueprint(), pages::blueprint(), sessions::blueprint()]
        .into_iter()
        .fold(app, App::register_blueprint)
}
