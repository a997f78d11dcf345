//! The blog in a browser: the real program, driven by headless Chromium.

mod driver;

use std::path::Path;
use std::process::Command;

use driver::{Browser, Program};
use serde_json::json;

/// The blog with an empty database.
fn blog(folder: &Path) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flaskr"));
    command.args(["run", "--port", "0"]).env("FLASK_INSTANCE_PATH", folder);
    Program::start(&mut command, |line| line.strip_prefix(" * Running on ").map(str::to_owned))
}

#[test]
#[ignore = "needs Chromium, which `cargo xtask test` installs"]
fn register_log_in_post_log_out() {
    let folder = std::env::temp_dir().join(format!("flaskr-browser-{}", std::process::id()));
    let (_blog, address) = blog(&folder);
    let (_driver, driver) = Program::driver();
    let browser = Browser::open(&driver);

    browser.goto(&format!("{address}/auth/register"));
    let password = ("password", "correct horse");
    browser.fill(&[("username", "ada"), password, ("again", "correct horse")], "Register");
    browser.shows("You can log in now.");
    browser.fill(&[("username", "ada"), password], "Log in");
    browser.shows("Nobody has written anything yet.");

    browser.goto(&format!("{address}/create"));
    let post = [("title", "A post <b>from</b> a browser"), ("body", "Written by a machine.\nWith two lines.")];
    browser.fill(&post, "Save");
    browser.shows("Your post is published.");
    browser.fits("a post");
    // What is wrong and what has come are where the browser is, far below the top.
    browser.fill(&[("body", "   ")], "Comment");
    browser.shows("This field is required.");
    let place = "return [location.pathname, location.hash, document.activeElement.id]";
    assert_eq!(browser.run(place), json!(["/1", "#body", "body"]));
    browser.fill(&[("body", "First!")], "Comment");
    browser.find("//*[@id='comment-1']//*[text()='First!']");
    assert_eq!(browser.run(place), json!(["/1", "#comment-1", ""]));
    browser.picture("flaskr-post.png");

    browser.press("Log out");
    browser.shows("You are logged out.");
    browser.shows("A post <b>from</b> a browser");
    browser.picture("flaskr-index.png");

    // The content security policy allows everything that the blog's own pages need.
    let complaints = browser.call("se/log", &json!({"type": "browser"})).expect("the browser keeps a log");
    assert_eq!(complaints, json!([]), "the browser complains");
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
#[ignore = "needs Chromium, which `cargo xtask test` installs"]
fn every_page_fits_its_screen() {
    let folder = std::env::temp_dir().join(format!("flaskr-screen-{}", std::process::id()));
    let (_blog, address) = blog(&folder);
    let (_driver, driver) = Program::driver();
    let browser = Browser::open(&driver);
    let (name, password) = ("a_name_as_long_as_it_may_be_and_no_space", ("password", "correct horse"));
    browser.goto(&format!("{address}/auth/register"));
    browser.fits("the form to register");
    browser.fill(&[("username", name), password, ("again", "correct horse")], "Register");
    browser.fits("the form to log in");
    browser.fill(&[("username", name), password], "Log in");
    browser.shows("Nobody has written anything yet.");
    browser.goto(&format!("{address}/create"));
    browser.fits("the form of a post");
    browser.fill(&[("title", &"t".repeat(80)), ("body", &"b".repeat(300))], "Save");
    browser.shows("Your post is published.");
    browser.fits("a post without a space");
    browser.goto(&address);
    browser.fits("the list");

    // The debug page: a file is where the folder for pictures should be.
    std::fs::write(folder.join("pictures"), "").expect("the instance folder exists");
    let picture = folder.join("p.png");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n").expect("it can be written");
    browser.goto(&format!("{address}/create"));
    let file = ("picture", picture.to_str().expect("its path is text"));
    browser.fill(&[("title", "With a picture"), ("body", &"b".repeat(300)), file], "Save");
    browser.shows("You see this because debug mode is on.");
    browser.fits("the debug page");
    let _ = std::fs::remove_dir_all(&folder);
}
