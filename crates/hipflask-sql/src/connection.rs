//! Connections, and the manners that sqlx leaves open.
//!
//! A connection that was left in order goes to its next user, as `lender` says. Any other goes back to the pool by
//! a task of its own, within a time limit: sqlx asks the server whether the connection is alive first, and a server
//! that has died silently never answers; without the limit the place in the pool would be gone for good. A
//! connection that is inside of a transaction, because its user was cancelled, is rolled back before anybody else
//! can have it. And no answer is waited for for ever: sqlx has no time limit for one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Database, Executor, PgConnection, Postgres, SqlStr, Sqlite, SqliteConnection};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::error::SqlError;
use crate::lender::{Lender, Lent, later};
use crate::url::Address;

/// How long a connection may take to become fit for its next user.
pub(crate) const RELEASE: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it is still alive.
const FRESH: Duration = Duration::from_secs(1);
const ALIVE: Duration = Duration::from_secs(2);

/// A pool of connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(Arc<Lender<Sqlite>>),
    Postgres(Arc<Lender<Postgres>>),
}

/// The limits of a pool, from the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: u32,
    /// How long a request waits for a connection.
    pub(crate) acquire: Duration,
    /// How long the server may take to answer.
    pub(crate) answer: Duration,
}

impl Pool {
    /// A pool that connects when it is first used. Its upkeep is a task, so it is made inside of a runtime.
    pub(crate) fn new(address: &Address, limits: Limits) -> Pool {
        match address {
            Address::Memory => {
                // Each connection would be a database of its own.
                let limits = Limits { connections: 1, ..limits };
                let options = pool_options(limits).idle_timeout(None).max_lifetime(None);
                Pool::sqlite(options, sqlite_options().in_memory(true), limits)
            }
            Address::File(path) => {
                let options = sqlite_options()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal);
                Pool::sqlite(pool_options(limits), options, limits)
            }
            Address::Postgres(options) => {
                let pool = pool_options(limits).connect_lazy_with(options.as_ref().clone());
                Pool::Postgres(Lender::new(pool, limits))
            }
        }
    }

    /// What runs inside of the process is waited for; SQLite has its own limit for a file that is locked.
    fn sqlite(pool: PoolOptions<Sqlite>, options: SqliteConnectOptions, limits: Limits) -> Pool {
        Pool::Sqlite(Lender::new(pool.connect_lazy_with(options), Limits { answer: Duration::MAX, ..limits }))
    }

    /// Why no connection was to be had: the pool itself only says that it has waited long enough.
    pub(crate) async fn trouble(address: &Address) -> Option<String> {
        let Address::Postgres(options) = address else { return None };
        match timeout(ALIVE, PgConnection::connect_with(options)).await.ok()? {
            Err(sqlx::Error::Database(told)) => Some(told.message().to_owned()),
            Err(sqlx::Error::Io(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
            Ok(_) => None,
        }
    }

    pub(crate) async fn connect(&self) -> Result<Connection, SqlError> {
        let error = |error| SqlError::new("a connection", error);
        Ok(match self {
            Pool::Sqlite(lender) => Connection::Sqlite(lender.lend().await.map_err(error)?),
            Pool::Postgres(lender) => Connection::Postgres(lender.lend().await.map_err(error)?),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Pool::Sqlite(lender) => lender.close().await,
            Pool::Postgres(lender) => lender.close().await,
        }
    }
}

fn sqlite_options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).busy_timeout(Duration::from_secs(5))
}

