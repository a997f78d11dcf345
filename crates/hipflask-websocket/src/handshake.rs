//! The opening handshake: from a request to a WebSocket.

use std::future::{Future, poll_fn, ready};
use std::io;
use std::sync::Arc;
use std::task::Poll;

use hipflask::errors::catch;
use hipflask::extension::{Answer, BoxFuture, Freezing, StreamContext};
use hipflask::helpers::Respond;
use hipflask::http::{Method, Request, Upgraded};
use hipflask::{App, Context, Error, Extension, FromContext, HttpError, Response, Result};
use http::Version;
use tungstenite::handshake::derive_accept_key;

use crate::close::{CloseCode, ClosedBy, ConnectionClosed};
use crate::deflate;
use crate::driver::{Agreed, Driver};
use crate::frame::Role;
use crate::origins::AllowedOrigins;
use crate::settings::{Limits, Settings, with_defaults};
use crate::socket::WebSocket;

/// Gives an application WebSockets: its views can take a [`Handshake`].
///
/// The configuration keys are on the page about WebSockets: `WEBSOCKET_ALLOWED_ORIGINS`, `WEBSOCKET_CLOSE_TIMEOUT`,
/// `WEBSOCKET_COMPRESSION`, `WEBSOCKET_IDLE_TIMEOUT`, `WEBSOCKET_MAX_FRAME_SIZE`, `WEBSOCKET_MAX_MESSAGE_SIZE`,
/// `WEBSOCKET_MAX_QUEUE`, `WEBSOCKET_PING_INTERVAL` and `WEBSOCKET_PING_TIMEOUT`.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSockets;

/// Says during the setup that the extension was added.
struct Added;

impl Extension for WebSockets {
    fn init_app(self, app: App) -> App {
        with_defaults(app).insert_state(Added).reads_option::<AllowedOrigins>().on_freeze(|freezing| {
            match Settings::from_config(freezing.config()) {
                Ok(settings) => freezing.insert_state(settings),
                Err(error) => freezing.problem(error.to_string()),
            }
        })
    }
}

/// A request for a WebSocket, as an argument of a view whose rule has `websocket = true`. The view answers with what
/// [`accept`](Handshake::accept) returns, or with anything else that refuses.
///
/// What is not a valid request for a WebSocket never comes to the view: it is answered with 400, with 426 if the
/// client speaks another version, and with 403 if a page of another site sent it ([`AllowedOrigins`]).
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_websocket::prelude::*;
///
/// #[get("/rooms/<name>", websocket = true)]
/// async fn room(name: String, session: Session, handshake: Handshake) -> Result<Accepted> {
///     // Until it is accepted, it is a request like any other.
///     let user: String = session.get("user").ok_or(HttpError::new(401))?;
///     let handshake = handshake.protocols(["chat.v2", "chat.v1"]);
///     Ok(handshake.accept(async move |socket| {
///         let protocol = socket.protocol().unwrap_or("no protocol").to_owned();
///         socket.send(format!("{user} in {name}, {protocol}")).await
///     }))
/// }
///
/// # hipflask::block_on(async {
/// let client = App::new("doc", ".").extend(WebSockets).routes(routes![room]).test_client();
/// assert_eq!(client.websocket("/rooms/a").send().await.status(), 401);
/// client.session_transaction(|session| session.set("user", "Ada"));
/// let mut socket = client.websocket("/rooms/a").protocols(["chat.v1"]).connect().await;
/// assert_eq!(socket.receive_text().await, "Ada in a, chat.v1");
/// # });
/// ```
#[derive(Debug)]
pub struct Handshake {
    /// HTTP/1.1 has a key, which is answered.
    accept: Option<String>,
    offered: Vec<String>,
    agreed: Agreed,
    limits: Limits,
}

impl FromContext for Handshake {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Handshake>> + Send {
        ready(Handshake::read(ctx))
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.state::<Added>().map(|_| ()).ok_or_else(|| NOT_ADDED.to_owned())
    }
}

const NOT_ADDED: &str = "it takes a `Handshake`, but the application has no WebSockets; add `.extend(WebSockets)`";

