//! The kinds of databases. Whatever one has different from another is in the file of its name, as its [`Backend`];
//! everything else is written once, for any of them.

mod postgres;
mod sqlite;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use futures_core::stream::BoxStream;
use sqlx::database::HasStatementCache;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Column, ColumnIndex, Database, Either, Row as _, SqlStr};

use crate::connection::Guarded;
use crate::dialect::Dialect;
use crate::error::SqlError;
use crate::lender::{Lender, Limits, Purpose};
use crate::migrate::Migrations;
use crate::row::Row;
use crate::rows::Slot;
use crate::statement::{Outcome, Prepared, Statement, Wanted};
use crate::value::SqlValue;

/// A kind of database: what our code has to know of it.
pub(crate) trait Backend: Listed + Database<Connection: Migrate> + HasStatementCache + Dialect {
    /// The scheme of its addresses. What sqlx calls `URL_SCHEMES` is understood too.
    const SCHEME: &'static str;
    /// An address, for messages.
    const EXAMPLE: &'static str;
    /// What the name of a migration ends in that is for this kind alone: `0003_index.sqlite.sql`.
    const ENDING: &'static str;
    /// What begins a transaction.
    const BEGIN: &'static str = "BEGIN";
    /// What makes a transaction last, and fails if it cannot.
    const COMMIT: &'static str = "COMMIT";
    /// Whether one connection at a time can write, so that writers take turns before they have a connection.
    const ONE_WRITER: bool = false;
    /// Whether it goes on to send rows that are not wanted any more.
    const SENDS_ON: bool;

    /// Where the database is.
    type Address: Clone + Debug + Send + Sync;

    /// Reads what follows the scheme in an address. The path of a file is relative to `folder`.
    fn address(rest: &str, folder: &Path) -> Result<Self::Address, String>;

    /// The address for messages, without the password.
    fn shown(address: &Self::Address) -> String;

    /// The file that the database is kept in, if it is kept in one.
    fn file(_address: &Self::Address) -> Option<&Path> {
        None
    }

    /// The limits that make sense for the database.
    fn limits(_address: &Self::Address, limits: Limits) -> Limits {
        limits
    }

    /// A pool that connects when it is first used. Its upkeep is a task, so it is made inside a runtime.
    fn pool(address: &Self::Address, limits: Limits) -> sqlx::Pool<Self>;

    /// Why no connection is to be had: the pool itself only says that it has waited long enough.
    fn trouble(address: &Self::Address) -> impl Future<Output = Option<String>> + Send;

    /// Makes of a statement what the driver is given.
    fn prepare(statement: &Statement) -> Result<Prepared<Self>, SqlError>;

    /// Runs a statement: its rows, and what it did.
    fn run(connection: &mut Self::Connection, prepared: Prepared<Self>) -> Steps<'_, Self>;

    /// Runs a statement to its end, for its first row.
    fn first(
        connection: &mut Self::Connection,
        prepared: Prepared<Self>,
    ) -> impl Future<Output = Result<Option<Self::Row>, sqlx::Error>> + Send;

