//! A task with its arguments, ready to be sent.

use std::marker::PhantomData;
use std::time::Duration;

use hipflask::{DateTime, Error, Result};
use serde::Serialize;
use serde_json::Value;

use super::Definition;
use crate::message::{Body, Message, Signature};

/// A task with the arguments of its message, made by `greet::with(7)`; [`TaskSender::send`](crate::TaskSender::send) sends it.
///
/// ```
/// use std::time::Duration;
///
/// use hipflask::prelude::*;
/// use hipflask_tasks::prelude::*;
///
/// #[task(name = "mail.remind")]
/// async fn remind(user_id: i64) -> Result<()> {
///     println!("remind {user_id}");
///     Ok(())
/// }
///
/// let call = remind::with(7).countdown(Duration::from_secs(3600)).queue("mail").unique("remind 7");
/// # let _ = call;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a call is run when it has been sent"]
pub struct Call<T> {
    pub(crate) definition: Definition,
    args: Vec<Value>,
    at: Option<At>,
    expires: Option<At>,
    queue: Option<String>,
    priority: Option<u8>,
    ignore_result: bool,
    pub(crate) unique: Option<String>,
    callbacks: Vec<Signature>,
    errbacks: Vec<Signature>,
    error: Option<String>,
    output: PhantomData<fn() -> T>,
}

/// A moment, or a time from the sending on.
#[derive(Clone, Copy, Debug)]
enum At {
    Moment(DateTime),
    After(Duration),
}

impl At {
    fn moment(self) -> Result<DateTime> {
        let after = match self {
            At::Moment(moment) => return Ok(moment),
            At::After(after) => after,
        };
        let micros = i64::try_from(after.as_micros()).ok();
        let moment = micros.and_then(|micros| DateTime::now().unix_micros().checked_add(micros));
        let moment = moment.and_then(|micros| DateTime::from_unix_micros(micros).ok());
        moment.ok_or_else(|| Error::msg(format!("{after:?} from now is after the year 9999")))
    }
}

/// A message, and what its broker has to know besides.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) queue: String,
    pub(crate) unique: Option<String>,
}

impl<T> Call<T> {
    /// A call without arguments.
    #[doc(hidden)]
    pub fn new(definition: Definition) -> Call<T> {
        Call {
            definition,
            args: Vec::new(),
            at: None,
            expires: None,
            queue: None,
            priority: None,
            ignore_result: false,
            unique: None,
            callbacks: Vec::new(),
            errbacks: Vec::new(),
            error: None,
            output: PhantomData,
        }
    }

    /// One more argument.
    #[doc(hidden)]
    pub fn argument(mut self, name: &str, value: &impl Serialize) -> Call<T> {
        match serde_json::to_value(value) {
            Ok(value) => self.args.push(value),
            Err(error) => {
                let what =
                    format!("the argument `{name}` of `{}` cannot be written as JSON: {error}", self.definition.name);
                self.error.get_or_insert(what);
            }
        }
        self
    }

    /// Not before this time has passed.
    pub fn countdown(mut self, delay: Duration) -> Call<T> {
        self.at = Some(At::After(delay));
        self
    }

    /// Not before this moment.
    pub fn eta(mut self, moment: DateTime) -> Call<T> {
        self.at = Some(At::Moment(moment));
        self
    }

    /// Not after this time has passed.
    pub fn expires(mut self, after: Duration) -> Call<T> {
        self.expires = Some(At::After(after));
        self
    }

    /// To this queue, whatever the task says.
    pub fn queue(mut self, queue: impl Into<String>) -> Call<T> {
        self.queue = Some(queue.into());
        self
    }

    /// From 0 to 9; the highest first.
    pub fn priority(mut self, priority: u8) -> Call<T> {
        self.priority = Some(priority.min(9));
        self
    }

    /// Only if no task with the same key is waiting or running.
    pub fn unique(mut self, key: impl Into<String>) -> Call<T> {
        self.unique = Some(key.into());
        self
    }

    /// The result is not kept.
    pub fn ignore_result(mut self) -> Call<T> {
        self.ignore_result = true;
        self
    }

    /// Sends `next` with the result as its first argument when the task has succeeded. Celery's `link`.
    pub fn link<U>(mut self, next: Call<U>) -> Call<T> {
        match next.signature() {
            Ok(signature) => self.callbacks.push(signature),
            Err(error) => _ = self.error.get_or_insert(error.to_string()),
        }
        self
    }

    /// Sends `next` with the task's id as its first argument when the task has failed. Celery's `link_error`.
    pub fn link_error<U>(mut self, next: Call<U>) -> Call<T> {
        match next.signature() {
            Ok(signature) => self.errbacks.push(signature),
            Err(error) => _ = self.error.get_or_insert(error.to_string()),
        }
        self
    }

    /// The task, to be sent after another one.
    pub(crate) fn signature(self) -> Result<Signature> {
        if let Some(error) = self.error {
            return Err(Error::msg(error));
        }
        let mut signature = Signature::new(self.definition.name.clone(), self.args, serde_json::Map::new());
        let queue = self.queue.or(self.definition.options.queue.as_deref().map(str::to_owned));
        if let Some(queue) = queue {
            signature.options.insert("queue".to_owned(), queue.into());
        }
        Ok(signature)
    }

    /// The message, for the queue that it says, the task says, or else `default_queue`.
    pub(crate) fn into_outgoing(self, default_queue: &str) -> Result<Outgoing> {
        if let Some(error) = self.error {
            return Err(Error::msg(error));
        }
        let options = &self.definition.options;
        let mut message = Message::new(self.definition.name.clone(), Body { args: self.args, ..Body::default() });
        let text = |at: At| at.moment().map(DateTime::isoformat);
        message.headers.eta = self.at.map(text).transpose()?;
        message.headers.expires = self.expires.or(options.expires.map(At::After)).map(text).transpose()?;
        let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
        message.headers.timelimit = (seconds(options.time_limit), seconds(options.soft_time_limit));
        message.headers.ignore_result = self.ignore_result || options.ignore_result;
        message.properties.priority = self.priority.or(options.priority).unwrap_or(0);
        message.body.embed.callbacks = (!self.callbacks.is_empty()).then_some(self.callbacks);
        message.body.embed.errbacks = (!self.errbacks.is_empty()).then_some(self.errbacks);
        let queue = self.queue.or(options.queue.as_deref().map(str::to_owned));
        Ok(Outgoing { message, queue: queue.unwrap_or_else(|| default_queue.to_owned()), unique: self.unique })
    }
}
