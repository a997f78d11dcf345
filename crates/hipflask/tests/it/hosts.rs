//! Rules for hosts, subdomains and WebSockets, aliases, redirects, and rules apart from their views.

use hipflask::Rule;
use hipflask::cli::Command;
use hipflask::helpers::UrlFor;
use hipflask::http::Method;
use hipflask::prelude::*;
use hipflask::routing::{NoMatch, ViewArgs};

fn app() -> App {
    App::new("test", ".").without_static_files()
}

fn rule(text: &str, endpoint: &str) -> Rule {
    Rule::new(text).endpoint(endpoint)
}

async fn who(ctx: &mut Context) -> String {
    let values: Vec<String> = ctx.view_args().iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {}", ctx.endpoint().unwrap_or_default(), values.join(" ")).trim_end().to_owned()
}

fn problems(app: App) -> String {
    app.freeze().map_or_else(|errors| errors.to_string(), |_| "none".to_owned())
}

#[test]
fn what_could_never_match_is_told_at_the_start() {
    let subdomains = || app().subdomain_matching().config("SERVER_NAME", "example.org");
    let hosts = || app().host_matching();
    let add = |app: App, rule: Rule| app.add_url_rule(rule, who);
    for (app, told) in [
        (add(app(), Rule::new("/").subdomain("api")), "is for the subdomain `api`, which nothing looks at"),
        (add(app(), Rule::new("/").host("a.example")), "is for the host `a.example`, which nothing looks at"),
        (add(subdomains(), Rule::new("/").host("a.example")), "which nothing looks at"),
        (add(hosts(), Rule::new("/").host("a.example").subdomain("b")), "is for the subdomain `b`, but"),
        (add(hosts(), Rule::new("/")), "has no host, but the application matches hosts"),
        (subdomains().host_matching(), "not both"),
        (app().subdomain_matching(), "`SERVER_NAME`, which is not set"),
        (app().url_map(|map| map.default_subdomain = "www".into()), "`default_subdomain` has no effect"),
        (app().config("SERVER_NAME", "http://example.org"), "`http://example.org` is not one"),
        (app().config("SERVER_NAME", "exa_mple.org"), "must be a host"),
        (add(subdomains(), Rule::new("/").subdomain("<path:x>")), "may hold slashes, which no domain does"),
        (add(subdomains(), Rule::new("/").subdomain("a b")), "is no part of a host name"),
        (add(subdomains(), Rule::new("/").subdomain("<x")), "has no `>`"),
        (add(subdomains(), Rule::new("/<x>").subdomain("<x>")), "`x` that its domain has too"),
        (add(app(), Rule::new("/").websocket(true).methods([GET, POST])), "it cannot be for POST"),
        (add(app(), Rule::new("/<x>").redirect_to("/<y>")), "has no value `y`; the values are `x`"),
        (app().add_rule(rule("/x", "x").alias(true).redirect_to("/y")), "has no other rule to redirect to"),
        (app().add_rule(rule("/x", "x")), "no view answers the rule `/x`"),
        (app().endpoint("x", who), "no rule has the endpoint `x`"),
        (add(app(), rule("/x", "x")).endpoint("x", async || "another"), "belongs to another view already"),
        (app().add_rule(rule("/x", "x")).endpoint("x", who).endpoint("x", who), "belongs to another view already"),
    ] {
        let found = problems(app);
        assert!(found.contains(told) && found.contains("1 problem\n"), "{told}: {found}");
    }
    let same = |one: Rule, two: Rule| problems(subdomains().add_url_rule(one, who).add_url_rule(two, async || "x"));
    assert_eq!(same(rule("/", "a"), rule("/", "b").subdomain("b")), "none");
    assert_eq!(same(rule("/", "a"), rule("/", "b").websocket(true)), "none");
    assert!(same(rule("/", "a").subdomain("<x>"), rule("/", "b").subdomain("<y>")).contains("already answers GET"));
}

