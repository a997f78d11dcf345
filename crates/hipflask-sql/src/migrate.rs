//! Migrations: plain SQL files that are run once each, in the order of their numbers. Flask-Migrate's place.
//!
//! `migrations/0001_create_post.sql`, `migrations/0002_add_comment.sql` … A file that has run must not change:
//! write a new one. What differs between databases goes into files of one more ending:
//! `0003_index.postgres.sql` runs on PostgreSQL only, `0003_index.sqlite.sql` on SQLite only.

use std::borrow::Cow;
use std::path::Path;

use hipflask::EmbeddedFile;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::connection::{Connection, Pool};

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

/// The migrations for one kind of database.
///
/// # Errors
///
/// A name without a number, or a number that stands twice.
pub(crate) fn collect(files: Vec<File>, dialect: &str) -> Result<Migrator, String> {
    let mut migrations: Vec<Migration> = Vec::new();
    for (name, text) in files {
        let stem = name.trim_end_matches(".sql");
        let stem = match stem.rsplit_once('.') {
            Some((stem, only)) if only == dialect => stem,
            Some((_, "sqlite" | "postgres")) => continue,
            _ => stem,
        };
        let (number, description) = stem.split_once('_').unwrap_or((stem, ""));
        let version: i64 = number
            .parse()
            .map_err(|_| format!("the migration `{name}` has no number; name it like `0001_create_post.sql`"))?;
        if let Some(twin) = migrations.iter().find(|migration| migration.version == version) {
            return Err(format!(
                "the migrations `{name}` and `{}` have the same number {version}; give one of them the next",
                twin.description
            ));
        }
        let sql = AssertSqlSafe(text).into_sql_str();
        migrations.push(Migration::new(
            version,
            Cow::Owned(description.replace('_', " ")),
            MigrationType::Simple,
            sql,
            false,
        ));
    }
    migrations.sort_by_key(|migration| migration.version);
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name("hipflask_migration");
    Ok(migrator)
}

/// Runs what has not run yet.
pub(crate) async fn upgrade(pool: &Pool, migrator: &Migrator) -> Result<(), String> {
    let done = match pool.connect().await.map_err(|error| describe(&error))? {
        Connection::Sqlite(mut connection) => migrator.run_direct(None, connection.get(), false).await,
        Connection::Postgres(mut connection) => migrator.run_direct(None, connection.get(), false).await,
    };
    done.map_err(|error| explain(migrator, &error))
}

/// The numbers of what has run.
pub(crate) async fn applied(pool: &Pool, migrator: &Migrator) -> Result<Vec<i64>, String> {
    async fn list(connection: &mut impl Migrate, table: &str) -> Result<Vec<i64>, MigrateError> {
        connection.ensure_migrations_table(table).await?;
        Ok(connection.list_applied_migrations(table).await?.into_iter().map(|migration| migration.version).collect())
    }
    let listed = match pool.connect().await.map_err(|error| describe(&error))? {
        Connection::Sqlite(mut connection) => list(connection.get(), &migrator.table_name).await,
        Connection::Postgres(mut connection) => list(connection.get(), &migrator.table_name).await,
    };
    listed.map_err(|error| explain(migrator, &error))
}

fn explain(migrator: &Migrator, error: &MigrateError) -> String {
    let name = |version: i64| {
        let description = migrator
            .iter()
            .find(|migration| migration.version == version)
            .map(|migration| migration.description.clone());
        format!("{version:04} {}", description.unwrap_or_default())
    };
    match error {
        MigrateError::VersionMismatch(version) => {
            format!(
                "the migration {} has changed since it ran; restore it and put the change into a new one",
                name(*version)
            )
        }
        MigrateError::VersionMissing(version) => format!(
            "the database has run the migration {version:04}, which is not among the files; it is newer than the program"
        ),
        MigrateError::ExecuteMigration(error, version) => {
            format!("the migration {} failed: {}", name(*version), describe(error))
        }
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
