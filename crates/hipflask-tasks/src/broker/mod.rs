//! Where messages wait: what every kind of broker does. Each kind has a file.

mod database;
pub(crate) mod schema;

use std::fmt::Debug;
use std::time::Duration;

use hipflask::extension::BoxFuture;
use hipflask::{DateTime, Result};

pub(crate) use database::DatabaseBroker;

use crate::message::{Message, Unreadable};
use crate::task::call::Outgoing;

/// A broker. What fails here is a broker that cannot be reached; a message that is odd is a [`Delivery`] like any other.
pub(crate) trait Broker: Debug + Send + Sync {
    /// Makes ready what it needs: connections, tables, queues.
    fn start(&self) -> BoxFuture<'_, Result<()>>;

    /// Keeps a message. Gives false if its key is that of one that waits or runs.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<bool>>;

    /// Takes up to `most` messages, the most urgent first. What was taken is the worker's for a lease.
    fn take<'a>(&'a self, worker: &'a str, queues: &'a [String], most: usize) -> BoxFuture<'a, Result<Vec<Delivery>>>;

    /// Waits until there may be something to take, and not for long.
    fn wait<'a>(&'a self, queues: &'a [String]) -> BoxFuture<'a, ()>;

    /// Extends a worker's leases of what it still works on, by their tags, and puts back all whose leases have ended: of
    /// workers that have died, and what one has given up because the broker was away.
    fn keep<'a>(&'a self, worker: &'a str, held: &'a [i64]) -> BoxFuture<'a, Result<()>>;

    /// The message was worked on.
    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<()>>;

    /// The task of the message is to run again, as `message` says.
    fn again<'a>(&'a self, delivery: &'a Delivery, message: &'a Message) -> BoxFuture<'a, Result<()>>;

    /// What a worker still has goes back to where it was, for any other, as if it had not been taken.
    fn give_back<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<()>>;

    /// The message is set aside, where people find it.
    fn set_aside<'a>(&'a self, delivery: &'a Delivery, why: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// How long a message belongs to a worker that does not say that it is alive.
pub(crate) const LEASE: Duration = Duration::from_secs(9);
/// How often a worker says so.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);

/// A message that a worker has taken.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// What the broker knows it by.
    pub(crate) tag: i64,
    pub(crate) queue: String,
    pub(crate) message: Result<Message, Unreadable>,
    /// How often it was taken before and did not come to an end.
    pub(crate) redelivered: u32,
}

/// A moment as brokers keep it: microseconds since 1970.
pub(crate) fn micros(after: Duration) -> i64 {
    let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
    DateTime::now().unix_micros().saturating_add(after)
}
