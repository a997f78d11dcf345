//! A task that has not been sent yet: what a chain, a callback and a chord keep of one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A task with its arguments and options, to be sent later: by hand, after another one, at a time. Celery's signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub(crate) task: String,
    #[serde(default)]
    pub(crate) args: Vec<Value>,
    #[serde(default)]
    pub(crate) kwargs: Map<String, Value>,
    #[serde(default)]
    pub(crate) options: Map<String, Value>,
    #[serde(default)]
    pub(crate) subtask_type: Option<String>,
    #[serde(default)]
    pub(crate) immutable: bool,
    /// What Celery keeps besides, such as `chord_size`.
    #[serde(flatten)]
    pub(crate) others: Map<String, Value>,
}

impl Signature {
    /// The task `name` with these arguments.
    pub(crate) fn new(name: impl Into<String>, args: Vec<Value>, kwargs: Map<String, Value>) -> Signature {
        let (options, others) = (Map::new(), Map::new());
        Signature { task: name.into(), args, kwargs, options, subtask_type: None, immutable: false, others }
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The task is not given the result of the one before it. Celery's `si`.
    #[must_use]
    pub fn immutable(mut self) -> Signature {
        self.immutable = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_all_six_keys_and_keeps_the_others() {
        let sent = Signature::new("app.add", vec![Value::from(1)], Map::new());
        let text = serde_json::to_string(&sent).expect("it is JSON");
        assert_eq!(
            text,
            r#"{"task":"app.add","args":[1],"kwargs":{},"options":{},"subtask_type":null,"immutable":false}"#
        );
        let python = r#"{"task":"app.add","args":[],"kwargs":{},"options":{"task_id":"7"},"subtask_type":"chord","immutable":true,"chord_size":2}"#;
        let read: Signature = serde_json::from_str(python).expect("Celery writes it");
        assert_eq!(serde_json::to_string(&read).expect("it is JSON"), python);
    }
}
