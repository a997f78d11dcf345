//! Functions that take a database or a transaction, whichever they are given.

use hipflask_sql::SqlError;
use hipflask_sql::prelude::*;

async fn add(mut db: impl Queries, name: &str) -> Result<i64, SqlError> {
    db.query("INSERT INTO item (name) VALUES (?)").bind(name).insert().await
}

async fn count(mut db: impl Queries) -> Result<i64, SqlError> {
    db.query("SELECT COUNT(*) FROM item").scalar().await
}

/// Several statements, some of them by way of another such function.
async fn add_once(mut db: impl Queries, name: &str) -> Result<bool, SqlError> {
    let before = count(&mut db).await?;
    let mut same = db.query("SELECT name FROM item WHERE name = ?").bind(name).stream::<(String,)>();
    if same.next().await?.is_some() {
        return Ok(false);
    }
    drop(same);
    add(&mut db, name).await?;
    Ok(count(db).await? == before + 1)
}

/// Compiled once, for whatever it is given.
async fn names(db: &mut dyn Queries, column: &str) -> Result<Vec<(String,)>, SqlError> {
    db.query_built(format!("SELECT {column} FROM item ORDER BY {column}")).all().await
}

on_both! {
    async fn a_function_runs_on_a_database_and_inside_a_transaction(database) {
        let db = database.with_items().await;
        assert!(add_once(&db, "a").await.unwrap());
        assert!(!add_once(db.clone(), "a").await.unwrap());

        let mut transaction = db.begin().await.unwrap();
        assert!(add_once(&mut transaction, "b").await.unwrap());
        assert_eq!(count(&mut transaction).await.unwrap(), 2);
        assert_eq!(database.number("SELECT COUNT(*) FROM item").await, 1, "it is inside");
        let both = [("a".to_owned(),), ("b".to_owned(),)];
        assert_eq!(names(&mut transaction, "name").await.unwrap(), both);
        transaction.rollback().await.unwrap();

        assert_eq!(names(&mut &db, "name").await.unwrap(), both[..1]);
    }

    async fn a_view_may_be_built_of_them(database) {
        use hipflask::prelude::*;

        #[post("/<name>")]
        async fn view(name: String, db: Db) -> Result<String> {
            let mut transaction = db.begin().await?;
            let is_new = add_once(&mut transaction, &name).await?;
            transaction.commit().await?;
            Ok(format!("{is_new} {}", count(&db).await?))
        }

        let client = database.app().routes(routes![view]).test_client();
        client.app().start().await.unwrap();
        Db::of(client.app()).unwrap().query_built(database.items()).execute().await.unwrap();
        assert_eq!(client.post("/a").send().await.text(), "true 1");
        assert_eq!(client.post("/a").send().await.text(), "false 1");
    }
}
