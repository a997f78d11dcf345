//! Parts of an application: their prefixes, their names, and what is theirs alone.

use hipflask::errors::{Catches, ErrorHandler};
use hipflask::extension::Scaffold;
use hipflask::helpers::UrlFor;
use hipflask::http::MultiDict;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use hipflask::{Frozen, Rule};

async fn who(ctx: &mut Context) -> String {
    let name = |text: Option<&str>| text.unwrap_or("none").to_owned();
    format!("{} {} {}", name(ctx.endpoint()), name(ctx.blueprint()), name(ctx.rule()))
}

fn rule(text: &str, endpoint: &str) -> Rule {
    Rule::new(text).endpoint(endpoint)
}

fn problems(app: App) -> String {
    app.freeze().map_or_else(|errors| errors.to_string(), |_| "none".to_owned())
}

#[hipflask::test]
async fn a_prefix_and_a_rule_are_one_path() {
    for (prefix, text, path) in [
        ("/blog", "/x", "/blog/x"),
        ("/blog/", "/x", "/blog/x"),
        ("blog", "/x", "/blog/x"),
        ("/blog", "x", "/blog/x"),
        ("/blog", "/", "/blog/"),
        ("/blog", "", "/blog"),
        ("/blog/", "", "/blog/"),
        ("/", "", "/"),
        ("", "/x", "/x"),
        ("/", "/x", "/x"),
        ("/", "/", "/"),
        ("/a/b/c", "/x/", "/a/b/c/x/"),
    ] {
        let blueprint = Blueprint::new("blog").url_prefix(prefix).add_url_rule(rule(text, "who"), who);
        let app = App::new("test", ".").register_blueprint(blueprint).freeze().expect("nothing is wrong with it");
        let told = app.test_client().get(path).send().await.text();
        assert_eq!(told, format!("blog.who blog {path}"), "{prefix:?} and {text:?}");
    }
}

#[hipflask::test]
async fn a_prefix_may_have_variables() {
    async fn show(args: ViewArgs) -> Result<String> {
        Ok(format!("{}/{}", args.get::<String>("user")?, args.get::<u32>("id")?))
    }
    async fn url(ctx: &mut Context, args: ViewArgs) -> Result<String> {
        ctx.url_for(UrlFor::endpoint(".show").value("user", args.get::<String>("user")?).value("id", 7))
    }
    let posts = Blueprint::new("posts").url_prefix("/posts/<int:id>").add_url_rule(rule("", "show"), show);
    let user = Blueprint::new("user").url_prefix("/<user>").add_url_rule(rule("/url", "url"), url);
    let user = user.add_url_rule(rule("/<int:id>", "show"), show).register_blueprint(posts);
    let client = App::new("test", ".").register_blueprint(user).test_client();
    assert_eq!(client.get("/ada/posts/3").send().await.text(), "ada/3");
    assert_eq!(client.get("/a%20b/url").send().await.text(), "/a%20b/7");
    let twice = Blueprint::new("b").url_prefix("/<id>").add_url_rule(rule("/<int:id>", "show"), show);
    assert!(problems(App::new("test", ".").register_blueprint(twice)).contains("id"));
}

fn site() -> App {
    async fn urls(ctx: &mut Context) -> String {
        let names = [".who", "who", "outer.who", "outer.inner.who", ".inner.who", ".nowhere", "inner.who", "..who"];
        let url = |name: &&str| ctx.url_for(UrlFor::endpoint(*name)).unwrap_or_else(|_| "-".to_owned());
        names.iter().map(url).collect::<Vec<_>>().join(" ")
    }
    let inner = Blueprint::new("inner").url_prefix("/inner").add_url_rule(rule("/who", "who"), who);
    let outer = Blueprint::new("outer").url_prefix("/outer").add_url_rule(rule("/who", "who"), who);
    let outer = outer
        .add_url_rule(rule("/urls", "urls"), urls)
        .register_blueprint(inner.add_url_rule(rule("/urls", "urls"), urls));
    App::new("test", ".")
        .add_url_rule(rule("/who", "who"), who)
        .add_url_rule(rule("/urls", "urls"), urls)
        .register_blueprint(outer)
}

