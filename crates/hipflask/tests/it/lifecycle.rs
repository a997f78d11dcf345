//! The order of a request's steps, compared with what `docs/lifecycle.md` tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hipflask::Rule;
use hipflask::errors::Caught;
use hipflask::extension::{Answer, Handler, Scaffold};
use hipflask::prelude::*;
use hipflask::signals::*;

/// What happened, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }

    /// A hook that notes `what` and passes.
    fn hook(&self, what: &str) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
        let (record, what) = (self.clone(), what.to_owned());
        move || record.note(what.clone())
    }
}

/// Notes when a wrap around the application runs.
struct Around {
    inside: Arc<dyn Handler>,
    record: Record,
    name: &'static str,
}

impl Handler for Around {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            self.record.note(format!("around {}: before", self.name));
            let answer = self.inside.call(ctx).await;
            self.record.note(format!("around {}: after", self.name));
            answer
        }))
    }
}

/// Every kind of function, twice on the application, once on a blueprint and once on one inside it.
fn recorded(record: &Record) -> App {
    fn hooks<S: Scaffold>(scaffold: S, name: &str, record: &Record) -> S {
        let hook = |kind| record.hook(&format!("{kind} {name}"));
        scaffold
            .url_value_preprocessor(hook("url_value_preprocessor"))
            .before_request(hook("before_request"))
            .after_request(hook("after_request"))
            .teardown_request(ending(format!("teardown_request {name}"), record))
    }
    fn ending(what: String, record: &Record) -> impl Fn(Option<Caught<Error>>) + Clone + Send + Sync + 'static + use<> {
        let record = record.clone();
        move |error| record.note(what.clone() + &error.map(|error| format!(": {}", *error)).unwrap_or_default())
    }
    let (this, work) = (record.hook("after_this_request"), record.hook("after_response"));
    let seen = record.hook("view");
    let view = move |ctx: &mut Context| {
        ctx.session().set("seen", 1);
        ctx.after_this_request(this.clone());
        let work = work.clone();
        ctx.after_response(async move |_| {
            work();
            Ok(())
        })?;
        seen();
        Ok::<_, Error>("ok")
    };
    let seen = record.hook("view");
    let failing = move || -> Result<String> {
        seen();
        abort!(418)
    };
    let (seen, sent) = (record.hook("view"), record.hook("body"));
    let streaming = move |ctx: &mut Context| {
        seen();
        let sent = sent.clone();
        ctx.stream_with_context(async move |_ctx, mut out| {
            sent();
            out.send("ok").await
        })
    };
    let seen = record.hook("view");
    let broken = move || -> Result<String> {
        seen();
        Err(Error::msg("broken"))
    };
    let seen = record.hook("view");
    let page = move |session: Session| {
        seen();
        session.flash("Hello!");
        Template::from_string("ok")
    };
    let seen = record.hook("error handler");
    let handler = move |error: HttpError| {
        seen();
        error.status()
    };
    let inner = hooks(Blueprint::new("inner"), "inner", record)
        .add_url_rule(Rule::new("/").endpoint("view"), view)
        .add_url_rule(Rule::new("/failing").endpoint("failing"), failing)
        .add_url_rule(Rule::new("/broken").endpoint("broken"), broken)
        .add_url_rule(Rule::new("/page").endpoint("page"), page)
        .add_url_rule(Rule::new("/streaming").endpoint("streaming"), streaming)
        .register_error_handler(418, handler);
    let outer = hooks(Blueprint::new("outer").url_prefix("/outer"), "outer", record).register_blueprint(inner);
    let own = |app: App, name: &'static str| {
        let (told, noting) = (record.hook(&format!("on_finished {name}")), record.clone());
        let app = hooks(app, name, record).on_finished(move |_| told());
        let app = app.teardown_appcontext(ending(format!("teardown_appcontext {name}"), record));
        app.wrap(move |inside| Around { inside, record: noting, name })
    };
    let app = own(own(App::new("test", "."), "app 1"), "app 2").register_blueprint(outer);
    listening(app.command("command", "It is noted.", record.hook("command")), record)
}

/// Notes every signal.
fn listening(app: App, record: &Record) -> App {
    fn note<S: Signal>(app: App, name: &str, record: &Record) -> App {
        let told = record.hook(&format!("signal {name}"));
        app.connect(move |_, _: &S| told())
    }
    let app = note::<AppcontextPushed>(app, "AppcontextPushed", record);
    let app = note::<RequestStarted>(app, "RequestStarted", record);
    let app = note::<BeforeRenderTemplate>(app, "BeforeRenderTemplate", record);
    let app = note::<TemplateRendered>(app, "TemplateRendered", record);
    let app = note::<MessageFlashed>(app, "MessageFlashed", record);
    let app = note::<GotRequestException>(app, "GotRequestException", record);
    let app = note::<RequestFinished>(app, "RequestFinished", record);
    let app = note::<RequestTearingDown>(app, "RequestTearingDown", record);
    let app = note::<AppcontextTearingDown>(app, "AppcontextTearingDown", record);
    note::<AppcontextPopped>(app, "AppcontextPopped", record)
}

