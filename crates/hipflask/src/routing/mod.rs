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
