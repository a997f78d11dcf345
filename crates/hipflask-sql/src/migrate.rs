//! Migrations: plain SQL files that are run once each, in the order of their numbers. Flask-Migrate's place.
//!
//! `migrations/0001_create_post.sql`, `migrations/0002_add_comment.sql` … A file that has run must not change:
//! write a new one. What differs between databases goes into files of one more ending:
//! `0003_index.sqlite.sql` runs on SQLite only.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use hipflask::extension::EmbeddedFile;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::backend::{Backend, ENDINGS};
use crate::connection::Guarded;
use crate::dialect::statements;
use crate::error::short;

/// A migration's file: its name and its text.
pub(crate) type File = (String, String);

/// The files of a folder; none if it does not exist.
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
    let read = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        std::fs::read_to_string(&path).map(|text| (name, text)).map_err(|error| unreadable(&path, error))
    };
    paths.map(read).collect()
}

/// The files inside the binary: those of the folder `migrations` whose names begin with `folder`.
pub(crate) fn read_embedded(files: &[EmbeddedFile], folder: &str) -> Vec<File> {
    let ours = files.iter().filter_map(|file| Some((file.name.strip_prefix(folder)?, file.content)));
    let scripts = ours.filter(|(name, _)| name.ends_with(".sql") && !name.contains('/'));
    scripts
        .filter_map(|(name, content)| Some((name.to_owned(), std::str::from_utf8(content).ok()?.to_owned())))
        .collect()
}

/// The migrations of an application for its kind of database, in order.
pub(crate) struct Migrations {
    migrator: Migrator,
    /// The files, in the same order.
    files: Vec<File>,
}

impl Migrations {
    /// Picks out of `files` what is for the kind of database whose files end in `ending`, or for all.
    ///
    /// # Errors
    ///
    /// A name without a number, or a number that is given twice.
    pub(crate) fn new(mut files: Vec<File>, ending: &str) -> Result<Migrations, String> {
        files.sort();
        let mut found: Vec<(Migration, File)> = Vec::new();
        for (name, text) in files {
            let Some(migration) = migration(&name, &text, ending)? else { continue };
            if let Some((_, (twin, _))) = found.iter().find(|(other, _)| other.version == migration.version) {
                let number = migration.version;
                return Err(format!(
                    "the migrations `{twin}` and `{name}` have the same number {number}; give one of them the next"
                ));
            }
            found.push((migration, (name, text)));
        }
        found.sort_by_key(|(migration, _)| migration.version);
        let (migrations, files) = found.into_iter().unzip();
        Ok(Migrations { migrator: migrator(migrations), files })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.migrator.iter()
    }

    /// Runs what has not run yet, one process at a time, each migration in a transaction of its own.
    pub(crate) async fn upgrade_on<D: Backend>(&self, connection: &mut Guarded<D>) -> Result<(), String> {
        let migrator = self.with_known_checksums(connection.get()).await;
        match D::migrate(&migrator, connection).await {
            Ok(()) => D::check_writable(connection.get()).await.map_err(|error| {
                format!(
                    "it cannot be written: {}; a program that only reads sets `DATABASE_MIGRATE` to false",
                    told(&error)
                )
            }),
            Err(error) => Err(self.explained::<D>(&error, connection.get()).await),
        }
    }

    /// The migrations, each with the checksum that the database has for it, if that is of the same text with other line
    /// ends. (A checkout on Windows has others, and earlier versions took the checksum of the file as it was.)
    async fn with_known_checksums(&self, connection: &mut impl Migrate) -> Migrator {
        // Before the first migration there is no such table.
        let applied = connection.list_applied_migrations(&self.migrator.table_name).await.unwrap_or_default();
        let known = |(migration, (_, text)): (&Migration, &File)| {
            let applied = applied.iter().find(|applied| applied.version == migration.version);
            let other = applied.filter(|applied| applied.checksum != migration.checksum);
            let other = other.filter(|applied| spellings(text).any(|text| checksum(text) == applied.checksum));
            let mut migration = migration.clone();
            if let Some(applied) = other {
                migration.checksum = applied.checksum.clone();
            }
            migration
        };
        migrator(self.iter().zip(&self.files).map(known).collect())
    }

