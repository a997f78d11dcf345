//! Arguments, rules and URLs in every form that a view may have them.

use std::fmt;

use hipflask::FromContext;
use hipflask::helpers::Redirect;
use hipflask::prelude::*;
use hipflask::routing::FromPath;
use hipflask::security::CsrfExempt;

/// A value of the path of the application's own.
struct Slug(String);

impl FromPath for Slug {
    fn from_path(text: &str) -> Option<Slug> {
        text.chars().all(|c| c.is_ascii_lowercase() || c == '-').then(|| Slug(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An extractor of the application's own, of a name that the macros might use.
struct View(String);

impl FromContext for View {
    async fn from_context(ctx: &mut Context) -> Result<View> {
        Ok(View(ctx.request().path().to_owned()))
    }
}

#[get("/view")]
async fn named_view(view: View) -> String {
    view.0
}

#[get("/slug/<slug>")]
async fn slug(slug: Slug) -> String {
    format!("slug {slug}")
}

#[get("/type/<type>")]
async fn keyword(r#type: String) -> String {
    format!("type {}", r#type)
}

#[get("/unused/<int:id>")]
async fn unused(_id: i64) -> &'static str {
    "unused"
}

#[get("/page", defaults(page = 1))]
#[get("/page/<int:page>")]
async fn page(page: u32) -> String {
    format!("page {page}")
}

#[route("/methods", methods = [PUT, "PURGE"], endpoint = "m", strict_slashes = false, with = CsrfExempt)]
fn methods(ctx: &mut Context) -> String {
    ctx.request().method().to_string()
}

#[get("/nine")]
#[expect(clippy::too_many_arguments, reason = "a view under a macro has no limit")]
async fn nine(
    _: Config,
    _: Config,
    _: Config,
    _: Config,
    _: Config,
    _: Config,
    _: Config,
    _: Config,
    last: Config,
) -> String {
    last.get("TESTING").unwrap_or_default()
}

#[get("/<int:id>/url/<name>")]
async fn urls(ctx: &mut Context, id: i64, name: String) -> Result<String> {
    let urls = [
        ctx.url_for(url_for!(urls, id, name = &name))?,
        ctx.url_for(url_for!(slug, slug = Slug("a-b".to_owned())))?,
        ctx.url_for(url_for!(keyword, r#type = "x"))?,
        ctx.url_for(url_for!(unused, id = 2))?,
    ];
    Ok(urls.join(" "))
}

#[get("/gone")]
async fn gone() -> Redirect {
    redirect(url_for!(page, page = 3))
}

#[get("/maybe/<int:id>")]
async fn maybe(id: i64) -> Result<Html> {
    const GONE: u16 = 410;
    match id {
        1 => abort!(404),
        2 => abort!(403, "not {id}"),
        3 => abort!(GONE),
        4 => abort!(Status::BAD_REQUEST, "{}", id),
        _ => Ok(html!("<style>p {{ margin: 0 }}</style><p>{id:>3}{0:?}{x: <4}</p>", "a", x = 'b')),
    }
}

fn app() -> App {
    app!().routes(routes![named_view, slug, keyword, unused, page, methods, nine, urls, gone, maybe])
}

#[test]
fn a_variable_may_have_the_name_of_the_macro_that_shows_it() {
    let html = html!("<b>{}</b>", 1);
    assert_eq!(html!("<p>{html}</p>").as_str(), "<p><b>1</b></p>");
}

#[hipflask::test]
async fn every_form_answers() {
    let client = app().test_client();
    for (path, text) in [
        ("/view", "/view"),
        ("/slug/a-b", "slug a-b"),
        ("/type/x", "type x"),
        ("/unused/1", "unused"),
        ("/page", "page 1"),
        ("/page/2", "page 2"),
        ("/7/url/ada", "/7/url/ada /slug/a-b /type/x /unused/2"),
        ("/maybe/5", "<style>p { margin: 0 }</style><p>  5&#34;a&#34;b   </p>"),
    ] {
        assert_eq!(client.get(path).send().await.text(), text, "{path}");
    }
    for (path, status) in [("/maybe/1", 404), ("/maybe/2", 403), ("/maybe/3", 410), ("/maybe/4", 400), ("/nine", 200)] {
        assert_eq!(client.get(path).send().await.status(), status, "{path}");
    }
    assert_eq!(client.put("/methods").send().await.text(), "PUT");
    assert_eq!(client.get("/gone").send().await.header("location"), Some("/page/3"));
}
