//! The real Flask, beside us: what was recorded of it is still what it does, and it reads what we write.

use std::path::PathBuf;
use std::process::Command;

use hipflask::Rule;
use hipflask::http::Cookie;
use hipflask::prelude::*;
use serde_json::{Value, json};

const KEY: &str = "a key that is long enough, and only for tests";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What Python prints.
fn python(arguments: &[&str]) -> String {
    let python =
        std::env::var("TEST_PYTHON").expect("TEST_PYTHON names a Python with Flask; `cargo xtask test` sets it");
    let output = Command::new(python).args(arguments).output().expect("Python can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
#[ignore = "needs Python with Flask, which `cargo xtask test` prepares"]
fn flask_still_does_what_was_recorded() {
    for name in ["routing", "urls", "requests", "static_files", "proxies", "lifecycle", "blueprints", "talisman"] {
        let script = fixture(&format!("record_{name}.py"));
        let recorded = std::fs::read_to_string(fixture(&format!("{name}.json"))).expect("the fixture is there");
        let now = python(&[script.to_str().expect("the path is text")]);
        assert!(now == recorded, "Flask answers otherwise than {name}.json says; record it again and compare");
    }
}

#[test]
#[ignore = "needs Python with Flask, which `cargo xtask test` prepares"]
fn flask_still_answers_the_table() {
    let script = fixture("oracle/record.py");
    python(&[script.to_str().expect("the path is text"), "--check"]);
}

/// Every value comes back from Werkzeug's parser as it was given to our writer.
#[test]
#[ignore = "needs Python with Flask, which `cargo xtask test` prepares"]
fn werkzeug_reads_the_cookies_that_we_write() {
    let values = values_of_cookies();
    let written: Vec<String> = values.iter().map(|value| Cookie::new("a", value).path(None).to_string()).collect();
    let read = "import json, sys\n\
                from werkzeug.http import parse_cookie\n\
                print(json.dumps([parse_cookie(one.encode().decode('latin-1'))['a'] for one in json.loads(sys.argv[1])]))";
    let printed = python(&["-c", read, &json!(written).to_string()]);
    let read: Vec<String> = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(read, values);
}

/// Texts of every kind: each ASCII character, letters of other scripts, and long ones of all of them.
fn values_of_cookies() -> Vec<String> {
    let ascii = (0..128_u8).map(|byte| format!("x{}y", char::from(byte)));
    let others = ["", "ä", "日本", "\u{1f600}", "\u{2028}", " a ", "\"a\"", "\\\"", "a;b=c, d", "%20", "\\303\\244"];
    let all: String = (1..0x250).filter_map(char::from_u32).collect();
    ascii.chain(others.map(str::to_owned)).chain([all.clone(), all.chars().rev().collect()]).collect()
}

#[hipflask::test]
#[ignore = "needs Python with Flask, which `cargo xtask test` prepares"]
async fn flask_reads_the_session_that_we_write() {
    async fn write(session: Session) -> &'static str {
        session.set("text", "ü – 日本 \" \\ \u{2028}");
        session.set("nested", json!({"list": [1, 2.5, {"x": []}], "none": null, " t": "no tag"}));
        session.set("long", "so long that it is compressed ".repeat(40));
        session.set("pair", ("a", 1));
        session.set("html", html!("<b>{}</b>", "&"));
        session.set("when", "2020-01-02T03:04:05Z".parse::<hipflask::DateTime>().expect("a moment"));
        session.flash_as("error", "No");
        session.flash(html!("<i>"));
        session.set_permanent(true);
        "written"
    }
    let app = App::new("test", ".").config("SECRET_KEY", KEY).add_url_rule(Rule::new("/"), write);
    let response = app.test_client().get("/").send().await;
    let cookie = response.header("set-cookie").expect("the session is saved");
    let cookie =
        cookie.strip_prefix("session=").and_then(|cookie| cookie.split(';').next()).expect("it is the session");
    let read = "import sys, json, flask\n\
                app = flask.Flask('reader', static_folder=None)\n\
                app.secret_key = sys.argv[1]\n\
                with app.test_request_context(headers={'Cookie': 'session=' + sys.argv[2]}):\n    \
                print(json.dumps(dict(flask.session), default=str)); \
                s = flask.session; \
                print(*[type(v).__name__ for v in (s['pair'], s['html'], s['when'], *s['_flashes'][1])])";
    let printed = python(&["-c", read, KEY, cookie]);
    let (session, types) = printed.trim().split_once('\n').expect("two lines");
    assert_eq!(types, "tuple Markup datetime str Markup");
    let session: Value = serde_json::from_str(session).expect("it is JSON");
    assert_eq!(
        session,
        json!({
            "text": "ü – 日本 \" \\ \u{2028}",
            "nested": {"list": [1, 2.5, {"x": []}], "none": null, " t": "no tag"},
            "long": "so long that it is compressed ".repeat(40),
            "pair": ["a", 1],
            "html": "<b>&amp;</b>",
            "when": "2020-01-02 03:04:05+00:00",
            "_flashes": [["error", "No"], ["message", "<i>"]],
            "_permanent": true,
        })
    );
}
