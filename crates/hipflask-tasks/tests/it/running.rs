//! Running: errors, retries, time limits, bad messages, workers that die.

use std::time::Duration;

use hipflask::prelude::*;
use hipflask_tasks::prelude::*;
use hipflask_tasks::{TaskFailed, TaskState};

use crate::support::started;

#[task(name = "test.flaky", max_retries = 2, retry_delay = 0)]
async fn flaky(fails: u32, request: TaskRequest) -> Result<u32> {
    if request.retries() < fails {
        return Err(Error::msg(format!("attempt {}", request.retries())));
    }
    Ok(request.retries())
}

#[task(name = "test.asks", max_retries = 1)]
async fn asks(request: TaskRequest) -> Result<u32> {
    if request.retries() == 0 {
        return Err(Retry::after(Duration::ZERO).because("not yet").into());
    }
    Ok(7)
}

#[task(name = "test.gives_up", max_retries = 9)]
async fn gives_up() -> Result<()> {
    Err(GiveUp::because("no such user").into())
}

#[task(name = "test.panics")]
async fn panics() -> Result<()> {
    panic!("a mistake")
}

#[task(name = "test.blocks")]
fn blocks(number: u32) -> Result<u32> {
    std::thread::sleep(Duration::from_millis(5));
    Ok(number * 2)
}

#[task(name = "test.hangs", time_limit = 0.05)]
async fn hangs() -> Result<()> {
    std::future::pending().await
}

/// While it runs, its message is taken by another worker.
#[task(name = "test.taken_away")]
async fn taken_away(db: hipflask_sql::Db) -> Result<()> {
    db.query("UPDATE hipflask_task SET attempts = attempts + 1, worker = 'another'").execute().await?;
    Ok(())
}

/// Leaves a trace of each run.
#[task(name = "test.counted")]
async fn counted(db: hipflask_sql::Db) -> Result<()> {
    db.query("INSERT INTO run VALUES (1)").execute().await?;
    Ok(())
}

fn failed(error: &Error) -> &TaskFailed {
    error.find::<TaskFailed>().unwrap_or_else(|| panic!("{error:?}"))
}

