//! WebSockets for Hipflask, over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441): what Flask-Sock is for Flask.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_websocket::prelude::*;
//!
//! #[get("/echo", websocket = true)]
//! async fn echo(handshake: Handshake) -> Accepted {
//!     handshake.accept(async |mut socket| {
//!         while let Some(message) = socket.receive().await? {
//!             socket.send(message).await?;
//!         }
//!         Ok(())
//!     })
//! }
//!
//! # hipflask::block_on(async {
//! let client = App::new("doc", ".").extend(WebSockets).routes(routes![echo]).test_client();
//! let mut socket = client.websocket("/echo").connect().await;
//! socket.send("hello").await;
//! assert_eq!(socket.receive_text().await, "hello");
//! # });
//! ```
//!
//! A view with a [`Handshake`] is a view like any other until it accepts: hooks, the session and logins are at hand, and
//! what it refuses is an ordinary answer. The function that it accepts with has the [`WebSocket`]. When the function
//! returns, the WebSocket is closed, and the request ends.

mod close;
mod decoder;
mod deflate;
mod driver;
mod frame;
mod handshake;
mod message;
mod origins;
mod settings;
mod shared;
mod socket;
pub mod testing;

pub use crate::close::{CloseCode, ClosedBy, ConnectionClosed};
pub use crate::handshake::{Accepted, Handshake, WebSockets};
pub use crate::message::Message;
pub use crate::origins::AllowedOrigins;
pub use crate::socket::{Sender, WebSocket};

/// The names that nearly every program uses: `use hipflask_websocket::prelude::*`.
///
/// It brings [`websocket`](testing::WebSocketClient::websocket) of a test client too, without the trait's name.
pub mod prelude {
    pub use crate::testing::WebSocketClient as _;
    pub use crate::{
        Accepted, AllowedOrigins, CloseCode, ConnectionClosed, Handshake, Message, Sender, WebSocket, WebSockets,
    };
}
