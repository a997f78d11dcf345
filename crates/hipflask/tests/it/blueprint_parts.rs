//! What a blueprint brings along: folders, functions for the whole application, commands, errors below its prefix.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hipflask::Rule;
use hipflask::errors::{Catches, ErrorHandler};
use hipflask::extension::{EmbeddedFile, Folder, RootFolder, Scaffold, folder};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use serde::Deserialize;

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }

    fn hook(&self, what: &'static str) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
        let record = self.clone();
        move || record.note(what)
    }
}

async fn page(args: ViewArgs) -> Result<Template> {
    Ok(Template::new(args.get::<String>("name")?))
}

fn rule(text: &str, endpoint: &str) -> Rule {
    Rule::new(text).endpoint(endpoint)
}

fn blog(record: &Record) -> Blueprint {
    let (each, once) = (record.clone(), record.clone());
    Blueprint::new("blog")
        .url_prefix("/blog")
        .root_path(folder!("tests/parts/blog"))
        .template_folder("templates")
        .static_folder("static")
        .before_app_request(record.hook("before_app_request blog"))
        .before_request(record.hook("before_request blog"))
        .after_app_request(record.hook("after_app_request blog"))
        .teardown_app_request(record.hook("teardown_app_request blog"))
        .app_url_value_preprocessor(record.hook("app_url_value_preprocessor blog"))
        .app_context_processor(async || hipflask::context! { from_app => "app" })
        .context_processor(async || hipflask::context! { from_blog => "blog" })
        .app_template_filter("shout", |text: String| text.to_uppercase())
        .app_template_test("big", |number: i64| number > 3)
        .app_template_global("two", || 2)
        .app_errorhandler(ErrorHandler::new(Catches::status(404), async || (Status::NOT_FOUND, "the blog's 404")))
        .app_url_defaults(|_, endpoint, values| {
            if endpoint == "index" {
                values.push(("q".to_owned(), "1".to_owned()));
            }
        })
        .record(move |app, state| {
            let first = if state.is_first_registration() { "True" } else { "False" };
            each.note(format!("record {first} {}", state.url_prefix()));
            app
        })
        .record_once(move |app, state| {
            once.note(format!("record_once {}", state.url_prefix()));
            app
        })
        .add_url_rule(rule("/", "index"), async |ctx: &mut Context| -> Result<String> {
            Ok(format!("{} {}", ctx.endpoint().unwrap_or_default(), ctx.url_for("index")?))
        })
        .add_url_rule(rule("/page/<path:name>", "page"), page)
        .command("seed", "Is not run.", async || "seeded")
}