    /// Runs text without values, of which there may be several statements.
    fn tell(
        connection: &mut Self::Connection,
        statement: SqlStr,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// The number of rows that a statement changed.
    fn affected(done: &Self::QueryResult) -> u64;

    /// A value of a row, by the type that its column has.
    fn value(value: &Self::ValueRef<'_>) -> Result<SqlValue, String>;

    /// Whether a table has changed under a statement that was kept prepared, which was not run therefore.
    fn is_outdated(_error: &sqlx::Error) -> bool {
        false
    }

    /// Whether an error's code says that it has nothing to do with the statement, and will pass.
    fn is_passing(code: &str) -> bool;

    /// Whether a `ROLLBACK` was refused because there is no transaction: its `BEGIN` was never received.
    fn had_no_transaction(_error: &sqlx::Error) -> bool {
        false
    }

    /// Whether the database can be changed at all, if only a statement that changes it would find out.
    fn check_writable(_connection: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Runs the migrations that have not run yet, one process at a time.
    fn migrate(
        migrator: &Migrator,
        connection: &mut Guarded<Self>,
    ) -> impl Future<Output = Result<(), MigrateError>> + Send;
}

/// What comes of a statement, as it comes: rows, and at the end of each statement of the text what it did.
pub(crate) type Steps<'c, D> =
    BoxStream<'c, Result<Either<<D as Database>::QueryResult, <D as Database>::Row>, sqlx::Error>>;

/// A kind of database that is in the list below.
pub(crate) trait Listed: Database {
    fn row(row: Self::Row) -> Row;
}

/// Writes down the kinds of databases, and `each!`, which does the same with any of them. (The dollar is for the
/// macro inside the macro, which has no other way to write one.)
macro_rules! databases {
    ($dollar:tt $($kind:ident),*) => {
        /// A database: where it is, and the connections to it.
        #[derive(Clone, Debug)]
        pub(crate) enum Pool {
            $($kind(Arc<Lender<sqlx::$kind>>)),*
        }

        /// A connection of the pool, for one user at a time.
        pub(crate) enum Connection {
            $($kind(Guarded<sqlx::$kind>)),*
        }

        /// A row as its driver has it.
        pub(crate) enum AnyRow {
            $($kind(<sqlx::$kind as Database>::Row)),*
        }

        $(impl From<Guarded<sqlx::$kind>> for Connection {
            fn from(connection: Guarded<sqlx::$kind>) -> Connection {
                Connection::$kind(connection)
            }
        }

        impl Listed for sqlx::$kind {
            fn row(row: Self::Row) -> Row {
                Row(AnyRow::$kind(row))
            }
        })*

        const EXAMPLES: &[&str] = &[$(<sqlx::$kind as Backend>::EXAMPLE),*];
        const SCHEMES: &[&str] = &[$(<sqlx::$kind as Backend>::SCHEME),*];
        /// What the names of migrations may end in.
        pub(crate) const ENDINGS: &[&str] = &[$(<sqlx::$kind as Backend>::ENDING),*];

        impl Pool {
            /// The database that the parts of an address name, if there is such a scheme.
            fn at(scheme: &str, rest: &str, folder: &Path, limits: Limits) -> Option<Result<Pool, String>> {
                $(if <sqlx::$kind as Database>::URL_SCHEMES.contains(&scheme) {
                    let address = <sqlx::$kind as Backend>::address(rest, folder);
                    return Some(address.map(|address| Pool::$kind(Lender::new(address, limits))));
                })*
                None
            }
        }

        /// Does the same with whatever database it is, in a method of one of the enums.
        macro_rules! each {
            ($dollar value:expr, $dollar one:ident => $dollar done:expr) => {
                match $dollar value {
                    $(Self::$kind($dollar one) => $dollar done),*
                }
            };
        }
    };
}

databases!($ Sqlite, Postgres);

impl Pool {
    /// The database at an address as SQLAlchemy writes it; the path of a file is relative to `folder`. What
    /// SQLAlchemy puts behind a `+` names a Python driver, and is passed over.
    pub(crate) fn new(url: &str, folder: &Path, limits: Limits) -> Result<Pool, String> {
        let quoted = |words: &[&str], between: &str| format!("`{}`", words.join(&format!("`{between}`")));
        let Some((scheme, rest)) = url.split_once(':') else {
            let examples = quoted(EXAMPLES, " or ");
            return Err(format!("`{url}` is not the address of a database; write {examples}"));
        };
        let scheme = scheme.split_once('+').map_or(scheme, |(scheme, _driver)| scheme);
        Pool::at(scheme, rest, folder, limits).unwrap_or_else(|| {
            let schemes = quoted(SCHEMES, " and ");
            Err(format!("hipflask-sql does not support `{scheme}`; it supports {schemes}"))
        })
    }

    pub(crate) async fn connect(&self, purpose: Purpose<'_>) -> Result<Connection, SqlError> {
        each!(self, lender => lender.connect(purpose).await.map(Connection::from))
    }

    /// Whether connections can be opened here at all: a pool needs a runtime.
    pub(crate) fn is_usable(&self) -> bool {
        each!(self, lender => lender.is_usable())
    }

    pub(crate) fn without_end<'s>(&self, sql: &'s str) -> &'s str {
        each!(self, lender => lender.without_end(sql))
    }

    /// The address for messages, without the password.
    pub(crate) fn shown(&self) -> String {
        each!(self, lender => lender.shown())
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        each!(self, lender => lender.file())
    }

    /// What the name of a migration ends in that is for this kind alone.
    pub(crate) fn ending(&self) -> &'static str {
        each!(self, lender => lender.ending())
    }

