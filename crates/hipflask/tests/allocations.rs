//! How many allocations a request makes, itself included, from its head to its response, so that a regression shows as a
//! number and not as noise. A number that falls is to be written down here too.

use hipflask::Frozen;
use hipflask::http::Request;
use hipflask::prelude::*;

#[derive(Form)]
struct Entry {
    #[field(length(1..=40))]
    name: String,
    #[field(range(1..=10))]
    rating: u8,
}

#[get("/plaintext")]
async fn plaintext() -> &'static str {
    "Hello, World!"
}

#[get("/hello/<name>")]
async fn hello(name: String) -> Html {
    html!("<h1>Hello, {name}!</h1>")
}

#[get("/session")]
async fn count(session: Session) -> String {
    let count = session.get::<u64>("count").unwrap_or(0) + 1;
    session.set("count", count);
    count.to_string()
}

#[post("/form")]
async fn form(form: Form<Entry>) -> Result<String> {
    let entry = form.valid().or_404()?;
    Ok(format!("{} {}", entry.name, entry.rating))
}

#[get("/template")]
async fn template() -> Template {
    let rows: Vec<String> = (0..12).map(|row| format!("<row {row}>")).collect();
    Template::from_string("{% for row in rows %}<li>{{ row }}</li>{% endfor %}").with("rows", &rows)
}

fn app() -> Frozen {
    let app = App::new("allocations", ".").config("SECRET_KEY", "a key that is long enough, and only for tests");
    let app = app.routes(routes![plaintext, hello, count, form, template]);
    app.freeze().expect("nothing is wrong with it")
}

/// The allocations of one request, after some that filled what is made once.
fn allocations(app: &Frozen, request: impl Fn() -> Request) -> u64 {
    let mut counted = 0;
    for _ in 0..3 {
        let request = request();
        let mut response = None;
        let measured = allocation_counter::measure(|| response = Some(hipflask::block_on(app.respond(request))));
        assert_eq!(response.map(|response| response.status()), Some(Status::OK));
        counted = measured.count_total;
    }
    // What it takes to block on anything.
    counted - allocation_counter::measure(|| hipflask::block_on(async {})).count_total
}

#[test]
fn they_are_as_many_as_they_were() {
    let app = app();
    let client = app.test_client();
    client.get("/session").send_blocking();
    let cookie = format!("session={}", client.cookie("session").expect("a session"));
    let get = |path: &'static str| move || Request::get(path);
    let sent = || {
        Request::get("/form")
            .with_method(hipflask::http::Method::POST)
            .with_header("content-type", "application/x-www-form-urlencoded")
            .with_header("sec-fetch-site", "same-origin")
            .with_body("name=Ada&rating=7")
    };
    let counted = [
        ("plaintext", allocations(&app, get("/plaintext"))),
        ("hello", allocations(&app, get("/hello/%3CAda%3E"))),
        ("session", allocations(&app, || Request::get("/session").with_header("cookie", &cookie))),
        ("form", allocations(&app, sent)),
        ("template", allocations(&app, get("/template"))),
    ];
    let expected = [("plaintext", 5), ("hello", 11), ("session", 15), ("form", 13), ("template", 66)];
    assert_eq!(counted, expected);
}