fn app(record: &Record) -> App {
    let inner = Blueprint::new("inner")
        .url_prefix("/inner")
        .root_path("../inner")
        .template_folder("templates")
        .static_folder("files")
        .static_url_path("/f")
        .cli_group(Some("tools"))
        .command("count", "Is not run.", async || "counted")
        .add_url_rule(rule("", "who"), async |ctx: &mut Context| {
            let names: Vec<&str> = ctx.endpoint().into_iter().chain(ctx.blueprints()).collect();
            names.join(" ")
        });
    let shop = Blueprint::new("shop")
        .url_prefix("/shop")
        .root_path("../shop")
        .template_folder("templates")
        .cli_group(None)
        .command("restock", "Is not run.", async || "restocked")
        .register_blueprint(inner);
    App::new("app", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parts/app"))
        .before_request(record.hook("before_request app"))
        .add_url_rule(rule("/", "index"), async || "index")
        .add_url_rule(rule("/page/<path:name>", "page"), page)
        .register_blueprint(blog(record))
        .register_blueprint(blog(record).named("archive").url_prefix("/archive"))
        .register_blueprint(blog(record).name_prefix("old").url_prefix("/old"))
        .register_blueprint(shop)
        .after_request(record.hook("after_request app"))
}

#[derive(Deserialize)]
struct Recorded {
    registered: Vec<String>,
    answers: BTreeMap<String, Answered>,
    blueprints: Vec<String>,
    endpoints: Vec<String>,
    commands: Vec<String>,
}

#[derive(Deserialize)]
struct Answered {
    status: u16,
    text: String,
    ran: Vec<String>,
}

/// As `fixtures/record_blueprints.py` recorded it.
#[test]
fn blueprints_do_what_flasks_do() {
    let flask: Recorded = serde_json::from_str(include_str!("../fixtures/blueprints.json")).expect("it is JSON");
    let record = Record::default();
    let app = app(&record);
    assert_eq!(record.take(), flask.registered);
    let client = app.test_client();
    assert!(flask.answers.len() > 20);
    for (path, expected) in flask.answers {
        let response = client.get(&path).send_blocking();
        assert_eq!((response.status().as_u16(), response.text()), (expected.status, expected.text), "{path}");
        assert_eq!(record.take(), expected.ran, "{path}");
    }
    assert_eq!(client.app().blueprints().collect::<Vec<_>>(), flask.blueprints);
    let mut endpoints: Vec<String> = client.app().rules().map(|rule| rule.endpoint().to_owned()).collect();
    endpoints.sort();
    assert_eq!(endpoints, flask.endpoints);
    for command in flask.commands {
        let said = hipflask::block_on(client.app().run_command(&command, [""; 0]));
        assert!(said.is_ok_and(|said| said.ends_with("ed")), "{command}");
    }
}

const FILES: &[EmbeddedFile] = &[EmbeddedFile { name: "a.txt", content: b"embedded" }];
const PAGES: &[EmbeddedFile] = &[
    EmbeddedFile { name: "both.html", content: b"embedded both" },
    EmbeddedFile { name: "own.html", content: b"embedded own" },
];

/// A release build has all folders inside; what a test or a program adds may be on the disk.
#[test]
fn folders_may_be_inside_the_binary() {
    let blueprint = || {
        let root = RootFolder::from("src/part").embed("templates", PAGES).embed("static", FILES);
        Blueprint::new("part").url_prefix("/part").root_path(root).template_folder("templates").static_folder("static")
    };
    let with_pages = |app: App| app.add_url_rule(rule("/page/<path:name>", "page"), page);
    let told = |app: App, path: &str| with_pages(app).test_client().get(path).send_blocking().text();
    const OWN: &[EmbeddedFile] = &[EmbeddedFile { name: "both.html", content: b"the application's" }];
    let embedded = || App::new("test", ".").embed("templates", OWN).register_blueprint(blueprint());
    assert_eq!(told(embedded(), "/page/both.html"), "the application's");
    assert_eq!(told(embedded(), "/page/own.html"), "embedded own");
    assert_eq!(told(embedded(), "/part/static/a.txt"), "embedded");
    let on_disk = || {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parts/shop");
        App::new("test", root).register_blueprint(blueprint())
    };
    assert_eq!(told(on_disk(), "/page/both.html"), "shop both");
    assert_eq!(told(on_disk(), "/page/own.html"), "embedded own");
    // The application may have the folder of a blueprint inside itself.
    let of_app = App::new("test", ".")
        .embed("src/part/templates", PAGES)
        .register_blueprint(Blueprint::new("part").root_path("src/part").template_folder("templates"));
    assert!(matches!(of_app.folder("src/part/templates"), Folder::Embedded { files, .. } if files.len() == 2));
    assert_eq!(told(of_app, "/page/own.html"), "embedded own");
}

#[test]
fn a_template_that_does_not_exist_was_looked_for_in_every_folder() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parts");
    let part = |name: &str| Blueprint::new(name).root_path(name).template_folder("templates");
    let app = App::new("test", root).register_blueprint(part("blog")).register_blueprint(part("shop"));
    let told = app.on_freeze(|freezing| {
        let told = freezing.check_templates(&["gone.html"]).expect_err("there is none");
        for folder in ["parts/templates", "then in ", "parts/blog/templates", "parts/shop/templates"] {
            assert!(told.contains(folder), "{told}");
        }
        freezing.problem(told);
    });
    assert!(told.freeze().is_err());
}

