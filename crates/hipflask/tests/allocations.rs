//! How many allocations a request makes, itself included, from its head to its response, so that a regression shows as a
//! number and not as noise. A number that falls is to be written down here too.

use hipflask::http::Request;
use hipflask::prelude::*;
use hipflask::{Frozen, Rule};

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

/// As many links as there are blueprints with this view, so that a look at each of them would show.
#[get("/here")]
async fn here() -> Result<String> {
    Ok("here".to_owned())
}

#[get("/link")]
async fn link(ctx: &mut Context) -> Result<String> {
    ctx.url_for(url_for!(here))
}

async fn arguments(uses: usize) -> Template {
    Template::from_string("{{ request.args.last }}{{ request.headers.host }}{{ request.cookies.last }}".repeat(uses))
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

/// What there are many of is looked up where it is, and not copied.
#[test]
fn they_do_not_grow_with_what_is_not_asked_for() {
    let app = App::new("allocations", ".")
        .add_url_rule(Rule::new("/one"), async || arguments(1).await)
        .add_url_rule(Rule::new("/five"), async || arguments(5).await);
    let blueprint =
        |n: usize| Blueprint::new(format!("b{n:02}")).url_prefix(format!("/b{n:02}")).routes(routes![here, link]);
    let app =
        (0..40).fold(app, |app, n| app.register_blueprint(blueprint(n))).freeze().expect("nothing is wrong with it");
    let pairs = |separator: &str| (0..200).map(|n| format!("n{n}={n}{separator}")).collect::<String>();
    let many = |path: &str| {
        Request::get(&format!("{path}?{}last=1", pairs("&"))).with_header("cookie", &(pairs("; ") + "last=1"))
    };
    let (one, five) = (allocations(&app, || many("/one")), allocations(&app, || many("/five")));
    assert!(five - one < 100, "{one} for three values, {five} for fifteen");
    let (first, last) =
        (allocations(&app, || Request::get("/b00/link")), allocations(&app, || Request::get("/b39/link")));
    assert_eq!(first, last, "of the first blueprint and of the last");
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
    let expected = [("plaintext", 5), ("hello", 11), ("session", 15), ("form", 13), ("template", 63)];
    assert_eq!(counted, expected);
}
