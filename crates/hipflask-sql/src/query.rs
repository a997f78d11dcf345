//! Statements: text of the program, values bound to it, and what is asked of it.

use std::borrow::Cow;
use std::panic::Location;

use crate::backend::{Connection, Pool};
use crate::error::SqlError;
use crate::lender::Purpose;
use crate::page::{Page, Paging};
use crate::row::FromRow;
use crate::rows::{Rows, Slot};
use crate::statement::{Outcome, Statement, Wanted};
use crate::value::{FromColumn, SqlValue};

/// Where a statement runs.
pub(crate) enum Target<'a> {
    Pool(&'a Pool),
    Transaction(&'a mut Connection),
}

impl Target<'_> {
    /// The same target, for one statement of several.
    pub(crate) fn reborrow(&mut self) -> Target<'_> {
        match self {
            Target::Pool(pool) => Target::Pool(pool),
            Target::Transaction(connection) => Target::Transaction(connection),
        }
    }

    /// A statement without the semicolon and the comments at its end.
    pub(crate) fn without_end<'s>(&self, sql: &'s str) -> &'s str {
        match self {
            Target::Pool(pool) => pool.without_end(sql),
            Target::Transaction(connection) => connection.without_end(sql),
        }
    }

    async fn run(self, statement: &Statement, wanted: Wanted) -> Result<Outcome, SqlError> {
        match self {
            Target::Pool(pool) => pool.connect(Purpose::Statement(&statement.sql)).await?.run(statement, wanted).await,
            Target::Transaction(connection) => connection.run(statement, wanted).await,
        }
    }

    async fn insert(self, statement: Statement) -> Result<i64, SqlError> {
        match self {
            Target::Pool(pool) => pool.connect(Purpose::Statement(&statement.sql)).await?.insert(statement).await,
            Target::Transaction(connection) => connection.insert(statement).await,
        }
    }

    pub(crate) async fn pour(self, statement: &Statement, slot: &Slot) -> Result<(), SqlError> {
        match self {
            Target::Pool(pool) => pool.connect(Purpose::Statement(&statement.sql)).await?.pour(statement, slot).await,
            Target::Transaction(connection) => connection.pour(statement, slot).await,
        }
    }
}

/// A statement with its values, made by [`Db::query`](crate::Db::query) or
/// [`Transaction::query`](crate::Transaction::query).
///
/// ```
/// # use hipflask_sql::prelude::*;
/// # async fn doc(db: &Db) -> hipflask::Result<()> {
/// let id: i64 = db.query("INSERT INTO post (title, author_id) VALUES (?, ?)").bind("Hello").bind(7).insert().await?;
/// let titles: Vec<(String,)> = db.query("SELECT title FROM post").all().await?;
/// let count: i64 = db.query("SELECT COUNT(*) FROM post").scalar().await?;
/// let changed: u64 = db.query("UPDATE post SET title = ? WHERE id = ?").bind("Hi").bind(id).execute().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a statement does nothing until something is asked of it: `all`, `one`, `optional`, `execute`, `insert`"]
pub struct Query<'a> {
    target: Target<'a>,
    statement: Statement,
}

impl<'a> Query<'a> {
    pub(crate) fn new(target: Target<'a>, sql: impl Into<Cow<'static, str>>) -> Query<'a> {
        Query { target, statement: Statement::new(sql, Vec::new()) }
    }

    /// Binds a value to the next placeholder.
    pub fn bind(mut self, value: impl Into<SqlValue>) -> Query<'a> {
        self.statement.values.push(value.into());
        self
    }

    /// Every row.
    ///
    /// # Errors
    ///
    /// If the database refuses the statement, or a row cannot be read as a `T`.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>, SqlError> {
        self.target.run(&self.statement, Wanted::All).await?.rows.iter().map(T::from_row).collect()
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// If the database refuses the statement, or the row cannot be read as a `T`.
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>, SqlError> {
        self.target.run(&self.statement, Wanted::One).await?.rows.first().map(T::from_row).transpose()
    }

    /// The first row, which must be there.
    ///
    /// # Errors
    ///
    /// If there is none; if the database refuses the statement, or the row cannot be read as a `T`.
    pub async fn one<T: FromRow>(self) -> Result<T, SqlError> {
        let outcome = self.target.run(&self.statement, Wanted::One).await?;
        let row = outcome.rows.first().ok_or_else(|| SqlError::NoRow { sql: self.statement.sql.into_owned() })?;
        T::from_row(row)
    }

    /// The first column of the first row, which must be there: for `SELECT COUNT(*)`.
    ///
    /// # Errors
    ///
    /// If there is no row; if the database refuses the statement, or the column is no `T`.
    pub async fn scalar<T: FromColumn>(self) -> Result<T, SqlError> {
        let (value,) = self.one::<(T,)>().await?;
        Ok(value)
    }

    /// Runs it for its effect. The number of rows that it changed.
    ///
    /// # Errors
    ///
    /// If the database refuses it.
    pub async fn execute(self) -> Result<u64, SqlError> {
        Ok(self.target.run(&self.statement, Wanted::Effect).await?.affected)
    }

    /// Runs an `INSERT` of one row. The row's `id`.
    ///
    /// # Errors
    ///
    /// If the database refuses it, it inserts nothing (`ON CONFLICT DO NOTHING`), or the table has no integer `id`.
    pub async fn insert(self) -> Result<i64, SqlError> {
        self.target.insert(self.statement).await
    }

    /// The rows one by one, as they are asked for: for a result that is too large to be held whole.
    ///
    /// ```
    /// # use hipflask_sql::prelude::*;
    /// # async fn doc(db: &Db) -> hipflask::Result<()> {
    /// let mut names = db.query("SELECT name FROM item").stream::<(String,)>();
    /// while let Some((name,)) = names.next().await? {
    ///     println!("{name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<T: FromRow>(self) -> Rows<'a, T> {
        Rows::new(self.target, self.statement)
    }

    /// One page of the rows: a page that does not exist is a 404, as in Flask-SQLAlchemy.
    ///
    /// # Errors
    ///
    /// 404 for a page out of range; any other error is the database's.
    #[track_caller]
    pub fn paginate<T: FromRow + Send>(
        self,
        paging: &Paging,
    ) -> impl Future<Output = hipflask::Result<Page<T>>> + Send + use<'a, T> {
        let location = Location::caller();
        let paging = *paging;
        async move { crate::page::load(self, paging).await.map_err(|error| error.at(location)) }
    }

    /// The rows that [`paginate`](Query::paginate) counts and cuts out.
    pub(crate) fn into_parts(self) -> (Target<'a>, Cow<'static, str>, Vec<SqlValue>) {
        (self.target, self.statement.sql, self.statement.values)
    }

    pub(crate) fn with_values(mut self, values: Vec<SqlValue>) -> Query<'a> {
        self.statement.values = values;
        self
    }
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("sql", &self.statement.sql).field("values", &self.statement.values.len()).finish()
    }
}