#[hipflask::test]
async fn blueprints_have_subdomains_and_hosts() {
    let inner = || Blueprint::new("inner").subdomain("<user>").add_url_rule(rule("/", "who"), who);
    let own = inner().add_url_rule(rule("/own", "own").subdomain("own"), who);
    let outer = Blueprint::new("outer").subdomain("eu").add_url_rule(rule("/", "who"), who).register_blueprint(own);
    let app = app().subdomain_matching().config("SERVER_NAME", "example.org").register_blueprint(outer);
    let app = app.register_blueprint(Blueprint::new("plain").register_blueprint(inner().named("alone")));
    let client = app.add_url_rule(rule("/", "index"), who).test_client();
    for (host, target, found) in [
        ("example.org", "/", "index"),
        ("eu.example.org", "/", "outer.who"),
        ("ada.eu.example.org", "/", "outer.inner.who user=ada"),
        ("ada.example.org", "/", "plain.alone.who user=ada"),
        ("own.example.org", "/own", "outer.inner.own"),
        ("EXAMPLE.ORG", "/", "index"),
    ] {
        assert_eq!(client.get(target).header("host", host).send().await.text(), found, "{host}{target}");
    }
    for host in ["example.org:81", "example.net", "eu.example.net"] {
        let response = client.get("/").header("host", host).send().await;
        assert!(matches!(response.status().as_u16(), 404 | 400), "{host} is not ours");
    }

    let hosted = Blueprint::new("inner").url_prefix("/in").add_url_rule(rule("/", "who"), who);
    let other = Blueprint::new("other").host("other.example").add_url_rule(rule("/", "who"), who);
    let outer = Blueprint::new("outer").host("<sub>.example").register_blueprint(hosted).register_blueprint(other);
    let hosts = super::hosts::app().host_matching().config("TRUSTED_HOSTS", [".example"]).register_blueprint(outer);
    let client = hosts.test_client();
    let found = async |host: &str, target: &str| client.get(target).header("host", host).send().await.text();
    assert_eq!(found("a.example", "/in/").await, "outer.inner.who sub=a");
    assert_eq!(found("other.example", "/").await, "outer.other.who");
    assert_eq!(client.get("/").header("host", "a.example").send().await.status(), 404);
}

#[hipflask::test]
async fn a_blueprints_defaults_are_for_each_of_its_rules() {
    let blueprint = Blueprint::new("b").default("lang", "de").default("page", 1).default("page", 2);
    let blueprint =
        blueprint.add_url_rule(rule("/", "a"), who).add_url_rule(rule("/fr", "b").default("lang", "fr"), who);
    let inner = Blueprint::new("inner").add_url_rule(rule("/inner", "c"), who);
    let client = app().register_blueprint(blueprint.register_blueprint(inner)).test_client();
    assert_eq!(client.get("/").send().await.text(), "b.a lang=de page=2");
    assert_eq!(client.get("/fr").send().await.text(), "b.b lang=fr page=2");
    assert_eq!(client.get("/inner").send().await.text(), "b.inner.c");
}

#[hipflask::test]
async fn a_rule_and_its_view_may_be_apart() {
    let blueprint = Blueprint::new("blog").add_rule(rule("/post", "post")).endpoint("post", who);
    let app = app()
        .add_rule(rule("/<int:id>", "show"))
        .add_url_rule(rule("/show/<int:id>", "show"), who)
        .endpoint("elsewhere", who)
        .register_blueprint(blueprint.add_rule(rule("/elsewhere", "elsewhere")))
        .endpoint("blog.elsewhere", async || "named from outside")
        .add_rule(rule("/elsewhere-too", "elsewhere"))
        .add_rule(rule("/cdn/<path:file>", "cdn").build_only(true));
    let client = app.test_client();
    for (target, found) in [
        ("/7", "show id=7"),
        ("/post", "blog.post"),
        ("/elsewhere", "named from outside"),
        ("/elsewhere-too", "elsewhere"),
    ] {
        assert_eq!(client.get(target).send().await.text(), found);
    }
    assert_eq!(client.get("/cdn/a.js").send().await.status(), 404);
    assert_eq!(client.app().bind("localhost").build("cdn", &[("file", "a.js")]).expect("a rule"), "/cdn/a.js");
}

