//! Files that come with a form: where they are kept, how long, under which name.

use std::path::{Path, PathBuf};
use std::process::Command;

use hipflask::Rule;
use hipflask::http::{Body, FormData, Method, secure_filename};
use hipflask::prelude::*;
use hipflask::testing::TestClient;
use serde_json::Value;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("hipflask-uploads-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn rule(path: &str) -> Rule {
    Rule::new(path).methods([Method::POST])
}

/// The more than that goes to the disk.
const SPOOL_SIZE: usize = 500 * 1024;

#[hipflask::test]
async fn a_file_has_its_name_its_type_and_its_bytes() {
    async fn show(form: FormData) -> Result<String> {
        let mut lines = Vec::new();
        for file in &form.files {
            let (name, content_type, bytes) = (file.filename(), file.content_type(), file.bytes().await?);
            lines.push(format!("{} {name:?} {content_type} {} {}", file.name(), file.len(), bytes.escape_ascii()));
        }
        Ok(lines.join("\n"))
    }
    let client = App::new("test", ".").add_url_rule(rule("/"), show).test_client();
    let request = client
        .post("/")
        .file("a", "ü.bin", "application/x-thing; v=1", [0, 255, 13, 10])
        .file("a", "C:\\x\\y.txt", "text/plain", "")
        .file("b", "", "application/octet-stream", "")
        .form([("a", "no file")]);
    assert_eq!(
        request.send().await.text(),
        "a \"ü.bin\" application/x-thing; v=1 4 \\x00\\xff\\r\\n\n\
         a \"C:\\\\x\\\\y.txt\" text/plain 0 \n\
         b \"\" application/octet-stream 0 "
    );
}

#[hipflask::test]
async fn a_test_sends_fields_and_files_in_its_order() {
    async fn raw(body: hipflask::http::Bytes) -> String {
        String::from_utf8_lossy(&body).into_owned()
    }
    let client = App::new("test", ".").add_url_rule(rule("/"), raw).test_client();
    let request = client.post("/").form([("a", "x & y")]).file("f", "f.txt", "text/plain", "").form([("b", "ü")]);
    let text = request.send().await.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(
        at("name=\"a\"\r\n\r\nx & y\r\n") < at("filename=\"f.txt\"") && at("f.txt") < at("\r\n\r\nü\r\n"),
        "{text}"
    );
}

/// Runs `body` in a process of its own, whose temporary files all are in a folder of its own.
/// Small ones are in memory, large ones on the disk.
#[hipflask::test]
async fn a_file_is_read_as_a_stream_and_has_the_headers_of_its_part() {
    async fn back(form: FormData) -> Result<Response> {
        let file = form.require_file("a")?;
        Response::new(file.body()).with_header("x-part", file.headers()["x-of-the-part"].to_str()?)
    }
    let client =
        App::new("test", ".").config("MAX_CONTENT_LENGTH", 4 << 20).add_url_rule(rule("/"), back).test_client();
    let post = |content: &[u8]| {
        let head = b"--b\r\nContent-Disposition: form-data; name=a; filename=\"x\"\r\nX-Of-The-Part:\r\n 7\r\n\r\n";
        let body = [head.as_slice(), content, b"\r\n--b--"].concat();
        client.post("/").header("content-type", "multipart/form-data; boundary=b").body(body)
    };
    for size in [0, 10, SPOOL_SIZE + 1, 3 << 20] {
        let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let response = post(&content).send().await;
        assert_eq!((response.header("x-part"), response.bytes() == &content[..]), (Some("7"), true), "{size}");
    }
    let request = client.post("/").form([("a", "x.txt")]);
    let response = request.send().await;
    assert!(response.status() == 400 && response.text().contains("multipart/form-data"), "{}", response.text());
}

