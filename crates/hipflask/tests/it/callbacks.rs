//! Functions that a program gives and that are not handlers: their arguments, their failures, what is said at the start.

use std::sync::atomic::{AtomicBool, Ordering};

use hipflask::cli::Command;
use hipflask::extension::{Callback, IntoCallback, inline};
use hipflask::http::MultiDict;
use hipflask::prelude::*;
use hipflask::templating::Values;
use hipflask::{Extension, Rule, context};

/// What an extension keeps of a function of the program's.
struct Kept(Callback<u32>);

impl Extension for Kept {
    fn init_app(self, mut app: App) -> App {
        async fn called(ctx: &mut Context) -> Result<String> {
            let app = ctx.app().clone();
            let kept = app.state::<Kept>().or_404()?;
            Ok(match kept.0.call(ctx).await {
                Ok(number) => number.to_string(),
                Err(error) => error.to_string(),
            })
        }
        app.check_callback(&self.0, "the function that is kept");
        app.insert_state(self).add_url_rule(Rule::new("/").endpoint("called"), called)
    }
}

fn keeping<M>(f: impl IntoCallback<u32, M>) -> App {
    App::new("test", ".").config("NUMBER", 7).config("DEBUG", false).extend(Kept(f.into_callback()))
}

#[test]
fn a_callback_is_any_function_that_gives_the_value() {
    async fn number(ctx: &mut Context, config: Config) -> Result<u32> {
        assert_eq!(ctx.request().path(), "/");
        config.get("NUMBER")
    }
    fn blocking(config: Config) -> u32 {
        hipflask::block_on(async { config.get("NUMBER").unwrap_or_default() })
    }
    for (app, text) in [
        (keeping(number), "7"),
        (keeping(blocking), "7"),
        (keeping(|ctx: &mut Context| ctx.config().get::<u32>("NUMBER")), "7"),
        (keeping(inline(|_: Config| 8)), "8"),
        (keeping(async || 9), "9"),
        (keeping(async || Err::<u32, _>(Error::msg("no number"))), "no number"),
        (keeping(async || "x".parse::<u32>()), "invalid digit found in string"),
        (keeping((async || 10).into_callback()), "10"),
    ] {
        assert_eq!(app.test_client().get("/").send_blocking().text(), text);
    }
    for app in [
        keeping(|| -> u32 { panic!("in pieces") }),
        keeping(inline(|| -> u32 { panic!("in pieces") })),
        keeping(async || -> u32 { panic!("in pieces") }),
    ] {
        let text = app.test_client().get("/").send_blocking().text();
        assert!(text.starts_with("panicked at ") && text.ends_with(": in pieces"), "{text}");
    }
}

#[test]
fn what_a_callback_lacks_is_told_with_the_line_that_gave_it() {
    let new = || App::new("test", ".").config("DEBUG", false);
    let apps = [
        (new().teardown_request(async |_: Session| ()), line!()),
        (new().context_processor(|_: Session| context! {}), line!()),
        (new().extend(Kept((async |_: Session| 1).into_callback())), line!()),
    ];
    for (app, line) in apps {
        let errors = app.freeze().expect_err("there is no secret key");
        let error = errors.iter().next().expect("one is told");
        assert_eq!(error.location().map(std::panic::Location::line), Some(line), "{errors}");
        assert!(error.location().is_some_and(|location| location.file().ends_with("callbacks.rs")), "{errors}");
    }
}

#[hipflask::test]
async fn a_context_processor_that_fails_or_panics_is_a_500_of_its_request_alone() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    async fn panicking() -> Values {
        assert!(!BROKEN.load(Ordering::Relaxed), "in pieces");
        context! { word => "fine" }
    }
    async fn failing() -> Result<Values> {
        if BROKEN.load(Ordering::Relaxed) {
            abort!(503, "back soon");
        }
        Ok(context! { word => "fine" })
    }
    fn blocking() -> Values {
        assert!(!BROKEN.load(Ordering::Relaxed), "in pieces");
        context! { word => "fine" }
    }
    let app = |app: App| {
        app.add_url_rule(Rule::new("/page").endpoint("page"), async || Template::from_string("{{ word }}"))
            .add_url_rule(Rule::new("/text").endpoint("text"), async || "text")
            .register_error_handler(404, async || Template::from_string("missing, {{ word }}"))
            .test_client()
    };
    let new = || App::new("test", ".").config("DEBUG", false);
    for (client, status) in [
        (app(new().context_processor(panicking)), 500),
        (app(new().context_processor(failing)), 503),
        (app(new().context_processor(blocking)), 500),
        (app(new().context_processor(inline(blocking))), 500),
    ] {
        BROKEN.store(false, Ordering::Relaxed);
        assert_eq!(client.get("/page").send().await.text(), "fine");
        assert_eq!(client.get("/nowhere").send().await.text(), "missing, fine");
        BROKEN.store(true, Ordering::Relaxed);
        let page = client.get("/page").send().await;
        assert_eq!((page.status().as_u16(), page.header("x-content-type-options")), (status, Some("nosniff")));
        assert!(page.text().contains(page.status().as_str()), "{}", page.text());
        assert_eq!(client.get("/nowhere").send().await.status(), 500, "its handler renders a template too");
        assert_eq!(client.get("/text").send().await.text(), "text");
    }
}

