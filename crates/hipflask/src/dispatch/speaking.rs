//! A request whose connection changes its protocol: it ends when that protocol has been spoken to its end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use crate::base::error::{Error, Result};
use crate::base::panics;
use crate::dispatch::ending::Ending;
use crate::http::upgrade::{Upgrade, Upgraded};

/// What became of a connection with another protocol.
pub(crate) struct Spoken {
    /// How many bytes were written to it.
    pub(crate) bytes: u64,
    /// Whether it ended as it should.
    pub(crate) is_complete: bool,
}

impl Ending {
    /// Speaks the new protocol until it has ended or `broken_off` is ready. What fails is logged here, once.
    pub(crate) async fn speak(
        &mut self,
        upgrade: Upgrade,
        connection: Upgraded,
        broken_off: impl Future<Output = ()>,
    ) -> Spoken {
        let written = connection.written();
        let result = until(upgrade.run(connection), broken_off).await;
        let is_complete = matches!(result, Some(Ok(())));
        match result {
            Some(Err(error)) if is_of_the_client(&error) => {
                tracing::debug!("the client of another protocol has left: {error}");
            }
            Some(Err(error)) => self.fail(error),
            Some(Ok(())) | None => {}
        }
        Spoken { bytes: written.bytes(), is_complete }
    }
}

/// The result of `spoken`, or `None` if `end` came first. A panic is an error.
async fn until(spoken: impl Future<Output = Result<()>>, end: impl Future<Output = ()>) -> Option<Result<()>> {
    let (mut spoken, mut end) = (pin!(spoken), pin!(end));
    poll_fn(|cx| {
        let polled = panics::catch(|| spoken.as_mut().poll(cx));
        match polled.unwrap_or_else(|panicked| Poll::Ready(Err(panicked.into()))) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
        }
    })
    .await
}

/// Clients leave as they like.
fn is_of_the_client(error: &Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let left = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    error.find::<io::Error>().is_some_and(|error| left.contains(&error.kind()))
}
