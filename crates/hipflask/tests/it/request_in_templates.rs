//! `request` and `session` in a template.

use hipflask::Rule;
use hipflask::prelude::*;

const KEY: &str = "a key that is long enough, and only for tests";

/// Under Flask's names; one that Flask has and templates do not get is an error.
#[hipflask::test]
async fn a_request_has_flasks_names() {
    async fn page(ctx: &mut Context, _: hipflask::http::FormData) -> Result<Template> {
        ctx.session().set("a", 1);
        Ok(Template::from_string(ctx.request().args().require("source")?.to_owned()))
    }
    let app = App::new("test", ".").config("SECRET_KEY", KEY);
    let client = app.add_url_rule(Rule::new("/").methods([POST]), page).test_client();
    for (source, html) in [
        ("{{ request.user_agent }} {{ request.user_agent.string }}", "Me/1 Me/1"),
        (
            "{{ request.is_json }} {{ request.mimetype }} {{ request.content_length > 5 }}",
            "False multipart/form-data True",
        ),
        ("{{ 'boundary' in request.mimetype_params }} {{ request.want_form_data_parsed }}", "True True"),
        ("{{ request.values.n }} {{ request.values.getlist('n')|join }} {{ request.values.to_dict().n }}", "1 12 1"),
        ("{% for name, all in request.form.lists() %}{{ name }}={{ all|join }}{% endfor %}", "n=2"),
        ("{{ request.files.f.filename }} {{ request.files.f.mimetype }}", "a.txt text/plain"),
        (
            "{{ request.accept_languages }} {{ request.accept_languages.best }} \
             {{ request.accept_languages.best_match(['en', 'de']) }}",
            "de, en;q=0.5 de de",
        ),
        ("{{ request.accept_mimetypes.accept_json }} {{ request.accept_encodings.provided }}", "True False"),
        (
            "{{ request.authorization.type }} {{ request.authorization.username }} {{ request.authorization }}",
            "basic ada basic",
        ),
        (
            "{{ request.blueprints }} {{ request.access_route }} {{ request.remote_user }}",
            "[] [&#39;127.0.0.1&#39;] None",
        ),
        (
            "{{ request.if_none_match }} {{ request.cache_control }} {{ request.date.year }}",
            "&#34;x&#34; no-cache 2020",
        ),
        ("{{ request.args.get('no', default='d') }}{{ request.args.get('no', 'e') }}", "de"),
        ("{{ request.range }} {{ request.max_forwards }} {{ request.origin is none }}", " None False"),
        ("{{ session.new }} {{ session.permanent }} {{ session.modified }} {{ session.a }}", "False False True 1"),
    ] {
        let request = client.post("/?n=1").query([("source", source)]).form([("n", "2")]);
        let request = request.file("f", "a.txt", "text/plain; x=y", "x").header("user-agent", "Me/1");
        let request = request.header("accept", "application/json").header("accept-language", "de, en;q=0.5");
        let request = request.header("if-none-match", "\"x\"").header("cache-control", "no-cache");
        let request = request.header("authorization", "Basic YWRhOmI=").header("date", "Thu, 02 Jan 2020 03:04:05 GMT");
        assert_eq!(request.send().await.text(), html, "{source}");
    }
    for source in
        ["{{ request.json }}", "{{ request.get_json() }}", "{{ request.data }}", "{{ request.args.get('n', type=1) }}"]
    {
        let response = client.post("/").query([("source", source)]).send().await;
        assert_eq!(response.status(), 500, "{source}: {}", response.text());
    }
}