fn with_own_temporary_folder(test: &str, body: impl Future<Output = ()>) {
    if std::env::var_os("HIPFLASK_OWN_FOLDER").is_some() {
        return hipflask::block_on(body);
    }
    let folder = Folder::new(test);
    let itself = std::env::current_exe().expect("a test has a path");
    let mut again = Command::new(itself);
    let again = again.args(["--exact", &format!("uploads::{test}")]).env("HIPFLASK_OWN_FOLDER", "1");
    let output = again.env("TMPDIR", &folder.0).output().expect("the test can run again");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(folder.names(), Vec::<String>::new(), "nothing is left behind");
}

/// The temporary files that are open. They have no names, so this process's descriptors are asked.
fn temporary_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("Linux has it");
    let of_ours = |path: &PathBuf| {
        std::fs::read_link(path).is_ok_and(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("hipflask-") && name.ends_with(" (deleted)")
        })
    };
    let mut open: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).filter(of_ours).collect();
    // A file may be open twice.
    open.dedup_by_key(|path| std::fs::read_link(path).ok());
    open
}

#[test]
fn a_large_file_is_on_the_disk_until_it_is_dropped() {
    async fn count(form: FormData) -> Result<String> {
        let lens: Vec<u64> = form.files.iter().map(hipflask::http::Upload::len).collect();
        let kept = temporary_files();
        assert_eq!(std::fs::read_dir(std::env::temp_dir())?.count(), 0, "a temporary file has no name");
        for path in &kept {
            let metadata = std::fs::metadata(path)?;
            #[cfg(unix)]
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077, 0, "private");
            assert!(lens.contains(&metadata.len()), "a file on the disk is complete");
        }
        for file in &form.files {
            assert!(file.bytes().await?.iter().all(|byte| *byte == b'x'));
        }
        Ok(format!("{} on the disk of {lens:?}", kept.len()))
    }
    with_own_temporary_folder("a_large_file_is_on_the_disk_until_it_is_dropped", async {
        let client = App::new("test", ".").add_url_rule(rule("/"), count).test_client();
        for (sizes, told) in [
            (vec![0], "0 on the disk of [0]"),
            (vec![SPOOL_SIZE], "0 on the disk of [512000]"),
            (vec![SPOOL_SIZE + 1], "1 on the disk of [512001]"),
            (vec![SPOOL_SIZE + 1, 1, 1 << 20], "2 on the disk of [512001, 1, 1048576]"),
        ] {
            let request = sizes.iter().fold(client.post("/"), |request, size| {
                request.file("f", "f.bin", "application/octet-stream", vec![b'x'; *size])
            });
            assert_eq!(request.send().await.text(), told);
            assert_eq!(temporary_files(), Vec::<PathBuf>::new(), "{told}");
        }
    });
}

#[test]
fn a_request_that_fails_leaves_no_file() {
    async fn fail(form: FormData) -> Result<String> {
        Err(Error::msg(format!("{} files, and now this", form.files.len())))
    }
    #[allow(clippy::panic, reason = "the panic is what is tested")]
    async fn explode(form: FormData) -> String {
        panic!("{} files, and now this", form.files.len())
    }
    with_own_temporary_folder("a_request_that_fails_leaves_no_file", async {
        let app = App::new("test", ".").config("DEBUG", false).add_url_rule(rule("/fail"), fail);
        let app = app.add_url_rule(rule("/explode"), explode).freeze().expect("nothing is wrong with it");
        let client = app.test_client();
        let large = vec![b'x'; SPOOL_SIZE + 1];
        let send = |target: &'static str| client.post(target).file("f", "f.bin", "text/plain", large.clone()).send();
        assert_eq!(send("/fail").await.status(), 500);
        assert_eq!(send("/explode").await.status(), 500);
        let head = "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
        let cut = [head.as_bytes(), &large].concat();
        for (body, status) in [(Body::from(cut.clone()), 400), (broken_off(cut.clone()), 500), (endless(cut), 413)] {
            let request = hipflask::http::Request::get("/fail").with_method(Method::POST).with_body(body);
            let request = request.with_header("sec-fetch-site", "same-origin");
            let request = request.with_header("content-type", "multipart/form-data; boundary=b");
            assert_eq!(app.respond(request).await.status(), status);
        }
        assert_eq!(temporary_files(), Vec::<PathBuf>::new());
    });
}

