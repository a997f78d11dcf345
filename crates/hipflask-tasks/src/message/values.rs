//! Values as Celery writes them: JSON with marks for what JSON has no type for, and with numbers that JSON does not have.

use serde_json::{Map, Value};

const TYPE: &str = "__type__";
const VALUE: &str = "__value__";

/// Reads JSON as Python writes it. `NaN` and `Infinity` become null, which no number of ours can be read from.
///
/// # Errors
///
/// If it is not JSON, or has an integer that does not fit into 64 bits: it would be rounded.
pub(crate) fn exact(text: &str) -> Result<Value, String> {
    let without = without_infinities(text);
    let value = serde_json::from_str(without.as_deref().unwrap_or(text)).map_err(|error| error.to_string())?;
    match rounded(text) {
        Some(number) => Err(format!("the integer {number} has more than 64 bits; send it as text")),
        None => Ok(value),
    }
}

/// An integer that serde_json would read as a float.
fn rounded(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        if rest.starts_with('"') {
            rest = &rest[string_end(rest)..];
            continue;
        }
        let in_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let (number, after) = rest.split_at(rest.find(|c| !in_number(c)).unwrap_or(rest.len()));
        let is_integer = number.len() > 18 && !number.contains(['.', 'e', 'E']);
        if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = after;
    }
    None
}

/// The text with `null` for the numbers that only Python has, if there is one.
fn without_infinities(text: &str) -> Option<String> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return None;
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match ["NaN", "-Infinity", "Infinity"].into_iter().find(|name| rest.starts_with(name)) {
            Some(name) => {
                out.push_str("null");
                name.len()
            }
            None => {
                let taken = if rest.starts_with('"') { string_end(rest) } else { 1 };
                out.push_str(&rest[..taken]);
                taken
            }
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Some(out)
}

/// The length of the JSON string that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A value without marks, as serde's types are read: a moment, a date, a time, a decimal and a UUID as text, bytes as the
/// list of their numbers.
///
/// # Errors
///
/// If a mark is not known.
pub(crate) fn plain(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(values) => values.into_iter().map(plain).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(object) if is_marked(&object) => unmarked(object),
        Value::Object(object) => {
            let plain = object.into_iter().map(|(key, value)| Ok((key, plain(value)?)));
            plain.collect::<Result<_, String>>().map(Value::Object)
        }
        value => Ok(value),
    }
}

fn is_marked(object: &Map<String, Value>) -> bool {
    object.len() == 2 && object.contains_key(TYPE) && object.contains_key(VALUE)
}

fn unmarked(mut object: Map<String, Value>) -> Result<Value, String> {
    let value = object.remove(VALUE).unwrap_or_default();
    let kind = object.remove(TYPE).unwrap_or_default();
    match (kind.as_str(), value) {
        (Some("datetime" | "date" | "time" | "decimal"), value @ Value::String(_)) => Ok(value),
        (Some("uuid"), Value::Object(parts)) => match parts.get("hex").and_then(Value::as_str) {
            Some(hex) if hex.len() == 32 && hex.is_ascii() => Ok(Value::String(hyphenated(hex))),
            _ => Err("has a UUID without its `hex`".to_owned()),
        },
        (Some("bytes"), Value::String(text)) => Ok(text.into_bytes().into()),
        (Some("base64"), Value::String(text)) => crate::base64::decode(&text).map(Into::into),
        (Some(kind), _) => Err(format!("has a value of the type `{kind}`, which is not known")),
        (None, _) => Err(format!("has a value whose type is {kind}")),
    }
}

fn hyphenated(hex: &str) -> String {
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_are_read_as_celery_writes_them() {
        let marked = |kind: &str, value: Value| json!({ TYPE: kind, VALUE: value });
        for (written, read) in [
            (marked("datetime", json!("2026-01-02T03:04:05.000006")), json!("2026-01-02T03:04:05.000006")),
            (marked("date", json!("2026-01-02")), json!("2026-01-02")),
            (marked("decimal", json!("1.50")), json!("1.50")),
            (
                marked("uuid", json!({"hex": "00000000000000000000000000000005"})),
                json!("00000000-0000-0000-0000-000000000005"),
            ),
            (marked("bytes", json!("abc")), json!([97, 98, 99])),
            (marked("base64", json!("/wA=")), json!([255, 0])),
            (json!({TYPE: "datetime"}), json!({TYPE: "datetime"})),
            (json!([{"a": marked("time", json!("01:02:00"))}]), json!([{"a": "01:02:00"}])),
        ] {
            assert_eq!(plain(written.clone()), Ok(read), "{written}");
        }
        assert!(plain(marked("pickle", json!("x"))).is_err_and(|said| said.contains("`pickle`")));
        assert!(plain(marked("uuid", json!("x"))).is_err());
    }

    #[test]
    fn numbers_that_json_lacks_are_null() {
        let text = r#"[NaN, -Infinity, Infinity, -1, "NaN \" Infinity", {"NaN": "-Infinity"}]"#;
        let read = json!([null, null, null, -1, "NaN \" Infinity", {"NaN": "-Infinity"}]);
        assert_eq!(exact(text), Ok(read));
        assert!(exact("[1").is_err());
    }

    #[test]
    fn an_integer_is_exact_or_refused() {
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "1e40",
            "123456789012345678901.5",
            "\"123456789012345678901\"",
        ] {
            assert!(exact(text).is_ok(), "{text}");
        }
        for text in ["18446744073709551616", "[{\"a\": 1180591620717411303424}]", "-9223372036854775809"] {
            assert!(exact(text).is_err_and(|said| said.contains("has more than 64 bits")), "{text}");
        }
    }
}
