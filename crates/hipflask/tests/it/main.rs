//! Hipflask driven from outside, one file per capability.

mod blueprints;
mod config;
mod csrf;
mod errors;
mod forms;
mod lifecycle;
mod requests;
mod responses;
mod routing;
mod security;
mod sessions;
mod setup;
mod static_files;
mod templates;
mod uploads;
mod views;
