//! A message as kombu keeps it where the broker has no headers of its own: one JSON object. It is the form in Redis lists,
//! and in our own tables.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::read::{Content, Unreadable};
use super::{Message, read};
use crate::id::new_id;

/// The object, as it is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(default)]
    body: Value,
    #[serde(rename = "content-type", default)]
    content_type: Value,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    properties: Map<String, Value>,
}

impl Envelope {
    /// The text for `message` in `queue`. The tag is a new one each time, because those who have taken a message are told
    /// apart by it.
    pub(crate) fn text_of(message: &Message, queue: &str) -> String {
        let properties = &message.properties;
        json!({
            "body": crate::base64::encode(message.body_text().as_bytes()),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": message.headers,
            "properties": {
                "correlation_id": properties.correlation_id,
                "reply_to": properties.reply_to,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": properties.priority,
                "body_encoding": "base64",
                "delivery_tag": new_id(),
            },
        })
        .to_string()
    }

    /// Reads the text of a message.
    pub(crate) fn read(text: &str) -> Result<Message, Unreadable> {
        let unreadable = |reason: String| Unreadable { reason, id: None, task: None };
        let envelope: Envelope =
            serde_json::from_str(text).map_err(|error| unreadable(format!("it is not a message: {error}")))?;
        envelope.content().map_err(unreadable).and_then(read)
    }

    fn content(self) -> Result<Content, String> {
        let Envelope { body, content_type, headers, properties } = self;
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let body = body.as_str().ok_or("its body is not text")?;
        let body = match text("body_encoding") {
            Some("base64") => crate::base64::decode(body).map_err(|_| "its body is not base64")?,
            _ => body.as_bytes().to_vec(),
        };
        Ok(Content {
            content_type: content_type.as_str().unwrap_or_default().to_owned(),
            headers,
            body,
            correlation_id: text("correlation_id").map(str::to_owned),
            reply_to: text("reply_to").map(str::to_owned),
            priority: properties.get("priority").and_then(Value::as_u64).and_then(|p| p.try_into().ok()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Body;

    /// As Celery 5.7 wrote it into a Redis list.
    const CELERY: &str = r#"{"body": "W1sxLCAyXSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"lang": "py", "task": "app.add", "id": "2f5f0644-0000-4000-8000-000000000000", "shadow": null, "eta": null, "expires": null, "group": null, "group_index": null, "retries": 0, "timelimit": [null, null], "root_id": "2f5f0644-0000-4000-8000-000000000000", "parent_id": null, "argsrepr": "(1, 2)", "kwargsrepr": "{}", "origin": "gen18661@vm", "ignore_result": false, "replaced_task_nesting": 0, "stamped_headers": null, "stamps": {}}, "properties": {"correlation_id": "2f5f0644-0000-4000-8000-000000000000", "reply_to": "94c1dc90-0000-4000-8000-000000000000", "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "celery"}, "priority": 0, "body_encoding": "base64", "delivery_tag": "6001b2dc-0000-4000-8000-000000000000"}}"#;

    #[test]
    fn celerys_text_is_read_and_ours_read_back() {
        let read = Envelope::read(CELERY).expect("Celery wrote it");
        assert_eq!((read.headers.task.as_str(), read.body.args.len()), ("app.add", 2));
        assert_eq!(read.properties.reply_to.as_deref(), Some("94c1dc90-0000-4000-8000-000000000000"));
        let again = Envelope::read(&Envelope::text_of(&read, "celery")).expect("we wrote it");
        assert_eq!(again, read);
    }

    #[test]
    fn the_text_has_what_python_loses_a_message_without() {
        let text = Envelope::text_of(&Message::new("t", Body::default()), "mail");
        let sent: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(sent["properties"]["delivery_info"]["routing_key"], "mail");
        assert_eq!(sent["properties"]["delivery_tag"].as_str().map(str::len), Some(36));
        assert_eq!(sent["content-type"], "application/json");
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in
            ["", "7", "[]", "{}", r#"{"body": 5}"#, r#"{"body": "!", "properties": {"body_encoding": "base64"}}"#]
        {
            assert!(Envelope::read(text).is_err(), "{text}");
        }
    }
}
