//! Files: the application's own `static`, one by its path, a folder by names from outside.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hipflask::Rule;
use hipflask::extension::EmbeddedFile;
use hipflask::helpers::{File, send_data, send_file, send_from_directory};
use hipflask::http::{Body, Method};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::testing::TestResponse;
use serde_json::Value;

/// An application's folder that goes with the test.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Site {
        let path = std::env::temp_dir().join(format!("hipflask-static-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("static")).expect("a folder for the test");
        Site(path)
    }

    /// The same with a file, of the second that the recordings are of.
    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Site {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder for the test");
        std::fs::write(&path, content).expect("a file for the test");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_577_934_245_700);
        std::fs::File::options().write(true).open(&path).and_then(|f| f.set_modified(modified)).expect("a time");
        self
    }

    fn app(&self) -> App {
        App::new("test", &self.0).config("DEBUG", false)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn recorded(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/static_files.json")).expect("it is JSON");
    let part = all[part].as_array().expect("a list").clone();
    assert!(part.len() > 20);
    part
}

fn text(value: &Value) -> &str {
    value.as_str().expect("it is text")
}

/// Status, body and headers as Flask has sent them.
#[track_caller]
fn assert_recorded(response: &TestResponse, one: &Value, headers: &[&str]) {
    assert_eq!(response.status().as_u16(), one["status"].as_u64().expect("a number") as u16, "{one}");
    assert_eq!(response.text(), text(&one["body"]), "{one}");
    for name in headers {
        assert_eq!(response.header(name), one["headers"][name].as_str(), "{name} of {one}");
    }
}

const ABOUT_RANGES: [&str; 2] = ["content-range", "cache-control"];

#[hipflask::test]
async fn ranges_are_answered_as_flask_answers_them() {
    let site = Site::new("ranges").with("static/ten.txt", "0123456789").with("static/empty.txt", "");
    let client = site.app().test_client();
    for one in recorded("ranges") {
        let method: Method = text(&one["method"]).parse().expect("a method");
        let target = format!("/static/{}", text(&one["name"]));
        let response = client.request(method, &target).header("range", text(&one["range"])).send().await;
        // RFC 9110 §14.1.2 lets a suffix be longer than the file, §14.2 another unit be ignored.
        let by_the_rfc = match (text(&one["name"]), text(&one["range"])) {
            ("ten.txt", "bytes=-11") => Some((206, "0123456789")),
            ("ten.txt", "items=0-4" | "bytes 0-4" | "") => Some((200, "0123456789")),
            _ => None,
        };
        match by_the_rfc {
            Some((status, _)) if one["method"] == "HEAD" => assert_eq!(response.status(), status, "{one}"),
            Some((status, body)) => {
                assert_eq!((response.status().as_u16(), &*response.text()), (status, body), "{one}");
            }
            // An error like any other: error handlers see it.
            None if one["status"] == 416 => {
                assert_eq!(
                    (response.status().as_u16(), response.header("content-range")),
                    (416, one["headers"]["content-range"].as_str())
                );
            }
            None => assert_recorded(&response, &one, &ABOUT_RANGES),
        }
        if one["method"] == "HEAD" && one["status"] == 206 && by_the_rfc.is_none() {
            assert_recorded(&response, &one, &["content-length", "content-type"]);
        }
    }
}

#[hipflask::test]
async fn conditions_are_answered_as_flask_answers_them() {
    let site = Site::new("conditions").with("static/ten.txt", "0123456789");
    let client = site.app().test_client();
    let first = client.get("/static/ten.txt").send().await;
    assert_eq!(first.header("last-modified"), Some("Thu, 02 Jan 2020 03:04:05 GMT"));
    let tag = first.header("etag").expect("a file has a tag").to_owned();
    for one in recorded("conditions") {
        let pairs = one["condition"].as_object().expect("a table");
        let request = pairs.iter().fold(client.get("/static/ten.txt"), |request, (name, value)| {
            request.header(name, &text(value).replace("{tag}", &tag))
        });
        let response = request.send().await;
        // RFC 9110 §13.1.1 has `*` for any version, §13.2.2 asks for the tag before the range.
        let differs = match (pairs.get("if-match"), pairs.contains_key("range"), pairs.get("if-none-match")) {
            (Some(any), ..) if any == "*" => Some(200),
            (_, true, Some(_)) => Some(304),
            _ => None,
        };
        match differs {
            Some(status) => assert_eq!(response.status(), status, "{one}"),
            None if one["status"] == 412 => {
                assert_eq!((response.status().as_u16(), &*response.text()), (412, "0123456789"), "{one}");
            }
            None => assert_recorded(&response, &one, &["content-range", "content-type", "content-disposition"]),
        }
        if response.status() == 304 {
            assert_eq!(response.header("etag"), Some(&*tag));
        }
    }
}

#[hipflask::test]
async fn names_give_types_as_flask_gives_them() {
    let names = recorded("names");
    let site =
        names.iter().fold(Site::new("names"), |site, one| site.with(&format!("static/{}", text(&one["name"])), "x"));
    let client = site.app().add_url_rule(Rule::new("/url/<name>"), url).test_client();
    async fn url(ctx: &mut Context, args: ViewArgs) -> Result<String> {
        ctx.url_for(hipflask::helpers::UrlFor::endpoint("static").value("filename", args.get::<String>("name")?))
    }
    for one in names {
        let quoted: String = text(&one["name"]).bytes().map(|byte| format!("%{byte:02x}")).collect();
        let response = client.get(&format!("/static/{quoted}")).send().await;
        assert_recorded(&response, &one, &["content-type", "content-disposition", "content-encoding", "cache-control"]);
        let target = client.get(&format!("/url/{quoted}")).send().await.text();
        assert_eq!(client.get(&target).send().await.text(), "x", "{target}");
    }
}

#[hipflask::test]
async fn nothing_leads_out_of_the_folder() {
    let secret = "what nobody may see";
    let site = Site::new("out").with("secret.txt", secret).with("static/in.txt", "in").with("static/sub/in.txt", "sub");
    let site = site.with("static/.env", secret).with("static/.git/config", secret).with("static-not/x.txt", secret);
    let site = site.with("static/.well-known/security.txt", "known");
    #[cfg(unix)]
    for (target, link) in [
        ("secret.txt", "static/link.txt"),
        ("static-not", "static/linked"),
        ("static/in.txt", "static/inside.txt"),
        ("static/missing", "static/broken"),
        ("static/loop", "static/loop"),
        ("/etc/hostname", "static/host"),
        ("/dev/zero", "static/zero"),
    ] {
        std::os::unix::fs::symlink(site.0.join(target), site.0.join(link)).expect("a link");
    }
    let client = site.app().test_client();
    for (target, body) in [
        ("in.txt", "in"),
        ("sub/in.txt", "sub"),
        ("sub%2Fin.txt", "sub"),
        ("inside.txt", "in"),
        ("sub/../in.txt", "in"),
        ("./in.txt", "in"),
        ("%2e/in.txt", "in"),
        ("in.txt/", "in"),
        (".well-known/security.txt", "known"),
    ] {
        assert_eq!(client.get(&format!("/static/{target}")).send().await.text(), body, "{target}");
    }
    for target in [
        "../secret.txt",
        "sub/../../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "sub%5cin.txt",
        "....//secret.txt",
        "..;/secret.txt",
        "/in.txt",
        "//in.txt",
        "in.txt/x",
        "in.txt%00",
        "in.txt%00.html",
        "..%00/secret.txt",
        "in.txt%20",
        "in.txt.",
        "in.txt::$DATA",
        "C:/secret.txt",
        "%ff",
        "..%c0%afsecret.txt",
        "..%ef%bc%8fsecret.txt",
        "sub",
        "sub/",
        "",
        ".",
        "..",
        ".env",
        ".git/config",
        "link.txt",
        "linked/x.txt",
        "broken",
        "loop",
        "host",
        "zero",
        "missing.txt",
        "../static-not/x.txt",
        "nul",
        "con.txt",
    ] {
        let response = client.get(&format!("/static/{target}")).send().await;
        assert!([404, 308].contains(&response.status().as_u16()), "{target}: {}", response.status());
        assert!(!response.text().contains(secret), "{target}");
        if response.status() == 308 {
            let location = response.header("location").expect("a redirect has an address").to_owned();
            assert!(location.starts_with("http://localhost/static/"), "{target} leads to {location}");
        }
    }
    let absolute = format!("/static/{}", site.0.join("secret.txt").display());
    assert!(!client.get(&absolute).follow_redirects().send().await.text().contains(secret));
    let long = "x".repeat(5000);
    assert_eq!(client.get(&format!("/static/{long}")).send().await.status(), 404);
    assert_eq!(client.get(&format!("/static/{}", "a/".repeat(2000) + "x")).send().await.status(), 404);
}

#[hipflask::test]
async fn only_what_reads_is_answered() {
    let site = Site::new("methods").with("static/a.txt", "a");
    let client = site.app().test_client();
    for (method, status) in
        [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405)]
    {
        let method: Method = method.parse().expect("a method");
        let response = client.request(method.clone(), "/static/a.txt").send().await;
        assert_eq!(response.status(), status, "{method}");
    }
    let head = client.head("/static/a.txt").send().await;
    assert_eq!((head.header("content-length"), head.text().as_str()), (Some("1"), ""));
}

