//! A body from an iterator that may block: Flask's generator that is not async.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::app::frozen::Frozen;
use crate::base::error::{Error, Result};
use crate::handler::hand_over::hand_over;
use crate::http::body::{Body, BodySender};

/// For how long items are taken in one step: a change of threads for each line would cost more than the line.
const TOGETHER: Duration = Duration::from_millis(1);

/// How many bytes of items end a step.
const ENOUGH: usize = 16 * 1024;

/// The pause before a thread is looked for again, where all are busy.
const BUSY: Duration = Duration::from_millis(20);

impl Frozen {
    /// A body of the items of an iterator that may block: Flask's generator. It runs where synchronous views do, a step at
    /// a time, when the client has accepted what came before; so neither a slow client nor a slow iterator keeps a
    /// thread, and the runtime never waits.
    ///
    /// An error aborts the connection, so that the client never takes half a body for a whole one. An iterator without
    /// errors becomes one with `.map(Ok::<_, Error>)`. Where all threads are busy, it waits for one.
    ///
    /// ```
    /// use std::io::{BufRead, BufReader};
    ///
    /// use hipflask::http::Body;
    /// use hipflask::prelude::*;
    ///
    /// #[get("/manifest")]
    /// fn manifest(ctx: &mut Context) -> Result<Body> {
    ///     let lines = BufReader::new(std::fs::File::open("Cargo.toml")?).lines();
    ///     Ok(ctx.app().stream_blocking(lines.map(|line| line.map(|line| line + "\n"))))
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![manifest]).test_client();
    /// assert!(client.get("/manifest").send_blocking().text().starts_with("[package]\n"));
    /// ```
    pub fn stream_blocking<I, T, E>(&self, items: I) -> Body
    where
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
        T: Into<Bytes> + 'static,
        E: Into<Error> + 'static,
    {
        let (app, items) = (self.clone(), items.into_iter());
        Body::stream(async move |out| Sending { app, out }.send_all(items).await)
    }
}

/// Sends the items of an iterator.
struct Sending {
    app: Frozen,
    out: BodySender,
}

/// What comes next: an item, or the end of a step.
enum Next<I> {
    Item(Bytes),
    Done(Result<(I, End)>),
}

/// How the iterator has ended, if it has.
type End = Option<Result<()>>;

impl Sending {
    async fn send_all<I, T, E>(mut self, mut items: I) -> Result<()>
    where
        I: Iterator<Item = Result<T, E>> + Send + 'static,
        T: Into<Bytes> + 'static,
        E: Into<Error> + 'static,
    {
        let (give, mut given) = unbounded_channel();
        loop {
            let app = self.app.clone();
            let mut step = pin!(step(&app, items, give.clone()));
            let (back, end) = loop {
                // What has come is sent, even if the iterator takes its time for what comes next.
                let next = poll_fn(|cx| match given.poll_recv(cx) {
                    Poll::Ready(Some(item)) => Poll::Ready(Next::Item(item)),
                    _ => step.as_mut().poll(cx).map(Next::Done),
                });
                match next.await {
                    Next::Item(item) => self.send(item, &mut given).await?,
                    Next::Done(done) => break done?,
                }
            };
            if let Ok(item) = given.try_recv() {
                self.send(item, &mut given).await?;
            }
            match end {
                Some(end) => return end,
                None => items = back,
            }
        }
    }

    /// Sends an item, and those that have come since in the same piece.
    async fn send(&mut self, item: Bytes, given: &mut UnboundedReceiver<Bytes>) -> Result<()> {
        let mut piece = item;
        if let Ok(next) = given.try_recv() {
            let mut pieces = BytesMut::from(piece);
            pieces.extend_from_slice(&next);
            while let Ok(next) = given.try_recv() {
                pieces.extend_from_slice(&next);
            }
            piece = pieces.freeze();
        }
        if piece.is_empty() { Ok(()) } else { self.out.send(piece).await }
    }
}

/// Has a thread take some items. They are given as they come; the iterator comes back.
async fn step<I, T, E>(app: &Frozen, mut items: I, give: UnboundedSender<Bytes>) -> Result<(I, End)>
where
    I: Iterator<Item = Result<T, E>> + Send + 'static,
    T: Into<Bytes> + 'static,
    E: Into<Error> + 'static,
{
    loop {
        let give = give.clone();
        match hand_over(app.pool(), items, move |items| take(items, &give)) {
            Ok(call) => {
                let (items, end) = call.await;
                return Ok((items, end?));
            }
            Err((Some(back), _)) => items = back,
            Err((None, full)) => return Err(full.into()),
        }
        sleep(BUSY).await;
    }
}

fn take<I, T, E>(items: &mut I, give: &UnboundedSender<Bytes>) -> End
where
    I: Iterator<Item = Result<T, E>>,
    T: Into<Bytes>,
    E: Into<Error>,
{
    let (began, mut taken) = (Instant::now(), 0);
    while taken < ENOUGH && began.elapsed() < TOGETHER {
        match items.next() {
            Some(Ok(item)) => {
                let item: Bytes = item.into();
                taken += item.len();
                if give.send(item).is_err() {
                    // The client has gone.
                    return Some(Ok(()));
                }
            }
            Some(Err(error)) => return Some(Err(error.into())),
            None => return Some(Ok(())),
        }
    }
    None
}
