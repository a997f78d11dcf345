//! The extension, and what views get of it.

use std::future::{Future, ready};

use hipflask::cli::CliArgs;
use hipflask::errors::{Catches, Caught, ErrorHandler};
use hipflask::extension::{Freezing, Scaffold};
use hipflask::{App, Context, Error, Extension, FromContext, Frozen, HttpError, Response, Result};
use sqlx::migrate::Migration;

use crate::backend::Pool;
use crate::database::{Database, Databases, Names, key_of};
use crate::error::SqlError;
use crate::migrate;
use crate::query::{Query, Target};
use crate::transaction::Transaction;

/// Gives an application a database.
///
/// Configuration keys: `DATABASE_URL` (`sqlite:///NAME.sqlite` in the instance folder unless it is set),
/// `DATABASE_POOL_SIZE` (10), `DATABASE_POOL_TIMEOUT` (5: how many seconds a request waits for a connection),
/// `DATABASE_TIMEOUT` (30: how many seconds a server may take to answer), `DATABASE_MIGRATE` (true: what is in
/// the folder `migrations` runs before the first request). It adds the command `db`, with `db upgrade` and
/// `db status`.
///
/// A database that cannot be reached, has no connection free in time or does not answer in time is a 503; an
/// error handler for [`SqlError`] or [`sqlx::Error`] can answer otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sql {
    name: &'static str,
}

impl Sql {
    /// The database as the configuration says.
    pub fn from_config() -> Sql {
        Sql { name: "" }
    }

    /// One more database, of its own name. [`Db::named`] gives it; its configuration keys have the name in front
    /// (`REPORTS_DATABASE_URL`), and its migrations are in a folder of the name, `migrations/reports`.
    /// Flask-SQLAlchemy's bind.
    ///
    /// ```
    /// use hipflask::Frozen;
    /// use hipflask::prelude::*;
    /// use hipflask_sql::prelude::*;
    ///
    /// #[get("/visits")]
    /// async fn visits(app: Frozen) -> Result<String> {
    ///     let reports = Db::named(&app, "reports")?;
    ///     Ok(reports.query("SELECT COUNT(*) FROM visit").scalar::<i64>().await?.to_string())
    /// }
    ///
    /// let app = App::new("doc", ".").config("DATABASE_URL", "sqlite:").config("REPORTS_DATABASE_URL", "sqlite:");
    /// let app = app.extend(Sql::from_config()).extend(Sql::named("reports")).routes(routes![visits]);
    /// # hipflask::block_on(async {
    /// # let client = app.test_client();
    /// # Db::named(client.app(), "reports")?.query("CREATE TABLE visit (id INTEGER)").execute().await?;
    /// # assert_eq!(client.get("/visits").send().await.text(), "0");
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// If the name has other characters than small letters, digits and `_`.
    #[track_caller]
    pub fn named(name: &'static str) -> Sql {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(
            !name.is_empty() && name.bytes().all(is_word),
            "`{name}` cannot be the name of a database; it becomes a part of configuration keys: give it small letters, digits and `_`"
        );
        Sql { name }
    }
}

const ABOUT_DB: &str = "Migrations: `db upgrade` runs what has not run yet, `db status` lists them.";

impl Extension for Sql {
    fn init_app(self, mut app: App) -> App {
        let Names(names) = app.state_mut();
        if names.contains(&self.name) {
            return app;
        }
        let is_first = names.is_empty();
        names.push(self.name);
        let file = if self.name.is_empty() { app.name() } else { self.name };
        let default = format!("sqlite:///{file}.sqlite");
        let key = |key| key_of(self.name, key);
        let app = app
            .config_default(&key("DATABASE_URL"), default)
            .config_default(&key("DATABASE_POOL_SIZE"), 10)
            .config_default(&key("DATABASE_POOL_TIMEOUT"), 5)
            .config_default(&key("DATABASE_TIMEOUT"), 30)
            .config_default(&key("DATABASE_MIGRATE"), true);
        if is_first { set_up(app) } else { app }
    }
}

/// What all databases of an application have in common.
fn set_up(app: App) -> App {
    // The handler is for all errors, and so behind every handler of the application's own that names one.
    app.errorhandler(ErrorHandler::new(Catches::error::<Error>(), answer))
        .command_before_start("db", ABOUT_DB, command)
        .on_freeze(Databases::prepare)
        .on_startup(start)
        .on_shutdown(stop)
}

