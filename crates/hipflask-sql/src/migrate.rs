//! Migrations: plain SQL files that are run once each, in the order of their numbers. Flask-Migrate's place.
//!
//! `migrations/0001_create_post.sql`, `migrations/0002_add_comment.sql` … A file that has run must not change:
//! write a new one. What differs between databases goes into files of one more ending:
//! `0003_index.postgres.sql` runs on PostgreSQL only, `0003_index.sqlite.sql` on SQLite only.

use std::borrow::Cow;
use std::future::Future;
use std::path::Path;

use hipflask::EmbeddedFile;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, SqlSafeStr, Sqlite, SqliteConnection};

use crate::connection::{Backend, Connection, Pool};
use crate::dialect::Dialect;
use crate::error::short;

/// A migration's file: its name and its text.
pub(crate) type File = (String, String);

/// The files of a folder; none if it is not there.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<File>, String> {
    let unreadable =
        |path: &Path, error: std::io::Error| format!("the migration {} cannot be read: {error}", path.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let paths = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        std::fs::read_to_string(&path).map(|text| (name, text)).map_err(|error| unreadable(&path, error))
    };
    paths.map(read).collect()
}

/// The files that are inside of the binary.
pub(crate) fn read_embedded(files: &[EmbeddedFile]) -> Vec<File> {
    let text = |file: &EmbeddedFile| Some((file.name.to_owned(), std::str::from_utf8(file.content).ok()?.to_owned()));
    files.iter().filter(|file| file.name.ends_with(".sql")).filter_map(text).collect()
}

/// The migrations of an application for its kind of database, in order.
pub(crate) struct Migrations {
    migrator: Migrator,
    /// The files' names, in the same order.
    names: Vec<String>,
    dialect: Dialect,
}

impl Migrations {
    /// Picks out of `files` what is for this kind of database.
    ///
    /// # Errors
    ///
    /// A name without a number, or a number that stands twice.
    pub(crate) fn new(mut files: Vec<File>, dialect: Dialect) -> Result<Migrations, String> {
        files.sort();
        let mut found: Vec<(Migration, String)> = Vec::new();
        for (name, text) in files {
            let Some(migration) = migration(&name, text, dialect)? else { continue };
            if let Some((_, twin)) = found.iter().find(|(other, _)| other.version == migration.version) {
                let number = migration.version;
                return Err(format!(
                    "the migrations `{twin}` and `{name}` have the same number {number}; give one of them the next"
                ));
            }
            found.push((migration, name));
        }
        found.sort_by_key(|(migration, _)| migration.version);
        let (migrations, names) = found.into_iter().unzip();
        let mut migrator = Migrator::with_migrations(migrations);
        migrator.dangerous_set_table_name("hipflask_migration");
        Ok(Migrations { migrator, names, dialect })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.migrator.iter()
    }

    /// Runs what has not run yet, one process at a time, each migration in a transaction of its own.
    pub(crate) async fn upgrade(&self, pool: &Pool) -> Result<(), String> {
        match pool.connect().await.map_err(|error| describe(&error))? {
            Connection::Sqlite(mut connection) => {
                let done = self.upgrade_sqlite(connection.get()).await;
                self.explained(done, connection.get()).await
            }
            Connection::Postgres(mut connection) => {
                // The lock that keeps other processes away is the session's. It must not come into the pool if
                // this does not end well, or is cancelled.
                connection.spoil(true);
                let done = self.migrator.run_direct(None, connection.get(), false).await;
                self.explained(done, connection.get()).await?;
                connection.spoil(false);
                Ok(())
            }
        }
    }

