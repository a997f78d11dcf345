//! Which user has a connection next.
//!
//! sqlx's pool asks the server whether a connection is alive whenever one comes back, which is a task and a round
//! trip for each statement. Here a connection that was left in order goes from user to user as it is, for a second;
//! then it goes back to the pool, which asks, and ends what is too old or idle for too long. So a busy connection is
//! asked once a second, and an idle one has nothing to do with this.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{Connection as _, Database};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::backend::Backend;
use crate::connection::Guarded;
use crate::dialect::{only_reads, without_end};
use crate::error::SqlError;

/// How long a connection stays out of the pool.
const ROUND: Duration = Duration::from_secs(1);
/// How long a connection may take to become fit for its next user.
pub(crate) const RELEASE: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it is still alive.
const FRESH: Duration = Duration::from_secs(1);
pub(crate) const ALIVE: Duration = Duration::from_secs(2);

/// The limits of a pool, from the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: u32,
    /// How long a request waits for a connection.
    pub(crate) acquire: Duration,
    /// How long the server may take to answer.
    pub(crate) answer: Duration,
}

/// What a connection is wanted for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// One statement.
    Statement(&'a str),
    /// Anything.
    Writing,
}

impl Purpose<'_> {
    fn is_reading(self) -> bool {
        matches!(self, Purpose::Statement(sql) if only_reads(sql))
    }
}

/// The options of a pool of any database.
pub(crate) fn pool_options<D: Database>(limits: Limits) -> PoolOptions<D> {
    let options = PoolOptions::new().max_connections(limits.connections).acquire_timeout(limits.acquire);
    options.test_before_acquire(false).before_acquire(|connection: &mut D::Connection, meta| {
        Box::pin(async move {
            if meta.idle_for < FRESH {
                return Ok(true);
            }
            match timeout(ALIVE, connection.ping()).await {
                Ok(alive) => alive.map(|()| true),
                Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
            }
        })
    })
}

/// Lends the connections to a database.
pub(crate) struct Lender<D: Backend> {
    address: D::Address,
    limits: Limits,
    opening: Mutex<Arc<Opening<D>>>,
}

/// The connections from a start to the next stop.
pub(crate) struct Opening<D: Backend> {
    /// Made when it is first used, inside a runtime.
    pool: OnceLock<sqlx::Pool<D>>,
    /// One for each connection that may be in use. Those who wait are served in order.
    places: Arc<Semaphore>,
    /// Where only one can write, the others wait here, without a connection: those who read need them.
    turn: Arc<Semaphore>,
    kept: Mutex<Kept<D>>,
}

/// The connections that wait outside the pool.
struct Kept<D: Backend> {
    connections: Vec<Lent<D>>,
    /// Whether a task takes back those that are not used.
    swept: bool,
}

impl<D: Backend> Lender<D> {
    pub(crate) fn new(address: D::Address, limits: Limits) -> Arc<Lender<D>> {
        let limits = D::limits(&address, limits);
        Arc::new(Lender { address, limits, opening: Mutex::new(Opening::new(limits)) })
    }

    fn opening(&self) -> Arc<Opening<D>> {
        Arc::clone(&self.opening.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lends again, if it was closed.
    pub(crate) fn open(&self) {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if opening.places.is_closed() {
            *opening = Opening::new(self.limits);
        }
    }

    pub(crate) async fn close(&self) {
        self.opening().close().await;
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.opening().pool.get().is_some() || Handle::try_current().is_ok()
    }

    pub(crate) fn without_end<'s>(&self, sql: &'s str) -> &'s str {
        without_end::<D>(sql)
    }

    pub(crate) fn shown(&self) -> String {
        D::shown(&self.address)
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        D::file(&self.address)
    }

    pub(crate) fn ending(&self) -> &'static str {
        D::ENDING
    }

    pub(crate) async fn trouble(&self) -> Option<String> {
        D::trouble(&self.address).await
    }

    pub(crate) async fn connect(&self, purpose: Purpose<'_>) -> Result<Guarded<D>, SqlError> {
        self.lend(purpose).await.map_err(|error| SqlError::new::<D>("a connection", error))
    }

    async fn lend(&self, purpose: Purpose<'_>) -> Result<Guarded<D>, sqlx::Error> {
        let lent = self.opening().lend(self, purpose);
        timeout(self.limits.acquire, lent).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }
}

impl<D: Backend> Opening<D> {
    fn new(limits: Limits) -> Arc<Opening<D>> {
        let places = Arc::new(Semaphore::new(limits.connections as usize));
        let turn = Arc::new(Semaphore::new(1));
        let kept = Mutex::new(Kept { connections: Vec::new(), swept: false });
        Arc::new(Opening { pool: OnceLock::new(), places, turn, kept })
    }