on_both! {
    async fn an_error_runs_it_again_and_then_it_has_failed(place) {
        let (tasks, _db) = place.start(tasks![flaky, asks, gives_up]).await;
        let works = tasks.send(flaky::with(2)).await.unwrap();
        let fails = tasks.send(flaky::with(3)).await.unwrap();
        let asked = tasks.send(asks::with()).await.unwrap();
        let given_up = tasks.send(gives_up::with()).await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 9);
        assert_eq!(works.get().await.unwrap(), Some(2));
        assert_eq!(failed(&fails.get().await.unwrap_err()).message(), "attempt 2");
        assert_eq!(asked.get().await.unwrap(), Some(7));
        assert_eq!(failed(&given_up.get().await.unwrap_err()).message(), "no such user");
    }

    async fn a_panic_is_a_failure_and_a_synchronous_task_may_block(place) {
        let (tasks, _db) = place.start(tasks![panics, blocks]).await;
        let (panicked, blocked) = (tasks.send(panics::with()).await.unwrap(), tasks.send(blocks::with(4)).await.unwrap());
        tasks.run_all().await.unwrap();
        assert!(failed(&panicked.get().await.unwrap_err()).message().contains("a mistake"));
        assert_eq!(blocked.get().await.unwrap(), Some(8));
    }

    async fn a_time_limit_ends_it(place) {
        let (tasks, _db) = place.start(tasks![hangs]).await;
        let sent = tasks.send(hangs::with()).await.unwrap();
        tasks.run_all().await.unwrap();
        let error = sent.get().await.unwrap_err();
        assert_eq!((failed(&error).kind(), failed(&error).message()), ("TimeLimitExceeded", "0.05"));
    }

    async fn a_message_that_does_not_fit_is_told_and_set_aside(place) {
        let (tasks, db) = place.start(tasks![blocks]).await;
        let text = |task: &str, args: &str| format!(
            r#"{{"body": "[{args}, {{}}, {{}}]", "content-type": "application/json", "headers": {{"task": "{task}", "id": "id-{task}"}}, "properties": {{}}}}"#
        );
        for (id, text) in [
            ("id-no.such", text("no.such", "[]")),
            ("id-test.blocks", text("test.blocks", "[-1]")),
            ("", "not JSON".to_owned()),
        ] {
            let sql = "INSERT INTO hipflask_task (queue, priority, run_at, state, task_id, name, message, attempts, sent_at) VALUES ('celery', 0, 0, 0, ?, 'x', ?, 0, 0)";
            db.query(sql).bind(id).bind(text).execute().await.unwrap();
        }
        assert_eq!(tasks.run_all().await.unwrap(), 3);
        let kind = async |id: &str| tasks.result::<u32>(id).get().await.map_err(|error| (failed(&error).kind().to_owned(), failed(&error).message().to_owned()));
        assert_eq!(kind("id-no.such").await, Err(("NotRegistered".to_owned(), "no.such".to_owned())));
        let (wrong, said) = kind("id-test.blocks").await.unwrap_err();
        assert_eq!(wrong, "TypeError");
        assert!(said.starts_with("`test.blocks`: the argument `number` does not fit: invalid value"), "{said}");
        assert_eq!(db.query("SELECT COUNT(*) FROM hipflask_task WHERE state = 3").scalar::<i64>().await.unwrap(), 3);
        let listed = tasks_command(place, &["list"]).await.unwrap();
        assert!(listed.contains("celery: 0 waiting, 0 running, 3 set aside"), "{listed}");
        tasks_command(place, &["retry", "id-test.blocks"]).await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 1);
        tasks_command(place, &["purge", "celery"]).await.unwrap();
        assert_eq!(tasks_command(place, &["list"]).await.unwrap(), "There are no tasks.");
    }

    async fn what_a_dead_worker_had_is_run_by_another(place) {
        let (tasks, db) = place.start(tasks![blocks]).await;
        let sent = tasks.send(blocks::with(1)).await.unwrap();
        db.query("UPDATE hipflask_task SET state = 1, attempts = 1, worker = 'dead', leased_until = 0").execute().await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 0, "it is the other one's");
        let worker = place.app(tasks![blocks]).freeze().unwrap();
        let stopped = tokio::spawn(async move { worker.run_command("worker", ["--concurrency=1"]).await });
        assert_eq!(sent.wait(Duration::from_secs(20)).await.unwrap(), 2);
        stopped.abort();
    }

    /// As a worker that was stopped for longer than its lease finds it.
    async fn a_worker_that_has_lost_its_lease_ends_nothing(place) {
        let (tasks, db) = place.start(tasks![taken_away]).await;
        tasks.send(taken_away::with()).await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 1);
        let left: (i64, String) = db.query("SELECT state, worker FROM hipflask_task").one().await.unwrap();
        assert_eq!(left, (1, "another".to_owned()), "it is the other one's still");
    }

    async fn what_kills_its_workers_is_set_aside(place) {
        let (tasks, db) = place.start(tasks![blocks]).await;
        let sent = tasks.send(blocks::with(1)).await.unwrap();
        db.query("UPDATE hipflask_task SET attempts = 6").execute().await.unwrap();
        tasks.run_all().await.unwrap();
        let error = sent.get().await.unwrap_err();
        assert_eq!((failed(&error).kind(), failed(&error).message()), ("WorkerLostError", "6 workers died while they ran it"));
    }

    async fn what_has_succeeded_is_not_run_again(place) {
        let (tasks, db) = place.start(tasks![counted]).await;
        db.query("CREATE TABLE run (number BIGINT)").execute().await.unwrap();
        let sent = tasks.send(counted::with()).await.unwrap();
        tasks.run_all().await.unwrap();
        db.query("UPDATE hipflask_task SET state = 0, attempts = 1").execute().await.unwrap();
        assert_eq!(tasks.run_all().await.unwrap(), 1);
        assert_eq!(sent.state().await.unwrap(), TaskState::Success);
        assert_eq!(db.query("SELECT COUNT(*) FROM run").scalar::<i64>().await.unwrap(), 1);
    }
}

async fn tasks_command(place: &crate::support::Place, arguments: &[&str]) -> Result<String> {
    let app = place.app(tasks![blocks]).freeze().unwrap();
    app.run_command("tasks", arguments.iter().copied()).await
}

#[hipflask::test]
async fn mistakes_are_told_at_the_start() {
    let app =
        App::new("test", ".").extend(Tasks::from_config().tasks(tasks![blocks, blocks])).config("TASKS_CONCURRENCY", 0);
    let said = app.freeze().unwrap_err().to_string();
    for part in ["two tasks have the name `test.blocks`", "tasks are kept in the database", "`TASKS_CONCURRENCY` is 0"]
    {
        assert!(said.contains(part), "{said}");
    }
    let place = crate::support::Place::sqlite();
    let (tasks, _db) = started(place.app(tasks![])).await;
    assert_eq!(tasks.run_all().await.unwrap(), 0);
}
