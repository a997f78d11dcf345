//! HTTP/1: one request after another, each answered before the next is read.
//!
//! Why this is ours and not hyper's is in DESIGN.md. The grammar of a head is left to a library (`httparse`); this
//! module is strict about lengths, and decides when bytes are read and sent.

mod decoder;
pub(super) mod end;
mod exchange;
mod head;
mod incoming;
mod writer;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use http_body::{Body as _, Frame};

use crate::dispatch::ending::Ending;
use crate::handler::in_place::{self, Waiting};
use crate::http::body::Body;
use crate::http::response::Response;
use crate::http::upgrade::Upgrade;
use crate::server::body::{Received, Sent};
use crate::server::drive;
use crate::server::finished::Finished;
use crate::server::http1::decoder::Decoder;
use crate::server::http1::end::End;
use crate::server::http1::exchange::{Exchange, lock};
use crate::server::http1::head::Head;
use crate::server::http1::incoming::Incoming;
use crate::server::http1::writer::{Length, Writer};
use crate::server::policy::{Refused, refuse};
use crate::server::service::{Answering, Service, settle_length};
use crate::server::stream::Stream;
use crate::server::upgrade::{self, Answered};
use crate::server::wire::Wire;

/// A connection over HTTP/1; it makes progress while it is polled.
pub(super) struct Http1<F> {
    exchange: Arc<Mutex<Exchange>>,
    serving: Pin<Box<F>>,
}

/// Serves `stream`; `wire` already has its first bytes.
pub(super) fn serve(wire: Wire, service: Service) -> Http1<impl Future<Output = End>> {
    let exchange = Exchange::new(wire);
    let exchange = Arc::new(Mutex::new(exchange));
    let connection = Connection { exchange: Arc::clone(&exchange), service };
    Http1 { exchange, serving: Box::pin(async move { connection.run().await.unwrap_or_else(|end| end) }) }
}

impl<F: Future<Output = End>> drive::Connection for Http1<F> {
    type End = End;

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.serving.as_mut().poll(cx)
    }

    fn shut_down(&mut self) {
        lock(&self.exchange).closing = true;
    }
}

impl<F> Http1<F> {
    /// The socket and what was read ahead, unless it is in use at this moment.
    pub(super) fn into_parts(self) -> Option<(Stream, Bytes)> {
        drop(self.serving);
        let exchange = Arc::into_inner(self.exchange)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(exchange.wire.into_parts())
    }
}

struct Connection {
    exchange: Arc<Mutex<Exchange>>,
    service: Service,
}

impl Connection {
    async fn run(&self) -> Result<End, End> {
        loop {
            let Some((head, others_wait)) = self.next_head().await? else { break };
            let head = match head {
                Ok(head) => head,
                Err(refused) => return self.refuse(&refused).await,
            };
            if let Some(end) = self.exchange(head, others_wait).await? {
                self.flush().await?;
                return Ok(end);
            }
        }
        self.flush().await?;
        Ok(End::Said)
    }

    /// The head of the next request, and whether answers to others before it wait to be sent; `None` if no more comes.
    async fn next_head(&self) -> Result<Option<(Result<Head, Refused>, bool)>, End> {
        let mut parser = head::Parser::default();
        poll_fn(|cx| {
            let mut exchange = lock(&self.exchange);
            loop {
                if exchange.wire.is_full() {
                    ready!(exchange.wire.poll_flush(cx))?;
                }
                if let Some(head) = parser.parse(&mut exchange.wire.input).transpose() {
                    return Poll::Ready(Ok(Some((head, exchange.wire.is_waiting()))));
                }
                // Answers to requests that arrived together are sent together.
                ready!(exchange.wire.poll_flush(cx))?;
                if !exchange.wire.input.is_empty() {
                    self.service.watch.reading();
                } else if exchange.closing {
                    return Poll::Ready(Ok(None));
                } else {
                    exchange.wire.release();
                }
                if ready!(exchange.wire.poll_read(cx))? == 0 {
                    return Poll::Ready(Ok(None));
                }
            }
        })
        .await
    }

