//! The addresses of a library: what a rule can say, and how addresses are built from it.
//!
//! `<name>` passes a part of the path to the argument of that name; `int`, `path`, `any` and a converter of our
//! own say which parts fit. A function can have several rules, and a rule several methods. `url_for!` in Rust and
//! `url_for` in the template name the view, so each address is written only once. A rule that ends with a slash is
//! found without it too. The staff's part is a blueprint, in a module of its own.
//!
//! `cargo run -p routing` serves it on <http://127.0.0.1:5000>; `cargo run -p routing -- routes` lists the rules.

mod staff;
#[cfg(test)]
mod tests;

use hipflask::helpers::Redirect;
use hipflask::http::{Method, MultiDict};
use hipflask::prelude::*;
use hipflask::routing::Converter;

#[get("/")]
async fn index() -> Template {
    render_template!("index.html")
}

#[get("/home")]
async fn home() -> Redirect {
    redirect(url_for!(index)).code(301)
}

#[get("/readers/<name>")]
async fn reader(name: String) -> Html {
    html!("<h1>{name}</h1>")
}

#[get("/shelves/<int:number>")]
async fn shelf(number: u8) -> String {
    format!("Shelf {number}.")
}

#[get("/scans/<path:name>")]
async fn scan(name: String) -> String {
    format!("The scan {name}.")
}

#[get("/lists/<any(new, popular):kind>")]
async fn list(kind: String) -> String {
    format!("Books that are {kind}.")
}

/// Two rules: the first page has the short address, and the long one redirects to it.
#[get("/catalogue", defaults(page = 1))]
#[get("/catalogue/<int:page>")]
async fn catalogue(ctx: &mut Context, page: u32, query: MultiDict) -> Result<Html> {
    let order = query.get("order").unwrap_or("author");
    let next = ctx.url_for(url_for!(catalogue, page = page + 1).query("order", order))?;
    Ok(html!("<p>Page {page}, by {order}.</p> <a href=\"{next}\">Next</a>"))
}

/// `/opening-hours` is redirected here.
#[get("/opening-hours/")]
async fn opening_hours() -> &'static str {
    "From ten to six."
}

/// HEAD comes with GET, and OPTIONS is automatic.
#[route("/loans/<int:number>", methods = [GET, PUT, DELETE])]
async fn loan(number: i64, method: Method) -> String {
    match method {
        Method::PUT => format!("Loan {number} is renewed."),
        Method::DELETE => format!("Loan {number} is over."),
        _ => format!("Loan {number}."),
    }
}

#[get("/isbn/<isbn:isbn>")]
async fn edition(isbn: String) -> String {
    format!("The edition {isbn}.")
}

/// `<isbn:…>`: thirteen digits, the last of which is a check digit.
#[derive(Debug)]
struct Isbn;

impl Converter for Isbn {
    fn matches(&self, text: &str) -> bool {
        text.len() == 13 && text.bytes().all(|digit| digit.is_ascii_digit())
    }

    fn accepts(&self, text: &str) -> bool {
        let digits = text.bytes().map(|digit| u32::from(digit - b'0'));
        digits.zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum::<u32>() % 10 == 0
    }
}

#[hipflask::main]
fn app() -> App {
    app!()
        .url_converter("isbn", |_| Ok(Isbn))
        .routes(routes![index, home, reader, shelf, scan, list, catalogue, opening_hours, loan, edition])
        .register_blueprint(staff::blueprint())
}
