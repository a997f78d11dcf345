//! The arguments of a message on their way into the function.

use std::sync::Arc;

use hipflask::{Context, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::WrongArguments;
use super::request::Running;
use crate::message::plain;

/// What is left of a message's arguments: those without names are taken in the order of the function's.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arguments {
    task: String,
    args: std::vec::IntoIter<Value>,
    kwargs: Map<String, Value>,
    taken: Vec<&'static str>,
}

impl Arguments {
    /// Those of the message that is being worked on.
    #[doc(hidden)]
    pub fn of(ctx: &mut Context) -> Result<Arguments> {
        let running = ctx.g().get::<Arc<Running>>().cloned();
        let running = running.ok_or_else(|| Error::msg("a task runs in a worker; outside of one call its function"))?;
        let body = &running.message.body;
        let (task, args) = (running.message.headers.task.clone(), body.args.clone().into_iter());
        Ok(Arguments { task, args, kwargs: body.kwargs.clone(), taken: Vec::new() })
    }

    /// The next argument, whose name is `name`.
    #[doc(hidden)]
    pub fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T> {
        let name = name.trim_start_matches("r#");
        self.taken.push(name);
        let value = match (self.args.next(), self.kwargs.remove(name)) {
            (Some(_), Some(_)) => return Err(self.wrong(format!("the argument `{name}` is given twice"))),
            (Some(value), None) | (None, Some(value)) => value,
            // One that may be missing is an `Option`.
            (None, None) => match serde_json::from_value(Value::Null) {
                Ok(value) => return Ok(value),
                Err(_) => return Err(self.wrong(format!("the argument `{name}` is missing"))),
            },
        };
        let read = plain(value).and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string()));
        read.map_err(|error| self.wrong(format!("the argument `{name}` does not fit: {error}")))
    }

    /// There must be no further one.
    #[doc(hidden)]
    pub fn end(self) -> Result<()> {
        if let Some(name) = self.kwargs.keys().next() {
            let known = self.taken.join("`, `");
            return Err(self.wrong(format!("there is no argument `{name}`; the arguments are `{known}`")));
        }
        match self.args.len() {
            0 => Ok(()),
            more => Err(self.wrong(format!(
                "it was given {} arguments; it takes {}",
                self.taken.len() + more,
                self.taken.len()
            ))),
        }
    }

    fn wrong(&self, what: String) -> Error {
        WrongArguments(format!("`{}`: {what}", self.task)).into()
    }
}
