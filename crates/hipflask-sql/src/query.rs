//! Statements: text of the program, values bound to it, and what is asked of it.

use std::future::Future;
use std::panic::Location;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Executor, Postgres, Type};

use crate::connection::{Connection, Pool};
use crate::error::SqlError;
use crate::page::{Page, Paging};
use crate::row::{FromRow, Inner, POSTGRES_EPOCH, Row};
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
    sql: String,
    values: Vec<SqlValue>,
}

/// What came of a statement.
struct Outcome {
    rows: Vec<Row>,
    affected: u64,
    last_id: Option<i64>,
}

/// How many rows are wanted.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    None,
    One,
    All,
}

impl<'a> Query<'a> {
    pub(crate) fn new(target: Target<'a>, sql: impl Into<String>) -> Query<'a> {
        Query { target, sql: sql.into(), values: Vec::new() }
    }

    /// Binds a value to the next placeholder.
    pub fn bind(mut self, value: impl Into<SqlValue>) -> Query<'a> {
        self.values.push(value.into());
        self
    }

    /// Every row.
    ///
    /// # Errors
    ///
    /// If the database refuses the statement, or a row is no `T`.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>, SqlError> {
        self.run(Wanted::All).await?.rows.iter().map(T::from_row).collect()
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    ///
    /// If the database refuses the statement, or the row is no `T`.
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>, SqlError> {
        self.run(Wanted::One).await?.rows.first().map(T::from_row).transpose()
    }

    /// The first row, which must be there.
    ///
    /// # Errors
    ///
    /// If there is none; if the database refuses the statement, or the row is no `T`.
    pub async fn one<T: FromRow>(self) -> Result<T, SqlError> {
        let sql = self.sql.clone();
        self.optional().await?.ok_or(SqlError::NoRow { sql })
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
        Ok(self.run(Wanted::None).await?.affected)
    }

    /// Runs an `INSERT` of one row. The row's `id`.
    ///
    /// # Errors
    ///
    /// If the database refuses it, or the table has no integer `id`.
    pub async fn insert(mut self) -> Result<i64, SqlError> {
        if self.is_postgres() && !self.sql.to_ascii_uppercase().contains("RETURNING") {
            self.sql.push_str(" RETURNING id");
        }
        let sql = self.sql.clone();
        let outcome = self.run(Wanted::One).await?;
        match outcome.rows.first() {
            Some(row) => row.get_at(0),
            None => outcome.last_id.ok_or(SqlError::NoRow { sql }),
        }
    }

    /// One page of the rows: a page that is not there is a 404, as in Flask-SQLAlchemy.
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
    pub(crate) fn into_parts(self) -> (Target<'a>, String, Vec<SqlValue>) {
        (self.target, self.sql, self.values)
    }

    pub(crate) fn with_values(mut self, values: Vec<SqlValue>) -> Query<'a> {
        self.values = values;
        self
    }

    fn is_postgres(&self) -> bool {
        matches!(self.target, Target::Pool(Pool::Postgres(_)) | Target::Transaction(Connection::Postgres(_)))
    }

    async fn run(self, wanted: Wanted) -> Result<Outcome, SqlError> {
        match self.target {
            Target::Pool(pool) => run_on(&mut pool.connect().await?, &self.sql, self.values, wanted).await,
            Target::Transaction(connection) => run_on(connection, &self.sql, self.values, wanted).await,
        }
    }
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("sql", &self.sql).field("values", &self.values.len()).finish()
    }
}