/// Compared with Flask 3.1.3: a dot in front is the current blueprint, and no other word for one.
#[hipflask::test]
async fn names_are_absolute_or_begin_with_a_dot() {
    let client = site().test_client();
    assert_eq!(client.get("/who").send().await.text(), "who none /who");
    assert_eq!(client.get("/outer/who").send().await.text(), "outer.who outer /outer/who");
    assert_eq!(client.get("/outer/inner/who").send().await.text(), "outer.inner.who outer.inner /outer/inner/who");
    for (target, urls) in [
        ("/urls", "/who /who /outer/who /outer/inner/who - - - -"),
        ("/outer/urls", "/outer/who /who /outer/who /outer/inner/who /outer/inner/who - - -"),
        ("/outer/inner/urls", "/outer/inner/who /who /outer/who /outer/inner/who - - - -"),
    ] {
        assert_eq!(client.get(target).send().await.text(), urls, "{target}");
    }
}

#[hipflask::test]
async fn one_blueprint_under_two_names() {
    #[get("/")]
    async fn index(ctx: &mut Context) -> Result<String> {
        let (by_name, by_view) = (ctx.url_for(".index")?, ctx.url_for(url_for!(index))?);
        let other = ctx.url_for("second.index")?;
        Ok(format!("{} {by_name} {by_view} {other}", ctx.endpoint().unwrap_or_default()))
    }
    fn blog() -> Blueprint {
        Blueprint::new("blog").routes(routes![index])
    }
    let app = App::new("test", ".")
        .register_blueprint(blog().url_prefix("/one"))
        .register_blueprint(blog().named("second").url_prefix("/two"));
    let client = app.test_client();
    assert_eq!(client.get("/one/").send().await.text(), "blog.index /one/ /one/ /two/");
    assert_eq!(client.get("/two/").send().await.text(), "second.index /two/ /two/ /two/");
    let nested = |name: &str| Blueprint::new(name.to_owned()).url_prefix(format!("/{name}")).register_blueprint(blog());
    let app = App::new("test", ".").register_blueprint(nested("a")).register_blueprint(nested("b"));
    let app = app.register_blueprint(blog().named("second").url_prefix("/two"));
    let client = app.test_client();
    assert_eq!(client.get("/a/").send().await.text(), "a.blog.index /a/ /a/ /two/");
    assert_eq!(client.get("/b/").send().await.text(), "b.blog.index /b/ /b/ /two/");
}

#[test]
fn names_are_checked() {
    let plain = |name: &str, prefix: &str| {
        Blueprint::new(name.to_owned()).url_prefix(prefix).add_url_rule(rule("/x", "x"), who)
    };
    for (app, told) in [
        (App::new("test", ".").register_blueprint(plain("", "/a")), "a blueprint needs a name"),
        (App::new("test", ".").register_blueprint(plain("a.b", "/a")), "must not contain a dot"),
        (
            App::new("test", ".").register_blueprint(plain("a", "/a")).register_blueprint(plain("a", "/b")),
            "is taken by another",
        ),
        (App::new("test", ".").register_blueprint(plain("a", "/a")).register_blueprint(plain("b", "/a")), "/a/x"),
        (
            App::new("test", ".")
                .register_blueprint(plain("a", "/a").add_url_rule(rule("/y", "x"), async || "another")),
            "`a.x` belongs to another view",
        ),
        (App::new("test", ".").register_blueprint(plain("a", "/a").add_url_rule(rule("/y", "b.c"), who)), "dot"),
        (
            App::new("test", ".")
                .add_url_rule(rule("/y", "a.x"), async || "another")
                .register_blueprint(plain("a", "/a")),
            "`a.x` belongs to another view",
        ),
    ] {
        let found = problems(app);
        assert!(found.contains(told) && found.contains("blueprints.rs:"), "{told}: {found}");
    }
    let nested = plain("a", "/a").register_blueprint(plain("a", "/a"));
    assert_eq!(problems(App::new("test", ".").register_blueprint(nested)), "none", "the same name on another level");
}

