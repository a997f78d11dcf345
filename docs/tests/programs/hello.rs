//! The smallest program, and its promises.

use hipflask::prelude::*;

#[get("/hello/<name>")]
async fn hello(name: String) -> Html {
    html!("<h1>Hello, {name}!</h1>")
}

#[hipflask::main]
fn app() -> App {
    app!().routes(routes![hello])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[hipflask::test]
    async fn html_is_html_and_escapes_what_it_interpolates() {
        let client = app().test_client();
        let response = client.get("/hello/<b>Ada").send().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.text(), "<h1>Hello, &lt;b&gt;Ada!</h1>");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    }

    #[test]
    fn app_knows_the_name_and_the_folder_of_its_crate() {
        let app = app();
        assert_eq!(app.name(), env!("CARGO_PKG_NAME"));
        assert_eq!(app.root_path(), env!("CARGO_MANIFEST_DIR"));
    }
}
