//! WebSockets in the tests of an application: without a socket, through its test client, with the client's cookies.

use std::future::{Future, poll_fn};
use std::time::Duration;

use hipflask::http::Upgraded;
use hipflask::testing::{TestClient, TestRequest, TestResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::close::{CloseCode, ConnectionClosed};
use crate::driver::{Agreed, Driver};
use crate::frame::Role;
use crate::message::Message;
use crate::settings::Limits;
use crate::socket::WebSocket;

/// How long a test waits for the application before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Adds [`websocket`](WebSocketClient::websocket) to [`TestClient`].
pub trait WebSocketClient {
    /// A request for a WebSocket at `target`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask_websocket::prelude::*;
    ///
    /// #[get("/sum", websocket = true)]
    /// async fn sum(handshake: Handshake) -> Accepted {
    ///     handshake.accept(async |mut socket| {
    ///         while let Some((a, b)) = socket.receive_json::<(i64, i64)>().await? {
    ///             socket.send_json(&(a + b)).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").extend(WebSockets).routes(routes![sum]).test_client();
    /// let mut socket = client.websocket("/sum").connect().await;
    /// socket.send_json(&(40, 2)).await;
    /// assert_eq!(socket.receive_json::<i64>().await, 42);
    /// socket.close(1000, "thanks");
    /// assert_eq!(socket.closed().await.code(), CloseCode::NORMAL);
    ///
    /// let foreign = client.websocket("/sum").header("origin", "https://evil.example");
    /// assert_eq!(foreign.send().await.status(), 403);
    /// # });
    /// ```
    fn websocket(&self, target: &str) -> SocketRequest<'_>;
}

impl WebSocketClient for TestClient {
    fn websocket(&self, target: &str) -> SocketRequest<'_> {
        let request = self.get(target).header("sec-websocket-version", "13");
        SocketRequest { request: request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==") }
    }
}

/// A request of a [`TestClient`] for a WebSocket, to be completed and sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct SocketRequest<'a> {
    request: TestRequest<'a>,
}

impl SocketRequest<'_> {
    /// Sets a header.
    ///
    /// # Panics
    ///
    /// If `name` or `value` is not allowed in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Removes a header that the client would send automatically.
    pub fn without_header(mut self, name: &str) -> Self {
        self.request = self.request.without_header(name);
        self
    }

    /// Adds pairs to the query.
    pub fn query<K: AsRef<str>, V: ToString>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.request = self.request.query(pairs);
        self
    }

    /// Makes it look to the application as if it came over TLS.
    pub fn https(mut self) -> Self {
        self.request = self.request.https();
        self
    }

    /// Offers subprotocols, the preferred ones first.
    ///
    /// # Panics
    ///
    /// If one is not allowed in a header.
    #[track_caller]
    pub fn protocols<S: AsRef<str>>(self, protocols: impl IntoIterator<Item = S>) -> Self {
        let protocols: Vec<String> = protocols.into_iter().map(|protocol| protocol.as_ref().to_owned()).collect();
        self.header("sec-websocket-protocol", &protocols.join(", "))
    }

    /// Sends it: the answer alone, for a test of what is refused. A WebSocket that is accepted is dropped.
    ///
    /// # Panics
    ///
    /// Where [`TestRequest::send`] would.
    pub async fn send(self) -> TestResponse {
        self.request.upgrade("websocket").await.0
    }

    /// Opens the WebSocket. From then on the function of the view runs in a task of its own.
    ///
    /// # Panics
    ///
    /// If the application refuses it; the message has the answer. Outside of a tokio runtime, and where
    /// [`TestRequest::send`] would.
    pub async fn connect(self) -> TestSocket {
        match self.request.upgrade("websocket").await {
            (response, Some(connection)) => TestSocket::open(response, connection),
            (response, None) => {
                let body = response.text();
                fail(format_args!("the WebSocket was refused with {}: {body}", response.status()))
            }
        }
    }
}

/// The client's end of a WebSocket, in a test.
#[derive(Debug)]
pub struct TestSocket {
    response: TestResponse,
    socket: WebSocket,
    driving: JoinHandle<()>,
}

