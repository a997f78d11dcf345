//! Messages for the next page. Flask's `flash` and `get_flashed_messages`.

use serde_json::Value;

use crate::app::signal::Signal;
use crate::context::session::flashed::FlashedMessage;
use crate::context::session::{FLASHES, Session};
use crate::signing::tagged_json::tuple;
use crate::signing::tagger::tagged;

impl Session {
    /// Keeps `message` for the next page that shows messages, under the category `message`.
    ///
    /// In a template: `{% for message in get_flashed_messages() %}`.
    #[track_caller]
    pub fn flash(&self, message: impl Into<FlashedMessage>) {
        self.flash_as("message", message);
    }

    /// Keeps `message` under a category of your own: `error`, `info`, `warning`.
    #[track_caller]
    pub fn flash_as(&self, category: impl Into<String>, message: impl Into<FlashedMessage>) {
        let (category, message) = (category.into(), message.into());
        self.send(|| MessageFlashed { category: category.clone(), message: message.clone() });
        let message = tagged(&message).unwrap_or_default();
        let message = tuple(vec![category.into(), message]);
        let values = &mut self.modified().values;
        match values.get_mut(FLASHES) {
            Some(Value::Array(messages)) => messages.push(message),
            _ => _ = values.insert(FLASHES.to_owned(), Value::Array(vec![message])),
        }
    }

    /// Takes the messages out, as `(category, message)`. A second call in the same request finds them again.
    pub fn flashed_messages(&self) -> Vec<(String, FlashedMessage)> {
        if let Some(messages) = &self.state().flashes {
            return messages.clone();
        }
        let taken = self.contains_key(FLASHES).then(|| self.modified().values.remove(FLASHES)).flatten();
        let messages = taken.iter().filter_map(Value::as_array).flatten().filter_map(category_and_message).collect();
        self.state().flashes.insert(messages).clone()
    }
}

/// A message was flashed. It is sent before the next signal of the request. Flask's `message_flashed`.
#[derive(Clone, Debug)]
pub struct MessageFlashed {
    category: String,
    message: FlashedMessage,
}

impl MessageFlashed {
    /// The category: `message` unless another was given.
    pub fn category(&self) -> &str {
        &self.category
    }

    /// The message.
    pub fn message(&self) -> &FlashedMessage {
        &self.message
    }
}

impl Signal for MessageFlashed {}

fn category_and_message(pair: &Value) -> Option<(String, FlashedMessage)> {
    match pair.get(" t").unwrap_or(pair).as_array()?.as_slice() {
        [Value::String(category), message] => Some((category.clone(), FlashedMessage::of(message))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::html::Html;
    use crate::context::session::SessionState;

    #[test]
    fn messages_are_tuples_and_are_taken_once_per_request() {
        let session = Session::with_state(SessionState::default());
        session.flash("Saved.");
        session.flash_as("error", Html::new("<b>Oh.</b>"));
        assert_eq!(
            session.state().values["_flashes"],
            json!([{" t": ["message", "Saved."]}, {" t": ["error", {" m": "<b>Oh.</b>"}]}])
        );
        let messages = [
            ("message".to_owned(), FlashedMessage::from("Saved.")),
            ("error".to_owned(), FlashedMessage::from(Html::new("<b>Oh.</b>"))),
        ];
        assert_eq!(session.flashed_messages(), messages);
        assert_eq!(session.flashed_messages(), messages);
        assert!(!session.contains_key("_flashes"));
    }

    #[test]
    fn what_flask_has_flashed_may_be_no_text() {
        let session = Session::loads(br#"{"_flashes": [{" t": ["m", {"a": 1}]}, ["m", 5], 7]}"#).expect("JSON");
        let texts: Vec<String> = session.flashed_messages().iter().map(|(_, message)| message.to_string()).collect();
        assert_eq!(texts, ["{\"a\":1}", "5"]);
    }
}
