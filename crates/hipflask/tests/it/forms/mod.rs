//! Forms: how they are read, validated, and shown again with what the user typed.

mod data;
mod kinds;
mod nested;
mod prepared;
mod templates;

use hipflask::Rule;
use hipflask::form::{Binder, Field, FieldError, FieldRule, FieldValues, FormModel, FromField, Sent};
use hipflask::http::{FormData, Method, Upload};
use hipflask::prelude::*;
use hipflask::testing::TestClient;

fn post(path: &str) -> Rule {
    Rule::new(path).methods([Method::POST])
}

fn client_of<M>(view: impl hipflask::extension::IntoHandler<M> + 'static) -> TestClient {
    App::new("test", ".").add_url_rule(post("/"), view).test_client()
}

#[derive(Form, Debug)]
struct Everything {
    #[field(length(2..=5))]
    name: String,
    #[field(range(18..=130))]
    age: u8,
    #[field(range(0.5..=1.5))]
    weight: Option<f64>,
    #[field(email)]
    mail: Option<String>,
    #[field(one_of("red", "green"))]
    colour: Option<String>,
    news: bool,
    tags: Vec<String>,
    #[field(widget = "password", length(3..))]
    password: String,
    #[field(widget = "password", equal_to = "password")]
    again: String,
    #[field(check = even)]
    even: Option<i64>,
}

fn even(n: &i64) -> Result<(), String> {
    if n % 2 == 0 { Ok(()) } else { Err(format!("{n} is odd.")) }
}

const VALID: [(&str, &str); 4] = [("name", "Ada"), ("age", "36"), ("password", "abc"), ("again", "abc")];

async fn everything(form: Form<Everything>) -> String {
    match form.valid() {
        Some(all) => format!("{all:?}"),
        None => form.messages().map(|(name, error)| format!("{name}: {error}")).collect::<Vec<_>>().join(" "),
    }
}

#[hipflask::test]
async fn every_rule_says_what_it_wants() {
    let client = client_of(everything);
    let first = client.post("/").form(VALID).send().await.text();
    assert_eq!(
        first,
        "Everything { name: \"Ada\", age: 36, weight: None, mail: None, colour: None, news: false, tags: [], \
         password: \"abc\", again: \"abc\", even: None }"
    );
    let nothing = client.post("/").send().await.text();
    assert_eq!(
        nothing,
        "name: This field is required. age: This field is required. password: This field is required. \
         again: This field is required."
    );
    for (name, value, error) in [
        ("name", "A", "name: Use at least 2 characters."),
        ("name", "Ada Lo", "name: Use at most 5 characters."),
        ("name", "äöüßé", ""),
        ("name", "\r\n", "name: This field is required."),
        ("name", "a\r\nb\r\nc", ""),
        ("age", "17", "age: This must be at least 18."),
        ("age", "18", ""),
        ("age", " 130 ", ""),
        ("age", "131", "age: This must be at most 130."),
        ("age", "256", "age: Enter a whole number."),
        ("age", "-1", "age: Enter a whole number."),
        ("age", "36.0", "age: Enter a whole number."),
        ("age", "3 6", "age: Enter a whole number."),
        ("weight", "", ""),
        ("weight", "1", ""),
        ("weight", "1,5", "weight: Enter a number."),
        ("weight", "0.4999", "weight: This must be at least 0.5."),
        ("weight", "NaN", "weight: Enter a number."),
        ("weight", "inf", "weight: Enter a number."),
        ("weight", "-infinity", "weight: Enter a number."),
        ("weight", "1e400", "weight: Enter a number."),
        ("mail", "", ""),
        ("mail", "ada@example.org", ""),
        ("mail", "ada@example", "mail: Enter a valid e-mail address."),
        ("mail", "ada@example.org\r\nBcc: x@y.z", "mail: Enter a valid e-mail address."),
        ("mail", "<ada@example.org>", "mail: Enter a valid e-mail address."),
        ("mail", "a,b@example.org", "mail: Enter a valid e-mail address."),
        ("mail", "@", "mail: Enter a valid e-mail address."),
        ("mail", "ada@example..org", "mail: Enter a valid e-mail address."),
        ("colour", "red", ""),
        ("colour", "Red", "colour: Choose one of the options."),
        ("colour", "red,green", "colour: Choose one of the options."),
        ("even", "2", ""),
        ("even", "3", "even: 3 is odd."),
        ("even", "x", "even: Enter a whole number."),
        ("again", "abd", "again: The two entries do not match."),
        ("again", "abc ", "again: The two entries do not match."),
        ("password", "ab", "password: Use at least 3 characters. again: The two entries do not match."),
    ] {
        let pairs = VALID.into_iter().filter(|(known, _)| *known != name).chain([(name, value)]);
        let told = client.post("/").form(pairs).send().await.text();
        match error {
            "" => assert!(told.starts_with("Everything {"), "{name}={value:?}: {told}"),
            error => assert_eq!(told, error, "{name}={value:?}"),
        }
    }
}

