//! Reading what comes from a broker. A message that cannot be read is set aside; it ends no worker, as it does Celery's.

use serde_json::{Map, Value};

use super::{Body, Embed, Headers, Message, Properties, exact};

/// A message as a broker delivers it, whichever broker that is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) content_type: String,
    pub(crate) headers: Map<String, Value>,
    pub(crate) body: Vec<u8>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) priority: u8,
}

/// Why a message cannot be read, and what of it could be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// With an id the caller can be told, who would wait otherwise.
    pub(crate) id: Option<String>,
    pub(crate) task: Option<String>,
}

/// Reads a message of version 2, of version 1, or of the two mixed: what its body is decides.
pub(crate) fn read(content: Content) -> Result<Message, Unreadable> {
    let text = |name| content.headers.get(name).and_then(Value::as_str).map(str::to_owned);
    let (id, task) = (text("id"), text("task"));
    let refused = |reason: String| Unreadable { reason, id: id.clone(), task: task.clone() };
    if !matches!(content.content_type.as_str(), "application/json" | "text/json") {
        let found = if content.content_type.is_empty() { "none" } else { &content.content_type };
        return Err(refused(format!("its content type is {found}; only application/json is read")));
    }
    let body = std::str::from_utf8(&content.body).map_err(|_| refused("its body is not UTF-8".to_owned()))?;
    let body = exact(body).map_err(|error| refused(format!("its body is not JSON: {error}")))?;
    let (headers, body) = match body {
        Value::Array(members) => (content.headers.clone(), of_members(members).map_err(&refused)?),
        Value::Object(object) => of_object(content.headers.clone(), object).map_err(&refused)?,
        _ => return Err(refused("its body is neither a list nor an object".to_owned())),
    };
    let headers = complete(headers).map_err(&refused)?;
    let properties = Properties {
        correlation_id: content.correlation_id.unwrap_or_else(|| headers.id.clone()),
        reply_to: content.reply_to,
        priority: content.priority,
    };
    Ok(Message { headers, properties, body })
}

/// Version 2: arguments, named arguments, what follows.
fn of_members(members: Vec<Value>) -> Result<Body, String> {
    let count = members.len();
    let Ok([args, kwargs, embed]) = <[Value; 3]>::try_from(members) else {
        return Err(format!("its body has {count} members; there are three: arguments, named arguments, what follows"));
    };
    Ok(Body { args: list(args)?, kwargs: object(kwargs)?, embed: following(embed)? })
}

/// Version 1: everything is in the body.
fn of_object(
    mut headers: Map<String, Value>,
    mut body: Map<String, Value>,
) -> Result<(Map<String, Value>, Body), String> {
    let args = list(body.remove("args").unwrap_or_default())?;
    let kwargs = object(body.remove("kwargs").unwrap_or_default())?;
    let embed = following(Value::Object(body.clone()))?;
    for name in ["task", "id", "eta", "expires", "retries", "group", "group_index", "timelimit"] {
        if let Some(value) = body.remove(name) {
            headers.entry(name).or_insert(value);
        }
    }
    Ok((headers, Body { args, kwargs, embed }))
}

fn list(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Null => Ok(Vec::new()),
        _ => Err("its arguments are not a list".to_owned()),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(values) => Ok(values),
        Value::Null => Ok(Map::new()),
        _ => Err("its named arguments are not an object".to_owned()),
    }
}

fn following(value: Value) -> Result<Embed, String> {
    let Value::Object(mut found) = value else { return Ok(Embed::default()) };
    found.retain(|name, _| matches!(name.as_str(), "callbacks" | "errbacks" | "chain" | "chord"));
    serde_json::from_value(Value::Object(found)).map_err(|error| format!("what follows it cannot be read: {error}"))
}

