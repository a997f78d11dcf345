//! What can go wrong with a database.

use std::fmt;

use crate::backend::Backend;

/// An error of the database, or of reading what it gave. It becomes a [`hipflask::Error`] by `?`; sqlx's own
/// error is its source, so `#[errorhandler(sqlx::Error)]` finds it.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlError {
    /// The database cannot be reached, or has no connection free in time. Answered with 503.
    Unavailable {
        /// What the driver says.
        source: DriverError,
    },
    /// The database refused a statement.
    Statement {
        /// The statement's text.
        sql: String,
        /// What the driver says.
        source: DriverError,
    },
    /// The statement and its values do not fit: answered with 400 where the value is the client's.
    Value {
        /// What does not fit.
        message: String,
    },
    /// A row was asked for a column that it does not have, or as a type that the column is not.
    Column {
        /// The column.
        name: String,
        /// What was found instead.
        message: String,
    },
    /// There is no row, but one was asked for.
    NoRow {
        /// The statement's text.
        sql: String,
    },
}

/// What the driver says, kept out of our own type's promises.
pub struct DriverError(Box<sqlx::Error>);

impl SqlError {
    /// Sorts an error of the driver by what can be done about it.
    pub(crate) fn new<D: Backend>(sql: &str, error: sqlx::Error) -> SqlError {
        let unavailable = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| D::is_passing(&code)),
            _ => false,
        };
        let source = DriverError(Box::new(error));
        if unavailable { SqlError::Unavailable { source } } else { SqlError::Statement { sql: sql.to_owned(), source } }
    }

    fn driver(&self) -> Option<&sqlx::Error> {
        match self {
            SqlError::Unavailable { source } | SqlError::Statement { source, .. } => Some(&source.0),
            _ => None,
        }
    }

    /// Whether a row broke a rule that its column or another must be unique by: a name that is taken.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self.driver(), Some(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether a row refers to another that does not exist.
    pub fn is_foreign_key_violation(&self) -> bool {
        matches!(self.driver(), Some(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlError::Unavailable { .. } => f.write_str("the database is not available"),
            SqlError::Statement { sql, .. } => write!(f, "the database refused `{}`", short(sql)),
            SqlError::Value { message } => f.write_str(message),
            SqlError::Column { name, message } => write!(f, "the column `{name}` {message}"),
            SqlError::NoRow { sql } => {
                write!(f, "`{}` found no row; use `optional()` where there may be none", short(sql))
            }
        }
    }
}

/// A statement on one line, shortened.
pub(crate) fn short(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl std::error::Error for SqlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.driver().map(|error| error as _)
    }
}

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
