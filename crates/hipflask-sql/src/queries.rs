//! What a database and a transaction have in common.

use crate::extension::Db;
use crate::query::Query;
use crate::transaction::Transaction;

/// A database or a transaction: what statements are run on. A function that takes one works with either, and so does
/// everything that is built upon it.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_sql::prelude::*;
///
/// async fn balance(mut db: impl Queries, account: i64) -> Result<i64> {
///     Ok(db.query("SELECT balance FROM account WHERE id = ?").bind(account).scalar().await?)
/// }
///
/// async fn pay(mut db: impl Queries, from: i64, to: i64, amount: i64) -> Result<()> {
///     if balance(&mut db, from).await? < amount {
///         abort!(409, "There is not enough on the account.");
///     }
///     let update = "UPDATE account SET balance = balance + ? WHERE id = ?";
///     db.query(update).bind(-amount).bind(from).execute().await?;
///     db.query(update).bind(amount).bind(to).execute().await?;
///     Ok(())
/// }
///
/// # hipflask::block_on(async {
/// # let app = App::new("doc", ".").config("DATABASE_URL", "sqlite:").extend(Sql::from_config()).freeze().unwrap();
/// # let db = Db::of(&app)?;
/// # db.query("CREATE TABLE account (id INTEGER PRIMARY KEY, balance BIGINT)").execute().await?;
/// # db.query("INSERT INTO account (balance) VALUES (100), (0)").execute().await?;
/// let mut transaction = db.begin().await?;
/// pay(&mut transaction, 1, 2, 70).await?;
/// transaction.commit().await?;
/// assert_eq!(balance(&db, 2).await?, 70);
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
///
/// It is implemented for [`Db`] and `&Db`, for [`Transaction`], and for a mutable reference to any of them: what a
/// helper was given it passes on by `&mut db`. Exclusive, because a transaction does one thing at a time; that a
/// stream of its rows is still being read when the next statement comes is an error of the compiler's. A function
/// that must not be called without a transaction takes a `&mut Transaction`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a database nor a transaction",
    label = "statements cannot be run on this",
    note = "pass a database as `&db`, a transaction as `&mut transaction`"
)]
pub trait Queries: Send {
    /// A statement, with `?` where values are bound; see [`Db::query`].
    fn query(&mut self, sql: &'static str) -> Query<'_>;

    /// A statement that the program has put together; see [`Db::query_built`].
    fn query_built(&mut self, sql: String) -> Query<'_>;
}

impl Queries for Db {
    fn query(&mut self, sql: &'static str) -> Query<'_> {
        Db::query(self, sql)
    }

    fn query_built(&mut self, sql: String) -> Query<'_> {
        Db::query_built(self, sql)
    }
}

impl Queries for &Db {
    fn query(&mut self, sql: &'static str) -> Query<'_> {
        Db::query(self, sql)
    }

    fn query_built(&mut self, sql: String) -> Query<'_> {
        Db::query_built(self, sql)
    }
}

impl Queries for Transaction {
    fn query(&mut self, sql: &'static str) -> Query<'_> {
        Transaction::query(self, sql)
    }

    fn query_built(&mut self, sql: String) -> Query<'_> {
        Transaction::query_built(self, sql)
    }
}

impl<Q: Queries + ?Sized> Queries for &mut Q {
    fn query(&mut self, sql: &'static str) -> Query<'_> {
        Q::query(self, sql)
    }

    fn query_built(&mut self, sql: String) -> Query<'_> {
        Q::query_built(self, sql)
    }
}
