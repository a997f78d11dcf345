//! Every kind of field: what it is written as, what it reads, and that what it shows is read again as the same.

use hipflask::form::{Choices, Date, FormModel, LocalDateTime, Month, Time, Week};
use hipflask::http::{FormData, Method, Upload};
use hipflask::prelude::*;
use hipflask::{DateTime, Rule};
use serde_json::Value;

#[derive(Choices, Clone, Copy, Debug, PartialEq)]
enum Size {
    Small,
    #[choice(value = "xl", label = "As large as <possible>", group = "Large")]
    ExtraLarge,
    #[choice(group = "Large")]
    EvenLarger,
}

#[derive(Form, Clone, Debug, PartialEq)]
struct Kinds {
    text: String,
    #[field(widget = "textarea")]
    long: String,
    whole: i64,
    unsigned: u128,
    real: f64,
    #[field(widget = "range", range(0..=10))]
    slider: u8,
    ticked: bool,
    unticked: bool,
    moment: DateTime,
    local: LocalDateTime,
    day: Date,
    time: Time,
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
    hidden: String,
    address: std::net::IpAddr,
    size: Size,
    maybe: Option<Size>,
    none: Option<Size>,
    sizes: Vec<Size>,
    #[field(widget = "radio")]
    one: Size,
    #[field(widget = "checkboxes")]
    some: Vec<Size>,
    #[field(choices("1" = "One", "2" = "Two"))]
    number: u8,
    #[field(choices("1" = "One", "2" = "Two", "3" = "Three"))]
    numbers: Vec<u8>,
    words: Vec<String>,
    nothing: Option<f32>,
}

fn kinds() -> Kinds {
    Kinds {
        text: "a \"b\" <c>".into(),
        long: "\nfirst\n\nlast\n".into(),
        whole: i64::MIN,
        unsigned: u128::MAX,
        real: -0.1,
        slider: 7,
        ticked: true,
        unticked: false,
        moment: "2026-11-21T08:30:05.250Z".parse().expect("a moment"),
        local: "2026-03-29T02:30".parse().expect("it exists somewhere"),
        day: Date::of(2024, 2, 29),
        time: "08:30:59".parse().expect("a time"),
        month: Month::of(2026, 11),
        week: Week::of(2020, 53),
        color: "#ff8800".into(),
        email: "ada@example.org".into(),
        url: "https://example.org/?a=b&c=d".into(),
        tel: "+49 30 1234".into(),
        search: "what".into(),
        hidden: "x".into(),
        address: "2001:db8::1".parse().expect("an address"),
        size: Size::ExtraLarge,
        maybe: Some(Size::Small),
        none: None,
        sizes: vec![Size::Small, Size::EvenLarger],
        one: Size::EvenLarger,
        some: vec![Size::ExtraLarge],
        number: 2,
        numbers: vec![1, 3],
        words: vec!["a".into(), "a".into(), "b c".into()],
        nothing: None,
    }
}

/// What a browser would send of a form as it is shown: each field with its values.
pub(super) fn sent(fields: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for field in fields.as_array().expect("fields") {
        let inner = field["fields"].as_array().is_some_and(|fields| !fields.is_empty());
        if inner && field["widget"] == "form" {
            pairs.append(&mut sent(&field["fields"]));
            continue;
        }
        let name = field["name"].as_str().expect("a name");
        let values = field["values"].as_array().expect("values").iter();
        pairs.extend(values.map(|value| (name.to_owned(), value.as_str().expect("text").to_owned())));
    }
    pairs
}

fn form_of(pairs: impl IntoIterator<Item = (String, String)>) -> FormData {
    FormData { fields: pairs.into_iter().collect(), files: Vec::new() }
}

#[test]
fn what_is_shown_is_read_as_the_same() {
    let shown = serde_json::to_value(Form::<Kinds>::empty().fill(&kinds())).expect("json");
    let form = Form::<Kinds>::from_data(form_of(sent(&shown)));
    assert_eq!(form.messages().collect::<Vec<_>>(), []);
    assert_eq!(form.valid(), Some(&kinds()));
    // And it is shown the same after it was sent.
    let again = serde_json::to_value(&form).expect("json");
    assert_eq!(sent(&again), sent(&shown));
}

