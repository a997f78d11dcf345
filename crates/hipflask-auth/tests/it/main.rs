//! Passwords and logins driven from outside, one file per capability.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what fails here is the test")]

mod login;
mod next;
mod passwords;
mod users;
