//! Jinja templates, with Flask's names in them and Flask's escaping.

mod csrf;
mod current;
mod dict;
mod engine;
mod field_parts;
mod filters;
mod forms;
pub(crate) mod functions;
pub(crate) mod iterated;
mod moments;
mod python;
pub(crate) mod rendered;
mod request;
mod scope;
mod setup;
mod sources;
mod value;

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, Value};
use minijinja::{Environment, ErrorKind};
use serde::Serialize;

use crate::app::App;
use crate::app::blueprint::Blueprint;
use crate::app::extension::Extension;
use crate::app::freezing::Freezing;
use crate::app::scaffold::Scaffold;
use crate::base::error::{Error, Result};
use crate::base::html::Html;
use crate::builtin::templating::rendered::{BeforeRenderTemplate, TemplateRendered};
use crate::builtin::templating::setup::{TemplateSetup, find_blueprint_folder};
use crate::builtin::templating::value::try_to_value;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::callback::Callback;
use crate::handler::into_callback::IntoCallback;
use crate::handler::respond::Respond;
use crate::http::response::Response;

/// A template and the values for it, made by [`render_template!`](crate::render_template). Flask's
/// `render_template`.
///
/// It is a description: the dispatcher renders it together with the request, so that `request`, `session`, `g`,
/// `config`, `url_for`, `get_flashed_messages` and `csrf_token` are available.
///
/// ```
/// use hipflask::prelude::*;
///
/// #[get("/<name>")]
/// async fn hello(name: String) -> Template {
///     Template::from_string("<h1>Hello, {{ name }}!</h1> <p>{{ request.path }}</p>").with("name", &name)
/// }
///
/// let client = App::new("doc", ".").routes(routes![hello]).test_client();
/// assert_eq!(client.get("/<b>").send_blocking().text(), "<h1>Hello, &lt;b&gt;!</h1> <p>/&lt;b&gt;</p>");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a `Template` only describes a page; return it, or render it with `Context::render`"]
pub struct Template {
    source: Source,
    values: Values,
    /// The line that asked for it.
    location: &'static Location<'static>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The first of these names that exists.
    Names(Vec<Cow<'static, str>>),
    Text(String),
}

/// Names and values for a template, made by [`context!`](crate::context).
#[derive(Clone, Debug, Default)]
pub struct Values(Vec<(Cow<'static, str>, Value)>);

impl Values {
    /// No values.
    pub fn new() -> Values {
        Values::default()
    }

    /// The same with `value` under `name`.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: impl Into<Cow<'static, str>>, value: &T) -> Values {
        let name = name.into();
        let value = try_to_value(value).unwrap_or_else(|cause| not_kept(&name, std::any::type_name::<T>(), &cause));
        self.0.push((name, value));
        self
    }
}

/// What a template meets in place of a value that cannot be serialized.
fn not_kept(name: &str, type_name: &str, cause: &minijinja::Error) -> Value {
    let cause = cause.detail().unwrap_or_default();
    let told = format!("the template cannot have `{name}`, a `{type_name}`: {cause}");
    Value::from(minijinja::Error::new(ErrorKind::BadSerialization, told))
}

impl Template {
    /// The template `name`, in the application's folder for templates.
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Template {
        Template::of(Source::Names(vec![name.into()]))
    }

    /// The first of several templates that exists. Flask's `render_template` with a list.
    #[track_caller]
    pub fn first_of<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Template {
        Template::of(Source::Names(names.into_iter().map(Into::into).collect()))
    }

    /// A template that is only a string; it escapes like HTML. Flask's `render_template_string`. Never build the
    /// string from what a user sent: it is code.
    #[track_caller]
    pub fn from_string(source: impl Into<String>) -> Template {
        Template::of(Source::Text(source.into()))
    }

    #[track_caller]
    fn of(source: Source) -> Template {
        Template { source, values: Values::new(), location: Location::caller() }
    }

    /// The same with `value` under `name`.
    pub fn with<T: Serialize + ?Sized>(mut self, name: impl Into<Cow<'static, str>>, value: &T) -> Template {
        self.values = self.values.with(name, value);
        self
    }
}

#[diagnostic::do_not_recommend]
impl Respond for Template {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let ready = ctx.options::<ContextProcessor>().next().is_none();
        Answer::of(ready, self.into_page(ctx))
    }
}

impl Template {
    async fn into_page(self, ctx: &mut Context) -> Result<Response> {
        let plain = match &self.source {
            Source::Text(_) => false,
            Source::Names(names) => match &names[..] {
                [name] => name.ends_with(".txt"),
                // Unescaped text must not be sent as HTML, so the template that exists decides.
                names => ctx
                    .state::<Templates>()
                    .and_then(|templates| templates.first_of(names).ok())
                    .is_some_and(|template| template.name().ends_with(".txt")),
            },
        };
        let html = ctx.render(self).await?;
        Ok(if plain { Response::new(html.into_string()) } else { Response::new(html) })
    }
}

const WITHOUT: &str = "the application was made without templates";

impl Context {
    /// Renders `template` now, for instance for a mail or a part of a page.
    ///
    /// # Errors
    ///
    /// A [`TemplateError`] if it does not exist, is malformed, or fails; the error of a context processor.
    pub async fn render(&mut self, template: Template) -> Result<Html> {
        let app = self.app().clone();
        let templates = app.state::<Templates>().ok_or_else(|| Error::msg(WITHOUT).at(template.location))?;
        let mut root = Root { given: template.values.0.len(), values: template.values.0 };
        let processors: Vec<ContextProcessor> = self.options::<ContextProcessor>().cloned().collect();
        for ContextProcessor(processor) in &processors {
            root.values.extend(processor.call(self).await?.0);
        }
        let rendered = templates.render(self, &template.source, root);
        Ok(Html::new(rendered.map_err(|error| Error::from(templates.error(&error)).at(template.location))?))
    }
}

/// The values of a render: the view's own first, then those of context processors, from the innermost and last
/// registered outwards.
#[derive(Debug)]
struct Root {
    /// The values from the view.
    given: usize,
    values: Vec<(Cow<'static, str>, Value)>,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (given, processed) = self.values.split_at(self.given);
        let found =
            given.iter().find(|(name, _)| name == key).or_else(|| processed.iter().rev().find(|(name, _)| name == key));
        found.map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|root| Box::new(root.values.iter().map(|(name, _)| Value::from(name.as_ref()))))
    }
}