#[hipflask::test]
async fn how_long_a_file_is_fresh() {
    let site = Site::new("fresh").with("static/a.txt", "a");
    for (age, cache_control) in [
        (Value::Null, "no-cache"),
        (Value::from(0), "no-cache, max-age=0"),
        (Value::from(3600), "public, max-age=3600"),
        (Value::from(0.5), "no-cache, max-age=0"),
    ] {
        let client = site.app().config("SEND_FILE_MAX_AGE_DEFAULT", &age).test_client();
        let response = client.get("/static/a.txt").send().await;
        assert_eq!(response.header("cache-control"), Some(cache_control), "{age}");
        assert_eq!(response.header("expires").is_some(), !age.is_null(), "Flask sends both, or none: {age}");
        let missing = client.get("/static/b.txt").send().await;
        assert_eq!((missing.status().as_u16(), missing.header("cache-control")), (404, None));
    }
}

#[hipflask::test]
async fn a_changed_file_has_another_tag() {
    let site = Site::new("changed").with("static/a.txt", "one");
    let client = site.app().test_client();
    let before = client.get("/static/a.txt").send().await.header("etag").map(str::to_owned);
    std::fs::write(site.0.join("static/a.txt"), "three").expect("written");
    let request = client.get("/static/a.txt").header("if-none-match", before.as_deref().expect("a tag"));
    assert_eq!(request.send().await.text(), "three");
}

