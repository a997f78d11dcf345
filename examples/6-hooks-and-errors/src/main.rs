//! A ticket office: what happens around every view, and what answers when something goes wrong.
//!
//! Before the view, `number` counts the request and keeps its number in `g`, and `closing_time` may answer instead
//! of the view. After it, `stamp` writes the time it took into the response. At the very end `note` sees an
//! unexpected error. `abort!` leaves a view with a status; `?` leaves it with any error. Error handlers are found
//! by status (`missing`) or by type (`sold_out`), in the blueprint first, so that a program gets JSON.
//!
//! `cargo run -p hooks-and-errors` serves it on <http://127.0.0.1:5000>; with `FLASK_CLOSED=true` in front of it,
//! the office is closed.

mod api;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use hipflask::Caught;
use hipflask::prelude::*;

/// The state of the office while it is open.
#[derive(Default)]
struct Office {
    requests: AtomicU64,
    unhandled: AtomicU64,
}

/// The error for an order of more seats than there are.
#[derive(Debug)]
struct SoldOut {
    left: u32,
}

impl std::fmt::Display for SoldOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "There are {} seats left.", self.left)
    }
}

impl std::error::Error for SoldOut {}

/// How many seats a show has left; `None` if there is no such show.
fn seats_left(show: &str) -> Option<u32> {
    [("hamlet", 40), ("faust", 0)].into_iter().find(|(name, _)| *name == show).map(|(_, left)| left)
}

fn reserve(show: &str, seats: u32) -> Result<u32> {
    let left = seats_left(show).or_404()?;
    Ok(left.checked_sub(seats).ok_or(SoldOut { left })?)
}

#[get("/")]
async fn index() -> Template {
    render_template!("page.html", title = "Tickets", text = "Choose a show.")
}

#[get("/buy/<show>/<int:seats>")]
async fn buy(show: String, seats: u32) -> Result<Template> {
    if seats == 0 {
        abort!(400, "For {show} you need at least one seat.");
    }
    let text = format!("{seats} for {show}; {} are left.", reserve(&show, seats)?);
    Ok(render_template!("page.html", title = "Yours", text))
}

#[get("/ledger")]
async fn ledger() -> Result<String> {
    let sum: u32 = "twelve".parse()?;
    Ok(sum.to_string())
}

struct Started(Instant);

/// Returns nothing, so the request continues.
async fn number(ctx: &mut Context) {
    let number = ctx.state::<Office>().map(|office| office.requests.fetch_add(1, Relaxed) + 1);
    ctx.g_mut().set("number", number);
    ctx.g_mut().insert(Started(Instant::now()));
}

/// Answers instead of the view, or passes.
async fn closing_time(config: Config) -> Result<Option<Response>> {
    if config.get("CLOSED")? {
        abort!(503, "The office opens again at nine.");
    }
    Ok(None)
}

async fn stamp(ctx: &mut Context) -> Result<()> {
    let took = ctx.g().get::<Started>().map_or(0.0, |started| started.0.elapsed().as_secs_f64() * 1000.0);
    ctx.response_mut().headers_mut().insert("server-timing", format!("office;dur={took:.3}").parse()?);
    Ok(())
}

/// Runs whatever happened; it can no longer answer.
async fn note(ctx: &mut Context, error: Option<Caught<Error>>) {
    if let (Some(_), Some(office)) = (error, ctx.state::<Office>()) {
        office.unhandled.fetch_add(1, Relaxed);
    }
}

/// One function for all HTTP errors; each has its own status.
#[errorhandler(HttpError)]
async fn http_error(error: HttpError) -> (Status, Template) {
    (error.status(), render_template!("page.html", title = error.name(), text = error.text()))
}

#[errorhandler(404)]
async fn missing() -> (Status, Template) {
    let text = "Nothing of that name is played here.";
    (Status::NOT_FOUND, render_template!("page.html", title = "No such show", text))
}

#[errorhandler(SoldOut)]
async fn sold_out(error: &SoldOut) -> (Status, Template) {
    (Status::CONFLICT, render_template!("page.html", title = "Sold out", text = error.to_string()))
}

#[hipflask::main]
fn app() -> App {
    app!()
        .config_default("CLOSED", false)
        .insert_state(Office::default())
        .before_request(number)
        .before_request(closing_time)
        .after_request(stamp)
        .teardown_request(note)
        .errorhandler(http_error)
        .errorhandler(missing)
        .errorhandler(sold_out)
        .routes(routes![index, buy, ledger])
        .register_blueprint(api::blueprint())
}
