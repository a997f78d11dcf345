//! The tables of the embedded broker and of results.

use hipflask::Result;
use hipflask_sql::Db;

/// What is done with a message.
pub(crate) const WAITING: i64 = 0;
pub(crate) const RUNNING: i64 = 1;
pub(crate) const DONE: i64 = 2;
/// Nobody could do anything with it; it is kept for people to look at.
pub(crate) const DEAD: i64 = 3;

/// Makes what is not there yet. Several processes may do so at once.
pub(crate) async fn prepare(db: &Db) -> Result<()> {
    let (key, blob) = match db.kind() {
        "postgres" => ("BIGSERIAL PRIMARY KEY", "BYTEA"),
        _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
    };
    let mut transaction = db.begin().await?;
    if db.kind() == "postgres" {
        // `IF NOT EXISTS` alone is refused when two do it at the same time.
        transaction.query("SELECT pg_advisory_xact_lock(7227472)").execute().await?;
        transaction.query("CREATE SEQUENCE IF NOT EXISTS task_id_sequence").execute().await?;
    }
    transaction
        .query_built(format!(
            "CREATE TABLE IF NOT EXISTS hipflask_task (id {key}, queue TEXT NOT NULL, priority BIGINT NOT NULL, \
             run_at BIGINT NOT NULL, state BIGINT NOT NULL, task_id TEXT NOT NULL, name TEXT NOT NULL, \
             message TEXT NOT NULL, unique_key TEXT, attempts BIGINT NOT NULL, worker TEXT, leased_until BIGINT, \
             sent_at BIGINT NOT NULL, ended_at BIGINT, note TEXT)"
        ))
        .execute()
        .await?;
    // The order in which messages are taken.
    let order = "CREATE INDEX IF NOT EXISTS hipflask_task_order ON hipflask_task (queue, priority DESC, run_at, id) WHERE state = 0";
    let leases = "CREATE INDEX IF NOT EXISTS hipflask_task_leases ON hipflask_task (leased_until) WHERE state = 1";
    let unique = "CREATE UNIQUE INDEX IF NOT EXISTS hipflask_task_unique ON hipflask_task (unique_key) WHERE state < 2";
    for index in [order, leases, unique] {
        transaction.query(index).execute().await?;
    }
    // As Celery's database backend declares it, so that either may have made it.
    transaction
        .query_built(format!(
            "CREATE TABLE IF NOT EXISTS celery_taskmeta (id INTEGER PRIMARY KEY, task_id VARCHAR(155) UNIQUE, \
             status VARCHAR(50), result {blob}, date_done TIMESTAMP, traceback TEXT, name VARCHAR(155), args {blob}, \
             kwargs {blob}, worker VARCHAR(155), retries INTEGER, queue VARCHAR(155), children {blob})"
        ))
        .execute()
        .await?;
    transaction.commit().await?;
    Ok(())
}
