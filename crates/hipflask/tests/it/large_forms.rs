//! Forms that are larger than allowed because of a file: the text that was typed is not lost.

use hipflask::Rule;
use hipflask::http::{FormData, Method, Upload};
use hipflask::prelude::*;
use hipflask::testing::TestClient;

const KEY: &str = "a key that is long enough, and only for tests";

fn post(path: &str) -> Rule {
    Rule::new(path).methods([Method::POST])
}

/// A part of a multipart body.
fn part(head: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

#[derive(Form, Debug)]
struct Post {
    #[field(length(1..=5))]
    title: String,
    #[field(file_size(..=1_500))]
    picture: Option<Upload>,
    #[field(file_size(..=50_000))]
    map: Option<Upload>,
    licence: String,
}

/// A form that is too large comes back with what was typed before the file, and says at the file's field what is wrong.
#[test]
fn a_file_that_is_too_large_costs_no_text() {
    async fn show(form: Form<Post>) -> String {
        let messages: Vec<_> = form.messages().collect();
        let Some(post) = form.valid() else { return format!("{messages:?} {:?}", serde_json::to_string(&form).ok()) };
        format!("{} {} {} {}", post.title, post.picture.is_some(), post.map.is_some(), post.licence)
    }
    let app = |limit: u64| {
        let app = App::new("test", ".").config("MAX_CONTENT_LENGTH", limit).config("SECRET_KEY", KEY);
        app.add_url_rule(post("/"), show).test_client()
    };
    let client = app(3_000);
    let send = |client: &TestClient, title: &str, field: &str, size: usize| {
        let picture = part(&format!("name={field}; filename=f"), &"x".repeat(size));
        let body = [&part("name=title", title), &picture, &part("name=licence", "free"), "--b--"].concat();
        client.post("/").header("content-type", "multipart/form-data; boundary=b").body(body).send_blocking()
    };
    assert_eq!(send(&client, "Kept", "picture", 1_000).text(), "Kept true false free");
    let own = r#"("picture", "Choose a file of at most 1.5 kB.")"#;
    let applications = r#"("map", "Choose a file of at most 3 kB.")"#;
    for (size, title, field, told) in [
        // The rule of the field, within the limit of the request and beyond it.
        (2_000, "Kept", "picture", own.to_owned()),
        (5_000, "Kept", "picture", own.to_owned()),
        (500_000, "Kept", "picture", own.to_owned()),
        (5_000, "Kept", "map", applications.to_owned()),
        (5_000, "Too long", "map", format!("(\"title\", \"Use at most 5 characters.\"), {applications}")),
    ] {
        let response = send(&client, title, field, size);
        let text = response.text();
        assert_eq!(response.status(), 200, "{size} {text}");
        // What comes behind the file is not known, so nothing is said of it.
        assert!(text.starts_with(&format!("[{told}] ")) && text.contains(title), "{size} in {field}: {text}");
    }
    // A file of another form, or one that no field takes: there is nothing to say it beside.
    let other = send(&client, "Kept", "other", 5_000);
    assert_eq!(other.status(), 413);
    assert!(other.text().contains("larger than the 3 kB that are allowed"), "{}", other.text());
    // Text that is too long is refused as before.
    assert_eq!(send(&client, &"x".repeat(5_000), "picture", 10).status(), 413);
}

/// What else reads the form never takes its beginning for the whole.
#[test]
fn a_form_that_was_cut_off_is_nobody_elses() {
    #[derive(Form)]
    struct Picture {
        picture: Upload,
    }
    async fn twice(ctx: &mut Context, form: Form<Picture>) -> Result<String> {
        let status = ctx.form().await.map_or_else(|error| error.status(), |_| Status::OK);
        Ok(format!("{} {status}", form.valid().is_some_and(|form| !form.picture.is_empty())))
    }
    let app = App::new("test", ".").config("MAX_CONTENT_LENGTH", 1_000).config("SECRET_KEY", KEY);
    let app = app
        .add_url_rule(post("/"), twice)
        .add_url_rule(post("/data"), async |form: FormData| form.files.len().to_string());
    let client = app.test_client();
    let send = |path: &str| client.post(path).file("picture", "p", "image/png", vec![0; 2_000]).send_blocking();
    assert_eq!(send("/").text(), "false 413 Payload Too Large");
    assert_eq!(send("/data").status(), 413);
    let json = client.post("/data").header("content-type", "application/json").body("x".repeat(2_000));
    assert_eq!(json.send_blocking().text(), "0", "what is no form is no form that is too large");
}
