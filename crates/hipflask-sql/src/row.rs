//! Rows.

use crate::backend::AnyRow;
use crate::error::SqlError;
use crate::value::{FromColumn, SqlValue};

/// A row of a result, whatever database it comes from.
pub struct Row(pub(crate) AnyRow);

/// What a row can be read as; `#[derive(FromRow)]` writes it for a struct. A tuple takes the columns in order.
///
/// ```
/// use hipflask_sql::prelude::*;
///
/// #[derive(FromRow)]
/// struct Author {
///     id: i64,
///     #[column(name = "user_name")]
///     name: Option<String>,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a row",
    label = "put `#[derive(FromRow)]` above this type",
    note = "a tuple of columns, like `(i64, String)`, can be read too"
)]
pub trait FromRow: Sized {
    /// The value.
    ///
    /// # Errors
    ///
    /// If a column is missing or is of another type.
    fn from_row(row: &Row) -> Result<Self, SqlError>;
}

impl Row {
    /// The column `name` as a `T`.
    ///
    /// # Errors
    ///
    /// If there is no such column, or it is no `T`.
    pub fn get<T: FromColumn>(&self, name: &str) -> Result<T, SqlError> {
        let value = self.0.named(name).unwrap_or_else(|| {
            Err(format!("is not in the row, which has {}", self.columns().collect::<Vec<_>>().join(", ")))
        });
        value.and_then(T::from_column).map_err(|message| SqlError::Column { name: name.to_owned(), message })
    }

    /// The column at `index`, counted from 0, as a `T`.
    ///
    /// # Errors
    ///
    /// If there is no such column, or it is no `T`.
    pub fn get_at<T: FromColumn>(&self, index: usize) -> Result<T, SqlError> {
        let value = self
            .0
            .at(index)
            .unwrap_or_else(|| Err(format!("is not in the row, which has {} columns", self.columns().count())));
        value.and_then(T::from_column).map_err(|message| {
            let name = self.columns().nth(index).map_or_else(|| index.to_string(), str::to_owned);
            SqlError::Column { name, message }
        })
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        (0..).map_while(|index| self.0.name(index))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.columns()).finish()
    }
}

/// The row itself, for a look at its columns.
impl FromRow for Vec<(String, SqlValue)> {
    fn from_row(row: &Row) -> Result<Self, SqlError> {
        row.columns().enumerate().map(|(index, name)| Ok((name.to_owned(), row.get_at(index)?))).collect()
    }
}

macro_rules! tuples {
    ($(($($column:ident $index:literal)+))*) => {
        $(impl<$($column: FromColumn),+> FromRow for ($($column,)+) {
            fn from_row(row: &Row) -> Result<Self, SqlError> {
                Ok(($(row.get_at::<$column>($index)?,)+))
            }
        })*
    };
}

tuples!((A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3) (A 0 B 1 C 2 D 3 E 4) (A 0 B 1 C 2 D 3 E 4 F 5));
