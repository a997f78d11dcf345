//! The extension, and what views get of it.

use std::future::{Future, ready};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use hipflask::{
    App, Catches, Caught, CliArgs, Context, Error, ErrorHandler, Extension, Freezing, FromContext, Frozen, HttpError,
    Response, Result, Scaffold,
};
use sqlx::migrate::Migrator;

use crate::connection::Pool;
use crate::error::SqlError;
use crate::migrate;
use crate::query::{Query, Target};
use crate::transaction::Transaction;
use crate::url::Address;

/// Gives an application a database.
///
/// Configuration keys: `DATABASE_URL` (`sqlite:///NAME.sqlite` in the instance folder unless it is set),
/// `DATABASE_POOL_SIZE` (10), `DATABASE_MIGRATE` (true: what is in the folder `migrations` runs before the
/// first request). It adds the command `db`, with `db upgrade` and `db status`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sql;

impl Sql {
    /// A database as the configuration says.
    pub fn from_config() -> Sql {
        Sql
    }
}

impl Extension for Sql {
    fn init_app(self, app: App) -> App {
        let default = format!("sqlite:///{}.sqlite", app.name());
        app.config_default("DATABASE_URL", default)
            .config_default("DATABASE_POOL_SIZE", 10)
            .config_default("DATABASE_MIGRATE", true)
            .errorhandler(ErrorHandler::new(Catches::error::<SqlError>(), unavailable))
            .command("db", "Migrations: `db upgrade` runs what has not run yet, `db status` lists them.", command)
            .insert_state(Added)
            .on_freeze(prepare)
            .on_startup(start)
            .on_shutdown(stop)
    }
}

/// Says that the application has the extension, even where its configuration is wrong.
struct Added;

/// What the extension keeps in the application.
struct Database {
    address: Address,
    pool_size: u32,
    pool: OnceLock<Pool>,
    migrator: Arc<Migrator>,
    migrate: bool,
}

impl Database {
    fn pool(&self) -> Result<&Pool> {
        match tokio::runtime::Handle::try_current() {
            Ok(_) => Ok(self.pool.get_or_init(|| Pool::new(&self.address, self.pool_size))),
            Err(_) => Err(Error::msg("a database is used in async functions only")),
        }
    }

    async fn upgrade(&self) -> Result<()> {
        let pool = self.pool()?;
        if let Err(error) = pool.connect().await {
            let cause = Pool::trouble(&self.address).await.unwrap_or_else(|| migrate::describe(&error));
            return Err(at(&self.address, &cause));
        }
        migrate::upgrade(pool, &self.migrator).await.map_err(|message| at(&self.address, &message))
    }
}

fn prepare(freezing: &mut Freezing<'_>) {
    match database(freezing) {
        Ok(database) => freezing.insert_state(database),
        Err(problem) => freezing.problem(problem),
    }
}

fn database(freezing: &Freezing<'_>) -> Result<Database, String> {
    let config = freezing.config();
    let text = |error: Error| error.to_string();
    let url: String = config.get("DATABASE_URL").map_err(text)?;
    let instance = config.find("INSTANCE_PATH").map_err(text)?.unwrap_or_else(|| freezing.root_path().join("instance"));
    let address = Address::parse(&url, &instance)?;
    let pool_size: u32 = config.get("DATABASE_POOL_SIZE").map_err(text)?;
    if pool_size == 0 {
        return Err("`DATABASE_POOL_SIZE` is 0; a pool needs at least 1 connection".to_owned());
    }
    let files = match freezing.embedded("migrations") {
        Some(files) => migrate::read_embedded(files),
        None => migrate::read_folder(&freezing.root_path().join("migrations"))?,
    };
    let migrator = Arc::new(migrate::collect(files, address.dialect())?);
    let migrate = config.get("DATABASE_MIGRATE").map_err(text)?;
    Ok(Database { address, pool_size, pool: OnceLock::new(), migrator, migrate })
}

