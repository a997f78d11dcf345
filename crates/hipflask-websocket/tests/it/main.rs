//! WebSockets, as the book describes them. Where frames matter, the other side writes and reads bytes, so that no
//! implementation hides what goes over the connection.

mod close;
mod compression;
mod conversation;
mod frames;
mod handshake;
mod limits;
mod peer;
mod raw;
mod server;
mod times;
mod utf8;
mod whatever;

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask_websocket::prelude::*;

/// An application as in production.
fn app() -> App {
    App::new("test", ".")
        .config("DEBUG", false)
        .config("SECRET_KEY", "a key that is long enough, and only for tests")
        .extend(WebSockets)
}

fn rule(path: &str) -> Rule {
    Rule::new(path).websocket(true)
}

/// An application that sends back what comes.
fn echoing() -> App {
    app().add_url_rule(rule("/echo").endpoint("echo"), async |handshake: Handshake| handshake.accept(echo))
}

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}
