//! The commands `worker` and `tasks`.

use hipflask::cli::{Command, command, interrupted};
use hipflask::{Context, Error, Result};
use hipflask_sql::Db;

use crate::broker::schema::{DEAD, RUNNING, WAITING};
use crate::extension::{TaskSender, shared};

/// Run tasks until it is told to stop, by Ctrl-C or SIGTERM.
#[command]
pub(crate) async fn worker(
    ctx: &mut Context,
    /// The queues, with commas between them; without this, all of the application's.
    #[option]
    queues: Option<String>,
    /// How many tasks run at a time; without this it is `TASKS_CONCURRENCY`.
    #[option(range(1..))]
    concurrency: Option<usize>,
) -> Result<()> {
    let sender = TaskSender::of(ctx.app())?;
    let shared = shared(ctx.app())?;
    let queues = match queues {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => shared.queues(),
    };
    let concurrency = concurrency.unwrap_or(shared.settings.concurrency);
    tracing::info!("the worker runs up to {concurrency} tasks of the queues {} at a time", queues.join(", "));
    sender.worker(queues, concurrency).run(interrupted()).await;
    Ok(())
}

/// The group `tasks`: looks at the queues, and mends them.
pub(crate) fn tasks() -> Command {
    Command::new("tasks")
        .about("The queues: what is in them, what was set aside.")
        .command(list)
        .command(retry)
        .command(purge)
}

/// List the queues, and what was set aside.
#[command]
async fn list(db: Db) -> Result<String> {
    let counts = "SELECT queue, SUM(CASE WHEN state = 0 THEN 1 ELSE 0 END), SUM(CASE WHEN state = 1 THEN 1 ELSE 0 END), \
                  SUM(CASE WHEN state = 3 THEN 1 ELSE 0 END) FROM hipflask_task GROUP BY queue ORDER BY queue";
    let counts: Vec<(String, i64, i64, i64)> = db.query(counts).all().await?;
    let mut text = String::new();
    for (queue, waiting, running, dead) in counts {
        text += &format!("{queue}: {waiting} waiting, {running} running, {dead} set aside\n");
    }
    let dead = "SELECT task_id, name, note FROM hipflask_task WHERE state = ? ORDER BY ended_at DESC LIMIT 20";
    for (id, name, note) in db.query(dead).bind(DEAD).all::<(String, String, String)>().await? {
        text += &format!("set aside: {id}  {name}  {note}\n");
    }
    Ok(if text.is_empty() { "There are no tasks.".to_owned() } else { text })
}

/// Let a task that was set aside wait again.
#[command]
async fn retry(db: Db, id: String) -> Result<String> {
    let sql = "UPDATE hipflask_task SET state = ?, attempts = 0, note = NULL, ended_at = NULL WHERE task_id = ? AND state = ?";
    match db.query(sql).bind(WAITING).bind(&id).bind(DEAD).execute().await? {
        0 => Err(Error::msg(format!("no task that was set aside has the id `{id}`; `tasks list` shows them"))),
        _ => Ok(format!("The task {id} waits again.")),
    }
}

/// Delete what waits in a queue.
#[command]
async fn purge(db: Db, queue: String) -> Result<String> {
    let sql = "DELETE FROM hipflask_task WHERE queue = ? AND state <> ?";
    let count = db.query(sql).bind(&queue).bind(RUNNING).execute().await?;
    Ok(format!("{count} messages of the queue `{queue}` were deleted."))
}
