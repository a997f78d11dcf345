//! An application with tasks, on a database of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use hipflask_sql::sqlx::{self, AssertSqlSafe, Connection, Executor, PgConnection};
use hipflask_tasks::Definition;
use hipflask_tasks::prelude::*;

/// Writes each test twice: for SQLite, and for PostgreSQL where there is one.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident) $body:block)*) => {
        $($(#[$meta])* mod $name {
            use super::*;
            use $crate::support::Place;

            async fn body($place: &Place) $body

            #[hipflask::test]
            async fn on_sqlite() {
                body(&Place::sqlite()).await;
            }

            #[hipflask::test]
            #[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
            async fn on_postgresql() {
                body(&Place::postgres().await).await;
            }
        })*
    };
}

/// A database that is gone after the test.
pub(crate) struct Place {
    pub(crate) url: String,
    folder: PathBuf,
    name: Option<String>,
}

fn server() -> String {
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("set TEST_POSTGRES_URL to a PostgreSQL server, as `cargo xtask test` does: postgres://user@host/name");
    url.rsplit_once('/').expect("TEST_POSTGRES_URL ends in /name").0.to_owned()
}

async fn tell(statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&format!("{}/postgres", server())).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

impl Place {
    fn new(url: String, name: &str, server: bool) -> Place {
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the test can be made");
        Place { url, folder, name: server.then(|| name.to_owned()) }
    }

    fn unique() -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("hipflask_tasks_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn sqlite() -> Place {
        Place::new("sqlite:///test.sqlite".to_owned(), &Place::unique(), false)
    }

    pub(crate) async fn postgres() -> Place {
        let name = Place::unique();
        tell(format!("CREATE DATABASE {name}")).await.expect("the server makes a database");
        Place::new(format!("{}/{name}", server()), &name, true)
    }

    /// An application with these tasks.
    pub(crate) fn app(&self, tasks: Vec<Definition>) -> App {
        let app =
            App::new("test", &self.folder).config("INSTANCE_PATH", &self.folder).config("DATABASE_URL", &self.url);
        app.extend(Sql::from_config()).extend(Tasks::from_config().tasks(tasks))
    }

    /// What sends tasks in a started application with these, and its database.
    pub(crate) async fn start(&self, tasks: Vec<Definition>) -> (TaskSender, Db) {
        started(self.app(tasks)).await
    }
}

pub(crate) async fn started(app: App) -> (TaskSender, Db) {
    let app = app.freeze().unwrap_or_else(|errors| panic!("{errors}"));
    app.start().await.unwrap_or_else(|error| panic!("{error:?}"));
    (TaskSender::of(&app).expect("it has tasks"), Db::of(&app).expect("it has a database"))
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some(name) = self.name.take() {
            let drop = move || hipflask::block_on(tell(format!("DROP DATABASE {name} WITH (FORCE)")));
            let _ = std::thread::spawn(drop).join();
        }
    }
}
