//! URL rules: which view answers a path, and which path leads to a view. Werkzeug's routing, pure.

pub(crate) mod build;
pub(crate) mod converter;
pub(crate) mod find;
pub(crate) mod map;
pub(crate) mod matcher;
pub(crate) mod methods;
mod part;
pub(crate) mod rule;
pub(crate) mod view_args;

pub use hipflask_rule::{Arguments, Literal};

pub use crate::routing::build::BuildError;
pub use crate::routing::converter::Converter;
pub use crate::routing::rule::{Rule, ViewId};
pub use crate::routing::view_args::{FromPath, ViewArgs};
