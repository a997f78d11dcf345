//! Databases of their own for every test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use hipflask_sql::sqlx::{self, AssertSqlSafe, Connection, Executor, PgConnection};

/// Writes each test twice: for SQLite, and for PostgreSQL where there is one.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$meta])* mod $name {
            #[allow(unused_imports, reason = "a body may need less than its module imports")]
            use super::*;
            use $crate::database::Database;

            async fn body($database: &Database) $body

            #[hipflask::test]
            async fn on_sqlite() {
                body(&Database::sqlite()).await;
            }

            #[hipflask::test]
            #[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
            async fn on_postgresql() {
                body(&Database::postgres().await).await;
            }
        })*
    };
}

/// An empty database that is gone after the test, and an empty folder for an application.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    /// The name of the database on the server, if it is on one.
    name: Option<String>,
}

/// Where the tests' PostgreSQL is, up to the name of a database.
fn server() -> String {
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("set TEST_POSTGRES_URL to a PostgreSQL server, as `cargo xtask test` does: postgres://user@host/name");
    url.rsplit_once('/').expect("TEST_POSTGRES_URL ends in /name").0.to_owned()
}

/// Tells the server a statement that belongs to no database.
async fn tell(statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&format!("{}/postgres", server())).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

impl Database {
    fn unique() -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("hipflask_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    fn in_folder(unique: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(folder.join("migrations")).expect("a folder for the test can be made");
        folder
    }

    pub(crate) fn sqlite() -> Database {
        let folder = Database::in_folder(&Database::unique());
        Database { url: "sqlite:///test.sqlite".to_owned(), folder, name: None }
    }

    pub(crate) async fn postgres() -> Database {
        let name = Database::unique();
        tell(format!("CREATE DATABASE {name}")).await.expect("the server makes a database");
        Database { url: format!("{}/{name}", server()), folder: Database::in_folder(&name), name: Some(name) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.name.is_some()
    }

    /// What differs: the first on SQLite, the second on PostgreSQL.
    pub(crate) fn either<T>(&self, sqlite: T, postgres: T) -> T {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// An application with this database.
    pub(crate) fn app(&self) -> App {
        self.app_at(&self.url)
    }

    /// An application with this database at another address.
    pub(crate) fn app_at(&self, url: &str) -> App {
        let app = App::new("test", &self.folder).config("INSTANCE_PATH", &self.folder).config("DATABASE_URL", url);
        app.extend(Sql::from_config())
    }

    /// The database as a started application has it.
    pub(crate) async fn db(&self) -> Db {
        db_of(self.app()).await
    }

    /// The database with a table `item` of numbered names.
    pub(crate) async fn with_items(&self) -> Db {
        let db = self.db().await;
        db.query_built(self.items()).execute().await.expect("the table can be made");
        db
    }

    /// What makes the table `item`.
    pub(crate) fn items(&self) -> String {
        let id = self.either("INTEGER PRIMARY KEY", "BIGSERIAL PRIMARY KEY");
        format!("CREATE TABLE item (id {id}, name TEXT NOT NULL UNIQUE, amount BIGINT NOT NULL DEFAULT 0)")
    }

    /// Writes a migration.
    pub(crate) fn migration(&self, name: &str, sql: &str) {
        std::fs::write(self.folder.join("migrations").join(name), sql).expect("the migration can be written");
    }

    /// Waits until the server has no session inside a transaction.
    pub(crate) async fn is_at_rest(&self) {
        let mut connection = PgConnection::connect(&self.url).await.expect("the server is there");
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND pid <> pg_backend_pid() AND (state LIKE 'idle in transaction%' OR state = 'active')";
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let count: i64 = sqlx::query_scalar(open).fetch_one(&mut connection).await.expect("the server answers");
            if count == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{count} sessions are still inside a transaction");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Looks into the database past the application's pool.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.expect("the server is there");
            return sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("the server answers");
        }
        let path = self.folder.join("test.sqlite");
        let address = format!("sqlite://{}", path.display());
        let mut connection = sqlx::SqliteConnection::connect(&address).await.expect("the file is there");
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("SQLite answers")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

/// The database of `app`, once it has started.
pub(crate) async fn db_of(app: App) -> Db {
    let app = app.freeze().unwrap_or_else(|errors| panic!("{errors}"));
    app.start().await.unwrap_or_else(|error| panic!("{error:?}"));
    Db::of(&app).expect("the application has a database")
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some(name) = self.name.take() {
            let drop = move || hipflask::block_on(tell(format!("DROP DATABASE {name} WITH (FORCE)")));
            // A runtime of its own: the test's is busy with dropping this.
            let _ = std::thread::spawn(drop).join();
        }
    }
}