impl Handshake {
    fn read(ctx: &Context) -> Result<Handshake> {
        let settings = ctx.state::<Settings>().ok_or_else(|| Error::msg(NOT_ADDED))?;
        let request = ctx.request();
        let accept = check(request)?;
        let origins = ctx.option::<AllowedOrigins>().unwrap_or(&settings.origins);
        if !origins.allow(request) {
            return Err(foreign(ctx));
        }
        let offers = request.header_all("sec-websocket-extensions");
        let deflate = settings.compression && deflate::is_offered(offers);
        let offered = request.header_all("sec-websocket-protocol").flat_map(|field| field.split(','));
        let offered = offered.map(|protocol| protocol.trim().to_owned()).filter(|protocol| !protocol.is_empty());
        let agreed = Agreed { protocol: None, deflate };
        Ok(Handshake { accept, offered: offered.collect(), agreed, limits: settings.limits })
    }

    /// The subprotocols that the client offers, the preferred ones first.
    pub fn offered(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().map(String::as_str)
    }

    /// Chooses the first of `protocols` that the client offers. Without one the WebSocket is accepted without a
    /// subprotocol; browsers that asked for one then close it.
    #[must_use]
    pub fn protocols<S: AsRef<str>>(mut self, protocols: impl IntoIterator<Item = S>) -> Handshake {
        let offers = |protocol: &S| self.offered.iter().any(|offered| offered == protocol.as_ref());
        let chosen = protocols.into_iter().find(offers).map(|protocol| protocol.as_ref().to_owned());
        self.agreed.protocol = chosen;
        self
    }

    /// The subprotocol that was chosen, for a view that refuses clients without one.
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.protocol.as_deref()
    }

    /// Sets how long a message of this WebSocket may be, instead of `WEBSOCKET_MAX_MESSAGE_SIZE`, and with it a frame. One
    /// that is longer closes it with 1009.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Handshake {
        (self.limits.max_message, self.limits.max_frame) = (bytes, bytes);
        self
    }

    /// Accepts it: `f` is called with the [`WebSocket`] once the answer was sent. When `f` has returned, the WebSocket is
    /// closed, with 1000 or what [`close`](WebSocket::close) said, and the request ends. If `f` fails or panics, it is
    /// closed with 1011, and the error is logged; [`ConnectionClosed`] is no error in this sense.
    pub fn accept<F, Fut>(self, f: F) -> Accepted
    where
        F: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let speak = Speak::Alone(Box::new(|socket| Box::pin(f(socket))));
        Accepted { handshake: self, speak }
    }

    /// [`accept`](Handshake::accept), with the context of the request: `url_for`, the configuration, `g`, the session as it
    /// was. A change of the session is not kept: the head of the answer was sent before. Teardown functions run after
    /// `f`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask_websocket::prelude::*;
    ///
    /// #[get("/clock", websocket = true)]
    /// async fn clock(handshake: Handshake) -> Accepted {
    ///     handshake.accept_with_context(async |ctx, socket| {
    ///         let link = ctx.url_for(url_for!(clock))?;
    ///         socket.send(format!("this is {link}")).await
    ///     })
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").extend(WebSockets).routes(routes![clock]).test_client();
    /// let mut socket = client.websocket("/clock").connect().await;
    /// assert_eq!(socket.receive_text().await, "this is ws://localhost/clock");
    /// # });
    /// ```
    pub fn accept_with_context<F, Fut>(self, f: F) -> Accepted
    where
        F: FnOnce(StreamContext, WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let speak = Speak::WithContext(Box::new(|ctx, socket| Box::pin(f(ctx, socket))));
        Accepted { handshake: self, speak }
    }
}

/// Checks what RFC 6455 §4.2.1 and RFC 8441 §5 demand of the request. The answer to its key, in HTTP/1.1.
fn check(request: &Request) -> Result<Option<String>> {
    if !request.is_websocket() {
        let told = "This address is for WebSockets, and the request asks for none.";
        return Err(HttpError::new(426).header("upgrade", "websocket").description(told).into());
    }
    if request.method() != Method::GET {
        return Err(malformed("A WebSocket begins with a GET."));
    }
    let mut versions = request.header_all("sec-websocket-version");
    if (versions.next(), versions.next()) != (Some("13"), None) {
        let error = HttpError::new(426).header("upgrade", "websocket").header("sec-websocket-version", "13");
        return Err(error.description("The only version of WebSockets here is 13.").into());
    }
    if request.version() == Version::HTTP_2 {
        return Ok(None);
    }
    let mut keys = request.header_all("sec-websocket-key");
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(Some(derive_accept_key(key.as_bytes()))),
        _ => Err(malformed("The request needs one `Sec-WebSocket-Key`: 16 bytes in Base64.")),
    }
}

