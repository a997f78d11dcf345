//! HTTPS: how connections are encrypted.

pub(super) mod acceptor;
mod by_name;
mod first_byte;
mod handshakes;
mod identity;
pub(super) mod reload;
pub(super) mod secured;
pub(super) mod settings;