fn pool_options<D: Database>(limits: Limits) -> PoolOptions<D> {
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

/// A connection of the pool, for one user at a time.
pub(crate) enum Connection {
    Sqlite(Guarded<Sqlite>),
    Postgres(Guarded<Postgres>),
}

/// A database whose connections can be told a plain statement.
pub(crate) trait Backend: Database {
    const BEGIN: &'static str;
    const COMMIT: &'static str;

    fn tell(
        connection: &mut Self::Connection,
        statement: SqlStr,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Backend for Sqlite {
    /// Whoever has read before he writes does not wait for the lock, but fails at once; so a transaction has the
    /// lock from its beginning.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const COMMIT: &'static str = "COMMIT";

    async fn tell(connection: &mut SqliteConnection, statement: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(statement).await.map(drop)
    }
}

impl Backend for Postgres {
    const BEGIN: &'static str = "BEGIN";
    /// After a statement that failed, the server rolls back at `COMMIT` and calls it a success; it refuses the
    /// `SELECT`.
    const COMMIT: &'static str = "SELECT 1; COMMIT";

    async fn tell(connection: &mut PgConnection, statement: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(statement).await.map(drop)
    }
}

/// A connection that goes on in order.
pub(crate) struct Guarded<D: Backend> {
    lent: Option<Lent<D>>,
    lender: Arc<Lender<D>>,
    /// How long an answer is waited for.
    limit: Duration,
    /// Set before `BEGIN` is sent: a caller that is cancelled while it waits for the answer leaves a session of
    /// which nobody knows whether it is inside of a transaction.
    in_transaction: bool,
    /// Whether everything that was asked has been answered, and well.
    at_rest: bool,
    /// Set while the session is in a state that must not come back to the pool.
    spoilt: bool,
    /// Free for the next user when the connection has gone on.
    _place: OwnedSemaphorePermit,
}

impl<D: Backend> Guarded<D> {
    pub(crate) fn new(lent: Lent<D>, lender: Arc<Lender<D>>, limit: Duration, place: OwnedSemaphorePermit) -> Self {
        let (in_transaction, at_rest, spoilt) = (false, true, false);
        Guarded { lent: Some(lent), lender, limit, in_transaction, at_rest, spoilt, _place: place }
    }

    /// The connection, for what this type knows nothing of.
    pub(crate) fn get(&mut self) -> &mut D::Connection {
        self.at_rest = false;
        self.lent.as_mut().expect("the connection is there until it is dropped").get()
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Says whether the connection has to be closed when its user is done.
    pub(crate) fn spoil(&mut self, spoilt: bool) {
        self.spoilt = spoilt;
    }

    /// The answer to what is asked, if it comes in time. A connection that owes one is of no use to anybody.
    pub(crate) async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut D::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let limit = self.limit;
        let answer = timeout(limit, question(self.get())).await;
        self.spoilt |= answer.is_err();
        let answer = answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        self.at_rest = answer.is_ok();
        answer
    }

    async fn tell(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.ask(async |connection| D::tell(connection, SqlStr::from_static(statement)).await).await
    }

    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.in_transaction = true;
        self.tell(D::BEGIN).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.tell(D::COMMIT).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), sqlx::Error> {
        self.tell("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }
}

impl<D: Backend> Drop for Guarded<D> {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        if self.spoilt {
            // The server rolls back when the session ends.
            drop(lent);
        } else if self.in_transaction {
            later(roll_back(lent));
        } else if self.at_rest {
            self.lender.keep(lent);
        } else {
            later(lent.give_back());
        }
    }
}

async fn roll_back<D: Backend>(mut lent: Lent<D>) {
    let rolled_back = timeout(RELEASE, D::tell(lent.get(), SqlStr::from_static("ROLLBACK"))).await;
    match rolled_back.map(|told| told.or_else(nothing_to_roll_back)) {
        Ok(Ok(())) => lent.give_back().await,
        _ => tracing::warn!("a connection to the database could not be rolled back and was closed"),
    }
}

/// SQLite refuses a `ROLLBACK` outside of a transaction: its `BEGIN` was never received.
fn nothing_to_roll_back(error: sqlx::Error) -> Result<(), sqlx::Error> {
    match &error {
        sqlx::Error::Database(told) if told.message().contains("no transaction is active") => Ok(()),
        _ => Err(error),
    }
}