fn malformed(reason: &str) -> Error {
    HttpError::new(400).description(reason).into()
}

/// 16 bytes in Base64.
fn is_key(key: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == 24 && key.ends_with("==") && key.bytes().take(22).all(is_digit)
}

/// A page of another site asks.
fn foreign(ctx: &Context) -> Error {
    let mut told = "A page of another site must not open this WebSocket.".to_owned();
    if ctx.config().debug() {
        let origin = ctx.request().header("origin").unwrap_or("none").escape_debug().to_string();
        let host = ctx.request().host();
        told += &format!(
            " It is at {origin}, and the request is for {host}. If that is meant to be, add it to `WEBSOCKET_ALLOWED_ORIGINS`."
        );
    }
    HttpError::new(403).description(told).into()
}

type Alone = Box<dyn FnOnce(WebSocket) -> BoxFuture<'static, Result<()>> + Send>;
type WithContext = Box<dyn FnOnce(StreamContext, WebSocket) -> BoxFuture<'static, Result<()>> + Send>;

/// The function that has the WebSocket.
enum Speak {
    Alone(Alone),
    WithContext(WithContext),
}

/// The answer that accepts a WebSocket. Headers and cookies can be added: `into_reply()`.
#[must_use = "a WebSocket is accepted when the view returns this"]
pub struct Accepted {
    handshake: Handshake,
    speak: Speak,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Accepted").field(&self.handshake).finish()
    }
}

#[diagnostic::do_not_recommend]
impl Respond for Accepted {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        Answer::Ready(self.response(ctx))
    }
}

impl Accepted {
    fn response(self, ctx: &mut Context) -> Result<Response> {
        let Handshake { accept, agreed, limits, .. } = self.handshake;
        let (protocol, deflate) = (agreed.protocol.clone(), agreed.deflate);
        let mut response = match self.speak {
            Speak::Alone(f) => {
                Response::upgrade("websocket", move |connection| converse(connection, agreed, limits, f))?
            }
            Speak::WithContext(f) => ctx.upgrade_with_context("websocket", move |ctx, connection| {
                converse(connection, agreed, limits, move |socket| f(ctx, socket))
            })?,
        };
        if let Some(accept) = accept {
            response = response.with_header("sec-websocket-accept", accept)?;
        }
        if let Some(protocol) = protocol {
            response = response.with_header("sec-websocket-protocol", protocol)?;
        }
        if deflate {
            response = response.with_header("sec-websocket-extensions", deflate::ACCEPTED)?;
        }
        Ok(response)
    }
}

/// Runs the function of a view beside what drives its WebSocket, until both have ended.
async fn converse<F>(connection: Upgraded, agreed: Agreed, limits: Limits, f: F) -> Result<()>
where
    F: FnOnce(WebSocket) -> BoxFuture<'static, Result<()>>,
{
    let (socket, mut driver) = Driver::open(connection, Role::Server, agreed, limits);
    let shared = Arc::clone(driver.shared());
    let mut speaking = match catch(|| f(socket)) {
        Ok(speaking) => Some(speaking),
        Err(panicked) => Some(Box::pin(ready(Err(panicked.into()))) as BoxFuture<'static, _>),
    };
    let (mut result, mut is_open) = (Ok(()), true);
    poll_fn(|cx| {
        if let Some(running) = &mut speaking {
            let polled =
                catch(|| running.as_mut().poll(cx)).unwrap_or_else(|panicked| Poll::Ready(Err(panicked.into())));
            if let Poll::Ready(spoken) = polled {
                speaking = None;
                result = spoken;
                let code = if is_failure(&result) { CloseCode::INTERNAL_ERROR } else { CloseCode::NORMAL };
                shared.close(code, "");
            }
        }
        if is_open {
            is_open = driver.poll(cx).is_pending();
        }
        if is_open || speaking.is_some() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    if is_failure(&result) { result } else { ended(shared.ended()) }
}

/// Whether a function has failed, and has not only left because the WebSocket was closed.
fn is_failure(result: &Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.find::<ConnectionClosed>().is_none())
}

/// A client that broke off has left; that is not logged, but the conversation was not completed.
fn ended(end: Option<ConnectionClosed>) -> Result<()> {
    match end {
        Some(end) if end.by == ClosedBy::Failure => Err(io::Error::new(io::ErrorKind::ConnectionAborted, end).into()),
        _ => Ok(()),
    }
}