/// A body whose sender goes away.
fn broken_off(start: Vec<u8>) -> Body {
    Body::stream(async move |mut out| {
        out.send(start).await?;
        Err(Error::msg("the client is gone"))
    })
}

fn endless(start: Vec<u8>) -> Body {
    Body::stream(async move |mut out| {
        out.send(start).await?;
        loop {
            out.send(vec![b'x'; 100_000]).await?;
        }
    })
}

fn saving(folder: &Path) -> TestClient {
    let app = App::new("test", folder).routes(routes![save]).config("DEBUG", false);
    app.config("MAX_CONTENT_LENGTH", None::<u64>).test_client()
}

#[post("/<name>")]
async fn save(ctx: &mut Context, name: String) -> Result<&'static str> {
    let path = ctx.app().root_path().join(name);
    match ctx.form().await?.file("f") {
        Some(file) => file.save(path).await.map(|()| "saved"),
        None => Ok("no file"),
    }
}

#[hipflask::test]
async fn a_file_is_saved_whole_in_place_of_another() {
    let folder = Folder::new("save");
    let client = saving(&folder.0);
    let path = folder.0.join("f.bin");
    let mut modes = Vec::new();
    for size in [10, SPOOL_SIZE + 1, 10, 0] {
        let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).expect("small")).collect();
        let response = client.post("/f.bin").file("f", "f.bin", "text/plain", &content).send().await;
        assert_eq!(response.text(), "saved");
        assert_eq!(std::fs::read(&path).expect("it is there"), content);
        client.post(&format!("/new-{size}")).file("f", "f.bin", "text/plain", &content).send().await;
        let new = std::fs::metadata(folder.0.join(format!("new-{size}"))).expect("it is there");
        modes.push(new.permissions());
    }
    modes.dedup();
    assert_eq!(modes.len(), 1, "the mode of a saved file does not depend on its size: {modes:?}");
}

#[hipflask::test]
async fn of_many_that_are_saved_to_one_place_at_once_one_is_there() {
    let folder = Folder::new("at-once");
    let client = saving(&folder.0);
    let contents = [b'a', b'b', b'c', b'd'].map(|letter| vec![letter; SPOOL_SIZE + usize::from(letter)]);
    let send = |n: usize| client.post("/f.bin").file("f", "f.bin", "text/plain", &contents[n]).send();
    for _ in 0..8 {
        let (a, b, c, d) = tokio::join!(send(0), send(1), send(2), send(3));
        for response in [a, b, c, d] {
            assert_eq!(response.text(), "saved");
        }
        let found = std::fs::read(folder.0.join("f.bin")).expect("it is there");
        assert!(contents.contains(&found), "{} bytes of several", found.len());
    }
}

