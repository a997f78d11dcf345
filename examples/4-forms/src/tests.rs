use hipflask::testing::{TestClient, TestResponse};

use super::*;

fn client(test: &str) -> TestClient {
    let folder = std::env::temp_dir().join(format!("forms-{}-{test}", std::process::id()));
    app().config("INSTANCE_PATH", folder).test_client()
}

const GOOD: [(&str, &str); 5] =
    [("name", "Ada"), ("email", "ada@example.org"), ("age", "36"), ("workshop", "bread"), ("agreed", "y")];

/// Sends a form that is valid except for one field.
async fn send_with(client: &TestClient, name: &str, value: &str) -> TestResponse {
    let others = GOOD.into_iter().filter(|(other, _)| *other != name);
    client.post("/").form(others.chain([(name, value)])).follow_redirects().send().await
}

#[hipflask::test]
async fn a_good_form_is_welcome_once() {
    let client = client("welcome");
    let page = client.post("/").form(GOOD).follow_redirects().send().await;
    assert_eq!((page.history().len(), page.templates()), (1, &["welcome.html".to_owned()][..]));
    assert!(page.text().contains("Welcome, Ada (36)! We write to ada@example.org."), "{}", page.text());
    assert!(!client.get("/welcome").send().await.text().contains("Welcome, Ada"), "a message is shown once");
}

#[hipflask::test]
async fn each_message_is_beside_its_field_and_what_was_typed_stays() {
    let client = client("messages");
    for (field, value, message) in [
        ("name", "A", "Use at least 2 characters."),
        ("email", "ada", "Enter a valid e-mail address."),
        ("age", "x", "Enter a whole number."),
        ("age", "15", "This must be at least 16."),
        ("workshop", "chess", "Choose one of the options."),
        ("voucher", "1234", "A voucher looks like AB-1234."),
        ("agreed", "", "Please read them first."),
    ] {
        let page = send_with(&client, field, value).await.text();
        let beside = format!(r#"<span class="errors" id="{field}-errors">{message}</span>"#);
        assert!(page.contains(&beside) && page.matches("class=\"errors\"").count() == 1, "{field} {value}: {page}");
        assert!(page.contains(r#"value="Ada""#) || field == "name", "{page}");
    }
    assert!(send_with(&client, "note", "<i>").await.text().contains("We have read your note."));
    assert!(send_with(&client, "voucher", "AB-1234").await.text().contains("Your voucher counts."));
}

#[hipflask::test]
async fn the_last_place_is_given_once() {
    let client = client("places");
    assert!(send_with(&client, "workshop", "pottery").await.text().contains("Welcome, Ada"));
    assert!(send_with(&client, "workshop", "pottery").await.text().contains("This workshop is full."));
}

#[hipflask::test]
async fn a_picture_is_what_its_bytes_say() {
    let client = client("pictures");
    let with =
        |content: Vec<u8>| client.post("/").form(GOOD).file("picture", "../my pot.png", "image/png", content).send();
    assert!(with(b"<script>".to_vec()).await.text().contains("Choose a PNG."));
    // One that is too large costs nothing that was typed, even if the whole form is larger than allowed.
    for size in [1_000_001, 2_000_000] {
        let page = with(vec![0; size]).await.text();
        assert!(page.contains("Choose a file of at most 1 MB.") && page.contains(r#"value="Ada""#), "{page}");
    }
    assert_eq!(with(b"\x89PNG\r\n\x1a\n...".to_vec()).await.status(), 303);
    let kept = std::fs::read_dir(client.app().instance_path()).expect("the folder was made");
    let names: Vec<String> = kept.map(|file| file.expect("readable").file_name().to_string_lossy().into()).collect();
    assert!(matches!(&names[..], [name] if name.ends_with("-my_pot.png")), "{names:?}");
    std::fs::remove_dir_all(client.app().instance_path()).expect("the folder is ours");
}
