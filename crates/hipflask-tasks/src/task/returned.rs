//! What a task returns.

use hipflask::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a function under [`#[task]`](macro@crate::task) may return: nothing, or a `Result` of something that serde can
/// write and read.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}`",
    label = "neither nothing nor a `Result`",
    note = "a task returns nothing, or a `Result` of something that implements `Serialize` and `Deserialize`"
)]
pub trait TaskOutput {
    /// What the result is read as.
    type Output;

    #[doc(hidden)]
    fn returned(self) -> Result<Returned>;
}

impl TaskOutput for () {
    type Output = ();

    fn returned(self) -> Result<Returned> {
        Ok(Returned(Value::Null))
    }
}

impl<T: Serialize + DeserializeOwned, E: Into<Error>> TaskOutput for Result<T, E> {
    type Output = T;

    fn returned(self) -> Result<Returned> {
        let value = self.map_err(Into::into)?;
        match serde_json::to_value(value) {
            Ok(value) => Ok(Returned(value)),
            Err(error) => Err(Error::msg(format!("the result of the task cannot be written as JSON: {error}"))),
        }
    }
}

/// A result as it is kept.
#[doc(hidden)]
#[derive(Debug)]
pub struct Returned(pub(crate) Value);

impl Returned {
    /// The result of a task's function.
    #[doc(hidden)]
    pub fn of(output: impl TaskOutput) -> Result<Returned> {
        output.returned()
    }
}