#[hipflask::test]
async fn fields_may_come_twice_or_not_at_all() {
    let client = client_of(everything);
    let send =
        |more: &'static [(&'static str, &'static str)]| client.post("/").form(more.iter().copied().chain(VALID)).send();
    let told = send(&[("name", "Bob"), ("tags", "a"), ("tags", ""), ("tags", "a"), ("unknown", "x")]).await.text();
    assert!(told.contains("name: \"Bob\"") && told.contains("tags: [\"a\", \"a\"]"), "the first counts: {told}");
    for (ticked, value) in [("y", true), ("on", true), ("", false), ("false", false), ("0", false)] {
        let told = client.post("/").form(VALID.into_iter().chain([("news", ticked)])).send().await.text();
        assert!(told.contains(&format!("news: {value}")), "{ticked:?}: {told}");
    }
    let file = client.post("/").file("name", "f.txt", "text/plain", "Ada").form(VALID.into_iter().skip(1));
    assert_eq!(file.send().await.text(), "name: This field is required.", "a file is not text");
}

#[hipflask::test]
async fn two_texts_are_the_same_whatever_their_line_breaks() {
    #[derive(Form)]
    struct Twice {
        text: String,
        #[field(equal_to = "text")]
        again: String,
    }
    async fn twice(form: Form<Twice>) -> String {
        form.valid().map_or_else(|| "no".to_owned(), |twice| twice.text.escape_debug().to_string())
    }
    let client = client_of(twice);
    assert_eq!(client.post("/").form([("text", "a\r\nb"), ("again", "a\r\nb")]).send().await.text(), "a\\nb");
}

#[hipflask::test]
async fn what_was_typed_is_shown_again() {
    async fn page(form: Form<Everything>) -> Template {
        Template::from_string(
            "{{ form.name }}|{{ form.age }}|{{ form.password }}|{{ form.colour }}|{{ form.news }}|{{ form.mail }}",
        )
        .with("form", &form)
    }
    let client = client_of(page);
    let html = client.post("/").form([
        ("name", "\"><script>"),
        ("age", "x"),
        ("password", "hunter2"),
        ("colour", "green"),
        ("news", "y"),
    ]);
    let html = html.send().await.text();
    let fields: Vec<&str> = html.split('|').collect();
    assert!(!html.contains("<script>") && !html.contains("hunter2"), "{html}");
    assert_eq!(
        fields[0],
        "<input aria-invalid=\"true\" id=\"name\" maxlength=\"5\" minlength=\"2\" name=\"name\" \
         required type=\"text\" value=\"&#34;&gt;&lt;script&gt;\">"
    );
    assert!(fields[1].contains("max=\"130\" min=\"18\"") && fields[1].contains("value=\"x\""), "{}", fields[1]);
    assert!(fields[2].contains("type=\"password\"") && !fields[2].contains("value"), "{}", fields[2]);
    assert_eq!(
        fields[3],
        "<select id=\"colour\" name=\"colour\"><option value=\"\"></option><option value=\"red\">red</option><option value=\"green\" selected>green</option></select>"
    );
    assert_eq!(fields[4], "<input checked id=\"news\" name=\"news\" type=\"checkbox\" value=\"y\">");
    assert_eq!(fields[5], "<input id=\"mail\" name=\"mail\" type=\"email\" value=\"\">");
    let json =
        client_of(async |form: Form<Everything>| Json(form)).post("/").form([("password", "hunter2")]).send().await;
    assert!(!json.text().contains("hunter2"), "{}", json.text());
}

#[derive(Form)]
struct Note {
    #[field(label = "<b>Text</b>", widget = "textarea", description = "What & why", placeholder = "a \"b\"")]
    text: String,
    first_name: Option<String>,
    #[field(name = "given-name")]
    r#type: Option<String>,
}

