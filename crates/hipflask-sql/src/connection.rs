//! Connections, and the pool's manners that sqlx leaves open.
//!
//! A connection goes back to the pool by a task of its own, within a time limit: sqlx asks the server whether
//! the connection is alive first, and a server that has died silently never answers; without the limit the
//! place in the pool would be gone for good. A connection that is inside of a transaction, because its user was
//! cancelled, is rolled back before anybody else can have it. And no answer is waited for for ever: sqlx has no
//! time limit for one.

use std::future::Future;
use std::time::Duration;

use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Connection as _, Database, Executor, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool,
};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::error::SqlError;
use crate::url::Address;

/// How long a connection may take to become fit for its next user.
const RELEASE: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it is still alive.
const FRESH: Duration = Duration::from_secs(1);
const ALIVE: Duration = Duration::from_secs(2);

/// A pool of connections to one database.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool, Limits),
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
        let size = limits.connections;
        match address {
            Address::Memory => {
                // Each connection would be a database of its own.
                let options = pool_options(limits).max_connections(1).idle_timeout(None).max_lifetime(None);
                Pool::Sqlite(options.connect_lazy_with(sqlite_options().in_memory(true)))
            }
            Address::File(path) => {
                let options = sqlite_options()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal);
                Pool::Sqlite(pool_options(limits).max_connections(size).connect_lazy_with(options))
            }
            Address::Postgres(options) => {
                let options = options.as_ref().clone();
                Pool::Postgres(pool_options(limits).max_connections(size).connect_lazy_with(options), limits)
            }
        }
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
            // What runs inside of the process is waited for; SQLite has its own limit for a file that is locked.
            Pool::Sqlite(pool) => Connection::Sqlite(Guarded::new(pool.acquire().await.map_err(error)?, Duration::MAX)),
            Pool::Postgres(pool, limits) => {
                Connection::Postgres(Guarded::new(pool.acquire().await.map_err(error)?, limits.answer))
            }
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool, _) => pool.close().await,
        }
    }
}

fn sqlite_options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).busy_timeout(Duration::from_secs(5))
}

fn pool_options<D: Database>(limits: Limits) -> PoolOptions<D> {
    let options = PoolOptions::new().acquire_timeout(limits.acquire).test_before_acquire(false);
    options.before_acquire(|connection: &mut D::Connection, meta| {
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
        statement: String,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Backend for Sqlite {
    /// Whoever has read before he writes does not wait for the lock, but fails at once; so a transaction has the
    /// lock from its beginning.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const COMMIT: &'static str = "COMMIT";

    async fn tell(connection: &mut SqliteConnection, statement: String) -> Result<(), sqlx::Error> {
        connection.execute(AssertSqlSafe(statement)).await.map(drop)
    }
}

impl Backend for Postgres {
    const BEGIN: &'static str = "BEGIN";
    /// After a statement that failed, the server rolls back at `COMMIT` and calls it a success; it refuses the
    /// `SELECT`.
    const COMMIT: &'static str = "SELECT 1; COMMIT";

    async fn tell(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
        connection.execute(AssertSqlSafe(statement)).await.map(drop)
    }
}

/// A connection that goes back to the pool in order.
pub(crate) struct Guarded<D: Backend> {
    connection: Option<PoolConnection<D>>,
    /// How long an answer is waited for.
    limit: Duration,
    /// Set before `BEGIN` is sent: a caller that is cancelled while it waits for the answer leaves a session of
    /// which nobody knows whether it is inside of a transaction.
    in_transaction: bool,
    /// Set while the session is in a state that must not come back to the pool.
    spoilt: bool,
}

impl<D: Backend> Guarded<D> {
    fn new(connection: PoolConnection<D>, limit: Duration) -> Guarded<D> {
        Guarded { connection: Some(connection), limit, in_transaction: false, spoilt: false }
    }

    pub(crate) fn get(&mut self) -> &mut D::Connection {
        self.connection.as_mut().expect("the connection is there until it is dropped")
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Says whether the connection has to be closed when its user is done.
    pub(crate) fn spoil(&mut self, spoilt: bool) {
        self.spoilt = spoilt;
    }

    /// The answer, if it came in time. A connection that owes one is of no use to anybody.
    pub(crate) fn in_time<T>(&mut self, answer: Result<Result<T, sqlx::Error>, Elapsed>) -> Result<T, sqlx::Error> {
        answer.unwrap_or_else(|_| {
            self.spoil(true);
            Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
        })
    }

    async fn tell(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let answer = timeout(self.limit, D::tell(self.get(), statement.to_owned())).await;
        self.in_time(answer)
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
        let Some(mut connection) = self.connection.take() else { return };
        let in_transaction = self.in_transaction;
        if self.spoilt {
            // The server rolls back when the session ends; the place in the pool is free at once.
            drop(connection.detach());
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Without a runtime nothing can be sent to the server any more.
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            if in_transaction {
                let rolled_back = timeout(RELEASE, D::tell(&mut connection, "ROLLBACK".to_owned())).await;
                if !matches!(rolled_back.map(|told| told.or_else(nothing_to_roll_back)), Ok(Ok(()))) {
                    tracing::warn!("a connection to the database could not be rolled back and was closed");
                    drop(connection.detach());
                    return;
                }
            }
            // Out of time, the connection and its place are dropped with the future.
            if timeout(RELEASE, connection.return_to_pool()).await.is_err() {
                tracing::warn!("a connection to the database did not answer any more and was closed");
            }
        });
    }
}

/// SQLite refuses a `ROLLBACK` outside of a transaction: its `BEGIN` was never received.
fn nothing_to_roll_back(error: sqlx::Error) -> Result<(), sqlx::Error> {
    match &error {
        sqlx::Error::Database(told) if told.message().contains("no transaction is active") => Ok(()),
        _ => Err(error),
    }
}
