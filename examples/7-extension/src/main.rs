//! An extension, and an application that uses it.
//!
//! `features.rs` is what you would publish as a crate of its own: a function from app to app, which adds a
//! configuration key with its default, an argument for views, a global for templates, a command, and a check at
//! the start. It uses nothing that an application could not use as well.
//!
//! `cargo run -p extension` serves the application on <http://127.0.0.1:5000>;
//! `FLASK_FEATURES='["dark-mode"]' cargo run -p extension -- features` lists what is on.

mod features;

use hipflask::prelude::*;

use crate::features::{Features, features};

#[get("/")]
async fn index() -> Template {
    render_template!("index.html")
}

#[get("/suggest")]
async fn suggest(features: Features) -> Result<&'static str> {
    if features.is_on("suggestions") { Ok("ferrets") } else { abort!(404) }
}

#[hipflask::main]
fn app() -> App {
    app!().extend(features).routes(routes![index, suggest])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[hipflask::test]
    async fn it_has_a_default_and_a_configuration() {
        let client = app().test_client();
        assert!(client.get("/").send().await.text().contains("Did you mean"));
        assert_eq!(client.get("/suggest").send().await.text(), "ferrets");
        let client = app().config("FEATURES", ["dark-mode"]).test_client();
        let page = client.get("/").send().await.text();
        assert!(page.contains("The lights are out.") && !page.contains("Did you mean"), "{page}");
        assert_eq!(client.get("/suggest").send().await.status(), 404);
    }

    #[hipflask::test]
    async fn two_applications_in_one_process_keep_apart() {
        let light = app().config("FEATURES", [""; 0]).test_client();
        let dark = app().config("FEATURES", ["dark-mode"]).test_client();
        for _ in 0..2 {
            assert!(!light.get("/").send().await.text().contains("The lights are out."));
            assert!(dark.get("/").send().await.text().contains("The lights are out."));
        }
    }

    #[test]
    fn what_is_wrong_shows_at_the_start() {
        let wrong = app().config("FEATURES", "dark-mode").freeze().expect_err("it is no list").to_string();
        assert!(wrong.contains("`FEATURES`") && wrong.contains("write a list of names"), "{wrong}");
        let forgotten = App::new("other", ".").routes(routes![suggest]).freeze().expect_err("it lacks the extension");
        assert!(forgotten.to_string().contains("add `.extend(features)`"), "{forgotten}");
    }
}