/// The view's argument is of the subdomain; the other rules only lead to it.
#[get("/posts/<int:id>", subdomain = "<user>")]
#[get("/p/<int:id>", subdomain = "<user>", alias = true)]
#[get("/old/<int:id>", subdomain = "<user>", endpoint = "old", redirect_to = "/posts/<id>?old=<user>")]
#[get("/live/<int:id>", subdomain = "<user>", endpoint = "live", websocket = true)]
#[get("/file/<int:id>", subdomain = "<user>", endpoint = "file", build_only = true)]
async fn post(user: String, id: i64) -> String {
    format!("{user} {id}")
}

#[hipflask::test]
async fn the_attribute_has_the_same_options() {
    let app = app().subdomain_matching().config("SERVER_NAME", "example.org").routes(routes![post]);
    let client = app.test_client();
    let get = |target: &str| client.get(target).header("host", "ada.example.org");
    assert_eq!(get("/posts/7").send().await.text(), "ada 7");
    for (target, location) in
        [("/p/7?q=1", "http://ada.example.org/posts/7?q=1"), ("/old/7?q=1", "http://ada.example.org/posts/7?old=ada")]
    {
        let response = get(target).send().await;
        assert_eq!((response.status().as_u16(), response.header("location")), (308, Some(location)), "{target}");
    }
    assert_eq!(get("/file/7").send().await.status(), 404);
    let ctx = client.app().context();
    assert_eq!(
        ctx.url_for(url_for!(post, user = "Ada", id = 7)).expect("it is a view"),
        "http://ada.example.org/posts/7"
    );
    let live = UrlFor::endpoint("live").value("user", "ada").value("id", 7);
    assert_eq!(ctx.url_for(live.clone()).expect("it is a rule"), "ws://ada.example.org/live/7");
    assert_eq!(ctx.url_for(live.scheme("https")).expect("it is a rule"), "wss://ada.example.org/live/7");
}

