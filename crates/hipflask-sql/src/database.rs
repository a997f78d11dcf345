//! What the extension keeps in the application: its databases.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hipflask::extension::Freezing;
use hipflask::{Config, Error, Result};
use sqlx::migrate::Migration;

use crate::backend::Pool;
use crate::lender::{Limits, Purpose};
use crate::migrate::{self, Migrations};

/// The databases that an application has asked for, by their names; the one without a name has `""`.
#[derive(Clone, Default)]
pub(crate) struct Names(pub(crate) Vec<&'static str>);

/// The databases of an application by their names.
pub(crate) struct Databases(BTreeMap<&'static str, Database>);

impl Databases {
    /// Reads the configuration of each. What is wrong is reported.
    pub(crate) fn prepare(freezing: &mut Freezing<'_>) {
        let Names(names) = freezing.state().cloned().unwrap_or_default();
        let mut databases = BTreeMap::new();
        for name in names {
            match Database::new(freezing, name) {
                Ok(database) => _ = databases.insert(name, database),
                Err(problem) => freezing.problem(problem),
            }
        }
        freezing.insert_state(Databases(databases));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Database> {
        self.0.get(name)
    }

    /// The databases with their names, the one without a name first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Database)> {
        self.0.iter().map(|(name, database)| (*name, database))
    }
}

/// A database and its migrations.
pub(crate) struct Database {
    pub(crate) pool: Pool,
    migrations: Migrations,
    migrate: bool,
}

impl Database {
    fn new(freezing: &Freezing<'_>, name: &str) -> Result<Database, String> {
        let config = freezing.config();
        let key = |key: &str| key_of(name, key);
        let text = |error: Error| error.to_string();
        let instance = config.find("INSTANCE_PATH").map_err(text)?;
        let instance = instance.unwrap_or_else(|| freezing.root_path().join("instance"));
        let limits = Limits {
            connections: config.get(&key("DATABASE_POOL_SIZE")).map_err(text)?,
            acquire: seconds(config, &key("DATABASE_POOL_TIMEOUT"))?,
            answer: seconds(config, &key("DATABASE_TIMEOUT"))?,
        };
        if limits.connections == 0 {
            return Err(format!("`{}` is 0; a pool needs at least 1 connection", key("DATABASE_POOL_SIZE")));
        }
        let url: String = config.get(&key("DATABASE_URL")).map_err(text)?;
        let pool = Pool::new(&url, &instance, limits)?;
        let files = match freezing.embedded("migrations") {
            Some(files) if name.is_empty() => migrate::read_embedded(files, ""),
            Some(files) => migrate::read_embedded(files, &format!("{name}/")),
            None => migrate::read_folder(&freezing.root_path().join("migrations").join(name))?,
        };
        let migrations = Migrations::new(files, pool.ending())?;
        let migrate = config.get(&key("DATABASE_MIGRATE")).map_err(text)?;
        Ok(Database { pool, migrations, migrate })
    }

    /// Connects and migrates, so that what is wrong with the database shows before the first request.
    pub(crate) async fn start(&self) -> Result<()> {
        self.pool.open();
        if self.migrate { self.upgrade().await } else { self.prepare_folder() }
    }

    pub(crate) async fn upgrade(&self) -> Result<()> {
        self.prepare_folder()?;
        let upgraded = match self.pool.connect(Purpose::Writing).await {
            Ok(mut connection) => connection.upgrade(&self.migrations).await,
            Err(error) => Err(migrate::describe(&error)),
        };
        match upgraded {
            Ok(()) => Ok(()),
            Err(message) => Err(self.failed(message).await),
        }
    }

    /// What keeps everybody from the database, or else what has gone wrong here.
    async fn failed(&self, message: String) -> Error {
        self.told(&self.pool.trouble().await.unwrap_or(message))
    }

    /// The migrations, each with whether it has run.
    pub(crate) async fn status(&self) -> Result<Vec<(&Migration, bool)>> {
        // To look is not to make it.
        let is_there = self.pool.file().is_none_or(Path::exists);
        let applied = if is_there { self.applied().await } else { Ok(Vec::new()) };
        let applied = match applied {
            Ok(applied) => applied,
            Err(message) => return Err(self.failed(message).await),
        };
        Ok(self.migrations.iter().map(|migration| (migration, applied.contains(&migration.version))).collect())
    }

    async fn applied(&self) -> Result<Vec<i64>, String> {
        let mut connection = self.pool.connect(Purpose::Writing).await.map_err(|error| migrate::describe(&error))?;
        connection.applied(&self.migrations).await
    }

    fn prepare_folder(&self) -> Result<()> {
        let Some((path, folder)) = self.pool.file().and_then(|path| Some((path, path.parent()?))) else {
            return Ok(());
        };
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::msg(format!(
                "the database {} cannot be kept: its folder cannot be made ({error}); give another place by `INSTANCE_PATH` or `DATABASE_URL`",
                path.display()
            ))
        })
    }

    fn told(&self, message: &str) -> Error {
        Error::msg(format!("the database {}: {message}", self.pool.shown()))
    }
}

/// The configuration key of a database: `DATABASE_URL`, or `REPORTS_DATABASE_URL` for the one named `reports`.
pub(crate) fn key_of(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{}_{key}", name.to_ascii_uppercase()) }
}

/// A time limit from the configuration.
fn seconds(config: &Config, key: &str) -> Result<Duration, String> {
    let duration = config.seconds(key).map_err(|error| error.to_string())?;
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("`{key}` is not set or 0; it must be a number of seconds above 0"))
}
