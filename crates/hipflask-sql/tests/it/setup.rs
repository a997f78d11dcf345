//! The extension: its configuration, and several applications in one process.

use hipflask::prelude::*;
use hipflask_sql::prelude::*;

use crate::database::Database;

#[get("/")]
async fn names(db: Db) -> Result<String> {
    let names: Vec<(String,)> = db.query("SELECT name FROM item ORDER BY id").all().await?;
    Ok(names.into_iter().map(|(name,)| name).collect::<Vec<_>>().join(" "))
}

#[post("/<name>")]
async fn add(name: String, db: Db) -> Result<String> {
    Ok(db.query("INSERT INTO item (name) VALUES (?)").bind(name).insert().await?.to_string())
}

fn setup_errors(app: App) -> String {
    app.freeze().expect_err("something is wrong with it").to_string()
}

#[test]
fn a_wrong_configuration_is_found_before_anything_runs() {
    let database = Database::sqlite();
    for (key, value, said) in [
        (
            "DATABASE_URL",
            "blog.sqlite",
            "`blog.sqlite` is not the address of a database; write `sqlite:///name.sqlite` or `postgresql://user@host/name`",
        ),
        ("DATABASE_URL", "", "`` is not the address of a database"),
        (
            "DATABASE_URL",
            "mysql://localhost/x",
            "hipflask-sql does not support `mysql`; it supports `sqlite` and `postgresql`",
        ),
        ("DATABASE_URL", "postgresql://localhost:port/x", "the address of the PostgreSQL database cannot be read"),
        ("DATABASE_POOL_SIZE", "0", "DATABASE_POOL_SIZE"),
        ("DATABASE_POOL_SIZE", "many", "DATABASE_POOL_SIZE"),
        ("DATABASE_POOL_TIMEOUT", "-1", "DATABASE_POOL_TIMEOUT"),
        ("DATABASE_TIMEOUT", "0", "DATABASE_TIMEOUT"),
        ("DATABASE_MIGRATE", "perhaps", "DATABASE_MIGRATE"),
        ("DATABASE_POOLSIZE", "5", "did you mean `DATABASE_POOL_SIZE`?"),
    ] {
        let parsed: serde_json::Value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        let errors = setup_errors(database.app().config(key, parsed));
        assert!(errors.contains(said), "{key}={value}: {errors}");
    }
    let errors = setup_errors(App::new("test", ".").routes(routes![names, add]));
    assert!(
        errors.contains("it takes `Db`, but no database was set up; add `.extend(Sql::from_config())`"),
        "{errors}"
    );
}

#[hipflask::test]
async fn the_file_is_in_the_instance_folder_which_is_made() {
    let database = Database::sqlite();
    let instance = database.path().join("deep/er");
    let app = App::new("blog", database.path()).config("INSTANCE_PATH", &instance).extend(Sql::from_config());
    app.freeze().unwrap().start().await.unwrap();
    assert!(instance.join("blog.sqlite").exists());

    std::fs::write(database.path().join("taken"), "a file").unwrap();
    let app = database.app().config("INSTANCE_PATH", database.path().join("taken"));
    let error = app.freeze().unwrap().start().await.unwrap_err().to_string();
    assert!(error.contains("its folder cannot be made") && error.contains("`INSTANCE_PATH`"), "{error}");
}

/// What the start says, and `db status`.
async fn start_errors(app: App) -> String {
    let app = app.freeze().unwrap();
    let error = app.start().await.unwrap_err().to_string();
    assert_eq!(app.run_command("db", ["status"]).await.unwrap_err().to_string(), error);
    error
}

#[hipflask::test]
async fn a_file_that_is_not_a_database_is_named() {
    let database = Database::sqlite();
    std::fs::write(database.path().join("test.sqlite"), "this is a text, and long enough to be read as one".repeat(50))
        .unwrap();
    let error = start_errors(database.app()).await;
    let told =
        "test.sqlite: the file is not an SQLite database; move it away, or give another place by `INSTANCE_PATH`";
    assert!(error.contains(told) && !error.contains("code"), "{error}");
}

#[hipflask::test]
async fn a_folder_in_the_place_of_the_database_is_named() {
    let database = Database::sqlite();
    std::fs::create_dir(database.path().join("test.sqlite")).unwrap();
    let error = start_errors(database.app()).await;
    assert!(error.contains("test.sqlite: there is a folder of this name; remove it, or give another place"), "{error}");
}

