//! Signals: who is told of what, and what becomes of a receiver that fails.

use std::sync::{Arc, Mutex};

use hipflask::Rule;
use hipflask::extension::Freezing;
use hipflask::prelude::*;
use hipflask::signals::*;

/// What receivers were told, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }
}

/// An extension's own.
struct Ordered {
    items: u32,
}

impl Signal for Ordered {
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.state::<Shop>().map(|_| ()).ok_or_else(|| "nothing is sold here; add `.extend(shop)`".to_owned())
    }
}

struct Shop;

fn shop(app: App) -> App {
    app.insert_state(Shop).add_url_rule(Rule::new("/order"), async |ctx: &mut Context| {
        ctx.send(|| Ordered { items: 3 });
        "ordered"
    })
}

#[test]
fn a_receiver_is_told_what_happened_and_to_which_request() {
    let told = Told::default();
    let (rendered, failed, finished, flashed) = (told.clone(), told.clone(), told.clone(), told.clone());
    let app = App::new("test", ".")
        .connect(move |ctx, sent: &TemplateRendered| {
            let (user, year): (Option<String>, Option<u16>) = (sent.value("user"), sent.value("year"));
            let names = sent.names();
            rendered.add(format!("{} {} {user:?} {year:?} {names:?}", ctx.request().path(), sent.template()));
            assert_eq!(sent.value::<u16>("user"), None);
        })
        .connect(move |_, sent: &GotRequestException| failed.add(sent.error().to_string()))
        .connect(move |ctx, _: &RequestFinished| {
            let status = ctx.response().map(|response| response.status().as_u16());
            finished.add(format!("{} {status:?}", ctx.endpoint().unwrap_or("-")));
        })
        .connect(move |ctx, sent: &MessageFlashed| {
            flashed.add(format!("{} {} {}", ctx.request().path(), sent.category(), sent.message().as_str()));
        })
        .context_processor(async || hipflask::context! { year => 2026 })
        .add_url_rule(Rule::new("/page").endpoint("page"), async || Template::from_string("x").with("user", "Ada"))
        .add_url_rule(Rule::new("/broken").endpoint("broken"), async || -> Result<&str> { Err(Error::msg("oh")) })
        .add_url_rule(Rule::new("/flash").endpoint("flash"), async |session: Session| {
            session.flash("Saved.");
            session.flash_as("error", html!("<b>{}</b>", "no"));
            redirect("/")
        });
    let client = app.test_client();
    let ran = |path: &str| {
        client.get(path).send_blocking();
        told.take()
    };
    assert_eq!(ran("/page"), ["/page <string> Some(\"Ada\") Some(2026) [\"user\", \"year\"]", "page Some(200)"]);
    assert_eq!(ran("/broken"), ["oh", "broken Some(500)"]);
    assert_eq!(ran("/nowhere"), ["- Some(404)"]);
    assert_eq!(ran("/flash"), ["/flash message Saved.", "/flash error <b>no</b>", "flash Some(303)"]);
}

#[test]
fn receivers_of_one_signal_are_told_in_order_and_one_that_panics_harms_nobody() {
    let told = Told::default();
    let (first, last) = (told.clone(), told.clone());
    let app = App::new("test", ".")
        .connect(move |_, sent: &Ordered| first.add(format!("first {}", sent.items)))
        .connect(|_, _: &Ordered| panic!("a receiver fails"))
        .connect(move |_, sent: &Ordered| last.add(format!("last {}", sent.items)))
        .extend(shop);
    let response = app.test_client().get("/order").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "ordered"));
    assert_eq!(told.take(), ["first 3", "last 3"]);
}

#[test]
fn nothing_is_made_where_nobody_listens() {
    async fn view(ctx: &mut Context) -> &'static str {
        ctx.send(|| -> Ordered { panic!("nobody asked for it") });
        ctx.session().send(|| -> Ordered { panic!("nobody asked for it") });
        "x"
    }
    let silent = App::new("test", ".").extend(shop).add_url_rule(Rule::new("/"), view).freeze().expect("in order");
    // The test client listens to some signals itself.
    let response = hipflask::block_on(silent.respond(hipflask::http::Request::get("/")));
    assert_eq!(response.status(), 200);
}