#[hipflask::test]
async fn a_websocket_finds_only_rules_for_websockets() {
    let app = app()
        .add_url_rule(rule("/page", "page"), who)
        .add_url_rule(rule("/chat", "chat").websocket(true), who)
        .add_url_rule(rule("/both", "both"), who)
        .add_url_rule(rule("/both", "both-live").websocket(true), who);
    let client = app.test_client();
    for (target, connection, upgrade, status, found) in [
        ("/page", "upgrade", "websocket", 400, None),
        ("/chat", "upgrade", "websocket", 200, Some("chat")),
        ("/chat", "keep-alive, Upgrade", "WebSocket", 200, Some("chat")),
        ("/both", "upgrade", "websocket", 200, Some("both-live")),
        ("/chat", "keep-alive", "websocket", 400, None),
        ("/page", "keep-alive", "websocket", 200, Some("page")),
        ("/page", "upgrade", "h2c", 200, Some("page")),
        ("/page", "upgrade", "websocket, h2c", 200, Some("page")),
        ("/both", "close", "none", 200, Some("both")),
        ("/nowhere", "upgrade", "websocket", 404, None),
    ] {
        let response = client.get(target).header("connection", connection).header("upgrade", upgrade).send().await;
        let told = format!("{target} {connection} {upgrade}");
        assert_eq!(response.status(), status, "{told}");
        assert!(found.is_none_or(|found| response.text() == found), "{told}: {}", response.text());
    }
    let response = client.post("/chat").send().await;
    assert_eq!((response.status().as_u16(), response.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

/// A value that a user chose must not lead away from the site.
#[hipflask::test]
async fn no_value_makes_another_host() {
    let app = app()
        .subdomain_matching()
        .config("SERVER_NAME", "example.org")
        .add_url_rule(rule("/<path:page>", "wiki"), who)
        .add_url_rule(rule("/", "home").subdomain("<user>"), who)
        .freeze()
        .expect("nothing is wrong with it");
    let urls = app.bind("example.org");
    assert_eq!(urls.build("wiki", &[("page", "/evil.example")]).expect("a rule"), "/evil.example");
    assert_eq!(urls.build("wiki", &[("page", "//evil.example")]).expect("a rule"), "/evil.example");
    for user in ["evil.example/", "a@evil.example", "evil.example:80", "evil.example?", "a b", "é", ""] {
        let built = urls.build("home", &[("user", user)]);
        let refused = built.as_ref().is_err_and(|error| error.to_string().contains("is not a host"));
        assert!(refused || (user.is_empty() && built == Ok("/".into())), "{user}: {built:?}");
    }
}

#[hipflask::test]
async fn an_encoded_slash_stays_one_in_a_redirect() {
    let client = app().add_url_rule(rule("/wiki/<path:page>/", "wiki"), who).test_client();
    let response = client.get("/wiki/a%2Fb").send().await;
    assert_eq!(response.header("location"), Some("http://localhost/wiki/a%2Fb/"));
    assert_eq!(client.get("/wiki/a%2Fb/").send().await.text(), "wiki page=a/b");
}

#[hipflask::test]
async fn what_holds_for_all_rules_is_said_once() {
    let rules = |app: App| {
        app.add_url_rule(rule("/tree/", "tree"), who)
            .add_url_rule(rule("/strict/", "strict").strict_slashes(true), who)
            .add_url_rule(rule("/list/", "list").default("page", 1), who)
            .add_url_rule(rule("/list/<int:page>", "list"), who)
            .add_url_rule(rule("/a/b", "ab"), who)
            .test_client()
    };
    let plain = rules(app());
    let other = rules(app().url_map(|map| {
        map.strict_slashes = false;
        map.merge_slashes = false;
        map.redirect_defaults = false;
    }));
    for (target, before, after) in [
        ("/tree", 308, 200),
        ("/strict", 308, 308),
        ("/list/1", 308, 200),
        ("/list/01", 308, 200),
        ("/list/2", 200, 200),
        ("/a//b", 308, 404),
    ] {
        assert_eq!(plain.get(target).send().await.status(), before, "{target}");
        assert_eq!(other.get(target).send().await.status(), after, "{target}");
    }
}

#[hipflask::test]
async fn a_method_that_a_merged_path_lacks_is_a_405() {
    let client = app().add_url_rule(rule("/a//b", "ab"), who).add_url_rule(rule("/c", "c"), who).test_client();
    let response = client.post("/a//b").send().await;
    assert_eq!((response.status().as_u16(), response.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(client.get("/a/b").send().await.text(), "ab");
    assert_eq!(client.get("/a//b").send().await.header("location"), Some("http://localhost/a/b"));
    // Where a value is refused, what other rules have is told.
    let client = app()
        .add_url_rule(rule("/<int:n>", "post").methods([POST]), who)
        .add_url_rule(rule("/<int(min=3):n>", "get"), who)
        .test_client();
    assert_eq!(client.get("/1").send().await.status(), 405);
    assert_eq!(client.get("/3").send().await.text(), "get n=3");
}

#[hipflask::test]
async fn the_adapter_tells_what_a_request_would_find() {
    let app = app()
        .config("SERVER_NAME", "example.org")
        .config("APPLICATION_ROOT", "/shop/")
        .config("PREFERRED_URL_SCHEME", "https")
        .add_url_rule(rule("/items/<int:id>/", "item").methods([GET, PUT]), who)
        .freeze()
        .expect("nothing is wrong with it");
    let urls = app.bind("Other.example:81");
    let found = urls.find("//items/7/", &GET).expect("it is there");
    assert_eq!((found.endpoint(), found.rule()), ("item", "/items/<int:id>/"));
    assert_eq!(found.view_args().get::<u8>("id").expect("a number"), 7);
    let redirect = "https://other.example:81/shop/items/7/";
    assert_eq!(urls.find("items/7", &PUT).err(), Some(NoMatch::Redirect(redirect.into())));
    let methods = ["GET", "HEAD", "PUT", "OPTIONS"].map(|method| method.parse::<Method>().expect("a method"));
    assert_eq!(urls.find("/items/7/", &POST).err(), Some(NoMatch::MethodNotAllowed(methods.to_vec())));
    assert_eq!(urls.allowed_methods("/items/7/"), methods);
    assert_eq!((urls.allowed_methods("/x"), urls.find("/x", &GET).err()), (Vec::new(), Some(NoMatch::NotFound)));
    assert!(urls.test("/items/7", &GET) && !urls.test("/items/x/", &GET) && !urls.test("/items/7/", &POST));
    assert_eq!(urls.build("item", &[("id", "7"), ("q", "1")]).expect("a rule"), "/shop/items/7/?q=1");
    assert_eq!(urls.build_external("item", &[("id", "7")]).expect("a rule"), redirect);
    assert_eq!(urls.clone().scheme("ws").find("/items/7/", &GET).err(), Some(NoMatch::WebSocketMismatch));
}

#[hipflask::test]
async fn a_function_that_finds_a_url_is_given_all_that_was_asked_for() {
    async fn urls(ctx: &mut Context) -> Result<String> {
        let url = UrlFor::endpoint("wiki.page").value("name", "a").anchor("top").scheme("https").method(PUT);
        Ok(format!("{}\n{}", ctx.url_for(url)?, ctx.url_for("wiki.index")?))
    }
    let app = app().url_build_error_handler(|_, _| None).url_build_error_handler(|error, wanted| {
        assert_eq!(error.endpoint(), wanted.endpoint());
        let (external, scheme) = (wanted.is_external(), wanted.scheme().unwrap_or("-"));
        let (anchor, method) = (wanted.anchor().unwrap_or("-"), wanted.method().map_or("-", Method::as_str));
        Some(format!("{} {:?} {external} {scheme} {anchor} {method}", wanted.endpoint(), wanted.values()))
    });
    let client = app.add_url_rule(rule("/", "urls"), urls).test_client();
    let text = client.get("/").send().await.text();
    assert_eq!(text, "wiki.page [(\"name\", \"a\")] true https top PUT\nwiki.index [] false - - -");
}

#[hipflask::test]
async fn what_cannot_be_built_suggests_what_could() {
    let app = app()
        .config("SERVER_NAME", "example.org")
        .add_url_rule(rule("/<int:id>", "posts.show").methods([POST]), who)
        .add_url_rule(rule("/", "posts.index"), who);
    let app = app.freeze().expect("nothing is wrong with it");
    let urls = app.bind("example.org");
    let error = urls.build("post.shows", &[]).expect_err("no such endpoint");
    assert_eq!(error.suggested(), Some("posts.show"));
    assert!(error.to_string().ends_with("did you mean `posts.show`?"), "{error}");
    assert_eq!(urls.build("something else", &[]).expect_err("no such endpoint").suggested(), None);
    let error = app.context().url_for(UrlFor::endpoint("posts.show").method(GET)).expect_err("two reasons").to_string();
    assert!(
        error.contains("does not answer GET, only POST, OPTIONS; did you forget to give a value for `id`"),
        "{error}"
    );
    let error = app.context().url_for(UrlFor::endpoint("posts.index").scheme("https").relative());
    assert!(error.expect_err("a contradiction").to_string().contains("cannot be relative"));
}

/// A mail that a command sends has links with a host, or none at all.
#[hipflask::test]
async fn a_template_outside_of_a_request_has_whole_urls() {
    const PAGE: &str =
        "{{ url_for('index', tags=['a', none, 'b'], gone=none) }} {{ url_for('index', _external=false) }}";
    async fn mail(ctx: &mut Context) -> Result<String> {
        Ok(ctx.render(Template::from_string(PAGE)).await?.into_string())
    }
    let with = |app: App| app.add_url_rule(rule("/", "index"), who).command(Command::new("mail").runs(mail));
    let client = with(app().config("SERVER_NAME", "example.org")).test_client();
    assert_eq!(
        client.app().run_command("mail", [""; 0]).await.expect("it runs"),
        "http://example.org/?tags=a&amp;tags=b /"
    );
    let client = with(app()).test_client();
    let error = client.app().run_command("mail", [""; 0]).await.expect_err("no host is known");
    let told: Vec<String> = error.chain().map(ToString::to_string).collect();
    assert!(format!("{error} {told:?}").contains("SERVER_NAME"), "{error} {told:?}");
}

#[hipflask::test]
async fn the_names_below_the_servers_own_are_trusted_while_developing() {
    let with = |app: App| app.config("DEBUG", true).config("SERVER_NAME", "dev.example");
    let client = with(app().subdomain_matching()).add_url_rule(Rule::new("/").subdomain("<x>"), who).test_client();
    assert_eq!(client.get("/").header("host", "api.dev.example").send().await.status(), 200);
    let hosts = with(app().host_matching()).add_url_rule(Rule::new("/").host("shop.example"), who);
    let client = hosts.add_url_rule(Rule::new("/x").host("<x>.example"), who).test_client();
    assert_eq!(client.get("/").header("host", "shop.example").send().await.status(), 200);
    assert_eq!(client.get("/x").header("host", "evil.example").send().await.status(), 400, "a variable names nobody");
}

#[hipflask::test]
async fn the_static_files_have_a_host() {
    let app = || App::new("test", "tests").host_matching().add_url_rule(rule("/", "index").host("www.example"), who);
    assert!(problems(app()).contains("the rule `/static/<path:filename>` has no host"));
    let app = app().static_host("static.example").freeze().expect("nothing is wrong with it");
    let url = app.bind("www.example").build("static", &[("filename", "a.css")]);
    assert_eq!(url.expect("a rule"), "http://static.example/static/a.css");
}

/// A function is given the values, and is trusted.
#[hipflask::test]
async fn a_function_says_where_a_rule_redirects_to() {
    let target = |args: &ViewArgs| format!("https://archive.example/{}", args.text("year").unwrap_or_default());
    let client = app().add_rule(Rule::new("/<int:year>").redirect_with(target)).test_client();
    assert_eq!(client.get("/2009").send().await.header("location"), Some("https://archive.example/2009"));
    let broken = app().add_rule(Rule::new("/").redirect_with(|_| panic!("in pieces"))).test_client();
    assert_eq!(broken.get("/").send().await.status(), 500);
}

#[hipflask::test]
async fn what_only_redirects_is_not_built() {
    let app = app()
        .add_rule(rule("/old/<int:id>", "show").redirect_to("/posts/<id>"))
        .add_rule(rule("/p/<int:id>", "show").alias(true))
        .add_url_rule(rule("/posts/<int:id>", "show"), who);
    let client = app.test_client();
    assert_eq!(client.app().bind("localhost").build("show", &[("id", "7")]).expect("a rule"), "/posts/7");
    assert_eq!(client.get("/old/7").follow_redirects().send().await.text(), "show id=7");
}

#[hipflask::test]
async fn the_test_client_is_at_the_servers_name() {
    async fn at(ctx: &mut Context) -> String {
        ctx.request().url()
    }
    for (name, url) in
        [("Dev.example:5000", "http://dev.example:5000/tree/"), ("dev.example:80", "http://dev.example/tree/")]
    {
        let app = app().config("SERVER_NAME", name).add_url_rule(rule("/tree/", "tree").methods([GET, POST]), at);
        let client = app.test_client();
        assert_eq!(client.get("/tree").follow_redirects().send().await.text(), url);
        let response = client.post("/tree").follow_redirects().send().await;
        assert_eq!((response.status().as_u16(), response.text().as_str()), (200, url), "the page is its own origin");
    }
}
