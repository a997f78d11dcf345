//! The extension, and what views get of it.

use std::future::{Future, ready};
use std::sync::OnceLock;
use std::time::Duration;

use hipflask::{
    App, Catches, Caught, CliArgs, Config, Context, Error, ErrorHandler, Extension, Freezing, FromContext, Frozen,
    HttpError, IntoResponse, Json, Response, Result, Scaffold, html,
};
use sqlx::migrate::Migration;

use crate::connection::{Limits, Pool};
use crate::error::SqlError;
use crate::migrate::{self, Migrations};
use crate::query::{Query, Target};
use crate::transaction::Transaction;
use crate::url::Address;

/// Gives an application a database.
///
/// Configuration keys: `DATABASE_URL` (`sqlite:///NAME.sqlite` in the instance folder unless it is set),
/// `DATABASE_POOL_SIZE` (10), `DATABASE_POOL_TIMEOUT` (5: how many seconds a request waits for a connection),
/// `DATABASE_TIMEOUT` (30: how many seconds PostgreSQL may take to answer), `DATABASE_MIGRATE` (true: what is in
/// the folder `migrations` runs before the first request). It adds the command `db`, with `db upgrade` and
/// `db status`.
///
/// A database that cannot be reached, has no connection free in time or does not answer in time is a 503; an
/// error handler for [`SqlError`] or [`sqlx::Error`] can answer otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sql;

impl Sql {
    /// A database as the configuration says.
    pub fn from_config() -> Sql {
        Sql
    }
}

const ABOUT_DB: &str = "Migrations: `db upgrade` runs what has not run yet, `db status` lists them.";

impl Extension for Sql {
    fn init_app(self, app: App) -> App {
        let default = format!("sqlite:///{}.sqlite", app.name());
        app.config_default("DATABASE_URL", default)
            .config_default("DATABASE_POOL_SIZE", 10)
            .config_default("DATABASE_POOL_TIMEOUT", 5)
            .config_default("DATABASE_TIMEOUT", 30)
            .config_default("DATABASE_MIGRATE", true)
            // For all errors, and so behind every handler of the application's own that names one.
            .errorhandler(ErrorHandler::new(Catches::error::<Error>(), answer))
            .command_before_start("db", ABOUT_DB, command)
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
    limits: Limits,
    pool: OnceLock<Pool>,
    migrations: Migrations,
    migrate: bool,
}

impl Database {
    fn pool(&self) -> Result<&Pool> {
        match tokio::runtime::Handle::try_current() {
            Ok(_) => Ok(self.pool.get_or_init(|| Pool::new(&self.address, self.limits))),
            Err(_) => Err(Error::msg("a database is used in async functions only")),
        }
    }

    async fn upgrade(&self) -> Result<()> {
        self.prepare_folder()?;
        let pool = self.pool()?;
        if let Err(error) = pool.connect().await {
            let cause = Pool::trouble(&self.address).await.unwrap_or_else(|| migrate::describe(&error));
            return Err(at(&self.address, &cause));
        }
        self.migrations.upgrade(pool).await.map_err(|message| at(&self.address, &message))
    }

    /// The migrations, each with whether it has run.
    async fn status(&self) -> Result<Vec<(&Migration, bool)>> {
        if matches!(&self.address, Address::File(path) if !path.exists()) {
            // To look is not to make it.
            return Ok(self.migrations.iter().map(|migration| (migration, false)).collect());
        }
        let applied = self.migrations.applied(self.pool()?).await.map_err(|message| at(&self.address, &message))?;
        Ok(self.migrations.iter().map(|migration| (migration, applied.contains(&migration.version))).collect())
    }

    fn prepare_folder(&self) -> Result<()> {
        let Address::File(path) = &self.address else { return Ok(()) };
        let Some(folder) = path.parent() else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::msg(format!(
                "the database {} cannot be kept: its folder cannot be made ({error}); give another place by `INSTANCE_PATH` or `DATABASE_URL`",
                path.display()
            ))
        })
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
    let limits = Limits {
        connections: config.get("DATABASE_POOL_SIZE").map_err(text)?,
        acquire: seconds(config, "DATABASE_POOL_TIMEOUT")?,
        answer: seconds(config, "DATABASE_TIMEOUT")?,
    };
    if limits.connections == 0 {
        return Err("`DATABASE_POOL_SIZE` is 0; a pool needs at least 1 connection".to_owned());
    }
    let files = match freezing.embedded("migrations") {
        Some(files) => migrate::read_embedded(files),
        None => migrate::read_folder(&freezing.root_path().join("migrations"))?,
    };
    let migrations = Migrations::new(files, address.dialect())?;
    let migrate = config.get("DATABASE_MIGRATE").map_err(text)?;
    Ok(Database { address, limits, pool: OnceLock::new(), migrations, migrate })
}

fn seconds(config: &Config, key: &str) -> Result<Duration, String> {
    let seconds: f64 = config.get(key).map_err(|error| error.to_string())?;
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("`{key}` is {seconds}; it must be a number of seconds above 0"))
}

/// Connects and migrates, so that what is wrong with the database shows before the first request.
async fn start(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    let database = state(&app)?;
    match database.migrate {
        true => database.upgrade().await,
        false => database.prepare_folder(),
    }
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

/// A database that cannot be reached is a 503, a value that it cannot keep a 400; every other error is left to
/// whoever comes next.
async fn answer(ctx: &mut Context, error: Caught<Error>) -> Result<Option<Response>> {
    let page = match error.find::<SqlError>() {
        Some(error @ SqlError::Unavailable { .. }) => {
            tracing::error!("{}", migrate::describe(error));
            HttpError::new(503).header("retry-after", "5")
        }
        Some(SqlError::Value { message }) => HttpError::new(400).description(format!("{message}.")),
        _ => return Ok(None),
    };
    let (name, text) = (page.name(), page.text());
    let mut response = match ctx.request().accept().prefers_json() {
        true => Json(&page).into_response()?,
        false => html!("<!doctype html>\n<html lang=en>\n<title>{name}</title>\n<h1>{name}</h1>\n<p>{text}</p>\n")
            .into_response()?,
    };
    *response.status_mut() = page.status();
    response.headers_mut().extend(page.headers().clone());
    Ok(Some(response))
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
            let line = |(migration, done): (&Migration, bool)| {
                format!("{}  {:04}  {}\n", if done { "done" } else { "open" }, migration.version, migration.description)
            };
            let lines: String = database.status().await?.into_iter().map(line).collect();
            Ok(if lines.is_empty() { "There are no migrations.".to_owned() } else { lines })
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
