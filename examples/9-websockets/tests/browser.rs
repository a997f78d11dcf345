//! The chat in two windows of headless Chromium.

#[path = "../../flaskr/tests/driver/mod.rs"]
#[allow(dead_code, reason = "it has more than this test needs")]
mod driver;

use std::process::Command;

use driver::{Browser, Program};
use serde_json::json;

#[test]
#[ignore = "needs Chromium, which `cargo xtask test` installs"]
fn two_windows_talk_to_each_other() {
    let folder = std::env::temp_dir().join(format!("chat-browser-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_websockets"));
    command.args(["run", "--port", "0"]).env("FLASK_INSTANCE_PATH", &folder);
    let (chat, address) = Program::start(&mut command, |line| line.strip_prefix(" * Running on ").map(str::to_owned));
    let (_driver, driver) = Program::driver();
    let (ada, bob) = (Browser::open(&driver), Browser::open(&driver));
    for (browser, name) in [(&ada, "Ada"), (&bob, "Bob")] {
        browser.goto(&address);
        browser.fill(&[("name", name)], "Enter");
        browser.find(&format!("//li[b='{name}' and contains(., 'has come.')]"));
    }
    bob.fill(&[("text", "Hello <b>Ada</b>, ü ☃")], "Send");
    for browser in [&ada, &bob] {
        browser.find("//li[b='Bob' and contains(., 'Hello <b>Ada</b>, ü ☃')]");
        browser.fits("the chat");
    }
    // A window that is closed says so, and the browser has agreed to the compression that it offers.
    drop(bob);
    ada.find("//li[b='Bob' and contains(., 'has left.')]");
    let agreed = "return new Promise(done => { const socket = new WebSocket(document.getElementById('said').dataset.live); \
                  socket.onopen = () => done(socket.extensions) })";
    let agreed = ada.run(agreed);
    assert!(agreed.as_str().is_some_and(|agreed| agreed.starts_with("permessage-deflate")), "{agreed}");
    let complaints = ada.call("se/log", &json!({"type": "browser"})).expect("the browser keeps a log");
    assert_eq!(complaints, json!([]), "the browser complains");
    ada.picture("chat.png");
    drop(chat);
    ada.find("//*[@id='state' and contains(., 'disconnected')]");
    let _ = std::fs::remove_dir_all(&folder);
}
