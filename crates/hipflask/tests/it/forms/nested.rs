//! Forms inside forms, and lists of them.

use hipflask::Rule;
use hipflask::form::FieldError;
use hipflask::http::{FormData, Method};
use hipflask::prelude::*;

use crate::forms::kinds::sent;

#[derive(Form, Clone, Debug, PartialEq)]
struct Address {
    #[field(trim, length(2..))]
    street: String,
    city: Option<String>,
}

#[derive(Form, Clone, Debug, PartialEq)]
struct Line {
    what: String,
    #[field(range(1..))]
    amount: u32,
    gift: bool,
}

#[derive(Form, Clone, Debug, PartialEq)]
struct Order {
    name: String,
    address: Address,
    other: Option<Address>,
    #[field(entries(1..=3))]
    lines: Vec<Line>,
}

fn order() -> Order {
    let address = Address { street: "Main".to_owned(), city: None };
    let line = |what: &str, gift| Line { what: what.to_owned(), amount: 2, gift };
    let lines = vec![line("bread", false), line("salt", true)];
    Order { name: "Ada".to_owned(), address: address.clone(), other: Some(address), lines }
}

fn read(pairs: &[(&str, &str)]) -> Form<Order> {
    Form::from_data(FormData { fields: pairs.iter().copied().collect(), files: Vec::new() })
}

fn messages(form: &Form<Order>) -> Vec<(&str, String)> {
    form.messages().collect()
}

#[test]
fn what_is_shown_is_read_as_the_same() {
    let shown = serde_json::to_value(Form::<Order>::empty().fill(&order())).expect("json");
    let pairs = sent(&shown);
    assert!(pairs.contains(&("lines-1-what".to_owned(), "salt".to_owned())), "{pairs:?}");
    let form = Form::<Order>::from_data(FormData { fields: pairs.into_iter().collect(), files: Vec::new() });
    assert_eq!(messages(&form), []);
    assert_eq!(form.valid(), Some(&order()));
}

const VALID: [(&str, &str); 4] =
    [("name", "Ada"), ("address-street", " Main "), ("lines-0-what", "bread"), ("lines-0-amount", "1")];

#[test]
fn a_form_in_a_form_has_names_and_errors_of_its_own() {
    let form = read(&VALID);
    let order = form.valid().expect("valid");
    assert_eq!((order.address.street.as_str(), &order.other, order.lines.len()), ("Main", &None, 1));
    for (change, told) in [
        (("address-street", "M"), ("address-street", "Use at least 2 characters.")),
        (("lines-0-amount", "0"), ("lines-0-amount", "This must be at least 1.")),
        (("lines-0-what", ""), ("lines-0-what", "This field is required.")),
        // Something of it was filled in, so it must be complete.
        (("other-city", "Oslo"), ("other-street", "This field is required.")),
        (("lines-7-gift", "y"), ("lines-7-what", "This field is required.")),
    ] {
        let pairs: Vec<_> = VALID.into_iter().filter(|(name, _)| *name != change.0).chain([change]).collect();
        let form = read(&pairs);
        assert_eq!(messages(&form).first(), Some(&(told.0, told.1.to_owned())), "{change:?}");
        assert!(form.valid().is_none());
    }
    let mut form = read(&VALID);
    form.add_error_at(Order::LINES.entry(0, Line::WHAT), "Sold out.");
    form.add_error_at(Order::ADDRESS.inner(Address::STREET), FieldError::NotAllowed);
    let told = [("address-street", "This value is not allowed."), ("lines-0-what", "Sold out.")];
    assert_eq!(messages(&form), told.map(|(name, message)| (name, message.to_owned())), "in the order of the fields");
}

/// Entries are counted as they were sent; those that are blank do not count.
#[test]
fn a_list_is_as_long_as_it_was_filled_in() {
    let line = |entry: &str, what: &'static str| {
        [(format!("lines-{entry}-what"), what), (format!("lines-{entry}-amount"), "1")]
    };
    let head = || VALID.into_iter().take(2).map(|(name, text)| (name.to_owned(), text));
    let told = |entries: &[(&str, &'static str)]| {
        let lines = entries.iter().flat_map(|(entry, what)| line(entry, what));
        let pairs: Vec<(String, &str)> = head().chain(lines).collect();
        let form = Form::<Order>::from_data(FormData { fields: pairs.into_iter().collect(), files: Vec::new() });
        match form.valid() {
            Some(order) => order.lines.iter().map(|line| line.what.clone()).collect::<Vec<_>>().join("+"),
            None => form.messages().map(|(name, message)| format!("{name}: {message}")).collect(),
        }
    };
    assert_eq!(told(&[("0", "a"), ("10", "c"), ("2", "b")]), "a+b+c");
    assert_eq!(told(&[]), "lines: This field is required.");
    assert_eq!(told(&[("0", "a"), ("1", "b"), ("2", "c"), ("3", "d")]), "lines: Give at most 3.");
    // One spelling of each number, so no entry has two.
    assert_eq!(told(&[("0", "a"), ("01", "b"), ("-1", "c"), ("x", "d"), ("99999999999", "e"), ("", "f")]), "a");
    let blank = [("lines-1-what", " "), ("lines-1-amount", "")];
    let form = read(&VALID.into_iter().chain(blank).collect::<Vec<_>>());
    assert_eq!(form.valid().map(|order| order.lines.len()), Some(1));
}

