//! Pages of a result, and what clients ask for instead.

use hipflask::prelude::*;
use hipflask_sql::prelude::*;
use serde_json::Value;

#[derive(serde::Serialize, FromRow)]
struct Item {
    name: String,
}

#[get("/")]
async fn index(db: Db, page: Query<Paging>) -> Result<Json<Page<Item>>> {
    Ok(Json(db.query("SELECT name FROM item WHERE name <> ? ORDER BY id -- in order").bind("x").paginate(&page).await?))
}

#[get("/five")]
async fn five(db: Db, page: Query<Paging>) -> Result<Json<Page<Item>>> {
    Ok(Json(db.query("SELECT name FROM item ORDER BY id;\n").paginate(&page.or_per_page(5)).await?))
}

on_both! {
    async fn a_page_is_what_was_asked_for_or_a_404(database) {
        let client = database.app().routes(routes![index, five]).test_client();
        client.get("/none").send().await;
        let db = Db::of(client.app()).unwrap();
        db.query_built(database.items()).execute().await.unwrap();
        let empty: Value = client.get("/").send().await.json();
        assert_eq!((&empty["total"], &empty["pages"], &empty["items"]), (&0.into(), &0.into(), &Value::Array(Vec::new())));
        for target in ["/?page=2", "/?page=0"] {
            assert_eq!(client.get(target).send().await.status(), 404, "{target} of nothing");
        }
        let mut transaction = db.begin().await.unwrap();
        for number in 1..=101 {
            transaction.query("INSERT INTO item (name) VALUES (?)").bind(number.to_string()).execute().await.unwrap();
        }
        transaction.commit().await.unwrap();

        for (target, first, length, pages, next) in [
            ("/", "1", 20, 6, Some(2)),
            ("/?page=1", "1", 20, 6, Some(2)),
            ("/?page=6", "101", 1, 6, None),
            ("/?page=2&per_page=100", "101", 1, 2, None),
            ("/?per_page=101", "1", 100, 2, Some(2)),
            ("/?per_page=18446744073709551615", "1", 100, 2, Some(2)),
            ("/?page=2&per_page=18446744073709551615", "101", 1, 2, None),
            ("/?page=101&per_page=1", "101", 1, 101, None),
            ("/?page=3&page=2", "41", 20, 6, Some(4)),
            ("/five", "1", 5, 21, Some(2)),
            ("/five?page=21", "101", 1, 21, None),
            ("/five?per_page=50", "1", 50, 3, Some(2)),
        ] {
            let response = client.get(target).send().await;
            assert_eq!(response.status(), 200, "{target}");
            let page: Value = response.json();
            assert_eq!(page["items"][0]["name"], first, "{target}");
            assert_eq!(page["items"].as_array().unwrap().len(), length, "{target}");
            assert_eq!((&page["total"], &page["pages"]), (&101.into(), &pages.into()), "{target}");
            assert_eq!((page["next_num"].as_u64(), page["has_next"].as_bool()), (next, Some(next.is_some())), "{target}");
        }
        for query in [
            "page=0", "page=7", "page=-1", "page=1.0", "page=x", "page=", "page=1%20OR%201=1", "page=%00", "page=1%27",
            "per_page=0", "per_page=-5", "per_page=x", "page=3&per_page=100",
            "page=18446744073709551615", "page=18446744073709551616", "page=9223372036854775807&per_page=1",
            "page=18446744073709551615&per_page=18446744073709551615", "page=922337203685477581&per_page=10",
            "page=99999999999999999999999999999999",
        ] {
            assert_eq!(client.get(&format!("/?{query}")).send().await.status(), 404, "{query}");
        }
    }

    async fn a_transaction_has_pages_of_its_own_rows(database) {
        let db = database.with_items().await;
        let mut transaction = db.begin().await.unwrap();
        transaction.query("INSERT INTO item (name) VALUES ('a'), ('b')").execute().await.unwrap();
        let page: Page<Item> = transaction.query("SELECT name FROM item ORDER BY id").paginate(&Paging::default()).await.unwrap();
        assert_eq!((page.total, page.items.len(), page.items[1].name.as_str()), (2, 2, "b"));
        assert_eq!((page.prev_num(), page.next_num(), page.iter_pages()), (None, None, vec![Some(1)]));
    }
}
