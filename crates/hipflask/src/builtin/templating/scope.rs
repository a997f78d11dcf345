//! Flask's names in a template: `request`, `session`, `g`, `config`, `url_for` and the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::HeaderName;
use minijinja::value::{Enumerator, Kwargs, Object, Rest, Value};
use minijinja::{Error, ErrorKind};

use crate::base::config::Config;
use crate::builtin::security;
use crate::builtin::templating::current::{failed, with};
use crate::builtin::templating::dict::dict;
use crate::builtin::templating::value::to_value;
use crate::context::Context;
use crate::context::url_for::UrlFor;
use crate::http::request::Request;

/// `url_for('blog.show', id=7, _anchor='x', _external=true)`
pub(super) fn url_for(endpoint: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let mut url = UrlFor::endpoint(endpoint);
    for name in kwargs.args() {
        let value: Value = kwargs.get(name)?;
        url = match name {
            "_external" if value.is_none() => url,
            "_external" if value.is_true() => url.external(),
            "_external" => url.relative(),
            "_anchor" => {
                if value.is_none() {
                    url
                } else {
                    url.anchor(value.to_string())
                }
            }
            "_scheme" => {
                if value.is_none() {
                    url
                } else {
                    url.scheme(value.to_string())
                }
            }
            "_method" => match value.to_string().to_ascii_uppercase().parse() {
                Ok(method) => url.method(method),
                Err(_) => return Err(Error::new(ErrorKind::InvalidOperation, format!("`{value}` is not a method"))),
            },
            _ => add_value(url, name, &value),
        };
    }
    with(|ctx| ctx.url_for(url).map(Value::from).map_err(|error| failed(&error)))?
}

/// `None` is left out, in a list too, which repeats its name.
fn add_value(url: UrlFor, name: &str, value: &Value) -> UrlFor {
    let is_there = |value: &Value| !value.is_none() && !value.is_undefined();
    match value.kind() {
        minijinja::value::ValueKind::Seq => url.values(name, value.try_iter().into_iter().flatten().filter(is_there)),
        _ => url.values(name, Some(value).filter(|value| is_there(value))),
    }
}

/// `get_flashed_messages(with_categories=False, category_filter=[])`
pub(super) fn get_flashed_messages(positional: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let argument = |index: usize, name: &str| -> Result<Option<Value>, Error> {
        Ok(match positional.get(index) {
            Some(value) => Some(value.clone()),
            None if kwargs.has(name) => Some(kwargs.get(name)?),
            None => None,
        })
    };
    let with_categories = argument(0, "with_categories")?.is_some_and(|value| value.is_true());
    let filter: Vec<String> = argument(1, "category_filter")?
        .into_iter()
        .flat_map(|list| list.try_iter().into_iter().flatten())
        .map(|c| c.to_string())
        .collect();
    kwargs.assert_all_used()?;
    let messages = with(|ctx| ctx.session().flashed_messages())?;
    let wanted = messages.into_iter().filter(|(category, _)| filter.is_empty() || filter.contains(category));
    Ok(if with_categories {
        wanted.map(|(category, message)| Value::from((category, to_value(&message)))).collect()
    } else {
        wanted.map(|(_, message)| to_value(&message)).collect()
    })
}

pub(super) fn csp_nonce() -> Result<Value, Error> {
    with(|ctx| Value::from(security::talisman::nonce(ctx)))
}

/// `request.args`, `form`, `cookies` and `headers`: the first value by name, all of them with `getlist`. They are looked
/// up where they are: a template that asks for one value does not pay for the others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pairs {
    Args,
    Form,
    /// Of the query, then of the form.
    Values,
    Cookies,
    Headers,
}

impl Pairs {
    fn first(self, ctx: &Context, key: &str) -> Option<Value> {
        let request = ctx.request();
        let found = match self {
            Pairs::Args => request.args().get(key),
            Pairs::Form => ctx.parsed_form()?.fields.get(key),
            Pairs::Values => request.args().get(key).or_else(|| ctx.parsed_form()?.fields.get(key)),
            Pairs::Cookies => request.cookie(key),
            Pairs::Headers => headers(request, key).next(),
        };
        found.map(Value::from)
    }

    fn all(self, ctx: &Context, key: &str) -> Value {
        let request = ctx.request();
        match self {
            Pairs::Args => request.args().getlist(key).map(Value::from).collect(),
            Pairs::Form => {
                ctx.parsed_form().into_iter().flat_map(|form| form.fields.getlist(key)).map(Value::from).collect()
            }
            Pairs::Values => {
                let form = ctx.parsed_form().into_iter().flat_map(|form| form.fields.getlist(key));
                request.args().getlist(key).chain(form).map(Value::from).collect()
            }
            Pairs::Cookies => {
                request.cookies().filter(|(name, _)| *name == key).map(|(_, value)| Value::from(value)).collect()
            }
            Pairs::Headers => headers(request, key).map(Value::from).collect(),
        }
    }

