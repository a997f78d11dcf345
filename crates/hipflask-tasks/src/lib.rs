//! Work in the background for Hipflask. Celery's place, and its protocol.
//!
//! A function becomes a task by [`#[task]`](macro@task). A view sends it with its arguments, and a worker runs it: in a
//! process of its own, by the command `worker`. Messages wait in the application's database.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_sql::Sql;
//! use hipflask_tasks::prelude::*;
//!
//! #[task(name = "blog.send_welcome", max_retries = 5, queue = "mail")]
//! async fn send_welcome(user_id: i64, config: Config) -> Result<()> {
//!     let site: String = config.get("SITE")?;
//!     println!("Welcome to {site}, user {user_id}!");
//!     Ok(())
//! }
//!
//! #[post("/register")]
//! async fn register(tasks: TaskSender) -> Result<&'static str> {
//!     tasks.send(send_welcome::with(7)).await?;
//!     Ok("registered")
//! }
//!
//! fn app() -> App {
//!     app!()
//!         .extend(Sql::from_config())
//!         .extend(Tasks::from_config().tasks(tasks![send_welcome]))
//!         .routes(routes![register])
//! }
//! # app().config("DATABASE_URL", "sqlite:").freeze().unwrap();
//! ```

mod base64;
mod broker;
mod commands;
mod extension;
mod id;
mod message;
mod result;
mod task;
mod worker;

pub use hipflask_tasks_macros::task;

pub use crate::extension::{TaskSender, Tasks};
pub use crate::message::Signature;
pub use crate::result::{TaskFailed, TaskResult, TaskState};
pub use crate::task::call::Call;
pub use crate::task::failure::{GiveUp, Retry};
pub use crate::task::request::TaskRequest;
pub use crate::task::returned::TaskOutput;
pub use crate::task::{Definition, Task};

/// The names that a program with tasks uses.
pub mod prelude {
    pub use crate::{GiveUp, Retry, TaskRequest, TaskSender, Tasks, task, tasks};
}

/// What `#[task]` writes.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::task::arguments::Arguments;
    pub use crate::task::name;
    pub use crate::task::returned::Returned;
}