#[hipflask::test]
async fn a_large_file_comes_whole_and_in_part() {
    const SIZE: usize = 3 * 256 * 1024 + 17;
    let content: Vec<u8> = (0..SIZE).map(|n| (n % 251) as u8).collect();
    let site = Site::new("large").with("static/large.bin", &content);
    let client = site.app().test_client();
    assert_eq!(client.get("/static/large.bin").send().await.bytes()[..], content);
    for (first, last) in
        [(0, 256 * 1024 - 1), (0, 256 * 1024), (255 * 1024, 600_000), (SIZE - 1, SIZE - 1), (1, SIZE - 1)]
    {
        let request = client.get("/static/large.bin").header("range", &format!("bytes={first}-{last}"));
        let response = request.send().await;
        assert_eq!(response.status(), 206);
        assert_eq!(response.header("content-range"), Some(&*format!("bytes {first}-{last}/{SIZE}")));
        assert!(response.bytes()[..] == content[first..=last], "{first}-{last}");
    }
    let app = site.app().freeze().expect("nothing is wrong with it");
    let response = app.respond(hipflask::http::Request::get("/static/large.bin")).await;
    assert_eq!(response.body().len(), Some(SIZE as u64), "the client is told the length");
    assert_eq!(response.body().as_bytes(), None, "it is not in memory as a whole");
}

