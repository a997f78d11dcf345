//! What a view holds of a WebSocket.

use std::future::poll_fn;
use std::sync::Arc;

use hipflask::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::close::{CloseCode, ConnectionClosed};
use crate::frame::MAX_CONTROL;
use crate::message::Message;
use crate::shared::Shared;

/// An open WebSocket, as the function of a view has it. It is closed with 1000 when the function returns, and with 1011
/// if it fails; [`close`](WebSocket::close) says something else.
///
/// Messages are sent and received by copies of the program's own, up to `WEBSOCKET_MAX_QUEUE` each way. Pings, pongs, the
/// closing handshake and the time-outs go on while the function waits for something else.
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    protocol: Option<String>,
}

impl WebSocket {
    pub(crate) fn new(shared: Arc<Shared>, outgoing: mpsc::Sender<Message>, protocol: Option<String>) -> WebSocket {
        WebSocket { sender: Sender { shared, outgoing }, protocol }
    }

    /// The subprotocol that was agreed upon.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The next message; `None` when the WebSocket was closed, by the client, here, or because the server stops. Then
    /// [`ended`](WebSocket::ended) says why. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`] if the client has gone without a word, answers no ping, or sent something that is not
    /// allowed. Let `?` end the function; nothing is logged then.
    pub async fn receive(&mut self) -> Result<Option<Message>> {
        Ok(poll_fn(|cx| self.sender.shared.poll_receive(cx)).await?)
    }

    /// The next message as the value that it is in JSON.
    ///
    /// # Errors
    ///
    /// Those of [`receive`](WebSocket::receive), and if the message is not JSON, or not a `T`: an error like any other, which is
    /// logged and closes with 1011 unless the function does something else with it.
    pub async fn receive_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        self.receive().await?.map(|message| message.parse()).transpose()
    }

    /// Sends a message: [`Sender::send`].
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`].
    pub async fn send(&self, message: impl Into<Message>) -> Result<()> {
        self.sender.send(message).await
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`], or if JSON cannot hold the value.
    pub async fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        // Made before anything is awaited, so that the value need not be `Sync`.
        let message = Message::json(value);
        self.sender.send(message?).await
    }

    /// Closes it: [`Sender::close`].
    ///
    /// # Errors
    ///
    /// If the code must not be sent, or the reason is too long.
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<()> {
        self.sender.close(code, reason)
    }

    /// Why it was closed, if it was.
    pub fn ended(&self) -> Option<ConnectionClosed> {
        self.sender.shared.ended()
    }

    /// A handle that sends, for other tasks: a chat room keeps one of each member.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }
}

/// The sending side of a [`WebSocket`], to be kept and copied. It keeps nothing open: when the function of the view has
/// returned, the WebSocket is closed.
#[derive(Clone, Debug)]
pub struct Sender {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Message>,
}

impl Sender {
    /// Sends a message. It waits for room in the queue, so a client that reads slowly holds up whoever sends to it.
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`].
    pub async fn send(&self, message: impl Into<Message>) -> Result<()> {
        let message = message.into();
        if let Some(end) = self.shared.ended() {
            return Err(end.into());
        }
        self.outgoing.send(message).await.map_err(|_| self.closed_error())
    }

    /// Sends a message if there is room in the queue; returns whether there was. For one that sends to many, who must not
    /// wait for the slowest.
    ///
    /// # Errors
    ///
    /// [`ConnectionClosed`].
    pub fn try_send(&self, message: impl Into<Message>) -> Result<bool> {
        if let Some(end) = self.shared.ended() {
            return Err(end.into());
        }
        match self.outgoing.try_send(message.into()) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Closed(_)) => Err(self.closed_error()),
        }
    }

    /// Closes the WebSocket once what waits in the queue was sent, and does not wait for that. The other side has
    /// `WEBSOCKET_CLOSE_TIMEOUT` for all of it. Does nothing if it is closed.
    ///
    /// ```
    /// # use hipflask_websocket::Sender;
    /// # fn leave(sender: &Sender) -> hipflask::Result<()> {
    /// sender.close(4001, "the game is over")
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the code must not be sent ([`is_sendable`](CloseCode::is_sendable)), or the reason has more than 123 bytes.
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<()> {
        let code = code.into();
        if !code.is_sendable() {
            return Err(Error::msg(format!(
                "a WebSocket cannot be closed with the code {code}; use one from 4000 to 4999, or one that is registered"
            )));
        }
        if reason.len() > MAX_CONTROL - 2 {
            return Err(Error::msg("the reason of a close frame can have 123 bytes at most"));
        }
        self.shared.close(code, reason);
        Ok(())
    }

    /// Waits until the WebSocket is closed. It is ready at once if that has happened.
    pub async fn closed(&self) -> ConnectionClosed {
        self.shared.closed().await
    }

    fn closed_error(&self) -> Error {
        self.shared.ended().unwrap_or_else(|| ConnectionClosed::lost("the connection is gone")).into()
    }
}
