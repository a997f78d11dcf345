//! Requests that an application makes to itself while it answers another one.

use std::sync::{Arc, Mutex};

use hipflask::Rule;
use hipflask::extension::{Answer, Handler};
use hipflask::http::{Body, Cookie, FormData};
use hipflask::prelude::*;
use hipflask::security::ProxyFix;

/// What happened, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }
}

fn app() -> App {
    App::new("test", ".").config("DEBUG", false).config("SECRET_KEY", "a key that is long enough, and only for tests")
}

fn noting(app: App, record: &Record) -> App {
    let [before, after, torn_down, finished] = [(); 4].map(|()| record.clone());
    app.before_request(move |ctx: &mut Context| before.note(format!("before {}", ctx.request().path())))
        .after_request(move |ctx: &mut Context| after.note(format!("after {}", ctx.request().path())))
        .teardown_request(move |ctx: &mut Context| torn_down.note(format!("torn down {}", ctx.request().path())))
        .on_finished(move |f| finished.note(format!("finished {} {}", f.request().path(), f.is_within())))
}

#[get("/outer")]
async fn outer(ctx: &mut Context) -> Result<String> {
    let inner = ctx.request_to(GET, "/inner?q=%C3%BC").header("x-test", "1").send().await?;
    let id = ctx.request_id().to_owned();
    Ok(format!("{} {}", inner.status().as_u16(), inner.data().map_or("", |d| std::str::from_utf8(d).unwrap_or("")))
        .replace(&id, "the same"))
}

#[route("/inner", methods = [GET, POST, PUT])]
async fn inner(ctx: &mut Context) -> Result<String> {
    let id = ctx.request_id().to_owned();
    let data = ctx.data().await?;
    let request = ctx.request();
    let names: Vec<_> = request.headers().keys().map(hipflask::http::HeaderName::as_str).collect();
    let (url, method) = (request.url(), request.method());
    Ok(format!("{method} {url} {names:?} {:?} {id} {}", request.remote_addr(), data.len()))
}

#[test]
fn a_request_within_another_has_its_own_context_and_hooks() {
    let record = Record::default();
    let client = noting(app(), &record).routes(routes![outer, inner]).test_client();
    let text = client.get("/outer").header("host", "a.example").header("accept-language", "de").send_blocking().text();
    let expected =
        r#"200 GET http://a.example/inner?q=%C3%BC ["host", "sec-fetch-site", "x-test"] Some(127.0.0.1) the same 0"#;
    assert_eq!(text, expected);
    let own = |path: &str, is_within: bool| {
        [format!("after {path}"), format!("torn down {path}"), format!("finished {path} {is_within}")]
    };
    let mut expected = vec!["before /outer".to_owned(), "before /inner".to_owned()];
    expected.extend(own("/inner", true));
    expected.extend(own("/outer", false));
    assert_eq!(record.take(), expected);
}

#[test]
fn whatever_the_answer_is_it_is_a_response() {
    async fn fails() -> Result<&'static str> {
        Err(Error::msg("broken"))
    }
    async fn panics() -> &'static str {
        panic!("in pieces")
    }
    async fn all(ctx: &mut Context) -> Result<String> {
        let mut told = Vec::new();
        for path in ["/fails", "/panics", "/nowhere", "/inner"] {
            let response = ctx.request_to(DELETE, path).header("accept", "application/json").send().await?;
            told.push(format!("{} {:?}", response.status().as_u16(), response.headers().get("content-type")));
        }
        Ok(told.join("\n"))
    }
    let methods = [GET, DELETE];
    let app = app()
        .add_url_rule(Rule::new("/fails").methods(methods.clone()), fails)
        .add_url_rule(Rule::new("/panics").methods(methods), panics)
        .add_url_rule(Rule::new("/all"), all)
        .routes(routes![inner]);
    let text = app.test_client().get("/all").send_blocking().text();
    let json = r#"Some("application/json")"#;
    assert_eq!(text, format!("500 {json}\n500 {json}\n404 {json}\n405 {json}"));
}