async fn run_on(
    connection: &mut Connection,
    sql: &str,
    values: Vec<SqlValue>,
    wanted: Wanted,
) -> Result<Outcome, SqlError> {
    let refused = |error| SqlError::new(sql, error);
    let mut outcome = Outcome { rows: Vec::new(), affected: 0, last_id: None };
    match connection {
        Connection::Sqlite(connection) => {
            let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), sqlite_arguments(values)?);
            match wanted {
                Wanted::All => {
                    outcome.rows = connection
                        .get()
                        .fetch_all(query)
                        .await
                        .map_err(refused)?
                        .into_iter()
                        .map(|row| Row(Inner::Sqlite(row)))
                        .collect();
                }
                Wanted::One if returns_rows(sql) => {
                    outcome.rows.extend(
                        connection
                            .get()
                            .fetch_optional(query)
                            .await
                            .map_err(refused)?
                            .map(|row| Row(Inner::Sqlite(row))),
                    );
                }
                _ => {
                    let done = connection.get().execute(query).await.map_err(refused)?;
                    (outcome.affected, outcome.last_id) = (done.rows_affected(), Some(done.last_insert_rowid()));
                }
            }
        }
        Connection::Postgres(connection) => {
            let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), postgres_arguments(values)?);
            match wanted {
                Wanted::All => {
                    outcome.rows = connection
                        .get()
                        .fetch_all(query)
                        .await
                        .map_err(refused)?
                        .into_iter()
                        .map(|row| Row(Inner::Postgres(row)))
                        .collect();
                }
                Wanted::One => outcome.rows.extend(
                    connection.get().fetch_optional(query).await.map_err(refused)?.map(|row| Row(Inner::Postgres(row))),
                ),
                Wanted::None => {
                    outcome.affected = connection.get().execute(query).await.map_err(refused)?.rows_affected();
                }
            }
        }
    }
    Ok(outcome)
}

/// An `INSERT` in SQLite gives its id without a row, unless it asks for one.
fn returns_rows(sql: &str) -> bool {
    let upper = sql.trim_start().to_ascii_uppercase();
    !upper.starts_with("INSERT") || upper.contains("RETURNING")
}

/// `?` as `$1`, `$2` …, outside of quotes and comments; `??` is the character itself.
pub(crate) fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut count = 0;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '?' if chars.next_if_eq(&'?').is_some() => out.push('?'),
            '?' => {
                count += 1;
                out.push_str(&format!("${count}"));
            }
            '\'' | '"' => {
                out.push(c);
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == c {
                        break;
                    }
                }
            }
            '-' if chars.peek() == Some(&'-') => {
                out.push(c);
                while let Some(inner) = chars.next_if(|inner| *inner != '\n') {
                    out.push(inner);
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn unbindable(error: &BoxDynError) -> SqlError {
    SqlError::Value { message: format!("a value cannot be bound: {error}") }
}

fn sqlite_arguments(values: Vec<SqlValue>) -> Result<SqliteArguments, SqlError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            SqlValue::Null => arguments.add(None::<i64>),
            SqlValue::Bool(value) => arguments.add(value),
            SqlValue::Int(value) => arguments.add(value),
            SqlValue::Float(value) => arguments.add(value),
            SqlValue::Text(value) => arguments.add(value),
            SqlValue::Bytes(value) => arguments.add(value),
            // As CURRENT_TIMESTAMP writes it, so that the two compare.
            SqlValue::DateTime(value) => {
                arguments.add(value.strftime(if value.unix_micros() % 1_000_000 == 0 { "%F %T" } else { "%F %T.%f" }))
            }
        };
        added.map_err(|error| unbindable(&error))?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<SqlValue>) -> Result<PgArguments, SqlError> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            SqlValue::Null => arguments.add(Untyped),
            SqlValue::Bool(value) => arguments.add(value),
            SqlValue::Int(value) => arguments.add(value),
            SqlValue::Float(value) => arguments.add(value),
            SqlValue::Text(value) if value.contains('\0') => {
                return Err(SqlError::Value { message: "PostgreSQL cannot keep the character NUL in text".to_owned() });
            }
            SqlValue::Text(value) => arguments.add(value),
            SqlValue::Bytes(value) => arguments.add(value),
            SqlValue::DateTime(value) => arguments.add(Moment(value.unix_micros() - POSTGRES_EPOCH)),
        };
        added.map_err(|error| unbindable(&error))?;
    }
    Ok(arguments)
}

/// NULL of whatever type the server finds for its place.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// A `timestamptz`: microseconds since 2000.
struct Moment(i64);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(1184))
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_of_quotes_and_comments() {
        assert_eq!(
            numbered("SELECT '?', \"a?\", b ?? 'k' -- why?\n FROM t WHERE x = ? AND y = 'it''s ?' AND z = ?"),
            "SELECT '?', \"a?\", b ? 'k' -- why?\n FROM t WHERE x = $1 AND y = 'it''s ?' AND z = $2"
        );
    }
}
