//! Running a connection to its end, whatever ends it.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep};

use crate::server::gated::Gated;
use crate::server::phase::{Phase, reached};
use crate::server::watch::{Verdict, Watch};

/// A connection of either protocol.
pub(super) trait Connection {
    type End;

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Self::End>;
    /// Begins to close it: no further request is accepted.
    fn shut_down(&mut self);
}

enum Event<E> {
    Ended(E),
    Phase,
    Look,
}

/// Runs a connection to its end, tells it when the server closes, and ends it when the client is too slow. Returns
/// the result of a connection that ended of its own accord.
pub(super) async fn drive<C: Connection>(
    connection: &mut C,
    watch: &Watch,
    phase: &channel::Receiver<Phase>,
) -> Option<C::End> {
    let mut next_phase = Gated::new(reached(phase.clone(), Phase::Finishing));
    let mut look = Gated::new(sleep(watch.first_look()));
    let mut closing = false;
    let mut said_goodbye = false;
    loop {
        let event = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.poll_connection(cx) {
                return Poll::Ready(Event::Ended(ended));
            }
            if next_phase.poll(cx).is_ready() {
                return Poll::Ready(Event::Phase);
            }
            look.poll(cx).map(|()| Event::Look)
        });
        match event.await {
            Event::Ended(ended) => return Some(ended),
            Event::Phase if closing => return None,
            Event::Phase => {
                closing = true;
                connection.shut_down();
                next_phase = Gated::new(reached(phase.clone(), Phase::BreakingOff));
            }
            Event::Look => match watch.verdict() {
                Verdict::LookAgain(after) => look.get_mut().reset(Instant::now() + after),
                Verdict::Idle if !said_goodbye => {
                    // HTTP/2 says goodbye to its client; HTTP/1 just ends.
                    said_goodbye = true;
                    connection.shut_down();
                    look.get_mut().reset(Instant::now() + watch.goodbye());
                }
                Verdict::Idle => return None,
                Verdict::TooSlow(what) => {
                    tracing::debug!("a connection was closed: {what}");
                    return None;
                }
            },
        }
    }
}
