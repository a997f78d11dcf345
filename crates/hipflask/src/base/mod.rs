//! Plain values that everything else is built from.

pub(crate) mod catches;
mod cause;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod dates;
pub(crate) mod datetime;
pub(crate) mod decimal;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod html;
pub(crate) mod options;
pub(crate) mod panics;
pub(crate) mod runtime;
pub(crate) mod status;
mod strftime;
pub(crate) mod times;
pub(crate) mod type_map;