/// A file that becomes shorter while it is sent breaks the body off; it does not end it.
#[hipflask::test]
async fn a_file_that_is_cut_while_it_is_sent() {
    let site = Site::new("cut").with("static/large.bin", vec![b'x'; 3 << 20]);
    let app = site.app().freeze().expect("nothing is wrong with it");
    let mut response = app.respond(hipflask::http::Request::get("/static/large.bin")).await;
    let body = response.body_mut();
    assert!(body.chunk().await.expect("a beginning").is_ok());
    let file = std::fs::File::options().write(true).open(site.0.join("static/large.bin")).expect("it is there");
    file.set_len(1 << 20).expect("it is cut");
    let mut failed = false;
    while let Some(chunk) = body.chunk().await {
        failed |= chunk.is_err();
    }
    assert!(failed);
}

#[hipflask::test]
async fn where_the_files_are_is_for_the_application_to_say() {
    async fn url(ctx: &mut Context) -> Result<String> {
        ctx.url_for(hipflask::helpers::UrlFor::endpoint("static").value("filename", "a b.txt"))
    }
    let site = Site::new("where").with("static/a b.txt", "static").with("assets/pub/a b.txt", "assets");
    let with = |app: App| app.add_url_rule(Rule::new("/url"), url).test_client();
    for (client, address, body) in [
        (with(site.app()), "/static/a%20b.txt", "static"),
        (with(site.app().static_folder("assets/pub")), "/pub/a%20b.txt", "assets"),
        (with(site.app().static_folder("assets/pub").static_url_path("/s/")), "/s/a%20b.txt", "assets"),
        (with(site.app().static_url_path("")), "/a%20b.txt", "static"),
        (with(site.app().static_folder(site.0.join("assets/pub").display().to_string())), "/pub/a%20b.txt", "assets"),
        (with(site.app().static_folder("static/")), "/static/a%20b.txt", "static"),
    ] {
        assert_eq!(client.get("/url").send().await.text(), address);
        assert_eq!(client.get(address).send().await.text(), body, "{address}");
    }
    let without = site.app().without_static_files().test_client();
    assert_eq!(without.get("/static/a%20b.txt").send().await.status(), 404);
    let nowhere = site.app().static_folder("nowhere").test_client();
    assert_eq!(nowhere.get("/nowhere/a.txt").send().await.status(), 404);
}

#[hipflask::test]
async fn files_inside_the_binary_are_files() {
    static FILES: [EmbeddedFile; 3] = [
        EmbeddedFile { name: "a.css", content: b"0123456789" },
        EmbeddedFile { name: "sub/b.txt", content: b"b" },
        EmbeddedFile { name: "empty.txt", content: b"" },
    ];
    let site = Site::new("embedded").with("static/on-disk.txt", "on disk");
    let client = site.app().embed("static", &FILES).test_client();
    let first = client.get("/static/a.css").send().await;
    assert_eq!((first.text().as_str(), first.header("content-type")), ("0123456789", Some("text/css; charset=utf-8")));
    assert_eq!(client.get("/static/sub/b.txt").send().await.text(), "b");
    assert_eq!(client.get("/static/empty.txt").header("range", "bytes=0-").send().await.status(), 200);
    let part = client.get("/static/a.css").header("range", "bytes=8-20").send().await;
    assert_eq!((part.text().as_str(), part.header("content-range")), ("89", Some("bytes 8-9/10")));
    let tag = first.header("etag").expect("a tag");
    assert_eq!(client.get("/static/a.css").header("if-none-match", tag).send().await.status(), 304);
    assert_eq!(client.head("/static/a.css").send().await.header("content-length"), Some("10"));
    assert_eq!(client.get("/static/sub/../a.css").send().await.text(), "0123456789");
    for missing in ["on-disk.txt", "sub", "", "../a.css", "/a.css", "A.CSS"] {
        let response = client.get(&format!("/static/{missing}")).send().await;
        assert!([404, 308].contains(&response.status().as_u16()), "{missing}");
    }
}