/// The engine of a frozen application.
pub(crate) struct Templates {
    environment: Environment<'static>,
    /// Where the templates are, for messages.
    place: String,
}

impl Templates {
    fn render(&self, ctx: &mut Context, source: &Source, root: Root) -> Result<String, minijinja::Error> {
        let template = match source {
            Source::Text(text) => self.environment.template_from_named_str(engine::STRING_TEMPLATE, text)?,
            Source::Names(names) => self.first_of(names)?,
        };
        let (name, root) = (template.name(), Value::from_object(root));
        ctx.send(|| BeforeRenderTemplate::new(name, &root));
        let page = current::enter(ctx, || template.render(&root))?;
        ctx.send(|| TemplateRendered::new(name, &root));
        Ok(page)
    }

    fn first_of(&self, names: &[Cow<'static, str>]) -> Result<minijinja::Template<'_, '_>, minijinja::Error> {
        let mut missing = None;
        for name in names {
            match self.environment.get_template(name) {
                Err(error) if error.kind() == ErrorKind::TemplateNotFound => missing = Some(error),
                found => return found,
            }
        }
        Err(missing.unwrap_or_else(|| minijinja::Error::new(ErrorKind::TemplateNotFound, "no template was named")))
    }

    fn error(&self, error: &minijinja::Error) -> TemplateError {
        let missing = error.kind() == ErrorKind::TemplateNotFound;
        let error = innermost(error);
        let is_missing_here = error.kind() == ErrorKind::TemplateNotFound;
        let name = error.name().unwrap_or_default().to_owned();
        let source = error.template_source().map(str::to_owned);
        let source =
            source.or_else(|| self.environment.get_template(&name).ok().map(|template| template.source().to_owned()));
        let mut messages = vec![error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)];
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            let detail = error.downcast_ref::<minijinja::Error>().and_then(minijinja::Error::detail);
            messages.push(detail.map_or_else(|| error.to_string(), str::to_owned));
            cause = error.source();
        }
        messages.dedup();
        if is_missing_here {
            messages.push(format!("it was looked for in {}", self.place));
        }
        let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1);
        TemplateError { name, line, message: messages.join(": "), source: source.unwrap_or_default(), missing }
    }
}

/// The error at the place where it happened: in the included template, not in those around it.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let causes = causes.filter_map(|error| error.downcast_ref::<minijinja::Error>());
    causes.filter(|error| error.name().is_some()).last().unwrap_or(error)
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templates")
    }
}

