//! The second program of README.md: a template, a form, a message.

use hipflask::prelude::*;

#[derive(Form)]
struct Entry {
    #[field(label = "Your name", length(1..=40))]
    name: String,
    #[field(label = "Message", widget = "textarea", length(1..=500))]
    message: String,
}

#[route("/", methods = [GET, POST])]
async fn guestbook(form: Form<Entry>, session: Session) -> Result<Reply> {
    let Some(entry) = form.valid() else {
        return Ok(render_template!("guestbook.html", form).into_reply());
    };
    session.flash(format!("Thank you, {}! You wrote: {}", entry.name, entry.message));
    Ok(redirect(url_for!(guestbook)).into_reply())
}

#[hipflask::main]
fn app() -> App {
    app!().routes(routes![guestbook])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program's templates are not the book's.
    fn client() -> hipflask::testing::TestClient {
        app().template_folder("tests/programs/guestbook/templates").test_client()
    }

    #[hipflask::test]
    async fn a_visitor_who_signs_is_thanked_once() {
        let client = client();
        let form = [("name", "Ada <b>"), ("message", "Hello")];
        let page = client.post("/").form(form).follow_redirects().send().await;
        assert!(page.text().contains("<p>Thank you, Ada &lt;b&gt;! You wrote: Hello</p>"), "{}", page.text());
        assert!(!client.get("/").send().await.text().contains("Thank you"));
    }

    #[hipflask::test]
    async fn a_form_with_a_mistake_comes_back_as_it_was() {
        let page = client().post("/").form([("name", "Ada"), ("message", "")]).send().await;
        assert_eq!(page.status(), 200);
        assert!(page.text().contains("value=\"Ada\"") && page.text().contains("This field is required."));
    }

    #[hipflask::test]
    async fn another_site_cannot_sign() {
        let post = client().post("/").header("sec-fetch-site", "cross-site").send().await;
        assert_eq!(post.status(), 400);
    }
}