    /// Answers a request. How the connection ends, if it does now.
    async fn exchange(&self, head: Head, others_wait: bool) -> Result<Option<End>, End> {
        let Head { mut request, decoder, keep_alive, expects_continue, offered } = head;
        let version = request.version();
        let mut outgoing = Outgoing { version, is_head: *request.method() == Method::HEAD, keep_alive };
        let body = if decoder.is_at_end() { Body::empty() } else { self.take_body(decoder, expects_continue) };
        let is_received = body.as_bytes().is_some();
        if !is_received {
            request.set_budget(Arc::clone(&self.service.budget));
        }
        *request.body_mut() = body;
        let (answering, finished) = self.service.begin(request);
        let is_refused = answering.is_refused();
        outgoing.keep_alive &= !is_refused;
        let (response, ending) = self.answer(answering, others_wait).await;
        let response = match upgrade::settle(response, version, offered.as_deref()) {
            Answered::Finally(response) => response,
            Answered::Upgrade(response, upgrade) => {
                let finished = finished.answered(response.status(), ending);
                return self.hand_over(response, finished, upgrade).await.map(Some);
            }
        };
        let finished = finished.answered(response.status(), ending);
        let end = self.send(response, finished, outgoing).await?;
        let is_unread = is_refused || !is_received && !self.finish_body();
        Ok(match end {
            Some(End::Said) | None if is_unread => Some(End::Unread),
            end => end,
        })
    }

    /// The body of the request: complete if all of it has arrived.
    fn take_body(&self, mut decoder: Decoder, expects_continue: bool) -> Body {
        let mut exchange = lock(&self.exchange);
        if let Some(bytes) = decoder.take_whole(&mut exchange.wire.input) {
            return Body::from(bytes);
        }
        exchange.serial += 1;
        exchange.decoder = decoder;
        exchange.expects_continue = expects_continue;
        exchange.is_read = true;
        let incoming = Incoming::new(&self.exchange, exchange.serial);
        drop(exchange);
        Body::wrap(Received::new(incoming, self.service.body_timeout()))
    }

    /// Waits for the answer. If `others_wait`, they are sent before anything that may take its time.
    async fn answer(&self, mut answering: Answering, others_wait: bool) -> (Response, Ending) {
        let waiting = others_wait.then(|| Arc::clone(&self.exchange) as Arc<dyn Waiting>);
        poll_fn(|cx| {
            let mut poll = || Pin::new(&mut answering).poll(cx);
            let answer = match &waiting {
                Some(waiting) => in_place::sending_first(Arc::clone(waiting), poll),
                None => poll(),
            };
            if answer.is_pending() {
                // A client that cannot be reached is noticed when the answer is sent.
                let _ = lock(&self.exchange).wire.poll_flush(cx);
            }
            answer
        })
        .await
    }

    /// Stops the reading of the body after the answer. Returns whether all of it was read.
    fn finish_body(&self) -> bool {
        let mut exchange = lock(&self.exchange);
        exchange.serial += 1;
        exchange.is_read = false;
        let is_read = exchange.skip_body();
        // What arrives next does not belong to it.
        exchange.decoder = Decoder::empty();
        exchange.expects_continue = false;
        is_read
    }

    /// Sends a response. Returns how the connection ends, if it ends with it.
    async fn send(&self, response: Response, finished: Finished, outgoing: Outgoing) -> Result<Option<End>, End> {
        let Outgoing { version, keep_alive, .. } = outgoing;
        let (status, mut headers, defaults, body) = response.into_unsettled_parts();
        let (length, declared) = frame(&mut headers, &body, status, &outgoing);
        // A refusal has a body whatever the method was.
        let body = if matches!(length, Length::AsTold) { Body::empty() } else { body };
        let now = Instant::now();
        let writer = Writer { version, status, headers, defaults, keep_alive, now };
        let (len, mut body) = (body.len(), body.into_bytes());
        let keep_alive = self.write(writer, &length, body.as_mut().ok());
        let is_whole = match body {
            Ok(mut rest) => {
                finished.end(len.unwrap_or_default(), true, now);
                if !rest.is_empty() {
                    self.send_bytes(&mut rest).await?;
                }
                true
            }
            Err(body) => self.send_stream(Sent::new(body, declared, finished, None), &length).await?,
        };
        if is_whole && keep_alive {
            return Ok(None);
        }
        let broken_off = !is_whole && matches!(length, Length::ToTheEnd);
        Ok(Some(if broken_off { End::BrokenOff } else { End::Said }))
    }

