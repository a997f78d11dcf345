//! Hipflask driven from outside, one file per capability.

mod errors;
mod lifecycle;
mod responses;
mod routing;
mod server;
mod sessions;
mod views;
