//! Every kind of field in a real browser: what is filled in arrives, and an edit form that is saved unchanged changes
//! nothing.

#[path = "../../flaskr/tests/driver/mod.rs"]
#[allow(dead_code, reason = "it has more than this test needs")]
mod driver;

use driver::{Browser, Program};
use hipflask::form::{Choices, Date, LocalDateTime, Month, Time, Week};
use hipflask::http::Upload;
use hipflask::prelude::*;
use hipflask::{DateTime, Rule};
use serde_json::{Value, json};

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
enum Size {
    Small,
    #[choice(value = "xl", group = "Large")]
    ExtraLarge,
    #[choice(group = "Large")]
    EvenLarger,
}

#[derive(Form, Clone, Debug, PartialEq)]
struct Line {
    what: String,
    #[field(range(1..))]
    amount: u32,
    gift: bool,
}

#[derive(Form, Clone, Debug, PartialEq)]
struct Kinds {
    text: String,
    #[field(widget = "textarea")]
    long: String,
    #[field(widget = "password")]
    password: Option<String>,
    whole: i64,
    unsigned: u128,
    real: f64,
    #[field(widget = "range", range(0..=10))]
    slider: u8,
    ticked: bool,
    unticked: bool,
    #[field(range(Date::of(2026, 1, 1).at(Time::of(0, 0)).utc()..))]
    moment: DateTime,
    exact: DateTime,
    local: LocalDateTime,
    day: Date,
    time: Time,
    #[field(range(Time::of(8, 0)..))]
    seconds: Time,
    month: Month,
    week: Week,
    #[field(widget = "color")]
    color: String,
    #[field(email)]
    email: String,
    #[field(url)]
    url: String,
    #[field(widget = "tel")]
    tel: String,
    #[field(widget = "search")]
    search: String,
    #[field(widget = "hidden")]
    hidden: Option<String>,
    #[field(readonly)]
    owner: Option<String>,
    #[field(disabled)]
    off: Option<String>,
    size: Size,
    maybe: Option<Size>,
    none: Option<Size>,
    sizes: Vec<Size>,
    #[field(widget = "radio")]
    one: Size,
    #[field(widget = "checkboxes")]
    some: Vec<Size>,
    words: Vec<String>,
    nothing: Option<f32>,
    lines: Vec<Line>,
}

fn kinds() -> Kinds {
    let line = |what: &str, gift| Line { what: what.to_owned(), amount: 2, gift };
    Kinds {
        text: " a \"b\" <c> ".into(),
        long: "\nfirst\n\nlast\n".into(),
        password: None,
        whole: -9_007_199_254_740_993,
        unsigned: u128::MAX,
        real: -0.1,
        slider: 7,
        ticked: true,
        unticked: false,
        moment: "2026-11-21T08:30:05Z".parse().expect("a moment"),
        exact: "1969-12-31T23:59:59.250Z".parse().expect("a moment"),
        local: "2026-03-29T02:30".parse().expect("it exists somewhere"),
        day: Date::of(2024, 2, 29),
        time: Time::of(8, 30),
        seconds: "08:30:59.001".parse().expect("a time"),
        month: Month::of(2026, 11),
        week: Week::of(2020, 53),
        color: "#ff8800".into(),
        email: "ada@example.org".into(),
        url: "https://example.org/?a=b&c=d".into(),
        tel: "+49 30 1234".into(),
        search: "what".into(),
        hidden: Some("x\ny".into()),
        owner: Some("Ada".into()),
        off: None,
        size: Size::ExtraLarge,
        maybe: Some(Size::Small),
        none: None,
        sizes: vec![Size::Small, Size::EvenLarger],
        one: Size::EvenLarger,
        some: vec![Size::ExtraLarge],
        words: vec!["a".into(), "a".into(), "b c".into()],
        nothing: None,
        lines: vec![line("bread", true), line("salt", false)],
    }
}

const PAGE: &str = "<!doctype html><title>Form</title><form method=post enctype=\"{{ form.enctype }}\">\
                    {{ form.rows() }}<button>Save</button></form>";

fn page<T: hipflask::form::FormModel>(form: &Form<T>) -> Result<Reply> {
    Ok(Template::from_string(PAGE).with("form", form).into_reply())
}

async fn edit(form: Form<Kinds>) -> Result<Reply> {
    let form = form.fill(&kinds());
    match form.valid() {
        Some(saved) if *saved == kinds() => Ok("unchanged".into_reply()),
        Some(saved) => Ok(format!("{saved:#?}").into_reply()),
        None => page(&form),
    }
}

#[derive(Form)]
struct Files {
    #[field(file_types("txt"))]
    one: Upload,
    several: Vec<Upload>,
}

async fn new(form: Form<Kinds>) -> Result<Reply> {
    match form.valid() {
        Some(new) => Ok(format!("{new:?}").into_reply()),
        None => page(&form),
    }
}

async fn files(form: Form<Files>) -> Result<Reply> {
    match form.valid() {
        Some(files) => {
            let several: Vec<&str> = files.several.iter().map(Upload::filename).collect();
            Ok(format!("{} {}", files.one.filename(), several.join("+")).into_reply())
        }
        None => page(&form),
    }
}