    /// The numbers of what has run.
    pub(crate) async fn applied_on<D: Backend>(&self, connection: &mut Guarded<D>) -> Result<Vec<i64>, String> {
        let (connection, table) = (connection.get(), &self.migrator.table_name);
        let described = |error: MigrateError| describe(&error);
        connection.ensure_migrations_table(table).await.map_err(described)?;
        let applied = connection.list_applied_migrations(table).await.map_err(described)?;
        Ok(applied.into_iter().map(|migration| migration.version).collect())
    }

    /// Says what went wrong, in which file and with which statement.
    async fn explained<D: Backend>(&self, error: &MigrateError, connection: &mut D::Connection) -> String {
        let name = |version: i64| {
            let index = self.iter().position(|migration| migration.version == version);
            index.and_then(|index| self.files.get(index)).map_or("", |(name, _)| name)
        };
        match error {
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
                let place = match culprit::<D>(connection, script).await {
                    Some(statement) => format!(" at `{}`", short(statement)),
                    None => String::new(),
                };
                format!("the migration `{}` failed{place} and was undone: {}", name(*version), told(error))
            }
            error => describe(error),
        }
    }
}

/// The statement that fails: the drivers do not say. The script runs once more, statement by statement, and is undone.
async fn culprit<'a, D: Backend>(connection: &mut D::Connection, script: &'a str) -> Option<&'a str> {
    tell::<D>(connection, "ROLLBACK").await.ok();
    tell::<D>(connection, "BEGIN").await.ok()?;
    let mut found = None;
    for statement in statements::<D>(script) {
        if tell::<D>(connection, statement).await.is_err() {
            found = Some(statement);
            break;
        }
    }
    tell::<D>(connection, "ROLLBACK").await.ok();
    found
}

async fn tell<D: Backend>(connection: &mut D::Connection, statement: &str) -> Result<(), sqlx::Error> {
    D::tell(connection, AssertSqlSafe(statement).into_sql_str()).await
}

fn migrator(migrations: Vec<Migration>) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name("hipflask_migration");
    migrator
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text without what editors and checkouts change in it: the kind of its line ends, white space at its end, a byte
/// order mark.
fn plain(text: &str) -> String {
    text.trim_start_matches(BYTE_ORDER_MARK).trim_end().replace("\r\n", "\n")
}

/// The texts that a file may have had, if it is the same but for that.
fn spellings(text: &str) -> impl Iterator<Item = String> {
    let plain = plain(text);
    let ended = [plain.clone(), format!("{plain}\n")];
    let lines = ended.into_iter().flat_map(|text| [text.replace('\n', "\r\n"), text]);
    lines.flat_map(|text| [format!("{BYTE_ORDER_MARK}{text}"), text]).chain([text.to_owned()])
}

fn checksum(text: String) -> Cow<'static, [u8]> {
    Migration::new(0, Cow::Borrowed(""), MigrationType::Simple, AssertSqlSafe(text).into_sql_str(), false).checksum
}

/// The migration of a file, if it is for this kind of database.
fn migration(name: &str, text: &str, ending: &str) -> Result<Option<Migration>, String> {
    let stem = name.trim_end_matches(".sql");
    let stem = match stem.rsplit_once('.') {
        Some((stem, found)) if found == ending => stem,
        Some((_, found)) if ENDINGS.contains(&found) => return Ok(None),
        _ => stem,
    };
    let (number, description) = stem.split_once('_').unwrap_or((stem, ""));
    let version: i64 = number
        .parse()
        .map_err(|_| format!("the migration `{name}` has no number; name it like `0001_create_post.sql`"))?;
    let description = Cow::Owned(description.replace('_', " "));
    let sql = AssertSqlSafe(plain(text)).into_sql_str();
    Ok(Some(Migration::new(version, description, MigrationType::Simple, sql, false)))
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
