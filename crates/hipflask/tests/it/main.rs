//! Hipflask driven from outside, one file per capability.

#![allow(clippy::panic, reason = "views panic here to see what becomes of it")]

mod dependencies;
mod errors;
mod layers;
mod lifecycle;
mod responses;
mod routing;
mod sessions;
mod views;
