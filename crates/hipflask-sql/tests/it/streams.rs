//! Rows one by one: all of them, some of them, and what is left behind.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hipflask::http::{Body, Bytes, Request};
use hipflask::prelude::*;
use hipflask_sql::SqlError;
use hipflask_sql::prelude::*;

use crate::database::{Database, db_of};
use crate::proxy::Proxy;

/// More rows than any memory has room for: read whole, it would never end.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";

/// An application's database with one connection and a short wait for it: what is not given back shows.
async fn one_connection(database: &Database) -> Db {
    let app = database.app().config("DATABASE_POOL_SIZE", 1).config("DATABASE_POOL_TIMEOUT", 20);
    let db = db_of(app).await;
    db.query_built(database.items()).execute().await.unwrap();
    db
}

async fn take(rows: &mut hipflask_sql::Rows<'_, (i64,)>, count: i64) {
    for number in 1..=count {
        assert_eq!(rows.next().await.unwrap(), Some((number,)));
    }
}

on_both! {
    async fn every_row_comes_in_its_order(database) {
        let db = one_connection(database).await;
        let mut rows = db.query(MANY).stream::<(i64,)>();
        take(&mut rows, 20_000).await;
        assert_eq!(rows.next().await.unwrap(), None);
        // It has ended, so the connection is free, whether or not it is dropped.
        assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
        assert_eq!(rows.next().await.unwrap(), None);
        let mut none = db.query("SELECT id FROM item WHERE name = ?").bind("nobody").stream::<(i64,)>();
        assert_eq!(none.next().await.unwrap(), None);
    }

    async fn a_result_without_end_can_be_begun_and_left(database) {
        let db = one_connection(database).await;
        for _ in 0..3 {
            let mut rows = db.query(ENDLESS).stream::<(i64,)>();
            take(&mut rows, 1000).await;
            drop(rows);
            assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
        }
        // One that was never begun has nothing to leave.
        drop(db.query(ENDLESS).stream::<(i64,)>());
        assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
    }

    async fn a_next_that_is_cancelled_loses_no_row(database) {
        let db = one_connection(database).await;
        let mut rows = db.query(MANY).stream::<(i64,)>();
        let (mut expected, mut cancelled) = (1, 0);
        loop {
            // Polled once, and dropped if the row has not come yet.
            let polled = {
                let mut next = pin!(rows.next());
                poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
            };
            match polled {
                Poll::Ready(Ok(Some((number,)))) => {
                    assert_eq!(number, expected);
                    expected += 1;
                }
                Poll::Ready(Ok(None)) => break,
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => {
                    cancelled += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
        assert_eq!(expected, 20_001);
        assert!(cancelled > 0, "nothing was cancelled, so nothing was tried");
    }

    async fn a_transaction_goes_on_after_a_stream(database) {
        let db = one_connection(database).await;
        let mut transaction = db.begin().await.unwrap();
        transaction.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap();
        let mut names = transaction.query("SELECT name FROM item").stream::<(String,)>();
        assert_eq!(names.next().await.unwrap(), Some(("a".to_owned(),)));
        assert_eq!(names.next().await.unwrap(), None);
        drop(names);
        let mut rows = transaction.query(MANY).stream::<(i64,)>();
        take(&mut rows, 10).await;
        drop(rows);
        transaction.query("INSERT INTO item (name) VALUES ('b')").execute().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 2);
    }

    async fn a_transaction_that_is_dropped_after_half_a_stream_is_rolled_back(database) {
        let db = one_connection(database).await;
        let mut transaction = db.begin().await.unwrap();
        transaction.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap();
        let mut rows = transaction.query(ENDLESS).stream::<(i64,)>();
        take(&mut rows, 10).await;
        drop(rows);
        drop(transaction);
        assert_eq!(db.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap(), 1, "the name is free");
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 1);
    }

    async fn an_error_in_the_middle_ends_it(database) {
        let db = one_connection(database).await;
        let broken = database.either(
            "SELECT CASE WHEN value = 3 THEN abs(-9223372036854775807 - 1) ELSE value END FROM json_each('[1, 2, 3, 4]')",
            "SELECT 6 / (3 - i) * 0 + i FROM generate_series(1, 4) AS i",
        );
        let mut rows = db.query(broken).stream::<(i64,)>();
        take(&mut rows, 2).await;
        let error = rows.next().await.unwrap_err();
        assert!(matches!(error, SqlError::Statement { .. }), "{error}");
        assert_eq!(rows.next().await.unwrap(), None);
        assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
        let refused = db.query("SELECT no_such_column FROM item").stream::<(i64,)>().next().await.unwrap_err();
        assert!(refused.to_string().contains("the database refused `SELECT no_such_column"), "{refused}");
        let miscounted = db.query("SELECT ?").stream::<(i64,)>().next().await.unwrap_err();
        assert!(matches!(miscounted, SqlError::Statement { .. }), "{miscounted}");
    }

    async fn a_row_that_cannot_be_read_does_not_end_it(database) {
        let db = one_connection(database).await;
        let mut rows = db.query("SELECT 1 AS v UNION ALL SELECT NULL UNION ALL SELECT 3").stream::<(i64,)>();
        assert_eq!(rows.next().await.unwrap(), Some((1,)));
        assert!(rows.next().await.unwrap_err().to_string().contains("`v` is NULL"));
        assert_eq!(rows.next().await.unwrap(), Some((3,)));
        assert_eq!(rows.next().await.unwrap(), None);
    }

    async fn a_table_that_changes_does_not_break_a_stream(database) {
        let db = one_connection(database).await;
        db.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap();
        let columns = async || {
            let mut rows = db.query("SELECT * FROM item").stream::<Vec<(String, hipflask_sql::SqlValue)>>();
            rows.next().await.map(|row| row.map(|row| row.len()))
        };
        assert_eq!(columns().await.unwrap(), Some(3));
        database.db().await.query("ALTER TABLE item ADD COLUMN size BIGINT").execute().await.unwrap();
        assert_eq!(columns().await.unwrap(), Some(4));
    }

    async fn a_response_streams_rows_and_its_client_may_leave(database) {
        #[get("/numbers")]
        async fn numbers(db: Db) -> Body {
            Body::stream(async move |mut out| {
                let mut rows = db.query(ENDLESS).stream::<(i64,)>();
                while let Some((number,)) = rows.next().await? {
                    out.send(format!("{number}\n")).await?;
                }
                Ok(())
            })
        }

        let app = database.app().config("DATABASE_POOL_SIZE", 1).config("DATABASE_POOL_TIMEOUT", 2);
        let app = app.routes(routes![numbers]).freeze().unwrap();
        app.start().await.unwrap();
        let mut body = app.respond(Request::get("/numbers")).await.into_parts().2;
        for line in ["1\n", "2\n", "3\n"] {
            assert_eq!(body.chunk().await.unwrap().unwrap(), Bytes::from(line));
        }
        drop(body);
        assert_eq!(Db::of(&app).unwrap().query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
    }
}

/// The limit is for the server. How long the rows are looked at is the program's own affair.
#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn only_the_server_has_a_time_limit() {
    let database = Database::postgres().await;
    let proxy = Proxy::before(&database.url).await;
    let limit = Duration::from_millis(300);
    let app = database.app_at(&proxy.url(&database.url)).config("DATABASE_TIMEOUT", limit.as_secs_f64());
    let db = db_of(app.config("DATABASE_POOL_SIZE", 1)).await;
    let mut rows = db.query(ENDLESS).stream::<(i64,)>();
    take(&mut rows, 1).await;
    tokio::time::sleep(2 * limit).await;
    assert_eq!(rows.next().await.unwrap(), Some((2,)));

    proxy.fall_silent();
    let error = loop {
        if let Err(error) = rows.next().await {
            break error;
        }
    };
    assert!(matches!(error, SqlError::Unavailable { .. }), "{error}");
    proxy.open();
    assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
}
