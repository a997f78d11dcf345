//! Pages and forms, as browsers read them.

#![allow(clippy::panic, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use hipflask::Rule;
use hipflask::http::FormData;
use hipflask::prelude::*;
use hipflask::testing::TestClient;
use hipflask_testing::prelude::*;

const PAGE: &str = r#"<!doctype html><title>Profile</title>
<a href="../elsewhere?x=1">Else<b>where</b></a> <a href="http://example.org/">Away</a>
<form id="profile" action="save?kept=1" method="post" enctype="multipart/form-data">
  <input type="hidden" name="token" value="t1">
  <input name="name" value="Ada &amp; co"> <input name="nothing" disabled value="x"> <input value="nameless">
  <textarea name="about">
Line one
two</textarea>
  <input type="checkbox" name="news" checked> <input type="checkbox" name="terms" value="yes">
  <input type="radio" name="size" value="s"> <input type="radio" name="size" value="m" checked>
  <select name="color"><option value="r">Red<option>Green</select>
  <select name="tags" multiple><option selected>a<option>b<option disabled>c</select>
  <input type="file" name="picture">
  <fieldset disabled><input name="locked" value="x"></fieldset>
  <button name="do" value="save">Save</button>
  <button type="button" name="do" value="script">Script</button>
  <button name="do" value="drop" formaction="drop">Delete it</button>
</form>
<input form="profile" name="outside" value="o">
<form id="search" action="/find?old=1"><input name="q"><input type="submit" value="Go"></form>"#;

async fn sent(ctx: &mut hipflask::Context, form: FormData) -> Result<String> {
    let mut all: Vec<String> = form.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
    for file in &form.files {
        all.push(format!("{}:{}:{}", file.name(), file.filename(), String::from_utf8_lossy(&file.bytes().await?)));
    }
    let target = ctx.request().uri().to_string();
    Ok(format!("{} {target} {}", ctx.request().method(), all.join("; ").replace("\r\n", "\n")))
}

fn client() -> TestClient {
    App::new("test", ".")
        .config("WTF_CSRF_ENABLED", false)
        .add_url_rule(Rule::new("/user/profile").endpoint("profile"), async || Html::new(PAGE))
        .add_url_rule(Rule::new("/<path:rest>").endpoint("sent").methods([GET, POST]), sent)
        .test_client()
}

fn told(mistake: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(mistake)).expect_err("this is a mistake");
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_form_is_sent_as_a_browser_sends_it() {
    let client = client();
    let page = client.get("/user/profile").send_blocking().page();
    let form = || page.form("#profile");
    assert_eq!(form().value("name"), Some("Ada & co"));
    assert_eq!(
        form().submit(&client).send_blocking().text(),
        "POST /user/save?kept=1 token=t1; name=Ada & co; about=Line one\ntwo; news=on; size=m; color=r; tags=a; do=save; \
         outside=o; picture::"
    );
    let filled = form()
        .fill("name", "Grace")
        .fill("about", "x")
        .uncheck("news")
        .check("terms")
        .fill("size", "s")
        .fill("color", "Green")
        .fill("tags", "b")
        .file("picture", "me.png", "image/png", "PNG")
        .press("Delete it");
    assert_eq!(
        filled.submit(&client).send_blocking().text(),
        "POST /user/drop token=t1; name=Grace; about=x; terms=yes; size=s; color=Green; tags=a; tags=b; do=drop; outside=o; \
         picture:me.png:PNG"
    );
    let found = page.form("#search").fill("q", "a b").submit(&client).send_blocking();
    assert_eq!(found.text(), "GET /find?q=a+b ");
}

#[test]
fn elements_and_links_are_found() {
    let client = client();
    let page = client.get("/user/profile").send_blocking().page();
    assert_eq!(page.one("title").text(), "Profile");
    assert_eq!(page.texts("#profile option"), ["Red", "Green", "a", "b", "c"]);
    assert_eq!(page.one("select[name=color]").select("option").len(), 2);
    assert!(page.has("fieldset[disabled] input") && !page.has("video"));
    assert_eq!(page.follow("Elsewhere", &client).send_blocking().text(), "GET /elsewhere?x=1 ");
}

#[test]
fn what_is_not_on_the_page_is_told_with_the_page() {
    let client = client();
    let page = client.get("/user/profile").send_blocking().page();
    let form = || page.form("#profile");
    for (told, part) in [
        (told(|| _ = page.one("form")), "`form` finds 2 elements"),
        (told(|| _ = page.one("h1")), "`h1` finds 0 elements"),
        (told(|| _ = page.one("p[")), "`p[` is not a CSS selector"),
        (told(|| _ = page.form("title")), "finds a `title`, and not a form"),
        (told(|| _ = page.follow("Nowhere", &client)), "no link `Nowhere`; there are `Elsewhere`, `Away`"),
        (told(|| _ = page.follow("Away", &client)), "leads to another host, example.org"),
        (told(|| _ = form().fill("nmae", "x")), "no field `nmae`; it has token, name"),
        (told(|| _ = form().fill("locked", "x")), "no field `locked`"),
        (told(|| _ = form().fill("token", "x")), "`token`, which is hidden"),
        (told(|| _ = form().fill("color", "Blue")), "`Blue` is not among the choices of `color`: r, Green"),
        (told(|| _ = form().fill("tags", "c")), "`c` is not among the choices"),
        (told(|| _ = form().fill("news", "x")), "`.check(\"news\")`"),
        (told(|| _ = form().check("name")), "`name` is not a box"),
        (told(|| _ = form().press("Script")), "no button `Script`; there are Save, Delete it"),
        (told(|| _ = page.form("#search").file("q", "f", "text/plain", "")), "`q` is not a field for files"),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let missing = told(|| _ = page.one("h1"));
    assert!(missing.contains("200 OK") && missing.contains("<title>Profile</title>"), "{missing}");
}