#[test]
fn bodies_go_in_and_pass_the_check_against_forgery() {
    async fn form(form: FormData) -> String {
        form.fields.get("name").unwrap_or_default().to_owned()
    }
    async fn echo(json: Json<Vec<u8>>) -> Json<Vec<u8>> {
        json
    }
    async fn all(ctx: &mut Context) -> Result<String> {
        let text = |response: Response| String::from_utf8_lossy(response.data().unwrap_or_default()).into_owned();
        let form = text(ctx.request_to(POST, "/form").form([("name", "A & B")]).send().await?);
        let json = ctx.request_to(POST, "/json").json(&[1, 2]).send().await?.json::<Vec<u8>>()?;
        let put = ctx.request_to(PUT, url_for!(inner).query("a", 1)).query([("b", "&")]).body("12345").send().await?;
        let put = text(put);
        Ok(format!("{form} {json:?} {} {}", put.ends_with(" 5"), put.contains("/inner?a=1&b=%26 ")))
    }
    let app = app()
        .add_url_rule(Rule::new("/form").methods([POST]), form)
        .add_url_rule(Rule::new("/json").methods([POST]), echo)
        .add_url_rule(Rule::new("/all"), all)
        .routes(routes![inner]);
    assert_eq!(app.test_client().get("/all").send_blocking().text(), "A & B [1, 2] true true");
}

#[get("/visit")]
async fn visit(ctx: &mut Context) -> Result<Reply> {
    let n = ctx.session().get::<u8>("n").unwrap_or(0) + 1;
    ctx.session().set("n", n);
    let seen = ctx.request().cookie("theme").unwrap_or("none").to_owned();
    let mut reply = format!("{n} {seen}").into_reply();
    reply.set_cookie(&Cookie::new("visited", n.to_string()))?;
    Ok(reply)
}

#[test]
fn cookies_and_the_session_go_along_only_where_that_is_said() {
    async fn stranger(ctx: &mut Context) -> Result<Response> {
        ctx.session().set("n", 6);
        ctx.request_to(GET, "/visit").send().await
    }
    async fn as_client(ctx: &mut Context) -> Result<String> {
        ctx.session().set("n", 6);
        let first = ctx.request_to(GET, "/visit").as_client().send().await?;
        assert!(!first.headers().contains_key("set-cookie"));
        let second = ctx.request_to(GET, "/visit").as_client().send().await?;
        let text = |response: &Response| String::from_utf8_lossy(response.data().unwrap_or_default()).into_owned();
        Ok(format!("{}, {}", text(&first), text(&second)))
    }
    async fn fails(ctx: &mut Context) -> Result<String> {
        ctx.request_to(GET, "/visit").as_client().send().await?;
        abort!(418)
    }
    let client = app()
        .routes(routes![visit])
        .add_url_rule(Rule::new("/stranger"), stranger)
        .add_url_rule(Rule::new("/as-client"), as_client)
        .add_url_rule(Rule::new("/fails"), fails)
        .test_client();
    client.set_cookie("theme", "dark");
    // What the other one has set stays in its response, which is passed on here.
    let response = client.get("/stranger").send_blocking();
    assert_eq!(response.text(), "1 none");
    assert_eq!(client.session(|session| session.get::<u8>("n")), Some(6), "the view's own session came last");
    assert_eq!(client.cookie("visited").as_deref(), Some("1"));
    let response = client.get("/as-client").send_blocking();
    assert_eq!(response.text(), "7 dark, 8 dark");
    let set: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    let begins = |start: &str| set.iter().filter(|cookie| cookie.as_bytes().starts_with(start.as_bytes())).count();
    assert_eq!((begins("session="), begins("visited=")), (1, 2), "the session is saved once: {set:?}");
    assert_eq!(client.session(|session| session.get::<u8>("n")), Some(8));
    assert_eq!(client.get("/fails").send_blocking().status(), 418);
    assert_eq!(client.cookie("visited").as_deref(), Some("9"), "an error page loses nothing");
}

