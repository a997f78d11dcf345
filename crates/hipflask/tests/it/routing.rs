//! Which rule a path finds, and which path a rule gives.

use hipflask::Rule;
use hipflask::helpers::UrlFor;
use hipflask::http::Method;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::testing::TestResponse;
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn quoted(path: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn found(ctx: &mut Context) -> (HeaderPair, &'static str) {
    let values: serde_json::Map<String, Value> =
        ctx.view_args().iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let found = json!({"endpoint": ctx.endpoint(), "values": values});
    ([("x-found", quoted(&found.to_string()))], "")
}

type HeaderPair = [(&'static str, String); 1];

/// What the recorded run calls the same.
fn result(response: &TestResponse) -> Value {
    let unquoted = |text: &str| {
        let pairs: Vec<(String, String)> = hipflask_unquote(text);
        pairs.into_iter().next().map(|(key, _)| key).unwrap_or_default()
    };
    match response.status().as_u16() {
        200 => {
            let found = response.header("x-found").expect("the view says what was found");
            serde_json::from_str(&unquoted(found)).expect("it says so in JSON")
        }
        404 => json!("not_found"),
        405 => {
            let mut methods: Vec<&str> = response.header("allow").unwrap_or_default().split(", ").collect();
            methods.sort_unstable();
            json!({"not_allowed": methods})
        }
        308 => {
            let location = response.header("location").unwrap_or_default();
            json!({"redirect": location.strip_prefix("http://localhost").unwrap_or(location)})
        }
        other => json!(other),
    }
}

/// The text of percent-escapes.
fn hipflask_unquote(text: &str) -> Vec<(String, String)> {
    let bytes = text.split('%').enumerate().flat_map(|(index, part)| match index {
        0 => part.as_bytes().to_vec(),
        _ => {
            let byte = u8::from_str_radix(&part[..2], 16).expect("two digits");
            std::iter::once(byte).chain(part[2..].bytes()).collect()
        }
    });
    vec![(String::from_utf8(bytes.collect()).expect("it was text"), String::new())]
}

fn recorded_app(map: &Value) -> App {
    let rules = map["rules"].as_array().expect("a map has rules");
    rules.iter().fold(App::new("test", ".").config("DEBUG", true), |app, rule| {
        let mut made = Rule::new(text(rule, "rule")).endpoint(text(rule, "endpoint"));
        if let Some(methods) = rule["methods"].as_array() {
            let methods = methods.iter().filter_map(Value::as_str).filter_map(|method| method.parse::<Method>().ok());
            made = made.methods(methods.collect::<Vec<_>>());
        }
        let strict = rule["strict_slashes"] == true;
        let merge = rule["merge_slashes"] == true;
        app.add_url_rule(made.strict_slashes(strict).merge_slashes(merge), found)
    })
}

/// Werkzeug's own answers for hundreds of random maps: see `fixtures/record_routing.py`.
#[hipflask::test]
async fn matching_and_building_are_werkzeugs() {
    let maps: Vec<Value> = serde_json::from_str(include_str!("../fixtures/routing.json")).expect("it is JSON");
    let (mut compared, mut wrong) = (0, Vec::new());
    for map in &maps {
        let client = recorded_app(map).config("SERVER_NAME", "localhost").test_client();
        for request in map["requests"].as_array().expect("a map has requests") {
            let method = text(request, "method").parse::<Method>().expect("a method");
            let response = client.request(method, &quoted(text(request, "path"))).send().await;
            compared += 1;
            let found = result(&response);
            if found != request["result"] {
                wrong.push(format!("{request}\n  {found}\n  {}", map["rules"]));
            }
        }
        let ctx = client.app().context();
        for build in map["builds"].as_array().expect("a map has builds") {
            let values = build["values"].as_object().expect("values have names");
            let url = values.iter().fold(UrlFor::endpoint(text(build, "endpoint")), |url, (name, value)| {
                url.value(name, value.as_str().unwrap_or_default())
            });
            let url = url.relative();
            compared += 1;
            let built = ctx.url_for(url).ok().map_or(Value::Null, Value::from);
            if built != build["url"] {
                wrong.push(format!("{build}\n  {built}\n  {}", map["rules"]));
            }
        }
    }
    assert!(compared > 1000, "the recording is empty");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

#[get("/item/<int:id>")]
async fn item(id: i64) -> String {
    id.to_string()
}

#[get("/price/<float(signed=True):amount>")]
async fn price(amount: f64) -> String {
    amount.to_string()
}

#[route("/wiki/<path:page>", methods = [GET, PUT])]
async fn wiki(page: String) -> String {
    page
}

#[get("/color/<any(red, green):name>")]
async fn color(name: String) -> String {
    name
}

#[get("/tree/")]
async fn tree() -> &'static str {
    "tree"
}

#[get("/page/", defaults(number = 1))]
#[get("/page/<int:number>")]
async fn page(number: u32) -> String {
    number.to_string()
}

fn app() -> App {
    App::new("test", ".").routes(routes![item, price, wiki, color, tree, page])
}

#[hipflask::test]
async fn values_are_of_their_types() {
    let client = app().test_client();
    for (target, text) in [
        ("/item/007", "7"),
        ("/price/-2.50", "-2.5"),
        ("/wiki/a/b%20c/d", "a/b c/d"),
        ("/wiki/a//b", "a//b"),
        ("/color/red", "red"),
        ("//item/1", "1"),
    ] {
        assert_eq!(client.get(target).send().await.text(), text, "{target}");
    }
    // Too large for its type, of another form, or missing.
    for target in ["/item/99999999999999999999", "/item/-1", "/item/", "/price/2", "/color/blue", "/item/1/", "/%00"] {
        assert_eq!(client.get(target).send().await.status(), 404, "{target}");
    }
}

#[hipflask::test]
async fn an_encoded_slash_is_not_a_separator() {
    let client = app().test_client();
    assert_eq!(client.get("/item%2F1").send().await.status(), 404);
    assert_eq!(client.get("/wiki/a%2Fb").send().await.text(), "a/b");
    assert_eq!(client.get("/wiki/..%2F..%2Fetc").send().await.text(), "../../etc");
}

#[hipflask::test]
async fn redirects_keep_method_query_and_host() {
    let client = app().test_client();
    for (target, location) in [
        ("/tree", "http://localhost/tree/"),
        ("/tree?a=%20&b", "http://localhost/tree/?a=%20&b"),
        ("/item//1", "http://localhost/item/1"),
        ("//tree", "http://localhost/tree/"),
        ("/wiki//a//b", "http://localhost/wiki/a/b"),
    ] {
        let response = client.get(target).send().await;
        assert_eq!((response.status().as_u16(), response.header("location")), (308, Some(location)), "{target}");
        assert!(response.text().contains("Redirecting..."));
    }
    let response = client.post("/tree").send().await;
    assert_eq!(response.status(), 404, "a rule that refuses the method is not what was meant");
}

#[hipflask::test]
async fn methods() {
    let client = app().test_client();
    let head = client.head("/tree/").send().await;
    assert_eq!((head.status().as_u16(), head.header("content-length"), head.text().as_str()), (200, Some("4"), ""));
    let options = client.options("/wiki/x").send().await;
    assert_eq!((options.status().as_u16(), options.text().as_str()), (200, ""));
    assert_eq!(options.header("allow"), Some("GET, HEAD, PUT, OPTIONS"));
    for method in ["POST", "DELETE", "PROPFIND", "TRACE"] {
        let refused = client.request(method.parse().expect("a method"), "/wiki/x").send().await;
        assert_eq!(refused.status(), 405, "{method}");
        assert_eq!(refused.header("allow"), Some("GET, HEAD, PUT, OPTIONS"));
    }
}

#[hipflask::test]
async fn a_default_has_its_own_shorter_address() {
    let client = app().test_client();
    assert_eq!(client.get("/page/").send().await.text(), "1");
    assert_eq!(client.get("/page/2").send().await.text(), "2");
    assert_eq!(client.get("/page/1?x=y").send().await.header("location"), Some("http://localhost/page/?x=y"));
    let urls = client.app().bind("localhost");
    let url = |number| urls.build("page", &[("number", number)]).expect("it can be built");
    assert_eq!((url("1"), url("2")), ("/page/".into(), "/page/2".into()));
}

#[hipflask::test]
async fn a_uuid_has_one_text() {
    let show = async |args: ViewArgs| args.get::<String>("id");
    let client = App::new("test", ".").add_url_rule(Rule::new("/<uuid:id>"), show).test_client();
    let response = client.get("/B1A5C3D0-0C22-4d6f-9c3c-0a1b2c3d4e5f").send().await;
    assert_eq!(response.text(), "b1a5c3d0-0c22-4d6f-9c3c-0a1b2c3d4e5f");
}

#[hipflask::test]
async fn converters_of_ones_own() {
    use hipflask::routing::{Arguments, Converter, Literal};

    /// Words joined by `+`.
    #[derive(Debug)]
    struct Words {
        most: usize,
    }

    impl Converter for Words {
        fn matches(&self, text: &str) -> bool {
            text.split('+').count() <= self.most
        }
    }

    let app = App::new("test", ".")
        .url_converter("words", |arguments: &Arguments| match arguments.named.as_slice() {
            [(name, Literal::Int(most))] if name == "most" => Ok(Words { most: usize::try_from(*most).unwrap_or(0) }),
            _ => Err("write `words(most=2)`".to_owned()),
        })
        .add_url_rule(Rule::new("/tags/<words(most=2):tags>").endpoint("tags"), async |args: ViewArgs| {
            args.get::<String>("tags")
        });
    let client = app.test_client();
    assert_eq!(client.get("/tags/a+b").send().await.text(), "a+b");
    assert_eq!(client.get("/tags/a+b+c").send().await.status(), 404);
}

#[hipflask::test]
async fn urls_of_views() {
    async fn links(ctx: &mut Context) -> Result<String> {
        let links = [
            ctx.url_for(url_for!(item, id = 3))?,
            ctx.url_for(url_for!(wiki, page = "a b/ü?#%"))?,
            ctx.url_for(url_for!(item, id = 3).query("q", "a b&c").query("r", "ü"))?,
            ctx.url_for(url_for!(tree).anchor("top of page"))?,
            ctx.url_for(url_for!(tree).external())?,
            ctx.url_for(url_for!(tree).scheme("https"))?,
            ctx.url_for(url_for!(tree).scheme(""))?,
            ctx.url_for("tree")?,
        ];
        Ok(links.join("\n"))
    }
    let client = app().add_url_rule(Rule::new("/links").endpoint("links"), links).test_client();
    let expected = "/item/3\n/wiki/a%20b/%C3%BC%3F%23%25\n/item/3?q=a+b%26c&r=%C3%BC\n/tree/#top%20of%20page\n\
                    http://localhost/tree/\nhttps://localhost/tree/\n//localhost/tree/\n/tree/";
    assert_eq!(client.get("/links").send().await.text(), expected);
}

#[hipflask::test]
async fn what_cannot_be_built_says_why() {
    let app = app().config("SERVER_NAME", "example.org").freeze().expect("nothing is wrong with it");
    let ctx = app.context();
    let error = |url: UrlFor| ctx.url_for(url).expect_err("it cannot be built").to_string();
    assert!(error("itme".into()).contains("did you mean `item`?"), "{}", error("itme".into()));
    assert!(error("item".into()).contains("`id`"), "{}", error("item".into()));
    let refused = error(UrlFor::endpoint("color").value("name", "blue"));
    assert!(refused.contains("blue"), "{refused}");
}

#[hipflask::test]
async fn a_mount_has_what_no_rule_has() {
    let old = App::new("old", ".")
        .add_url_rule(Rule::new("/").endpoint("index"), async |ctx: &mut Context| ctx.url_for("index"))
        .add_url_rule(Rule::new("/item/<int:id>").endpoint("item"), async || "old item")
        .add_url_rule(Rule::new("/where").endpoint("where"), async |ctx: &mut Context| {
            format!("{} {}", ctx.request().root_path(), ctx.request().path())
        });
    let app = app().mount("/old", old).mount("/", async || Some("everything else"));
    let client = app.test_client();
    assert_eq!(client.get("/item/1").send().await.text(), "1");
    assert_eq!(client.get("/old/").send().await.text(), "/old/");
    assert_eq!(client.get("/old/item/1").send().await.text(), "old item");
    assert_eq!(client.get("/old/where").send().await.text(), "/old /where");
    assert_eq!(client.get("/old/nowhere").send().await.status(), 404);
    assert_eq!(client.get("/older").send().await.text(), "everything else");
    // The application's own paths are its own in every form that a rule has of them.
    for (target, own) in [("/tree", "http://localhost/tree/"), ("/page/1", "http://localhost/page/")] {
        let redirect = client.get(target).send().await;
        assert_eq!((redirect.status().as_u16(), redirect.header("location")), (308, Some(own)), "{target}");
    }
    // A method that no rule of this path has is another matter: one view after the other can move over.
    assert_eq!(client.post("/item/1").send().await.text(), "everything else");
}

#[hipflask::test]
async fn a_view_that_passes_leaves_the_request_to_a_mount() {
    let app = App::new("test", ".")
        .add_url_rule(Rule::new("/<name>"), async |args: ViewArgs| {
            args.text("name").filter(|name| *name == "mine").map(|_| "mine")
        })
        .mount("/", async || Some("the mount's"));
    let client = app.test_client();
    assert_eq!(client.get("/mine").send().await.text(), "mine");
    assert_eq!(client.get("/yours").send().await.text(), "the mount's");
}
