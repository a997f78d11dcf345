//! Rows.

use std::borrow::Cow;

use hipflask::DateTime;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Decode, Postgres, Row as _, Sqlite, Type, TypeInfo, ValueRef};

use crate::error::SqlError;
use crate::value::{FromColumn, SqlValue};

/// A row of a result, whatever database it comes from.
pub struct Row(pub(crate) Inner);

pub(crate) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

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
        let value = match &self.0 {
            Inner::Sqlite(row) => row.try_get_raw(name).ok().map(|value| sqlite_value(&value)),
            Inner::Postgres(row) => row.try_get_raw(name).ok().map(|value| postgres_value(&value)),
        };
        let value = value.unwrap_or_else(|| {
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
        let value = match &self.0 {
            Inner::Sqlite(row) => row.try_get_raw(index).ok().map(|value| sqlite_value(&value)),
            Inner::Postgres(row) => row.try_get_raw(index).ok().map(|value| postgres_value(&value)),
        };
        let value =
            value.unwrap_or_else(|| Err(format!("is not in the row, which has {} columns", self.columns().count())));
        value.and_then(T::from_column).map_err(|message| {
            let name = self.columns().nth(index).map_or_else(|| index.to_string(), str::to_owned);
            SqlError::Column { name, message }
        })
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let (sqlite, postgres) = match &self.0 {
            Inner::Sqlite(row) => (Some(row.columns()), None),
            Inner::Postgres(row) => (None, Some(row.columns())),
        };
        let sqlite = sqlite.into_iter().flatten().map(Column::name);
        sqlite.chain(postgres.into_iter().flatten().map(Column::name))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.columns()).finish()
    }
}

/// Reads a value as the Rust type that its column's type stands for.
fn decode<'r, D: sqlx::Database, T: Decode<'r, D>>(value: D::ValueRef<'r>) -> Result<T, String> {
    T::decode(value).map_err(|error| format!("cannot be read: {error}"))
}

fn sqlite_value(value: &sqlx::sqlite::SqliteValueRef<'_>) -> Result<SqlValue, String> {
    if value.is_null() {
        return Ok(SqlValue::Null);
    }
    let owned = ValueRef::to_owned(value);
    let value = || sqlx::Value::as_ref(&owned);
    // SQLite's values have types of their own, whatever the column was declared as.
    match value().type_info().name() {
        "INTEGER" | "BOOLEAN" => decode::<Sqlite, i64>(value()).map(SqlValue::Int),
        "REAL" => decode::<Sqlite, f64>(value()).map(SqlValue::Float),
        "BLOB" => decode::<Sqlite, Vec<u8>>(value()).map(SqlValue::Bytes),
        _ => decode::<Sqlite, String>(value()).map(SqlValue::Text),
    }
}

fn postgres_value(value: &PgValueRef<'_>) -> Result<SqlValue, String> {
    if value.is_null() {
        return Ok(SqlValue::Null);
    }
    let info: Cow<'_, PgTypeInfo> = value.type_info();
    let value = || value.clone();
    match info.name() {
        "BOOL" => decode::<Postgres, bool>(value()).map(SqlValue::Bool),
        "INT2" => decode::<Postgres, i16>(value()).map(|int| SqlValue::Int(int.into())),
        "INT4" => decode::<Postgres, i32>(value()).map(|int| SqlValue::Int(int.into())),
        "INT8" => decode::<Postgres, i64>(value()).map(SqlValue::Int),
        "FLOAT4" => decode::<Postgres, f32>(value()).map(|float| SqlValue::Float(float.into())),
        "FLOAT8" => decode::<Postgres, f64>(value()).map(SqlValue::Float),
        "TEXT" | "VARCHAR" => decode::<Postgres, String>(value()).map(SqlValue::Text),
        "BYTEA" => decode::<Postgres, Vec<u8>>(value()).map(SqlValue::Bytes),
        "TIMESTAMPTZ" | "TIMESTAMP" | "DATE" => postgres_moment(&value(), info.name()).map(SqlValue::DateTime),
        "UUID" => postgres_uuid(&value()).map(SqlValue::Text),
        name if <String as Type<Postgres>>::compatible(&info) || info.oid().is_none() || name == "citext" => {
            decode::<Postgres, String>(value()).map(SqlValue::Text)
        }
        name => Err(format!("is of the type {name}, which is not read; cast it in the statement: `column::text`")),
    }
}

/// Microseconds between 1970 and PostgreSQL's own epoch, 2000.
pub(crate) const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A moment on the wire: microseconds since 2000, or days for a date.
fn postgres_moment(value: &PgValueRef<'_>, type_name: &str) -> Result<DateTime, String> {
    let unreadable = |_| "cannot be read".to_owned();
    if value.format() == PgValueFormat::Text {
        return value
            .as_str()
            .map_err(|error| error.to_string())?
            .parse()
            .map_err(|error| format!("is no moment: {error}"));
    }
    let bytes = value.as_bytes().map_err(|error| error.to_string())?;
    let micros = match type_name {
        "DATE" => i64::from(i32::from_be_bytes(bytes.try_into().map_err(unreadable)?)).checked_mul(86_400_000_000),
        _ => Some(i64::from_be_bytes(bytes.try_into().map_err(unreadable)?)),
    };
    let micros = micros.and_then(|micros| micros.checked_add(POSTGRES_EPOCH));
    let moment = micros.and_then(|micros| DateTime::from_unix_micros(micros).ok());
    moment.ok_or_else(|| "is infinite, or not between the years 1 and 9999".to_owned())
}

fn postgres_uuid(value: &PgValueRef<'_>) -> Result<String, String> {
    if value.format() == PgValueFormat::Text {
        return value.as_str().map(str::to_owned).map_err(|error| error.to_string());
    }
    let bytes = value.as_bytes().map_err(|error| error.to_string())?;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
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