#[test]
fn requests_within_each_other_have_a_bottom() {
    async fn myself(ctx: &mut Context) -> Result<Response> {
        ctx.request_to(GET, "/myself").send().await
    }
    let error = Arc::new(Mutex::new(None));
    let told = Arc::clone(&error);
    let app = app().add_url_rule(Rule::new("/myself"), myself).on_finished(move |f| {
        if let Some(error) = f.error() {
            told.lock().expect("no panic").get_or_insert(error.to_string());
        }
    });
    assert_eq!(app.test_client().get("/myself").send_blocking().status(), 500);
    let error = error.lock().expect("no panic").clone().expect("one fails");
    assert_eq!(error, "8 requests are within each other; does `/myself` ask for itself?");
}

#[test]
fn a_mistake_is_told_when_it_is_sent() {
    async fn all(ctx: &mut Context) -> Result<String> {
        let mut told = Vec::new();
        told.push(ctx.request_to(GET, "no-slash").send().await.map(drop));
        told.push(ctx.request_to(GET, "/inner").header("a b", "c").send().await.map(drop));
        told.push(ctx.request_to(GET, "/inner").header("a", "b\r\nc: d").send().await.map(drop));
        told.push(ctx.copy().request_to(GET, "/inner").as_client().send().await.map(drop));
        Ok(told.iter().map(|result| if result.is_err() { "x" } else { "." }).collect())
    }
    let client = app().add_url_rule(Rule::new("/all"), all).routes(routes![inner]).test_client();
    assert_eq!(client.get("/all").send_blocking().text(), "xxxx");
}

#[test]
fn in_a_mount_it_goes_to_the_mounted_application() {
    async fn all(ctx: &mut Context) -> Result<String> {
        let by_path = ctx.request_to(GET, "/inner").send().await?;
        let by_view = ctx.request_to(GET, url_for!(inner)).send().await?;
        let text = |response: Response| String::from_utf8_lossy(response.data().unwrap_or_default()).into_owned();
        let (by_path, by_view) = (text(by_path), text(by_view));
        assert_eq!(by_path, by_view);
        Ok(by_path.split(' ').nth(1).unwrap_or_default().to_owned())
    }
    let mounted = || app().add_url_rule(Rule::new("/all"), all).routes(routes![inner]);
    assert_eq!(mounted().test_client().get("/all").send_blocking().text(), "http://localhost/inner");
    let twice = app().mount("/a%b", app().mount("/c", mounted()));
    assert_eq!(twice.test_client().get("/a%25b/c/all").send_blocking().text(), "http://localhost/a%25b/c/inner");
}

#[test]
fn a_body_that_is_on_its_way_is_passed_on() {
    let record = Record::default();
    async fn stream(ctx: &mut Context) -> Body {
        ctx.stream_with_context(async |ctx, mut out| {
            out.send("on ").await?;
            out.send(format!("its way from {}", ctx.request().path())).await
        })
    }
    async fn passes(ctx: &mut Context) -> Result<Response> {
        ctx.request_to(GET, "/stream").send().await
    }
    let app = noting(app(), &record).add_url_rule(Rule::new("/stream"), stream);
    let client = app.add_url_rule(Rule::new("/passes"), passes).test_client();
    assert_eq!(client.get("/passes").send_blocking().text(), "on its way from /stream");
    let expected = [
        "before /passes",
        "before /stream",
        "after /stream",
        "after /passes",
        "torn down /passes",
        "torn down /stream",
        "finished /stream true",
        "finished /passes false",
    ];
    assert_eq!(record.take(), expected);
}