/// The headers with a value for each that may be missing, or that others write in another way.
fn complete(mut headers: Map<String, Value>) -> Result<Headers, String> {
    for name in ["task", "id"] {
        if headers.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("it has no `{name}`"));
        }
    }
    for name in ["eta", "expires"] {
        let Some(value) = headers.get(name).filter(|value| !value.is_null()) else { continue };
        if value.as_str().is_none_or(|text| super::moment(Some(text)).is_none()) {
            return Err(format!("its `{name}` is {value}, not a moment"));
        }
    }
    let root = headers.get("root_id").filter(|root| root.is_string()).or(headers.get("id")).cloned();
    headers.insert("root_id".to_owned(), root.unwrap_or_default());
    headers.entry("lang").or_insert_with(|| Value::from("py"));
    let is_of_type = |name: &str, value: &Value| match name {
        "retries" | "replaced_task_nesting" => value.as_u64().is_some_and(|number| number <= u64::from(u32::MAX)),
        "ignore_result" => value.is_boolean(),
        "argsrepr" | "kwargsrepr" | "lang" => value.is_string(),
        "timelimit" => value.as_array().is_some_and(|limits| limits.len() == 2),
        "shadow" | "group" | "parent_id" | "origin" => value.is_string() || value.is_null(),
        "group_index" => value.is_i64() || value.is_null(),
        "stamped_headers" => value.is_array() || value.is_null(),
        _ => true,
    };
    headers.retain(|name, value| is_of_type(name, value));
    serde_json::from_value(Value::Object(headers)).map_err(|error| format!("its headers cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn content(headers: Value, body: &str) -> Content {
        let headers = headers.as_object().cloned().unwrap_or_default();
        Content { content_type: "application/json".to_owned(), headers, body: body.into(), ..Content::default() }
    }

    #[test]
    fn task_and_id_are_enough() {
        let read =
            read(content(json!({"task": "app.add", "id": "7"}), "[[1], {\"b\": 2}, null]")).expect("it is enough");
        assert_eq!((read.headers.root_id.as_deref(), read.headers.lang.as_str()), (Some("7"), "py"));
        assert_eq!((read.body.args, read.body.kwargs["b"].clone()), (vec![json!(1)], json!(2)));
        assert_eq!(read.properties.correlation_id, "7");
    }

    #[test]
    fn version_1_has_everything_in_its_body() {
        let body = r#"{"task": "app.add", "id": "7", "args": [1], "retries": 2, "utc": true, "callbacks": null}"#;
        let read = read(content(json!({}), body)).expect("Celery 3 writes it");
        assert_eq!((read.headers.task.as_str(), read.headers.retries), ("app.add", 2));
        assert_eq!(read.body.args, [json!(1)]);
    }

    #[test]
    fn headers_of_another_type_than_theirs_count_as_missing() {
        let odd = json!({"task": "t", "id": "7", "retries": "x", "timelimit": null, "origin": 5, "root_id": null, "mine": [1]});
        let read = read(content(odd, "[[], {}, {}]")).expect("nothing of it is needed");
        assert_eq!((read.headers.retries, read.headers.timelimit), (0, (None, None)));
        assert_eq!(read.headers.others["mine"], json!([1]));
    }

    #[test]
    fn what_cannot_be_read_says_why_and_whose_it_was() {
        let named = || json!({"task": "t", "id": "7"});
        for (bad, said) in [
            (content(json!({"task": "t"}), "[[], {}, {}]"), "it has no `id`"),
            (content(json!({"id": "7"}), "[[], {}, {}]"), "it has no `task`"),
            (content(named(), "[[], {}]"), "its body has 2 members"),
            (content(named(), "7"), "neither a list nor an object"),
            (content(named(), "[[], {}"), "is not JSON"),
            (content(named(), "[5, {}, {}]"), "its arguments are not a list"),
            (content(json!({"task": "t", "id": "7", "eta": "soon"}), "[[], {}, {}]"), "its `eta` is \"soon\""),
            (content(named(), "[[], {}, {\"chain\": 5}]"), "what follows it"),
            (
                Content { content_type: "application/x-python-serialize".into(), ..content(named(), "") },
                "x-python-serialize",
            ),
            (Content { content_type: String::new(), ..content(named(), "") }, "its content type is none"),
            (Content { body: vec![0xff], ..content(named(), "") }, "is not UTF-8"),
        ] {
            let refused = read(bad.clone()).expect_err("it cannot be read");
            assert!(refused.reason.contains(said), "{}", refused.reason);
            assert_eq!(refused.id.as_deref(), bad.headers.get("id").and_then(Value::as_str));
        }
    }
}
