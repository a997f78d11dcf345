//! SQLite, which is inside the binary: a file, or the memory of the process.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteQueryResult, SqliteRow, SqliteSynchronous,
    SqliteValueRef,
};
use sqlx::{
    Arguments, AssertSqlSafe, Connection as _, Decode, Executor, SqlStr, Sqlite, SqliteConnection, Transaction, Type,
    TypeInfo, Value, ValueRef,
};

use super::{Backend, Steps};
use crate::connection::Guarded;
use crate::dialect::{Dialect, Scan, drops_table, marks, standard, until};
use crate::error::SqlError;
use crate::lender::{Limits, pool_options};
use crate::statement::{Prepared, Statement, unbindable};
use crate::value::SqlValue;

/// Where a database is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It lives and dies with the process.
    Memory,
    File(PathBuf),
}

impl Backend for Sqlite {
    const SCHEME: &'static str = "sqlite";
    const EXAMPLE: &'static str = "sqlite:///name.sqlite";
    const ENDING: &'static str = "sqlite";
    /// A transaction that writes after it has read does not wait for the lock, but fails at once; so it has the lock
    /// from its beginning.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const ONE_WRITER: bool = true;
    const SENDS_ON: bool = false;

    type Address = Place;

    /// `sqlite:` and `sqlite://` are memory, `sqlite:///blog.sqlite` is a file in the folder,
    /// `sqlite:////var/lib/blog.sqlite` one by its whole path.
    fn address(rest: &str, folder: &Path) -> Result<Place, String> {
        Ok(match rest.strip_prefix("///").or_else(|| rest.strip_prefix("//")).unwrap_or(rest) {
            "" | ":memory:" | "/:memory:" => Place::Memory,
            path => Place::File(folder.join(path.split('?').next().unwrap_or(path))),
        })
    }

    fn shown(address: &Place) -> String {
        match address {
            Place::Memory => "in memory".to_owned(),
            Place::File(path) => path.display().to_string(),
        }
    }

    fn file(address: &Place) -> Option<&Path> {
        match address {
            Place::Memory => None,
            Place::File(path) => Some(path),
        }
    }

    /// What runs inside the process is waited for; there is a limit of its own for a file that is locked. In memory
    /// each connection would be a database of its own.
    fn limits(address: &Place, limits: Limits) -> Limits {
        let connections = if *address == Place::Memory { 1 } else { limits.connections };
        Limits { connections, answer: Duration::MAX, ..limits }
    }

