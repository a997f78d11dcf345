//! What a task is: a function with a name, and what is to be done with its messages.

pub(crate) mod arguments;
pub(crate) mod call;
pub(crate) mod failure;
pub(crate) mod request;
pub(crate) mod returned;

use std::borrow::Cow;
use std::panic::Location;
use std::time::Duration;

use hipflask::extension::{Callback, IntoCallback};

use self::returned::Returned;

/// A task, as [`#[task]`](macro@crate::task) makes one of a function.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_tasks::prelude::*;
/// use hipflask_tasks::Task;
///
/// #[task(name = "math.add")]
/// async fn add(a: i64, b: i64) -> Result<i64> {
///     Ok(a + b)
/// }
///
/// assert_eq!(add::name(), "math.add");
/// ```
pub trait Task {
    /// What its result is read as.
    type Output;

    /// The name in messages.
    fn name() -> Cow<'static, str>;

    /// The function and its options, for [`Tasks::tasks`](crate::Tasks::tasks).
    fn definition() -> Definition;
}

/// A function and the options of its task.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(crate) name: Cow<'static, str>,
    pub(crate) run: Callback<Returned>,
    pub(crate) options: Options,
    pub(crate) location: &'static Location<'static>,
}

/// What is done with the messages of a task unless they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) queue: Option<Cow<'static, str>>,
    pub(crate) max_retries: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) soft_time_limit: Option<Duration>,
    pub(crate) expires: Option<Duration>,
    pub(crate) priority: Option<u8>,
    pub(crate) ignore_result: bool,
}

/// The delay before the first retry, unless the task has another.
const RETRY_DELAY: Duration = Duration::from_secs(3);

impl Definition {
    /// A task of the name that runs `f`, which [`#[task]`](macro@crate::task) has written.
    #[doc(hidden)]
    #[track_caller]
    pub fn new<M>(name: impl Into<Cow<'static, str>>, f: impl IntoCallback<Returned, M>) -> Definition {
        let options = Options {
            queue: None,
            max_retries: 0,
            retry_delay: RETRY_DELAY,
            time_limit: None,
            soft_time_limit: None,
            expires: None,
            priority: None,
            ignore_result: false,
        };
        Definition { name: name.into(), run: f.into_callback(), options, location: Location::caller() }
    }

    /// The name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The queue that its messages are sent to.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<Cow<'static, str>>) -> Definition {
        self.options.queue = Some(queue.into());
        self
    }

    /// How often it runs again after an error.
    #[must_use]
    pub fn max_retries(mut self, times: u32) -> Definition {
        self.options.max_retries = times;
        self
    }

    /// How long it waits before it runs again for the first time.
    #[must_use]
    pub fn retry_delay(mut self, delay: Duration) -> Definition {
        self.options.retry_delay = delay;
        self
    }

    /// After how long it is ended.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Definition {
        self.options.time_limit = Some(limit);
        self
    }

    /// After how long [`TaskRequest::is_late`](crate::TaskRequest::is_late) tells it to end.
    #[must_use]
    pub fn soft_time_limit(mut self, limit: Duration) -> Definition {
        self.options.soft_time_limit = Some(limit);
        self
    }

    /// After how long it is not run any more.
    #[must_use]
    pub fn expires(mut self, after: Duration) -> Definition {
        self.options.expires = Some(after);
        self
    }

    /// From 0 to 9; the highest first.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Definition {
        self.options.priority = Some(priority.min(9));
        self
    }

    /// Its results are not kept.
    #[must_use]
    pub fn ignore_result(mut self) -> Definition {
        self.options.ignore_result = true;
        self
    }
}

/// Lists tasks for [`Tasks::tasks`](crate::Tasks::tasks): `tasks![greet, mail::send]`.
#[macro_export]
macro_rules! tasks {
    ($($task:path),* $(,)?) => {
        ::std::vec![$(<$task as $crate::Task>::definition()),*]
    };
}

/// The name of a task that gives none: its module without the crate, and the function, as Celery makes one.
#[doc(hidden)]
pub fn name(module: &'static str, function: &'static str) -> Cow<'static, str> {
    let module = module.split_once("::").map_or("", |(_crate, module)| module).replace("::", ".");
    Cow::Owned(if module.is_empty() { function.to_owned() } else { format!("{module}.{function}") })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_task_without_a_name_has_that_of_its_module() {
        assert_eq!(super::name("flaskr::blog::mail", "send"), "blog.mail.send");
        assert_eq!(super::name("flaskr", "send"), "send");
    }
}
