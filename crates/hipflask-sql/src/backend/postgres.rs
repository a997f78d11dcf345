//! PostgreSQL, a server.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use hipflask::DateTime;
use hipflask::form::Time;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgTypeInfo, PgValueFormat,
    PgValueRef,
};
use sqlx::{
    Arguments, AssertSqlSafe, Connection as _, Decode, Encode, Executor, PgConnection, Postgres, SqlStr, Type,
    TypeInfo, ValueRef,
};
use tokio::time::timeout;

use super::{Backend, Steps};
use crate::connection::Guarded;
use crate::dialect::{Dialect, Scan, marks, standard};
use crate::error::SqlError;
use crate::lender::{ALIVE, Limits, pool_options};
use crate::statement::{Prepared, Statement, unbindable};
use crate::value::SqlValue;

impl Backend for Postgres {
    const SCHEME: &'static str = "postgresql";
    const EXAMPLE: &'static str = "postgresql://user@host/name";
    const ENDING: &'static str = "postgres";
    /// After a statement that failed, the server rolls back at `COMMIT` and calls it a success; it refuses the
    /// `SELECT`.
    const COMMIT: &'static str = "SELECT 1; COMMIT";
    const SENDS_ON: bool = true;

    type Address = Box<PgConnectOptions>;

    fn address(rest: &str, _folder: &Path) -> Result<Self::Address, String> {
        // The address may hold a password, so it is not shown.
        let unreadable = |error| format!("the address of the PostgreSQL database cannot be read: {error}");
        format!("postgresql:{rest}").parse().map(Box::new).map_err(unreadable)
    }

    fn shown(options: &Self::Address) -> String {
        let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
        format!("postgresql://{user}@{host}:{port}/{}", options.get_database().unwrap_or_default())
    }

    fn pool(options: &Self::Address, limits: Limits) -> sqlx::Pool<Postgres> {
        pool_options(limits).connect_lazy_with(options.as_ref().clone())
    }

    async fn trouble(options: &Self::Address) -> Option<String> {
        match timeout(ALIVE, PgConnection::connect_with(options)).await.ok()? {
            Err(sqlx::Error::Database(told)) => Some(told.message().to_owned()),
            Err(sqlx::Error::Io(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
            Ok(_) => None,
        }
    }

    /// sqlx keeps a prepared statement under its text, together with the types of its first values: after a NULL an
    /// integer would be taken for something else. So the types are a part of the text.
    fn prepare(statement: &Statement) -> Result<Prepared<Postgres>, SqlError> {
        let Statement { sql, values } = statement;
        let Scan { text, placeholders } = Postgres::read(sql);
        statement.check_count::<Postgres>(placeholders)?;
        let text = match (text, values.is_empty()) {
            (Cow::Borrowed(_), true) => sql.clone(),
            (Cow::Owned(text), true) => Cow::Owned(text),
            (text, false) => {
                let mut text = text.into_owned();
                text.push_str("\n/* ");
                text.extend(values.iter().map(letter));
                text.push_str(" */");
                Cow::Owned(text)
            }
        };
        Ok(Prepared { text, arguments: arguments(values)?, persistent: true })
    }

    fn run(
        connection: &mut PgConnection,
        Prepared { text, arguments, persistent }: Prepared<Postgres>,
    ) -> Steps<'_, Postgres> {
        connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(persistent))
    }

    async fn first(
        connection: &mut PgConnection,
        Prepared { text, arguments, persistent }: Prepared<Postgres>,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        connection.fetch_optional(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(persistent)).await
    }

    async fn tell(connection: &mut PgConnection, statement: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(statement).await.map(drop)
    }

    fn affected(done: &PgQueryResult) -> u64 {
        done.rows_affected()
    }