#[test]
fn a_mistake_in_a_template_of_a_blueprint_is_found_and_what_is_behind_another_is_not() {
    const BROKEN: &[EmbeddedFile] = &[EmbeddedFile { name: "a.html", content: b"{% if %}" }];
    const GOOD: &[EmbeddedFile] = &[EmbeddedFile { name: "a.html", content: b"good" }];
    let part = |name: &str, files| {
        Blueprint::new(name).root_path(RootFolder::from(name).embed("templates", files)).template_folder("templates")
    };
    let app = || App::new("test", ".").embed("templates", &[]);
    let errors = app().register_blueprint(part("a", BROKEN)).register_blueprint(part("b", GOOD)).freeze();
    assert!(errors.expect_err("it is malformed").to_string().contains("a.html:1"));
    assert!(app().register_blueprint(part("b", GOOD)).register_blueprint(part("a", BROKEN)).freeze().is_ok());
}

#[test]
fn static_files_without_a_prefix_collide_with_those_of_the_application() {
    let part = || Blueprint::new("part").static_folder("static");
    let errors = App::new("test", ".").register_blueprint(part()).freeze().expect_err("two rules are equal");
    assert!(errors.to_string().contains("/static/<path:filename>"), "{errors}");
    assert!(App::new("test", ".").register_blueprint(part().static_url_path("/part-static")).freeze().is_ok());
    assert!(App::new("test", ".").without_static_files().register_blueprint(part()).freeze().is_ok());
}

#[test]
fn what_a_blueprint_adds_to_the_application_is_checked_with_its_line() {
    let line = line!() + 1;
    let part = Blueprint::new("part").before_app_request(async |_: hipflask::extension::State<Record>| {});
    let errors = App::new("test", ".").register_blueprint(part).freeze().expect_err("there is no such state");
    let error = errors.iter().next().expect("it is one");
    assert_eq!(error.location().map(std::panic::Location::line), Some(line), "{error}");
    let line = line!() + 1;
    let part = Blueprint::new("part").command("x", "x", async |_: hipflask::extension::State<Record>| "");
    let errors = App::new("test", ".").register_blueprint(part).freeze().expect_err("there is no such state");
    let error = errors.iter().next().expect("it is one");
    assert!(error.to_string().contains("the command `part.x`"), "{error}");
    assert_eq!(error.location().map(std::panic::Location::line), Some(line));
}

#[test]
fn a_full_name_belongs_to_one_blueprint() {
    let inner = Blueprint::new("a").register_blueprint(Blueprint::new("b"));
    let errors =
        App::new("test", ".").register_blueprint(inner).register_blueprint(Blueprint::new("b").name_prefix("a"));
    assert!(errors.freeze().expect_err("`a.b` is taken").to_string().contains("the name `a.b` is taken"));
}

#[hipflask::test]
async fn errors_below_a_prefix_go_to_the_blueprint_that_wants_them() {
    fn named<S: Scaffold>(scaffold: S, name: &'static str) -> S {
        let told = move |error: HttpError| (error.status(), format!("{name} {}", error.status().as_u16()));
        scaffold.register_error_handler(404, told).register_error_handler(405, told)
    }
    let record = Record::default();
    let v2 = named(Blueprint::new("v2").url_prefix("/v2"), "v2").errors_below_prefix();
    let api = named(Blueprint::new("api").url_prefix("/api"), "api").errors_below_prefix().register_blueprint(v2);
    let api = api.add_url_rule(rule("/x", "x"), async || "x").before_request(record.hook("hook"));
    let shop = named(Blueprint::new("shop").url_prefix("/shop"), "shop").add_url_rule(rule("/x", "x"), async || "x");
    let app = named(App::new("test", "."), "app").register_blueprint(api).register_blueprint(shop);
    let client = app.test_client();
    for (path, told) in [
        ("/nowhere", "app 404"),
        ("/api", "api 404"),
        ("/api/nowhere", "api 404"),
        ("/apis", "app 404"),
        ("/api/v2/nowhere", "v2 404"),
        ("/shop/nowhere", "app 404"),
    ] {
        assert_eq!(client.get(path).send().await.text(), told, "{path}");
    }
    assert_eq!(client.post("/api/x").send().await.text(), "api 405");
    assert_eq!(client.post("/shop/x").send().await.text(), "app 405");
    assert_eq!(record.take(), [""; 0]);
}