    /// sqlx keeps no other process away on SQLite; the lock of a transaction around each migration does.
    async fn upgrade_sqlite(&self, connection: &mut SqliteConnection) -> Result<(), MigrateError> {
        // The last one runs nothing, and checks everything.
        for target in self.iter().map(|migration| Some(migration.version)).chain([None]) {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            self.migrator.run_direct(target, &mut *transaction, false).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// The numbers of what has run.
    pub(crate) async fn applied(&self, pool: &Pool) -> Result<Vec<i64>, String> {
        async fn list(connection: &mut impl Migrate, table: &str) -> Result<Vec<i64>, MigrateError> {
            connection.ensure_migrations_table(table).await?;
            let applied = connection.list_applied_migrations(table).await?;
            Ok(applied.into_iter().map(|migration| migration.version).collect())
        }
        let table = &self.migrator.table_name;
        let listed = match pool.connect().await.map_err(|error| describe(&error))? {
            Connection::Sqlite(mut connection) => list(connection.get(), table).await,
            Connection::Postgres(mut connection) => list(connection.get(), table).await,
        };
        listed.map_err(|error| describe(&error))
    }

    /// Says what went wrong, in which file and with which statement.
    async fn explained<C: Tell>(&self, done: Result<(), MigrateError>, connection: &mut C) -> Result<(), String> {
        let Err(error) = done else { return Ok(()) };
        let name = |version: i64| {
            let index = self.iter().position(|migration| migration.version == version);
            index.and_then(|index| self.names.get(index)).map_or("", String::as_str)
        };
        Err(match &error {
            MigrateError::VersionMismatch(version) => format!(
                "the migration `{}` has changed since it ran; restore it and put the change into a new one",
                name(*version)
            ),
            MigrateError::VersionMissing(version) => format!(
                "the database has run the migration {version:04}, which is not among the files; it is newer than the program"
            ),
            MigrateError::ExecuteMigration(error, version) => {
                let script = self.iter().find(|migration| migration.version == *version);
                let script = script.map_or("", |migration| migration.sql.as_str());
                let place = match self.culprit(connection, script).await {
                    Some(statement) => format!(" at `{}`", short(statement)),
                    None => String::new(),
                };
                format!("the migration `{}` failed{place} and was undone: {}", name(*version), told(error))
            }
            error => describe(error),
        })
    }

    /// The statement that fails: the drivers do not say. The script runs once more, statement by statement, and is
    /// undone.
    async fn culprit<'a, C: Tell>(&self, connection: &mut C, script: &'a str) -> Option<&'a str> {
        connection.tell("ROLLBACK").await.ok();
        connection.tell("BEGIN").await.ok()?;
        let mut found = None;
        for statement in self.dialect.statements(script) {
            if connection.tell(statement).await.is_err() {
                found = Some(statement);
                break;
            }
        }
        connection.tell("ROLLBACK").await.ok();
        found
    }
}

/// The migration of a file, if it is for this kind of database.
fn migration(name: &str, text: String, dialect: Dialect) -> Result<Option<Migration>, String> {
    let stem = name.trim_end_matches(".sql");
    let stem = match stem.rsplit_once('.') {
        Some((stem, "sqlite")) if dialect == Dialect::Sqlite => stem,
        Some((stem, "postgres")) if dialect == Dialect::Postgres => stem,
        Some((_, "sqlite" | "postgres")) => return Ok(None),
        _ => stem,
    };
    let (number, description) = stem.split_once('_').unwrap_or((stem, ""));
    let version: i64 = number
        .parse()
        .map_err(|_| format!("the migration `{name}` has no number; name it like `0001_create_post.sql`"))?;
    let description = Cow::Owned(description.replace('_', " "));
    let sql = AssertSqlSafe(text).into_sql_str();
    Ok(Some(Migration::new(version, description, MigrationType::Simple, sql, false)))
}

/// A connection that can be told a statement, whatever its database.
trait Tell {
    fn tell(&mut self, statement: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Tell for SqliteConnection {
    fn tell(&mut self, statement: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        Sqlite::tell(self, AssertSqlSafe(statement).into_sql_str())
    }
}

impl Tell for PgConnection {
    fn tell(&mut self, statement: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        Postgres::tell(self, AssertSqlSafe(statement).into_sql_str())
    }
}

/// What the database says, without the line of its own source that sqlx adds.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(told) => told.message().to_owned(),
        error => describe(error),
    }
}

/// An error with its causes.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}