#[hipflask::test]
async fn one_file_by_its_path() {
    #[get("/report")]
    async fn report() -> Result<File> {
        send_file("files/report.tar.gz").as_attachment("Bericht \"ü\".tar.gz")
    }
    #[get("/typed")]
    async fn typed() -> File {
        send_file("files/report.tar.gz").mimetype("text/x-thing").max_age(Duration::from_secs(60))
    }
    #[get("/missing")]
    async fn missing() -> File {
        send_file("files/missing")
    }
    #[get("/folder")]
    async fn folder() -> File {
        send_file("files")
    }
    #[get("/split")]
    async fn split() -> Result<File> {
        send_file("files/report.tar.gz").as_attachment("a\r\nset-cookie: x=y")
    }
    #[get("/made")]
    async fn made() -> (Status, [(&'static str, &'static str); 2], File) {
        (Status::CREATED, [("x-a", "b"), ("cache-control", "private")], send_file("files/report.tar.gz"))
    }
    #[get("/from/<path:name>")]
    async fn from(name: String) -> File {
        send_from_directory("files", &name)
    }
    let site = Site::new("one").with("files/report.tar.gz", "packed").with("files/sub/x.txt", "x");
    let app = site.app().routes(routes![report, typed, missing, folder, split, made, from]);
    let client = app.test_client();
    let response = client.get("/report").send().await;
    let disposition =
        "attachment; filename=\"Bericht \\\"u\\\".tar.gz\"; filename*=UTF-8''Bericht%20%22%C3%BC%22.tar.gz";
    assert_eq!(response.header("content-disposition"), Some(disposition));
    assert_eq!(response.header("content-encoding"), None, "the browser must not unpack what it saves");
    let response = client.get("/typed").send().await;
    assert_eq!(response.header("content-type"), Some("text/x-thing; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("public, max-age=60"));
    for target in ["/missing", "/folder", "/from/nowhere.txt", "/from/sub", "/from/..%2fstatic"] {
        assert_eq!(client.get(target).send().await.status(), 404, "{target}");
    }
    assert_eq!(client.get("/from/sub/x.txt").send().await.text(), "x");
    let split = client.get("/split").send().await;
    assert_eq!((split.status().as_u16(), split.header("set-cookie")), (500, None));
    let made = client.get("/made").send().await;
    assert_eq!((made.status().as_u16(), made.header("x-a"), made.text().as_str()), (201, Some("b"), "packed"));
    assert_eq!(made.header("cache-control"), Some("private"), "what the view says is what is sent");
    let tag = made.header("etag").expect("a tag");
    for (name, value) in [("if-none-match", tag), ("range", "bytes=0-1"), ("if-match", "\"x\""), ("range", "bytes=99-")]
    {
        let whole = client.get("/made").header(name, value).send().await;
        assert_eq!((whole.status().as_u16(), whole.text().as_str()), (201, "packed"), "{name}: RFC 9110 §13.2.1");
        assert_eq!(whole.header("content-range"), None);
    }
}

#[cfg(unix)]
#[hipflask::test]
async fn what_is_not_a_regular_file_is_not_waited_for() {
    let site = Site::new("pipe");
    let made = std::process::Command::new("mkfifo").arg(site.0.join("static/pipe")).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe for the test");
    let _socket = std::os::unix::net::UnixListener::bind(site.0.join("static/socket")).expect("a socket");
    let client = site.app().test_client();
    for name in ["pipe", "socket"] {
        assert_eq!(client.get(&format!("/static/{name}")).send().await.status(), 404, "{name}");
    }
}

/// Archives keep times that no header can write.
#[hipflask::test]
async fn a_file_is_as_old_as_it_is() {
    let site = Site::new("old").with("static/a.txt", "a");
    let file = std::fs::File::options().write(true).open(site.0.join("static/a.txt")).expect("it is there");
    let client = site.app().config("SEND_FILE_MAX_AGE_DEFAULT", u64::MAX / 2).test_client();
    for (modified, written) in [
        (SystemTime::UNIX_EPOCH - Duration::from_secs(86_400), "Thu, 01 Jan 1970 00:00:00 GMT"),
        (SystemTime::UNIX_EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000), "Tue, 02 Oct 2096 07:06:40 GMT"),
    ] {
        file.set_modified(modified).expect("a time");
        let response = client.get("/static/a.txt").send().await;
        assert_eq!((response.status().as_u16(), response.header("last-modified")), (200, Some(written)));
    }
}

#[hipflask::test]
async fn a_compressed_file_is_sent_to_those_who_accept_it() {
    static FILES: [EmbeddedFile; 3] = [
        EmbeddedFile { name: "a.css", content: b"plain" },
        EmbeddedFile { name: "a.css.gz", content: b"gzipped" },
        EmbeddedFile { name: "b.css", content: b"b" },
    ];
    let site = Site::new("compressed").with("static/a.css", "plain").with("static/a.css.gz", "gzipped");
    let site = site.with("static/b.css", "b").with("static/a.css.br/x", "a folder");
    let on_disk = site.app().config("STATIC_PRECOMPRESSED", true).test_client();
    let inside = site.app().config("STATIC_PRECOMPRESSED", true).embed("static", &FILES).test_client();
    for client in [on_disk, inside] {
        for (target, accepted, content, encoding) in [
            ("a.css", "gzip", "gzipped", Some("gzip")),
            ("a.css", "br;q=1, gzip;q=0.5", "gzipped", Some("gzip")),
            ("a.css", "gzip;q=0, *", "plain", None),
            ("a.css", "identity", "plain", None),
            ("b.css", "gzip", "b", None),
        ] {
            let request = client.get(&format!("/static/{target}")).header("accept-encoding", accepted);
            let response = request.send().await;
            assert_eq!((&*response.text(), response.header("content-encoding")), (content, encoding), "{accepted}");
            assert_eq!(response.header("content-type"), Some("text/css; charset=utf-8"));
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "caches keep them apart");
        }
        let tag = |response: &TestResponse| response.header("etag").expect("a tag").to_owned();
        let plain = client.get("/static/a.css").send().await;
        assert_eq!(plain.text(), "plain", "a client that says nothing");
        let gzipped = client.get("/static/a.css").header("accept-encoding", "gzip").send().await;
        assert_ne!(tag(&plain), tag(&gzipped));
    }
    let off = site.app().test_client();
    let response = off.get("/static/a.css").header("accept-encoding", "gzip").send().await;
    assert_eq!((response.text().as_str(), response.header("vary")), ("plain", None), "unless it is switched on");
}

