//! Templates: Jinja's language, Flask's names in it, and what is told when one fails.

use std::path::PathBuf;

use hipflask::extension::EmbeddedFile;
use hipflask::prelude::*;
use hipflask::templating::TemplateError;
use hipflask::testing::TestClient;
use hipflask::{Rule, context};

const KEY: &str = "a key that is long enough, and only for tests";

/// An application's folder that goes with the test.
struct Site(PathBuf);

impl Site {
    fn new<const N: usize>(name: &str, templates: [(&str, &str); N]) -> Site {
        let site = Site(std::env::temp_dir().join(format!("hipflask-templates-{name}-{}", std::process::id())));
        std::fs::create_dir_all(site.0.join("templates")).expect("a folder for the test");
        templates.iter().for_each(|(name, source)| site.write(name, source.as_bytes()));
        site
    }

    fn write(&self, name: &str, source: &[u8]) {
        let path = self.0.join("templates").join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder for the test");
        std::fs::write(path, source).expect("a template for the test");
    }

    fn app(&self) -> App {
        App::new("test", &self.0).config("SECRET_KEY", KEY).config("DEBUG", false)
    }

    /// The same with a view that renders the template of the path.
    fn showing(&self) -> App {
        #[get("/show/<path:name>")]
        async fn show(name: String) -> Template {
            Template::new(name).with("value", "<&\"'>").with("list", &["a", "b"])
        }
        self.app().routes(routes![show])
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An application whose one view renders the query's `source`.
fn rendering(app: App) -> TestClient {
    #[get("/")]
    async fn render(ctx: &mut Context) -> Result<Template> {
        let source = ctx.request().args().require("source")?.to_owned();
        Ok(Template::from_string(source).with("value", "<&\"'>").with("list", &["a", "b"]))
    }
    app.config("SECRET_KEY", KEY).routes(routes![render]).test_client()
}

async fn render(client: &TestClient, source: &str) -> String {
    client.get("/").query([("source", source)]).send().await.text()
}

#[hipflask::test]
async fn escaping_follows_the_name_as_in_flask() {
    let source = "{{ value }}{{ value|safe }}{{ value|e }}";
    let names = ["a.html", "a.htm", "a.xml", "a.xhtml", "a.svg", "a.txt", "a.json", "a.html.j2", "a.HTML", "a"];
    let site = Site::new("escaping", names.map(|name| (name, source)));
    let client = site.showing().test_client();
    let (escaped, plain) = ("&lt;&amp;&#34;&#39;&gt;", "<&\"'>");
    for name in names {
        let html = ["a.html", "a.htm", "a.xml", "a.xhtml", "a.svg"].contains(&name);
        let first = if html { escaped } else { plain };
        assert_eq!(
            client.get(&format!("/show/{name}")).send().await.text(),
            format!("{first}{plain}{escaped}"),
            "{name}"
        );
    }
    assert_eq!(render(&rendering(site.app()), source).await, format!("{escaped}{plain}{escaped}"));
}

#[hipflask::test]
async fn what_is_plain_text_is_sent_as_plain_text() {
    let site = Site::new("plain", [("mail.txt", "{{ value }}"), ("page.html", "{{ value }}")]);
    async fn first() -> Template {
        Template::first_of(["missing.html", "mail.txt"]).with("value", "<script>")
    }
    async fn second() -> Template {
        Template::first_of(["missing.txt", "page.html"]).with("value", "<script>")
    }
    let app = site.showing().add_url_rule(Rule::new("/first"), first).add_url_rule(Rule::new("/second"), second);
    let client = app.test_client();
    for (target, content_type, text) in [
        ("/show/mail.txt", "text/plain; charset=utf-8", "<&\"'>"),
        ("/show/page.html", "text/html; charset=utf-8", "&lt;&amp;&#34;&#39;&gt;"),
        ("/first", "text/plain; charset=utf-8", "<script>"),
        ("/second", "text/html; charset=utf-8", "&lt;script&gt;"),
    ] {
        let response = client.get(target).send().await;
        assert_eq!((response.header("content-type"), response.text().as_str()), (Some(content_type), text), "{target}");
    }
}

/// Rendered by Flask 3.1.3 with Jinja 3.1.6.
#[hipflask::test]
async fn the_language_is_jinjas() {
    let client = rendering(App::new("test", "."));
    for (source, text) in [
        (
            "{{ none }} {{ true }} {{ false }} {{ 1 }} {{ 1.0 }} {{ 0.1 + 0.2 }}",
            "None True False 1 1.0 0.30000000000000004",
        ),
        ("{{ 7 // 2 }} {{ 7 / 2 }} {{ 7 % 2 }} {{ 2 ** 10 }} {{ -7 // 2 }} {{ -7 % 3 }}", "3 3.5 1 1024 -4 2"),
        ("{{ [1, 'a', none] }}", "[1, &#39;a&#39;, None]"),
        ("{{ {'a': 1} }}", "{&#39;a&#39;: 1}"),
        ("{{ (1, 2) }} {{ (1,) }}", "(1, 2) (1,)"),
        ("{{ 'a' ~ 1 ~ none }}", "a1None"),
        ("{{ missing }}|{{ missing is defined }}|{{ missing|default('d') }}", "|False|d"),
        ("{% if missing %}a{% elif [] %}b{% elif '0' %}c{% endif %}", "c"),
        ("{% for x in list %}{{ loop.index }}{{ x }}{{ loop.last }} {% else %}none{% endfor %}", "1aFalse 2bTrue "),
        ("{% for x in [] %}{% else %}none{% endfor %}", "none"),
        ("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
        ("{% set ns = namespace(x=1) %}{% for i in [1] %}{% set ns.x = 2 %}{% endfor %}{{ ns.x }}", "2"),
        (
            "{% macro m(a, b='<') %}{{ a }}{{ b }}{% endmacro %}{{ m(value) }}{{ m('x', b='y') }}",
            "&lt;&amp;&#34;&#39;&gt;&lt;xy",
        ),
        (
            "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ value }}{% endcall %}",
            "[&lt;&amp;&#34;&#39;&gt;]",
        ),
        ("{% filter upper %}a{{ 'b' }}{% endfilter %}", "AB"),
        ("{% raw %}{{ x }}{% endraw %}{# {{ x }} #}", "{{ x }}"),
        ("a {%- if true -%} b {%- endif %} c", "ab c"),
        ("{% set x %}{{ value }}{% endset %}{{ x }}", "&lt;&amp;&#34;&#39;&gt;"),
        ("{{ 'a b'|title }} {{ 'abc'|capitalize }} {{ ' a '|trim }} {{ 'a'|upper }}", "A B Abc a A"),
        (
            "{{ list|join('<') }} {{ list|first }} {{ list|last }} {{ list|length }} {{ list|reverse|join }}",
            "a&lt;b a b 2 ba",
        ),
        (
            "{{ [3, 1, 2]|sort|join(',') }} {{ [1, 1, 2]|unique|join(',') }} {{ [1, 2]|sum }} {{ [1, 5]|max }}",
            "1,2,3 1,2 3 5",
        ),
        ("{{ [{'n': 2}, {'n': 1}]|sort(attribute='n')|map(attribute='n')|join(',') }}", "1,2"),
        ("{{ [1, 2, 3]|select('odd')|list }} {{ [1, 2, 3]|reject('odd')|list }}", "[1, 3] [2]"),
        ("{{ '%s-%05.2f'|format('a', 1.5) }} {{ 1234.5678|round(2) }}", "a-01.50 1234.57"),
        ("{{ 'abc'[0] }} {{ 'abc'[-1] }} {{ 'abc'[1:] }} {{ [1, 2, 3][:2] }}", "a c bc [1, 2]"),
        ("{{ 'a' in 'abc' }} {{ 1 in [1] }} {{ 'x' not in {'x': 1} }}", "True True False"),
        ("{{ 'yes' if list else 'no' }} {{ 'x' if false }}", "yes "),
        ("{{ range(3)|list }} {{ dict(a=1)['a'] }}", "[0, 1, 2] 1"),
        (
            "{{ 1 is odd }} {{ 'a' is string }} {{ none is none }} {{ [] is iterable }} {{ 2 is divisibleby(2) }}",
            "True True True True True",
        ),
        ("{{ '<b>'|striptags }}{{ 'a\\nb'|replace('\\n', '-') }} {{ 'a-b'|replace('-', '<') }}", "a-b a&lt;b"),
        ("{{ 'x'|indent(2, true) }}|{{ 'abc'|center(6) }}|{{ 'abc'|center(2) }}", "  x| abc  |abc"),
        (
            "{{ 'x'|int }} {{ 'x'|int(7) }} {{ '3.9'|int }} {{ ' 5 '|int }} {{ none|int }} {{ -3.9|int }} {{ '1e3'|int }}",
            "0 7 3 5 0 -3 1000",
        ),
        (
            "{{ 'ff'|int(0, 16) }} {{ '0xff'|int(base=16) }} {{ 'inf'|int }} {{ true|int }} {{ '1_000'|int }}",
            "255 255 0 1 1000",
        ),
        (
            "{{ 'x'|float }} {{ 'x'|float(0.5) }} {{ '3.25'|float }} {{ none|float }} {{ 3|float }}",
            "0.0 0.5 3.25 0.0 3.0",
        ),
        ("{{ '<b>' ~ value }}", "&lt;b&gt;&lt;&amp;&#34;&#39;&gt;"),
        ("{{ ['<a>'|safe, '<b>']|join(' ') }}", "<a> &lt;b&gt;"),
        ("{% with x = 1 %}{{ x }}{% endwith %}{{ x }}", "1"),
        (
            "{{ list|batch(2)|list }} {{ {'b': 1, 'a': 2}|dictsort }}",
            "[[&#39;a&#39;, &#39;b&#39;]] [(&#39;a&#39;, 2), (&#39;b&#39;, 1)]",
        ),
        ("{{ 'aé'|urlencode }} {{ 'a b&c'|urlencode }}", "a%C3%A9 a%20b%26c"),
        ("{% autoescape false %}{{ value }}{% endautoescape %}", "<&\"'>"),
        ("{% for a, b in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}", "12"),
        ("{% for x in list if x == 'b' %}{{ x }}{% endfor %}", "b"),
        ("{% for k in {'b': 1, 'a': 2} %}{{ k }}{% endfor %} {{ {'b': 1, 'a': 2}.values()|list }}", "ba [1, 2]"),
        ("{{ {'b': 1}.items()|list }}", "[(&#39;b&#39;, 1)]"),
        ("{{ 'a'.upper() }} {{ list.index('b') }} {{ {'a': 1}.items()|map('join')|join }}", "A 1 a1"),
    ] {
        assert_eq!(render(&client, source).await, text, "{source}");
    }
}

/// A value that JSON and templates cannot hold fails where it is used, and is not printed as something else.
#[hipflask::test]
async fn what_cannot_be_shown_is_not_shown() {
    struct Unreadable;
    impl serde::Serialize for Unreadable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the sensor is off"))
        }
    }
    async fn page(ctx: &mut Context) -> Result<Template> {
        let source = ctx.request().args().require("source")?.to_owned();
        Ok(Template::from_string(source).with("sensor", &Unreadable))
    }
    let client = App::new("test", ".").config("DEBUG", true).add_url_rule(Rule::new("/"), page).test_client();
    assert_eq!(render(&client, "not used").await, "not used");
    for source in ["{{ sensor }}", "{{ sensor|tojson }}", "{{ sensor.x }}", "{{ sensor|upper }}"] {
        let response = client.get("/").query([("source", source)]).send().await;
        assert_eq!(response.status(), 500, "{source}: {}", response.text());
        assert!(response.text().contains("the sensor is off"), "{source}");
    }
}

#[hipflask::test]
async fn json_can_be_in_a_script_and_in_an_attribute() {
    async fn page(ctx: &mut Context) -> Result<Template> {
        let value = ctx.request().args().require("value")?.to_owned();
        Ok(Template::from_string("<script>f({{ v|tojson }})</script><a b='{{ v|tojson }}'>{{ d|tojson }}</a>")
            .with("v", &value)
            .with("d", &serde_json::json!({"b": [1, 2.5, null, true], "a": {value: "x"}})))
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    for value in [
        "</script><script>alert(1)//",
        "'><img src=x>",
        "&lt;",
        "<!--",
        "\u{2028}\u{2029}",
        "\\\"\n\t\0\u{1f600}",
        "{{ 7*7 }}",
        "",
    ] {
        let html = client.get("/").query([("value", value)]).send().await.text();
        let inside = html.strip_prefix("<script>f(").and_then(|rest| rest.split_once(")</script>")).expect(&html).0;
        assert_eq!(serde_json::from_str::<String>(inside).expect("it is JSON"), value);
        assert!(inside.is_ascii() && !inside.contains(['<', '>', '&', '\'']), "{inside}");
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert_eq!(html.matches('\'').count(), 2, "{html}");
        let dict = html.split("'>").last().expect("an end").trim_end_matches("</a>");
        let dict: serde_json::Value = serde_json::from_str(dict).expect("it is JSON");
        assert_eq!(dict, serde_json::json!({"a": {value: "x"}, "b": [1, 2.5, null, true]}));
    }
}

#[hipflask::test]
async fn templates_inherit_include_and_import() {
    let site = Site::new(
        "inherit",
        [
            ("base.html", "<{% block title %}base{% endblock %}>{% block body %}{% endblock %}{{ value }}"),
            (
                "page.html",
                "{% extends 'base.html' %}{% block title %}{{ super() }}+page{% endblock %}{% block body %}{% include 'sub/part.html' %}{% endblock %}",
            ),
            ("sub/part.html", "[{{ value }}{{ request.path }}{{ extra }}]"),
            (
                "macros.html",
                "{% macro link(name) %}<a href=\"{{ url_for('show', name=name) }}\">{{ name }}{{ request.method }}</a>{% endmacro %}",
            ),
            (
                "import.html",
                "{% from 'macros.html' import link %}{% import 'macros.html' as m %}{{ link('a b') }}{{ m.link('<') }}",
            ),
            (
                "optional.html",
                "{% include 'missing.html' ignore missing %}{% include ['missing.html', 'sub/part.html'] %}",
            ),
        ],
    );
    let client = site.showing().context_processor(async || context! { extra => "!", value => "never" }).test_client();
    for (name, text) in [
        ("page.html", "<base+page>[&lt;&amp;&#34;&#39;&gt;/show/page.html!]&lt;&amp;&#34;&#39;&gt;"),
        ("import.html", "<a href=\"/show/a%20b\">a bGET</a><a href=\"/show/%3C\">&lt;GET</a>"),
        ("optional.html", "[&lt;&amp;&#34;&#39;&gt;/show/optional.html!]"),
    ] {
        let response = client.get(&format!("/show/{name}")).send().await;
        assert_eq!(response.text(), text, "{name}");
        assert_eq!(response.templates(), [name]);
    }
}

#[hipflask::test]
async fn flasks_names_are_there() {
    #[get("/post/<int:id>")]
    async fn post(id: u32) -> String {
        id.to_string()
    }
    async fn prepare(ctx: &mut Context) {
        ctx.g_mut().set("user", "Ada");
        ctx.session().set("n", 7);
        ctx.session().flash("<one>");
    }
    let app = App::new("test", ".").routes(routes![post]).before_request(prepare).config("TITLE", "T & t");
    let client = rendering(app.config("MAIL_PASSWORD", "hunter2").config("API_SECRET", "hunter3"));
    for (source, text) in [
        ("{{ url_for('post', id=7) }} {{ url_for('post', id='7', q='a b', _anchor='x') }}", "/post/7 /post/7?q=a+b#x"),
        (
            "{{ url_for('post', id=7, _external=true) }} {{ url_for('post', id=7, _scheme='https') }}",
            "http://localhost/post/7 https://localhost/post/7",
        ),
        ("{{ url_for('post', id=7, b=1, a=[1, 2], c=none) }}", "/post/7?b=1&amp;a=1&amp;a=2"),
        ("{{ url_for('static', filename='a b.css') }}", "/static/a%20b.css"),
        ("{{ url_for('render', source='x') }} {{ url_for('.render') }}", "/?source=x /"),
        (
            "{{ request.method }} {{ request.path }} {{ request.endpoint }} {{ request.host }} {{ request.blueprint }}",
            "GET / render localhost None",
        ),
        (
            "{{ request.args.source|length > 5 }} {{ request.args['source'] == request.args.get('source') }} {{ request.args.get('no', 'd') }}",
            "True True d",
        ),
        (
            "{{ request.headers['User-Agent'] }} {{ request.headers.get('user-agent') }}",
            "Hipflask test client Hipflask test client",
        ),
        (
            "{{ request.args.SOURCE }}{{ request.args.get('Source', 'a key is spelt as it is') }}",
            "a key is spelt as it is",
        ),
        ("{{ session.n }} {{ session['n'] + 1 }} {{ session.get('no', 1) }} {{ 'n' in session }}", "7 8 1 True"),
        ("{{ g.user }} {{ g.nothing }} {{ g.get('user') }} {{ 'user' in g }}", "Ada  Ada True"),
        ("{{ config.TITLE }} {{ config['DEBUG'] }} {{ config.get('NO', 'd') }}", "T &amp; t True d"),
        ("{{ config.MAIL_PASSWORD }}{{ config['API_SECRET'] }}{{ config.SECRET_KEY }}{{ config }}", "{}"),
        (
            "{{ get_flashed_messages() }}{{ get_flashed_messages(with_categories=true) }}",
            "[&#39;&lt;one&gt;&#39;][(&#39;message&#39;, &#39;&lt;one&gt;&#39;)]",
        ),
        (
            "{{ get_flashed_messages(category_filter=['error']) }}{{ get_flashed_messages(false, ['message'])|length }}",
            "[]1",
        ),
    ] {
        client.clear_cookies();
        assert_eq!(render(&client, source).await, text, "{source}");
    }
}

#[hipflask::test]
async fn an_application_adds_names_of_its_own() {
    let inner = |ctx: &mut Context| context! { who => "inner", path => ctx.request().path() };
    let blog = Blueprint::new("blog").url_prefix("/blog").context_processor(inner).add_url_rule(Rule::new("/"), page);
    async fn page() -> Template {
        Template::from_string("{{ who }} {{ year }} {{ path }} {{ given }}").with("given", "view")
    }
    let app = App::new("test", ".")
        .context_processor(|| context! { who => "outer", year => 2025, given => "processor" })
        .context_processor(hipflask::extension::inline(|| context! { year => 2026 }))
        .template_filter("shout", |text: String| format!("<{}>", text.to_uppercase()))
        .template_filter("fail", |n: i64| if n > 1 { Ok(n) } else { Err("it failed on purpose".to_owned()) })
        .template_test("long", |text: String| text.len() > 3)
        .template_global("add", |a: i64, b: Option<i64>| a + b.unwrap_or(10))
        .template_global("bold", |text: String| html!("<b>{text}</b>"))
        .register_blueprint(blog)
        .add_url_rule(Rule::new("/page"), page);
    let client = rendering(app);
    assert_eq!(client.get("/page").send().await.text(), "outer 2026  view");
    assert_eq!(client.get("/blog/").send().await.text(), "inner 2026 /blog/ view");
    for (source, text) in [
        ("{{ 'a'|shout }} {{ 'a'|shout|safe }}", "&lt;A&gt; <A>"),
        ("{{ 2|fail }}", "2"),
        ("{{ 'abcd' is long }} {{ 'a' is not long }}", "True True"),
        ("{{ add(1) }} {{ add(1, 2) }}", "11 3"),
        ("{{ bold(value) }}", "<b>&lt;&amp;&#34;&#39;&gt;</b>"),
    ] {
        assert_eq!(render(&client, source).await, text, "{source}");
    }
    for (source, told) in [
        ("{{ 1|shout }}", "argument 1"),
        ("{{ 1|fail }}", "it failed on purpose"),
        ("{{ add() }}", "argument 1"),
        ("{{ add(1, 2, 3) }}", "it takes 2, not 3"),
        ("{{ add('x') }}", "argument 1"),
    ] {
        let response = client.get("/").query([("source", source)]).header("accept", "application/json").send().await;
        assert_eq!(response.status(), 500, "{source}");
        assert!(response.text().contains(told), "{source}: {}", response.text());
    }
}

#[hipflask::test]
async fn a_failure_names_the_template_and_the_line() {
    let site = Site::new(
        "failure",
        [
            ("page.html", "<h1>\n{% include 'part.html' %}"),
            ("part.html", "one\ntwo\n{{ nothing.at.all }}<secret>\n"),
            ("child.html", "\n{% extends 'gone' ~ '.html' %}"),
            ("filter.html", "{{ 1|no_such_filter }}"),
            ("url.html", "\n\n{{ url_for(request.args.to) }}"),
        ],
    );
    for (name, told, line) in [
        ("page.html", "part.html template part.html:3: undefined value", 3),
        ("child.html", "gone.html", 2),
        ("missing.html", "missing.html", 1),
        ("../../Cargo.toml", "Cargo.toml", 1),
        ("url.html?to=nowhere", "nowhere", 3),
    ] {
        async fn told_of(error: &TemplateError) -> (Status, String) {
            (Status::INTERNAL_SERVER_ERROR, format!("{} {} {} {error}", error.is_missing(), error.line(), error.name()))
        }
        let handler = hipflask::errors::ErrorHandler::new(
            hipflask::errors::Catches::error::<TemplateError>(),
            async |error: hipflask::errors::Caught<TemplateError>| told_of(&error).await,
        );
        let told_by = site.showing().errorhandler(handler).test_client();
        let target = format!("/show/{}", name.replace("..", "%2e%2e"));
        let text = told_by.get(&target).send().await.text();
        assert!(text.contains(told), "{name}: {text}");
        assert!(
            text.starts_with(&format!(
                "{} {line} ",
                ["missing.html", "child.html", "../../Cargo.toml"].contains(&name)
            )),
            "{name}: {text}"
        );
        let page = site.showing().config("DEBUG", true).test_client().get(&target).send().await;
        assert_eq!(page.status(), 500, "{name}");
        assert!(!page.text().contains("[dependencies]"), "a name leads nowhere else");
        let production = site.showing().test_client().get(&target).send().await;
        assert!(!production.text().contains("html:"), "{}", production.text());
    }
    let page = site.showing().config("DEBUG", true).test_client().get("/show/page.html").send().await.text();
    assert!(
        page.contains("Template part.html:3") && page.contains("<b>    3  {{ nothing.at.all }}&lt;secret&gt;</b>"),
        "{page}"
    );
    let client = site.showing().config("DEBUG", true).test_client();
    let json = client.get("/show/page.html").header("accept", "application/json");
    assert_eq!(json.send().await.json::<serde_json::Value>()["at"], "part.html:3");
}

#[get("/missing")]
async fn missing() -> Result<Template> {
    let page = render_template!("guestbook.html", name = "Ada");
    Ok(page)
}

#[errorhandler(404)]
async fn not_found(_error: HttpError) -> (Status, Template) {
    (Status::NOT_FOUND, render_template!("404.html"))
}

#[test]
fn a_template_that_a_view_names_and_that_does_not_exist_is_found_at_the_start() {
    #[get("/several")]
    async fn several(ctx: &mut Context) -> Template {
        match ctx.request().path() {
            "/" => hipflask::render_template!("a/first.html"),
            "/2" => render_template! { "a/second.html", title = format!("{}", 1) },
            _ => render_template!("page.html"),
        }
    }
    let site = Site::new("named", [("page.html", "page")]);
    let app = || site.app().routes(routes![missing, several]).errorhandler(not_found);
    let errors = app().freeze().expect_err("three views name what does not exist");
    let found = errors.to_string();
    let folder = site.0.join("templates").display().to_string();
    for told in [
        "the view `missing`: the template `guestbook.html` does not exist",
        "the view `several`: the templates `a/first.html`, `a/second.html` do not exist",
        "the error handler for Not Found: the template `404.html` does not exist",
        folder.as_str(),
        "3 problems",
    ] {
        assert!(found.contains(told), "{told}: {found}");
    }
    let place = errors.iter().next().and_then(hipflask::errors::SetupError::location).expect("it has a line");
    assert!(place.file().ends_with("templates.rs"), "{place}");
    let names = ["guestbook.html", "a/first.html", "a/second.html", "404.html"];
    names.iter().for_each(|name| site.write(name, b"now it does"));
    assert_eq!(problems(app()), "none");

    // In a binary they are looked for in the binary.
    static FILES: [EmbeddedFile; 1] = [EmbeddedFile { name: "page.html", content: b"page" }];
    let embedded = app().embed("templates", &FILES);
    let found = problems(embedded);
    assert!(found.contains("the folder `templates` inside the binary"), "{found}");
}

#[hipflask::test]
async fn a_missing_template_shows_the_views_line_and_the_folder() {
    fn of_helper() -> Template {
        render_template!("gone.html")
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("templates").display().to_string();
    let app = App::new("test", root).config("SECRET_KEY", KEY).config("DEBUG", true);
    let client = app.add_url_rule(Rule::new("/"), async || of_helper()).test_client();
    let page = client.get("/").send().await.text();
    for shown in [
        "&#34;gone.html&#34; does not exist",
        folder.as_str(),
        "templates.rs:",
        "render_template!(&#34;gone.html&#34;)",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let marked = page.split("<b>").nth(1).and_then(|rest| rest.split("</b>").next()).unwrap_or_default();
    assert!(marked.contains("render_template!(&#34;gone.html&#34;)"), "{page}");
    assert!(!page.contains("Template :1"), "{page}");
    let json = client.get("/").header("accept", "application/json").send().await.json::<serde_json::Value>();
    assert!(json["at"].as_str().is_some_and(|at| at.contains("templates.rs:")), "{json}");
}

fn problems(app: App) -> String {
    app.freeze().map_or_else(|errors| errors.to_string(), |_| "none".to_owned())
}

#[test]
fn mistakes_in_templates_are_found_at_the_start() {
    let site = Site::new(
        "mistakes",
        [
            ("syntax.html", "\n{% if %}"),
            ("open.html", "{% for x in y %}"),
            ("url.html", "\n\n<a href=\"{{ url_for('nowhere') }}\">{{ url_for('show') }}"),
            (
                "other.html",
                "\n{% extends 'gone.html' %}{% include 'part.html' ignore missing %}{% include 'fine.html' %}",
            ),
            (
                "fine.html",
                "{{ url_for('show', name='x') }}{{ url_for(x) }}{{ url_for('show', **args) }}{# url_for('no') #}",
            ),
        ],
    );
    let found = problems(site.showing());
    for told in [
        "syntax.html:2",
        "open.html:1",
        "url.html:3: `url_for('nowhere')`",
        "url.html:3: `url_for('show')`: a value for `name` is missing",
        "other.html:2: `extends 'gone.html'`: there is no template `gone.html`",
        "5 problems",
    ] {
        assert!(found.contains(told), "{told}: {found}");
    }
    assert!(!found.contains("fine.html"), "{found}");
}

/// What only looks like a mistake keeps no application from starting.
#[cfg(unix)]
#[test]
fn what_is_not_a_mistake_is_not_found() {
    for (number, source) in [
        "{{ 'it\\'s url_for(\"nowhere\")' }}",
        "{{ \"a \\\" url_for('nowhere')\" }}",
        "{% raw %}{{ url_for('nowhere') }}{% endraw %}",
        "{%\nraw\n%}{{ url_for('nowhere') }}{%- endraw -%}",
        "{{ '}}' ~ \"url_for('nowhere')\" }}",
        "{{ other.url_for('nowhere') }}",
        "{{ my_url_for('nowhere') }}",
        "url_for('nowhere') { url_for('nowhere') }",
        "{{ url_for('nowhere' if false else 'show', name='x') }}",
        "{{ url_for('sh' ~ 'ow', name='x') }}",
        "{# {{ url_for('nowhere') }} #}",
        "{{ url_for('show',\n   name = 'x') }}",
        "{{ url_for('show', **{'name': 'x'}) }}",
        "<script>if (a{b) {}</script>",
    ]
    .into_iter()
    .enumerate()
    {
        let site = Site::new(&format!("innocent-{number}"), [("a.html", source)]);
        assert_eq!(problems(site.showing()), "none", "{source}");
    }
    let site = Site::new("innocent", [("a.html", "a")]);
    site.write("logo.png", b"\x89PNG\xff{{");
    site.write(".hidden.html", b"{% if %}");
    std::os::unix::fs::symlink(&site.0, site.0.join("templates/loop")).expect("a link");
    std::os::unix::fs::symlink("nowhere", site.0.join("templates/broken")).expect("a link");
    assert_eq!(problems(site.showing()), "none");
}

#[hipflask::test]
async fn a_changed_template_is_seen_while_developing_alone() {
    let site = Site::new("changed", [("a.html", "one")]);
    let (developing, production) = (site.showing().config("DEBUG", true).test_client(), site.showing().test_client());
    for client in [&developing, &production] {
        assert_eq!(client.get("/show/a.html").send().await.text(), "one");
    }
    site.write("a.html", b"two");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let file = std::fs::File::options().write(true).open(site.0.join("templates/a.html")).expect("it is there");
    file.set_modified(later).expect("a time");
    assert_eq!(developing.get("/show/a.html").send().await.text(), "two");
    assert_eq!(production.get("/show/a.html").send().await.text(), "one");
    site.write("new.html", b"new");
    assert_eq!(developing.get("/show/new.html").send().await.text(), "new");
    std::fs::remove_file(site.0.join("templates/a.html")).expect("it is there");
    assert_eq!(developing.get("/show/a.html").send().await.status(), 500);
}

#[hipflask::test]
async fn templates_inside_the_binary_are_templates() {
    static FILES: [EmbeddedFile; 3] = [
        EmbeddedFile {
            name: "sub/a.html",
            content: b"{% extends 'base.html' %}{% block b %}{{ value }}{% endblock %}",
        },
        EmbeddedFile { name: "base.html", content: b"[{% block b %}{% endblock %}]" },
        EmbeddedFile { name: "logo.png", content: b"\x89PNG\xff" },
    ];
    let site = Site::new("embedded", [("disk.html", "on disk")]);
    let client = site.showing().embed("templates", &FILES).test_client();
    assert_eq!(client.get("/show/sub/a.html").send().await.text(), "[&lt;&amp;&#34;&#39;&gt;]");
    assert_eq!(client.get("/show/disk.html").send().await.status(), 500);
}

/// Code is only what the developer wrote; what a user sent is a value.
#[hipflask::test]
async fn a_value_is_never_code() {
    let client = rendering(App::new("test", "."));
    let site = Site::new("value", [("a.html", "{{ request.args.q }}{% include request.args.name ignore missing %}")]);
    let named = site.showing().test_client();
    for q in ["{{ 7*7 }}", "{% raw %}", "{{ config }}", "{#"] {
        let text = named.get("/show/a.html").query([("q", q), ("name", "../a.html")]).send().await.text();
        assert_eq!(text, q, "{q}");
    }
    for source in ["{{ value.__class__.__mro__ }}", "{{ config.__init__.__globals__ }}", "{{ request.application }}"] {
        let text = render(&client, source).await;
        assert!(!text.contains("hipflask") || text.contains("undefined"), "{source}: {text}");
    }
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let response = client.get("/").query([("source", format!("{{{{ {deep} }}}}"))]).send().await;
    assert_eq!(response.status(), 500, "no stack is large enough for everything");
}

/// What a template asks for may render a template of its own.
#[test]
fn a_template_may_be_rendered_while_another_one_is() {
    let app = App::new("test", ".").add_url_rule(Rule::new("/<lang>").endpoint("index"), async || {
        Template::from_string("{{ url_for('index') }} {{ request.path }}")
    });
    let app = app.url_defaults(|ctx, _, values| {
        let mut inner = ctx.app().context();
        let rendering = inner.render(Template::from_string("{{ 'd' + 'e' }}"));
        let waker = std::task::Waker::noop();
        let rendered = std::pin::pin!(rendering).poll(&mut std::task::Context::from_waker(waker));
        let std::task::Poll::Ready(Ok(lang)) = rendered else { panic!("it has nothing to wait for") };
        values.push(("lang".into(), lang.into_string()));
    });
    let response = app.test_client().get("/fr").send_blocking();
    assert_eq!(response.text(), "/de /fr");
}

/// Its first value by name, all of them by `getlist`, the names by a loop.
#[hipflask::test]
async fn what_a_request_has_several_of_is_looked_up() {
    for (of, found) in [
        ("args", "1|1 2|n other|0|none"),
        ("form", "3|3 4|n other|0|none"),
        ("cookies", "5|5 6|n other|0|none"),
        ("headers", "7|7|content-length content-type cookie host n origin other sec-fetch-site user-agent|0|none"),
    ] {
        let source = "{{ pairs.n }}|{{ pairs.getlist('n')|join(' ') }}|{% for name in pairs %}{{ name }}\
             {{ '' if loop.last else ' ' }}{% endfor %}|{{ pairs.getlist('none')|length }}|{{ pairs.get('none', 'none') }}";
        let source = source.replace("pairs", &format!("request.{of}"));
        let view = move |_: hipflask::http::FormData| {
            let source = source.clone();
            async move { Template::from_string(source) }
        };
        let app = App::new("test", ".").add_url_rule(Rule::new("/").methods([POST]), view);
        let client = app.test_client();
        let request = client.post("/?other=0&n=1&n=2").form([("n", "3"), ("other", "0"), ("n", "4")]);
        let request = request.header("cookie", "other=0; n=5; n=6").header("n", "7");
        assert_eq!(request.header("other", "0").send().await.text(), found, "{of}");
    }
}

/// Compared with Flask 3.1.3.
#[test]
fn g_is_read_like_a_dict() {
    async fn page(ctx: &mut Context) -> Template {
        ctx.g_mut().set("a", 1);
        ctx.g_mut().set("b", "x");
        Template::from_string(
            "{{ 'a' in g }} {{ 'z' in g }} {% for k in g %}{{ k }},{% endfor %} {{ g.get('z', 'd') }} {{ g.get('b') }} \
             {{ g.z is defined }} {{ g.pop('a') }} {{ 'a' in g }} {{ g.pop('a', 'gone') }} {{ g.setdefault('n', 3) }} \
             {{ g.setdefault('n', 4) }} {{ g.n }}",
        )
    }
    let client = App::new("test", ".").add_url_rule(Rule::new("/"), page).test_client();
    assert_eq!(client.get("/").send_blocking().text(), "True False a,b, d x False 1 False gone 3 3 3");
}
