//! A page, as a response has it.

use hipflask::testing::{TestClient, TestRequest, TestResponse};
use scraper::Html;

use crate::element::{Element, selector};
use crate::form::PageForm;

/// Gives a response its [`page`](HasPage::page).
pub trait HasPage {
    /// The page that it has.
    fn page(self) -> Page;
}

impl HasPage for TestResponse {
    fn page(self) -> Page {
        Page { html: Html::parse_document(&self.text()), response: self }
    }
}

/// A page: the HTML of a response, parsed as browsers do.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_testing::prelude::*;
///
/// #[get("/")]
/// async fn index() -> Html {
///     html!("<ul><li class=done>One<li>Two</ul><a href='more'>Show <b>more</b></a>")
/// }
///
/// #[get("/more")]
/// async fn more() -> &'static str {
///     "more"
/// }
///
/// let client = App::new("doc", ".").routes(routes![index, more]).test_client();
/// let page = client.get("/").send_blocking().page();
/// assert_eq!(page.texts("li"), ["One", "Two"]);
/// assert_eq!(page.one("li.done").text(), "One");
/// assert_eq!(page.follow("Show more", &client).send_blocking().text(), "more");
/// ```
#[derive(Debug)]
pub struct Page {
    html: Html,
    response: TestResponse,
}

impl Page {
    /// The response.
    pub fn response(&self) -> &TestResponse {
        &self.response
    }

    /// The elements that a CSS selector finds, in the order of the page.
    ///
    /// # Panics
    ///
    /// If it is not a selector.
    #[track_caller]
    pub fn select(&self, css: &str) -> Vec<Element<'_>> {
        self.html.select(&selector(css)).map(Element).collect()
    }

    /// The one element that a CSS selector finds.
    ///
    /// # Panics
    ///
    /// If it is not a selector, or finds none or several; the message has the response.
    #[track_caller]
    pub fn one(&self, css: &str) -> Element<'_> {
        match self.select(css).as_slice() {
            [one] => *one,
            found => self.fail(&format!("`{css}` finds {} elements, and not one", found.len())),
        }
    }

    /// Whether a CSS selector finds an element.
    ///
    /// # Panics
    ///
    /// If it is not a selector.
    #[track_caller]
    pub fn has(&self, css: &str) -> bool {
        !self.select(css).is_empty()
    }

    /// The texts of the elements that a CSS selector finds.
    ///
    /// # Panics
    ///
    /// If it is not a selector.
    #[track_caller]
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.select(css).into_iter().map(Element::text).collect()
    }

    /// The text of the whole page, as it is seen.
    pub fn text(&self) -> String {
        self.select("body").first().map_or_else(String::new, |body| body.text())
    }

    /// Follows the link with this text.
    ///
    /// # Panics
    ///
    /// If there is none, or it leads to another host; the message has the response.
    #[track_caller]
    pub fn follow<'c>(&self, text: &str, client: &'c TestClient) -> TestRequest<'c> {
        let links = self.select("a[href]");
        let Some(link) = links.iter().find(|link| link.text() == text) else {
            let texts: Vec<String> = links.iter().map(|link| format!("`{}`", link.text())).collect();
            self.fail(&format!("there is no link `{text}`; there are {}", texts.join(", ")))
        };
        client.get(&self.response.resolve(link.attr("href").unwrap_or_default()))
    }

    /// The form that a CSS selector finds, with the values that the page has in it.
    ///
    /// # Panics
    ///
    /// If it finds none or several, or something other than a form; the message has the response.
    #[track_caller]
    pub fn form(&self, css: &str) -> PageForm {
        let form = self.one(css);
        if form.name() != "form" {
            self.fail(&format!("`{css}` finds a `{}`, and not a form", form.name()));
        }
        PageForm::read(form, &self.select("[form]"), &self.response)
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a page that is not what was expected fails the test")]
    fn fail(&self, message: &str) -> ! {
        panic!("{message}\n{}", self.response)
    }
}

/// The response, for the message of an assertion.
impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.response.fmt(f)
    }
}
