//! Forms that a function prepares, and fields that take what they are told.

use std::sync::Arc;

use hipflask::Rule;
use hipflask::extension::State;
use hipflask::form::{Choice, FieldError};
use hipflask::http::{FormData, Method};
use hipflask::prelude::*;

struct Names(Vec<&'static str>);

#[derive(Form)]
#[form(prepare = ask)]
struct Signup {
    name: String,
    #[field(choices, empty = "Nobody")]
    friend: Option<i64>,
    #[field(choices)]
    groups: Vec<String>,
}

/// What only the application knows: which names are taken, and what there is to choose from.
async fn ask(mut form: Form<Signup>, names: State<Arc<Names>>) -> Result<Form<Signup>> {
    tokio::task::yield_now().await;
    if form.valid().is_some_and(|signup| names.0.contains(&signup.name.as_str())) {
        form.add_error(Signup::NAME, "This name is taken.");
    }
    form.set_choices(Signup::FRIEND, names.0.iter().enumerate().map(|(id, name)| (id, *name)));
    form.set_choices(Signup::GROUPS, [Choice::new("a", "A").in_group("Letters"), Choice::new("1", "One")]);
    Ok(form)
}

async fn signup(form: Form<Signup>) -> Template {
    let valid = form.valid().map(|signup| format!("{} {:?} {:?}", signup.name, signup.friend, signup.groups));
    Template::from_string("{{ valid }}|{{ form.errors }}|{{ form.friend }}|{{ form.groups }}")
        .with("valid", &valid)
        .with("form", &form)
}

#[hipflask::test]
async fn a_form_is_prepared_for_each_request() {
    let app = App::new("test", ".")
        .config("SECRET_KEY", "only for this test")
        .insert_state(Arc::new(Names(vec!["Ada", "Bob"])));
    let client = app.add_url_rule(Rule::new("/").methods([Method::GET, Method::POST]), signup).test_client();
    let page = client.get("/").send().await.text();
    assert_eq!(
        page,
        "None|{}|<select id=\"friend\" name=\"friend\"><option value=\"\" selected>Nobody</option>\
         <option value=\"0\">Ada</option><option value=\"1\">Bob</option></select>|\
         <select id=\"groups\" multiple name=\"groups\"><optgroup label=\"Letters\"><option value=\"a\">A</option></optgroup>\
         <option value=\"1\">One</option></select>"
    );
    let send = |pairs: &'static [(&'static str, &'static str)]| client.post("/").form(pairs.iter().copied()).send();
    let told =
        async |pairs| send(pairs).await.text().replace("&#39;", "'").replace("&quot;", "\"").replace("&#34;", "\"");
    let told = async |pairs| told(pairs).await.split('|').take(2).collect::<Vec<_>>().join("|");
    assert_eq!(told(&[("name", "Eve"), ("friend", "1"), ("groups", "1")]).await, "Eve Some(1) [\"1\"]|{}");
    assert_eq!(told(&[("name", "Eve")]).await, "Eve None []|{}");
    assert_eq!(told(&[("name", "Ada")]).await, "None|{'name': ['This name is taken.']}");
    assert_eq!(told(&[("name", "Eve"), ("friend", "2")]).await, "None|{'friend': ['Choose one of the options.']}");
    assert_eq!(told(&[("name", "Eve"), ("friend", "x")]).await, "None|{'friend': ['Enter a whole number.']}");
    let groups = [("name", "Eve"), ("groups", "a"), ("groups", "b")];
    assert_eq!(send(&[]).await.status(), 200);
    assert!(client.post("/").form(groups).send().await.text().contains("Choose one of the options."));
}

#[test]
fn what_it_needs_is_asked_for_at_the_start() {
    let app = App::new("test", ".").config("SECRET_KEY", "only for this test");
    let problem = app.add_url_rule(Rule::new("/"), signup).freeze().expect_err("there is no state").to_string();
    assert!(problem.contains("Names"), "{problem}");
}

fn data(pairs: &[(&str, &str)]) -> FormData {
    FormData { fields: pairs.iter().copied().collect(), files: Vec::new() }
}

/// Choices that nobody told are no choices: the form is never valid by mistake.
#[test]
fn a_value_without_choices_is_refused() {
    let form = Form::<Signup>::from_data(data(&[("name", "Eve"), ("groups", "a")]));
    assert!(form.valid().is_none());
    assert_eq!(form.errors().collect::<Vec<_>>(), [("groups", &FieldError::NoChoices)]);
    assert!(Form::<Signup>::from_data(data(&[("name", "Eve")])).valid().is_some(), "nothing was chosen");
}

#[derive(Form)]
struct Edit {
    #[field(readonly, length(..=20))]
    owner: String,
    #[field(disabled)]
    since: Option<String>,
    #[field(none_of("admin", "Root"))]
    name: Option<String>,
    #[field(uuid)]
    id: Option<String>,
    #[field(mac_address)]
    card: Option<String>,
    #[field(ticked)]
    agreed: bool,
    #[field(equal_to = "name")]
    again: Option<String>,
}

#[test]
fn a_field_that_is_only_shown_takes_nothing_else() {
    let sent = [("owner", "a\r\nb"), ("agreed", "y")];
    let form = || Form::<Edit>::from_data(data(&sent));
    assert_eq!(form().errors().collect::<Vec<_>>(), [("owner", &FieldError::ReadOnly)], "nobody says what it shows");
    assert!(form().prefill(Edit::OWNER, "a\nb").valid().is_some());
    assert!(form().prefill(Edit::OWNER, "eve").valid().is_none());
    let shown = form().prefill(Edit::OWNER, "a\nb").into_valid().unwrap_or_else(|_| panic!("it is what is shown"));
    assert!(form().fill(&shown).valid().is_some());
    let other = Edit { owner: "eve".to_owned(), ..shown };
    assert!(form().fill(&other).valid().is_none());
    let disabled = Form::<Edit>::from_data(data(&[sent[0], sent[1], ("since", "now")])).prefill(Edit::OWNER, "a\nb");
    assert_eq!(disabled.errors().collect::<Vec<_>>(), [("since", &FieldError::Disabled)]);
}

#[test]
fn more_rules_say_what_they_want() {
    for (name, text, message) in [
        ("name", "ADMIN", "This value is not allowed."),
        ("name", " root ", "This value is not allowed."),
        ("name", "Ada", "The two entries do not match."),
        ("id", "f81d4fae7dec11d0a76500a0c91e6bf6", "Enter a UUID."),
        ("id", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""),
        ("card", "00:1b:44:11:3a", "Enter a MAC address like 00:1b:44:11:3a:b7."),
        ("card", "00:1b:44:11:3a:B7", ""),
        ("agreed", "", "This box must be ticked."),
    ] {
        let pairs = [("owner", "a"), ("agreed", "y")].into_iter().filter(|(known, _)| *known != name);
        let pairs: Vec<_> = pairs.chain([(name, text)]).collect();
        let form = Form::<Edit>::from_data(data(&pairs)).prefill(Edit::OWNER, "a");
        let told: Vec<String> = form.messages().map(|(_, message)| message).collect();
        assert_eq!(told.first().map(String::as_str).unwrap_or_default(), message, "{name}={text:?}");
    }
}
