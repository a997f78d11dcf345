//! What the user typed, as a command gets it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crate::app::command::kind::CliValue;
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::context::extract::FromContext;

/// The options and arguments of the command that runs, and of the groups around it, by their names.
///
/// A function under [`#[command]`](macro@crate::cli::command) has them as arguments of its own and does not need this.
///
/// ```
/// use hipflask::cli::{CliArgs, Command, Param};
/// use hipflask::prelude::*;
///
/// async fn greet(args: CliArgs) -> Result<String> {
///     let name: Option<String> = args.find("name")?;
///     let greeting = if args.has("polite") { "Good day" } else { "Hello" };
///     Ok(format!("{greeting}, {}!", name.as_deref().unwrap_or("World")))
/// }
///
/// let command = Command::new("greet")
///     .about("Says hello.")
///     .param(Param::argument("name").optional())
///     .param(Param::option("polite").flag())
///     .runs(greet);
/// let app = App::new("doc", ".").command(command).freeze()?;
/// # hipflask::block_on(async {
/// assert_eq!(app.run_command("greet", ["Ada", "--polite"]).await?, "Good day, Ada!");
/// # Ok::<(), hipflask::Error>(())
/// # })?;
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CliArgs(Arc<BTreeMap<String, Vec<String>>>);

/// Reads a text.
type Typed<T> = fn(&str) -> Result<T, String>;

impl CliArgs {
    pub(crate) fn new(values: BTreeMap<String, Vec<String>>) -> CliArgs {
        CliArgs(Arc::new(values))
    }

    /// Those of the command that runs. Outside of a command there are none.
    pub fn of(ctx: &Context) -> CliArgs {
        ctx.g().get::<CliArgs>().cloned().unwrap_or_default()
    }

    fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of the option or argument `name`.
    ///
    /// # Errors
    ///
    /// If it was not given and has no default, or is not a `T`.
    #[track_caller]
    pub fn get<T: CliValue>(&self, name: &str) -> Result<T> {
        self.get_by(name, T::typed)
    }

    /// The value of the option or argument `name`, if it was given or has a default.
    ///
    /// # Errors
    ///
    /// If it is not a `T`.
    #[track_caller]
    pub fn find<T: CliValue>(&self, name: &str) -> Result<Option<T>> {
        self.find_by(name, T::typed)
    }

    /// All values of the option or argument `name`.
    ///
    /// # Errors
    ///
    /// If one is not a `T`.
    #[track_caller]
    pub fn list<T: CliValue>(&self, name: &str) -> Result<Vec<T>> {
        self.list_by(name, T::typed)
    }

    #[doc(hidden)]
    #[track_caller]
    pub fn get_by<T>(&self, name: &str, typed: Typed<T>) -> Result<T> {
        let missing = || Error::msg(format!("the command has no value for `{name}`; give it a default, or use `find`"));
        self.find_by(name, typed)?.ok_or_else(missing)
    }

    #[doc(hidden)]
    #[track_caller]
    pub fn find_by<T>(&self, name: &str, typed: Typed<T>) -> Result<Option<T>> {
        self.texts(name).last().map(|text| read(name, text, typed)).transpose()
    }

    #[doc(hidden)]
    #[track_caller]
    pub fn list_by<T>(&self, name: &str, typed: Typed<T>) -> Result<Vec<T>> {
        let mut list = Vec::new();
        for text in self.texts(name) {
            list.push(read(name, text, typed)?);
        }
        Ok(list)
    }

    /// Whether the flag `name` is on.
    pub fn has(&self, name: &str) -> bool {
        self.texts(name).last().is_some_and(|text| text == "true")
    }

    /// The names of those that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[track_caller]
fn read<T>(name: &str, text: &str, typed: Typed<T>) -> Result<T> {
    let ty = std::any::type_name::<T>();
    typed(text).map_err(|error| Error::msg(format!("`{name}` is `{text}`, which is not a `{ty}`: {error}")))
}

impl FromContext for CliArgs {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<CliArgs>> + Send {
        std::future::ready(Ok(CliArgs::of(ctx)))
    }
}