/// `/proc` exists, and nobody can create a file in it, not even root.
#[cfg(target_os = "linux")]
#[hipflask::test]
async fn a_folder_that_takes_no_files_is_named() {
    let database = Database::sqlite();
    let app = database.app().config("INSTANCE_PATH", "/proc").config("DATABASE_URL", "sqlite:///test.sqlite");
    let error = app.freeze().unwrap().start().await.unwrap_err().to_string();
    let told = "the database /proc/test.sqlite: this user cannot create files in its folder (";
    assert!(error.starts_with(told) && error.contains("`DATABASE_URL`") && !error.contains("code"), "{error}");
}

#[hipflask::test]
async fn a_database_that_cannot_be_written_is_found_at_the_start() {
    let database = Database::sqlite();
    let app = database.app().freeze().unwrap();
    app.start().await.unwrap();
    Db::of(&app).unwrap().query_built(database.items()).execute().await.unwrap();
    app.stop().await.unwrap();
    // A file of a format that is newer than this SQLite can be read, and nothing else (its format, 1.3.3).
    let path = database.path().join("test.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[18] = 3;
    std::fs::write(&path, bytes).unwrap();
    let error = database.app().freeze().unwrap().start().await.unwrap_err().to_string();
    assert!(error.contains("test.sqlite: it cannot be written: attempt to write a readonly database"), "{error}");
    assert!(error.contains("`DATABASE_MIGRATE` to false"), "{error}");
    // A program that says so can read it.
    let client = database.app().config("DATABASE_MIGRATE", false).routes(routes![names]).test_client();
    assert_eq!(client.get("/").send().await.status(), 200);
}

#[hipflask::test]
async fn what_the_database_says_is_told_once() {
    #[get("/broken")]
    async fn broken(db: Db) -> Result<String> {
        Ok(db.query("SELECT id FROM nowhere").scalar().await?)
    }
    let client = Database::sqlite().app().config("DEBUG", true).routes(routes![broken]).test_client();
    let page = client.get("/broken").send().await.text();
    let table = page.split("Caused by").nth(1).unwrap_or_default();
    assert_eq!(table.matches("no such table").count(), 1, "{page}");
    let json: serde_json::Value = client.get("/broken").header("accept", "application/json").send().await.json();
    assert_eq!(json["causes"].as_array().map(Vec::len), Some(1), "{json}");
}

on_both! {
    async fn two_applications_have_two_databases(database) {
        let other = if database.is_postgres() { Database::postgres().await } else { Database::sqlite() };
        let clients = [database, &other].map(|database| database.app().routes(routes![names, add]).test_client());
        for (client, database) in clients.iter().zip([database, &other]) {
            client.get("/none").send().await;
            Db::of(client.app()).unwrap().query_built(database.items()).execute().await.unwrap();
        }
        assert_eq!(clients[0].post("/one").send().await.text(), "1");
        assert_eq!(clients[1].post("/two").send().await.text(), "1");
        assert_eq!(clients[0].get("/").send().await.text(), "one");
        assert_eq!(clients[1].get("/").send().await.text(), "two");
        clients[0].app().stop().await.unwrap();
        let closed = Db::of(clients[0].app()).unwrap().query("SELECT 1").scalar::<i64>().await;
        assert!(closed.is_err(), "its pool is closed");
        assert_eq!(clients[1].get("/").send().await.text(), "two");
        // The client starts it again.
        assert_eq!(clients[0].get("/").send().await.text(), "one");
        assert!(Db::of(clients[0].app()).unwrap().query("SELECT 1").scalar::<i64>().await.is_ok());
    }

    async fn a_handle_is_the_pool_and_a_statement_has_a_connection(database) {
        let db = database.with_items().await;
        let copies: Vec<Db> = (0..100).map(|_| db.clone()).collect();
        let queries = copies.into_iter().enumerate().map(|(number, db)| tokio::spawn(async move {
            db.query("INSERT INTO item (name) VALUES (?)").bind(number.to_string()).execute().await
        }));
        for query in queries.collect::<Vec<_>>() {
            query.await.unwrap().unwrap();
        }
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 100);
        if database.is_postgres() {
            let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            assert!(database.number(open).await <= 10, "a hundred requests share `DATABASE_POOL_SIZE` connections");
        }
    }
}

#[hipflask::test]
async fn an_extension_twice_is_one_database() {
    let database = Database::sqlite();
    database.with_items().await;
    let client = database.app().extend(Sql::from_config()).routes(routes![names, add]).test_client();
    assert_eq!(client.post("/one").send().await.text(), "1");
    assert_eq!(client.get("/").send().await.text(), "one");
}

#[test]
fn a_database_outside_async_code_says_so() {
    let app = Database::sqlite().app().freeze().unwrap();
    let error = Db::of(&app).unwrap_err().to_string();
    assert_eq!(error, "a database is used in async functions only");
    let app = App::new("test", ".").freeze().unwrap();
    assert!(Db::of(&app).unwrap_err().to_string().contains("no database was set up"));
}
