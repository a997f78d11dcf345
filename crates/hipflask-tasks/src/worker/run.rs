//! One message: from its delivery to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hipflask::{DateTime, Error};
use serde_json::Value;
use tokio::time::timeout;

use super::{Worker, follow};
use crate::broker::{Delivery, micros};
use crate::message::{Message, Unreadable};
use crate::result::{Record, TaskState};
use crate::task::Definition;
use crate::task::failure::{Failure, GiveUp, Retry, WrongArguments};
use crate::task::request::Running;

/// How a task has ended.
enum End {
    Success(Value),
    /// It is to run again at the moment.
    Again(DateTime, Failure),
    Failure(Failure),
    Revoked(Failure),
}

/// Works on a message. What goes wrong here is told in the log; the message then stays the worker's until its lease ends,
/// and is taken again.
pub(super) async fn run(worker: &Worker, delivery: Delivery) {
    let done = match &delivery.message {
        Ok(message) => work_on(worker, &delivery, message).await,
        Err(unreadable) => refuse(worker, &delivery, unreadable).await,
    };
    if let Err(error) = done {
        tracing::error!("a task could not be ended and will run again: {error:?}");
    }
}

/// A message that cannot be read is set aside; its sender is told if it can be.
async fn refuse(worker: &Worker, delivery: &Delivery, unreadable: &Unreadable) -> Result<(), Error> {
    let Unreadable { reason, id, task } = unreadable;
    let of = task.as_deref().unwrap_or("a task");
    tracing::error!("a message for {of} in the queue `{}` was set aside: {reason}", delivery.queue);
    if let Some(id) = id {
        store(
            worker,
            id,
            TaskState::Failure,
            Failure::new("ValueError", format!("the message cannot be read: {reason}")),
        )
        .await?;
    }
    worker.shared.broker().set_aside(delivery, reason).await
}

async fn work_on(worker: &Worker, delivery: &Delivery, message: &Message) -> Result<(), Error> {
    let name = message.headers.task.as_str();
    let Some(definition) = worker.shared.definition(name) else {
        tracing::error!("there is no task `{name}`; its message in the queue `{}` was set aside", delivery.queue);
        let failure = Failure::new("NotRegistered", name).in_celerys_module();
        store(worker, message.id(), TaskState::Failure, failure).await?;
        return worker.shared.broker().set_aside(delivery, "there is no task of this name").await;
    };
    if delivery.redelivered > 0 && has_succeeded(worker, message).await? {
        return worker.shared.broker().acknowledge(delivery).await;
    }
    if delivery.redelivered > worker.shared.max_redeliveries() {
        let why = format!("{} workers died while they ran it", delivery.redelivered);
        tracing::error!("the task `{name}` {} was set aside: {why}", message.id());
        store(worker, message.id(), TaskState::Failure, Failure::new("WorkerLostError", why.as_str())).await?;
        return worker.shared.broker().set_aside(delivery, &why).await;
    }
    let started = Instant::now();
    let end = if message.expires().is_some_and(|moment| moment < DateTime::now()) {
        End::Revoked(Failure::new("TaskRevokedError", "expired").in_celerys_module())
    } else {
        call(worker, delivery, definition, message).await
    };
    finish(worker, delivery, message, end, started.elapsed()).await
}

/// A task that was run before, by a worker that died after it had kept the result.
async fn has_succeeded(worker: &Worker, message: &Message) -> Result<bool, Error> {
    let record = worker.shared.results()?.fetch(message.id()).await?;
    Ok(record.is_some_and(|record| record.state == TaskState::Success))
}

async fn call(worker: &Worker, delivery: &Delivery, definition: &Definition, message: &Message) -> End {
    let (hard, soft) = message.headers.timelimit;
    let seconds = |limit: Option<f64>| limit.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
    let hard = seconds(hard).or(definition.options.time_limit);
    let soft = seconds(soft).or(definition.options.soft_time_limit);
    let running = Running {
        message: message.clone(),
        queue: delivery.queue.clone(),
        redelivered: delivery.redelivered,
        soft_limit: soft.map(|limit| Instant::now() + limit),
    };
    let mut ctx = worker.app.context();
    ctx.g_mut().insert(Arc::new(running));
    let called = async { definition.run.call(&mut ctx).await };
    let answer = match hard {
        Some(limit) => match timeout(limit, called).await {
            Ok(answer) => answer,
            Err(_) => {
                let mut failure = Failure::new("TimeLimitExceeded", limit.as_secs_f64().to_string());
                failure.module = "billiard.exceptions";
                return End::Failure(failure);
            }
        },
        None => called.await,
    };
    match answer {
        Ok(returned) => End::Success(returned.0),
        Err(error) => end_of_error(definition, message, &error),
    }
}