/// However many entries a client sends, they are not read, and not shown.
#[test]
fn a_long_list_is_refused_quickly() {
    let pairs = (0..100_000).map(|entry| (format!("lines-{entry}-what"), "x"));
    let began = std::time::Instant::now();
    let form = Form::<Order>::from_data(FormData { fields: pairs.collect(), files: Vec::new() });
    assert!(form.messages().any(|told| told == ("lines", "Give at most 1000.".to_owned())));
    let shown = serde_json::to_value(&form).expect("json");
    assert!(shown[3]["fields"].as_array().expect("entries").len() <= 1_001);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[hipflask::test]
async fn forms_inside_write_themselves() {
    async fn page(ctx: &mut Context, form: Form<Order>) -> Result<Template> {
        let source = ctx.request().args().require("source")?.to_owned();
        let form = if form.is_submitted() { form } else { form.fill(&order()) };
        Ok(Template::from_string(source).with("form", &form))
    }
    let app = App::new("test", ".").config("SECRET_KEY", "only for this test");
    let client = app.add_url_rule(Rule::new("/").methods([Method::GET, Method::POST]), page).test_client();
    for (source, html) in [
        (
            "{{ form.address.street }} {{ form.address.street.label }} {{ form.address.street.short_name }}",
            "<input id=\"address-street\" minlength=\"2\" name=\"address-street\" required type=\"text\" value=\"Main\"> \
             <label for=\"address-street\">Street</label> street",
        ),
        ("{% for field in form.address %}{{ field.name }} {% endfor %}", "address-street address-city "),
        ("{% for field in form.other.form %}{{ field.required }} {% endfor %}", "False False "),
        (
            "{% for line in form.lines %}{{ line.name }}:{{ line.what.data }} {% endfor %}",
            "lines-0:bread lines-1:salt lines-2:None ",
        ),
        (
            "{{ form.lines.entries|length }} {{ form.lines[1].gift }}",
            "3 <input checked id=\"lines-1-gift\" name=\"lines-1-gift\" type=\"checkbox\" value=\"y\">",
        ),
        // The blank one may stay blank.
        ("{{ form.lines[2].what }}", "<input id=\"lines-2-what\" name=\"lines-2-what\" type=\"text\" value=\"\">"),
        ("{{ form.address.type }} {{ form.lines.type }} {{ form.lines[0].type }}", "FormField FieldList FormField"),
        (
            "{{ form.address.row() }}",
            "<fieldset class=\"field\"><legend>Address</legend> <div id=\"address\">\
             <div class=\"field\"><label for=\"address-street\">Street</label> \
             <input id=\"address-street\" minlength=\"2\" name=\"address-street\" required type=\"text\" value=\"Main\"></div>\
             <div class=\"field\"><label for=\"address-city\">City</label> \
             <input id=\"address-city\" name=\"address-city\" type=\"text\" value=\"\"></div></div></fieldset>",
        ),
    ] {
        let request = client.get("/").query([("source", source)]);
        assert_eq!(request.send().await.text(), html, "{source}");
    }
    let source = "{{ form.errors }} {{ form.lines[0].amount.error_list }}";
    let wrong = [("name", "Ada"), ("lines-0-what", "bread"), ("lines-0-amount", "0")];
    let page = client.post("/").query([("source", source)]).form(wrong).send().await.text();
    assert_eq!(
        page.replace("&#39;", "'"),
        "{'address': {'street': ['This field is required.']}, 'lines': [{'amount': ['This must be at least 1.']}, {}]} \
         <ul class=\"errors\" id=\"lines-0-amount-errors\"><li>This must be at least 1.</li></ul>"
    );
}

/// A password is one wherever it is.
#[hipflask::test]
async fn the_debug_page_conceals_a_password_inside_a_form() {
    #[derive(Form)]
    struct Account {
        #[field(widget = "password", name = "new-pin")]
        pin: String,
    }
    #[derive(Form)]
    struct Signup {
        account: Account,
        others: Vec<Account>,
    }
    async fn fail(form: Form<Signup>) -> Result<String> {
        let pins = form.valid().map(|signup| signup.account.pin.len() + signup.others[0].pin.len());
        Err(Error::msg(format!("{pins:?} digits")))
    }
    let app = App::new("test", ".").config("SECRET_KEY", "only for this test").config("DEBUG", true);
    let client = app.add_url_rule(Rule::new("/").methods([Method::POST]), fail).test_client();
    let sent = [("account-new-pin", "84736"), ("others-0-new-pin", "19283")];
    let page = client.post("/").form(sent).send().await.text();
    assert!(page.contains("Some(10) digits"), "{page}");
    // The lines of this test are on the page too.
    let (_, page) = page.split_once("<h2>Form</h2>").expect("the form is shown");
    assert!(page.contains("account-new-pin"), "{page}");
    assert!(!page.contains("84736") && !page.contains("19283"), "{page}");
}