/// An input has milliseconds, and no more.
#[test]
fn a_moment_is_shown_as_an_input_takes_it() {
    #[derive(Form)]
    struct Event {
        starts: DateTime,
        opens: Time,
    }
    let starts: DateTime = "2026-11-21T08:30:00.000900Z".parse().expect("a moment");
    let opens = Time::new(8, 30, 5, 1_900).expect("a time");
    let shown = serde_json::to_value(Form::<Event>::empty().fill(&Event { starts, opens })).expect("json");
    let expected = [("starts", "2026-11-21T08:30"), ("opens", "08:30:05.001")];
    assert_eq!(sent(&shown), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    for (typed, read) in [
        ("2026-11-21T08:30", "2026-11-21 08:30:00+00:00"),
        ("2026-11-21 08:30:05", "2026-11-21 08:30:05+00:00"),
        ("2026-11-21T08:30:05.5", "2026-11-21 08:30:05.500000+00:00"),
        ("2026-11-21T08:30:00+01:00", "2026-11-21 07:30:00+00:00"),
    ] {
        let pairs = [("starts", typed), ("opens", "08:30")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        let form = Form::<Event>::from_data(form_of(pairs));
        assert_eq!(form.valid().map(|event| event.starts.to_string()).as_deref(), Some(read), "{typed}");
    }
}

#[hipflask::test]
async fn a_day_in_a_template_is_a_day() {
    async fn page() -> Template {
        let source = "{{ day }} {{ day.strftime('%-d %B %Y, %H:%M') }} {{ day.isoformat() }} {{ day.year }} \
                      {{ day < later }} {{ day == later }} {{ time }}";
        let (day, later, time) = (Date::of(2026, 1, 2), Date::of(2026, 1, 10), Time::of(8, 30));
        Template::from_string(source).with("day", &day).with("later", &later).with("time", &time)
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    assert_eq!(
        client.get("/").send().await.text(),
        "2026-01-02 2 January 2026, 00:00 2026-01-02 2026 True False 08:30"
    );
    assert_eq!(serde_json::to_string(&Date::of(2026, 1, 2)).ok().as_deref(), Some("\"2026-01-02\""));
    assert_eq!(serde_json::from_str::<Date>("\"2026-01-02\"").ok(), Some(Date::of(2026, 1, 2)));
}

/// The HTML of one field of a form that was filled in.
async fn html_of(source: &str) -> String {
    async fn page(ctx: &mut Context) -> Result<Template> {
        let source = ctx.request().args().require("source")?.to_owned();
        Ok(Template::from_string(source).with("form", &Form::<Kinds>::empty().fill(&kinds())))
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    client.get("/").query([("source", source)]).send().await.text()
}

#[hipflask::test]
async fn the_widget_follows_from_the_type() {
    for (field, html) in [
        ("whole", "id=\"whole\" name=\"whole\" required type=\"number\" value=\"-9223372036854775808\">"),
        ("real", "id=\"real\" name=\"real\" required step=\"any\" type=\"number\" value=\"-0.1\">"),
        ("slider", "id=\"slider\" max=\"10\" min=\"0\" name=\"slider\" required type=\"range\" value=\"7\">"),
        ("ticked", "checked id=\"ticked\" name=\"ticked\" type=\"checkbox\" value=\"y\">"),
        ("unticked", "id=\"unticked\" name=\"unticked\" type=\"checkbox\" value=\"y\">"),
        (
            "moment",
            "id=\"moment\" name=\"moment\" required step=\"any\" type=\"datetime-local\" value=\"2026-11-21T08:30:05.250\">",
        ),
        (
            "local",
            "id=\"local\" name=\"local\" required step=\"any\" type=\"datetime-local\" value=\"2026-03-29T02:30\">",
        ),
        ("day", "id=\"day\" name=\"day\" required type=\"date\" value=\"2024-02-29\">"),
        ("time", "id=\"time\" name=\"time\" required step=\"any\" type=\"time\" value=\"08:30:59\">"),
        ("month", "id=\"month\" name=\"month\" required type=\"month\" value=\"2026-11\">"),
        ("week", "id=\"week\" name=\"week\" required type=\"week\" value=\"2020-W53\">"),
        ("color", "id=\"color\" name=\"color\" required type=\"color\" value=\"#ff8800\">"),
        ("url", "id=\"url\" name=\"url\" required type=\"url\" value=\"https://example.org/?a=b&amp;c=d\">"),
        ("nothing", "id=\"nothing\" name=\"nothing\" step=\"any\" type=\"number\" value=\"\">"),
    ] {
        assert_eq!(html_of(&format!("{{{{ form.{field} }}}}")).await, format!("<input {html}"), "{field}");
    }
    let options = "<option value=\"small\">Small</option><optgroup label=\"Large\"><option value=\"xl\" selected>\
                   As large as &lt;possible&gt;</option><option value=\"even_larger\">Even larger</option></optgroup>";
    assert_eq!(
        html_of("{{ form.size }}").await,
        format!("<select id=\"size\" name=\"size\" required>{options}</select>")
    );
    let none = html_of("{{ form.none }}").await;
    assert!(none.starts_with("<select id=\"none\" name=\"none\"><option value=\"\" selected></option>"), "{none}");
    let maybe = html_of("{{ form.maybe }}").await;
    assert!(maybe.contains("<option value=\"\"></option><option value=\"small\" selected>"), "{maybe}");
    let sizes = html_of("{{ form.sizes }}").await;
    assert!(sizes.starts_with("<select id=\"sizes\" multiple name=\"sizes\">"), "{sizes}");
    assert_eq!(sizes.matches(" selected>").count(), 2, "{sizes}");
    assert_eq!(
        html_of("{{ form.one }}").await,
        "<ul id=\"one\">\
         <li><input id=\"one-0\" name=\"one\" required type=\"radio\" value=\"small\"> <label for=\"one-0\">Small</label></li>\
         <li><input id=\"one-1\" name=\"one\" required type=\"radio\" value=\"xl\"> \
         <label for=\"one-1\">As large as &lt;possible&gt;</label></li>\
         <li><input checked id=\"one-2\" name=\"one\" required type=\"radio\" value=\"even_larger\"> \
         <label for=\"one-2\">Even larger</label></li></ul>"
    );
    let some = html_of("{{ form.some }}").await;
    assert!(some.contains("<input checked id=\"some-1\" name=\"some\" type=\"checkbox\" value=\"xl\">"), "{some}");
    // What was filled in, and a blank one to fill in.
    let words = html_of("{{ form.words }}").await;
    assert_eq!(words.matches("<li><input aria-label=").count(), 4, "{words}");
    assert!(
        words.contains("aria-label=\"Words\" id=\"words-2\" name=\"words\" type=\"text\" value=\"b c\">"),
        "{words}"
    );
}

/// What is not one of the choices is never replaced by the first of them without asking.
#[hipflask::test]
async fn a_choice_that_is_gone_is_not_replaced() {
    #[derive(Form)]
    struct Order {
        #[field(choices("a" = "A", "b" = "B"))]
        plan: String,
        #[field(choices("a" = "A"), empty = "Choose")]
        other: String,
    }
    async fn page() -> Template {
        let form = Form::<Order>::empty().prefill(Order::PLAN, "gone");
        Template::from_string("{{ form.plan }}{{ form.other }}").with("form", &form)
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    assert_eq!(
        client.get("/").send().await.text(),
        "<select id=\"plan\" name=\"plan\" required><option value=\"\"></option><option value=\"a\">A</option>\
         <option value=\"b\">B</option></select><select id=\"other\" name=\"other\" required>\
         <option value=\"\" selected>Choose</option><option value=\"a\">A</option></select>"
    );
}

#[test]
fn a_text_is_what_its_widget_is_for() {
    #[derive(Form)]
    struct Texts {
        #[field(widget = "date")]
        day: Option<String>,
        #[field(widget = "datetime-local")]
        moment: Option<String>,
        #[field(widget = "number")]
        number: Option<String>,
        #[field(widget = "email")]
        email: Option<String>,
        #[field(widget = "time")]
        times: Vec<String>,
    }
    for (name, wrong, right, message) in [
        ("day", "tomorrow", "2024-02-29", "Enter a date like 2026-11-21."),
        ("day", "2024-13-45", "2024-01-01", "Enter a date like 2026-11-21."),
        ("moment", "2024-13-45", "2024-01-01T08:30", "Enter a date and time like 2026-11-21 08:30."),
        ("number", "x", "1.5", "Enter a number."),
        ("email", "ada", "ada@example.org", "Enter a valid e-mail address."),
        ("times", "noon", "12:00", "Enter a time like 08:30."),
    ] {
        let form = |text: &str| Form::<Texts>::from_data(form_of([(name.to_owned(), text.to_owned())]));
        assert_eq!(form(wrong).messages().collect::<Vec<_>>(), [(name, message.to_owned())], "{wrong}");
        let valid = form(right);
        let texts = valid.valid().expect(right);
        let given = [&texts.day, &texts.moment, &texts.number, &texts.email].into_iter().flatten().chain(&texts.times);
        assert_eq!(given.collect::<Vec<_>>(), [right]);
    }
}

#[test]
fn each_type_refuses_what_it_cannot_hold() {
    let told = |name: &str, text: &str| {
        let shown = serde_json::to_value(Form::<Kinds>::empty().fill(&kinds())).expect("json");
        let pairs = sent(&shown).into_iter().filter(|(known, _)| known != name);
        let form = Form::<Kinds>::from_data(form_of(pairs.chain([(name.to_owned(), text.to_owned())])));
        let messages: Vec<String> = form.messages().map(|(name, message)| format!("{name}: {message}")).collect();
        messages.join(" ")
    };
    for (name, text, message) in [
        ("day", "tomorrow", "Enter a date like 2026-11-21."),
        ("day", "2023-02-29", "Enter a date like 2026-11-21."),
        ("day", "", "This field is required."),
        ("moment", "2024-13-45", "Enter a date and time like 2026-11-21 08:30."),
        ("moment", "2024-01-01", "Enter a date and time like 2026-11-21 08:30."),
        ("time", "24:00", "Enter a time like 08:30."),
        ("month", "2024-13", "Enter a month like 2026-11."),
        ("week", "2021-W53", "Enter a week like 2026-W47."),
        ("color", "red", "Choose a colour."),
        ("color", "#ff880", "Choose a colour."),
        ("url", "javascript:alert(1)", "Enter an address that begins with http:// or https://."),
        ("address", "300.1.1.1", "Enter an IP address."),
        ("size", "Small", "Choose one of the options."),
        ("size", "", "This field is required."),
        ("maybe", "x", "Choose one of the options."),
        ("sizes", "x", "Choose one of the options."),
        ("number", "3", "Choose one of the options."),
        ("numbers", "4", "Choose one of the options."),
        ("slider", "11", "This must be at most 10."),
    ] {
        assert_eq!(told(name, text), format!("{name}: {message}"), "{text:?}");
    }
    for (name, text) in [("none", ""), ("sizes", ""), ("numbers", "3"), ("nothing", "1.5"), ("day", " 2024-02-29 ")] {
        assert_eq!(told(name, text), "", "{name}={text:?}");
    }
}

#[test]
fn dates_have_bounds() {
    #[derive(Form)]
    struct Booking {
        #[field(range(Date::of(2026, 1, 1)..=Date::of(2026, 12, 31)))]
        day: Date,
        #[field(range(Time::of(8, 0)..=Time::of(18, 0)))]
        time: Option<Time>,
        #[field(range(Date::of(2026, 1, 1).at(Time::of(0, 0)).utc()..))]
        sent: Option<DateTime>,
    }
    let field = |index: usize| Booking::fields().swap_remove(index);
    assert_eq!(field(0).attributes, [("min", "2026-01-01".to_owned()), ("max", "2026-12-31".to_owned())]);
    assert_eq!(field(2).attributes, [("min", "2026-01-01T00:00".to_owned()), ("step", "any".to_owned())]);
    let told = |pairs: &[(&str, &str)]| {
        let form = Form::<Booking>::from_data(form_of(pairs.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))));
        let valid = form.valid().map(|booking| (booking.day, booking.time, booking.sent));
        form.messages().map(|(_, message)| message).next().unwrap_or_else(|| format!("{valid:?}"))
    };
    assert_eq!(told(&[("day", "2025-12-31")]), "This must be at least 2026-01-01.");
    assert_eq!(told(&[("day", "2026-06-01"), ("time", "18:01")]), "This must be at most 18:00.");
    assert!(told(&[("day", "2026-06-01"), ("sent", "2025-12-31T23:59")]).starts_with("This must be at least"));
    assert_eq!(told(&[("day", "2026-06-01"), ("time", "18:00")]), "Some((2026-06-01, Some(18:00), None))");
}

#[test]
fn several_files_are_one_field() {
    #[derive(Form)]
    struct Album {
        #[field(file_types("png", "JPG"), file_size(2..=4), entries(1..=2))]
        pictures: Vec<Upload>,
    }
    async fn save(form: Form<Album>) -> String {
        match form.valid() {
            Some(album) => album.pictures.iter().map(Upload::filename).collect::<Vec<_>>().join("+"),
            None => form.messages().map(|(_, message)| message).collect::<Vec<_>>().join("|"),
        }
    }
    let app = App::new("test", ".").config("SECRET_KEY", "only for this test");
    let client = app.add_url_rule(Rule::new("/").methods([Method::POST]), save).test_client();
    let send = |files: &[(&str, &str)]| {
        let mut form = client.post("/");
        for (name, content) in files {
            form = form.file("pictures", name, "image/png", content);
        }
        form.send_blocking().text()
    };
    assert_eq!(send(&[("a.png", "123"), ("b.Jpg", "1234")]), "a.png+b.Jpg");
    assert_eq!(send(&[("", "")]), "This field is required.");
    assert_eq!(send(&[("a.png", "12"), ("b.png", "12"), ("c.png", "12")]), "Give at most 2.");
    assert_eq!(send(&[("a.png", "12"), ("png", "12")]), "Choose a file of the type png, JPG.");
    assert_eq!(send(&[("a.png", "12"), ("b.png", "1")]), "Choose a file of at least 2 bytes.");
    assert_eq!(send(&[("a.png", "12345")]), "Choose a file of at most 4 bytes.");
    let field = Album::fields().swap_remove(0);
    assert_eq!((field.is_list, field.attributes), (true, vec![("accept", ".png,.JPG".to_owned())]));
}

#[hipflask::test]
async fn several_choices() {
    #[derive(Form)]
    struct Pizza {
        #[field(choices("h" = "Ham", "o" = "Olives", "c" = "Corn"))]
        toppings: Vec<String>,
    }
    async fn order(form: Form<Pizza>) -> Template {
        let order = form.valid().map(|pizza| pizza.toppings.join("+"));
        Template::from_string("{{ order }} {{ form.toppings }} {{ form.toppings.errors|join }}")
            .with("order", &order)
            .with("form", &form)
    }
    let client = crate::forms::client_of(order);
    let html = client.post("/").form([("toppings", "h"), ("toppings", "c")]).send().await.text();
    assert!(html.starts_with("h+c <select id=\"toppings\" multiple name=\"toppings\">"), "{html}");
    assert!(html.contains("value=\"h\" selected>") && html.contains("value=\"c\" selected>"), "{html}");
    assert!(!html.contains("value=\"o\" selected>"), "{html}");
    let wrong = client.post("/").form([("toppings", "h"), ("toppings", "pineapple")]).send().await.text();
    assert!(wrong.ends_with("Choose one of the options."), "{wrong}");
}