#[hipflask::test]
async fn a_proxy_may_send_the_files() {
    let site = Site::new("proxy").with("static/a b.txt", "content");
    let root = site.0.canonicalize().expect("it is there");
    let client = site.app().config("USE_X_SENDFILE", true).test_client();
    let response = client.get("/static/a%20b.txt").header("range", "bytes=0-1").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, ""));
    assert_eq!(response.header("x-sendfile").map(PathBuf::from), Some(root.join("static/a b.txt")));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    let tag = response.header("etag").expect("a tag");
    let known = client.get("/static/a%20b.txt").header("if-none-match", tag).send().await;
    assert_eq!((known.status().as_u16(), known.header("x-sendfile")), (304, None));
    let client = site.app().config("X_ACCEL_REDIRECT", "/files/").test_client();
    let response = client.get("/static/a%20b.txt").send().await;
    assert_eq!(response.header("x-accel-redirect"), Some("/files/static/a%20b.txt"));
    assert_eq!(client.get("/static/missing.txt").send().await.status(), 404);
}

#[hipflask::test]
async fn data_is_a_file_too() {
    async fn data(query: hipflask::http::MultiDict) -> Result<File> {
        let moment: hipflask::DateTime = "2020-01-02T03:04:05Z".parse()?;
        let file = match query.get("kind") {
            Some("stream") => send_data(Body::stream(async |mut out| out.send("0123456789").await)),
            _ => send_data("0123456789"),
        };
        let file = file.etag("v1").last_modified(moment);
        if query.contains_key("name") { file.download_name("ü.csv") } else { Ok(file) }
    }
    let site = Site::new("data");
    let client = site.app().add_url_rule(Rule::new("/"), data).test_client();
    let response = client.get("/").send().await;
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    assert_eq!(response.header("content-disposition"), None);
    assert_eq!((response.header("etag"), response.header("accept-ranges")), (Some("\"v1\""), Some("bytes")));
    let part = client.get("/?name=1").header("range", "bytes=8-").send().await;
    assert_eq!((part.status().as_u16(), part.text().as_str()), (206, "89"));
    assert_eq!(part.header("content-disposition"), Some("inline; filename=u.csv; filename*=UTF-8''%C3%BC.csv"));
    for kind in ["", "stream"] {
        let get = || client.get(&format!("/?kind={kind}"));
        assert_eq!(get().header("if-none-match", "\"v1\"").send().await.status(), 304, "{kind}");
        let since = ("if-modified-since", "Thu, 02 Jan 2020 03:04:05 GMT");
        assert_eq!(get().header(since.0, since.1).send().await.status(), 304, "{kind}");
        assert_eq!(get().send().await.text(), "0123456789", "{kind}");
    }
    let streamed = client.get("/?kind=stream").header("range", "bytes=8-").send().await;
    assert_eq!((streamed.status().as_u16(), streamed.header("accept-ranges")), (200, None));
}

