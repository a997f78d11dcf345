//! What a task can ask about its message.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hipflask::{Context, Error, FromContext, Result};

use crate::message::Message;

/// A message that is being worked on.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) message: Message,
    pub(crate) queue: String,
    /// How often it was taken before without an end: its worker has died.
    pub(crate) redelivered: u32,
    pub(crate) soft_limit: Option<Instant>,
}

/// The message of the task that runs, as an argument of its function: `request: TaskRequest`. Celery's `self.request`.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_tasks::prelude::*;
///
/// #[task(name = "report.build", soft_time_limit = 50)]
/// async fn build(rows: Vec<String>, request: TaskRequest) -> Result<usize> {
///     let mut done = 0;
///     for _row in &rows {
///         if request.is_late() {
///             break;
///         }
///         done += 1;
///     }
///     Ok(done)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TaskRequest(Arc<Running>);

impl TaskRequest {
    /// The id of the task. It stays the same when the task runs again, so it is the key with which work is done once.
    pub fn id(&self) -> &str {
        self.0.message.id()
    }

    /// The name of the task.
    pub fn name(&self) -> &str {
        &self.0.message.headers.task
    }

    /// The queue that it came from.
    pub fn queue(&self) -> &str {
        &self.0.queue
    }

    /// How often it was run again after an error.
    pub fn retries(&self) -> u32 {
        self.0.message.headers.retries
    }

    /// How often a worker began it and died.
    pub fn redelivered(&self) -> u32 {
        self.0.redelivered
    }

    /// The id of the task that sent it.
    pub fn parent_id(&self) -> Option<&str> {
        self.0.message.headers.parent_id.as_deref()
    }

    /// The id of the first task, which sent the others.
    pub fn root_id(&self) -> Option<&str> {
        self.0.message.headers.root_id.as_deref()
    }

    /// Whether the soft time limit has passed.
    pub fn is_late(&self) -> bool {
        self.0.soft_limit.is_some_and(|limit| Instant::now() >= limit)
    }

    /// How long it is until the soft time limit, if there is one.
    pub fn time_left(&self) -> Option<Duration> {
        self.0.soft_limit.map(|limit| limit.saturating_duration_since(Instant::now()))
    }
}

#[diagnostic::do_not_recommend]
impl FromContext for TaskRequest {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<TaskRequest>> + Send {
        let running = ctx.g().get::<Arc<Running>>().cloned();
        ready(running.map(TaskRequest).ok_or_else(|| Error::msg("there is a `TaskRequest` only in a task")))
    }
}
