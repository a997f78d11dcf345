//! Databases that do not exist, fall silent, come back, or end a session.

use std::time::{Duration, Instant};

use hipflask::Frozen;
use hipflask::prelude::*;
use hipflask::testing::TestResponse;
use hipflask_sql::SqlError;
use hipflask_sql::prelude::*;
use hipflask_sql::sqlx;

use crate::database::Database;
use crate::proxy::Proxy;

#[get("/")]
async fn count(db: Db) -> Result<String> {
    Ok(db.query("SELECT COUNT(*) FROM item").scalar::<i64>().await?.to_string())
}

#[get("/in-transaction")]
async fn in_transaction(db: Db) -> Result<String> {
    let mut transaction = db.begin().await?;
    let count: i64 = transaction.query("SELECT COUNT(*) FROM item").scalar().await?;
    transaction.commit().await?;
    Ok(count.to_string())
}

#[get("/without")]
async fn without() -> &'static str {
    "no database"
}

/// An application whose way to the database can be cut. It gives up after a second.
async fn app(database: &Database) -> (Frozen, Proxy) {
    database.with_items().await;
    let proxy = Proxy::before(&database.url).await;
    let app = database.app_at(&proxy.url(&database.url)).config("DATABASE_POOL_TIMEOUT", 1.0);
    let app = app.config("DATABASE_TIMEOUT", 1).config("DATABASE_POOL_SIZE", 2).config("DEBUG", false);
    let app = app.routes(routes![count, in_transaction, without]).freeze().unwrap();
    app.start().await.unwrap();
    (app, proxy)
}

async fn get(app: &Frozen, target: &str) -> TestResponse {
    app.test_client().get(target).send().await
}

fn is_503(response: &TestResponse) {
    assert_eq!((response.status().as_u16(), response.header("retry-after")), (503, Some("5")), "{}", response.text());
}

