//! The commands `worker` and `tasks`.

use hipflask::cli::CliArgs;
use hipflask::{Context, Error, Result};
use hipflask_sql::Db;

use crate::broker::schema::{DEAD, RUNNING, WAITING};
use crate::extension::{TaskSender, shared};

/// Works until it is told to stop.
pub(crate) async fn worker(ctx: &mut Context, args: CliArgs) -> Result<()> {
    let sender = TaskSender::of(ctx.app())?;
    let shared = shared(ctx.app())?;
    let option = |name: &str| args.iter().find_map(|arg| arg.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='));
    let queues = match option("queues") {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => shared.queues(),
    };
    let concurrency = match option("concurrency") {
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| Error::msg(format!("`--concurrency={number}`: give a number above 0")))?,
        None => shared.settings.concurrency,
    };
    tracing::info!("the worker runs up to {concurrency} tasks of the queues {} at a time", queues.join(", "));
    sender.worker(queues, concurrency).run(stop()).await;
    Ok(())
}

/// Ctrl-C, or SIGTERM.
async fn stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let mut interrupted = std::pin::pin!(interrupted);
        std::future::poll_fn(|cx| {
            if terminated.poll_recv(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            interrupted.as_mut().poll(cx).map(drop)
        })
        .await;
        return;
    }
    let _ = interrupted.await;
}

/// Looks at the queues, and mends them.
pub(crate) async fn tasks(db: Db, args: CliArgs) -> Result<String> {
    match (args.get(0), args.get(1)) {
        (Some("list"), None) => list(&db).await,
        (Some("retry"), Some(id)) => retry(&db, id).await,
        (Some("purge"), Some(queue)) => purge(&db, queue).await,
        _ => Err(Error::msg("write `tasks list`, `tasks retry ID` or `tasks purge QUEUE`")),
    }
}

/// The queues, and what was set aside.
async fn list(db: &Db) -> Result<String> {
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

async fn retry(db: &Db, id: &str) -> Result<String> {
    let sql = "UPDATE hipflask_task SET state = ?, attempts = 0, note = NULL, ended_at = NULL WHERE task_id = ? AND state = ?";
    match db.query(sql).bind(WAITING).bind(id).bind(DEAD).execute().await? {
        0 => Err(Error::msg(format!("no task that was set aside has the id `{id}`; `tasks list` shows them"))),
        _ => Ok(format!("The task {id} waits again.")),
    }
}

async fn purge(db: &Db, queue: &str) -> Result<String> {
    let sql = "DELETE FROM hipflask_task WHERE queue = ? AND state <> ?";
    let count = db.query(sql).bind(queue).bind(RUNNING).execute().await?;
    Ok(format!("{count} messages of the queue `{queue}` were deleted."))
}