/// The error for a template that does not exist, is malformed, or failed while it was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    name: String,
    line: u32,
    message: String,
    source: String,
    missing: bool,
}

impl TemplateError {
    /// The template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line in it, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The text of the template.
    pub(crate) fn source_text(&self) -> &str {
        &self.source
    }

    /// Whether there is no such template.
    pub fn is_missing(&self) -> bool {
        self.missing
    }
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.as_str() {
            "" if self.missing => f.write_str(&self.message),
            "" => write!(f, "template: {}", self.message),
            name => write!(f, "template {name}:{}: {}", self.line, self.message),
        }
    }
}

impl std::error::Error for TemplateError {}

/// An option of an application or a blueprint: what its templates are given.
#[derive(Clone)]
struct ContextProcessor(Callback<Values>);

fn add_context_processor<S: Scaffold>(mut scaffold: S, processor: Callback<Values>) -> S {
    scaffold.check_callback(&processor, "the context processor");
    scaffold.with(ContextProcessor(processor))
}

/// Adds templates to an application. Every application has this extension.
pub(crate) struct Templating;

impl Extension for Templating {
    fn init_app(self, app: App) -> App {
        app.template_folder("templates")
            .reads_option::<ContextProcessor>()
            .on_blueprint(find_blueprint_folder)
            .on_freeze(|freezing| {
                let mut setup = freezing.take_state::<TemplateSetup>().unwrap_or_default();
                setup.find_folder(freezing);
                let place = setup.place();
                let environment = engine::environment(setup, freezing);
                freezing.insert_state(Templates { environment, place });
            })
    }
}

impl Freezing<'_> {
    /// Whether there are templates of these names. A view under a macro asks it for the names that it gives to
    /// [`render_template!`](crate::render_template), so that a misspelt one shows at the start.
    ///
    /// # Errors
    ///
    /// Says which do not exist, and where they were looked for.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/")]
    /// async fn index() -> Template {
    ///     render_template!("gone.html")
    /// }
    ///
    /// let errors = App::new("doc", ".").routes(routes![index]).freeze().unwrap_err();
    /// assert!(errors.to_string().contains("the view `index`: the template `gone.html` does not exist"));
    /// ```
    pub fn check_templates(&self, names: &[&str]) -> Result<(), String> {
        let Some(templates) = self.state::<Templates>() else { return Err(WITHOUT.to_owned()) };
        let missing: Vec<&str> =
            names.iter().copied().filter(|name| engine::is_missing(&templates.environment, name)).collect();
        match missing[..] {
            [] => Ok(()),
            [name] => Err(format!("the template `{name}` does not exist; it was looked for in {}", templates.place)),
            _ => Err(format!(
                "the templates `{}` do not exist; they were looked for in {}",
                missing.join("`, `"),
                templates.place
            )),
        }
    }
}

impl App {
    /// Gives every template the values that `f` returns; a view's own values take precedence. Its arguments come by type,
    /// like a view's, and like a view it may be async. It runs for every template that is rendered, and for no other
    /// request; if it fails, so does the rendering.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::{Rule, context};
    ///
    /// async fn site(ctx: &mut Context, config: Config) -> Result<hipflask::templating::Values> {
    ///     let name: String = config.get("SITE")?;
    ///     Ok(context! { name, path => ctx.request().path() })
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .config("SITE", "Crumbs")
    ///     .context_processor(site)
    ///     .context_processor(async || context! { year => 2026 })
    ///     .add_url_rule(Rule::new("/"), async || Template::from_string("{{ name }} {{ year }} {{ path }}"));
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "Crumbs 2026 /");
    /// ```
    #[track_caller]
    pub fn context_processor<M>(self, f: impl IntoCallback<Values, M>) -> App {
        add_context_processor(self, f.into_callback())
    }
}

impl Blueprint {
    /// Gives the templates of this blueprint's views the values that `f` returns.
    #[track_caller]
    pub fn context_processor<M>(self, f: impl IntoCallback<Values, M>) -> Blueprint {
        add_context_processor(self, f.into_callback())
    }

    /// Gives every template of the application the values that `f` returns, once. See [`App::context_processor`].
    #[track_caller]
    pub fn app_context_processor<M>(self, f: impl IntoCallback<Values, M>) -> Blueprint {
        let processor = f.into_callback();
        self.record_once(|app, _| add_context_processor(app, processor))
    }
}
