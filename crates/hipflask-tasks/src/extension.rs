//! The extension, and what views get of it.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hipflask::extension::{Freezing, Scaffold as _};
use hipflask::{App, Context, Error, Extension, FromContext, Frozen, Result};
use hipflask_sql::{Db, Queries};
use serde::de::DeserializeOwned;

use crate::broker::{Broker, DatabaseBroker};
use crate::commands;
use crate::result::{Results, TaskResult};
use crate::task::Definition;
use crate::task::call::{Call, Outgoing};
use crate::worker::Worker;

/// Gives an application work in the background.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_sql::Sql;
/// use hipflask_tasks::prelude::*;
///
/// #[task(name = "blog.welcome")]
/// async fn welcome(user_id: i64) -> Result<String> {
///     Ok(format!("Welcome, user {user_id}!"))
/// }
///
/// #[post("/users/<int:id>/welcome")]
/// async fn send(id: i64, tasks: TaskSender) -> Result<String> {
///     Ok(tasks.send(welcome::with(id)).await?.id().to_owned())
/// }
///
/// let app = App::new("doc", ".").config("DATABASE_URL", "sqlite:").extend(Sql::from_config());
/// let app = app.extend(Tasks::from_config().tasks(tasks![welcome])).routes(routes![send]);
/// # hipflask::block_on(async {
/// let client = app.test_client();
/// let id = client.post("/users/7/welcome").send().await.text().to_owned();
/// let tasks = TaskSender::of(client.app())?;
/// assert_eq!(tasks.run_all().await?, 1);
/// assert_eq!(tasks.result::<String>(id).get().await?.as_deref(), Some("Welcome, user 7!"));
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
///
/// Configuration keys: `TASKS_DEFAULT_QUEUE` (`celery`), `TASKS_CONCURRENCY` (10: how many tasks a worker runs at a time),
/// `TASKS_MAX_REDELIVERIES` (5: how often a task begins again whose workers have died), `TASKS_SHUTDOWN_TIMEOUT` (30: how
/// many seconds a worker that ends waits for its tasks). It adds the commands `worker` and `tasks`.
#[derive(Clone, Debug, Default)]
#[must_use = "pass it to `extend`"]
pub struct Tasks {
    definitions: Vec<Definition>,
}

impl Tasks {
    /// With the broker that the configuration names: for now, the application's own database.
    pub fn from_config() -> Tasks {
        Tasks::default()
    }

    /// The tasks that the application can run: `tasks![welcome]`.
    pub fn tasks(mut self, definitions: Vec<Definition>) -> Tasks {
        self.definitions.extend(definitions);
        self
    }
}

#[diagnostic::do_not_recommend]
impl Extension for Tasks {
    fn init_app(self, mut app: App) -> App {
        for definition in &self.definitions {
            app.check_callback(&definition.run, format!("the task `{}`", definition.name));
        }
        app.config_default("TASKS_DEFAULT_QUEUE", "celery")
            .config_default("TASKS_CONCURRENCY", 10)
            .config_default("TASKS_MAX_REDELIVERIES", 5)
            .config_default("TASKS_SHUTDOWN_TIMEOUT", 30)
            .on_freeze(move |freezing| freeze(freezing, &self.definitions))
            .on_startup(start)
            .command(commands::worker)
            .command(commands::tasks())
    }
}

fn freeze(freezing: &mut Freezing<'_>, definitions: &[Definition]) {
    let mut known: BTreeMap<String, Definition> = BTreeMap::new();
    for definition in definitions {
        if known.insert(definition.name.to_string(), definition.clone()).is_some() {
            let what = format!("two tasks have the name `{}`; give one of them another", definition.name);
            freezing.problem_at(definition.location, what);
        }
    }
    if let Err(what) = <Db as FromContext>::check(freezing) {
        freezing
            .problem(format!("tasks are kept in the database, and {}", what.trim_start_matches("it takes `Db`, but ")));
    }
    match Settings::of(freezing) {
        Ok(settings) => {
            let (broker, ready) = (Arc::new(DatabaseBroker::default()), OnceLock::new());
            freezing.insert_state(Arc::new(Shared { definitions: known, settings, broker, results: ready }));
        }
        Err(error) => freezing.problem(error.to_string()),
    }
}

async fn start(ctx: &mut Context) -> Result<()> {
    let shared = shared(ctx.app())?;
    shared.broker.connect(ctx.app())?;
    let _ = shared.results.set(Db::of(ctx.app())?);
    shared.broker.start().await
}

/// What the configuration says.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    default_queue: String,
    pub(crate) concurrency: usize,
    max_redeliveries: u32,
    pub(crate) patience: Duration,
}

impl Settings {
    fn of(freezing: &Freezing<'_>) -> Result<Settings> {
        let config = freezing.config();
        let concurrency = config.get("TASKS_CONCURRENCY")?;
        if concurrency == 0 {
            return Err(Error::msg("`TASKS_CONCURRENCY` is 0; a worker runs at least 1 task at a time"));
        }
        Ok(Settings {
            default_queue: config.get("TASKS_DEFAULT_QUEUE")?,
            concurrency,
            max_redeliveries: config.get("TASKS_MAX_REDELIVERIES")?,
            patience: config.seconds("TASKS_SHUTDOWN_TIMEOUT")?.unwrap_or(Duration::MAX),
        })
    }
}

/// What the extension keeps in the application.
#[derive(Debug)]
pub(crate) struct Shared {
    definitions: BTreeMap<String, Definition>,
    pub(crate) settings: Settings,
    pub(crate) broker: Arc<DatabaseBroker>,
    results: OnceLock<Db>,
}