/// Whether an error lets the task run again, and when.
fn end_of_error(definition: &Definition, message: &Message, error: &Error) -> End {
    let failure = Failure::of(error);
    let is_final = error.find::<GiveUp>().is_some() || error.find::<WrongArguments>().is_some();
    let retries = message.headers.retries;
    if is_final || retries >= definition.options.max_retries {
        return End::Failure(failure);
    }
    let asked = error.find::<Retry>().and_then(|retry| retry.after);
    let delay = asked.unwrap_or_else(|| growing(definition.options.retry_delay, retries));
    match DateTime::from_unix_micros(micros(delay)) {
        Ok(moment) => End::Again(moment, failure),
        Err(_) => End::Failure(failure),
    }
}

/// The delay before a retry: twice as long each time, at most an hour, and up to a quarter longer by chance, so that many
/// that failed together do not come back together.
fn growing(first: Duration, retries: u32) -> Duration {
    let longest = Duration::from_secs(3600);
    let delay = first.saturating_mul(2_u32.saturating_pow(retries)).min(longest);
    let mut chance = [0; 1];
    let _ = getrandom::fill(&mut chance);
    delay + delay.mul_f64(f64::from(chance[0]) / 1024.0)
}

/// Keeps the result, sends what follows, and ends the message: in this order, so that whatever is lost in between is done
/// again.
async fn finish(
    worker: &Worker,
    delivery: &Delivery,
    message: &Message,
    end: End,
    took: Duration,
) -> Result<(), Error> {
    let (name, id, broker) = (message.headers.task.as_str(), message.id(), worker.shared.broker());
    match end {
        End::Success(value) => {
            follow::success(worker, message, &value).await?;
            if !message.headers.ignore_result {
                let id = id.to_owned();
                let record = Record { id, state: TaskState::Success, result: value, traceback: None };
                worker.shared.results()?.store(&record).await?;
            }
            tracing::info!("the task `{name}` {id} succeeded in {took:?}");
            broker.acknowledge(delivery).await
        }
        End::Again(moment, failure) => {
            let mut again = message.clone();
            again.headers.retries += 1;
            again.headers.parent_id = Some(id.to_owned());
            again.headers.eta = Some(moment.isoformat());
            tracing::warn!("the task `{name}` {id} will run again at {}: {}", moment.isoformat(), failure.message);
            keep(worker, message, TaskState::Retry, failure).await?;
            broker.again(delivery, &again).await
        }
        End::Failure(failure) => {
            tracing::error!("the task `{name}` {id} failed after {took:?}: {}", failure.traceback);
            keep(worker, message, TaskState::Failure, failure.clone()).await?;
            follow::failure(worker, message).await?;
            broker.set_aside(delivery, &failure.message).await
        }
        End::Revoked(failure) => {
            tracing::warn!("the task `{name}` {id} was not run: {}", failure.message);
            keep(worker, message, TaskState::Revoked, failure).await?;
            broker.acknowledge(delivery).await
        }
    }
}

async fn keep(worker: &Worker, message: &Message, state: TaskState, failure: Failure) -> Result<(), Error> {
    if message.headers.ignore_result {
        return Ok(());
    }
    store(worker, message.id(), state, failure).await
}

async fn store(worker: &Worker, id: &str, state: TaskState, failure: Failure) -> Result<(), Error> {
    let (result, traceback) = (failure.to_value(), Some(failure.traceback));
    worker.shared.results()?.store(&Record { id: id.to_owned(), state, result, traceback }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_an_hour() {
        let second = Duration::from_secs(1);
        for (retries, least) in [(0, 1), (1, 2), (5, 32), (12, 3600), (40, 3600)] {
            let least = second * least;
            let delay = growing(second, retries);
            assert!(delay >= least && delay <= least + least / 4, "{retries}: {delay:?}");
        }
    }
}
