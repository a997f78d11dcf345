//! Statements: what is bound to them, what they give, and how they are refused.

use hipflask::form::Date;
use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use hipflask_sql::{SqlError, sqlx};

use crate::database::db_of;

#[derive(Form)]
struct Item {
    #[field(label = "Name")]
    name: String,
}

#[post("/items")]
async fn create(mut form: Form<Item>, db: Db) -> Result<String> {
    let Some(item) = form.valid() else { return Ok("empty".to_owned()) };
    match db.query("INSERT INTO item (name) VALUES (?)").bind(&item.name).insert().await {
        Ok(id) => Ok(format!("item {id}")),
        Err(error) if error.is_unique_violation() => {
            form.add_error(Item::NAME, "This name is taken.");
            Ok(form.errors().map(|(field, error)| format!("{field}: {error}")).collect())
        }
        Err(error) => Err(error.into()),
    }
}

#[get("/find")]
async fn find(ctx: &mut Context, db: Db) -> Result<String> {
    let name = ctx.request().args().require("name")?;
    let found: Vec<(String,)> = db.query("SELECT name FROM item WHERE name = ?").bind(name).all().await?;
    Ok(found.len().to_string())
}

on_both! {
    async fn an_insert_gives_its_id(database) {
        let db = database.with_items().await;
        let insert = "INSERT INTO item (name) VALUES (?)";
        assert_eq!(db.query(insert).bind("a").insert().await.unwrap(), 1);
        assert_eq!(db.query("INSERT INTO item (name) VALUES (?);\n").bind("b").insert().await.unwrap(), 2);
        assert_eq!(db.query("INSERT INTO item (name) VALUES (?) RETURNING id").bind("c").insert().await.unwrap(), 3);
        assert_eq!(db.query("-- one more\nINSERT INTO item (name) VALUES (?) -- at the end").bind("d").insert().await.unwrap(), 4);
        assert_eq!(db.query("WITH new AS (SELECT 'e' AS name) INSERT INTO item (name) SELECT name FROM new").insert().await.unwrap(), 5);
        db.query_built("ALTER TABLE item ADD COLUMN returning_soon BIGINT".to_owned()).execute().await.unwrap();
        assert_eq!(db.query("INSERT INTO item (name, returning_soon) VALUES (?, 1)").bind("f").insert().await.unwrap(), 6);
        assert_eq!(db.query("SELECT COUNT(*) FROM item").scalar::<i64>().await.unwrap(), 6);
    }

    async fn an_insert_that_inserts_nothing_gives_no_id(database) {
        let db = database.with_items().await;
        let insert = "INSERT INTO item (name) VALUES (?) ON CONFLICT DO NOTHING";
        assert_eq!(db.query(insert).bind("a").insert().await.unwrap(), 1);
        let error = db.query(insert).bind("a").insert().await.unwrap_err();
        assert!(matches!(error, SqlError::NoRow { .. }), "{error}");
    }

    async fn the_id_is_that_of_the_row_or_an_error(database) {
        let db = database.with_items().await;
        db.query("INSERT INTO item (name) VALUES ('a'), ('b'), ('c')").execute().await.unwrap();
        for table in ["CREATE TABLE word (id TEXT PRIMARY KEY)", "CREATE TABLE tagged (item_id BIGINT, tag TEXT, PRIMARY KEY (item_id, tag))", "CREATE TABLE number (id BIGINT PRIMARY KEY, double BIGINT)"] {
            db.query_built(format!("{table}{}", database.either(" WITHOUT ROWID", ""))).execute().await.unwrap();
        }
        let error = db.query("INSERT INTO word (id) VALUES ('x')").insert().await.unwrap_err();
        assert!(error.to_string().contains("`id`"), "{error}");
        let error = db.query("INSERT INTO tagged VALUES (1, 'x')").insert().await.unwrap_err();
        assert!(error.to_string().contains("id"), "{error}");
        assert_eq!(db.query("INSERT INTO number VALUES (70, 140); -- note").insert().await.unwrap(), 70);
        assert_eq!(db.query("INSERT INTO number VALUES (70, 141) ON CONFLICT (id) DO UPDATE SET double = 141 /* ; */").insert().await.unwrap(), 70);
    }

    async fn rows_are_counted_found_and_missed(database) {
        let db = database.with_items().await;
        for name in ["a", "b", "c"] {
            db.query("INSERT INTO item (name) VALUES (?)").bind(name).execute().await.unwrap();
        }
        assert_eq!(db.query("UPDATE item SET amount = ? WHERE name <> ?").bind(5).bind("a").execute().await.unwrap(), 2);
        assert_eq!(db.query("DELETE FROM item WHERE name = ?").bind("nobody").execute().await.unwrap(), 0);
        let by_id: Option<(String,)> = db.query("SELECT name FROM item WHERE id = ?").bind(77).optional().await.unwrap();
        assert_eq!(by_id, None);
        let error = db.query("SELECT name\n  FROM item\n WHERE id = ?").bind(77).one::<(String,)>().await.unwrap_err();
        assert_eq!(error.to_string(), "`SELECT name FROM item WHERE id = ?` found no row; use `optional()` where there may be none");
        let changed: (String, i64) = db.query("UPDATE item SET amount = amount + 1 WHERE name = ? RETURNING name, amount").bind("b").one().await.unwrap();
        assert_eq!(changed, ("b".to_owned(), 6));
        assert_eq!(db.query("SELECT amount FROM item WHERE name = 'b'").scalar::<i64>().await.unwrap(), 6);
    }

    async fn only_the_rows_of_this_statement_are_counted(database) {
        let db = db_of(database.app().config("DATABASE_POOL_SIZE", 1)).await;
        db.query_built(database.items()).execute().await.unwrap();
        db.query("INSERT INTO item (name, amount) VALUES ('a', 1), ('b', 2), ('c', 3)").execute().await.unwrap();
        assert_eq!(db.query("UPDATE item SET amount = amount * 2 WHERE name = 'a'").execute().await.unwrap(), 1);
        assert_eq!(db.query("UPDATE item SET amount = 2 * amount WHERE name = 'nobody'").execute().await.unwrap(), 0);
    }

    async fn a_day_comes_back_as_the_same_day(database) {
        let db = database.db().await;
        db.query("CREATE TABLE stay (day DATE, until DATE)").execute().await.unwrap();
        let (day, none) = (Date::of(2024, 2, 29), None::<Date>);
        db.query("INSERT INTO stay (day, until) VALUES (?, ?)").bind(day).bind(none).execute().await.unwrap();
        let read: (Date, Option<Date>) = db.query("SELECT day, until FROM stay WHERE day = ?").bind(day).one().await.unwrap();
        assert_eq!(read, (day, None));
        assert_eq!(db.query("SELECT COUNT(*) FROM stay WHERE day < ?").bind(Date::of(2024, 3, 1)).scalar::<i64>().await.unwrap(), 1);
    }

    async fn a_value_too_few_or_too_many_is_refused(database) {
        let db = database.with_items().await;
        db.query("INSERT INTO item (name, amount) VALUES ('a', 1)").execute().await.unwrap();
        let update = "UPDATE item SET amount = ? WHERE name = ?";
        for (values, said) in [(0, "2 placeholders, but 0 values"), (1, "2 placeholders, but 1 value"), (3, "2 placeholders, but 3 values")] {
            let query = (0..values).fold(db.query(update), |query, _| query.bind(0));
            let error = query.execute().await.unwrap_err();
            let causes = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(causes.contains(said), "{error}: {causes}");
        }
        let error = db.query("SELECT amount FROM item").bind(1).scalar::<i64>().await.unwrap_err();
        assert!(matches!(error, SqlError::Statement { .. }), "{error}");
        assert_eq!(db.query("SELECT amount FROM item").scalar::<i64>().await.unwrap(), 1);
    }

    async fn question_marks_in_text_and_comments_are_not_placeholders(database) {
        let db = database.db().await;
        let sql = "SELECT '?' AS a, 'it''s ?' AS b, /* why? /* not */ 'c' AS \"c?\" -- or?\n, CAST(? AS TEXT) AS d";
        let sql = database.either(sql, "SELECT '?' AS a, 'it''s ?' AS b, /* why? /* nested? */ not? */ 'c' AS \"c?\" -- or?\n, CAST(? AS TEXT) AS d");
        let row: (String, String, String, String) = db.query(sql).bind("bound").one().await.unwrap();
        assert_eq!(row, ("?".into(), "it's ?".into(), "c".into(), "bound".into()));
    }

    async fn a_bound_value_never_becomes_sql(database) {
        let client = database.app().routes(routes![create, find]).test_client();
        client.get("/find?name=x").send().await;
        let db = Db::of(client.app()).unwrap();
        db.query_built(database.items()).execute().await.unwrap();
        db.query("INSERT INTO item (name) VALUES ('a'), ('b')").execute().await.unwrap();
        for hostile in ["' OR '1'='1", "a' OR 1=1 --", "'; DROP TABLE item; --", "\\' OR 1=1", "a\u{2019} OR 1=1", "$1", "?", "' UNION SELECT name FROM item --"] {
            let found = client.get("/find").query([("name", hostile)]).send().await;
            assert_eq!((found.status().as_u16(), found.text().as_str()), (200, "0"), "{hostile}");
            assert!(client.post("/items").form([("name", hostile)]).send().await.text().starts_with("item "), "{hostile}");
            assert_eq!(client.get("/find").query([("name", hostile)]).send().await.text(), "1", "{hostile}");
        }
        assert_eq!(db.query("SELECT COUNT(*) FROM item").scalar::<i64>().await.unwrap(), 10);
    }

    async fn a_taken_name_becomes_an_error_of_its_field(database) {
        let client = database.app().routes(routes![create]).test_client();
        client.get("/").send().await;
        let db = Db::of(client.app()).unwrap();
        db.query_built(database.items()).execute().await.unwrap();
        assert_eq!(client.post("/items").form([("name", "a")]).send().await.text(), "item 1");
        assert!(client.post("/items").form([("name", "a")]).send().await.text().starts_with("name: This name is taken."));
        assert_eq!(db.query("SELECT COUNT(*) FROM item").scalar::<i64>().await.unwrap(), 1);
    }

    async fn broken_rules_can_be_told_apart(database) {
        let db = database.with_items().await;
        db.query("CREATE TABLE tag (item_id BIGINT NOT NULL REFERENCES item (id), label TEXT CHECK (label <> ''))").execute().await.unwrap();
        db.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap();
        for (sql, unique, foreign) in [
            ("INSERT INTO item (name) VALUES ('a')", true, false),
            ("INSERT INTO item (id, name) VALUES (1, 'b')", true, false),
            ("INSERT INTO tag (item_id) VALUES (77)", false, true),
            ("INSERT INTO tag (item_id) VALUES (NULL)", false, false),
            ("INSERT INTO tag (item_id, label) VALUES (1, '')", false, false),
            ("SELECT no_such_column FROM item", false, false),
        ] {
            let error = db.query(sql).execute().await.unwrap_err();
            assert_eq!((error.is_unique_violation(), error.is_foreign_key_violation()), (unique, foreign), "{sql}: {error}");
            assert!(matches!(error, SqlError::Statement { .. }), "{sql}: {error}");
        }
        db.query("INSERT INTO tag (item_id) VALUES (1)").execute().await.unwrap();
        let error = db.query("DELETE FROM item WHERE id = 1").execute().await.unwrap_err();
        assert!(error.is_foreign_key_violation(), "{error}");
    }

    async fn an_error_handler_finds_the_drivers_error(database) {
        #[get("/")]
        async fn view(db: Db) -> Result<String> {
            Ok(db.query("SELECT x FROM no_such_table").scalar().await?)
        }

        #[errorhandler(sqlx::Error)]
        async fn refused(error: &sqlx::Error) -> (Status, String) {
            (Status::IM_A_TEAPOT, error.to_string())
        }

        let response = database.app().errorhandler(refused).routes(routes![view]).test_client().get("/").send().await;
        assert_eq!(response.status(), 418);
        assert!(response.text().contains("no_such_table"), "{}", response.text());
        let without = database.app().routes(routes![view]).config("DEBUG", false).test_client().get("/").send().await;
        assert_eq!(without.status(), 500);
        assert!(!without.text().contains("no_such_table"), "{}", without.text());
    }

    async fn a_table_that_changes_does_not_break_prepared_statements(database) {
        let db = database.with_items().await;
        db.query("INSERT INTO item (name) VALUES ('a')").execute().await.unwrap();
        let columns = async || db.query("SELECT * FROM item").one::<Vec<(String, hipflask_sql::SqlValue)>>().await.map(|row| row.len());
        assert_eq!(columns().await.unwrap(), 3);
        // Something else changes it, for instance the next version of the program.
        database.db().await.query_built("ALTER TABLE item ADD COLUMN size BIGINT".to_owned()).execute().await.unwrap();
        assert_eq!(columns().await.unwrap(), 4);
        database.db().await.query_built("ALTER TABLE item DROP COLUMN amount".to_owned()).execute().await.unwrap();
        assert_eq!(columns().await.unwrap(), 3);
    }
}
