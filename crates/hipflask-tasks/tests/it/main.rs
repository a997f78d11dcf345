//! Tasks on a database of each kind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod support;

mod running;
mod sending;
