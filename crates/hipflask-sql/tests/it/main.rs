//! Databases driven from outside, one file per capability. What can differ between SQLite and PostgreSQL is
//! tried on both, by the same test.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what fails here is the test")]

#[macro_use]
mod database;
mod log;
mod proxy;

mod cancellation;
mod commands;
mod failures;
mod migrations;
mod named;
mod pages;
mod queries;
mod setup;
mod statements;
mod streams;
mod transactions;
mod values;
