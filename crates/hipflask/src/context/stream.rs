//! What lasts longer than the functions of a request and has the context at hand: bodies that are written while they are
//! sent, and protocols that a connection has changed to.
//!
//! A view borrows the context and hooks follow it, so the body cannot have it at once. It gets a place that the context
//! comes to when the last hook has run, and waits in until the body ends or is dropped.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context as TaskContext, Waker};

use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::context::Context;
use crate::http::body::{Body, BodySender};
use crate::http::response::Response;
use crate::http::upgrade::Upgraded;

impl Context {
    /// A body written by `producer` while it is sent, like [`Body::stream`], with the context of the request: session,
    /// `g`, configuration, `url_for`. Flask's `stream_with_context`.
    ///
    /// Teardown functions run when the body has ended, or when its client has gone; until then nothing that they close
    /// is closed. The head of the response was sent before, so a change of the session is not kept.
    ///
    /// ```
    /// use hipflask::http::Body;
    /// use hipflask::prelude::*;
    ///
    /// #[get("/feed")]
    /// async fn feed(ctx: &mut Context) -> Body {
    ///     ctx.stream_with_context(async |ctx, mut out| {
    ///         let name = ctx.session().get::<String>("name").unwrap_or_default();
    ///         for n in 1..=3 {
    ///             out.send(format!("{n} for {name}\n")).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![feed]).test_client();
    /// client.session_transaction(|session| session.set("name", "Ada"));
    /// assert_eq!(client.get("/feed").send_blocking().text(), "1 for Ada\n2 for Ada\n3 for Ada\n");
    /// ```
    pub fn stream_with_context<F, Fut>(&mut self, producer: F) -> Body
    where
        F: FnOnce(StreamContext, BodySender) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let place = self.place_for_later();
        Body::stream(async move |out| place.run(|ctx| producer(ctx, out)).await)
    }

    /// A 101 like [`Response::upgrade`], whose function has the context of the request as long as the connection lasts.
    ///
    /// Teardown functions run when the function has ended. The head of the response was sent before, so a change of the
    /// session is not kept.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// #[get("/greet")]
    /// async fn greet(ctx: &mut Context) -> Result<Response> {
    ///     ctx.upgrade_with_context("greeting", async |ctx, mut connection| {
    ///         let name = ctx.session().get::<String>("name").unwrap_or_default();
    ///         Ok(connection.write_all(format!("Hello, {name}!").as_bytes()).await?)
    ///     })
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").routes(routes![greet]).test_client();
    /// client.session_transaction(|session| session.set("name", "Ada"));
    /// let (_, connection) = client.get("/greet").upgrade("greeting").await;
    /// let mut said = String::new();
    /// connection.expect("it was accepted").read_to_string(&mut said).await?;
    /// assert_eq!(said, "Hello, Ada!");
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If `protocol` is not allowed in a header.
    #[track_caller]
    pub fn upgrade_with_context<F, Fut>(&mut self, protocol: impl AsRef<str>, speak: F) -> Result<Response>
    where
        F: FnOnce(StreamContext, Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let place = self.place_for_later();
        Response::upgrade(protocol, async move |connection| place.run(|ctx| speak(ctx, connection)).await)
    }

    /// A place that the context comes to when the functions of the request have run.
    fn place_for_later(&mut self) -> Arc<Place> {
        let place = Arc::new(Place::default());
        self.expect_stream();
        self.g_mut().get_or_default::<Streams>().0.push(Arc::downgrade(&place));
        place
    }
}

/// The streams that a request's functions have made; most are never sent.
#[derive(Default)]
struct Streams(Vec<Weak<Place>>);

/// Gives the context to the stream that waits for it, if there is one and it was not dropped.
#[inline]
pub(crate) fn hand_over(ctx: &mut Context) {
    if ctx.take_stream() {
        hand_over_now(ctx);
    }
}

#[cold]
fn hand_over_now(ctx: &mut Context) {
    let streams = ctx.g_mut().remove::<Streams>();
    let waiting = streams.and_then(|streams| streams.0.iter().find_map(Weak::upgrade));
    if let Some(place) = waiting {
        place.put(ctx.part());
    }
}

/// Where the context of a stream is while nothing borrows it. Dropping it ends the context.
#[derive(Default)]
struct Place(Mutex<Option<Context>>);

impl Place {
    fn put(&self, ctx: Context) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ctx);
    }

    fn take(&self) -> Option<Context> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs what the context has waited for, and the teardown functions after it.
    async fn run<F, Fut>(self: Arc<Place>, f: F) -> Result<()>
    where
        F: FnOnce(StreamContext) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        let ctx = StreamContext::enter(&self)?;
        let result = match panics::catch_in(pin!(f(ctx))).await {
            Ok(result) => result,
            Err(panicked) => Err(panicked.into()),
        };
        self.end(result).await
    }

    /// Runs the teardown functions, which see the error that it ended in.
    async fn end(&self, result: Result<()>) -> Result<()> {
        let Some(mut ctx) = self.take() else { return result };
        let error = result.err().map(Arc::new);
        if error.is_some() {
            ctx.set_error(error.clone());
        }
        let app = ctx.app().clone();
        app.end(&mut ctx).await;
        drop(ctx);
        error.map_or(Ok(()), |error| Err(Arc::into_inner(error).unwrap_or_else(|| Error::msg("the body broke off"))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ctx) = self.take() {
            end_detached(ctx);
        }
    }
}

/// Ends a context that nothing waits for.
pub(crate) fn end_detached(mut ctx: Context) {
    let app = ctx.app().clone();
    detach(async move { app.end(&mut ctx).await });
}

/// Runs what nothing waits for.
pub(crate) fn detach(future: impl Future<Output = ()> + Send + 'static) {
    let mut future = Box::pin(future);
    // Nearly always it is done at once, and outside a runtime there is no other way.
    if future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending()
        && let Ok(runtime) = tokio::runtime::Handle::try_current()
    {
        runtime.spawn(future);
    }
}

/// The context of a request while its body is sent: what [`Context::stream_with_context`] gives to a producer, and
/// [`Context::upgrade_with_context`] to what speaks another protocol.
pub struct StreamContext {
    ctx: Option<Context>,
    place: Arc<Place>,
}

impl StreamContext {
    fn enter(place: &Arc<Place>) -> Result<StreamContext> {
        match place.take() {
            Some(ctx) => Ok(StreamContext { ctx: Some(ctx), place: Arc::clone(place) }),
            None => Err(Error::msg(
                "a stream with the context was read while the functions of its request still ran; read it later, or make it by `Body::stream`",
            )),
        }
    }
}

const HELD: &str = "it has the context until it is dropped";

impl Deref for StreamContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        self.ctx.as_ref().expect(HELD)
    }
}

impl DerefMut for StreamContext {
    fn deref_mut(&mut self) -> &mut Context {
        self.ctx.as_mut().expect(HELD)
    }
}

impl Drop for StreamContext {
    fn drop(&mut self) {
        if let Some(ctx) = self.ctx.take() {
            self.place.put(ctx);
        }
    }
}

impl std::fmt::Debug for StreamContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StreamContext").field(&self.ctx).finish()
    }
}
