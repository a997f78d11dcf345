//! `request` in a template, under Flask's names.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use crate::base::datetime::DateTime;
use crate::builtin::templating::current::with;
use crate::builtin::templating::dict::dict;
use crate::builtin::templating::scope::Pairs;
use crate::builtin::templating::value::to_value;
use crate::context::Context;
use crate::http::accept::Accept;
use crate::http::authorization::Authorization;
use crate::http::request::Request;
use crate::http::upload::Upload;

/// `request`: what a template may read from it.
#[derive(Debug)]
pub(super) struct RequestObject;

impl Object for RequestObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let found = with(|ctx| {
            let request = ctx.request();
            context_attribute(ctx, key)
                .or_else(|| request_attribute(request, key))
                .or_else(|| header_attribute(request, key))
        });
        found.ok()?.or_else(|| lacking(key))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        let told = lacking(method).map(|told| told.to_string());
        Err(Error::new(ErrorKind::UnknownMethod, told.unwrap_or_else(|| format!("a request has no method `{method}`"))))
    }
}

/// What Flask's request has and a template does not get here: the body, which a view reads, and what belongs to WSGI. It is
/// an error, because nothing at all would go unnoticed.
fn lacking(key: &str) -> Option<Value> {
    const LACKING: [&str; 14] = [
        "content_md5",
        "data",
        "environ",
        "get_data",
        "get_json",
        "input_stream",
        "is_multiprocess",
        "is_multithread",
        "json",
        "max_content_length",
        "max_form_memory_size",
        "max_form_parts",
        "routing_exception",
        "stream",
    ];
    let told = || format!("`request.{key}` is not for templates here; pass what you need of it from the view");
    LACKING.contains(&key).then(|| Value::from(Error::new(ErrorKind::InvalidOperation, told())))
}

fn or_none<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or_else(|| Value::from(()), Into::into)
}

fn context_attribute(ctx: &Context, key: &str) -> Option<Value> {
    Some(match key {
        "endpoint" => or_none(ctx.endpoint()),
        "blueprint" => or_none(ctx.blueprint()),
        "blueprints" => ctx.blueprints().map(Value::from).collect(),
        "url_rule" => or_none(ctx.rule()),
        "view_args" => {
            dict(ctx.view_args().iter().map(|(name, value)| (Value::from(name), Value::from(value))).collect())
        }
        "form" => Value::from_object(Pairs::Form),
        "values" => Value::from_object(Pairs::Values),
        "files" => {
            let files = ctx.parsed_form().into_iter().flat_map(|form| &form.files);
            dict(files.map(|upload| (Value::from(upload.name()), file(upload))).collect())
        }
        _ => return None,
    })
}

/// A file that was sent, without its content.
fn file(upload: &Upload) -> Value {
    let text = |name: &str, value: &str| (Value::from(name), Value::from(value));
    let length = (Value::from("content_length"), Value::from(upload.len()));
    let mimetype = upload.mimetype();
    dict(vec![
        text("name", upload.name()),
        text("filename", upload.filename()),
        text("content_type", upload.content_type()),
        text("mimetype", &mimetype),
        length,
    ])
}

fn request_attribute(request: &Request, key: &str) -> Option<Value> {
    Some(match key {
        "method" => Value::from(request.method().as_str()),
        "path" => Value::from(request.path()),
        "full_path" => Value::from(request.full_path()),
        "url" => Value::from(request.url()),
        "base_url" => Value::from(request.base_url()),
        "url_root" | "root_url" => Value::from(request.root_url()),
        "host_url" => Value::from(request.host_url()),
        "host" => Value::from(request.host()),
        "scheme" => Value::from(request.scheme().as_str()),
        "is_secure" => Value::from(request.is_secure()),
        "script_root" | "root_path" => Value::from(request.root_path()),
        "query_string" => Value::from(request.query_string()),
        "remote_addr" => or_none(request.remote_addr().map(|address| address.to_string())),
        "access_route" => Value::from(request.access_route()),
        // There is no server that says who has logged in.
        "remote_user" => Value::from(()),
        "args" => Value::from_object(Pairs::Args),
        "cookies" => Value::from_object(Pairs::Cookies),
        "headers" => Value::from_object(Pairs::Headers),
        _ => return None,
    })
}

