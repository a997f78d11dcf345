//! Transactions: all of it or nothing.

use crate::backend::{Connection, Pool};
use crate::error::SqlError;
use crate::lender::Purpose;
use crate::query::{Query, Target};

/// A transaction, made by [`Db::begin`](crate::Db::begin). Dropped without [`commit`](Transaction::commit) it
/// is rolled back: by an early `?`, by a panic, by whatever.
///
/// On SQLite one transaction runs at a time, and the next waits for its end: keep it short. On PostgreSQL a
/// statement that fails spoils the transaction, unless a savepoint before it is gone back to; savepoints are
/// statements like any other.
///
/// ```
/// # use hipflask_sql::prelude::*;
/// # async fn doc(db: &Db) -> hipflask::Result<()> {
/// let mut transaction = db.begin().await?;
/// transaction.query("UPDATE account SET balance = balance - ? WHERE id = ?").bind(100).bind(1).execute().await?;
/// transaction.query("UPDATE account SET balance = balance + ? WHERE id = ?").bind(100).bind(2).execute().await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Transaction {
    connection: Connection,
}

impl Transaction {
    pub(crate) async fn begin(pool: &Pool) -> Result<Transaction, SqlError> {
        let mut connection = pool.connect(Purpose::Writing).await?;
        connection.begin().await?;
        Ok(Transaction { connection })
    }

    /// A statement inside the transaction.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        Query::new(Target::Transaction(&mut self.connection), sql)
    }

    /// A statement that was put together by the program; see [`Db::query_built`](crate::Db::query_built).
    pub fn query_built(&mut self, sql: String) -> Query<'_> {
        Query::new(Target::Transaction(&mut self.connection), sql)
    }

    /// Makes everything in it last.
    ///
    /// # Errors
    ///
    /// If the database cannot, or a statement in it failed before on PostgreSQL: nothing of it has happened then.
    /// Only after [`SqlError::Unavailable`] it is unknown: the answer was lost.
    pub async fn commit(mut self) -> Result<(), SqlError> {
        self.connection.commit().await
    }

    /// Undoes everything in it, now.
    ///
    /// # Errors
    ///
    /// If the database cannot be told; it undoes it all the same when the connection ends.
    pub async fn rollback(mut self) -> Result<(), SqlError> {
        self.connection.rollback().await
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transaction")
    }
}