    pub(crate) async fn trouble(&self) -> Option<String> {
        each!(self, lender => lender.trouble().await)
    }

    /// Lends connections again, if it was closed.
    pub(crate) fn open(&self) {
        each!(self, lender => lender.open());
    }

    /// Closes the connections that were opened, and lends no more.
    pub(crate) async fn close(&self) {
        each!(self, lender => lender.close().await);
    }
}

impl Connection {
    pub(crate) fn without_end<'s>(&self, sql: &'s str) -> &'s str {
        each!(self, connection => connection.without_end(sql))
    }

    pub(crate) async fn run(&mut self, statement: &Statement, wanted: Wanted) -> Result<Outcome, SqlError> {
        each!(self, connection => connection.run(statement, wanted).await)
    }

    pub(crate) async fn insert(&mut self, statement: Statement) -> Result<i64, SqlError> {
        each!(self, connection => connection.insert(statement).await)
    }

    pub(crate) async fn pour(&mut self, statement: &Statement, slot: &Slot) -> Result<(), SqlError> {
        each!(self, connection => connection.pour(statement, slot).await)
    }

    pub(crate) async fn begin(&mut self) -> Result<(), SqlError> {
        each!(self, connection => connection.begin().await)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), SqlError> {
        each!(self, connection => connection.commit().await)
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), SqlError> {
        each!(self, connection => connection.rollback().await)
    }

    pub(crate) async fn upgrade(&mut self, migrations: &Migrations) -> Result<(), String> {
        each!(self, connection => migrations.upgrade_on(connection).await)
    }

    pub(crate) async fn applied(&mut self, migrations: &Migrations) -> Result<Vec<i64>, String> {
        each!(self, connection => migrations.applied_on(connection).await)
    }
}

impl AnyRow {
    /// The column `name`, if there is one.
    pub(crate) fn named(&self, name: &str) -> Option<Result<SqlValue, String>> {
        each!(self, row => value(row, name))
    }

    /// The column at `index`, if there is one.
    pub(crate) fn at(&self, index: usize) -> Option<Result<SqlValue, String>> {
        each!(self, row => value(row, index))
    }

    /// The name of the column at `index`, if there is one.
    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        each!(self, row => row.columns().get(index).map(Column::name))
    }
}

fn value<R>(row: &R, column: impl ColumnIndex<R>) -> Option<Result<SqlValue, String>>
where
    R: sqlx::Row<Database: Backend>,
{
    row.try_get_raw(column).ok().map(|value| <R::Database as Backend>::value(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Postgres, Sqlite};

    #[test]
    fn placeholders_are_counted_outside_what_the_database_calls_quotes_and_comments() {
        for (sql, sqlite, postgres) in [
            ("", Some(0), Some(0)),
            ("é = ?", Some(1), Some(1)),
            ("/* ? /* ? */ ? */ ?", Some(2), Some(1)),
            ("$$ ? $$ ? $a$ ? $$ ? $a$", Some(4), Some(1)),
            ("E'\\'?' ?", Some(1), Some(1)),
            ("like'\\' ?", Some(1), Some(1)),
            ("`?` [?]", Some(0), Some(2)),
            ("?1 ?1 ?2", None, Some(3)),
            ("'open ?", Some(0), Some(0)),
            ("/* open ?", Some(0), Some(0)),
            ("$open ?", Some(1), Some(1)),
        ] {
            assert_eq!(Sqlite::read(sql).placeholders, sqlite, "{sql}");
            assert_eq!(Postgres::read(sql).placeholders, postgres, "{sql}");
        }
    }

    #[test]
    fn an_address_finds_its_database() {
        let second = std::time::Duration::from_secs(1);
        let limits = Limits { connections: 1, acquire: second, answer: second };
        let pool = |url| Pool::new(url, Path::new("/i"), limits);
        assert!(matches!(pool("sqlite:///a.db"), Ok(Pool::Sqlite(_))));
        for url in ["postgresql://u@h/n", "postgres://u@h/n", "postgresql+psycopg2://u@h/n"] {
            assert!(matches!(pool(url), Ok(Pool::Postgres(_))), "{url}");
        }
        let unknown = pool("oracle://x").expect_err("there is no such file beside this one");
        assert!(unknown.contains("`oracle`") && unknown.contains("`sqlite` and `postgresql`"), "{unknown}");
        assert!(pool("blog.db").is_err());
    }
}
