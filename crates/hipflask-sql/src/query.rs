//! Statements: text of the program, values bound to it, and what is asked of it.

use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgDatabaseError, PgTypeInfo};
use sqlx::sqlite::SqliteArguments;
use sqlx::{
    Arguments, AssertSqlSafe, Connection as _, Encode, Executor, PgConnection, Postgres, Sqlite, SqliteConnection, Type,
};

use crate::connection::{Connection, Guarded, Pool};
use crate::dialect::{Dialect, Scan};
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
    statement: Statement,
}

/// What the database is told.
struct Statement {
    sql: Cow<'static, str>,
    values: Vec<SqlValue>,
}

/// What came of a statement.
struct Outcome {
    rows: Vec<Row>,
    affected: u64,
    last_id: Option<i64>,
}

/// What is wanted of a statement.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// The number of rows that it changed and, of SQLite, the id of the row that it inserted.
    Effect,
    One,
    All,
}

impl<'a> Query<'a> {
    pub(crate) fn new(target: Target<'a>, sql: impl Into<Cow<'static, str>>) -> Query<'a> {
        Query { target, statement: Statement { sql: sql.into(), values: Vec::new() } }
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
        let sql = self.statement.sql.clone();
        self.optional().await?.ok_or(SqlError::NoRow { sql: sql.into_owned() })
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
        Ok(self.run(Wanted::Effect).await?.affected)
    }

    /// Runs an `INSERT` of one row. The row's `id`.
    ///
    /// # Errors
    ///
    /// If the database refuses it, it inserts nothing (`ON CONFLICT DO NOTHING`), or the table has no integer `id`.
    pub async fn insert(mut self) -> Result<i64, SqlError> {
        let asks = has_word(&self.statement.sql, "RETURNING");
        if self.is_postgres() && !asks {
            self.statement.sql = format!("{}\nRETURNING id", without_end(&self.statement.sql)).into();
        }
        let wanted = if self.is_postgres() || asks { Wanted::One } else { Wanted::Effect };
        let sql = self.statement.sql.clone();
        let outcome = self.run(wanted).await?;
        match outcome.rows.first() {
            Some(row) => row.get_at(0),
            None => outcome.last_id.ok_or(SqlError::NoRow { sql: sql.into_owned() }),
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
    pub(crate) fn into_parts(self) -> (Target<'a>, Cow<'static, str>, Vec<SqlValue>) {
        (self.target, self.statement.sql, self.statement.values)
    }

    pub(crate) fn with_values(mut self, values: Vec<SqlValue>) -> Query<'a> {
        self.statement.values = values;
        self
    }

    fn is_postgres(&self) -> bool {
        matches!(self.target, Target::Pool(Pool::Postgres(..)) | Target::Transaction(Connection::Postgres(_)))
    }

    async fn run(self, wanted: Wanted) -> Result<Outcome, SqlError> {
        match self.target {
            Target::Pool(pool) => run_on(&mut pool.connect().await?, &self.statement, wanted).await,
            Target::Transaction(connection) => run_on(connection, &self.statement, wanted).await,
        }
    }
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("sql", &self.statement.sql).field("values", &self.statement.values.len()).finish()
    }
}

async fn run_on(connection: &mut Connection, statement: &Statement, wanted: Wanted) -> Result<Outcome, SqlError> {
    match connection {
        Connection::Sqlite(connection) => run_on_sqlite(connection, statement, wanted).await,
        Connection::Postgres(connection) => run_on_postgres(connection, statement, wanted).await,
    }
}

async fn run_on_sqlite(
    connection: &mut Guarded<Sqlite>,
    statement: &Statement,
    wanted: Wanted,
) -> Result<Outcome, SqlError> {
    let Statement { sql, values } = statement;
    // SQLite itself takes NULL for a value that is missing, and no notice of one too many.
    check_count(sql, Dialect::Sqlite.read(sql).placeholders, values)?;
    let may_grow = may_grow(sql);
    let text = if may_grow { Cow::Owned(format!("{LOOK_AT_SCHEMA}{sql}")) } else { sql.clone() };
    let query = sqlx::query_with(AssertSqlSafe(text), sqlite_arguments(values)?).persistent(!may_grow);
    let answer = connection.ask(async |connection| ask_sqlite(connection, query, wanted).await).await;
    answer.map_err(|error| SqlError::new(sql, error))
}

async fn ask_sqlite(
    connection: &mut SqliteConnection,
    query: sqlx::query::Query<'_, Sqlite, SqliteArguments>,
    wanted: Wanted,
) -> Result<Outcome, sqlx::Error> {
    let mut outcome = Outcome { rows: Vec::new(), affected: 0, last_id: None };
    let row = |row| Row(Inner::Sqlite(row));
    match wanted {
        Wanted::All => outcome.rows = connection.fetch_all(query).await?.into_iter().map(row).collect(),
        Wanted::One => outcome.rows.extend(connection.fetch_optional(query).await?.map(row)),
        Wanted::Effect => {
            let done = connection.execute(query).await?;
            outcome.affected = done.rows_affected();
            // An INSERT that did nothing leaves the id of an older one behind.
            outcome.last_id = Some(done.last_insert_rowid()).filter(|_| outcome.affected > 0);
        }
    }
    Ok(outcome)
}

/// A statement that finds out whether somebody else has changed the tables. It gives nothing.
const LOOK_AT_SCHEMA: &str = "SELECT 1 FROM sqlite_schema LIMIT 0;\n";

