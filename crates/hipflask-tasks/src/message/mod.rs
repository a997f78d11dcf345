//! A task as it travels: Celery's message, version 2. What is read is in `read`, the form that it has in Redis in
//! `envelope`.

mod envelope;
mod read;
mod signature;
mod values;

use hipflask::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use envelope::Envelope;
pub(crate) use read::{Unreadable, read};
pub use signature::Signature;
pub(crate) use values::{exact, plain};

use crate::id::new_id;

/// A request to run a task, with what is to happen before and afterwards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) headers: Headers,
    pub(crate) properties: Properties,
    pub(crate) body: Body,
}

/// The headers of a message: all that a broker and a worker need without reading the arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Headers {
    pub(crate) lang: String,
    pub(crate) task: String,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) shadow: Option<String>,
    /// Not before this moment.
    #[serde(default)]
    pub(crate) eta: Option<String>,
    /// Not after this moment.
    #[serde(default)]
    pub(crate) expires: Option<String>,
    #[serde(default)]
    pub(crate) group: Option<String>,
    #[serde(default)]
    pub(crate) group_index: Option<i64>,
    #[serde(default)]
    pub(crate) retries: u32,
    /// Seconds: the hard limit, then the soft one.
    #[serde(default)]
    pub(crate) timelimit: (Option<f64>, Option<f64>),
    #[serde(default)]
    pub(crate) root_id: Option<String>,
    #[serde(default)]
    pub(crate) parent_id: Option<String>,
    #[serde(default)]
    pub(crate) argsrepr: String,
    #[serde(default)]
    pub(crate) kwargsrepr: String,
    #[serde(default)]
    pub(crate) origin: Option<String>,
    #[serde(default)]
    pub(crate) ignore_result: bool,
    #[serde(default)]
    pub(crate) replaced_task_nesting: u32,
    #[serde(default)]
    pub(crate) stamped_headers: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) stamps: Value,
    /// Headers of others, which are passed on: `redelivered`, `celery_beat_task`, ours for the request.
    #[serde(flatten)]
    pub(crate) others: Map<String, Value>,
}

/// What a broker is told about a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Properties {
    pub(crate) correlation_id: String,
    /// Where the result is sent, if it is sent as a message.
    pub(crate) reply_to: Option<String>,
    pub(crate) priority: u8,
}

/// The body: what the task is given, and what follows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Body {
    pub(crate) args: Vec<Value>,
    pub(crate) kwargs: Map<String, Value>,
    pub(crate) embed: Embed,
}

/// What follows a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Embed {
    #[serde(default)]
    pub(crate) callbacks: Option<Vec<Signature>>,
    #[serde(default)]
    pub(crate) errbacks: Option<Vec<Signature>>,
    /// The rest of a chain, the next one last.
    #[serde(default)]
    pub(crate) chain: Option<Vec<Signature>>,
    #[serde(default)]
    pub(crate) chord: Option<Signature>,
}

impl Message {
    /// A message for the task `name` with an id of its own.
    pub(crate) fn new(name: impl Into<String>, body: Body) -> Message {
        let id = new_id();
        let headers = Headers {
            lang: "rust".to_owned(),
            task: name.into(),
            shadow: None,
            eta: None,
            expires: None,
            group: None,
            group_index: None,
            retries: 0,
            timelimit: (None, None),
            root_id: Some(id.clone()),
            parent_id: None,
            argsrepr: String::new(),
            kwargsrepr: String::new(),
            origin: Some(format!("gen{}@hipflask", std::process::id())),
            ignore_result: false,
            replaced_task_nesting: 0,
            stamped_headers: None,
            stamps: Value::Object(Map::new()),
            others: Map::new(),
            id: id.clone(),
        };
        let properties = Properties { correlation_id: id, reply_to: None, priority: 0 };
        Message { headers, properties, body }
    }

    /// The id of the task, which its result has too.
    pub(crate) fn id(&self) -> &str {
        &self.headers.id
    }

    /// When it is to run, if not at once.
    pub(crate) fn eta(&self) -> Option<DateTime> {
        moment(self.headers.eta.as_deref())
    }

    /// After which moment it is of no use.
    pub(crate) fn expires(&self) -> Option<DateTime> {
        moment(self.headers.expires.as_deref())
    }

    /// The body as it is sent: three members, always.
    pub(crate) fn body_text(&self) -> String {
        let Body { args, kwargs, embed } = &self.body;
        serde_json::to_string(&(args, kwargs, embed)).unwrap_or_default()
    }
}

/// A moment in a header. One without an offset is meant in UTC, Celery's default.
fn moment(text: Option<&str>) -> Option<DateTime> {
    text?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_moment_is_read_in_every_form_that_was_seen() {
        let same = ["2026-01-02T03:04:05.000006+00:00", "2026-01-02T03:04:05.000006", "2026-01-02T03:04:05.000006Z"];
        for text in same {
            assert_eq!(moment(Some(text)).map(DateTime::isoformat).as_deref(), Some(same[0]), "{text}");
        }
    }

    #[test]
    fn a_message_has_what_the_oldest_and_the_newest_celery_ask_for() {
        let body = Body { args: vec![json!(1), json!(2)], ..Body::default() };
        let message = Message::new("app.add", body);
        let headers = serde_json::to_value(&message.headers).expect("headers are JSON");
        let headers = headers.as_object().expect("headers are an object");
        for name in [
            "lang",
            "task",
            "id",
            "shadow",
            "eta",
            "expires",
            "group",
            "group_index",
            "retries",
            "timelimit",
            "root_id",
            "parent_id",
            "argsrepr",
            "kwargsrepr",
            "origin",
            "ignore_result",
            "replaced_task_nesting",
            "stamped_headers",
            "stamps",
        ] {
            assert!(headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["timelimit"], json!([null, null]));
        assert_eq!(headers["root_id"], headers["id"]);
        assert_eq!(message.properties.correlation_id, message.headers.id);
        let sent = "[[1,2],{},{\"callbacks\":null,\"errbacks\":null,\"chain\":null,\"chord\":null}]";
        assert_eq!(message.body_text(), sent);
    }
}
