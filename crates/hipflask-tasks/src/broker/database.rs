//! The embedded broker: a table in the application's own database. A message is sent if the transaction commits that sends
//! it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hipflask::extension::BoxFuture;
use hipflask::{Error, Frozen, Result};
use hipflask_sql::{Db, Queries};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Broker, Delivery, LEASE, micros};
use crate::broker::schema::{DEAD, DONE, RUNNING, WAITING, prepare};
use crate::message::{Envelope, Message};
use crate::task::call::Outgoing;

/// How long a worker of another process may take to notice a message.
const POLL: Duration = Duration::from_millis(500);
/// How long what is done stays in the table, for people to look at.
const KEPT: Duration = Duration::from_secs(86_400);

/// The broker in the database of an application.
#[derive(Debug, Default)]
pub(crate) struct DatabaseBroker {
    db: OnceLock<Db>,
    /// Tells the workers of this process.
    news: Arc<Notify>,
}

impl DatabaseBroker {
    /// Gives it the database, which there is once the application has started.
    pub(crate) fn connect(&self, app: &Frozen) -> Result<()> {
        let db = Db::of(app)?;
        let _ = self.db.set(db);
        Ok(())
    }

    pub(crate) fn db(&self) -> Result<&Db> {
        self.db.get().ok_or_else(|| Error::msg("the application has not started, so no task can be sent"))
    }

    /// Sends inside a transaction, or not.
    pub(crate) async fn send_in(&self, mut db: impl Queries, outgoing: &Outgoing) -> Result<bool> {
        let Outgoing { message, queue, unique } = outgoing;
        let sql = "INSERT INTO hipflask_task \
             (queue, priority, run_at, state, task_id, name, message, unique_key, attempts, sent_at) \
             VALUES (?, ?, ?, 0, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING";
        let sent = db
            .query(sql)
            .bind(queue.as_str())
            .bind(i64::from(message.properties.priority))
            .bind(run_at(message))
            .bind(message.id())
            .bind(message.headers.task.as_str())
            .bind(Envelope::text_of(message, queue))
            .bind(unique.clone())
            .bind(micros(Duration::ZERO))
            .execute()
            .await?;
        self.news.notify_waiters();
        Ok(sent > 0)
    }

    /// Ends what is done with a message: nothing more is, until somebody sends it again.
    async fn end(&self, delivery: &Delivery, state: i64, note: Option<&str>) -> Result<()> {
        let sql = "UPDATE hipflask_task SET state = ?, note = ?, ended_at = ?, worker = NULL, leased_until = NULL \
                   WHERE id = ? AND state = 1 AND attempts = ?";
        let query = self.db()?.query(sql).bind(state).bind(note.unwrap_or_default()).bind(micros(Duration::ZERO));
        query.bind(delivery.tag).bind(attempt(delivery)).execute().await?;
        Ok(())
    }

    async fn put_back(&self, delivery: &Delivery, at: i64, text: String) -> Result<()> {
        let sql = "UPDATE hipflask_task SET state = 0, run_at = ?, message = ?, attempts = 0, worker = NULL, \
                   leased_until = NULL WHERE id = ? AND state = 1 AND attempts = ?";
        let query = self.db()?.query(sql).bind(at).bind(text).bind(delivery.tag);
        query.bind(attempt(delivery)).execute().await?;
        self.news.notify_waiters();
        Ok(())
    }

    async fn give_all_back(&self, worker: &str) -> Result<()> {
        let sql = "UPDATE hipflask_task SET state = 0, attempts = attempts - 1, worker = NULL, leased_until = NULL \
                   WHERE state = 1 AND worker = ?";
        self.db()?.query(sql).bind(worker).execute().await?;
        self.news.notify_waiters();
        Ok(())
    }

