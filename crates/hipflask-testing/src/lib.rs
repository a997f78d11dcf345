//! Pages in tests: what is on them, where their links lead, and their forms, filled in and submitted as a visitor does.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_testing::prelude::*;
//!
//! #[derive(Form)]
//! struct Entry {
//!     #[field(label = "Your message", length(1..=100))]
//!     message: String,
//! }
//!
//! #[route("/", methods = [GET, POST])]
//! async fn guestbook(form: Form<Entry>) -> Reply {
//!     match form.valid() {
//!         Some(entry) => html!("<p class=thanks>{}</p>", entry.message).into_reply(),
//!         None => Template::from_string("<form method=post>{{ form.hidden_tag() }}{{ form.message }}</form>")
//!             .with("form", &form)
//!             .into_reply(),
//!     }
//! }
//!
//! #[hipflask::test]
//! async fn visitors_sign() {
//!     let client = App::new("doc", ".").routes(routes![guestbook]).test_client();
//!     let page = client.get("/").send().await.page();
//!     let thanks = page.form("form").fill("message", "Hello!").submit(&client).send().await.page();
//!     assert_eq!(thanks.one(".thanks").text(), "Hello!");
//! }
//! ```
//!
//! It is for `[dev-dependencies]`: what parses HTML and selectors is in no binary.

#![warn(missing_docs)]

mod element;
mod form;
mod page;

pub use element::Element;
pub use form::PageForm;
pub use page::{HasPage, Page};

/// `use hipflask_testing::prelude::*` brings [`page`](HasPage::page) to responses.
pub mod prelude {
    pub use crate::HasPage as _;
}
