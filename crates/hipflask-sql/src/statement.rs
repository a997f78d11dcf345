//! A statement on its way to the database, whichever that is, and what comes of it.

use std::borrow::Cow;
use std::future::poll_fn;

use futures_core::stream::BoxStream;
use sqlx::error::BoxDynError;
use sqlx::{Connection as _, Either};

use crate::backend::Backend;
use crate::connection::Guarded;
use crate::dialect::{has_word, without_end};
use crate::error::SqlError;
use crate::row::Row;
use crate::rows::Slot;
use crate::value::SqlValue;

/// What the database is told.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<SqlValue>,
}

/// A statement as the driver is given it.
pub(crate) struct Prepared<D: Backend> {
    pub(crate) text: Cow<'static, str>,
    pub(crate) arguments: D::Arguments,
    /// Whether the connection keeps it prepared.
    pub(crate) persistent: bool,
}

/// What is wanted of a statement.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Wanted {
    Effect,
    One,
    All,
}

/// What came of a statement.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// The number of rows that it changed.
    pub(crate) affected: u64,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, values: Vec<SqlValue>) -> Statement {
        Statement { sql: sql.into(), values }
    }

    /// Compares the number of its placeholders with that of its values.
    pub(crate) fn check_count<D: Backend>(&self, placeholders: Option<usize>) -> Result<(), SqlError> {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        match placeholders {
            Some(wanted) if wanted != self.values.len() => {
                let (wanted, found) = (count(wanted, "placeholder"), count(self.values.len(), "value"));
                let message = format!("it has {wanted}, but {found} bound to it");
                Err(SqlError::new::<D>(&self.sql, sqlx::Error::Protocol(message)))
            }
            _ => Ok(()),
        }
    }
}

/// The error of a value that the driver does not take.
pub(crate) fn unbindable(error: &BoxDynError) -> SqlError {
    SqlError::Value { message: format!("a value cannot be bound: {error}") }
}

impl<D: Backend> Guarded<D> {
    /// Runs a statement to its end.
    pub(crate) async fn run(&mut self, statement: &Statement, wanted: Wanted) -> Result<Outcome, SqlError> {
        let prepared = D::prepare(statement)?;
        let answer = self.ask(async |connection| outcome::<D>(connection, prepared, wanted).await).await;
        let answer = match answer {
            Err(error) if self.can_renew(&error) => {
                let prepared = D::prepare(statement)?;
                let again = self.ask(async |connection| {
                    connection.clear_cached_statements().await?;
                    outcome::<D>(connection, prepared, wanted).await
                });
                // On the heap, for it is rare.
                Box::pin(again).await
            }
            answer => answer,
        };
        answer.map_err(|error| SqlError::new::<D>(&statement.sql, error))
    }

    pub(crate) fn without_end<'s>(&self, sql: &'s str) -> &'s str {
        without_end::<D>(sql)
    }

    /// Runs an `INSERT` of one row. The row's `id`. The row itself is asked for it: what SQLite's connection knows is the
    /// number of the row that it inserted last, and that may be another table's.
    pub(crate) async fn insert(&mut self, mut statement: Statement) -> Result<i64, SqlError> {
        if !has_word(&statement.sql, "RETURNING") {
            statement.sql = format!("{}\nRETURNING id", self.without_end(&statement.sql)).into();
        }
        let Outcome { rows, .. } = self.run(&statement, Wanted::One).await?;
        match rows.first() {
            Some(row) => row.get_at(0),
            None => Err(SqlError::NoRow { sql: statement.sql.into_owned() }),
        }
    }

    /// Runs a statement and hands its rows over one by one.
    pub(crate) async fn pour(&mut self, statement: &Statement, slot: &Slot) -> Result<(), SqlError> {
        let poured = self.read(D::prepare(statement)?, slot).await;
        let poured = match poured {
            Err(error) if self.can_renew(&error) => {
                let prepared = D::prepare(statement)?;
                match self.ask(async |connection| connection.clear_cached_statements().await).await {
                    Ok(()) => self.read(prepared, slot).await,
                    Err(error) => Err(error),
                }
            }
            poured => poured,
        };
        poured.map_err(|error| SqlError::new::<D>(&statement.sql, error))
    }

    /// Whether a statement that was refused was never run, and can be run anew. Inside of a transaction nothing can be
    /// run any more.
    fn can_renew(&self, error: &sqlx::Error) -> bool {
        D::is_outdated(error) && !self.is_in_transaction()
    }
}

async fn outcome<D: Backend>(
    connection: &mut D::Connection,
    prepared: Prepared<D>,
    wanted: Wanted,
) -> Result<Outcome, sqlx::Error> {
    let mut outcome = Outcome::default();
    if wanted == Wanted::One {
        outcome.rows.extend(D::first(connection, prepared).await?.map(D::row));
        return Ok(outcome);
    }
    let mut steps = D::run(connection, prepared);
    while let Some(step) = next(&mut steps).await {
        match step? {
            // There is one for each statement of the text; the last is the program's.
            Either::Left(done) => outcome.affected = D::affected(&done),
            Either::Right(row) if wanted == Wanted::All => outcome.rows.push(D::row(row)),
            Either::Right(_) => {}
        }
    }
    Ok(outcome)
}

/// The next item of a stream.
pub(crate) async fn next<T>(stream: &mut BoxStream<'_, T>) -> Option<T> {
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}
