//! Sending: with arguments, later, once, in a transaction.

use std::time::Duration;

use hipflask::DateTime;
use hipflask::prelude::*;
use hipflask_tasks::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Photo {
    path: String,
    sizes: Vec<u32>,
}

#[task(name = "test.echo")]
async fn echo(text: String, number: Option<i64>, photo: Photo) -> Result<(String, Option<i64>, Photo)> {
    Ok((text, number, photo))
}

#[task(name = "test.add")]
async fn add(a: i64, b: i64) -> Result<i64> {
    Ok(a + b)
}

/// Keeps what it was given in the database.
#[task(name = "test.note")]
async fn note(text: String, db: hipflask_sql::Db) -> Result<()> {
    db.query("INSERT INTO note (text) VALUES (?)").bind(text).execute().await?;
    Ok(())
}

async fn notes(db: &hipflask_sql::Db) -> Vec<String> {
    let notes: Vec<(String,)> = db.query("SELECT text FROM note ORDER BY id").all().await.unwrap();
    notes.into_iter().map(|(text,)| text).collect()
}

async fn with_notes(place: &crate::support::Place) -> (TaskSender, hipflask_sql::Db) {
    let (tasks, db) = place.start(tasks![note, add]).await;
    let key = if db.kind() == "postgres" { "BIGSERIAL PRIMARY KEY" } else { "INTEGER PRIMARY KEY" };
    db.query_built(format!("CREATE TABLE note (id {key}, text TEXT)")).execute().await.unwrap();
    (tasks, db)
}

on_both! {
    async fn arguments_arrive_and_results_come_back(place) {
        let (tasks, _db) = place.start(tasks![echo]).await;
        let photo = || Photo { path: "é \" 'x'.png".to_owned(), sizes: vec![1, 4_000_000_000] };
        let sent = tasks.send(echo::with("Grüße".to_owned(), None, photo())).await.unwrap();
        assert_eq!(sent.get().await.unwrap(), None);
        assert_eq!(tasks.run_all().await.unwrap(), 1);
        assert_eq!(sent.get().await.unwrap(), Some(("Grüße".to_owned(), None, photo())));
        assert_eq!(tasks.run_all().await.unwrap(), 0, "once");
    }

    async fn the_most_urgent_is_first_then_the_oldest(place) {
        let (tasks, db) = with_notes(place).await;
        for (text, priority) in [("a", 0), ("b", 5), ("c", 9), ("d", 5)] {
            tasks.send(note::with(text.to_owned()).priority(priority)).await.unwrap();
        }
        tasks.run_all().await.unwrap();
        assert_eq!(notes(&db).await, ["c", "b", "d", "a"]);
    }

    async fn what_is_to_run_later_waits(place) {
        let (tasks, db) = with_notes(place).await;
        tasks.send(note::with("later".to_owned()).countdown(Duration::from_secs(3600))).await.unwrap();
        let past = DateTime::from_unix_micros(1_000_000).unwrap();
        tasks.send(note::with("past".to_owned()).eta(past)).await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 1);
        assert_eq!(notes(&db).await, ["past"]);
    }

    async fn what_comes_too_late_is_revoked(place) {
        let (tasks, db) = with_notes(place).await;
        let sent = tasks.send(note::with("x".to_owned()).expires(Duration::ZERO)).await.unwrap();
        tasks.run_all().await.unwrap();
        assert!(notes(&db).await.is_empty());
        assert_eq!(sent.state().await.unwrap(), hipflask_tasks::TaskState::Revoked);
    }

    async fn a_key_is_sent_once_until_it_is_done(place) {
        let (tasks, db) = with_notes(place).await;
        for text in ["first", "second", "third"] {
            tasks.send(note::with(text.to_owned()).unique("report 7")).await.unwrap();
        }
        tasks.send(note::with("other".to_owned()).unique("report 8")).await.unwrap();
        tasks.run_all().await.unwrap();
        assert_eq!(notes(&db).await, ["first", "other"]);
        tasks.send(note::with("again".to_owned()).unique("report 7")).await.unwrap();
        tasks.run_all().await.unwrap();
        assert_eq!(notes(&db).await, ["first", "other", "again"]);
    }

    async fn what_a_transaction_sends_depends_on_its_commit(place) {
        let (tasks, db) = with_notes(place).await;
        for (text, commits) in [("kept", true), ("undone", false)] {
            let mut transaction = db.begin().await.unwrap();
            tasks.send_in(&mut transaction, note::with(text.to_owned())).await.unwrap();
            if commits {
                transaction.commit().await.unwrap();
            }
        }
        tasks.run_all().await.unwrap();
        assert_eq!(notes(&db).await, ["kept"]);
    }

}
