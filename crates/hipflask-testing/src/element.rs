//! Elements of a page.

use scraper::{ElementRef, Selector};

/// An element of a [`Page`](crate::Page).
#[derive(Clone, Copy, Debug)]
pub struct Element<'a>(pub(crate) ElementRef<'a>);

impl<'a> Element<'a> {
    /// Its text as it is seen: without tags, and with one space for any white space.
    pub fn text(self) -> String {
        let text: String = self.0.text().collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The value of an attribute.
    pub fn attr(self, name: &str) -> Option<&'a str> {
        self.0.attr(name)
    }

    /// Its HTML, itself included.
    pub fn html(self) -> String {
        self.0.html()
    }

    /// The name of its tag, in lower case.
    pub fn name(self) -> &'a str {
        self.0.value().name()
    }

    /// The elements inside it that a CSS selector finds.
    ///
    /// # Panics
    ///
    /// If it is not a selector.
    #[track_caller]
    pub fn select(self, css: &str) -> Vec<Element<'a>> {
        self.0.select(&selector(css)).map(Element).collect()
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a mistake in a test fails the test")]
pub(crate) fn selector(css: &str) -> Selector {
    match Selector::parse(css) {
        Ok(selector) => selector,
        Err(error) => panic!("`{css}` is not a CSS selector: {error}"),
    }
}
