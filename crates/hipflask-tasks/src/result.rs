//! What came of a task: its state, its result or its error. Kept as Celery keeps it.

use std::marker::PhantomData;
use std::time::Duration;

use hipflask::extension::BoxFuture;
use hipflask::{DateTime, Error, Result};
use hipflask_sql::Db;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::message::{exact, plain};

/// How often a result is looked for.
const POLL: Duration = Duration::from_millis(100);

/// The state of a task, by Celery's names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits, or is not known.
    Pending,
    /// A worker has begun.
    Started,
    /// It has failed, and will run again.
    Retry,
    /// It has a result.
    Success,
    /// It has failed for good.
    Failure,
    /// It was called off, or came too late.
    Revoked,
    /// What the task itself says, `PROGRESS` for instance.
    Other(String),
}

impl TaskState {
    /// Celery's name.
    pub fn as_str(&self) -> &str {
        match self {
            TaskState::Pending => "PENDING",
            TaskState::Started => "STARTED",
            TaskState::Retry => "RETRY",
            TaskState::Success => "SUCCESS",
            TaskState::Failure => "FAILURE",
            TaskState::Revoked => "REVOKED",
            TaskState::Other(name) => name,
        }
    }

    fn of(name: &str) -> TaskState {
        match name {
            "PENDING" => TaskState::Pending,
            "STARTED" => TaskState::Started,
            "RETRY" => TaskState::Retry,
            "SUCCESS" => TaskState::Success,
            "FAILURE" => TaskState::Failure,
            "REVOKED" => TaskState::Revoked,
            other => TaskState::Other(other.to_owned()),
        }
    }

    /// Whether nothing more will come.
    pub fn is_ready(&self) -> bool {
        matches!(self, TaskState::Success | TaskState::Failure | TaskState::Revoked)
    }
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) state: TaskState,
    /// The result, or the error in Celery's form.
    pub(crate) result: Value,
    pub(crate) traceback: Option<String>,
}

/// Where records are kept.
pub(crate) trait Results: std::fmt::Debug + Send + Sync {
    /// Keeps a record. One of success is never overwritten.
    fn store<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<()>>;

    /// The record of a task, if there is one.
    fn fetch<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>>>;
}

impl Results for Db {
    fn store<'a>(&'a self, record: &'a Record) -> BoxFuture<'a, Result<()>> {
        Box::pin(store(self, record))
    }

    fn fetch<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>>> {
        Box::pin(fetch(self, id))
    }
}

async fn store(db: &Db, record: &Record) -> Result<()> {
    let (column, number) = if db.kind() == "postgres" { ("id, ", "nextval('task_id_sequence'), ") } else { ("", "") };
    let sql = format!(
        "INSERT INTO celery_taskmeta ({column}task_id, status, result, date_done, traceback) VALUES ({number}?, ?, ?, ?, ?) \
         ON CONFLICT (task_id) DO UPDATE SET status = excluded.status, result = excluded.result, \
         date_done = excluded.date_done, traceback = excluded.traceback WHERE celery_taskmeta.status <> 'SUCCESS'"
    );
    let query = db.query_built(sql).bind(record.id.as_str()).bind(record.state.as_str());
    let query = query.bind(record.result.to_string().into_bytes()).bind(DateTime::now());
    query.bind(record.traceback.clone()).execute().await?;
    Ok(())
}

async fn fetch(db: &Db, id: &str) -> Result<Option<Record>> {
    let sql = "SELECT status, result, traceback FROM celery_taskmeta WHERE task_id = ?";
    let found: Option<(String, Option<Vec<u8>>, Option<String>)> = db.query(sql).bind(id).optional().await?;
    let Some((state, result, traceback)) = found else { return Ok(None) };
    let text = String::from_utf8(result.unwrap_or_else(|| b"null".to_vec()))?;
    let result =
        exact(&text).map_err(|error| Error::msg(format!("the result of the task {id} is not JSON: {error}")))?;
    Ok(Some(Record { id: id.to_owned(), state: TaskState::of(&state), result, traceback }))
}

/// A task that was sent, and what comes of it. Celery's `AsyncResult`.
#[derive(Debug)]
pub struct TaskResult<'a, T> {
    id: String,
    results: &'a dyn Results,
    read_as: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> TaskResult<'a, T> {
    pub(crate) fn new(id: String, results: &'a dyn Results) -> TaskResult<'a, T> {
        TaskResult { id, results, read_as: PhantomData }
    }

    /// The id of the task.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its state now.
    ///
    /// # Errors
    ///
    /// If the place of results cannot be reached.
    pub async fn state(&self) -> Result<TaskState> {
        Ok(self.results.fetch(&self.id).await?.map_or(TaskState::Pending, |record| record.state))
    }

    /// Its result, if it has one by now.
    ///
    /// # Errors
    ///
    /// A [`TaskFailed`] if it has failed; any other error is that of the place of results.
    pub async fn get(&self) -> Result<Option<T>> {
        let Some(record) = self.results.fetch(&self.id).await?.filter(|record| record.state.is_ready()) else {
            return Ok(None);
        };
        read(record).map(Some)
    }

    /// Its result, when it has one. Celery's `get(timeout=…)`.
    ///
    /// A view that waits for a task needs a worker that is not the same thread: better send the visitor to a page that
    /// asks for the state.
    ///
    /// # Errors
    ///
    /// If there is none after `limit`; a [`TaskFailed`] if it has failed.
    pub async fn wait(&self, limit: Duration) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(result) = self.get().await? {
                return Ok(result);
            }
            if Instant::now() >= deadline {
                return Err(Error::msg(format!("the task {} has no result after {limit:?}", self.id)));
            }
            sleep(POLL).await;
        }
    }
}

fn read<T: DeserializeOwned>(record: Record) -> Result<T> {
    let Record { id, state, result, traceback } = record;
    if state == TaskState::Success {
        let value = plain(result).and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string()));
        return value.map_err(|error| Error::msg(format!("the result of the task {id} does not fit: {error}")));
    }
    let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = match &result["exc_message"] {
        Value::Array(parts) => parts
            .iter()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    Err(TaskFailed { id, state, kind: text("exc_type"), message, traceback }.into())
}

/// The error of a task that has failed or was called off.
#[derive(Clone, Debug)]
pub struct TaskFailed {
    id: String,
    state: TaskState,
    kind: String,
    message: String,
    traceback: Option<String>,
}

impl TaskFailed {
    /// The id of the task.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it has failed or was called off.
    pub fn state(&self) -> &TaskState {
        &self.state
    }

    /// The name of the error: an exception of Python's, or `Error`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it comes from, with its causes.
    pub fn traceback(&self) -> Option<&str> {
        self.traceback.as_deref()
    }
}

impl std::fmt::Display for TaskFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the task {} ended with {}: {}: {}", self.id, self.state.as_str(), self.kind, self.message)
    }
}

impl std::error::Error for TaskFailed {}
