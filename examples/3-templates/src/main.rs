//! A café's menu: what templates can do.
//!
//! `menu.html` and `search.html` fill the blocks of `base.html`; `_macros.html` has a macro that draws a dish. The
//! filter `euro` and the test `bargain` are Rust functions; the context processor gives every template the café's
//! name and the year. A template escapes what it prints, unless it is [`Html`]: `marked` makes some with `html!`,
//! which escapes the values it inserts, so everything is escaped exactly once.
//!
//! `cargo run -p templates` serves it on <http://127.0.0.1:5000>. A change in a template shows at the next
//! request.

use hipflask::DateTime;
use hipflask::context;
use hipflask::http::MultiDict;
use hipflask::prelude::*;

#[derive(serde::Serialize)]
struct Dish {
    name: &'static str,
    about: &'static str,
    cents: u32,
}

const MENU: [(&str, [Dish; 3]); 2] = [
    (
        "to eat",
        [
            Dish { name: "Onion soup", about: "With bread and cheese.", cents: 650 },
            Dish { name: "Fish & chips", about: "Fried when you order.", cents: 1190 },
            Dish { name: "Plum cake", about: "While there is some.", cents: 380 },
        ],
    ),
    (
        "to drink",
        [
            Dish { name: "Coffee", about: "Small and strong.", cents: 240 },
            Dish { name: "Peppermint tea", about: "A pot of it.", cents: 450 },
            Dish { name: "Apple juice", about: "From the orchard behind the house.", cents: 390 },
        ],
    ),
];

#[get("/")]
async fn menu() -> Template {
    render_template!("menu.html", courses = MENU)
}

#[get("/search")]
async fn search(query: MultiDict) -> Template {
    let wanted = query.get("q").unwrap_or_default().trim();
    let dishes = MENU.iter().flat_map(|(_, dishes)| dishes);
    let found: Vec<Html> = dishes.filter_map(|dish| marked(dish.name, wanted)).collect();
    render_template!("search.html", wanted, found)
}

/// A name in which the search term is highlighted.
fn marked(name: &str, wanted: &str) -> Option<Html> {
    let start = name.to_ascii_lowercase().find(&wanted.to_ascii_lowercase())?;
    let end = start + wanted.len();
    Some(html!("{}<mark>{}</mark>{}", &name[..start], &name[start..end], &name[end..]))
}

#[hipflask::main]
fn app() -> App {
    app!()
        .routes(routes![menu, search])
        .template_filter("euro", |cents: u32| format!("{}.{:02} €", cents / 100, cents % 100))
        .template_test("bargain", |cents: u32| cents < 400)
        .context_processor(async || context! { cafe => "Café Crumb", year => DateTime::now().strftime("%Y") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[hipflask::test]
    async fn the_menu_is_laid_out_by_base_and_macro() {
        let page = app().test_client().get("/").send().await;
        assert_eq!(page.templates(), ["menu.html"]);
        let text = page.text();
        for shown in
            ["<title>Menu · Café Crumb</title>", "<h2>To Eat <small>3</small>", "6.50 €", "<b>Fish &amp; chips</b>"]
        {
            assert!(text.contains(shown), "{shown} is missing in {text}");
        }
        assert_eq!(text.matches("A bargain!").count(), 3);
        assert!(text.find("Plum cake") < text.find("Onion soup"), "the cheapest is first");
        assert!(text.contains(r#"<a href="/" aria-current="page">Menu</a>"#));
    }

    #[hipflask::test]
    async fn nothing_is_escaped_twice_and_nothing_never() {
        let client = app().test_client();
        let page = client.get("/search?q=H+%26").send().await.text();
        assert!(page.contains("<li>Fis<mark>h &amp;</mark> chips</li>"), "{page}");
        let page = client.get("/search?q=<b>").send().await.text();
        assert!(page.contains("We have no “&lt;b&gt;”.") && page.contains(r#"value="&lt;b&gt;""#), "{page}");
    }
}