    fn value(value: &PgValueRef<'_>) -> Result<SqlValue, String> {
        if value.is_null() {
            return Ok(SqlValue::Null);
        }
        let info: Cow<'_, PgTypeInfo> = value.type_info();
        match info.name() {
            "BOOL" => decode(value).map(SqlValue::Bool),
            "INT2" => decode(value).map(|int: i16| SqlValue::Int(int.into())),
            "INT4" => decode(value).map(|int: i32| SqlValue::Int(int.into())),
            "INT8" => decode(value).map(SqlValue::Int),
            "FLOAT4" => decode(value).map(|float: f32| SqlValue::Float(float.into())),
            "FLOAT8" => decode(value).map(SqlValue::Float),
            "TEXT" | "VARCHAR" => decode(value).map(SqlValue::Text),
            "BYTEA" => decode(value).map(SqlValue::Bytes),
            "TIMESTAMPTZ" | "TIMESTAMP" | "DATE" => moment(value, info.name()).map(SqlValue::DateTime),
            "UUID" => uuid(value).map(SqlValue::Text),
            name if <String as Type<Postgres>>::compatible(&info) || info.oid().is_none() || name == "citext" => {
                decode(value).map(SqlValue::Text)
            }
            name => Err(format!("is of the type {name}, which is not read; cast it in the statement: `column::text`")),
        }
    }

    fn is_outdated(error: &sqlx::Error) -> bool {
        let sqlx::Error::Database(told) = error else { return false };
        told.try_downcast_ref::<PgDatabaseError>().is_some_and(|told| told.routine() == Some("RevalidateCachedQuery"))
    }

    /// The connection is broken; the server shuts down, starts, or has no room for another connection.
    fn is_passing(code: &str) -> bool {
        ["08", "533", "57P"].iter().any(|class| code.starts_with(class))
    }

    /// The lock that keeps other processes away is the session's. It must not come into the pool if this does not end
    /// well, or is cancelled.
    async fn migrate(migrator: &Migrator, connection: &mut Guarded<Postgres>) -> Result<(), MigrateError> {
        connection.spoil(true);
        // Nothing runs yet: what fails here is not a migration's.
        migrator.run_direct(Some(i64::MIN), connection.get(), false).await?;
        let applied = connection.get().list_applied_migrations(&migrator.table_name).await?;
        for migration in migrator.iter() {
            if applied.iter().all(|applied| applied.version != migration.version) {
                let run = migrator.run_direct(Some(migration.version), connection.get(), false).await;
                run.map_err(|error| of_commit(error, migration.version))?;
            }
        }
        migrator.run_direct(None, connection.get(), false).await?;
        connection.spoil(false);
        Ok(())
    }
}

/// An error of a migration's commit, which sqlx gives without its version.
fn of_commit(error: MigrateError, version: i64) -> MigrateError {
    match error {
        MigrateError::Execute(error @ sqlx::Error::Database(_)) => MigrateError::ExecuteMigration(error, version),
        error => error,
    }
}

