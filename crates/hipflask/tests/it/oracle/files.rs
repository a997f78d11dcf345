//! Static files and files that views send: see `apps/files.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use hipflask::helpers::{File, send_data, send_file, send_from_directory};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{DateTime, Rule};
use serde_json::Value;

use super::{production, text};

/// A copy of the files with the times that the recorded ones had.
fn folder() -> &'static Path {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("the fixtures are there").map(|entry| entry.expect("readable")) {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                copy(&from, &to);
                continue;
            }
            fs::copy(&from, &to).expect("it can be copied");
            let file = fs::File::options().write(true).open(&to).expect("it can be opened");
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_934_245);
            file.set_modified(moment).expect("it has a time");
        }
    }
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oracle/static");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oracle/static"), &folder);
        folder
    })
}

fn moment() -> DateTime {
    "2020-01-02T03:04:05Z".parse().expect("a moment")
}

fn sent(name: &str) -> Result<File> {
    let data = || send_data("0123456789");
    let text = || data().mimetype("text/plain");
    let file = || send_file(folder().join("ten.txt")).etag("abc");
    Ok(match name {
        "data" => data().mimetype("application/octet-stream"),
        "data_text" => text(),
        "data_name" => data().download_name("a.csv")?,
        "data_attachment" => data().as_attachment("a.csv")?,
        "data_umlaut" => data().as_attachment("ä \"b\".txt")?,
        "data_semicolon" => data().as_attachment("a;b c.txt")?,
        "data_tag" => text().etag("abc"),
        "data_dated" => text().last_modified(moment()),
        "data_both" => text().etag("abc").last_modified(moment()),
        "data_age" => text().max_age(Duration::from_secs(600)),
        "data_age_0" => text().max_age(Duration::ZERO),
        "data_unconditional" => text().etag("abc").conditional(false),
        "gz_attachment" => data().as_attachment("a.tar.gz")?,
        "file" => file(),
        "file_attachment" => file().as_attachment("ten.txt")?,
        "file_named" => file().download_name("b.html")?,
        "file_typed" => file().mimetype("text/x-ten"),
        "file_untagged" => send_file(folder().join("ten.txt")).without_etag(),
        "file_age" => file().max_age(Duration::from_secs(3600)),
        _ => abort!(404),
    })
}

async fn kind(args: ViewArgs) -> Result<File> {
    sent(&args.get::<String>("name")?)
}

async fn below(args: ViewArgs) -> Result<File> {
    Ok(send_from_directory(folder(), &args.get::<String>("name")?))
}

pub(super) fn app(declared: &Value) -> App {
    let mut app = production(declared).static_folder(folder().to_str().expect("text").to_owned());
    if declared["flask"]["static_url_path"].is_string() {
        app = app.static_url_path(text(&declared["flask"], "static_url_path").to_owned());
    }
    app.add_url_rule(Rule::new("/kind/<name>").methods([GET, POST]), kind)
        .add_url_rule(Rule::new("/below/<path:name>"), below)
}
