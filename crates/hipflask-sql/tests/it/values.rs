//! Values on their way into a statement and out of a row.

use hipflask::DateTime;
use hipflask::http::FormData;
use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use hipflask_sql::{FromColumn, SqlError, SqlValue};

use crate::database::db_of;

/// Binds `value` to a column of the type `kind`, and reads the column.
async fn round_trip<T: FromColumn>(db: &Db, kind: &str, value: impl Into<SqlValue>) -> Result<T, SqlError> {
    db.query_built("DROP TABLE IF EXISTS kept".to_owned()).execute().await?;
    db.query_built(format!("CREATE TABLE kept (value {kind})")).execute().await?;
    db.query("INSERT INTO kept (value) VALUES (?)").bind(value).execute().await?;
    db.query("SELECT value FROM kept").scalar().await
}

fn moment(text: &str) -> DateTime {
    text.parse().expect("the test writes a moment")
}

on_both! {
    async fn integers_come_back_up_to_their_bounds(database) {
        let db = database.db().await;
        for int in [i64::MIN, -1, 0, 1, i64::from(u32::MAX), i64::MAX] {
            assert_eq!(round_trip::<i64>(&db, "BIGINT", int).await.unwrap(), int);
        }
        assert_eq!(round_trip::<i8>(&db, "BIGINT", i8::MIN).await.unwrap(), i8::MIN);
        assert_eq!(round_trip::<u32>(&db, "BIGINT", u32::MAX).await.unwrap(), u32::MAX);
        assert_eq!(round_trip::<u64>(&db, "BIGINT", i64::MAX).await.unwrap(), u64::MAX / 2);
        assert_eq!(round_trip::<i64>(&db, "SMALLINT", i16::MAX).await.unwrap(), i64::from(i16::MAX));
        assert_eq!(round_trip::<i32>(&db, "INTEGER", i32::MIN).await.unwrap(), i32::MIN);
    }

    async fn numbers_come_back_bit_for_bit(database) {
        let db = database.db().await;
        let kind = "DOUBLE PRECISION";
        for number in [0.0, 0.1, f64::MIN, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(round_trip::<f64>(&db, kind, number).await.unwrap().to_bits(), number.to_bits(), "{number}");
        }
        assert_eq!(round_trip::<f64>(&db, "REAL", 0.5f32).await.unwrap(), 0.5);
        // SQLite has no negative zero, and no NaN: it keeps NULL for it.
        let zero = round_trip::<f64>(&db, kind, -0.0).await.unwrap();
        assert_eq!(zero.to_bits(), database.either(0.0f64, -0.0).to_bits());
        let nan = round_trip::<Option<f64>>(&db, kind, f64::NAN).await.unwrap();
        assert_eq!(nan.map(f64::is_nan), database.either(None, Some(true)));
    }

    async fn truth_text_and_bytes_come_back(database) {
        let db = database.db().await;
        for truth in [true, false] {
            assert_eq!(round_trip::<bool>(&db, "BOOLEAN", truth).await.unwrap(), truth);
        }
        let long = "é".repeat(1_000_000);
        for text in ["", "plain", "'; DROP TABLE kept; --", "ü 漢字 🙂 \u{202e}", "a\r\n\t\\\"`?", "\u{1}\u{7f}", &long] {
            assert_eq!(round_trip::<String>(&db, "TEXT", text).await.unwrap(), text);
        }
        let every: Vec<u8> = (0..=255).collect();
        for bytes in [&[][..], &[0, 0, 0], &every] {
            assert_eq!(round_trip::<Vec<u8>>(&db, database.either("BLOB", "BYTEA"), bytes).await.unwrap(), bytes);
        }
    }

    async fn moments_come_back_and_keep_their_order(database) {
        let db = database.db().await;
        let kind = database.either("TEXT", "TIMESTAMPTZ");
        let moments = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z",
            "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000001Z", "2024-02-29T12:00:00.5Z", "9999-12-31T23:59:59.999999Z"];
        for text in moments {
            assert_eq!(round_trip::<DateTime>(&db, kind, moment(text)).await.unwrap(), moment(text));
        }
        db.query("DELETE FROM kept").execute().await.unwrap();
        for text in moments.iter().rev() {
            db.query("INSERT INTO kept (value) VALUES (?)").bind(moment(text)).execute().await.unwrap();
        }
        let sorted: Vec<(DateTime,)> = db.query("SELECT value FROM kept ORDER BY value").all().await.unwrap();
        assert_eq!(sorted, moments.map(|text| (moment(text),)));
        let before: i64 = db.query("SELECT COUNT(*) FROM kept WHERE value < ?").bind(moment(moments[4])).scalar().await.unwrap();
        assert_eq!(before, 4);
        let now: DateTime = db.query("SELECT CURRENT_TIMESTAMP").scalar().await.unwrap();
        assert!((DateTime::now().unix_micros() - now.unix_micros()).abs() < 60_000_000, "{now} is in UTC");
    }

    async fn null_is_none_for_every_type(database) {
        let db = database.db().await;
        let (bytes, moment) = database.either(("BLOB", "TEXT"), ("BYTEA", "TIMESTAMPTZ"));
        db.query_built(format!("CREATE TABLE every (a BIGINT, b DOUBLE PRECISION, c BOOLEAN, d TEXT, e {bytes}, f {moment})")).execute().await.unwrap();
        let insert = db.query("INSERT INTO every VALUES (?, ?, ?, ?, ?, ?)").bind(None::<i64>).bind(None::<f64>).bind(None::<bool>);
        insert.bind(None::<&str>).bind(None::<Vec<u8>>).bind(None::<DateTime>).execute().await.unwrap();
        type Every = (Option<i64>, Option<f64>, Option<bool>, Option<String>, Option<Vec<u8>>, Option<DateTime>);
        let row: Every = db.query("SELECT a, b, c, d, e, f FROM every").one().await.unwrap();
        assert_eq!(row, (None, None, None, None, None, None));
        let error = round_trip::<i64>(&db, "BIGINT", None::<i64>).await.unwrap_err();
        assert_eq!(error.to_string(), "the column `value` is NULL, not a `i64`; make the field an `Option`");
        assert_eq!(round_trip::<Option<i64>>(&db, "BIGINT", Some(7)).await.unwrap(), Some(7));
    }

    async fn a_statement_takes_values_of_other_types_the_next_time(database) {
        let db = db_of(database.app().config("DATABASE_POOL_SIZE", 1)).await;
        db.query("CREATE TABLE kept (small INTEGER, number DOUBLE PRECISION)").execute().await.unwrap();
        let insert = "INSERT INTO kept VALUES (?, ?)";
        db.query(insert).bind(None::<i64>).bind(1).execute().await.unwrap();
        db.query(insert).bind(7).bind(2.5).execute().await.unwrap();
        db.query(insert).bind(8).bind(3).execute().await.unwrap();
        let kept: Vec<(Option<i64>, f64)> = db.query("SELECT small, number FROM kept ORDER BY number").all().await.unwrap();
        assert_eq!(kept, [(None, 1.0), (Some(7), 2.5), (Some(8), 3.0)]);
    }

    async fn a_row_is_a_struct_or_a_tuple(database) {
        #[derive(Debug, PartialEq, FromRow)]
        struct Author { #[column(name = "author_id")] id: i64, name: Option<String> }
        #[derive(Debug, PartialEq, FromRow)]
        struct Post { r#type: String, score: f64, #[column(flatten)] author: Author }

        let db = database.db().await;
        let sql = "SELECT CAST(7 AS BIGINT) AS author_id, NULL AS name, 'news' AS type, CAST(1.5 AS DOUBLE PRECISION) AS score, 'extra' AS extra";
        let post: Post = db.query(sql).one().await.unwrap();
        assert_eq!(post, Post { r#type: "news".into(), score: 1.5, author: Author { id: 7, name: None } });
        let tuple: (i64, Option<String>, String, f64, String) = db.query(sql).one().await.unwrap();
        assert_eq!(tuple, (7, None, "news".into(), 1.5, "extra".into()));
        let pairs: Vec<(String, SqlValue)> = db.query(sql).one().await.unwrap();
        assert_eq!(pairs[0], ("author_id".to_owned(), SqlValue::Int(7)));
    }

    async fn what_does_not_fit_names_its_column(database) {
        #[derive(Debug, FromRow)]
        #[expect(dead_code, reason = "it is never read, because it is never made")]
        struct Item { name: i64 }

        let db = database.db().await;
        let sql = "SELECT 'seven' AS name, CAST(300 AS BIGINT) AS amount";
        let refused = |error: SqlError| error.to_string();
        assert_eq!(refused(db.query(sql).one::<Item>().await.unwrap_err()), "the column `name` is text, not a `i64`");
        assert_eq!(refused(db.query(sql).all::<Item>().await.unwrap_err()), "the column `name` is text, not a `i64`");
        assert_eq!(refused(db.query(sql).scalar::<bool>().await.unwrap_err()), "the column `name` is text, not a `bool`");
        assert_eq!(
            refused(db.query(sql).one::<(String, u8)>().await.unwrap_err()),
            "the column `amount` is 300, which is out of the range of `u8`"
        );
        assert_eq!(
            refused(db.query("SELECT CAST(-1 AS BIGINT) AS amount").scalar::<u64>().await.unwrap_err()),
            "the column `amount` is -1, which is out of the range of `u64`"
        );
        assert_eq!(
            refused(db.query(sql).one::<(String, String)>().await.unwrap_err()),
            "the column `amount` is an integer, not a `String`"
        );
        assert_eq!(
            refused(db.query(sql).one::<(String, i64, i64)>().await.unwrap_err()),
            "the column `2` is not in the row, which has 2 columns"
        );
        assert_eq!(
            refused(db.query("SELECT 1 AS a, 2 AS b").one::<Item>().await.unwrap_err()),
            "the column `name` is not in the row, which has a, b"
        );
    }

    async fn json_and_uuid_are_text_for_a_program(database) {
        let db = database.db().await;
        let json = r#"{"a": [1, "ü"]}"#;
        db.query_built(format!("CREATE TABLE doc (id {}, body {})", database.either("TEXT", "UUID"), database.either("TEXT", "JSONB"))).execute().await.unwrap();
        let id = "0188e3a0-1f2b-7c3d-8e4f-a1b2c3d4e5f6";
        let insert = database.either("INSERT INTO doc VALUES (?, ?)", "INSERT INTO doc VALUES (?::uuid, ?::jsonb)");
        db.query(insert).bind(id).bind(json).execute().await.unwrap();
        let read: (String, String) = db.query("SELECT id, CAST(body AS TEXT) FROM doc").one().await.unwrap();
        assert_eq!(read, (id.to_owned(), json.to_owned()));
    }
}

#[hipflask::test]
async fn sqlite_keeps_nul_in_text() {
    let database = crate::database::Database::sqlite();
    let db = database.db().await;
    assert_eq!(round_trip::<String>(&db, "TEXT", "a\0b").await.unwrap(), "a\0b");
    let error = db.query("SELECT CAST(x'ff' AS TEXT) AS broken").scalar::<String>().await.unwrap_err();
    assert!(error.to_string().starts_with("the column `broken` cannot be read: "), "{error}");
}

#[post("/keep")]
async fn keep(form: FormData, db: Db) -> Result<String> {
    let text = form.fields.require("text")?;
    Ok(db.query("SELECT CAST(? AS TEXT)").bind(text).scalar().await?)
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn nul_that_a_client_sends_is_the_clients_mistake_on_postgresql() {
    let database = crate::database::Database::postgres().await;
    let client = database.app().routes(routes![keep]).test_client();
    let response = client.post("/keep").form([("text", "a\0b")]).send().await;
    assert_eq!(response.status(), 400);
    assert!(response.text().contains("PostgreSQL cannot keep the character NUL in text."), "{}", response.text());
    assert_eq!(client.post("/keep").form([("text", "ab")]).send().await.text(), "ab");
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn types_that_only_postgresql_has() {
    let database = crate::database::Database::postgres().await;
    let db = database.db().await;
    let read = async |sql: &'static str| db.query(sql).scalar::<SqlValue>().await;
    let text = |text: &str| SqlValue::Text(text.to_owned());
    for (sql, value) in [
        ("SELECT 'a'::varchar(3) AS v", text("a")),
        ("SELECT 'a'::char(3) AS v", text("a  ")),
        ("SELECT 'a'::name AS v", text("a")),
        ("SELECT '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'::uuid AS v", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("SELECT 1.5::real AS v", SqlValue::Float(1.5)),
        ("SELECT DATE '2024-02-29' AS v", SqlValue::DateTime(moment("2024-02-29T00:00:00Z"))),
        ("SELECT TIMESTAMP '2024-02-29 01:02:03' AS v", SqlValue::DateTime(moment("2024-02-29T01:02:03Z"))),
        ("SELECT TIMESTAMPTZ '2024-02-29 01:02:03+01' AS v", SqlValue::DateTime(moment("2024-02-29T00:02:03Z"))),
    ] {
        assert_eq!(read(sql).await.unwrap(), value, "{sql}");
    }
    for sql in [
        "SELECT DATE 'infinity' AS v",
        "SELECT DATE '-infinity' AS v",
        "SELECT DATE '5874897-12-31' AS v",
        "SELECT TIMESTAMPTZ 'infinity' AS v",
        "SELECT TIMESTAMP '0044-03-15 BC' AS v",
    ] {
        let error = read(sql).await.unwrap_err();
        assert_eq!(error.to_string(), "the column `v` is infinite, or not between the years 1 and 9999", "{sql}");
    }
    for (sql, name) in [
        ("SELECT 1.5::numeric AS v", "NUMERIC"),
        ("SELECT '{}'::jsonb AS v", "JSONB"),
        ("SELECT ARRAY[1] AS v", "INT4[]"),
    ] {
        let error = read(sql).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the column `v` is of the type {name}, which is not read; cast it in the statement: `column::text`"
            )
        );
    }
}