    /// Every name once, in alphabetical order.
    fn names(self, ctx: &Context) -> Vec<String> {
        let request = ctx.request();
        let names: BTreeSet<&str> = match self {
            Pairs::Args => request.args().iter().map(|(name, _)| name).collect(),
            Pairs::Form => {
                ctx.parsed_form().into_iter().flat_map(|form| form.fields.iter()).map(|(name, _)| name).collect()
            }
            Pairs::Values => {
                let form = ctx.parsed_form().into_iter().flat_map(|form| form.fields.iter());
                request.args().iter().chain(form).map(|(name, _)| name).collect()
            }
            Pairs::Cookies => request.cookies().map(|(name, _)| name).collect(),
            Pairs::Headers => request.headers().keys().map(HeaderName::as_str).collect(),
        };
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The values of a header.
fn headers<'r>(request: &'r Request, name: &str) -> impl Iterator<Item = &'r str> {
    request.header_all(name)
}

impl Object for Pairs {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        with(|ctx| self.first(ctx, key)).ok()?
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = with(|ctx| self.names(ctx)).unwrap_or_default();
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut minijinja::State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let key = args.first().and_then(Value::as_str).unwrap_or_default();
        match (method, args) {
            ("get", [_, named]) if named.is_kwargs() => {
                let kwargs = Kwargs::try_from(named.clone())?;
                let default: Option<Value> = kwargs.get("default")?;
                kwargs.assert_all_used()?;
                with(|ctx| self.first(ctx, key).or(default).unwrap_or_else(|| Value::from(())))
            }
            ("get", [_]) => with(|ctx| self.first(ctx, key).unwrap_or_else(|| Value::from(()))),
            ("get", [_, default]) => with(|ctx| self.first(ctx, key).unwrap_or_else(|| default.clone())),
            ("getlist", [_]) => with(|ctx| self.all(ctx, key)),
            ("lists", []) => with(|ctx| {
                let names = self.names(ctx).into_iter();
                names.map(|name| Value::from(vec![Value::from(&name), self.all(ctx, &name)])).collect()
            }),
            ("to_dict", []) => with(|ctx| {
                let names = self.names(ctx).into_iter();
                let first = |name: String| (Value::from(&name), self.first(ctx, &name).unwrap_or_default());
                dict(names.map(first).collect())
            }),
            ("get" | "getlist" | "lists" | "to_dict", _) => Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("`{method}` takes a name here, `get` a default too, and neither takes `type`"),
            )),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `session`: its values, read like those of a dict.
#[derive(Debug)]
pub(super) struct SessionObject;

impl Object for SessionObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let value = with(|ctx| ctx.session().value(key)).ok()?.map(|value| to_value(&value));
        // As attributes; a value of the session under such a name comes first.
        value.or_else(|| {
            let is_so = match key {
                "permanent" => with(|ctx| ctx.session().is_permanent()),
                "new" => with(|ctx| ctx.session().is_new()),
                "modified" => with(|ctx| ctx.session().is_modified()),
                "accessed" => with(|ctx| ctx.session().is_accessed()),
                _ => return None,
            };
            is_so.ok().map(Value::from)
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = with(|ctx| ctx.session().keys()).unwrap_or_default();
        Enumerator::Values(keys.into_iter().map(Value::from).collect())
    }
}

/// `g`: the values that have a name.
#[derive(Debug)]
pub(super) struct GObject;

impl Object for GObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        with(|ctx| ctx.g().named::<serde_json::Value>(key)).ok()?.map(|value| to_value(&value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = with(|ctx| ctx.g().names().map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default();
        Enumerator::Values(keys.into_iter().map(Value::from).collect())
    }

    /// What changes it; the rest is a dict's.
    fn call_method(
        self: &Arc<Self>,
        _: &mut minijinja::State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let Some(name) = args.first().and_then(Value::as_str) else { return Err(ErrorKind::UnknownMethod.into()) };
        let found = self.get_value(&args[0]);
        match (method, args) {
            ("pop", [_] | [_, _]) => {
                with(|ctx| ctx.g_mut().pop::<serde_json::Value>(name))?;
                let no_such = || Error::new(ErrorKind::InvalidOperation, format!("`g` has no `{name}`"));
                found.or(args.get(1).cloned()).ok_or_else(no_such)
            }
            ("setdefault", [_] | [_, _]) if found.is_none() => {
                let value = args.get(1).cloned().unwrap_or(Value::from(()));
                with(|ctx| ctx.g_mut().set(name, &value))?;
                Ok(value)
            }
            ("setdefault", [_] | [_, _]) => Ok(found.unwrap_or_default()),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}

/// `config`: every key except the secret ones, which no template needs.
#[derive(Debug)]
pub(super) struct ConfigObject;

impl Object for ConfigObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str().filter(|key| !Config::is_secret(key))?;
        with(|ctx| ctx.config().get::<serde_json::Value>(key).ok()).ok()?.map(|value| to_value(&value))
    }
}