impl Shared {
    pub(crate) fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    pub(crate) fn broker(&self) -> &dyn Broker {
        &*self.broker
    }

    pub(crate) fn results(&self) -> Result<&dyn Results> {
        let results = self.results.get().map(|db| db as &dyn Results);
        results.ok_or_else(|| Error::msg("the application has not started, so there are no results of tasks"))
    }

    pub(crate) fn max_redeliveries(&self) -> u32 {
        self.settings.max_redeliveries
    }

    /// The queue of a task, by its name.
    pub(crate) fn queue_of(&self, task: &str) -> String {
        let own = self.definition(task).and_then(|definition| definition.options.queue.as_deref());
        own.unwrap_or(&self.settings.default_queue).to_owned()
    }

    /// The queues that its tasks are sent to.
    pub(crate) fn queues(&self) -> Vec<String> {
        let mut queues: Vec<String> = self.definitions.keys().map(|name| self.queue_of(name)).collect();
        queues.push(self.settings.default_queue.clone());
        queues.sort();
        queues.dedup();
        queues
    }
}

pub(crate) fn shared(app: &Frozen) -> Result<&Arc<Shared>> {
    app.state().ok_or_else(|| Error::msg(NO_TASKS))
}

const NO_TASKS: &str = "there are no tasks; add `.extend(Tasks::from_config().tasks(tasks![…]))` to the application";

/// Sends tasks, as an argument of a view: `tasks: TaskSender`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TaskSender {
    app: Frozen,
    shared: Arc<Shared>,
}

impl TaskSender {
    /// That of an application, outside a request, for instance in a test.
    ///
    /// # Errors
    ///
    /// If the application has no tasks.
    pub fn of(app: &Frozen) -> Result<TaskSender> {
        Ok(TaskSender { app: app.clone(), shared: Arc::clone(shared(app)?) })
    }

    /// Sends a call. What comes of it, which need not be waited for.
    ///
    /// # Errors
    ///
    /// If an argument cannot be written, or the broker cannot be reached: the task is not sent then.
    pub async fn send<T: DeserializeOwned>(&self, call: Call<T>) -> Result<TaskResult<'_, T>> {
        let outgoing = self.outgoing(call)?;
        self.shared.broker().send(&outgoing).await?;
        Ok(self.result(outgoing.message.headers.id))
    }

    /// Sends a call if, and only if, the transaction commits.
    ///
    /// ```
    /// # use hipflask::prelude::*;
    /// # use hipflask_sql::prelude::*;
    /// # use hipflask_tasks::prelude::*;
    /// # #[task(name = "blog.welcome")]
    /// # async fn welcome(user_id: i64) -> Result<()> { let _ = user_id; Ok(()) }
    /// #[post("/register")]
    /// async fn register(db: Db, tasks: TaskSender) -> Result<String> {
    ///     let mut transaction = db.begin().await?;
    ///     let id = transaction.query("INSERT INTO user (name) VALUES (?)").bind("ada").insert().await?;
    ///     tasks.send_in(&mut transaction, welcome::with(id)).await?;
    ///     transaction.commit().await?;
    ///     Ok(format!("user {id}"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If an argument cannot be written, or the database refuses it.
    pub async fn send_in<T: DeserializeOwned>(&self, db: impl Queries, call: Call<T>) -> Result<TaskResult<'_, T>> {
        let outgoing = self.outgoing(call)?;
        self.shared.broker.send_in(db, &outgoing).await?;
        Ok(self.result(outgoing.message.headers.id))
    }

    /// What came of the task with this id.
    pub fn result<T: DeserializeOwned>(&self, id: impl Into<String>) -> TaskResult<'_, T> {
        TaskResult::new(id.into(), &*self.shared)
    }

    /// Runs everything that is due, here and now, and counts it: for tests.
    ///
    /// # Errors
    ///
    /// If the broker cannot be reached. A task that fails is not an error here; its result is.
    pub async fn run_all(&self) -> Result<usize> {
        self.app.start().await?;
        self.worker(self.shared.queues(), 1).drain().await
    }

    pub(crate) fn worker(&self, queues: Vec<String>, concurrency: usize) -> Worker {
        Worker {
            app: self.app.clone(),
            shared: Arc::clone(&self.shared),
            name: crate::id::new_id(),
            queues,
            concurrency,
            patience: self.shared.settings.patience,
            held: Arc::default(),
        }
    }

    fn outgoing<T>(&self, call: Call<T>) -> Result<Outgoing> {
        call.into_outgoing(&self.shared.settings.default_queue)
    }
}

/// The place of results, once the application has started.
impl Results for Shared {
    fn store<'a>(&'a self, record: &'a crate::result::Record) -> hipflask::extension::BoxFuture<'a, Result<()>> {
        Box::pin(async { self.results()?.store(record).await })
    }

    fn fetch<'a>(&'a self, id: &'a str) -> hipflask::extension::BoxFuture<'a, Result<Option<crate::result::Record>>> {
        Box::pin(async { self.results()?.fetch(id).await })
    }
}

#[diagnostic::do_not_recommend]
impl FromContext for TaskSender {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<TaskSender>> + Send {
        ready(TaskSender::of(ctx.app()))
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        match freezing.state::<Arc<Shared>>() {
            Some(_) => Ok(()),
            None => Err(format!("it takes `TaskSender`, but {NO_TASKS}")),
        }
    }
}