#[test]
fn work_after_its_response_begins_when_that_was_read() {
    let record = Record::default();
    let noted = record.clone();
    let works = move |ctx: &mut Context| {
        let noted = noted.clone();
        ctx.after_response(async move |_| {
            noted.note("work");
            Ok(())
        })
    };
    async fn outer(ctx: &mut Context) -> Result<Response> {
        ctx.request_to(GET, "/works").send().await
    }
    let sync = |ctx: &mut Context| hipflask::block_on(outer(ctx));
    let after = |ctx: &mut Context| {
        ctx.after_response(async |mut ctx| outer(&mut ctx).await.map(drop))?;
        Ok::<_, Error>("after")
    };
    let app = app().add_url_rule(Rule::new("/works"), works).add_url_rule(Rule::new("/outer"), outer);
    let client = app.add_url_rule(Rule::new("/sync"), sync).add_url_rule(Rule::new("/after"), after).test_client();
    for path in ["/outer", "/sync", "/after"] {
        client.get(path).send_blocking();
        assert_eq!(record.take(), ["work"], "a test client waits for it: {path}");
    }
}

#[test]
fn what_is_wrapped_around_the_application_is_around_it_too() {
    struct Counted(Arc<dyn Handler>, Record);
    impl Handler for Counted {
        fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
            self.1.note(ctx.request().path());
            self.0.call(ctx)
        }
    }
    let record = Record::default();
    let noted = record.clone();
    let client = app().routes(routes![outer, inner]).wrap(move |inside| Counted(inside, noted)).test_client();
    client.get("/outer").send_blocking();
    assert_eq!(record.take(), ["/outer", "/inner"]);
}

#[hipflask::test]
async fn a_command_can_ask_its_application() {
    async fn go(ctx: &mut Context) -> Result<String> {
        let response = ctx.request_to(GET, "/inner").send().await?;
        Ok(String::from_utf8_lossy(response.data().unwrap_or_default())
            .split(' ')
            .take(2)
            .collect::<Vec<_>>()
            .join(" "))
    }
    let app = app().routes(routes![inner]).command("go", "Go.", go).config("SERVER_NAME", "shop.example");
    let app = app.freeze().expect("it is well formed");
    assert_eq!(app.run_command("go", [""; 0]).await.expect("it runs"), "GET http://shop.example/inner");
}

#[test]
fn it_is_as_far_away_as_the_request_around_it() {
    async fn inner(ctx: &mut Context) -> String {
        let request = ctx.request();
        let address = request.remote_addr().map(|address| address.to_string()).unwrap_or_default();
        format!("{} {address} {}", request.url(), request.is_local())
    }
    async fn outer(ctx: &mut Context) -> Result<Response> {
        ctx.request_to(GET, "/inner").send().await
    }
    let app = || app().add_url_rule(Rule::new("/inner"), inner).add_url_rule(Rule::new("/outer"), outer);
    let ask = |app: App| {
        let client = app.test_client();
        let request = client.get("/outer").header("x-forwarded-for", "192.0.2.7").header("x-forwarded-proto", "https");
        request.send_blocking().text()
    };
    assert_eq!(app().test_client().get("/outer").send_blocking().text(), "http://localhost/inner 127.0.0.1 true");
    assert_eq!(ask(app()), "http://localhost/inner 127.0.0.1 false", "the debug page is for this machine alone");
    assert_eq!(ask(app().extend(ProxyFix::new())), "https://localhost/inner 192.0.2.7 false");
}

#[test]
fn cookies_that_come_too_late_are_told() {
    async fn late(ctx: &mut Context) -> Result<()> {
        if ctx.request().path() == "/late" {
            ctx.request_to(GET, "/visit").as_client().send().await?;
        }
        Ok(())
    }
    let app = app().routes(routes![visit]).add_url_rule(Rule::new("/late"), || "late").teardown_request(late);
    let client = app.test_client();
    let log = crate::log::Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("the system has threads").block_on(client.get("/late").send());
    });
    assert!(log.contains("they are lost"), "{log}");
}
