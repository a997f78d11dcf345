//! Hooks, errors, context.

use std::time::Instant;

use hipflask::prelude::*;
use hipflask_sql::sqlx;

struct Started(Instant);

async fn timing(ctx: &mut Context) {
    ctx.g_mut().insert(Started(Instant::now())); // passes: nothing returned
}

async fn maintenance(config: Config) -> Result<Option<Response>> {
    if config.get("MAINTENANCE")? {
        abort!(503, "back in five minutes")
    }
    Ok(None)
}

#[errorhandler(404)]
async fn missing(error: HttpError) -> Template {
    render_template!("404.html", error)
}

#[errorhandler(sqlx::Error)] // by type, nearest blueprint first
async fn database(_error: &sqlx::Error) -> (Status, &'static str) {
    (Status::SERVICE_UNAVAILABLE, "try again")
}

fn app() -> App {
    app!()
        .before_request(timing)
        .before_request(maintenance)
        .errorhandler(missing)
        .errorhandler(database)
        .template_filter("shout", |text: String| text.to_uppercase())
        .context_processor(async || context! { year => 2026 })
        .template_folder("tests/programs/hooks/templates")
        .config_default("MAINTENANCE", false)
        .routes(routes![timed, failing])
        .register_blueprint(Blueprint::new("near").url_prefix("/near").routes(routes![failing]).errorhandler(nearer))
}

#[get("/timed")]
async fn timed(ctx: &mut Context) -> String {
    ctx.g().get::<Started>().is_some_and(|started| started.0.elapsed().as_secs() < 60).to_string()
}

#[get("/failing")]
async fn failing() -> Result<&'static str> {
    Err(sqlx::Error::PoolTimedOut)?;
    Ok("not reached")
}

#[errorhandler(sqlx::Error)]
async fn nearer() -> &'static str {
    "the blueprint's own"
}

#[hipflask::test]
async fn a_hook_passes_and_another_answers() {
    assert_eq!(app().test_client().get("/timed").send().await.text(), "true");
    let closed = app().config("MAINTENANCE", true).test_client();
    let response = closed.get("/timed").send().await;
    assert_eq!(response.status(), 503);
    assert!(response.text().contains("back in five minutes"));
}

#[hipflask::test]
async fn a_hook_that_asks_for_an_unset_key_fails_loudly() {
    let app = App::new("test", ".").before_request(maintenance).routes(routes![timed]);
    assert_eq!(app.test_client().get("/timed").send().await.status(), 500);
}

/// As in Flask, what an error handler returns is the answer, its status too: without one it is 200.
#[hipflask::test]
async fn errors_are_handled_by_status_and_by_type() {
    let client = app().test_client();
    let page = client.get("/nowhere").send().await;
    assert_eq!((page.status().as_u16(), page.templates()), (200, &["404.html".to_owned()][..]));
    assert_eq!(
        page.text().trim_end(),
        "<h1>Not Found</h1> <p>There is nothing at this address.</p> <footer>2026 HM</footer>"
    );
    let response = client.get("/failing").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (503, "try again"));
    assert_eq!(client.get("/near/failing").send().await.text(), "the blueprint's own");
}
