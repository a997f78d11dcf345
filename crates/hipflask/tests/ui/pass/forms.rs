//! Every option of `#[field(..)]`.

use hipflask::form::{FieldError, FieldName, FieldRule, Sent};
use hipflask::prelude::*;

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