async fn comes_back(app: &Frozen) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while get(app, "/").await.status() != 200 {
        assert!(Instant::now() < deadline, "the application has not found back to its database");
    }
    assert_eq!(get(app, "/in-transaction").await.text(), "0");
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_server_that_is_gone_is_a_503_until_it_is_back() {
    let database = Database::postgres().await;
    let (app, proxy) = app(&database).await;
    assert_eq!(get(&app, "/").await.text(), "0");
    for _ in 0..2 {
        proxy.shut();
        for target in ["/", "/in-transaction", "/"] {
            let started = Instant::now();
            is_503(&get(&app, target).await);
            assert!(started.elapsed() < Duration::from_secs(4), "{target} took {:?}", started.elapsed());
        }
        assert_eq!(get(&app, "/without").await.text(), "no database");
        let json = app.test_client().get("/").header("accept", "application/json").send().await;
        assert_eq!(json.json::<serde_json::Value>()["code"], 503);
        proxy.open();
        comes_back(&app).await;
    }
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_server_that_falls_silent_is_a_503_and_costs_no_connection() {
    let database = Database::postgres().await;
    let (app, proxy) = app(&database).await;
    assert_eq!(get(&app, "/").await.text(), "0");
    for _ in 0..2 {
        proxy.fall_silent();
        for target in ["/", "/in-transaction", "/", "/in-transaction"] {
            let started = Instant::now();
            is_503(&get(&app, target).await);
            assert!(started.elapsed() < Duration::from_secs(4), "{target} took {:?}", started.elapsed());
        }
        proxy.open();
        comes_back(&app).await;
        // Both of its two connections are to be had again, at once.
        let db = Db::of(&app).unwrap();
        let (one, two) = tokio::join!(db.begin(), db.begin());
        one.unwrap().commit().await.unwrap();
        two.unwrap().commit().await.unwrap();
    }
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_session_that_the_server_ends_costs_one_request() {
    let database = Database::postgres().await;
    let (app, _proxy) = app(&database).await;
    assert_eq!(get(&app, "/").await.text(), "0");
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        assert!(database.number(end).await > 0);
        let statuses = [get(&app, "/").await.status(), get(&app, "/").await.status(), get(&app, "/").await.status()];
        assert!(statuses.iter().all(|status| *status == 200 || *status == 503), "{statuses:?}");
        assert_eq!(statuses[2], 200, "{statuses:?}");
    }
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_pool_that_is_used_up_is_a_503() {
    let database = Database::postgres().await;
    let (app, _proxy) = app(&database).await;
    let db = Db::of(&app).unwrap();
    let (one, two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    is_503(&get(&app, "/").await);
    drop((one, two));
    assert_eq!(get(&app, "/").await.text(), "0");
}

#[hipflask::test]
async fn a_pool_that_is_used_up_is_a_503_on_sqlite_too() {
    let database = Database::sqlite();
    database.with_items().await;
    let app = database.app().config("DATABASE_POOL_SIZE", 1).config("DATABASE_POOL_TIMEOUT", 0.1);
    let app = app.routes(routes![count]).freeze().unwrap();
    app.start().await.unwrap();
    let held = Db::of(&app).unwrap().begin().await.unwrap();
    is_503(&get(&app, "/").await);
    drop(held);
    assert_eq!(get(&app, "/").await.text(), "0");
}

/// The port of a server that was there a moment ago.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[hipflask::test]
async fn an_application_does_not_start_without_its_server_unless_it_may() {
    let database = Database::sqlite();
    let url = format!("postgresql://someone:topsecret@127.0.0.1:{}/blog", closed_port());
    let app = database.app_at(&url).config("DATABASE_POOL_TIMEOUT", 0.2).freeze().unwrap();
    let error = format!("{:?}", app.start().await.unwrap_err());
    assert!(error.contains("the database postgresql://someone@127.0.0.1:"), "{error}");
    assert!(error.contains("refused") && !error.contains("topsecret"), "{error}");

    let app = database.app_at(&url).config("DATABASE_POOL_TIMEOUT", 0.2).config("DATABASE_MIGRATE", false);
    let client = app.config("DEBUG", false).routes(routes![count, without]).test_client();
    assert_eq!(client.get("/without").send().await.text(), "no database");
    is_503(&client.get("/").send().await);
}

/// A name for the driver's error comes before the extension's own answer, whatever the order of setup.
#[hipflask::test]
async fn an_application_can_answer_otherwise() {
    #[errorhandler(sqlx::Error)]
    async fn by_driver(error: &sqlx::Error) -> (Status, String) {
        (Status::BAD_GATEWAY, format!("driver: {error}"))
    }
    #[errorhandler(SqlError)]
    async fn by_type(error: &SqlError) -> (Status, String) {
        (Status::BAD_GATEWAY, error.to_string())
    }

    let database = Database::sqlite();
    let url = format!("postgresql://someone@127.0.0.1:{}/blog", closed_port());
    let app = || {
        let app = App::new("test", database.path()).config("DATABASE_URL", &url).config("DATABASE_MIGRATE", false);
        app.config("DATABASE_POOL_TIMEOUT", 0.1).routes(routes![count])
    };
    for app in [
        app().errorhandler(by_driver).extend(Sql::from_config()),
        app().extend(Sql::from_config()).errorhandler(by_driver),
    ] {
        let response = app.test_client().get("/").send().await;
        assert_eq!(response.status(), 502);
        assert!(response.text().starts_with("driver: "), "{}", response.text());
    }
    let response = app().errorhandler(by_type).extend(Sql::from_config()).test_client().get("/").send().await;
    assert_eq!(response.text(), "the database is not available");
}

/// Neither in what a user sees, nor in what is logged at any level.
#[hipflask::test]
async fn a_password_is_shown_nowhere() {
    crate::log::keep_everything();
    let database = Database::sqlite();
    const PASSWORD: &str = "hunter2hunter2";
    let mut seen = String::new();
    for url in [
        format!("postgresql://someone:{PASSWORD}@127.0.0.1:{}/blog", closed_port()),
        format!("postgresql://someone:{PASSWORD}@127.0.0.1:99999/blog"),
        format!("postgresql://someone:{PASSWORD}@[::1/blog"),
        format!("postgresql://someone:{PASSWORD}@host.invalid/blog?sslmode=maybe"),
        format!("postgresql//someone:{PASSWORD}@127.0.0.1/blog"),
        format!("mysql://someone:{PASSWORD}@127.0.0.1/blog"),
        format!("someone:{PASSWORD}@127.0.0.1/blog"),
    ] {
        let app =
            database.app_at(&url).config("DATABASE_POOL_TIMEOUT", 0.1).config("DEBUG", true).routes(routes![count]);
        match app.freeze() {
            Err(errors) => seen.push_str(&format!("{errors}\n{errors:?}\n")),
            Ok(app) => {
                seen.push_str(&format!("{:?}\n", app.start().await.unwrap_err()));
                let db = Db::of(&app).unwrap();
                let error = db.query("SELECT 1").execute().await.unwrap_err();
                seen.push_str(&format!("{db:?} {error} {error:?}\n{app:?}\n"));
                let page = app
                    .respond(hipflask::http::Request::get("/"))
                    .await
                    .into_parts()
                    .2
                    .collect(u64::MAX)
                    .await
                    .unwrap();
                seen.push_str(&String::from_utf8_lossy(&page));
            }
        }
    }
    seen.push_str(&crate::log::kept());
    assert!(seen.contains("the database is not available"), "{seen}");
    let shown: Vec<&str> = seen.lines().filter(|line| line.contains(PASSWORD)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn what_the_server_says_is_told_at_the_start() {
    let database = Database::postgres().await;
    let url = format!("{}_that_is_not_there", database.url);
    let error = format!("{:?}", database.app_at(&url).freeze().unwrap().start().await.unwrap_err());
    assert!(error.contains("_that_is_not_there\" does not exist"), "{error}");
}