    fn pool(address: &Place, limits: Limits) -> sqlx::Pool<Sqlite> {
        let options = SqliteConnectOptions::new().foreign_keys(true).busy_timeout(Duration::from_secs(5));
        match address {
            Place::Memory => {
                let pool = pool_options(limits).idle_timeout(None).max_lifetime(None);
                pool.connect_lazy_with(options.in_memory(true))
            }
            Place::File(path) => {
                let options = options
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal);
                pool_options(limits).connect_lazy_with(options)
            }
        }
    }

    async fn trouble(address: &Place) -> Option<String> {
        Sqlite::file(address).and_then(trouble_with)
    }

    fn prepare(statement: &Statement) -> Result<Prepared<Sqlite>, SqlError> {
        let Statement { sql, values } = statement;
        // SQLite itself takes NULL for a value that is missing, and no notice of one too many.
        statement.check_count::<Sqlite>(Sqlite::read(sql).placeholders)?;
        let may_grow = may_grow(sql);
        let text = if may_grow { Cow::Owned(format!("{LOOK_AT_SCHEMA}{sql}")) } else { sql.clone() };
        Ok(Prepared { text, arguments: arguments(values)?, persistent: !may_grow })
    }

    fn run(
        connection: &mut SqliteConnection,
        Prepared { text, arguments, persistent }: Prepared<Sqlite>,
    ) -> Steps<'_, Sqlite> {
        connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(persistent))
    }

    async fn first(
        connection: &mut SqliteConnection,
        Prepared { text, arguments, persistent }: Prepared<Sqlite>,
    ) -> Result<Option<SqliteRow>, sqlx::Error> {
        connection.fetch_optional(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(persistent)).await
    }

    async fn tell(connection: &mut SqliteConnection, statement: SqlStr) -> Result<(), sqlx::Error> {
        connection.execute(statement).await.map(drop)
    }

    fn affected(done: &SqliteQueryResult) -> u64 {
        done.rows_affected()
    }

    /// The values have types of their own, whatever the column was declared as.
    fn value(value: &SqliteValueRef<'_>) -> Result<SqlValue, String> {
        if value.is_null() {
            return Ok(SqlValue::Null);
        }
        let owned = ValueRef::to_owned(value);
        match owned.type_info().name() {
            "INTEGER" | "BOOLEAN" => decode(&owned).map(SqlValue::Int),
            "REAL" => decode(&owned).map(SqlValue::Float),
            "BLOB" => decode(&owned).map(SqlValue::Bytes),
            _ => decode(&owned).map(SqlValue::Text),
        }
    }

    /// BUSY, whatever the second byte says in addition.
    fn is_passing(code: &str) -> bool {
        code.parse().is_ok_and(|code: u32| code & 0xff == 5)
    }

    fn had_no_transaction(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::Database(told) if told.message().contains("no transaction is active"))
    }

    /// Only a write tells, so there is one, which is undone. A lock that another process holds is a sign that it can be
    /// written.
    async fn check_writable(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let tried = match connection.execute(Sqlite::BEGIN).await {
            Ok(_) => connection.execute("CREATE TABLE \"hipflask writes\" (x)").await,
            locked => locked,
        };
        // Where the transaction has ended with the error there is none to undo.
        let _ = connection.execute("ROLLBACK").await;
        match tried {
            Err(sqlx::Error::Database(told)) if told.code().is_some_and(|code| Sqlite::is_passing(&code)) => Ok(()),
            tried => tried.map(drop),
        }
    }

    async fn migrate(migrator: &Migrator, connection: &mut Guarded<Sqlite>) -> Result<(), MigrateError> {
        let applied = connection.get().list_applied_migrations(&migrator.table_name).await.unwrap_or_default();
        for migration in migrator.iter() {
            let is_new = applied.iter().all(|applied| applied.version != migration.version);
            if is_new && drops_table::<Sqlite>(migration.sql.as_str()) {
                // Unless they are on again at the end, the connection is not for anyone else.
                connection.spoil(true);
                without_foreign_keys(migrator, migration, connection.get()).await?;
                connection.spoil(false);
            } else {
                let mut transaction = connection.get().begin_with(Sqlite::BEGIN).await?;
                migrator.run_direct(Some(migration.version), &mut *transaction, false).await?;
                commit(transaction, migration).await?;
            }
        }
        // Nothing is left to run; this checks everything.
        migrator.run_direct(None, connection.get(), false).await
    }
}

/// Runs a migration that drops a table, perhaps to put another in its place: SQLite has no other way to change a column.
/// With foreign keys on it would first delete the rows, and with them, or against them, the rows that refer to them. Off
/// they can be only outside the transaction.
async fn without_foreign_keys(
    migrator: &Migrator,
    migration: &Migration,
    connection: &mut SqliteConnection,
) -> Result<(), MigrateError> {
    connection.execute("PRAGMA foreign_keys = OFF").await?;
    let mut transaction = connection.begin_with(Sqlite::BEGIN).await?;
    // Databases that were not always in our hands may have rows of this kind already.
    let before = dangling(&mut transaction).await?;
    migrator.run_direct(Some(migration.version), &mut *transaction, false).await?;
    let after = dangling(&mut transaction).await?;
    if let Some(row) = after.iter().find(|row| row.is_more_than(&before, &after)) {
        return Err(MigrateError::ExecuteMigration(sqlx::Error::Protocol(row.to_string()), migration.version));
    }
    commit(transaction, migration).await?;
    connection.execute("PRAGMA foreign_keys = ON").await?;
    Ok(())
}

async fn commit(transaction: Transaction<'_, Sqlite>, migration: &Migration) -> Result<(), MigrateError> {
    transaction.commit().await.map_err(|error| MigrateError::ExecuteMigration(error, migration.version))
}

/// A row that refers to one that does not exist.
#[derive(PartialEq, Eq)]
struct Dangling {
    table: String,
    rowid: Option<i64>,
    parent: String,
}

async fn dangling(connection: &mut SqliteConnection) -> Result<Vec<Dangling>, sqlx::Error> {
    let rows = sqlx::query_as::<_, (String, Option<i64>, String, i64)>("PRAGMA foreign_key_check").persistent(false);
    let rows = rows.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(table, rowid, parent, _key)| Dangling { table, rowid, parent }).collect())
}