    async fn lend(self: Arc<Self>, lender: &Lender<D>, purpose: Purpose<'_>) -> Result<Guarded<D>, sqlx::Error> {
        let turn = if D::ONE_WRITER && !purpose.is_reading() { Some(permit(&self.turn).await?) } else { None };
        let place = permit(&self.places).await?;
        let lent = match self.take() {
            Some(lent) => lent,
            // On the heap, so that the usual way need not carry what connecting needs.
            None => {
                let pool = self.pool.get_or_init(|| D::pool(&lender.address, lender.limits));
                Lent::new(Box::pin(pool.acquire()).await?)
            }
        };
        Ok(Guarded::new(lent, self, lender.limits.answer, (place, turn)))
    }

    fn take(&self) -> Option<Lent<D>> {
        let lent = self.kept().connections.pop()?;
        if !lent.is_due() {
            return Some(lent);
        }
        later(lent.give_back());
        self.take()
    }

    /// Keeps a connection that its user has left in order for the next one.
    pub(crate) fn keep(self: &Arc<Self>, lent: Lent<D>) {
        let mut kept = self.kept();
        if lent.is_due() || self.places.is_closed() {
            later(lent.give_back());
            return;
        }
        kept.connections.push(lent);
        kept.swept = kept.swept || later(Arc::clone(self).sweep());
    }

    /// Gives back what is not used, until there is nothing left.
    async fn sweep(self: Arc<Self>) {
        while self.kept().swept {
            sleep(ROUND).await;
            let mut kept = self.kept();
            for lent in kept.connections.extract_if(.., |lent| lent.is_due()) {
                later(lent.give_back());
            }
            kept.swept = !kept.connections.is_empty();
        }
    }

    async fn close(&self) {
        // Nothing is lent or kept from here on.
        self.places.close();
        self.turn.close();
        let kept = std::mem::take(&mut self.kept().connections);
        for lent in kept {
            later(lent.give_back());
        }
        if let Some(pool) = self.pool.get() {
            pool.close().await;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept<D>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn permit(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, sqlx::Error> {
    Arc::clone(semaphore).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)
}

impl<D: Backend> fmt::Debug for Lender<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender").field("address", &self.shown()).field("limits", &self.limits).finish()
    }
}

/// A connection outside the pool. If it is dropped, it is closed, and its place in the pool is free at once.
pub(crate) struct Lent<D: Backend> {
    connection: Option<PoolConnection<D>>,
    since: Instant,
}

impl<D: Backend> Lent<D> {
    fn new(connection: PoolConnection<D>) -> Lent<D> {
        Lent { connection: Some(connection), since: Instant::now() }
    }

    pub(crate) fn get(&mut self) -> &mut D::Connection {
        self.connection.as_mut().expect("the connection is there until it is given back")
    }

    fn is_due(&self) -> bool {
        self.since.elapsed() >= ROUND
    }

    pub(crate) async fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // Out of time, the connection and its place are dropped with the future.
        if timeout(RELEASE, connection.return_to_pool()).await.is_err() {
            tracing::warn!("a connection to the database did not answer any more and was closed");
        }
    }
}

impl<D: Backend> Drop for Lent<D> {
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

/// Does what its user does not wait for, and says whether it can: without a runtime nothing can be sent to the
/// server any more, and the connection is closed.
pub(crate) fn later(task: impl Future<Output = ()> + Send + 'static) -> bool {
    let runtime = Handle::try_current();
    runtime.map(|runtime| drop(runtime.spawn(task))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Pool;

    #[tokio::test]
    async fn only_what_was_left_in_order_stays_out_of_the_pool() {
        let second = Duration::from_secs(1);
        let limits = Limits { connections: 1, acquire: second, answer: second };
        let Ok(Pool::Sqlite(lender)) = Pool::new("sqlite:", Path::new("."), limits) else {
            panic!("memory is SQLite's")
        };
        let opening = lender.opening();
        let kept = || opening.kept().connections.len();
        let lend = async || lender.lend(Purpose::Writing).await.expect("a connection");

        lend().await.ask(async |_| Ok(())).await.expect("an answer");
        assert_eq!(kept(), 1);
        lend().await.get();
        assert_eq!(kept(), 0, "it is unknown what was done with it");
        lend().await.ask(async |_| Err::<(), _>(sqlx::Error::RowNotFound)).await.expect_err("the error");
        assert_eq!(kept(), 0, "an answer may be outstanding");
        lend().await.begin().await.expect("a transaction");
        assert_eq!(kept(), 0, "it is rolled back first");

        drop(lend().await);
        opening.kept().connections[0].since -= ROUND;
        assert!(opening.take().is_none(), "it was out of the pool for long enough");
        drop(lend().await);
        lender.close().await;
        assert_eq!(kept(), 0);
        assert!(matches!(lender.lend(Purpose::Writing).await, Err(sqlx::Error::PoolClosed)));
        lender.open();
        drop(lend().await);
        assert_eq!(kept(), 0, "what was closed keeps nothing");
    }
}
