//! Transactions: all of it or nothing, and many at once.

use std::time::Duration;

use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use hipflask_sql::{SqlError, sqlx};

use crate::database::db_of;

const ADD: &str = "INSERT INTO item (name) VALUES (?)";

async fn count(db: &Db) -> i64 {
    db.query("SELECT COUNT(*) FROM item").scalar().await.expect("the table is there")
}

#[get("/fails")]
async fn fails(db: Db) -> Result<&'static str> {
    let mut transaction = db.begin().await?;
    transaction.query(ADD).bind("failed").execute().await?;
    transaction.query("INSERT INTO no_such_table VALUES (1)").execute().await?;
    transaction.commit().await?;
    Ok("committed")
}

#[get("/panics")]
async fn panics(db: Db) -> Result<&'static str> {
    let mut transaction = db.begin().await?;
    transaction.query(ADD).bind("panicked").execute().await?;
    panic!("in the middle of a transaction");
}

on_both! {
    async fn what_is_committed_is_visible_to_all(database) {
        let db = database.with_items().await;
        let mut transaction = db.begin().await.unwrap();
        assert_eq!(transaction.query(ADD).bind("a").insert().await.unwrap(), 1);
        assert_eq!(transaction.query("SELECT COUNT(*) FROM item").scalar::<i64>().await.unwrap(), 1);
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 0, "no other connection sees it yet");
        transaction.commit().await.unwrap();
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 1);
    }

    async fn what_is_rolled_back_or_dropped_never_was(database) {
        let db = database.with_items().await;
        let mut transaction = db.begin().await.unwrap();
        transaction.query(ADD).bind("a").execute().await.unwrap();
        transaction.rollback().await.unwrap();
        let mut transaction = db.begin().await.unwrap();
        transaction.query(ADD).bind("a").execute().await.unwrap();
        drop(transaction);
        assert_eq!(db.query(ADD).bind("a").execute().await.unwrap(), 1, "the name is free again");
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 1);
    }

    async fn an_error_or_a_panic_in_a_view_rolls_back(database) {
        let client = database.app().routes(routes![fails, panics]).test_client();
        for target in ["/missing", "/fails", "/panics", "/fails", "/panics"] {
            let response = client.get(target).send().await;
            if target == "/missing" {
                Db::of(client.app()).unwrap().query_built(database.items()).execute().await.unwrap();
            } else {
                assert_eq!(response.status(), 500, "{target}");
            }
        }
        let db = Db::of(client.app()).unwrap();
        assert_eq!(db.query(ADD).bind("after").execute().await.unwrap(), 1);
        assert_eq!(count(&db).await, 1);
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 1);
    }

    async fn a_savepoint_is_a_statement(database) {
        let db = database.with_items().await;
        let mut transaction = db.begin().await.unwrap();
        transaction.query(ADD).bind("a").execute().await.unwrap();
        transaction.query("SAVEPOINT second").execute().await.unwrap();
        let error = transaction.query(ADD).bind("a").execute().await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        transaction.query("ROLLBACK TO SAVEPOINT second").execute().await.unwrap();
        transaction.query(ADD).bind("b").execute().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 2);
    }

    async fn a_rule_that_is_checked_late_fails_the_commit(database) {
        let db = database.with_items().await;
        db.query("CREATE TABLE tag (item_id BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)").execute().await.unwrap();
        let mut transaction = db.begin().await.unwrap();
        transaction.query("INSERT INTO tag VALUES (77)").execute().await.unwrap();
        let error = transaction.commit().await.unwrap_err();
        assert!(error.is_foreign_key_violation(), "{error}");
        assert_eq!(database.number("SELECT COUNT(*) FROM tag").await, 0);
        assert_eq!(db.query(ADD).bind("after").execute().await.unwrap(), 1);
    }

    async fn fifty_increments_at_once_lose_nothing(database) {
        let db = database.with_items().await;
        db.query(ADD).bind("counter").execute().await.unwrap();
        // On SQLite the transaction itself is the lock.
        let read = database.either("SELECT amount FROM item", "SELECT amount FROM item FOR UPDATE");
        let increments = (0..50).map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                if number % 2 == 0 {
                    db.query("UPDATE item SET amount = amount + 1").execute().await.map(drop)
                } else {
                    add_by_reading_first(&db, read).await
                }
            })
        });
        for increment in increments.collect::<Vec<_>>() {
            increment.await.unwrap().unwrap();
        }
        assert_eq!(database.number("SELECT amount FROM item").await, 50);
    }

    async fn fifty_clients_at_once_are_all_served(database) {
        #[post("/add/<name>")]
        async fn add(name: String, db: Db) -> Result<String> {
            Ok(db.query(ADD).bind(name).insert().await?.to_string())
        }

        let app = database.app().config("CSRF", false).routes(routes![add]).freeze().unwrap();
        app.start().await.unwrap();
        Db::of(&app).unwrap().query_built(database.items()).execute().await.unwrap();
        let clients = (0..50).map(|number| {
            let client = app.test_client();
            tokio::spawn(async move { client.post(&format!("/add/{number}")).send().await.status().as_u16() })
        });
        for client in clients.collect::<Vec<_>>() {
            assert_eq!(client.await.unwrap(), 200);
        }
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 50);
    }
}