    /// Writes the head, and the body too if that is too small for a call of its own. Returns whether the
    /// connection continues.
    fn write(&self, mut writer: Writer, length: &Length, body: Option<&mut Bytes>) -> bool {
        let mut exchange = lock(&self.exchange);
        exchange.ask_for_body();
        writer.keep_alive &= exchange.may_go_on();
        let keep_alive = writer.write(&mut exchange.wire.output, length);
        if let Some(body) = body {
            exchange.wire.write_small(body);
        }
        keep_alive
    }

    async fn send_bytes(&self, bytes: &mut Bytes) -> Result<(), End> {
        poll_fn(|cx| lock(&self.exchange).wire.poll_send(cx, bytes)).await?;
        Ok(())
    }

    /// Sends a body as it is produced; false if it was interrupted.
    async fn send_stream(&self, mut body: Sent, length: &Length) -> Result<bool, End> {
        loop {
            let frame = poll_fn(|cx| {
                if let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(cx) {
                    return Poll::Ready(Ok(frame));
                }
                let mut exchange = lock(&self.exchange);
                if let Poll::Ready(Err(error)) = exchange.wire.poll_flush(cx) {
                    return Poll::Ready(Err(End::from(error)));
                }
                exchange.poll_gone(cx, length).map(Err)
            });
            let Some(frame) = frame.await? else { break };
            let Ok(data) = frame.map(Frame::into_data) else { return Ok(false) };
            // Trailers are not supported.
            let Ok(data) = data else { continue };
            self.send_piece(data, length).await?;
        }
        if matches!(length, Length::Chunked) {
            lock(&self.exchange).wire.output.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(true)
    }

    async fn send_piece(&self, mut data: Bytes, length: &Length) -> Result<(), End> {
        if data.is_empty() {
            return Ok(());
        }
        let chunked = matches!(length, Length::Chunked);
        if chunked {
            writer::chunk_size(&mut lock(&self.exchange).wire.output, data.len());
        }
        self.send_bytes(&mut data).await?;
        if chunked {
            lock(&self.exchange).wire.output.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// Says that the protocol changes. All of the request must have come before the new one can begin.
    async fn hand_over(&self, response: Response, finished: Finished, upgrade: Upgrade) -> Result<End, End> {
        let now = Instant::now();
        if !self.finish_body() {
            let refused = Refused(400, "A request to change the protocol came with a body that was not read.");
            finished.with_status(StatusCode::BAD_REQUEST).end(0, false, now);
            return self.refuse(&refused).await;
        }
        let (status, headers, _, _) = response.into_unsettled_parts();
        let writer = Writer { version: Version::HTTP_11, status, headers, defaults: None, keep_alive: true, now };
        writer.write(&mut lock(&self.exchange).wire.output, &Length::AsTold);
        Ok(End::Upgraded(upgrade, finished))
    }

    /// Answers a malformed head with the reason.
    async fn refuse(&self, refused: &Refused) -> Result<End, End> {
        let (status, headers, defaults, body) = refuse(refused).into_unsettled_parts();
        let (version, keep_alive, now) = (Version::HTTP_11, false, Instant::now());
        let writer = Writer { version, status, headers, defaults, keep_alive, now };
        self.write(writer, &Length::Known(body.len().unwrap_or_default()), body.into_bytes().as_mut().ok());
        self.flush().await?;
        Ok(End::Unread)
    }

    async fn flush(&self) -> Result<(), End> {
        poll_fn(|cx| lock(&self.exchange).wire.poll_flush(cx)).await?;
        Ok(())
    }
}

/// What a response must fit.
struct Outgoing {
    version: Version,
    is_head: bool,
    keep_alive: bool,
}

/// How the client will know where the body ends, and the length to hold it to, if only the head has one.
fn frame(headers: &mut HeaderMap, body: &Body, status: StatusCode, outgoing: &Outgoing) -> (Length, Option<u64>) {
    let is_as_told = outgoing.is_head || is_without_body(status);
    // Nearly every answer. A length in its head is neither read nor sent.
    if let Some(length) = body.len().filter(|_| !is_as_told) {
        return (Length::Known(length), None);
    }
    match settle_length(headers, body, outgoing.is_head) {
        declared if is_as_told => (Length::AsTold, declared),
        Some(length) => (Length::Known(length), Some(length)),
        None if outgoing.version == Version::HTTP_10 => (Length::ToTheEnd, None),
        None => (Length::Chunked, None),
    }
}

fn is_without_body(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}