    async fn take_from(&self, worker: &str, queues: &[String], most: usize) -> Result<Vec<Delivery>> {
        let (db, now) = (self.db()?, micros(Duration::ZERO));
        let marks = vec!["?"; queues.len()].join(", ");
        let due = format!("FROM hipflask_task WHERE state = {WAITING} AND queue IN ({marks}) AND run_at <= ?");
        // To look costs SQLite no lock, and most of the time there is nothing.
        let mut look = db.query_built(format!("SELECT 1 {due} LIMIT 1"));
        for queue in queues {
            look = look.bind(queue.as_str());
        }
        if look.bind(now).optional::<(i64,)>().await?.is_none() {
            return Ok(Vec::new());
        }
        let lock = if db.kind() == "postgres" { "FOR UPDATE SKIP LOCKED" } else { "" };
        let mut take = db
            .query_built(format!(
                "UPDATE hipflask_task SET state = {RUNNING}, attempts = attempts + 1, worker = ?, leased_until = ? \
                 WHERE id IN (SELECT id {due} ORDER BY priority DESC, run_at, id LIMIT ? {lock}) \
                 RETURNING id, queue, message, attempts"
            ))
            .bind(worker)
            .bind(micros(LEASE));
        for queue in queues {
            take = take.bind(queue.as_str());
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let taken: Vec<(i64, String, String, i64)> = take.bind(now).bind(most).all().await?;
        Ok(taken.into_iter().map(delivery).collect())
    }

    async fn keep_leases(&self, worker: &str, held: &[i64]) -> Result<()> {
        let db = self.db()?;
        if !held.is_empty() {
            let marks = vec!["?"; held.len()].join(", ");
            let extend = format!(
                "UPDATE hipflask_task SET leased_until = ? WHERE state = {RUNNING} AND worker = ? AND id IN ({marks})"
            );
            let query = db.query_built(extend).bind(micros(LEASE)).bind(worker);
            held.iter().fold(query, |query, tag| query.bind(*tag)).execute().await?;
        }
        let now = micros(Duration::ZERO);
        let lost = "UPDATE hipflask_task SET state = 0, worker = NULL, leased_until = NULL WHERE state = 1 AND leased_until < ?";
        if db.query(lost).bind(now).execute().await? > 0 {
            self.news.notify_waiters();
        }
        let kept = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        let sweep = "DELETE FROM hipflask_task WHERE state = 2 AND ended_at < ?";
        db.query(sweep).bind(now - kept).execute().await?;
        Ok(())
    }
}

/// Which attempt a delivery is. A worker that has lost its lease, and with it the message, ends no later one.
fn attempt(delivery: &Delivery) -> i64 {
    i64::from(delivery.redelivered) + 1
}

/// When a message may be taken.
fn run_at(message: &Message) -> i64 {
    message.eta().map_or_else(|| micros(Duration::ZERO), hipflask::DateTime::unix_micros)
}

fn delivery((tag, queue, text, attempts): (i64, String, String, i64)) -> Delivery {
    let redelivered = u32::try_from(attempts - 1).unwrap_or(0);
    Delivery { tag, queue, message: Envelope::read(&text), redelivered }
}

impl Broker for DatabaseBroker {
    fn start(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { prepare(self.db()?).await })
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { self.send_in(self.db()?, outgoing).await })
    }

    fn take<'a>(&'a self, worker: &'a str, queues: &'a [String], most: usize) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(self.take_from(worker, queues, most))
    }

    fn wait<'a>(&'a self, _queues: &'a [String]) -> BoxFuture<'a, ()> {
        Box::pin(async { drop(timeout(POLL, self.news.notified()).await) })
    }

    fn keep<'a>(&'a self, worker: &'a str, held: &'a [i64]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.keep_leases(worker, held))
    }

    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.end(delivery, DONE, None))
    }

    fn again<'a>(&'a self, delivery: &'a Delivery, message: &'a Message) -> BoxFuture<'a, Result<()>> {
        let text = Envelope::text_of(message, &delivery.queue);
        Box::pin(self.put_back(delivery, run_at(message), text))
    }

    fn give_back<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.give_all_back(worker))
    }

    fn set_aside<'a>(&'a self, delivery: &'a Delivery, why: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.end(delivery, DEAD, Some(why)))
    }
}