async fn start(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    for (_name, database) in databases(&app)?.iter() {
        database.start().await?;
    }
    Ok(())
}

async fn stop(ctx: &mut Context) -> Result<()> {
    let app = ctx.app().clone();
    for (_name, database) in databases(&app)?.iter() {
        database.pool.close().await;
    }
    Ok(())
}

fn databases(app: &Frozen) -> Result<&Databases> {
    app.state().ok_or_else(|| Error::msg(NO_DATABASE))
}

const NO_DATABASE: &str = "no database was set up; add `.extend(Sql::from_config())` to the application";

/// A database that cannot be reached is a 503, a value that it cannot keep a 400; every other error is left to the
/// handlers that come after this one.
async fn answer(ctx: &mut Context, error: Caught<Error>) -> Result<Option<Response>> {
    let page = match error.find::<SqlError>() {
        Some(error @ SqlError::Unavailable { .. }) => {
            tracing::error!("{}", migrate::describe(error));
            HttpError::new(503).header("retry-after", "5")
        }
        Some(SqlError::Value { message }) => HttpError::new(400).description(format!("{message}.")),
        _ => return Ok(None),
    };
    Ok(Some(ctx.error_page(&page)))
}

async fn command(ctx: &mut Context, args: CliArgs) -> Result<String> {
    let app = ctx.app().clone();
    match args.get(0) {
        Some("upgrade") => upgrade(databases(&app)?).await,
        Some("status") => status(databases(&app)?).await,
        _ => Err(Error::msg("write `db upgrade` to run the migrations, or `db status` to list them")),
    }
}

async fn upgrade(databases: &Databases) -> Result<String> {
    for (_name, database) in databases.iter() {
        database.upgrade().await?;
    }
    Ok(if databases.iter().count() > 1 { "The databases are up to date." } else { "The database is up to date." }
        .to_owned())
}

/// A line for each migration; those of a database with a name are below it.
async fn status(databases: &Databases) -> Result<String> {
    let mut text = String::new();
    for (name, database) in databases.iter() {
        let lines: Vec<String> = database.status().await?.into_iter().map(line).collect();
        if !name.is_empty() && !lines.is_empty() {
            text.push_str(&format!("{name}:\n"));
        }
        text.extend(lines);
    }
    Ok(if text.is_empty() { "There are no migrations.".to_owned() } else { text })
}

fn line((migration, done): (&Migration, bool)) -> String {
    format!("{}  {:04}  {}\n", if done { "done" } else { "open" }, migration.version, migration.description)
}

/// The database, as an argument of a view: `db: Db`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Pool,
}

impl Db {
    /// The database of an application, outside a request, for instance in a test.
    ///
    /// # Errors
    ///
    /// If the application has none, or outside an async function.
    pub fn of(app: &Frozen) -> Result<Db> {
        let database = databases(app)?.get("").ok_or_else(|| Error::msg(NO_DATABASE))?;
        Db::new(database)
    }

    /// The database of the name that [`Sql::named`] gave it.
    ///
    /// # Errors
    ///
    /// If the application has none of this name, or outside an async function.
    pub fn named(app: &Frozen, name: &str) -> Result<Db> {
        let databases = databases(app)?;
        let database = databases.get(name).filter(|_| !name.is_empty()).ok_or_else(|| {
            Error::msg(format!(
                "no database has the name `{name}`; add `.extend(Sql::named(\"{name}\"))` to the application"
            ))
        })?;
        Db::new(database)
    }

    fn new(database: &Database) -> Result<Db> {
        if database.pool.is_usable() {
            Ok(Db { pool: database.pool.clone() })
        } else {
            Err(Error::msg("a database is used in async functions only"))
        }
    }

    /// Which kind of database it is: `sqlite` or `postgres`, for statements that cannot be the same on each.
    pub fn kind(&self) -> &'static str {
        self.pool.ending()
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
        let is_there = freezing.state::<Names>().is_some_and(|Names(names)| names.contains(&""));
        if is_there { Ok(()) } else { Err(format!("it takes `Db`, but {NO_DATABASE}")) }
    }
}
