//! The smallest application: one route, one view.

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
    async fn it_says_hello_and_escapes() {
        let client = app().test_client();
        let response = client.get("/hello/<b>Ada").send().await;
        assert_eq!(response.text(), "<h1>Hello, &lt;b&gt;Ada!</h1>");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    }

    #[hipflask::test]
    async fn other_paths_are_not_found() {
        assert_eq!(app().test_client().get("/hello/").send().await.status(), 404);
    }
}
