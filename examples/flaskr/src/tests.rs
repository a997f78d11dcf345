//! Tests of the blog in memory.

use hipflask::testing::{TestClient, TestResponse};

use super::*;

/// A client of an empty blog.
fn client_of(database: &str) -> TestClient {
    let folder = std::env::temp_dir().join(format!("flaskr-{}-{:?}", std::process::id(), std::thread::current().id()));
    let app = app().config("DATABASE_URL", database).config("INSTANCE_PATH", &folder);
    app.insert_state(Folder(folder)).test_client()
}

/// What the blog keeps, for as long as there is the blog.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A client that has registered as `name` and logged in.
async fn author(client: &TestClient, name: &str) {
    let registration = [("username", name), ("password", "correct horse"), ("again", "correct horse")];
    let page = client.post("/auth/register").form(registration).follow_redirects().send().await;
    assert!(page.text().contains("You can log in now."), "{}", page.text());
    let credentials = [("username", name), ("password", "correct horse")];
    assert_eq!(client.post("/auth/login").form(credentials).send().await.header("location"), Some("/"));
}

async fn write(client: &TestClient, title: &str) -> TestResponse {
    client.post("/create").form([("title", title), ("body", "Some text")]).send().await
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

#[hipflask::test]
async fn an_author_registers_writes_edits_and_deletes() {
    whole_life(&client_of("sqlite:")).await;
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn the_same_on_postgresql() {
    let url = std::env::var("TEST_POSTGRES_URL").expect("`cargo xtask test` says where its PostgreSQL is");
    whole_life(&client_of(&url)).await;
}

async fn whole_life(client: &TestClient) {
    author(client, "ada").await;
    let written = write(client, "First <post>").await;
    assert_eq!(written.status(), 303);
    let address = written.header("location").expect("a redirect").to_owned();
    let page = client.get(&address).send().await;
    assert_eq!(page.templates(), ["blog/show.html"]);
    assert!(page.text().contains("First &lt;post&gt;") && page.text().contains("Your post is published."));

    let commented = client.post(&address).form([("body", "Well said")]).send().await;
    assert_eq!(commented.header("location"), Some(format!("{address}#comment-1").as_str()));
    let page = client.get(&address).send().await.text();
    assert!(page.contains("Well said") && page.contains(r#"id="comment-1""#), "{page}");
    let form = client.get(&format!("{address}/update")).send().await;
    assert!(form.text().contains(r#"value="First &lt;post&gt;""#));
    let update = client.post(&format!("{address}/update")).form([("title", "Second"), ("body", "Text")]);
    assert!(update.follow_redirects().send().await.text().contains("<h1>Second</h1>"));
    let deleted = client.post(&format!("{address}/delete")).follow_redirects().send().await;
    assert!(deleted.text().contains("“Second” is deleted."));
    assert_eq!(client.get(&address).send().await.status(), 404);

    client.post("/auth/logout").send().await;
    assert_eq!(client.get("/create").send().await.header("location"), Some("/auth/login?next=/create"));
}

#[hipflask::test]
async fn only_authors_change_their_posts() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    write(&client, "Ada's").await;
    client.post("/auth/logout").send().await;
    author(&client, "grace").await;
    for target in ["/1/update", "/1/delete"] {
        let refused = client.post(target).form([("title", "x"), ("body", "y")]).send().await;
        assert_eq!(refused.status(), 403);
        assert!(refused.text().contains("only its author may change it"));
    }
    assert_eq!(client.post("/9/delete").send().await.status(), 404);
}

#[hipflask::test]
async fn a_wrong_form_keeps_its_values_and_names_its_errors() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    let page = client.post("/create").form([("title", ""), ("body", "Kept <text>")]).send().await.text();
    assert!(page.contains("This field is required.") && page.contains("Kept &lt;text&gt;"), "{page}");

    let page = client.post("/1").form([("body", "  ")]).send().await;
    assert_eq!(page.status(), 404, "there is no post to comment on");
    write(&client, "A post").await;
    let page = client.post("/1").form([("body", "  ")]).send().await.text();
    // The browser goes to the field and its message, not to the top of the page.
    assert!(page.contains(r##"action="/1#body""##) && page.contains("This field is required."), "{page}");

    let twice = [("username", "ada"), ("password", "correct horse"), ("again", "another")];
    assert!(client.post("/auth/register").form(twice).send().await.text().contains("The two entries do not match."));
    let taken = [("username", "ada"), ("password", "correct horse"), ("again", "correct horse")];
    assert!(client.post("/auth/register").form(taken).send().await.text().contains("The name ada is taken."));
    let page = client.post("/auth/register").form([("username", "grace"), ("password", "short")]).send().await.text();
    let password = page.split("<input").find(|field| field.contains(r#"name="password""#)).expect("a field");
    assert!(password.contains(r#"aria-describedby="password-description password-errors""#), "{password}");
    assert!(password.contains("autofocus") && page.matches("autofocus").count() == 1, "{page}");
    let wrong = [("username", "ada"), ("password", "guess")];
    assert!(client.post("/auth/login").form(wrong).send().await.text().contains("The name or the password is wrong."));
}

#[hipflask::test]
async fn names_that_look_alike_are_one_name() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    client.post("/auth/logout").send().await;
    let register = |name| {
        let registration = [("username", name), ("password", "correct horse"), ("again", "correct horse")];
        client.post("/auth/register").form(registration).send()
    };
    for name in ["ada", " ada ", "Ada", "ADA\t"] {
        let page = register(name).await.text();
        assert!(page.contains(&format!("The name {} is taken.", name.trim())), "{name:?}: {page}");
    }
    for name in ["\u{430}da", "ad\u{200b}a", "a da", "\u{ff41}da"] {
        assert!(register(name).await.text().contains("Use letters from a to z"), "{name:?}");
    }
    let credentials = [("username", " Ada "), ("password", "correct horse")];
    assert_eq!(client.post("/auth/login").form(credentials).send().await.header("location"), Some("/"));
    assert!(client.get("/").send().await.text().contains(r#"<span class="who">ada</span>"#));
}

/// The login of an author has ended while they wrote.
#[hipflask::test]
async fn what_was_written_survives_the_end_of_a_session() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    write(&client, "A post").await;
    client.post("/auth/logout").send().await;
    for (target, body) in [("/1", "A <long> comment"), ("/create", "A <long> post"), ("/1/update", "A <long> change")] {
        let sent = client.post(target).form([("title", "A \"title\""), ("body", body)]);
        let page = sent.send().await;
        assert_eq!(page.status(), 401, "{target}");
        let text = page.text();
        for kept in [
            format!(r#"<input type="hidden" name="body" value="{}">"#, body.replace('<', "&lt;").replace('>', "&gt;")),
            r#"<input type="hidden" name="title" value="A &#34;title&#34;">"#.to_owned(),
            r#"<a href="/auth/login" target="_blank">"#.to_owned(),
            "<form method=\"post\">".to_owned(),
        ] {
            assert!(text.contains(&kept), "{target}: {kept}: {text}");
        }
    }
    // A page that asks for nothing to be kept leads to the login and back.
    assert_eq!(client.get("/1/update").send().await.header("location"), Some("/auth/login?next=/1/update"));
    let refused = client.post("/1").header("accept", "application/json").form([("body", "x")]).send().await;
    assert_eq!(refused.json::<serde_json::Value>()["code"], 401);
}

#[hipflask::test]
async fn a_picture_can_be_replaced_and_removed() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    let text = [("title", "Picture"), ("body", "Text")];
    let send = |target| client.post(target).form(text);
    send("/create").file("picture", "a.png", "image/png", PNG).send().await;
    let picture = || async {
        let page = client.get("/1/update").send().await.text();
        let address = page.split('"').find(|part| part.starts_with("/pictures/")).map(str::to_owned);
        assert_eq!(address.is_some(), page.contains("Remove the picture"), "{page}");
        address
    };
    let first = picture().await.expect("the form shows the picture");
    send("/1/update").send().await;
    assert_eq!(picture().await.as_deref(), Some(first.as_str()), "to save something else keeps it");
    send("/1/update").file("picture", "b.png", "image/png", PNG).send().await;
    let second = picture().await.expect("there is another");
    assert_ne!(first, second);
    assert_eq!(client.get(&first).send().await.status(), 404, "nothing is left behind");
    client.post("/1/update").form([("title", "Picture"), ("body", "Text"), ("remove_picture", "y")]).send().await;
    assert_eq!(picture().await, None);
    assert_eq!(client.get(&second).send().await.status(), 404);
}

#[hipflask::test]
async fn pictures_are_what_their_bytes_say() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    let with = |name, bytes: &[u8]| {
        let request = client.post("/create").form([("title", "Picture"), ("body", "Text")]);
        request.file("picture", name, "image/png", bytes).follow_redirects().send()
    };
    assert!(with("script.png", b"<script>").await.text().contains("Choose a PNG"));
    // A little larger than a picture may be, and larger than any request may be: the text is kept.
    for size in [10_000_000, 15_000_000] {
        let page = with("large.png", &[PNG, &vec![0; size]].concat()).await.text();
        assert!(page.contains("Choose a file of at most 10 MB.") && page.contains("Text</textarea>"), "{page}");
    }
    let page = with("ok.png", PNG).await.text();
    let address = page.split('"').find(|part| part.starts_with("/pictures/")).expect("the picture is on the page");
    let picture = client.get(address).send().await;
    assert_eq!((picture.bytes().as_ref(), picture.header("content-type")), (PNG, Some("image/png")));
    assert_eq!(client.get("/pictures/..%2Fsecret-key-for-development").send().await.status(), 404);
    let folder = client.app().instance_path().to_owned();
    assert!(folder.exists());
    drop(client);
    assert!(!folder.exists(), "a test leaves nothing");
}

#[hipflask::test]
async fn the_list_has_pages() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    for number in 1..=6 {
        write(&client, &format!("Post {number}.")).await;
    }
    let first = client.get("/").send().await.text();
    assert!(first.contains("Post 6.") && !first.contains("Post 1.") && first.contains("/?page=2"));
    assert!(client.get("/?page=2").send().await.text().contains("Post 1."));
    for page in ["3", "0", "-1", "x"] {
        assert_eq!(client.get(&format!("/?page={page}")).send().await.status(), 404, "page {page}");
    }
}

#[hipflask::test]
async fn posts_are_json_too() {
    let client = client_of("sqlite:");
    let post = serde_json::json!({"title": "By a program", "body": "Text"});
    let refused = client.post("/api/posts").header("accept", "application/json").json(&post).send().await;
    assert_eq!(refused.json::<serde_json::Value>()["code"], 401);
    // As curl sends it: without a preference, and without the headers of a browser.
    let program = client.app().test_client().without_browser_headers();
    let refused = program.post("/api/posts").json(&post).send().await;
    let told = refused.json::<serde_json::Value>()["description"].to_string();
    assert!(refused.status() == 400 && told.contains("`Origin: http://localhost`"), "{told}");
    let from_here = |target: &str| program.post(target).header("origin", "http://localhost");
    let refused = from_here("/api/posts").json(&post).send().await;
    assert_eq!((refused.status().as_u16(), refused.json::<serde_json::Value>()["code"].as_i64()), (401, Some(401)));
    for (request, status) in [
        (from_here("/api/posts").body("{}"), 415),
        (from_here("/api/posts").header("content-type", "application/json").body("{"), 400),
        (program.get("/api/nowhere"), 404),
        (program.get("/api/posts?page=7"), 404),
        (from_here("/api/posts/1"), 405),
    ] {
        let answer = request.send().await;
        assert_eq!(answer.json::<serde_json::Value>()["code"], status, "{}", answer.text());
    }
    author(&client, "ada").await;
    let login = [("username", "ada"), ("password", "correct horse")];
    assert_eq!(from_here("/auth/login").form(login).send().await.status(), 303);
    assert_eq!(from_here("/api/posts").json(&post).send().await.status(), 201, "a program logs in like a browser");
    let made = client.post("/api/posts").json(&post).send().await;
    assert_eq!((made.status().as_u16(), made.header("location")), (201, Some("/api/posts/2")));
    let found: serde_json::Value = client.get("/api/posts").send().await.json();
    assert_eq!((&found["total"], &found["items"][0]["title"]), (&2.into(), &"By a program".into()));
    let picture = client.post("/create").file("picture", "p.png", "image/png", PNG);
    picture.form([("title", "With a picture"), ("body", "Text")]).send().await;
    for found in [
        client.get("/api/posts").send().await.json::<serde_json::Value>()["items"][0].clone(),
        client.get("/api/posts/3").send().await.json(),
    ] {
        let address = found["picture"].as_str().unwrap_or_default().to_owned();
        assert!(address.starts_with("http://localhost/pictures/") && address.ends_with(".png"), "{found}");
        assert_eq!(client.get(address.trim_start_matches("http://localhost")).send().await.bytes().as_ref(), PNG);
    }
    assert_eq!(client.get("/api/posts/7").send().await.json::<serde_json::Value>()["code"], 404);
    assert_eq!(client.post("/api/posts").json(&serde_json::json!({"title": "x"})).send().await.status(), 400);
}

#[hipflask::test]
async fn samples_fill_a_blog() {
    let client = client_of("sqlite:");
    let filled = client.app().test_cli_runner().invoke(["init-db", "--posts", "3"]).run().await;
    assert_eq!(filled.exit_code(), 0, "{filled}");
    assert!(filled.output().starts_with("The blog has 3 posts"), "{filled}");
    assert!(client.get("/").send().await.text().contains("Hello, world"));
}

#[hipflask::test]
async fn samples_replace_nothing_without_a_word() {
    let client = client_of("sqlite:");
    author(&client, "ada").await;
    write(&client, "Mine").await;
    let runner = client.app().test_cli_runner();
    let refused = runner.invoke(["init-db"]).input("n\n").run().await;
    assert!(refused.output().starts_with("This deletes every author") && refused.exit_code() == 1, "{refused}");
    assert!(client.get("/").send().await.text().contains("Mine"));
    assert_eq!(runner.invoke(["init-db"]).input("y\n").run().await.exit_code(), 0);
    assert!(!client.get("/").send().await.text().contains("Mine"));

    let key = "a key that is long enough for a test of production";
    let production = app().config("DATABASE_URL", "sqlite:").config("DEBUG", false).config("SECRET_KEY", key);
    let refused = production.test_cli_runner().invoke(["init-db"]).run().await;
    assert!(refused.exit_code() == 2 && refused.stderr().contains("add --yes"), "{refused}");
}
