//! Every option of `#[field(..)]`.

use hipflask::form::{Choices, Date, FieldError, FieldName, FieldRule, Sent};
use hipflask::http::Upload;
use hipflask::prelude::*;

#[derive(Choices, Debug)]
enum Size {
    Small,
    #[choice(value = "xl", label = "Extra large", group = "Large")]
    r#Large,
}

#[derive(Form, Debug)]
#[form(prepare = leave)]
struct More {
    #[field(range(Date::of(2026, 1, 1)..), empty = "no day")]
    day: Date,
    #[field(url)]
    url: Option<String>,
    #[field(uuid)]
    id: Option<String>,
    #[field(mac_address)]
    card: Option<String>,
    #[field(none_of("a", "b"), autofocus)]
    word: Option<String>,
    #[field(readonly)]
    shown: Option<String>,
    #[field(disabled)]
    off: Option<String>,
    #[field(ticked)]
    agreed: bool,
    #[field(choices)]
    later: Option<u8>,
    #[field(widget = "radio", empty = "None")]
    size: Option<Size>,
    #[field(widget = "checkboxes", entries(..=2))]
    sizes: Vec<Size>,
    #[field(file_types("png"), file_size(1..=100), entries(..=3))]
    files: Vec<Upload>,
    #[field(widget = "range", range(0.0..=1.0))]
    slider: f32,
    #[field(entries(1..))]
    inner: Vec<Inner>,
}

#[derive(Form, Debug)]
struct Inner {
    text: String,
}

async fn leave(form: Form<More>, _: Config) -> Result<Form<More>> {
    Ok(form)
}

#[post("/more")]
async fn more(form: Form<More>) -> String {
    form.valid()
        .map_or_else(|| format!("{:?}", form.messages().collect::<Vec<_>>()), |more| format!("{:?}", more.inner))
}

#[hipflask::test]
async fn all_of_it_is_read() {
    let client = app!().config("SECRET_KEY", "only for this test").routes(routes![more]).test_client();
    let sent = [("day", "2026-11-21"), ("agreed", "y"), ("slider", "0.5"), ("inner-0-text", "x")];
    assert_eq!(client.post("/more").form(sent).send().await.text(), r#"[Inner { text: "x" }]"#);
}

#[derive(Form)]
struct Signup {
    #[field(label = "Name", length(2..=40), placeholder = "Ada", data_x = 1)]
    name: String,
    #[field(range(18..))]
    age: u8,
    #[field(range(..=1.0))]
    ratio: Option<f64>,
    #[field(email, description = "for the receipt")]
    email: Option<String>,
    #[field(one_of("basic", "pro"))]
    plan: String,
    #[field(choices("de" = "German", "en" = "English"), name = "lang", rule = Anything { but: "x" })]
    language: String,
    #[field(widget = "password", check = not_the_name)]
    password: String,
    #[field(widget = "password", equal_to = "password")]
    again: String,
    r#type: Option<String>,
    newsletter: bool,
}

fn not_the_name(password: &String) -> Result<(), String> {
    if password == "Ada" { Err("Too easy.".to_owned()) } else { Ok(()) }
}

struct Anything {
    but: &'static str,
}

impl FieldRule<String> for Anything {
    fn check(&self, value: &String, _: &Sent<'_>) -> Result<(), FieldError> {
        if value == self.but { Err("Not that one.".into()) } else { Ok(()) }
    }
}

const NAMES: [FieldName<Signup>; 3] = [Signup::NAME, Signup::LANGUAGE, Signup::TYPE];

#[post("/signup")]
async fn signup(form: Form<Signup>) -> String {
    let Some(signup) = form.valid() else {
        return format!("{:?}", form.messages().collect::<Vec<_>>());
    };
    let Signup { name, age, ratio, email, plan, language, password, r#type, newsletter, .. } = signup;
    format!("{name} {age} {ratio:?} {email:?} {plan} {language} {} {type:?} {newsletter}", password.len())
}

const FILLED_IN: [(&str, &str); 8] = [
    ("name", "Ada"),
    ("age", "36"),
    ("plan", "pro"),
    ("lang", "en"),
    ("password", "secret"),
    ("again", "secret"),
    ("type", "x"),
    ("newsletter", "on"),
];

#[hipflask::test]
async fn every_rule_is_kept() {
    let app = app!().config("SECRET_KEY", "only for this test").routes(routes![signup]);
    let client = app.test_client();
    let response = client.post("/signup").form(FILLED_IN).send().await;
    assert_eq!(response.text(), r#"Ada 36 None None pro en 6 Some("x") true"#);
    assert_eq!(NAMES.map(FieldName::as_str), ["name", "lang", "type"]);
    for (field, wrong) in [
        ("name", "A"),
        ("age", "17"),
        ("ratio", "1.5"),
        ("email", "nobody"),
        ("plan", "max"),
        ("lang", "fr"),
        ("again", "secrets"),
    ] {
        let mut values: Vec<_> = FILLED_IN.into_iter().filter(|(name, _)| *name != field).collect();
        values.push((field, wrong));
        let text = client.post("/signup").form(values).send().await.text();
        assert!(text.starts_with(&format!("[({field:?}, ")), "{field}: {text}");
    }
}