fn header_attribute(request: &Request, key: &str) -> Option<Value> {
    let moment = |moment: Option<DateTime>| moment.map_or_else(|| Value::from(()), |moment| to_value(&moment));
    let tags = |name: &str| Value::from(request.header(name).unwrap_or_default());
    Some(match key {
        "is_json" => Value::from(request.is_json()),
        "mimetype" => Value::from(request.mimetype()),
        "mimetype_params" => {
            let params = request.mimetype_params();
            dict(params.iter().map(|(name, value)| (Value::from(name), Value::from(value))).collect())
        }
        "content_type" => or_none(request.header("content-type")),
        "content_length" => or_none(request.content_length()),
        "content_encoding" => or_none(request.content_encoding()),
        "want_form_data_parsed" => Value::from(request.want_form_data_parsed()),
        "user_agent" => Value::from_object(UserAgentObject(request.user_agent().to_owned())),
        "referrer" => or_none(request.referrer()),
        "origin" => or_none(request.origin()),
        "max_forwards" => or_none(request.max_forwards()),
        "pragma" | "if_match" | "if_none_match" | "if_range" | "range" => tags(&key.replace('_', "-")),
        "cache_control" => Value::from(request.cache_control().to_string()),
        "date" => moment(request.date()),
        "if_modified_since" => moment(request.if_modified_since()),
        "if_unmodified_since" => moment(request.if_unmodified_since()),
        "access_control_request_method" => or_none(request.access_control_request_method().map(|m| m.to_string())),
        "access_control_request_headers" => Value::from(request.access_control_request_headers()),
        "authorization" => request
            .authorization()
            .map_or_else(|| Value::from(()), |authorization| Value::from_object(AuthorizationObject(authorization))),
        "accept_mimetypes" => accept(request, "accept", request.accept()),
        "accept_languages" => accept(request, "accept-language", request.accept_languages()),
        "accept_charsets" => accept(request, "accept-charset", request.accept_charsets()),
        "accept_encodings" => accept(request, "accept-encoding", request.accept_encodings()),
        _ => return None,
    })
}

/// It prints as its header, and `user_agent.string` is that too.
#[derive(Debug)]
struct UserAgentObject(String);

impl Object for UserAgentObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "string").then(|| Value::from(&self.0))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client accepts: it prints as its header, and gives its values when iterated.
#[derive(Debug)]
struct AcceptObject {
    header: String,
    accept: Accept,
}

fn accept(request: &Request, header: &str, accept: Accept) -> Value {
    Value::from_object(AcceptObject { header: request.header(header).unwrap_or_default().to_owned(), accept })
}

impl Object for AcceptObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "best" => or_none(self.accept.best()),
            "provided" => Value::from(self.accept.provided()),
            "accept_json" => Value::from(self.accept.accepts_json()),
            "accept_html" => Value::from(self.accept.accepts_html()),
            "accept_xhtml" => Value::from(self.accept.accepts_xhtml()),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.accept.iter().map(|(value, _)| Value::from(value)).collect())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("quality", [offer]) => Ok(Value::from(f64::from(self.accept.quality(&offer.to_string())))),
            ("best_match", [offers]) => {
                let offers: Vec<String> = offers.try_iter()?.map(|offer| offer.to_string()).collect();
                Ok(or_none(self.accept.best_match(offers.iter().map(String::as_str))))
            }
            ("values", []) => Ok(self.accept.iter().map(|(value, _)| Value::from(value)).collect()),
            ("to_header", []) => Ok(Value::from(&self.header)),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.header)
    }
}

/// `request.authorization`
#[derive(Debug)]
struct AuthorizationObject(Authorization);

impl Object for AuthorizationObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "type" => Value::from(self.0.scheme()),
            "username" => or_none(self.0.username()),
            "password" => or_none(self.0.password()),
            "token" => or_none(self.0.token()),
            key => or_none(self.0.get(key)),
        })
    }

    /// Without what is secret in it.
    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.scheme())
    }
}