impl Dangling {
    /// Whether it was not there before. A table that was rebuilt may have numbered its rows anew, so there must be more
    /// of its kind too.
    fn is_more_than(&self, before: &[Dangling], after: &[Dangling]) -> bool {
        let alike = |row: &&Dangling| row.table == self.table && row.parent == self.parent;
        !before.contains(self) && after.iter().filter(alike).count() > before.iter().filter(alike).count()
    }
}

impl Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.rowid.map_or_else(|| "a row".to_owned(), |rowid| format!("the row {rowid}"));
        write!(
            f,
            "{row} of `{}` refers to a row of `{}` that would not exist; where a migration drops a table, foreign keys do \
             not act, and it changes or deletes such rows itself",
            self.table, self.parent
        )
    }
}

/// What keeps SQLite from a file, as the system says it; SQLite itself has a code for it.
fn trouble_with(path: &Path) -> Option<String> {
    let what = match File::options().read(true).write(true).open(path) {
        Ok(file) if !may_be_database(&file) => "the file is not an SQLite database; move it away".to_owned(),
        Ok(_) => trouble_with_folder(path.parent()?)?,
        Err(error) if error.kind() == ErrorKind::NotFound => trouble_with_folder(path.parent()?)?,
        Err(error) if error.kind() == ErrorKind::IsADirectory => "there is a folder of this name; remove it".to_owned(),
        Err(error) => {
            format!("this user cannot read and write the file ({error}); change its owner or its permissions")
        }
    };
    Some(format!("{what}, or give another place by `INSTANCE_PATH` or `DATABASE_URL`"))
}

/// SQLite needs more files beside the database while it writes.
fn trouble_with_folder(folder: &Path) -> Option<String> {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    let created = File::create_new(&probe);
    let _ = std::fs::remove_file(&probe);
    let error = created.err()?;
    Some(format!("this user cannot create files in its folder ({error}); change the folder's owner or permissions"))
}

/// A file with nothing in it becomes one.
fn may_be_database(file: &File) -> bool {
    let mut head = Vec::new();
    let read = file.take(16).read_to_end(&mut head);
    read.is_ok() && (head.is_empty() || head == *b"SQLite format 3\0")
}

impl Dialect for Sqlite {
    fn read(sql: &str) -> Scan<'_> {
        let numbered = |at: usize| sql[at + 1..].starts_with(|c: char| c.is_ascii_digit());
        let placeholders = marks::<Sqlite>(sql).try_fold(0, |count, at| (!numbered(at)).then_some(count + 1));
        Scan { text: Cow::Borrowed(sql), placeholders }
    }

    fn may_open(byte: u8) -> bool {
        matches!(byte, b'\'' | b'"' | b'`' | b'[' | b'-' | b'/')
    }

    fn opaque(_before: &str, rest: &str) -> usize {
        match rest.as_bytes().first() {
            Some(b'`') => until(rest, 1, "`"),
            Some(b'[') => until(rest, 1, "]"),
            _ => standard(rest),
        }
    }
}

/// A statement that finds out whether another connection has changed the tables. It returns no rows.
const LOOK_AT_SCHEMA: &str = "SELECT 1 FROM sqlite_schema LIMIT 0;\n";

/// Whether the columns that a statement gives depend on the table. sqlx's worker panics, and the rows are lost, if there
/// are more of them than when it was prepared. So it is prepared each time, after a look.
fn may_grow(sql: &str) -> bool {
    sql.match_indices('*').any(|(at, _)| !sql[..at].trim_end().ends_with('('))
}

fn arguments(values: &[SqlValue]) -> Result<SqliteArguments, SqlError> {
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
            SqlValue::Date(value) => arguments.add(value.to_string()),
        };
        added.map_err(|error| unbindable(&error))?;
    }
    Ok(arguments)
}

fn decode<T>(value: &sqlx::sqlite::SqliteValue) -> Result<T, String>
where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
{
    T::decode(value.as_ref()).map_err(|error| format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_memory_or_a_file() {
        let address = |rest| Sqlite::address(rest, Path::new("/i"));
        for memory in ["", "//", "///:memory:", "//:memory:"] {
            assert_eq!(address(memory), Ok(Place::Memory), "{memory}");
        }
        assert_eq!(address("///a.db"), Ok(Place::File("/i/a.db".into())));
        assert_eq!(address("////v/a.db?mode=rw"), Ok(Place::File("/v/a.db".into())));
    }
}
