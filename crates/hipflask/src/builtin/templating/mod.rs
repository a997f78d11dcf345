//! Jinja templates, with Flask's names in them and Flask's escaping.

mod csrf;
mod current;
mod dict;
mod engine;
mod filters;
mod forms;
mod python;
mod scope;
mod setup;
mod value;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectExt, Value};
use minijinja::{Environment, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::app::blueprint::Blueprint;
use crate::app::extension::Extension;
use crate::app::scaffold::Scaffold;
use crate::base::error::Result;
use crate::base::html::Html;
use crate::builtin::templating::setup::{Callback, TemplateSetup};
use crate::builtin::templating::value::try_to_value;
use crate::context::Context;
use crate::context::url_for::{Resolve, Resolved, defer};
use crate::handler::Handler;
use crate::handler::into_handler::IntoHandler;
use crate::http::response::{IntoResponse, Response};

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
    pub fn new(name: impl Into<Cow<'static, str>>) -> Template {
        Template { source: Source::Names(vec![name.into()]), values: Values::new() }
    }

    /// The first of several templates that exists. Flask's `render_template` with a list.
    pub fn first_of<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Template {
        Template { source: Source::Names(names.into_iter().map(Into::into).collect()), values: Values::new() }
    }

    /// A template that is only a string; it escapes like HTML. Flask's `render_template_string`. Never build the
    /// string from what a user sent: it is code.
    pub fn from_string(source: impl Into<String>) -> Template {
        Template { source: Source::Text(source.into()), values: Values::new() }
    }

    /// The same with `value` under `name`.
    pub fn with<T: Serialize + ?Sized>(mut self, name: impl Into<Cow<'static, str>>, value: &T) -> Template {
        self.values = self.values.with(name, value);
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoResponse for Template {
    fn into_response(self) -> Result<Response> {
        Ok(defer(self))
    }
}

impl Resolve for Template {
    fn resolve(self: Box<Self>, ctx: &mut Context) -> Resolved<'_> {
        if ctx.is_prepared_to_render() {
            Resolved::Ready(self.respond(ctx))
        } else {
            Resolved::Later(Box::pin(async move {
                ctx.prepare_to_render().await?;
                self.respond(ctx)
            }))
        }
    }
}

impl Template {
    fn respond(self, ctx: &mut Context) -> Result<Response> {
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
        let html = ctx.render_now(self)?;
        if plain { html.into_string().into_response() } else { html.into_response() }
    }
}

/// Stored in `g` by the first template of a request.
struct Prepared;

/// The names of the templates that were rendered, in `g` where a test wants to know them. Flask's signal
/// `template_rendered`.
/// It is shared, because a stream may take `g` along.
#[derive(Clone, Default)]
pub(crate) struct Rendered(Arc<Mutex<Vec<String>>>);

impl Rendered {
    fn add(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Context {
    /// Renders `template` now, for instance for a mail or a part of a page.
    ///
    /// # Errors
    ///
    /// A [`TemplateError`] if it does not exist, is malformed, or fails.
    pub async fn render(&mut self, template: Template) -> Result<Html> {
        self.prepare_to_render().await?;
        self.render_now(template)
    }

    fn is_prepared_to_render(&self) -> bool {
        let nothing = self.state::<Templates>().is_none_or(|templates| templates.before_render.is_empty());
        nothing || self.g().get::<Prepared>().is_some()
    }

    async fn prepare_to_render(&mut self) -> Result<()> {
        if !self.is_prepared_to_render() {
            self.g_mut().insert(Prepared);
            let app = self.app().clone();
            for hook in app.state::<Templates>().into_iter().flat_map(|templates| &templates.before_render) {
                hook.call(self).await?;
            }
        }
        Ok(())
    }

    fn render_now(&mut self, template: Template) -> Result<Html> {
        let app = self.app().clone();
        let templates = app
            .state::<Templates>()
            .ok_or_else(|| crate::base::error::Error::msg("the application was made without templates"))?;
        let mut root = Root { given: template.values.0.len(), values: template.values.0 };
        let processors: Vec<ContextProcessor> = self.options::<ContextProcessor>().cloned().collect();
        processors.iter().for_each(|ContextProcessor(process)| root.values.extend(process(self).0));
        let rendered = templates.render(self, &template.source, root);
        Ok(Html::new(rendered.map_err(|error| templates.error(&error))?))
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
    before_render: Vec<Arc<dyn Handler>>,
}

impl Templates {
    fn render(&self, ctx: &mut Context, source: &Source, root: Root) -> Result<String, minijinja::Error> {
        let template = match source {
            Source::Text(text) => self.environment.template_from_named_str(engine::STRING_TEMPLATE, text)?,
            Source::Names(names) => self.first_of(names)?,
        };
        if let Some(rendered) = ctx.g().get::<Rendered>() {
            rendered.add(template.name());
        }
        current::enter(ctx, || template.render(Value::from_object(root)))
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
            "" => write!(f, "template: {}", self.message),
            name => write!(f, "template {name}:{}: {}", self.line, self.message),
        }
    }
}

impl std::error::Error for TemplateError {}

/// An option of an application or a blueprint: what its templates are given.
#[derive(Clone)]
struct ContextProcessor(Arc<dyn Fn(&mut Context) -> Values + Send + Sync>);

/// Adds templates to an application. Every application has this extension.
pub(crate) struct Templating;

impl Extension for Templating {
    fn init_app(self, app: App) -> App {
        app.template_folder("templates").reads_option::<ContextProcessor>().on_freeze(|freezing| {
            let mut setup = freezing.take_state::<TemplateSetup>().unwrap_or_default();
            let before_render = std::mem::take(&mut setup.before_render);
            let environment = engine::environment(setup, freezing);
            freezing.insert_state(Templates { environment, before_render });
        })
    }
}

impl App {
    /// The folder of the templates, relative to the application's: `templates`.
    pub fn template_folder(mut self, folder: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<TemplateSetup>().folder = Some(folder.into());
        self
    }

    /// Adds a filter: `{{ text|shout }}`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn index() -> Template {
    ///     Template::from_string("{{ 'hi'|shout }} {{ 3|times(2) }}")
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .template_filter("shout", |text: String| text.to_uppercase())
    ///     .template_filter("times", |n: i64, by: i64| n * by)
    ///     .add_url_rule(Rule::new("/"), index);
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "HI 6");
    /// ```
    pub fn template_filter<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().filters.push((name.into(), f.into_callback()));
        self
    }

    /// Adds a test: `{% if n is prime %}`.
    pub fn template_test<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().tests.push((name.into(), f.into_callback()));
        self
    }

    /// Adds a function: `{{ now() }}`.
    pub fn template_global<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().globals.push((name.into(), f.into_callback()));
        self
    }

    /// Runs `f` before the first template of a request is rendered: to fetch what context processors then show,
    /// the user who is logged in for instance. A request that renders nothing does not pay for it.
    #[track_caller]
    pub fn before_render_template<M>(mut self, f: impl IntoHandler<M>) -> App {
        let handler = f.into_handler();
        self.check_handler(&handler, "the before_render_template function");
        self.state_mut::<TemplateSetup>().before_render.push(handler);
        self
    }

    /// Gives every template the values that `f` returns; a view's own values take precedence.
    ///
    /// ```
    /// use hipflask::{Rule, context};
    /// use hipflask::prelude::*;
    ///
    /// let app = App::new("doc", ".")
    ///     .context_processor(|ctx| context! { year => 2026, path => ctx.request().path() })
    ///     .add_url_rule(Rule::new("/"), async || Template::from_string("{{ year }} {{ path }}"));
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "2026 /");
    /// ```
    pub fn context_processor(self, f: impl Fn(&mut Context) -> Values + Send + Sync + 'static) -> App {
        self.with(ContextProcessor(Arc::new(f)))
    }
}