#[hipflask::test]
async fn a_template_calls_functions_with_the_context_and_survives_their_panics() {
    fn greet(ctx: &mut Context, name: String) -> String {
        let count = ctx.g().get::<u32>().copied().unwrap_or(0) + 1;
        ctx.g_mut().insert(count);
        format!("{} {name} {count}", ctx.request().path())
    }
    async fn page(query: MultiDict) -> Template {
        Template::from_string(query.get("source").unwrap_or_default().to_owned())
    }
    let app = App::new("test", ".")
        .template_global("greet", greet)
        .template_filter("greeted", greet)
        .template_test("here", |ctx: &mut Context, path: String| ctx.request().path() == path)
        .template_global(
            "shown",
            |ctx: &mut Context, n: i64| if n > 1 { Ok(ctx.app().name().to_owned()) } else { Err("no") },
        )
        .template_global("explode", |_: &mut Context| -> i64 { panic!("in pieces") })
        .template_filter("burst", |_: i64| -> i64 { panic!("in pieces") })
        .add_url_rule(Rule::new("/page"), page);
    let client = app.test_client();
    let get = |source: &str| client.get("/page").query([("source", source)]).send();
    assert_eq!(
        get("{{ greet('a') }} {{ 'b'|greeted }} {{ '/page' is here }}").await.text(),
        "/page a 1 /page b 2 True"
    );
    assert_eq!(get("{{ shown(2) }}").await.text(), "test");
    for (source, told) in [
        ("{{ shown(1) }}", "no"),
        ("{{ greet() }}", "argument 1"),
        ("{{ greet('a', 'b') }}", "it takes 1, not 2"),
        ("\n{{ explode() }}", "template &lt;string&gt;:2: panicked at "),
        ("\n\n{{ 1|burst }}", "template &lt;string&gt;:3: panicked at "),
    ] {
        let page = get(source).await;
        assert_eq!(page.status(), 500, "{source}");
        assert!(page.text().contains(told), "{source}: {}", page.text());
    }
    assert_eq!(get("{{ greet('a') }}").await.text(), "/page a 1");
}

#[hipflask::test]
async fn a_url_that_cannot_be_built_because_of_a_panic_is_an_error_of_its_view() {
    async fn index(ctx: &mut Context) -> String {
        match ctx.url_for("index") {
            Ok(url) => url,
            Err(error) => error.to_string(),
        }
    }
    async fn nowhere(ctx: &mut Context) -> String {
        match ctx.url_for("nowhere") {
            Ok(url) => url,
            Err(error) => error.to_string(),
        }
    }
    let app = || {
        let app = App::new("test", ".").add_url_rule(Rule::new("/").endpoint("index"), index);
        app.add_url_rule(Rule::new("/nowhere").endpoint("elsewhere"), nowhere)
    };
    let client = app().url_defaults(|_, _, _| panic!("in pieces")).test_client();
    assert!(client.get("/").send().await.text().ends_with(": in pieces"));
    let client = app().url_build_error_handler(|_, _| panic!("in pieces")).test_client();
    assert_eq!(client.get("/").send().await.text(), "/");
    assert!(client.get("/nowhere").send().await.text().ends_with(": in pieces"));
}

#[hipflask::test]
async fn a_panic_at_the_start_or_in_a_command_is_an_error() {
    fn explode() {
        panic!("in pieces")
    }
    let app = App::new("test", ".").on_startup(async || explode());
    let error = app.freeze().expect("nothing is wrong with it").start().await.expect_err("it cannot start");
    assert!(error.to_string().ends_with(": in pieces"), "{error}");
    let app = App::new("test", ".").on_shutdown(explode).freeze();
    let app = app.expect("nothing is wrong with it");
    app.start().await.expect("it starts");
    let error = app.stop().await.expect_err("it cannot stop in order");
    assert!(error.to_string().ends_with(": in pieces"), "{error}");
    let app = App::new("test", ".").command(Command::new("burst").runs(async || -> String { panic!("in pieces") }));
    let app = app.freeze().expect("nothing is wrong with it");
    let error = app.run_command("burst", Vec::<String>::new()).await.expect_err("it fails");
    assert!(error.to_string().ends_with(": in pieces"), "{error}");
}
