//! Forms as a request brings them: urlencoded and multipart, and their limits.

use hipflask::http::{FormData, Upload};
use hipflask::prelude::*;

use crate::forms::{client_of, post};

async fn show(form: FormData) -> String {
    let fields: Vec<String> = form.fields.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let file = |file: &Upload| format!("{}:{:?}:{}:{}", file.name(), file.filename(), file.content_type(), file.len());
    let files: Vec<String> = form.files.iter().map(file).collect();
    format!("{} | {}", fields.join(" "), files.join(" "))
}

const URLENCODED: &str = "application/x-www-form-urlencoded";

#[hipflask::test]
async fn a_urlencoded_form() {
    let client = client_of(show);
    for (content_type, body, read) in [
        (URLENCODED, "a=1&b=2&a=3", "a=\"1\" b=\"2\" a=\"3\" | "),
        (URLENCODED, "a=&b", "a=\"\" b=\"\" | "),
        (URLENCODED, "a=x+y%2Bz&%C3%BC=%C3%BC", "a=\"x y+z\" ü=\"ü\" | "),
        (URLENCODED, "a=1;b=2", "a=\"1;b=2\" | "),
        (URLENCODED, "a=%fc&b=%zz&c=%", "a=\"%FC\" b=\"%zz\" c=\"%\" | "),
        (URLENCODED, "a=1%0D%0A2", "a=\"1\\r\\n2\" | "),
        (URLENCODED, "", " | "),
        ("Application/X-WWW-Form-Urlencoded; charset=latin-1", "a=%C3%BC", "a=\"ü\" | "),
        ("text/plain", "a=1", " | "),
        ("application/json", "{\"a\": 1}", " | "),
        ("", "a=1", " | "),
        ("multipart/mixed; boundary=b", "--b--", " | "),
    ] {
        let response = client.post("/").header("content-type", content_type).body(body).send().await;
        assert_eq!(response.text(), read, "{content_type} {body}");
    }
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--b\r\nContent-Disposition: ", head.as_bytes(), b"\r\n\r\n", content, b"\r\n--b--"].concat()
}

/// What Werkzeug 3.1.9 reads, except what is malformed: that is empty there, and an error here.
#[hipflask::test]
async fn a_multipart_form() {
    let client = client_of(show);
    let latin = "form-data; name=a\r\nContent-Type: text/plain; charset=ISO-8859-1";
    for (content_type, body, read) in [
        ("boundary=b", part("form-data; name=\"a\"", b"x"), "a=\"x\" | "),
        ("boundary=\"b\"", part("form-data; name=a", b""), "a=\"\" | "),
        ("charset=utf-8; Boundary=b", part("Form-Data; NAME=\"a\"", b"x"), "a=\"x\" | "),
        ("boundary=b", part("form-data; name=\"\"", b"x"), "=\"x\" | "),
        ("boundary=b", part("form-data; name=\"a%22b%0D%0A\"", b"x"), "a\"b%0D%0A=\"x\" | "),
        ("boundary=b", part("form-data; name=\"\u{fc}\"", b"x"), "ü=\"x\" | "),
        ("boundary=b", part("form-data; name=a", "ü".as_bytes()), "a=\"ü\" | "),
        ("boundary=b", part("form-data; name=a", b"\xfc"), "a=\"\u{fffd}\" | "),
        ("boundary=b", part(latin, b"\xfc"), "a=\"ü\" | "),
        ("boundary=b", part("form-data; name=a", b"\r\n--bb\r\n--\r\n"), "a=\"\\r\\n--bb\\r\\n--\\r\\n\" | "),
        ("boundary=b", part("form-data; name=a; filename=\"\"", b""), " | a:\"\"::0"),
        ("boundary=b", part("form-data; name=a; filename=x", b"y"), " | a:\"x\"::1"),
        ("boundary=b", part("form-data; name=a; filename=x; filename*=UTF-8''%C3%BC.txt", b"y"), " | a:\"ü.txt\"::1"),
        ("boundary=b", b"--b--".to_vec(), " | "),
    ] {
        let request = client.post("/").header("content-type", &format!("multipart/form-data; {content_type}"));
        assert_eq!(request.body(body).send().await.text(), read, "{content_type} {read}");
    }
}

