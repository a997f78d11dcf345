//! Hipflask driven from outside, one file per capability.

#![allow(clippy::panic, reason = "views panic here to see what becomes of it")]

mod after_response;
mod blocking;
mod blueprints;
mod callbacks;
mod cli;
mod config;
mod csrf;
mod dependencies;
mod errors;
mod events;
mod finished;
mod forms;
mod hosts;
mod kept;
mod large_forms;
mod layers;
mod lifecycle;
mod log;
mod mounts;
mod options;
mod proxies;
mod real_flask;
mod replies;
mod requests;
mod responses;
mod route_properties;
mod routing;
mod seam;
mod security;
mod server;
mod sessions;
mod setup;
mod static_files;
mod surface;
mod templates;
mod testing;
mod uploads;
mod urls;
mod views;
mod within;
mod wraps;