#[test]
fn a_signal_that_nothing_sends_is_reported_with_the_line_of_its_receiver() {
    let line = line!() + 1;
    let errors = App::new("test", ".").connect(|_, _: &Ordered| {}).freeze().expect_err("there is no shop");
    let error = errors.iter().next().expect("it is one");
    assert!(error.to_string().contains("Ordered`: nothing is sold here; add `.extend(shop)`"), "{error}");
    assert_eq!(error.location().map(std::panic::Location::line), Some(line));
}

#[test]
fn an_application_hears_its_own_signals_wherever_it_is_mounted() {
    let told = Told::default();
    let named = |name: &'static str| {
        let told = told.clone();
        let app = App::new(name, ".").connect(move |ctx, _: &RequestFinished| {
            told.add(format!("{name} {}", ctx.request().path()));
        });
        app.add_url_rule(Rule::new("/x"), async || "x")
    };
    let client = named("outer").mount("/inner", named("inner")).test_client();
    client.get("/inner/x").send_blocking();
    assert_eq!(told.take(), ["inner /x", "outer /inner/x"]);
    client.get("/x").send_blocking();
    assert_eq!(told.take(), ["outer /x"]);
}

#[test]
fn a_test_learns_of_the_templates_of_what_is_mounted() {
    let page = || App::new("page", ".").add_url_rule(Rule::new("/"), async || Template::from_string("x"));
    let client = App::new("test", ".").mount("/page", page()).test_client();
    assert_eq!(client.get("/page/").send_blocking().templates(), ["<string>"]);
}

#[test]
fn what_is_sent_through_the_session_is_told_before_the_next_signal_and_at_the_latest_at_the_end() {
    let told = Told::default();
    let (ordered, started) = (told.clone(), told.clone());
    let app = App::new("test", ".")
        .extend(shop)
        .connect(move |_, sent: &Ordered| ordered.add(format!("ordered {}", sent.items)))
        .connect(move |_, _: &BeforeRenderTemplate| started.add("page"))
        .add_url_rule(Rule::new("/page"), async |session: Session| {
            session.send(|| Ordered { items: 1 });
            Template::from_string("x")
        })
        .after_request(async |session: Session| session.send(|| Ordered { items: 2 }));
    let client = app.test_client();
    client.get("/page").send_blocking();
    assert_eq!(told.take(), ["ordered 1", "page", "ordered 2"]);
}

#[test]
fn teardown_appcontext_runs_for_whatever_had_a_context() {
    let told = Told::default();
    let (ended, request) = (told.clone(), told.clone());
    let app = App::new("test", ".")
        .teardown_appcontext(move |ctx: &mut Context, error: Option<hipflask::errors::Caught<Error>>| {
            ended.add(format!("{} {:?}", ctx.has_request(), error.map(|error| error.to_string())));
        })
        .teardown_request(move || request.add("request"))
        .on_startup(async || {})
        .command("fail", "Fails.", async || -> Result<()> { Err(Error::msg("no")) })
        .add_url_rule(Rule::new("/"), async || "x")
        .freeze()
        .expect("in order");
    hipflask::block_on(async {
        app.start().await.expect("it starts");
        assert_eq!(told.take(), ["false None"]);
        assert_eq!(app.run_command("fail", [""; 0]).await.expect_err("it fails").to_string(), "no");
        assert_eq!(told.take(), ["false Some(\"no\")"]);
        let panicked = app.app_context(async |_| -> Result<()> { panic!("in pieces") }).await;
        assert!(panicked.expect_err("it panics").to_string().contains("in pieces"));
        assert!(told.take()[0].starts_with("false Some(\"panicked at"));
        assert_eq!(app.app_context(async |ctx| Ok(ctx.app().name().to_owned())).await.expect("it is fine"), "test");
        assert_eq!(told.take(), ["false None"]);
        app.respond(hipflask::http::Request::get("/")).await;
        assert_eq!(told.take(), ["request", "true None"]);
    });
}