#[hipflask::test]
async fn a_broken_multipart_form_is_the_clients_mistake() {
    let client = client_of(show);
    let whole = part("form-data; name=a", b"content");
    for cut in 0..whole.len() {
        let request = client.post("/").header("content-type", "multipart/form-data; boundary=b");
        let response = request.body(whole[..cut].to_vec()).send().await;
        assert_eq!(response.status(), 400, "{}", String::from_utf8_lossy(&whole[..cut]));
    }
    let long = format!("boundary={}", "b".repeat(71));
    for content_type in ["", "boundary=", "boundary=\"\"", "boundary=c", &long] {
        let request = client.post("/").header("content-type", &format!("multipart/form-data; {content_type}"));
        assert_eq!(request.body(whole.clone()).send().await.status(), 400, "{content_type}");
    }
    for head in ["form-data", "form-data; filename=x", "form-data; name=a\r\nno header", "attachment; name=a", ""] {
        let request = client.post("/").header("content-type", "multipart/form-data; boundary=b");
        assert_eq!(request.body(part(head, b"x")).send().await.status(), 400, "{head}");
    }
}

#[hipflask::test]
async fn a_form_has_its_limits() {
    let limited = |key: &str, value: Option<u64>| {
        let app = App::new("test", ".").config("MAX_CONTENT_LENGTH", None::<u64>).config(key, value);
        app.add_url_rule(post("/"), async |form: FormData| form.fields.len().to_string()).test_client()
    };
    let parts = |count: usize| "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(count) + "--b--";
    let field = |size: usize| part("form-data; name=a", &vec![b'x'; size]);
    let file = |size: usize| part("form-data; name=a; filename=f", &vec![b'x'; size]);
    let multipart = "multipart/form-data; boundary=b";
    let encoded = |size: usize| format!("a={}", "x".repeat(size - 2)).into_bytes();
    for (client, content_type, body, status) in [
        (limited("MAX_FORM_PARTS", Some(1000)), multipart, parts(1000).into_bytes(), 200),
        (limited("MAX_FORM_PARTS", Some(1000)), multipart, parts(1001).into_bytes(), 413),
        (limited("MAX_FORM_PARTS", Some(0)), multipart, parts(1).into_bytes(), 413),
        (limited("MAX_FORM_PARTS", Some(0)), multipart, parts(0).into_bytes(), 200),
        (limited("MAX_FORM_PARTS", None), multipart, parts(2000).into_bytes(), 200),
        (limited("MAX_FORM_PARTS", Some(1)), URLENCODED, b"a=1&b=2&c=3".to_vec(), 200),
        (limited("TESTING", None), multipart, field(500_000), 200),
        (limited("TESTING", None), multipart, field(500_001), 413),
        (limited("TESTING", None), multipart, file(500_001), 200),
        (limited("TESTING", None), multipart, parts(1001).into_bytes(), 413),
        (limited("TESTING", None), URLENCODED, encoded(500_000), 200),
        (limited("TESTING", None), URLENCODED, encoded(500_001), 413),
        (limited("MAX_FORM_MEMORY_SIZE", None), URLENCODED, encoded(1_000_000), 200),
        (limited("MAX_FORM_MEMORY_SIZE", None), multipart, field(1_000_000), 200),
        (limited("MAX_FORM_MEMORY_SIZE", Some(0)), multipart, field(0), 200),
        (limited("MAX_CONTENT_LENGTH", Some(100)), multipart, file(200), 413),
    ] {
        let length = body.len();
        let response = client.post("/").header("content-type", content_type).body(body).send().await;
        assert_eq!(response.status(), status, "{length} bytes of {content_type}");
    }
}