#[hipflask::test]
async fn hooks_are_for_the_blueprints_own_requests() {
    fn stamping<S: Scaffold>(scaffold: S, name: &'static str) -> S {
        async fn nothing() {}
        scaffold.before_request(nothing).after_request(move |mut response: Response| {
            let stamp = format!(
                "{} {name}",
                response.headers().get("x-stamp").and_then(|v| v.to_str().ok()).unwrap_or_default()
            );
            response.headers_mut().insert("x-stamp", stamp.trim().parse().expect("a header"));
            response
        })
    }
    let fail = async || -> Result<&str> { Err(Error::msg("no")) };
    let inner = stamping(Blueprint::new("inner").url_prefix("/inner"), "inner").add_url_rule(rule("/", "i"), who);
    let inner = inner.add_url_rule(rule("/fail", "fail"), fail);
    let outer = stamping(Blueprint::new("outer").url_prefix("/outer"), "outer").add_url_rule(rule("/", "o"), who);
    let outer = outer.register_blueprint(inner);
    let other = stamping(Blueprint::new("other").url_prefix("/other"), "other").add_url_rule(rule("/", "i"), who);
    let app = stamping(App::new("test", ".").config("DEBUG", false), "app")
        .register_blueprint(outer)
        .register_blueprint(other);
    let client = app.add_url_rule(rule("/", "a"), who).test_client();
    for (target, stamp) in [
        ("/", "app"),
        ("/outer/", "outer app"),
        ("/outer/inner/", "inner outer app"),
        ("/outer/inner/fail", "inner outer app"),
        ("/other/", "other app"),
        ("/outer/nowhere", "app"),
        ("/outer", "app"),
        ("/static/x", "app"),
    ] {
        assert_eq!(client.get(target).send().await.header("x-stamp"), Some(stamp), "{target}");
    }
    assert_eq!(client.post("/outer/inner/").send().await.header("x-stamp"), Some("app"), "a 405 matches no rule");
    assert_eq!(client.options("/outer/inner/").send().await.header("x-stamp"), Some("inner outer app"));
}

#[hipflask::test]
async fn error_handlers_are_for_the_blueprints_own_errors() {
    let handler = |status: u16, text: &'static str| ErrorHandler::new(Catches::status(status), move || text);
    let abort = |status: u16| move || -> Result<&'static str> { abort!(status) };
    let with = |blueprint: Blueprint| {
        let blueprint = blueprint
            .add_url_rule(rule("/404", "a"), abort(404))
            .add_url_rule(rule("/500", "b"), || -> Result<&str> { Err(Error::msg("no")) });
        blueprint.add_url_rule(rule("/403", "c"), abort(403))
    };
    let inner = with(Blueprint::new("inner").url_prefix("/inner")).errorhandler(handler(404, "inner 404"));
    let outer = with(Blueprint::new("outer").url_prefix("/outer"))
        .errorhandler(handler(404, "outer 404"))
        .errorhandler(handler(500, "outer 500"));
    let app = App::new("test", ".")
        .config("DEBUG", false)
        .errorhandler(handler(404, "app 404"))
        .errorhandler(handler(403, "app 403"));
    let client = app.register_blueprint(outer.register_blueprint(inner)).test_client();
    for (target, text) in [
        ("/outer/inner/404", "inner 404"),
        ("/outer/inner/500", "outer 500"),
        ("/outer/inner/403", "app 403"),
        ("/outer/404", "outer 404"),
        ("/outer/nowhere", "app 404"),
        ("/nowhere", "app 404"),
    ] {
        assert_eq!(client.get(target).send().await.text(), text, "{target}");
    }
}

#[hipflask::test]
async fn url_defaults_follow_the_target() {
    async fn url(ctx: &mut Context, query: MultiDict) -> Result<String> {
        ctx.url_for(UrlFor::endpoint(query.require("to")?.to_owned()))
    }
    fn adding(name: &'static str) -> impl Fn(&Context, &str, &mut Vec<(String, String)>) + Send + Sync {
        move |_, _, values| values.push((name.to_owned(), "1".to_owned()))
    }
    let inner =
        Blueprint::new("inner").url_prefix("/inner").url_defaults(adding("inner")).add_url_rule(rule("/", "i"), who);
    let outer =
        Blueprint::new("outer").url_prefix("/outer").url_defaults(adding("outer")).add_url_rule(rule("/", "o"), url);
    let outer = outer.register_blueprint(inner);
    let app =
        App::new("test", ".").url_defaults(adding("app")).add_url_rule(rule("/", "a"), url).register_blueprint(outer);
    let client = app.test_client();
    for from in ["/", "/outer/"] {
        for (to, found) in [
            ("a", "/?app=1"),
            ("outer.o", "/outer/?app=1&outer=1"),
            ("outer.inner.i", "/outer/inner/?app=1&outer=1&inner=1"),
        ] {
            assert_eq!(client.get(from).query([("to", to)]).send().await.text(), found, "from {from}");
        }
    }
}

#[hipflask::test]
async fn a_blueprint_is_in_the_list_of_rules() {
    let app: Frozen = site().freeze().expect("nothing is wrong with it");
    let rules: Vec<String> = app.rules().map(|rule| format!("{} {}", rule.endpoint(), rule.text())).collect();
    for wanted in ["outer.inner.who", "/outer/inner/who", "outer.who"] {
        assert!(rules.iter().any(|rule| rule.contains(wanted)), "{rules:?}");
    }
}
