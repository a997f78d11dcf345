//! The macros of `hipflask-tasks`, which re-exports them.

mod task;

use proc_macro::TokenStream;

/// Makes a function a task, which can be sent to a worker.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_tasks::prelude::*;
///
/// #[task(name = "blog.greet", max_retries = 5)]
/// async fn greet(user_id: i64, config: Config) -> Result<String> {
///     let site: String = config.get("SITE")?;
///     Ok(format!("Welcome to {site}, user {user_id}!"))
/// }
///
/// let call = greet::with(7);
/// # let _ = call;
/// ```
///
/// What the message carries are the function's arguments by their names, as in Celery: any type that serde can write and
/// read. What comes from the application is an argument by its type, as in a view. `&mut Context`, `Config`, `Db`,
/// `Frozen`, `State<T>`, `TaskSender` and `TaskRequest` are known as such; write `#[ctx]` before any other:
/// `#[ctx] mailer: Mailer`.
///
/// A task is async or not; one that is not runs on a thread of its own and may block. It returns nothing, or a `Result`
/// of something that serde can write.
///
/// | option | meaning |
/// |---|---|
/// | `name = "blog.greet"` | the name in messages; without it the module and the function, `blog.greet` |
/// | `queue = "mail"` | the queue that it is sent to; without it `TASKS_DEFAULT_QUEUE` |
/// | `max_retries = 5` | how often it runs again after an error; 0 without it |
/// | `retry_delay = 30` | seconds before the first time; the delay doubles from time to time, with some chance in it |
/// | `time_limit = 60`, `soft_time_limit = 50` | seconds after which it is ended, or told to end |
/// | `expires = 3600` | seconds after which it is not run any more |
/// | `priority = 5` | from 0 to 9; the highest first |
/// | `ignore_result` | its result is not kept |
///
/// It writes a type of the function's name, with the function `with` that takes the arguments of the message, and the
/// implementation of `hipflask_tasks::Task` for it.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let code = task::expand(arguments.into(), item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote::quote!(#error #item)
    });
    code.into()
}
