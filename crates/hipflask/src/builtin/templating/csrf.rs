//! The token against cross-site requests in a template.

use minijinja::Error;
use minijinja::value::Value;

use crate::base::html::Html;
use crate::builtin::security::csrf;
use crate::builtin::templating::current::{failed, with};

pub(super) fn csrf_token() -> Result<Value, Error> {
    with(|ctx| csrf::generate(ctx).map(Value::from).map_err(|error| failed(&error)))?
}

/// A hidden field with the token; empty if the check is switched off.
pub(super) fn csrf_field() -> Result<Html, Error> {
    with(|ctx| csrf::field(ctx).map_err(|error| failed(&error)))?
}
