//! Messages for the next page. Flask's `flash` and `get_flashed_messages`.

use serde_json::Value;

use crate::context::session::{FLASHES, Session};
use crate::signing::tagged_json::tuple;

impl Session {
    /// Keeps `message` for the next page that shows messages, under the category `message`.
    ///
    /// In a template: `{% for message in get_flashed_messages() %}`.
    #[track_caller]
    pub fn flash(&self, message: impl Into<String>) {
        self.flash_as("message", message);
    }

    /// Keeps `message` under a category of your own: `error`, `info`, `warning`.
    #[track_caller]
    pub fn flash_as(&self, category: impl Into<String>, message: impl Into<String>) {
        let message = tuple(vec![category.into().into(), message.into().into()]);
        let values = &mut self.modified().values;
        match values.get_mut(FLASHES) {
            Some(Value::Array(messages)) => messages.push(message),
            _ => _ = values.insert(FLASHES.to_owned(), Value::Array(vec![message])),
        }
    }

    /// Takes the messages out, as `(category, message)`. A second call in the same request finds them again.
    pub fn flashed_messages(&self) -> Vec<(String, String)> {
        if let Some(messages) = &self.state().flashes {
            return messages.clone();
        }
        let taken: Option<Vec<(String, String)>> = self.pop(FLASHES);
        self.state().flashes.insert(taken.unwrap_or_default()).clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::context::session::{Session, SessionState};

    #[test]
    fn messages_are_tuples_and_are_taken_once_per_request() {
        let session = Session::with_state(SessionState::default());
        session.flash("Saved.");
        session.flash_as("error", "Oh.");
        assert_eq!(
            session.state().values["_flashes"],
            json!([{" t": ["message", "Saved."]}, {" t": ["error", "Oh."]}])
        );
        let messages = [("message".to_owned(), "Saved.".to_owned()), ("error".to_owned(), "Oh.".to_owned())];
        assert_eq!(session.flashed_messages(), messages);
        assert_eq!(session.flashed_messages(), messages);
        assert!(!session.contains_key("_flashes"));
    }
}