impl Blueprint {
    /// Gives the templates of this blueprint's views the values that `f` returns.
    pub fn context_processor(self, f: impl Fn(&mut Context) -> Values + Send + Sync + 'static) -> Blueprint {
        self.with(ContextProcessor(Arc::new(f)))
    }
}

/// A function that a template can call: with up to four arguments that can be deserialized, and a result that can
/// be serialized, or a `Result` of one with a `String` as the error.
#[diagnostic::on_unimplemented(
    message = "a template cannot call `{Self}`",
    label = "not a function for templates",
    note = "it takes up to four owned values (`String`, numbers, `bool`, `Vec`, `Option`, structs that are `Deserialize`) and returns something `Serialize`"
)]
pub trait TemplateFunction<Args>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_callback(self) -> Callback;
}

fn argument<T: DeserializeOwned>(args: &[Value], index: usize) -> Result<T, minijinja::Error> {
    let value = args.get(index).cloned().unwrap_or_else(|| Value::from(()));
    T::deserialize(value).map_err(|error| {
        let kind = if index >= args.len() { ErrorKind::MissingArgument } else { ErrorKind::InvalidOperation };
        minijinja::Error::new(kind, format!("argument {} does not fit: {error}", index + 1))
    })
}

macro_rules! template_functions {
    ($(($($arg:ident $index:literal)*))*) => {
        $(impl<Fun, Out, $($arg),*> TemplateFunction<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Send + Sync + 'static,
            Out: Serialize,
            $($arg: DeserializeOwned,)*
        {
            fn into_callback(self) -> Callback {
                Arc::new(move |args| {
                    let most: usize = <[usize]>::len(&[$($index),*]);
                    if args.len() > most {
                        return Err(minijinja::Error::new(ErrorKind::TooManyArguments, format!("it takes {most}, not {}", args.len())));
                    }
                    try_to_value(&self($(argument::<$arg>(args, $index)?),*))
                })
            }
        })*
    };
}

template_functions!(() (A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3));