/// Reads, thinks, and writes: without a lock, the other half of the increments would be lost.
async fn add_by_reading_first(db: &Db, read: &'static str) -> Result<(), SqlError> {
    let mut transaction = db.begin().await?;
    let amount: i64 = transaction.query(read).scalar().await?;
    tokio::task::yield_now().await;
    transaction.query("UPDATE item SET amount = ?").bind(amount + 1).execute().await?;
    transaction.commit().await
}

/// What PostgreSQL answers to `COMMIT` then is `ROLLBACK`, and no error.
#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn the_commit_of_a_transaction_with_a_failed_statement_fails() {
    let database = crate::database::Database::postgres().await;
    let db = database.with_items().await;
    let mut transaction = db.begin().await.unwrap();
    transaction.query(ADD).bind("a").execute().await.unwrap();
    transaction.query(ADD).bind("a").execute().await.unwrap_err();
    let error = transaction.commit().await.expect_err("nothing of it was kept");
    assert!(matches!(error, SqlError::Statement { .. }), "{error}");
    assert_eq!(count(&db).await, 0);
    assert_eq!(db.query(ADD).bind("after").execute().await.unwrap(), 1);
    database.is_at_rest().await;
}

#[hipflask::test]
async fn sqlite_writes_ahead_and_checks_foreign_keys() {
    let database = crate::database::Database::sqlite();
    let db = database.db().await;
    assert_eq!(db.query("PRAGMA journal_mode").scalar::<String>().await.unwrap(), "wal");
    assert_eq!(db.query("PRAGMA foreign_keys").scalar::<i64>().await.unwrap(), 1);
    assert_eq!(db.query("PRAGMA busy_timeout").scalar::<i64>().await.unwrap(), 5000);
}

#[hipflask::test]
async fn a_reader_does_not_wait_for_a_writer_on_sqlite() {
    let database = crate::database::Database::sqlite();
    let db = database.with_items().await;
    let mut transaction = db.begin().await.unwrap();
    transaction.query(ADD).bind("a").execute().await.unwrap();
    assert_eq!(count(&db).await, 0);
    transaction.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

/// As many writers wait as there are connections, and more; they wait without one.
#[hipflask::test]
async fn a_reader_does_not_wait_for_writers_that_wait_on_sqlite() {
    let database = crate::database::Database::sqlite();
    database.with_items().await;
    let db = db_of(database.app().config("DATABASE_POOL_SIZE", 2)).await;
    let mut transaction = db.begin().await.unwrap();
    transaction.query(ADD).bind("first").execute().await.unwrap();
    let adds = (0..8).map(|number| {
        let db = db.clone();
        tokio::spawn(async move { db.query(ADD).bind(number.to_string()).execute().await })
    });
    let adds: Vec<_> = adds.collect();
    for _ in 0..100 {
        let read = tokio::time::timeout(Duration::from_secs(2), count(&db));
        assert_eq!(read.await.expect("a reader needs no turn"), 0);
    }
    transaction.commit().await.unwrap();
    for add in adds {
        add.await.unwrap().unwrap();
    }
    assert_eq!(count(&db).await, 9);
}

/// Another program holds the file for longer than the application waits.
#[hipflask::test]
async fn a_file_that_stays_locked_is_a_503() {
    #[post("/")]
    async fn add(db: Db) -> Result<&'static str> {
        db.query("INSERT INTO item (name) VALUES ('a')").execute().await?;
        Ok("added")
    }

    let database = crate::database::Database::sqlite();
    database.with_items().await;
    let client = database.app().routes(routes![add]).test_client();
    client.app().start().await.unwrap();
    let address = format!("sqlite://{}", database.path().join("test.sqlite").display());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect(&address).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let response = client.post("/").send().await;
    assert_eq!((response.status().as_u16(), response.header("retry-after")), (503, Some("5")));
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(client.post("/").send().await.text(), "added");
}

/// A writer that has read before does not wait when it cannot have what it has read any more; so the
/// transactions of one application queue from their beginning.
#[hipflask::test]
async fn transactions_queue_on_sqlite() {
    let database = crate::database::Database::sqlite();
    let (one, two) = (database.with_items().await, database.db().await);
    one.query(ADD).bind("counter").execute().await.unwrap();
    let increments = (0..40).map(|number| {
        let db = if number % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move { add_by_reading_first(&db, "SELECT amount FROM item").await })
    });
    for increment in increments.collect::<Vec<_>>() {
        increment.await.unwrap().unwrap();
    }
    assert_eq!(database.number("SELECT amount FROM item").await, 40);
}

#[hipflask::test]
async fn a_database_in_memory_is_one_for_all_requests() {
    let database = crate::database::Database::sqlite();
    let db = db_of(database.app_at("sqlite:")).await;
    db.query_built(database.items()).execute().await.unwrap();
    let adds = (0..20).map(|number| {
        let db = db.clone();
        tokio::spawn(async move { db.query(ADD).bind(number.to_string()).insert().await })
    });
    for add in adds.collect::<Vec<_>>() {
        add.await.unwrap().unwrap();
    }
    assert_eq!(count(&db).await, 20);
}
