//! Requests that end in the middle: the client has gone, or the time was up. No other request may notice.

use std::time::Duration;

use hipflask::http::Request;
use hipflask_sql::SqlError;
use hipflask_sql::prelude::*;

use crate::database::{Database, db_of};
use crate::proxy::Proxy;

const ADD: &str = "INSERT INTO item (name) VALUES (?)";

/// Two rows that are there together or not at all.
async fn add_two(db: Db, name: String) -> Result<(), SqlError> {
    let mut transaction = db.begin().await?;
    transaction.query(ADD).bind(format!("{name} first")).execute().await?;
    transaction.query(ADD).bind(format!("{name} second")).execute().await?;
    transaction.commit().await
}

on_both! {
    async fn transactions_that_are_cancelled_anywhere_are_whole_or_nothing(database) {
        let db = db_of(database.app().config("DATABASE_POOL_SIZE", 2)).await;
        db.query_built(database.items()).execute().await.unwrap();
        let mut committed = 0;
        for round in 0..300u64 {
            let work = tokio::spawn(add_two(db.clone(), round.to_string()));
            let moment = Duration::from_micros(round * 37 % 3000);
            match tokio::time::timeout(moment, work).await {
                Ok(done) => {
                    done.unwrap().unwrap();
                    committed += 1;
                }
                // The task goes on; the next kind of round ends it.
                Err(_) if round % 2 == 0 => {}
                Err(_) => drop(tokio::time::timeout(moment, add_two(db.clone(), format!("cut {round}"))).await),
            }
        }
        // The tasks that were left alone end by themselves.
        add_two(db.clone(), "last".to_owned()).await.unwrap();
        let halves = "SELECT COUNT(*) FROM (SELECT 1 FROM item GROUP BY replace(replace(name, ' first', ''), ' second', '') HAVING COUNT(*) <> 2) AS half";
        assert_eq!(database.number(halves).await, 0);
        let rows = database.number("SELECT COUNT(*) FROM item").await;
        assert!(rows >= 2 * (committed + 1), "{rows} rows, but {committed} transactions were told that they are there");
        if database.is_postgres() {
            database.is_at_rest().await;
        }
    }
}

/// What a request may be waiting for when it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Waiting {
    Begin,
    Statement,
    Commit,
    Rollback,
    Select,
    SingleStatement,
}

async fn request(db: Db, waiting: Waiting) -> Result<(), SqlError> {
    match waiting {
        Waiting::Select => {
            db.query("SELECT name FROM item WHERE name = 'cancelled'").all::<(String,)>().await.map(drop)
        }
        Waiting::SingleStatement => db.query(ADD).bind("cancelled").execute().await.map(drop),
        waiting => {
            let mut transaction = db.begin().await?;
            transaction.query(ADD).bind("cancelled").execute().await?;
            if waiting == Waiting::Rollback { transaction.rollback().await } else { transaction.commit().await }
        }
    }
}

/// Cancels a request while it waits for the answer to `sent`; then the next request has the same connection.
async fn cancelled(waiting: Waiting, sent: &'static str, kept: i64) {
    let database = Database::postgres().await;
    database.with_items().await;
    let proxy = Proxy::before(&database.url).await;
    let app = database.app_at(&proxy.url(&database.url)).config("DATABASE_POOL_SIZE", 1);
    let db = db_of(app).await;
    for round in 1..=10 {
        proxy.hold_answer_to(sent);
        let cancelled = tokio::spawn(request(db.clone(), waiting));
        proxy.held().await;
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        proxy.open();

        db.query(ADD).bind(format!("next {round}")).execute().await.unwrap();
        assert_eq!(
            database.number("SELECT COUNT(*) FROM item WHERE name LIKE 'next%'").await,
            round,
            "{waiting:?}: the next request ran inside the transaction of the cancelled one"
        );
        assert_eq!(
            database.number("SELECT COUNT(*) FROM item WHERE name = 'cancelled'").await,
            kept,
            "{waiting:?}: the work of the cancelled request"
        );
        assert_eq!(db.query("SELECT COUNT(*) FROM item WHERE name LIKE 'next%'").scalar::<i64>().await.unwrap(), round);
        db.query("DELETE FROM item WHERE name = 'cancelled'").execute().await.unwrap();
    }
    database.is_at_rest().await;
}

macro_rules! cancelled {
    ($($name:ident: $waiting:ident, $sent:literal, $kept:literal;)*) => {
        $(#[hipflask::test]
        #[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
        async fn $name() {
            cancelled(Waiting::$waiting, $sent, $kept).await;
        })*
    };
}

cancelled! {
    a_request_that_is_cancelled_in_begin_leaves_nothing: Begin, "BEGIN", 0;
    a_request_that_is_cancelled_in_a_transaction_leaves_nothing: Statement, "cancelled", 0;
    a_request_that_is_cancelled_in_commit_has_committed: Commit, "COMMIT", 1;
    a_request_that_is_cancelled_in_rollback_leaves_nothing: Rollback, "ROLLBACK", 0;
    a_request_that_is_cancelled_in_a_query_disturbs_no_other: Select, "SELECT name", 0;
    a_request_that_is_cancelled_in_a_statement_has_done_it: SingleStatement, "cancelled", 1;
}

/// The whole request is dropped, as a server would that does not let views run to their end.
#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_view_that_is_dropped_in_begin_leaves_nothing() {
    use hipflask::prelude::*;

    #[get("/")]
    async fn view(db: Db) -> Result<&'static str> {
        let transaction = db.begin().await?;
        transaction.commit().await?;
        Ok("done")
    }

    let database = Database::postgres().await;
    database.with_items().await;
    let proxy = Proxy::before(&database.url).await;
    let app = database.app_at(&proxy.url(&database.url)).config("DATABASE_POOL_SIZE", 1).routes(routes![view]);
    let app = app.freeze().unwrap();
    app.start().await.unwrap();
    for _ in 0..10 {
        proxy.hold_answer_to("BEGIN");
        let respond = tokio::spawn({
            let app = app.clone();
            async move { app.respond(Request::get("/")).await }
        });
        proxy.held().await;
        respond.abort();
        drop(respond.await);
        proxy.open();
        assert_eq!(app.respond(Request::get("/")).await.status(), 200);
        database.is_at_rest().await;
    }
}