#[hipflask::test]
async fn an_application_says_how_its_files_are_sent() {
    let site = Site::new("said").with("static/a.css", "a").with("static/b.glsl", "b");
    let year = Duration::from_secs(365 * 24 * 3600);
    let app = site.app().send_file_max_age(move |name| name.ends_with(".css").then_some(year));
    let client = app.media_type(".glsl", "text/x-glsl").test_client();
    let css = client.get("/static/a.css").send().await;
    assert_eq!(css.header("cache-control"), Some("public, max-age=31536000"));
    let glsl = client.get("/static/b.glsl").send().await;
    assert_eq!(glsl.header("content-type"), Some("text/x-glsl; charset=utf-8"));
    assert_eq!(glsl.header("cache-control"), Some("no-cache"));
}

#[hipflask::test]
async fn a_file_may_go_without_conditions() {
    async fn file(query: hipflask::http::MultiDict) -> File {
        let file = send_file("static/a.txt");
        if query.contains_key("bare") { file.without_etag() } else { file.conditional(false) }
    }
    let site = Site::new("bare").with("static/a.txt", "0123456789");
    let client = site.app().add_url_rule(Rule::new("/"), file).test_client();
    let response = client.get("/").header("range", "bytes=0-1").header("if-none-match", "*").send().await;
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "0123456789"));
    assert_eq!(client.get("/?bare").send().await.header("etag"), None);
}