/// Connects and migrates, so that what is wrong with the database shows before the first request.
async fn start(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    let database = state(&app)?;
    if let Address::File(path) = &database.address {
        prepare_folder(path)?;
    }
    if database.migrate {
        database.upgrade().await?;
    }
    Ok(())
}

fn prepare_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::msg(format!(
            "the database {} cannot be kept: its folder cannot be made ({error}); give another place by `INSTANCE_PATH` or `DATABASE_URL`",
            path.display()
        ))
    })
}

fn at(address: &Address, message: &str) -> Error {
    match address {
        Address::Memory => Error::msg(format!("the database in memory: {message}")),
        Address::File(path) => Error::msg(format!("the database {}: {message}", path.display())),
        // Without the password.
        Address::Postgres(options) => Error::msg(format!(
            "the database postgresql://{}@{}:{}/{}: {message}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default(),
        )),
    }
}

async fn stop(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    if let Some(pool) = state(&app)?.pool.get() {
        pool.close().await;
    }
    Ok(())
}

fn state(app: &Frozen) -> Result<&Database> {
    app.state()
        .ok_or_else(|| Error::msg("no database was set up; add `.extend(Sql::from_config())` to the application"))
}

/// A database that cannot be reached is a 503; every other error of it goes on to be logged.
async fn unavailable(error: Caught<SqlError>) -> Result<Option<Response>> {
    match &*error {
        SqlError::Unavailable { .. } => {
            tracing::error!("{}", migrate::describe(&*error));
            Err(HttpError::new(503).header("retry-after", "5").into())
        }
        SqlError::Value { message } => Err(HttpError::new(400).description(format!("{message}.")).into()),
        _ => Ok(None),
    }
}

async fn command(ctx: &mut Context, args: CliArgs) -> Result<String> {
    let app = ctx.app().clone();
    let database = state(&app)?;
    match args.get(0) {
        Some("upgrade") => {
            database.upgrade().await?;
            Ok("The database is up to date.".to_owned())
        }
        Some("status") => {
            let applied = migrate::applied(database.pool()?, &database.migrator).await;
            let applied = applied.map_err(|message| at(&database.address, &message))?;
            let line = |migration: &sqlx::migrate::Migration| {
                let state = if applied.contains(&migration.version) { "done" } else { "open" };
                format!("{state}  {:04}  {}\n", migration.version, migration.description)
            };
            Ok(database.migrator.iter().map(line).collect())
        }
        _ => Err(Error::msg("write `db upgrade` to run the migrations, or `db status` to list them")),
    }
}

/// The database, as an argument of a view: `db: Db`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Pool,
}

impl Db {
    /// The database of an application, outside of a request: in a test for instance.
    ///
    /// # Errors
    ///
    /// If the application has none, or outside of an async function.
    pub fn of(app: &Frozen) -> Result<Db> {
        Ok(Db { pool: state(app)?.pool()?.clone() })
    }

    /// A statement, with `?` where values are bound. Its text is a part of the program, so that nothing that a
    /// client sent can become SQL.
    pub fn query(&self, sql: &'static str) -> Query<'_> {
        Query::new(Target::Pool(&self.pool), sql)
    }

    /// A statement that the program has put together. Only what the program itself knows may be put into it, a
    /// column's name out of a list for instance; values are bound.
    pub fn query_built(&self, sql: String) -> Query<'_> {
        Query::new(Target::Pool(&self.pool), sql)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// If the database is not available.
    pub async fn begin(&self) -> Result<Transaction, SqlError> {
        Transaction::begin(&self.pool).await
    }
}

impl FromContext for Db {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<Db>> + Send {
        ready(Db::of(ctx.app()))
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        match freezing.state::<Added>() {
            Some(_) => Ok(()),
            None => {
                Err("it takes `Db`, but no database was set up; add `.extend(Sql::from_config())` to the application"
                    .to_owned())
            }
        }
    }
}
