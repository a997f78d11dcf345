//! What a template asks of a form, compared with WTForms 3.3.2.

use hipflask::Rule;
use hipflask::form::Choices;
use hipflask::http::{Method, Upload};
use hipflask::prelude::*;
use hipflask::testing::TestClient;

#[derive(Choices)]
enum Size {
    #[choice(value = "s")]
    Small,
    #[choice(value = "l")]
    Large,
}

#[derive(Form)]
struct Everything {
    #[field(length(..=5), description = "d")]
    name: String,
    #[field(range(1..=9))]
    age: Option<i32>,
    #[field(label = "OK")]
    ok: bool,
    #[field(widget = "radio")]
    size: Size,
    #[field(choices("a" = "A"))]
    plan: String,
    #[field(choices("a" = "A", "b" = "B"))]
    tags: Vec<String>,
    #[field(widget = "textarea")]
    note: Option<String>,
    file: Option<Upload>,
    #[field(widget = "hidden")]
    h: Option<String>,
}

async fn page(ctx: &mut Context, form: Form<Everything>) -> Result<Template> {
    let source = ctx.request().args().require("source")?.to_owned();
    Ok(Template::from_string(source).with("form", &form))
}

fn client() -> TestClient {
    let app = App::new("test", ".").config("SECRET_KEY", "only for this test").config("WTF_CSRF_ENABLED", false);
    app.add_url_rule(Rule::new("/").methods([Method::GET, Method::POST]), page).test_client()
}

const SENT: [(&str, &str); 5] = [("name", "Ada"), ("age", "3"), ("size", "l"), ("tags", "b"), ("plan", "x")];

#[hipflask::test]
async fn forms_and_fields_have_the_names_of_wtforms() {
    let client = client();
    for (source, html) in [
        ("{{ form.name.label }}", "<label for=\"name\">Name</label>"),
        ("{{ form.name.label(class='x') }}", "<label class=\"x\" for=\"name\">Name</label>"),
        ("{{ form.name.label('Other', class_='x') }}", "<label class=\"x\" for=\"name\">Other</label>"),
        ("{{ form.name.label(text='Other') }}", "<label for=\"name\">Other</label>"),
        ("{{ form.name.label.text }} {{ form.name.label.field_id }}", "Name name"),
        (
            "{{ form.name.flags.required }} {{ form.name.flags.maxlength }} {{ form.age.flags.optional }} \
             {{ form.age.flags.min }} {{ form.name.flags.nothing }}",
            "True 5 True 1 None",
        ),
        (
            "{% for f in form %}{{ f.name }}:{{ f.type }}:{{ f.widget.input_type }},{% endfor %}",
            "name:StringField:text,age:IntegerField:number,ok:BooleanField:checkbox,size:RadioField:,plan:SelectField:,\
             tags:SelectMultipleField:,note:TextAreaField:,file:FileField:file,h:HiddenField:hidden,",
        ),
        (
            "{{ form.data }}",
            "{'name': 'Ada', 'age': 3, 'ok': False, 'size': 'l', 'plan': 'x', 'tags': ['b'], 'note': None, 'file': None, \
             'h': None}",
        ),
        ("{{ form.errors }}", "{'plan': ['Choose one of the options.']}"),
        ("{{ form.tags.data }} {{ form.ok.data }} {{ form.age.data }} {{ form.note.data }}", "['b'] False 3 None"),
        (
            "{% for o in form.size %}{{ o }}{{ o.label }}{{ o.type }}{{ o.id }}{% endfor %}",
            "<input id=\"size-0\" name=\"size\" required type=\"radio\" value=\"s\"><label for=\"size-0\">Small</label>\
             _Optionsize-0<input checked id=\"size-1\" name=\"size\" required type=\"radio\" value=\"l\">\
             <label for=\"size-1\">Large</label>_Optionsize-1",
        ),
        ("{% for value, label in form.plan.choices %}{{ value }}={{ label }}{% endfor %}", "a=A"),
        (
            "{% if form.plan.errors %}{{ form.plan(class='is-invalid') }}{% endif %}",
            "<select aria-invalid=\"true\" class=\"is-invalid\" id=\"plan\" name=\"plan\" required>\
             <option value=\"\"></option><option value=\"a\">A</option></select>",
        ),
        ("{{ form.nothing }}|{{ form.name.nothing }}", "|"),
        ("{{ form.hidden_tag() }}", "<input id=\"h\" name=\"h\" type=\"hidden\" value=\"\">"),
        ("{{ form.enctype }}", "multipart/form-data"),
        (
            "{{ form.name.row() }}",
            "<div class=\"field\"><label for=\"name\">Name</label> <input aria-describedby=\"name-description\" id=\"name\" \
             maxlength=\"5\" name=\"name\" required type=\"text\" value=\"Ada\"> <small id=\"name-description\">d</small></div>",
        ),
        (
            "{{ form.ok.row(class='x') }}",
            "<div class=\"field\"><input class=\"x\" id=\"ok\" name=\"ok\" type=\"checkbox\" value=\"y\"> <label for=\"ok\">OK</label></div>",
        ),
        ("{{ form.plan.errors_id }} {{ form.name.errors_id }}", "plan-errors None"),
    ] {
        let text = client.post("/").query([("source", source)]).form(SENT).send().await.text();
        assert_eq!(text.replace("&#39;", "'"), html, "{source}");
    }
}

/// The element that a widget refers to is always written.
#[hipflask::test]
async fn what_describes_a_widget_is_there() {
    let page = client().post("/").query([("source", "{{ form.rows() }}")]).send().await.text();
    let ids: Vec<&str> = page
        .split("aria-describedby=\"")
        .skip(1)
        .flat_map(|rest| rest.split('"').next().unwrap_or_default().split(' '))
        .collect();
    assert!(ids.contains(&"name-errors") && ids.contains(&"size-errors"), "{page}");
    for id in ids {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}: {page}");
    }
    let bare = client().post("/").query([("source", "{{ form.name }}")]).send().await.text();
    assert!(!bare.contains("describedby"), "nothing is written that it could refer to: {bare}");
}

/// A name of WTForms that is not here is an error, never nothing.
#[hipflask::test]
async fn what_is_lacking_is_an_error() {
    for source in ["{{ form.name.render_kw }}", "{% if form.validate() %}x{% endif %}", "{{ form.meta.locales }}"] {
        let response = client().get("/").query([("source", source)]).send().await;
        assert_eq!(response.status(), 500, "{source}: {}", response.text());
    }
}