fn ran(target: &str) -> Vec<String> {
    let record = Record::default();
    let client = recorded(&record).test_client();
    client.get(target).send_blocking();
    record.take()
}

/// The lines of the list under `heading` in the documentation.
fn documented(heading: &str) -> Vec<String> {
    let page = include_str!("../../../../docs/lifecycle.md");
    let (_, section) = page.split_once(&format!("## {heading}\n")).expect("the page has the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let listing = section.split("```text\n").nth(1).and_then(|text| text.split("```").next());
    listing.expect("there is a listing").lines().map(str::to_owned).collect()
}

#[test]
fn the_order_is_the_documented_one() {
    assert_eq!(ran("/outer/"), documented("The order of the hooks"));
}

#[test]
fn an_error_takes_the_place_of_the_view() {
    assert_eq!(ran("/outer/failing"), documented("When a view fails"));
}

#[test]
fn only_the_applications_hooks_run_for_an_unknown_path() {
    assert_eq!(ran("/nowhere"), documented("When no rule matches"));
}

#[test]
fn a_body_that_has_the_context_comes_before_teardown() {
    assert_eq!(ran("/outer/streaming"), documented("When the body has the context"));
}

#[test]
fn an_error_that_nobody_answers_is_told() {
    assert_eq!(ran("/outer/broken"), documented("When an error is answered by nobody"));
}

#[test]
fn a_page_and_a_message_are_told() {
    assert_eq!(ran("/outer/page"), documented("When a page is rendered and a message is flashed"));
}

#[test]
fn a_command_has_a_context_that_ends() {
    assert_eq!(ran_by_command(), documented("Outside a request"));
}

/// As `fixtures/record_lifecycle.py` recorded it. What Flask has no counterpart of is left out: what is around an
/// application and sees its context, and the end of a request.
#[test]
fn the_order_is_that_of_flask() {
    let recorded: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../fixtures/lifecycle.json")).expect("the recording is JSON");
    assert_eq!(recorded.len(), 6);
    for (target, expected) in recorded {
        let ran = if target == "command" { ran_by_command() } else { ran(&target) };
        let ran: Vec<String> = ran.iter().filter(|line| is_flasks(line)).map(|line| in_flasks_words(line)).collect();
        assert_eq!(ran, expected, "{target}");
    }
}

fn ran_by_command() -> Vec<String> {
    let record = Record::default();
    let app = recorded(&record).freeze().expect("it is in order");
    hipflask::block_on(app.run_command("command", [""; 0])).expect("it does nothing");
    record.take()
}

fn is_flasks(line: &str) -> bool {
    !line.starts_with("around ") && !line.starts_with("on_finished ") && line != "after_response"
}

/// `signal RequestStarted` as `signal request_started`.
fn in_flasks_words(line: &str) -> String {
    let Some(name) = line.strip_prefix("signal ") else { return line.to_owned() };
    let words = name.chars().flat_map(|c| [c.is_uppercase().then_some('_'), Some(c.to_ascii_lowercase())]).flatten();
    format!("signal {}", words.collect::<String>().trim_start_matches('_'))
}

#[test]
fn the_steps_of_the_page_are_those_of_the_code() {
    let number = |line: &str| line.trim_start().split_once(". ").and_then(|(number, _)| number.parse::<u32>().ok());
    let page = include_str!("../../../../docs/lifecycle.md").split("\n## ").next().unwrap_or_default();
    let code = include_str!("../../src/dispatch.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let told: Vec<u32> = page.lines().filter_map(number).collect();
    assert_eq!(told, (1..=13).collect::<Vec<_>>());
    assert_eq!(code.filter_map(number).collect::<Vec<_>>(), told);
}

#[test]
fn the_first_hook_that_answers_ends_the_search_for_an_answer() {
    let record = Record::default();
    let app = App::new("test", ".")
        .before_request(async || Some("from the hook"))
        .before_request(record.hook("second"))
        .after_request(record.hook("after"))
        .add_url_rule(Rule::new("/"), async || "view");
    let client = app.test_client();
    // A hook may answer for a path that has no rule, too.
    for target in ["/", "/nowhere"] {
        assert_eq!(client.get(target).send_blocking().text(), "from the hook");
        assert_eq!(record.take(), ["after"]);
    }
}

#[test]
fn the_session_is_saved_after_the_last_hook() {
    async fn count(session: Session) {
        session.set("hooks", session.get::<i64>("hooks").unwrap_or_default() + 1);
    }
    let client = App::new("test", ".").after_request(count).add_url_rule(Rule::new("/"), async || "x").test_client();
    client.get("/").send_blocking();
    client.get("/").send_blocking();
    assert_eq!(client.session(|session| session.get::<i64>("hooks")), Some(2));
}

#[test]
fn an_error_in_a_hook_is_answered_and_passes_the_other_hooks() {
    let record = Record::default();
    async fn fail() -> Result<()> {
        abort!(503)
    }
    let app = App::new("test", ".").before_request(fail).after_request(record.hook("after"));
    let client = app.add_url_rule(Rule::new("/"), async || "x").test_client();
    assert_eq!(client.get("/").send_blocking().status(), 503);
    assert_eq!(record.take(), ["after"]);
}

#[test]
fn an_error_after_the_view_becomes_a_500_with_the_headers_of_every_response() {
    async fn fail(ctx: &mut Context) -> Result<()> {
        if ctx.g().get::<()>().is_some() {
            Ok(())
        } else {
            ctx.g_mut().insert(());
            Err(Error::msg("once"))
        }
    }
    let client = App::new("test", ".").after_request(fail).add_url_rule(Rule::new("/"), async || "x").test_client();
    let response = client.get("/").send_blocking();
    assert_eq!(response.status(), 500);
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn teardown_sees_the_error_that_was_not_handled() {
    fn explode() {
        panic!("the other functions run all the same")
    }
    let record = Record::default();
    let seen = record.clone();
    let app = App::new("test", ".")
        .teardown_request(move |ctx: &mut Context, error: Option<Caught<Error>>| {
            seen.note(format!("{} {:?}", ctx.request().path(), error.map(|error| error.to_string())));
        })
        .teardown_request(explode)
        .teardown_request(async || explode())
        .teardown_request(hipflask::extension::inline(explode))
        .teardown_request(async |_: Config| Err::<(), _>(Error::msg("the other functions run all the same")))
        .add_url_rule(Rule::new("/ok"), async || "x")
        .add_url_rule(Rule::new("/http"), async || -> Result<&str> { abort!(404) })
        .add_url_rule(Rule::new("/error"), async || -> Result<&str> { Err(Error::msg("broken")) })
        .add_url_rule(Rule::new("/panic"), async || -> &str { panic!("in pieces") });
    let client = app.test_client();
    for (target, status) in [("/ok", 200), ("/http", 404), ("/error", 500), ("/panic", 500)] {
        assert_eq!(client.get(target).send_blocking().status(), status);
    }
    let texts = record.take();
    assert_eq!(texts[..3], ["/ok None", "/http None", "/error Some(\"broken\")"]);
    assert!(texts[3].starts_with("/panic Some(") && texts[3].contains("in pieces"), "{}", texts[3]);
}

#[test]
fn url_values_can_be_taken_by_a_preprocessor_and_given_by_defaults() {
    async fn language(ctx: &mut Context) {
        if let Some(language) = ctx.view_args_mut().remove("lang") {
            ctx.g_mut().set("lang", language);
        }
    }
    async fn about(ctx: &mut Context) -> Result<String> {
        let address = ctx.url_for("about")?;
        Ok(format!("{:?} {address}", ctx.g().value("lang")))
    }
    let app = App::new("test", ".")
        .url_value_preprocessor(language)
        .url_defaults(|ctx, endpoint, values| {
            if ctx.app().is_endpoint_expecting(endpoint, "lang") && !values.iter().any(|(name, _)| name == "lang") {
                values.push(("lang".into(), "de".into()));
            }
        })
        .add_url_rule(Rule::new("/<lang>/about").endpoint("about"), about);
    assert_eq!(app.test_client().get("/fr/about").send_blocking().text(), "Some(\"fr\") /de/about");
}

/// What a hook looks at it need not be able to change.
#[hipflask::test]
async fn a_hook_looks_at_request_response_and_g_at_once() {
    struct Seen(Vec<String>);
    async fn before(ctx: &mut Context) {
        let before = format!("{:?}", ctx.response().map(Response::status));
        ctx.g_mut().insert(Seen(vec![before]));
        ctx.g_mut().set("user", ("Ada", 36));
    }
    async fn after(ctx: &mut Context) {
        let (request, g, response) = (ctx.request(), ctx.g(), ctx.response().map(Response::status));
        let user = g.named::<(String, u8)>("user");
        let line = format!("{} {response:?} {user:?} {:?}", request.path(), g.names().collect::<Vec<_>>());
        ctx.g_mut().get_mut::<Seen>().into_iter().for_each(|Seen(lines)| lines.push(line.clone()));
        let lines = ctx.g_mut().remove::<Seen>().map(|Seen(lines)| lines.join(" | ")).unwrap_or_default();
        *ctx.response_mut() = Response::new(lines);
    }
    let app = App::new("test", ".").before_request(before).after_request(after);
    let client = app.add_url_rule(Rule::new("/x"), async || (Status::CREATED, "made")).test_client();
    let told = r#"None | /x Some(201) Some(("Ada", 36)) ["user"]"#;
    assert_eq!(client.get("/x").send().await.text(), told);
}
