//! What templates see: see `apps/templates.py`, whose pages are read from there.

use hipflask::http::MultiDict;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{Rule, context};
use serde_json::Value;

use super::production;

/// The pages of the Flask application: the lines `"name": "source",` with their escapes.
fn page(name: &str) -> Option<String> {
    let source = include_str!("../../fixtures/oracle/apps/templates.py");
    let line = source.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{name}\": ")))?;
    let line = line.trim_end_matches(',');
    match line.strip_prefix('\'') {
        Some(raw) => Some(raw.trim_end_matches('\'').to_owned()),
        None => serde_json::from_str(line).ok(),
    }
}

async fn show(ctx: &mut Context, args: ViewArgs, query: MultiDict) -> Result<Template> {
    ctx.g_mut().set("user", "<g>");
    ctx.session().set("user", "<s>");
    for message in query.getlist("m") {
        match message.split_once(':') {
            Some((category, text)) => ctx.session().flash_as(category, text),
            None => ctx.session().flash(message),
        }
    }
    let source = page(&args.get::<String>("name")?).or_404()?;
    Ok(Template::from_string(source).with("x", "<\"&'>\u{2028}ü").with("given", "given"))
}

pub(super) fn app(declared: &Value) -> App {
    let rule = || Rule::new("/<name>").endpoint("page");
    let bp = Blueprint::new("bp")
        .url_prefix("/bp")
        .context_processor(async || context! { year => 1999 })
        .add_url_rule(rule(), show);
    production(declared)
        .without_static_files()
        .config("SITE", "<oracle>")
        .context_processor(async || context! { year => 2026, given => "processor" })
        .template_global("shout", |text: String| text.to_uppercase())
        .template_filter("backwards", |text: String| text.chars().rev().collect::<String>())
        .template_test("small", |number: i64| number < 10)
        .template_global("add", |a: i64, b: i64| a + b)
        .add_url_rule(rule(), show)
        .register_blueprint(bp)
}