impl Dialect for Postgres {
    /// Numbers the placeholders: `?` is `$1`, `$2` …, and `??` is the character itself.
    fn read(sql: &str) -> Scan<'_> {
        let (mut text, mut copied, mut count) = (String::new(), 0, 0);
        let mut marks = marks::<Postgres>(sql);
        while let Some(at) = marks.next() {
            text.reserve(sql.len() - copied + 32);
            text.push_str(&sql[copied..at]);
            copied = at + 1;
            if sql[copied..].starts_with('?') {
                copied = marks.next().unwrap_or(copied) + 1;
                text.push('?');
            } else {
                count += 1;
                let _ = write!(text, "${count}");
            }
        }
        text.push_str(if copied == 0 { "" } else { &sql[copied..] });
        let text = if copied == 0 { Cow::Borrowed(sql) } else { Cow::Owned(text) };
        Scan { text, placeholders: Some(count) }
    }

    fn may_open(byte: u8) -> bool {
        matches!(byte, b'\'' | b'"' | b'-' | b'/' | b'$')
    }

    fn opaque(before: &str, rest: &str) -> usize {
        match rest.as_bytes() {
            [b'\'', ..] if is_escaping(before) => escaped(rest),
            [b'/', b'*', ..] => nested(rest),
            [b'$', ..] if !before.ends_with(is_name) => dollars(rest),
            _ => standard(rest),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the quote after `before` is one like `E'\''`, with escapes.
fn is_escaping(before: &str) -> bool {
    before.strip_suffix(['e', 'E']).is_some_and(|before| !before.ends_with(is_name))
}

fn escaped(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a comment with comments in it.
fn nested(rest: &str) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let Some(mark) = rest[at..].find("/*").into_iter().chain(rest[at..].find("*/")).min() else {
            return rest.len();
        };
        depth = if rest[at + mark..].starts_with("/*") { depth + 1 } else { depth - 1 };
        at += mark + 2;
    }
    at
}

/// The length of `$$ … $$` or `$name$ … $name$`.
fn dollars(rest: &str) -> usize {
    let Some(end) = rest[1..].find('$').filter(|end| rest[1..=*end].chars().all(is_name)) else { return 0 };
    let tag = &rest[..end + 2];
    rest[tag.len()..].find(tag).map_or(rest.len(), |at| at + 2 * tag.len())
}

fn letter(value: &SqlValue) -> char {
    match value {
        SqlValue::Null => 'n',
        SqlValue::Bool(_) => 'b',
        SqlValue::Int(_) => 'i',
        SqlValue::Float(_) => 'f',
        SqlValue::Text(_) => 't',
        SqlValue::Bytes(_) => 'y',
        // Both are sent as moments.
        SqlValue::DateTime(_) | SqlValue::Date(_) => 'd',
    }
}

fn arguments(values: &[SqlValue]) -> Result<PgArguments, SqlError> {
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
            SqlValue::DateTime(value) => arguments.add(Moment(value.unix_micros() - EPOCH)),
            // Midnight in UTC, which is the time zone of the connection.
            SqlValue::Date(value) => arguments.add(Moment(value.at(Time::of(0, 0)).utc().unix_micros() - EPOCH)),
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

/// Microseconds between 1970 and PostgreSQL's own epoch, 2000.
const EPOCH: i64 = 946_684_800_000_000;

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

fn decode<'r, T: Decode<'r, Postgres>>(value: &PgValueRef<'r>) -> Result<T, String> {
    T::decode(value.clone()).map_err(|error| format!("cannot be read: {error}"))
}

/// A moment on the wire: microseconds since 2000, or days for a date.
fn moment(value: &PgValueRef<'_>, type_name: &str) -> Result<DateTime, String> {
    let unreadable = |_| "cannot be read".to_owned();
    if value.format() == PgValueFormat::Text {
        return value
            .as_str()
            .map_err(|error| error.to_string())?
            .parse()
            .map_err(|error| format!("is not a point in time: {error}"));
    }
    let bytes = value.as_bytes().map_err(|error| error.to_string())?;
    let micros = match type_name {
        "DATE" => i64::from(i32::from_be_bytes(bytes.try_into().map_err(unreadable)?)).checked_mul(86_400_000_000),
        _ => Some(i64::from_be_bytes(bytes.try_into().map_err(unreadable)?)),
    };
    let micros = micros.and_then(|micros| micros.checked_add(EPOCH));
    let moment = micros.and_then(|micros| DateTime::from_unix_micros(micros).ok());
    moment.ok_or_else(|| "is infinite, or not between the years 1 and 9999".to_owned())
}

fn uuid(value: &PgValueRef<'_>) -> Result<String, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::statements;

    #[test]
    fn what_is_behind_the_scheme_is_a_server() {
        let options = Postgres::address("//u@h/n", Path::new("/i")).expect("an address");
        assert_eq!((options.get_host(), options.get_username()), ("h", "u"));
        assert_eq!(Postgres::shown(&options), "postgresql://u@h:5432/n");
        assert!(Postgres::address("//h:port/n", Path::new("/i")).is_err());
    }

    #[test]
    fn placeholders_are_numbered_outside_quotes_and_comments() {
        let sql = "SELECT '?', \"a?\", b ?? 'k' -- why?\n FROM t WHERE x = ? AND y = 'it''s ?' AND z = ?";
        let text = "SELECT '?', \"a?\", b ? 'k' -- why?\n FROM t WHERE x = $1 AND y = 'it''s ?' AND z = $2";
        assert_eq!(Postgres::read(sql), Scan { text: text.into(), placeholders: Some(2) });
    }

    #[test]
    fn a_function_is_one_statement() {
        let function = "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;";
        assert_eq!(statements::<Postgres>(&format!("{function}\n;")), [function, ";"]);
    }
}