impl TestSocket {
    fn open(response: TestResponse, connection: Upgraded) -> TestSocket {
        let deflate = response.header("sec-websocket-extensions").is_some();
        let protocol = response.header("sec-websocket-protocol").map(str::to_owned);
        let (socket, mut driver) = Driver::open(connection, Role::Client, Agreed { protocol, deflate }, CLIENT_LIMITS);
        let driving = tokio::spawn(poll_fn(move |cx| driver.poll(cx)));
        TestSocket { response, socket, driving }
    }

    /// The answer to the handshake.
    pub fn response(&self) -> &TestResponse {
        &self.response
    }

    /// The subprotocol that the application has chosen.
    pub fn protocol(&self) -> Option<&str> {
        self.socket.protocol()
    }

    /// Sends a message.
    ///
    /// # Panics
    ///
    /// If the WebSocket is closed, or the application accepts nothing for 20 seconds.
    pub async fn send(&mut self, message: impl Into<Message>) {
        if let Err(error) = soon("accepts nothing", self.socket.send(message)).await {
            fail(format_args!("nothing can be sent: {error}"));
        }
    }

    /// Sends `value` as JSON.
    ///
    /// # Panics
    ///
    /// Where [`send`](TestSocket::send) does, and if JSON cannot hold the value.
    pub async fn send_json<T: Serialize + ?Sized>(&mut self, value: &T) {
        match Message::json(value) {
            Ok(message) => self.send(message).await,
            Err(error) => fail(format_args!("{error}")),
        }
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// If the WebSocket is closed, or nothing comes for 20 seconds.
    pub async fn receive(&mut self) -> Message {
        match soon("sends nothing", self.socket.receive()).await {
            Ok(Some(message)) => message,
            Ok(None) | Err(_) => {
                let end = self.socket.ended().map(|end| end.to_string()).unwrap_or_default();
                fail(format_args!("no message comes: {end}"))
            }
        }
    }

    /// The next message, which is a text.
    ///
    /// # Panics
    ///
    /// Where [`receive`](TestSocket::receive) does, and if it is not a text.
    pub async fn receive_text(&mut self) -> String {
        match self.receive().await {
            Message::Text(text) => text,
            Message::Binary(bytes) => fail(format_args!("the message is not a text, but {} bytes", bytes.len())),
        }
    }

    /// The next message as the value that it is in JSON.
    ///
    /// # Panics
    ///
    /// Where [`receive`](TestSocket::receive) does, and if it is not JSON, or not a `T`.
    pub async fn receive_json<T: DeserializeOwned>(&mut self) -> T {
        let message = self.receive().await;
        match message.parse() {
            Ok(value) => value,
            Err(error) => fail(format_args!("{error}: {message:?}")),
        }
    }

    /// Closes it.
    ///
    /// # Panics
    ///
    /// If the code must not be sent, or the reason is too long.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) {
        if let Err(error) = self.socket.close(code, reason) {
            fail(format_args!("{error}"));
        }
    }

    /// Waits until it is closed, from either side. Messages that have come before can still be received.
    ///
    /// # Panics
    ///
    /// If that does not happen within 20 seconds.
    pub async fn closed(&mut self) -> ConnectionClosed {
        soon("does not close", self.socket.sender().closed()).await
    }

    /// Drops the connection without a word, like a client whose network is gone.
    pub async fn vanish(self) {
        self.driving.abort();
        // It holds the connection until it has ended.
        let _ = self.driving.await;
    }
}

/// A test is patient, and takes everything.
const CLIENT_LIMITS: Limits = Limits {
    max_message: usize::MAX >> 1,
    max_frame: usize::MAX >> 1,
    max_queue: 1024,
    ping_interval: None,
    ping_timeout: PATIENCE,
    idle: None,
    close: PATIENCE,
    write: PATIENCE,
};

async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => fail(format_args!("the application {what} for {} seconds", PATIENCE.as_secs())),
    }
}

#[cold]
#[expect(clippy::panic, reason = "a test fails; every caller documents it")]
fn fail(message: std::fmt::Arguments<'_>) -> ! {
    panic!("{message}")
}