/// The application, served until the program ends.
fn serve() -> String {
    let rule = |path: &str| Rule::new(path).methods([GET, POST]);
    let app = App::new("kinds", "/nowhere").config("SECRET_KEY", "only for this test");
    let app = app.add_url_rule(rule("/edit"), edit).add_url_rule(rule("/new"), new).add_url_rule(rule("/files"), files);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let app = app.freeze().expect("it is complete");
    std::thread::spawn(move || hipflask::block_on(hipflask::server::serve_on(app, listener, std::future::pending())));
    format!("http://{address}")
}

fn body(browser: &Browser) -> String {
    browser.find("//body[not(.//button)]");
    browser.run("return document.body.textContent").as_str().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "needs Chromium, which `cargo xtask test` installs"]
fn an_edit_form_saved_unchanged_changes_nothing() {
    let address = serve();
    let (_driver, driver) = Program::driver();
    let browser = Browser::open(&driver);
    browser.goto(&format!("{address}/edit"));
    let refused = "return [...document.querySelectorAll(':invalid')].map(e => e.name + ': ' + e.validationMessage)";
    assert_eq!(browser.run(refused), json!([]), "the browser takes every value");
    browser.press("Save");
    assert_eq!(body(&browser), "unchanged");
}

/// Sets a field as a date picker would.
fn pick(browser: &Browser, id: &str, value: &str) {
    let set = browser.run(&format!("const e = document.getElementById('{id}'); e.value = '{value}'; return e.value"));
    assert_eq!(set, Value::from(value), "the input takes it");
}

#[test]
#[ignore = "needs Chromium, which `cargo xtask test` installs"]
fn what_is_filled_in_arrives() {
    let address = serve();
    let (_driver, driver) = Program::driver();
    let browser = Browser::open(&driver);
    browser.goto(&format!("{address}/new"));
    let click = |path: &str| {
        let element = browser.find(path);
        browser.call(&format!("element/{element}/click"), &json!({})).expect("it can be clicked");
    };
    for (id, text) in [
        ("moment", "2026-11-21T08:30"),
        ("exact", "2026-11-21T08:30:05.25"),
        ("local", "2026-11-21T08:30"),
        ("day", "2026-11-21"),
        ("time", "08:30"),
        ("seconds", "08:30:59"),
        ("month", "2026-11"),
        ("week", "2026-W47"),
        ("color", "#123456"),
        ("slider", "3"),
    ] {
        pick(&browser, id, text);
    }
    click("//*[@id='size']//option[@value='even_larger']");
    click("//*[@id='maybe']//option[@value='xl']");
    click("//*[@id='sizes']//option[@value='xl']");
    click("//*[@id='one-1']");
    click("//*[@id='some-2']");
    click("//*[@id='ticked']");
    browser.fill(
        &[
            ("text", "Ada"),
            ("long", "one\ntwo"),
            ("password", "secret"),
            ("whole", "-5"),
            ("unsigned", "6"),
            ("real", "0.25"),
            ("email", "ada@example.org"),
            ("url", "http://localhost/"),
            ("tel", "1"),
            ("search", "s"),
            ("words-0", "w"),
            ("lines-0-what", "bread"),
            ("lines-0-amount", "2"),
        ],
        "Save",
    );
    let expected = Kinds {
        text: "Ada".into(),
        long: "one\ntwo".into(),
        password: Some("secret".into()),
        whole: -5,
        unsigned: 6,
        real: 0.25,
        slider: 3,
        ticked: true,
        unticked: false,
        moment: "2026-11-21T08:30:00Z".parse().expect("a moment"),
        exact: "2026-11-21T08:30:05.250Z".parse().expect("a moment"),
        local: "2026-11-21T08:30".parse().expect("a moment"),
        day: Date::of(2026, 11, 21),
        time: Time::of(8, 30),
        seconds: "08:30:59".parse().expect("a time"),
        month: Month::of(2026, 11),
        week: Week::of(2026, 47),
        color: "#123456".into(),
        email: "ada@example.org".into(),
        url: "http://localhost/".into(),
        tel: "1".into(),
        search: "s".into(),
        hidden: None,
        owner: None,
        off: None,
        size: Size::EvenLarger,
        maybe: Some(Size::ExtraLarge),
        none: None,
        sizes: vec![Size::ExtraLarge],
        one: Size::ExtraLarge,
        some: vec![Size::EvenLarger],
        words: vec!["w".into()],
        nothing: None,
        lines: vec![Line { what: "bread".into(), amount: 2, gift: false }],
    };
    assert_eq!(body(&browser), format!("{expected:?}"));

    let folder = std::env::temp_dir().join(format!("forms-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is room");
    let paths: Vec<String> = ["a.txt", "b.txt"].map(|name| folder.join(name).display().to_string()).into();
    paths.iter().for_each(|path| std::fs::write(path, "x").expect("there is room"));
    browser.goto(&format!("{address}/files"));
    browser.fill(&[("one", &paths[0]), ("several", &paths.join("\n"))], "Save");
    assert_eq!(body(&browser), "a.txt a.txt+b.txt");
    let _ = std::fs::remove_dir_all(&folder);
}
