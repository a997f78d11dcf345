//! URL rules: which view answers a path, and which path leads to a view. Werkzeug's routing, pure.

pub(crate) mod adapter;
pub(crate) mod build;
mod compile;
pub(crate) mod converter;
mod converters;
pub(crate) mod find;
pub(crate) mod map;
pub(crate) mod matcher;
pub(crate) mod methods;
mod numbers;
mod part;
mod redirect;
pub(crate) mod rule;
pub(crate) mod similar;
pub(crate) mod url_map;
pub(crate) mod view_args;

pub use hipflask_rule::{Arguments, Literal};

pub use crate::routing::adapter::{Found, MapAdapter, NoMatch};
pub use crate::routing::build::{BuildError, WantedUrl};
pub use crate::routing::converter::Converter;
pub use crate::routing::rule::{Rule, ViewId};
pub use crate::routing::url_map::UrlMap;
pub use crate::routing::view_args::{FromPath, ViewArgs};
