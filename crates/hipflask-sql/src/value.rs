//! Values on their way into a statement and out of a row.

use hipflask::DateTime;
use hipflask::form::Date;

/// A value that a statement binds or a column holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A moment.
    DateTime(DateTime),
    /// A day.
    Date(Date),
}

macro_rules! sql_value_from {
    ($($source:ty => $make:expr),* $(,)?) => {
        $(impl From<$source> for SqlValue {
            fn from(value: $source) -> SqlValue {
                #[allow(clippy::redundant_closure_call, reason = "the closure is what the table gives")]
                ($make)(value)
            }
        })*
    };
}

sql_value_from! {
    bool => SqlValue::Bool,
    i8 => |value| SqlValue::Int(i64::from(value)),
    i16 => |value| SqlValue::Int(i64::from(value)),
    i32 => |value| SqlValue::Int(i64::from(value)),
    i64 => SqlValue::Int,
    u8 => |value| SqlValue::Int(i64::from(value)),
    u16 => |value| SqlValue::Int(i64::from(value)),
    u32 => |value| SqlValue::Int(i64::from(value)),
    f32 => |value| SqlValue::Float(f64::from(value)),
    f64 => SqlValue::Float,
    String => SqlValue::Text,
    &str => |value: &str| SqlValue::Text(value.to_owned()),
    &String => |value: &String| SqlValue::Text(value.clone()),
    Vec<u8> => SqlValue::Bytes,
    &[u8] => |value: &[u8]| SqlValue::Bytes(value.to_vec()),
    DateTime => SqlValue::DateTime,
    &DateTime => |value: &DateTime| SqlValue::DateTime(*value),
    Date => SqlValue::Date,
    &Date => |value: &Date| SqlValue::Date(*value),
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> SqlValue {
        value.map_or(SqlValue::Null, Into::into)
    }
}

/// What a column can be read as. Implement it for types of your own.
///
/// ```
/// use hipflask_sql::{FromColumn, SqlValue};
///
/// struct Role(&'static str);
///
/// impl FromColumn for Role {
///     fn from_column(value: SqlValue) -> Result<Role, String> {
///         match String::from_column(value)?.as_str() {
///             "admin" => Ok(Role("admin")),
///             other => Err(format!("is `{other}`, which is not a role")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a column",
    label = "not a column's type",
    note = "use an integer, `f64`, `bool`, `String`, `Vec<u8>`, `DateTime`, `Date`, an `Option` of these, or implement `hipflask_sql::FromColumn`"
)]
pub trait FromColumn: Sized {
    /// The value.
    ///
    /// # Errors
    ///
    /// Says what was found instead, to follow "the column `name`".
    fn from_column(value: SqlValue) -> Result<Self, String>;
}

/// What a value is, for messages.
fn kind(value: &SqlValue) -> &'static str {
    match value {
        SqlValue::Null => "NULL",
        SqlValue::Bool(_) => "a truth value",
        SqlValue::Int(_) => "an integer",
        SqlValue::Float(_) => "a number",
        SqlValue::Text(_) => "text",
        SqlValue::Bytes(_) => "bytes",
        SqlValue::DateTime(_) => "a date and time",
        SqlValue::Date(_) => "a date",
    }
}

fn mismatch<T>(value: &SqlValue) -> Result<T, String> {
    let hint = if *value == SqlValue::Null { "; make the field an `Option`" } else { "" };
    let name = std::any::type_name::<T>();
    let name = name.rsplit_once("::").map_or(name, |(_module, name)| name);
    Err(format!("is {}, not a `{name}`{hint}", kind(value)))
}

impl FromColumn for SqlValue {
    fn from_column(value: SqlValue) -> Result<SqlValue, String> {
        Ok(value)
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: SqlValue) -> Result<Option<T>, String> {
        match value {
            SqlValue::Null => Ok(None),
            value => T::from_column(value).map(Some),
        }
    }
}

macro_rules! integers {
    ($($number:ty),*) => {
        $(impl FromColumn for $number {
            fn from_column(value: SqlValue) -> Result<$number, String> {
                match value {
                    SqlValue::Int(int) => {
                        <$number>::try_from(int).map_err(|_| format!("is {int}, which is out of the range of `{}`", stringify!($number)))
                    }
                    value => mismatch(&value),
                }
            }
        })*
    };
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64, usize, isize);

impl FromColumn for f64 {
    fn from_column(value: SqlValue) -> Result<f64, String> {
        match value {
            SqlValue::Float(float) => Ok(float),
            SqlValue::Int(int) => Ok(int as f64),
            value => mismatch(&value),
        }
    }
}

impl FromColumn for bool {
    /// SQLite keeps truth as 0 and 1.
    fn from_column(value: SqlValue) -> Result<bool, String> {
        match value {
            SqlValue::Bool(bool) => Ok(bool),
            SqlValue::Int(int @ (0 | 1)) => Ok(int == 1),
            value => mismatch(&value),
        }
    }
}

impl FromColumn for String {
    fn from_column(value: SqlValue) -> Result<String, String> {
        match value {
            SqlValue::Text(text) => Ok(text),
            value => mismatch(&value),
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(value: SqlValue) -> Result<Vec<u8>, String> {
        match value {
            SqlValue::Bytes(bytes) => Ok(bytes),
            value => mismatch(&value),
        }
    }
}

impl FromColumn for DateTime {
    /// SQLite keeps moments as text, or as seconds.
    fn from_column(value: SqlValue) -> Result<DateTime, String> {
        match value {
            SqlValue::DateTime(moment) => Ok(moment),
            SqlValue::Text(text) => text.parse().map_err(|error| format!("is not a point in time: {error}")),
            SqlValue::Int(seconds) => seconds
                .checked_mul(1_000_000)
                .and_then(|micros| DateTime::from_unix_micros(micros).ok())
                .ok_or_else(|| format!("is {seconds}, which is not a point in time in seconds")),
            value => mismatch(&value),
        }
    }
}

impl FromColumn for Date {
    /// The day in UTC, of a column with moments.
    fn from_column(value: SqlValue) -> Result<Date, String> {
        match value {
            SqlValue::Date(date) => Ok(date),
            SqlValue::DateTime(moment) => Ok(moment.date()),
            SqlValue::Text(text) => match text.parse() {
                Ok(date) => Ok(date),
                Err(error) => text.parse::<DateTime>().map(DateTime::date).map_err(|_| error.to_string()),
            },
            value => mismatch(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_as_what_they_are() {
        assert_eq!(i16::from_column(SqlValue::Int(7)), Ok(7));
        assert_eq!(u8::from_column(SqlValue::Int(300)), Err("is 300, which is out of the range of `u8`".into()));
        assert_eq!(bool::from_column(SqlValue::Int(1)), Ok(true));
        assert_eq!(Option::<String>::from_column(SqlValue::Null), Ok(None));
        assert_eq!(
            String::from_column(SqlValue::Null),
            Err("is NULL, not a `String`; make the field an `Option`".into())
        );
        let moment = DateTime::from_column(SqlValue::Text("2020-01-02 03:04:05".into())).expect("a moment");
        assert_eq!(DateTime::from_column(SqlValue::Int(1_577_934_245)), Ok(moment));
        for day in [SqlValue::Text("2020-01-02".into()), SqlValue::Text("2020-01-02 03:04:05".into()), moment.into()] {
            assert_eq!(Date::from_column(day), Ok(Date::of(2020, 1, 2)));
        }
        assert!(Date::from_column(SqlValue::Text("tomorrow".into())).is_err());
    }
}
