//! What a view may take.

use hipflask::http::{Bytes, FormData, HeaderMap, Method, MultiDict};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{Frozen, Query};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Search {
    q: String,
    #[serde(default)]
    tag: Vec<String>,
    page: Option<u32>,
}

#[get("/search")]
async fn search(query: Query<Search>) -> String {
    format!("{} {:?} {:?}", query.q, query.tag, query.page)
}

#[derive(Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[post("/point")]
async fn point(point: Json<Point>) -> String {
    format!("{}", point.x + point.y)
}

#[post("/maybe-point")]
async fn maybe_point(point: Result<Json<Point>>) -> String {
    point.map_or_else(|error| format!("no point: {error}"), |point| point.x.to_string())
}

#[post("/bytes")]
async fn bytes(body: Bytes) -> String {
    body.len().to_string()
}

#[post("/form")]
async fn form(form: FormData) -> String {
    format!("{:?} {:?}", form.get("a"), form.fields.getlist("b").collect::<Vec<_>>())
}

#[put("/everything/<int:id>/<name>")]
#[allow(clippy::too_many_arguments, reason = "eight arguments by type beside those of the path are what is allowed")]
async fn everything(
    ctx: &mut Context,
    id: u8,
    name: String,
    config: Config,
    args: ViewArgs,
    app: Frozen,
    method: Method,
    headers: HeaderMap,
    query: MultiDict,
    session: Session,
    body: Bytes,
) -> String {
    let debug = config.debug();
    let endpoint = ctx.endpoint().unwrap_or_default().to_owned();
    format!(
        "{id} {name} {debug} {:?} {} {method} {} {:?} {} {} {endpoint}",
        args.text("id"),
        app.name(),
        headers.len() > 1,
        query.get("a"),
        session.is_empty(),
        body.len(),
    )
}

fn client() -> hipflask::testing::TestClient {
    let app = App::new("test", ".").config("DEBUG", true);
    app.routes(routes![search, point, maybe_point, bytes, form, everything]).test_client()
}

#[hipflask::test]
async fn arguments_by_type() {
    let client = client();
    assert_eq!(client.get("/search?q=a+b&tag=x&tag=y&page=3").send().await.text(), r#"a b ["x", "y"] Some(3)"#);
    assert_eq!(client.get("/search?q=").send().await.text(), " [] None");
    assert_eq!(client.post("/point").json(&json!({"x": 1, "y": 2})).send().await.text(), "3");
    assert_eq!(client.post("/bytes").body("four").send().await.text(), "4");
    assert_eq!(
        client.post("/form").form([("a", "1"), ("b", "2"), ("b", "3")]).send().await.text(),
        r#"Some("1") ["2", "3"]"#
    );
    let all = client.put("/everything/7/ada?a=b").body("xyz").send().await;
    assert_eq!(all.text(), r#"7 ada true Some("7") test PUT true Some("b") true 3 everything"#);
}

#[hipflask::test]
async fn what_does_not_fit_is_the_clients_mistake() {
    let client = client();
    for (target, told) in [("/search", "`q`"), ("/search?q=a&page=x", "`page`"), ("/search?q=a&page=-1", "`page`")] {
        let response = client.get(target).send().await;
        assert_eq!(response.status(), 400, "{target}");
        assert!(response.text().contains(told), "{target}: {}", response.text());
    }
    let post =
        |body: &'static str, content_type| client.post("/point").header("content-type", content_type).body(body).send();
    assert_eq!(post(r#"{"x":1,"y":2}"#, "text/plain").await.status(), 415);
    assert_eq!(post(r#"{"x":1,"y":2}"#, "application/problem+json; charset=utf-8").await.status(), 200);
    for wrong in
        ["", "{", r#"{"x":1}"#, r#"{"x":"1","y":2}"#, r#"{"x":1,"y":99999999999}"#, "[1", "nul", r#"{"x":1,"y":2} x"#]
    {
        assert_eq!(post(wrong, "application/json").await.status(), 400, "{wrong}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(client.post("/point").header("content-type", "application/json").body(deep).send().await.status(), 400);
    assert!(client.post("/maybe-point").body("x").send().await.text().starts_with("no point: "));
}

#[hipflask::test]
async fn a_view_stays_a_function() {
    #[get("/add/<int:a>/<int:b>")]
    async fn add(a: i64, b: i64) -> String {
        (a + b).to_string()
    }
    assert_eq!(add(2, 3).await, "5");
    let client = App::new("test", ".").routes(routes![add]).test_client();
    assert_eq!(client.get("/add/2/3").send().await.text(), "5");
}

#[hipflask::test]
async fn a_view_has_several_rules() {
    #[get("/a", defaults(id = 1))]
    #[post("/b", defaults(id = 2))]
    #[route("/c/<int:id>", methods = [GET, DELETE], endpoint = "sea")]
    async fn many(ctx: &mut Context, id: i64) -> String {
        format!("{} {} {id}", ctx.request().method(), ctx.endpoint().unwrap_or_default())
    }
    let client = App::new("test", ".").routes(routes![many]).test_client();
    assert_eq!(client.get("/a").send().await.text(), "GET many 1");
    assert_eq!(client.post("/b").send().await.text(), "POST many 2");
    assert_eq!(client.delete("/c/3").send().await.text(), "DELETE sea 3");
    assert_eq!(client.post("/a").send().await.status(), 405);
}