/// As WTForms 3.3.2 writes them: attributes sorted, `class_` for `class`, true bare, false and none not at all.
#[hipflask::test]
async fn fields_write_themselves() {
    for (source, html) in [
        (
            "{{ form.text }}",
            "<textarea id=\"text\" name=\"text\" placeholder=\"a &#34;b&#34;\" required>\r\n&lt;/textarea&gt;\n</textarea>",
        ),
        ("{{ form.text.label }}", "<label for=\"text\">&lt;b&gt;Text&lt;/b&gt;</label>"),
        ("{{ form.text.description }}", "What &amp; why"),
        ("{{ form.first_name.label }}", "<label for=\"first_name\">First name</label>"),
        (
            "{{ form.first_name(class_='a b', data_x_y='1', for_='z') }}",
            "<input class=\"a b\" data-x-y=\"1\" for=\"z\" id=\"first_name\" name=\"first_name\" type=\"text\" value=\"\">",
        ),
        (
            "{{ form.first_name(tabindex=1, size=0, maxlength=1.5) }}",
            "<input id=\"first_name\" maxlength=\"1.5\" name=\"first_name\" size=\"0\" tabindex=\"1\" type=\"text\" value=\"\">",
        ),
        (
            "{{ form.first_name(autofocus=true, disabled=false, title=none) }}",
            "<input autofocus id=\"first_name\" name=\"first_name\" type=\"text\" value=\"\">",
        ),
        (
            "{{ form.first_name(value='\"><i>', type='search') }}",
            "<input id=\"first_name\" name=\"first_name\" type=\"search\" value=\"&#34;&gt;&lt;i&gt;\">",
        ),
        ("{{ form['given-name'] }}", "<input id=\"given-name\" name=\"given-name\" type=\"text\" value=\"\">"),
        ("{{ form['given-name'].label }}", "<label for=\"given-name\">Given-name</label>"),
        (
            "{% for field in form %}{{ field.name }}{{ field.required }},{% endfor %}",
            "textTrue,first_nameFalse,given-nameFalse,",
        ),
        ("{{ form.nothing }}|{{ form.errors }}", "|{}"),
    ] {
        async fn page(ctx: &mut Context) -> Result<Template> {
            let source = ctx.request().args().require("source")?.to_owned();
            let form = Form::<Note>::empty().prefill(Note::TEXT, "</textarea>\n");
            Ok(Template::from_string(source).with("form", &form))
        }
        let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
        assert_eq!(client.get("/").query([("source", source)]).send().await.text(), html, "{source}");
    }
    async fn filled(form: Form<Note>) -> String {
        let note = form.into_valid().ok();
        note.map_or_else(
            || "nothing".to_owned(),
            |note| format!("{} {:?} {:?}", note.text, note.first_name, note.r#type),
        )
    }
    let client = client_of(filled);
    let text = client.post("/").form([("text", "t"), ("given-name", "g"), ("type", "x")]).send().await.text();
    assert_eq!(text, "t None Some(\"g\")");
}

#[hipflask::test]
async fn what_only_the_application_knows_is_an_error_too() {
    async fn register(mut form: Form<Everything>) -> String {
        if form.valid().is_some_and(|all| all.name == "Ada") {
            form.add_error(Everything::NAME, "Taken: <Ada>.");
        }
        let messages = format!("{:?}", form.messages().collect::<Vec<_>>());
        format!("{} {} {messages} {}", form.is_submitted(), form.valid().is_some(), form.into_valid().is_ok())
    }
    let client = client_of(register);
    assert_eq!(client.post("/").form(VALID).send().await.text(), "true false [(\"name\", \"Taken: <Ada>.\")] false");
    let other = VALID.map(|(name, value)| (name, if name == "name" { "Eve" } else { value }));
    assert_eq!(client.post("/").form(other).send().await.text(), "true true [] true");
    let mut form = Form::<Everything>::empty();
    form.add_error(Everything::AGE, FieldError::NotAnInteger);
    form.add_error(Everything::NAME, "first");
    form.add_error(Everything::AGE, "more");
    let names: Vec<_> = form.messages().collect();
    let expected = [("name", "first"), ("age", "Enter a whole number."), ("age", "more")];
    assert_eq!(
        names,
        expected.map(|(name, message): (&str, &str)| (name, message.to_owned())),
        "in the order of the fields"
    );
}

#[hipflask::test]
async fn a_file_is_a_field() {
    #[derive(Form)]
    struct Avatar {
        picture: Upload,
        thumbnail: Option<Upload>,
    }
    async fn save(form: Form<Avatar>) -> String {
        match form.valid() {
            Some(avatar) => format!("{} {}", avatar.picture.filename(), avatar.thumbnail.is_some()),
            None => format!("{:?}", form.messages().collect::<Vec<_>>()),
        }
    }
    let client = client_of(save);
    assert_eq!(client.post("/").file("picture", "a.png", "image/png", "x").send().await.text(), "a.png false");
    let none_chosen = client.post("/").file("picture", "", "application/octet-stream", "").send().await.text();
    assert_eq!(none_chosen, "[(\"picture\", \"Choose a file.\")]");
    assert_eq!(client.post("/").form([("picture", "a.png")]).send().await.text(), none_chosen);
    let both = client.post("/").file("picture", "", "x/y", "").file("picture", "b", "x/y", "").file(
        "thumbnail",
        "c",
        "x/y",
        "",
    );
    assert_eq!(both.send().await.text(), "b true");
}

/// Only what may change something submits a form; a query never does.
#[hipflask::test]
async fn a_form_is_submitted_by_a_method() {
    async fn submitted(form: Form<Note>) -> String {
        format!("{} {}", form.is_submitted(), form.valid().is_some())
    }
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let app = App::new("test", ".").add_url_rule(Rule::new("/").methods(methods.clone()), submitted);
    let client = app.test_client();
    for method in methods {
        let expected = if method == Method::GET { "false false" } else { "true true" };
        let response = client.request(method.clone(), "/?text=query").form([("text", "body")]).send().await;
        assert_eq!(response.text(), expected, "{method}");
    }
    assert_eq!(client.post("/?text=query").send().await.text(), "true false");
}

/// Without the macro, for fields that are known only at run time.
#[hipflask::test]
async fn a_form_by_hand() {
    struct Slug(String);
    impl FromField for Slug {
        fn from_field(sent: &Sent<'_>) -> Result<Slug, FieldError> {
            let text = String::from_field(sent)?;
            let plain = text.bytes().all(|b| b.is_ascii_lowercase());
            if plain { Ok(Slug(text)) } else { Err(format!("{} of {:?}", text.len(), sent.other("title")).into()) }
        }
        fn to_field(&self, values: &mut FieldValues) {
            values.text(&self.0);
        }
    }
    struct Page(Slug);
    impl FormModel for Page {
        fn fields() -> Vec<Field> {
            vec![Field { name: "slug", label: "Slug", widget: "text", ..Field::default() }]
        }
        fn bind(binder: &mut Binder<'_>) -> Option<Page> {
            let page = binder.field("slug", &[]).map(Page)?;
            if page.0.0 == "admin" {
                binder.error("slug", "Not that one.");
            }
            Some(page)
        }
    }
    async fn save(form: Form<Page>) -> String {
        let told = format!("{:?}", form.messages().collect::<Vec<_>>());
        form.into_valid().map_or(told, |page| page.0.0)
    }
    let client = client_of(save);
    assert_eq!(client.post("/").form([("slug", "abc")]).send().await.text(), "abc");
    assert_eq!(client.post("/").form([("slug", "admin")]).send().await.text(), "[(\"slug\", \"Not that one.\")]");
    let told = client.post("/").form([("slug", "A B"), ("title", "T")]).send().await.text();
    assert_eq!(told, "[(\"slug\", \"3 of Some(\\\"T\\\")\")]");
}

fn german(error: &FieldError) -> String {
    match error {
        FieldError::Required => "Bitte ausfüllen.".to_owned(),
        FieldError::TooShort { min } => format!("Mindestens {min} Zeichen."),
        FieldError::TooSmall { min } => format!("Mindestens {min}."),
        FieldError::NotEqual { to } => format!("Nicht wie {to}."),
        FieldError::Message(text) => format!("»{text}«"),
        other => other.to_string(),
    }
}

/// The words are chosen for each request, wherever errors show: in the program, in a template, in JSON.
#[hipflask::test]
async fn errors_are_told_in_the_words_of_the_request() {
    async fn page(mut form: Form<Everything>) -> Result<Template> {
        form.add_error(Everything::EVEN, "no");
        let told = form.messages().map(|(name, message)| format!("{name}: {message} ")).collect::<String>();
        let json = serde_json::to_string(&form)?;
        let template =
            Template::from_string("{{ told }}|{{ form.name.errors|join }}|{{ form.errors.age|join }}|{{ json }}");
        let json = json.contains("Mindestens 2 Zeichen.");
        Ok(template.with("told", &told).with("json", &json).with("form", &form))
    }
    let words = |ctx: &Context| if ctx.request().args().contains_key("de") { german } else { FieldError::to_string };
    let client = App::new("test", ".").form_messages(words).add_url_rule(post("/"), page).test_client();
    let send = |target| client.post(target).form([("name", "A"), ("age", "1"), ("password", "abc")]).send();
    assert_eq!(
        send("/?de").await.text(),
        "name: Mindestens 2 Zeichen. age: Mindestens 18. again: Bitte ausfüllen. even: »no« \
         |Mindestens 2 Zeichen.|Mindestens 18.|True"
    );
    assert_eq!(
        send("/").await.text(),
        "name: Use at least 2 characters. age: This must be at least 18. again: This field is required. even: no \
         |Use at least 2 characters.|This must be at least 18.|False"
    );
}

/// A program can tell errors apart without reading their words.
#[hipflask::test]
async fn errors_can_be_matched() {
    async fn page(form: Form<Everything>) -> String {
        let short = |(name, error): (&str, &FieldError)| match error {
            FieldError::TooShort { min } => Some(format!("{name} {min}")),
            _ => None,
        };
        form.errors().filter_map(short).collect()
    }
    let sent = [("name", "A"), ("password", "abc"), ("again", "abd")];
    assert_eq!(client_of(page).post("/").form(sent).send().await.text(), "name 2");
}

/// A rule of one's own sees the request, in a field that may be left empty too.
#[hipflask::test]
async fn a_rule_sees_the_context() {
    struct Below(&'static str);
    impl FieldRule<u64> for Below {
        fn check(&self, value: &u64, sent: &Sent<'_>) -> Result<(), FieldError> {
            let most = sent.ctx().and_then(|ctx| ctx.config().get::<u64>(self.0).ok()).unwrap_or(0);
            if *value < most { Ok(()) } else { Err(format!("{value} of {most}").into()) }
        }
    }
    #[derive(Form)]
    struct Order {
        #[field(range(1..), rule = Below("MOST"))]
        count: u64,
        #[field(rule = Below("MOST"))]
        more: Option<u64>,
    }
    async fn order(form: Form<Order>) -> String {
        let told = form.messages().map(|(name, message)| format!("{name}: {message} ")).collect();
        form.into_valid().map_or(told, |order| format!("{} {:?}", order.count, order.more))
    }
    let client = App::new("test", ".").config("MOST", 7).add_url_rule(post("/"), order).test_client();
    for (count, more, told) in [
        ("6", "", "6 None"),
        ("6", "5", "6 Some(5)"),
        ("7", "8", "count: 7 of 7 more: 8 of 7 "),
        ("0", "", "count: This must be at least 1. "),
    ] {
        assert_eq!(client.post("/").form([("count", count), ("more", more)]).send().await.text(), told);
    }
    let data = FormData { fields: [("count", "1")].into_iter().collect(), files: Vec::new() };
    let form = Form::<Order>::from_data(data);
    assert_eq!(form.messages().collect::<Vec<_>>(), [("count", "1 of 0".to_owned())], "there is no request");
}

#[hipflask::test]
async fn white_space_around_a_value_is_cut_where_the_form_says_so() {
    #[derive(Form, Debug)]
    struct Signup {
        #[field(trim, length(2..=5))]
        name: String,
        #[field(trim, equal_to = "name")]
        again: String,
        nick: String,
        #[field(trim)]
        tags: Vec<String>,
        #[field(trim, length(1..))]
        town: Option<String>,
    }
    let read = |fields: &[(&str, &str)]| {
        let data = FormData { fields: fields.iter().copied().collect(), files: Vec::new() };
        let form = Form::<Signup>::from_data(data);
        match form.valid() {
            Some(Signup { name, again, nick, tags, town }) => format!("{name}|{again}|{nick}|{tags:?}|{town:?}"),
            None => format!("{:?}", form.messages().collect::<Vec<_>>()),
        }
    };
    let spaced = [
        ("name", " \u{a0}ada\t"),
        ("again", "ada "),
        ("nick", " ada "),
        ("tags", " a"),
        ("tags", "b "),
        ("town", "  "),
    ];
    assert_eq!(read(&spaced), "ada|ada| ada |[\"a\", \"b\"]|None");
    assert_eq!(
        read(&[("name", "   a   "), ("again", "a"), ("nick", "a")]),
        r#"[("name", "Use at least 2 characters.")]"#
    );
}