/// Whether it was in memory or on the disk.
#[cfg(unix)]
#[hipflask::test]
async fn a_file_is_saved_as_a_copy_would_be() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    async fn thrice(ctx: &mut Context) -> Result<String> {
        let folder = ctx.app().root_path().to_owned();
        let file = ctx.form().await?.file("f").or_404()?.clone();
        file.save(folder.join("first")).await?;
        file.save(folder.join("second")).await?;
        file.save(folder.join("first")).await?;
        std::fs::remove_file(folder.join("first"))?;
        file.save(folder.join("third")).await?;
        Ok(format!("{} bytes", file.bytes().await?.len()))
    }
    let folder = Folder::new("copy");
    let path = |name: &str| folder.0.join(name);
    let app = App::new("test", &folder.0).add_url_rule(rule("/thrice"), thrice).routes(routes![save]);
    let client = app.config("MAX_CONTENT_LENGTH", None::<u64>).test_client();
    for size in [10, SPOOL_SIZE + 1] {
        let content = vec![b'x'; size];
        let send = |target: &str| client.post(target).file("f", "f.bin", "text/plain", &content).send();

        assert_eq!(send("/thrice").await.text(), format!("{size} bytes"));
        let copies = ["second", "third"].map(|name| std::fs::read(path(name)).expect("it is there"));
        assert!(copies.iter().all(|copy| *copy == content), "with {size} bytes");
        let inodes = ["second", "third"].map(|name| std::fs::metadata(path(name)).expect("it is there").ino());
        assert_ne!(inodes[0], inodes[1], "two files are not one");

        std::fs::write(path("private"), "old").expect("written");
        std::fs::set_permissions(path("private"), PermissionsExt::from_mode(0o640)).expect("set");
        send("/private").await;
        assert_eq!(std::fs::metadata(path("private")).expect("it is there").mode() & 0o7777, 0o640, "{size} bytes");

        std::fs::write(path("target"), "old, and longer than ten bytes").expect("written");
        symlink(path("target"), path("link")).expect("a link");
        std::fs::hard_link(path("target"), path("twin")).expect("a link");
        send("/link").await;
        assert!(std::fs::symlink_metadata(path("link")).expect("it is there").is_symlink(), "{size} bytes");
        send("/twin").await;
        for name in ["target", "twin"] {
            assert_eq!(std::fs::read(path(name)).expect("it is there"), content, "{name} with {size} bytes");
        }
        assert_eq!(std::fs::metadata(path("target")).expect("it is there").nlink(), 2, "{size} bytes");
        for name in ["link", "twin"] {
            std::fs::remove_file(path(name)).expect("it is there");
        }
    }
}

/// What cannot be opened belongs to another process, and stays; what was begun and not finished goes.
#[cfg(unix)]
#[hipflask::test]
async fn a_file_that_cannot_be_saved_harms_nothing() {
    let folder = Folder::new("harm");
    let client = saving(&folder.0);
    std::os::unix::fs::symlink(folder.0.join("no-such-folder/f"), folder.0.join("nowhere")).expect("a link");
    std::fs::create_dir(folder.0.join("folder")).expect("a folder");
    for size in [10, SPOOL_SIZE + 1] {
        for name in ["nowhere", "folder"] {
            let content = vec![b'x'; size];
            let response = client.post(&format!("/{name}")).file("f", "f.bin", "text/plain", content).send().await;
            assert_eq!(response.status(), 500, "{name}");
            assert_eq!(folder.names(), ["folder", "nowhere"], "{name} with {size} bytes");
        }
        // There is no room on this device, ever.
        if Path::new("/dev/full").exists() {
            std::os::unix::fs::symlink("/dev/full", folder.0.join("full")).expect("a link");
            let request = client.post("/full").file("f", "f.bin", "text/plain", vec![b'x'; size]);
            assert_eq!(request.send().await.status(), 500);
            assert_eq!(folder.names(), ["folder", "nowhere"], "half a file is left behind");
        }
    }
}

#[test]
fn file_names_are_made_safe_as_werkzeug_makes_them() {
    let all: Value = serde_json::from_str(include_str!("../fixtures/requests.json")).expect("it is JSON");
    let names = all["names"].as_array().expect("a list");
    assert!(names.len() > 20);
    for one in names {
        let name = one["name"].as_str().expect("text");
        assert_eq!(secure_filename(name), one["safe"].as_str().expect("text"), "{name:?}");
    }
}

/// Whatever comes in: what goes out is one plain name, and stays what it is when it is made safe again.
#[test]
fn a_safe_file_name_is_safe_again() {
    let bits = [
        "..", "/", "\\", ":", "\0", "\n", " ", ".", "_", "con", "COM1", "nul", "a", "ü", "／", "．", "\u{202e}", "%2f",
    ];
    for first in bits {
        for second in bits {
            for third in bits {
                let name = format!("{first}{second}{third}");
                let safe = secure_filename(&name);
                let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                assert!(safe.chars().all(plain) && !safe.starts_with('.') && !safe.ends_with('.'), "{name:?}: {safe}");
                let stem = safe.split('.').next().unwrap_or_default().to_ascii_uppercase();
                assert!(!["CON", "NUL", "COM1"].contains(&stem.as_str()), "{name:?}: {safe}");
            }
        }
    }
}