/// Whether the columns that a statement gives depend on the table. sqlx's worker for SQLite panics, and the rows
/// are lost, if there are more of them than when it was prepared. So it is prepared each time, after a look.
fn may_grow(sql: &str) -> bool {
    sql.match_indices('*').any(|(at, _)| !sql[..at].trim_end().ends_with('('))
}

async fn run_on_postgres(
    connection: &mut Guarded<Postgres>,
    statement: &Statement,
    wanted: Wanted,
) -> Result<Outcome, SqlError> {
    let (text, arguments) = (postgres_text(statement)?, postgres_arguments(&statement.values)?);
    let answer = connection.ask(async |connection| ask_postgres(connection, text, arguments, wanted).await).await;
    let refused = |error| SqlError::new(&statement.sql, error);
    match answer {
        // It was never run. Inside of a transaction nothing can be run any more.
        Err(error) if is_outdated(&error) && !connection.is_in_transaction() => {
            let (text, arguments) = (postgres_text(statement)?, postgres_arguments(&statement.values)?);
            let again = connection.ask(async |connection| {
                connection.clear_cached_statements().await?;
                ask_postgres(connection, text, arguments, wanted).await
            });
            Box::pin(again).await.map_err(refused)
        }
        answer => answer.map_err(refused),
    }
}

/// The text that PostgreSQL is sent.
///
/// sqlx keeps a prepared statement under its text, together with the types of its first values: after a NULL an
/// integer would be taken for something else. So the types are a part of the text.
fn postgres_text(Statement { sql, values }: &Statement) -> Result<Cow<'static, str>, SqlError> {
    let Scan { text, placeholders } = Dialect::Postgres.read(sql);
    check_count(sql, placeholders, values)?;
    if values.is_empty() {
        return Ok(match text {
            Cow::Borrowed(_) => sql.clone(),
            Cow::Owned(text) => Cow::Owned(text),
        });
    }
    let mut text = text.into_owned();
    text.push_str("\n/* ");
    text.extend(values.iter().map(letter));
    text.push_str(" */");
    Ok(Cow::Owned(text))
}

async fn ask_postgres(
    connection: &mut PgConnection,
    text: Cow<'static, str>,
    arguments: PgArguments,
    wanted: Wanted,
) -> Result<Outcome, sqlx::Error> {
    let query = sqlx::query_with(AssertSqlSafe(text), arguments);
    let mut outcome = Outcome { rows: Vec::new(), affected: 0, last_id: None };
    let row = |row| Row(Inner::Postgres(row));
    match wanted {
        Wanted::All => outcome.rows = connection.fetch_all(query).await?.into_iter().map(row).collect(),
        Wanted::One => outcome.rows.extend(connection.fetch_optional(query).await?.map(row)),
        Wanted::Effect => outcome.affected = connection.execute(query).await?.rows_affected(),
    }
    Ok(outcome)
}

/// Whether a table has changed under a statement that the server keeps prepared.
fn is_outdated(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(told) = error else { return false };
    told.try_downcast_ref::<PgDatabaseError>().is_some_and(|told| told.routine() == Some("RevalidateCachedQuery"))
}

fn letter(value: &SqlValue) -> char {
    match value {
        SqlValue::Null => 'n',
        SqlValue::Bool(_) => 'b',
        SqlValue::Int(_) => 'i',
        SqlValue::Float(_) => 'f',
        SqlValue::Text(_) => 't',
        SqlValue::Bytes(_) => 'y',
        SqlValue::DateTime(_) => 'd',
    }
}

fn check_count(sql: &str, placeholders: Option<usize>, values: &[SqlValue]) -> Result<(), SqlError> {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match placeholders {
        Some(wanted) if wanted != values.len() => {
            let message =
                format!("it has {}, but {} bound to it", count(wanted, "placeholder"), count(values.len(), "value"));
            Err(SqlError::new(sql, sqlx::Error::Protocol(message)))
        }
        _ => Ok(()),
    }
}

/// A statement without the semicolon at its end, so that something can follow.
pub(crate) fn without_end(sql: &str) -> &str {
    sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace())
}

fn has_word(sql: &str, word: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found.eq_ignore_ascii_case(word))
}

fn unbindable(error: &BoxDynError) -> SqlError {
    SqlError::Value { message: format!("a value cannot be bound: {error}") }
}

fn sqlite_arguments(values: &[SqlValue]) -> Result<SqliteArguments, SqlError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            SqlValue::Null => arguments.add(None::<i64>),
            SqlValue::Bool(value) => arguments.add(*value),
            SqlValue::Int(value) => arguments.add(*value),
            SqlValue::Float(value) => arguments.add(*value),
            SqlValue::Text(value) => arguments.add(value.as_str()),
            SqlValue::Bytes(value) => arguments.add(value.as_slice()),
            // As CURRENT_TIMESTAMP writes it, so that the two compare.
            SqlValue::DateTime(value) => {
                arguments.add(value.strftime(if value.unix_micros() % 1_000_000 == 0 { "%F %T" } else { "%F %T.%f" }))
            }
        };
        added.map_err(|error| unbindable(&error))?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[SqlValue]) -> Result<PgArguments, SqlError> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            SqlValue::Null => arguments.add(Untyped),
            SqlValue::Bool(value) => arguments.add(*value),
            SqlValue::Int(value) => arguments.add(*value),
            SqlValue::Float(value) => arguments.add(*value),
            SqlValue::Text(value) if value.contains('\0') => {
                return Err(SqlError::Value { message: "PostgreSQL cannot keep the character NUL in text".to_owned() });
            }
            SqlValue::Text(value) => arguments.add(value.as_str()),
            SqlValue::Bytes(value) => arguments.add(value.as_slice()),
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
