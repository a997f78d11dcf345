//! Filters that the engine lacks, or that differ from Jinja's.

use std::fmt::Write;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use crate::base::html::{Html, ToHtml};
use crate::builtin::templating::python::truncate;
use crate::http::url::quote;

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("escape", escape);
    environment.add_filter("e", escape);
    environment.add_filter("forceescape", |value: &Value| safe(Html::escape(value.to_string())));
    environment.add_filter("tojson", tojson);
    environment.add_filter("urlencode", urlencode);
    environment
        .add_filter("truncate", |text: String, length: Option<usize>, kwargs: Kwargs| truncate(&text, length, kwargs));
    environment.add_filter("int", |value: &Value, default: Option<Value>, base: Option<u32>, kwargs: Kwargs| {
        int(value, default, base, &kwargs)
    });
    environment
        .add_filter("float", |value: &Value, default: Option<Value>, kwargs: Kwargs| float(value, default, &kwargs));
    environment.add_filter("center", |text: String, width: Option<usize>| center(&text, width.unwrap_or(80)));
    environment.add_filter("xmlattr", xmlattr);
    environment.add_filter("striptags", |text: String| striptags(&text));
    environment.add_filter("wordcount", |text: String| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).count()
    });
    environment.add_filter("filesizeformat", |bytes: f64, binary: Option<bool>| {
        filesizeformat(bytes, binary.unwrap_or(false))
    });
}

fn safe(html: Html) -> Value {
    Value::from_safe_string(html.into_string())
}

/// Safe text stays as it is.
fn escape(value: &Value) -> Value {
    if value.is_safe() { value.clone() } else { safe(Html::escape(value.to_string())) }
}

/// A whole number, or `default` for anything else: a client's `?page=x` must not make the page fail.
fn int(value: &Value, default: Option<Value>, base: Option<u32>, kwargs: &Kwargs) -> Result<Value, Error> {
    let default = default.map_or_else(|| kwargs.get::<Option<Value>>("default"), |default| Ok(Some(default)))?;
    let base = base.map_or_else(|| kwargs.get::<Option<u32>>("base"), |base| Ok(Some(base)))?.unwrap_or(10);
    kwargs.assert_all_used()?;
    let whole = value.as_str().and_then(|text| {
        let digits = text.trim().replace('_', "").to_ascii_lowercase();
        let prefix = match base {
            2 => "0b",
            8 => "0o",
            16 => "0x",
            _ => "",
        };
        let digits = digits.strip_prefix(prefix).unwrap_or(&digits);
        (2..=36).contains(&base).then(|| i128::from_str_radix(digits, base).ok()).flatten()
    });
    Ok(match whole {
        Some(whole) => Value::from(whole),
        None if value.is_integer() => value.clone(),
        None => match number_of(value).filter(|number| number.is_finite()) {
            Some(number) => Value::from(number as i128),
            None => default.unwrap_or_else(|| Value::from(0)),
        },
    })
}

/// A number, or `default` for anything else.
fn float(value: &Value, default: Option<Value>, kwargs: &Kwargs) -> Result<Value, Error> {
    let default = default.map_or_else(|| kwargs.get::<Option<Value>>("default"), |default| Ok(Some(default)))?;
    kwargs.assert_all_used()?;
    Ok(number_of(value).map_or_else(|| default.unwrap_or_else(|| Value::from(0.0)), Value::from))
}

fn number_of(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().replace('_', "").parse().ok(),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value.clone()).ok(),
    }
}

/// `text` in the middle of `width` characters, placed like Python's `str.center`.
fn center(text: &str, width: usize) -> String {
    let room = width.saturating_sub(text.chars().count());
    let left = room / 2 + (room & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
}

/// JSON that is safe in a script and in a single-quoted attribute, with sorted keys.
fn tojson(value: &Value, indent: Option<usize>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => indent,
        None => kwargs.get::<Option<usize>>("indent")?.unwrap_or(0),
    };
    kwargs.assert_all_used()?;
    let mut json = String::new();
    push_json(&mut json, value, indent, 0)?;
    Ok(Value::from_safe_string(json))
}

fn push_json(out: &mut String, value: &Value, indent: usize, depth: usize) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize| {
        if indent > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    };
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => push_number(out, value)?,
        ValueKind::Map => {
            let mut keys: Vec<(String, Value)> = value.try_iter()?.map(|key| (key.to_string(), key)).collect();
            keys.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (i, (name, key)) in keys.iter().enumerate() {
                out.push_str(if i == 0 {
                    ""
                } else if indent > 0 {
                    ","
                } else {
                    ", "
                });
                line(out, depth + 1);
                push_json_text(out, name);
                out.push_str(": ");
                push_json(out, &value.get_item(key)?, indent, depth + 1)?;
            }
            if !keys.is_empty() {
                line(out, depth);
            }
            out.push('}');
        }
        ValueKind::Seq | ValueKind::Iterable => {
            out.push('[');
            let mut any = false;
            for item in value.try_iter()? {
                out.push_str(if !any {
                    ""
                } else if indent > 0 {
                    ","
                } else {
                    ", "
                });
                any = true;
                line(out, depth + 1);
                push_json(out, &item, indent, depth + 1)?;
            }
            if any {
                line(out, depth);
            }
            out.push(']');
        }
        ValueKind::Undefined => return Err(Error::new(ErrorKind::InvalidOperation, "an undefined value is not JSON")),
        _ => push_json_text(out, &value.to_string()),
    }
    Ok(())
}

fn push_number(out: &mut String, value: &Value) -> Result<(), Error> {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() && !number.is_finite() => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{value} is not a number that JSON can hold")))
        }
        _ => {
            let _ = write!(out, "{value}");
            Ok(())
        }
    }
}

/// A JSON string in ASCII, without the characters that have a meaning in HTML.
fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' if !matches!(c, '<' | '>' | '&' | '\'') => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A text, or the pairs of a dict or a list, for a URL.
fn urlencode(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Map => {
            let mut query = String::new();
            for key in value.try_iter()? {
                push_pair(&mut query, &key.to_string(), &value.get_item(&key)?.to_string());
            }
            Ok(query)
        }
        ValueKind::Seq => {
            let mut query = String::new();
            for pair in value.try_iter()? {
                push_pair(&mut query, &pair.get_item_by_index(0)?.to_string(), &pair.get_item_by_index(1)?.to_string());
            }
            Ok(query)
        }
        _ => Ok(quote(&value.to_string(), b"/").into_owned()),
    }
}

/// Jinja quotes more than a query needs: everything but letters, digits and `-._~`.
fn push_pair(query: &mut String, key: &str, value: &str) {
    let quoted = |text: &str| quote(text, b" ").replace(' ', "+");
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(&quoted(key));
    query.push('=');
    query.push_str(&quoted(value));
}

/// ` key="value"` for every pair that is not none. A key that would end the attribute is refused
/// (CVE-2024-22195, CVE-2024-34064).
fn xmlattr(value: &Value, autospace: Option<bool>) -> Result<Value, Error> {
    let mut html = String::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let key = key.to_string();
        if key.is_empty()
            || key
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '>' | '=' | '"' | '\'' | '<'))
        {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("`{}` cannot be the name of an attribute", key.escape_debug()),
            ));
        }
        html.push(' ');
        key.to_html(&mut html);
        html.push_str("=\"");
        if item.is_safe() {
            html.push_str(&item.to_string());
        } else {
            item.to_html(&mut html);
        }
        html.push('"');
    }
    let html = if autospace.unwrap_or(true) { html.as_str() } else { html.trim_start() };
    Ok(Value::from_safe_string(html.to_owned()))
}

/// The text between the tags, with each run of white space reduced to one space.
fn striptags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        let comment = rest[open..].starts_with("<!--");
        let close =
            if comment { rest[open..].find("-->").map(|at| at + 3) } else { rest[open..].find('>').map(|at| at + 1) };
        let Some(close) = close else { break };
        text.push_str(&rest[..open]);
        rest = &rest[open + close..];
    }
    text.push_str(rest);
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (entity, plain)| text.replace(entity, plain));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `13.7 kB`, or `13.4 KiB`.
fn filesizeformat(bytes: f64, binary: bool) -> String {
    let (base, units) = if binary {
        (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"])
    } else {
        (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"])
    };
    match bytes {
        1.0 => "1 Byte".to_owned(),
        _ if bytes < base => format!("{} Bytes", bytes.trunc()),
        _ => {
            let mut size = bytes / base;
            let mut unit = 0;
            while size >= base && unit + 1 < units.len() {
                size /= base;
                unit += 1;
            }
            format!("{size:.1} {}", units[unit])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> String {
        let mut environment = Environment::new();
        add_to(&mut environment);
        let context = minijinja::context! { d => minijinja::context! { b => "<'é'>", a => vec![1.5], n => () }, text => "foo bar baz qux" };
        environment.render_str(source, context).expect(source)
    }

    #[test]
    fn json_is_safe_in_a_page_and_sorted() {
        assert_eq!(render("{{ d|tojson }}"), r#"{"a": [1.5], "b": "\u003c\u0027\u00e9\u0027\u003e", "n": null}"#);
        assert_eq!(render("{{ [1, {}]|tojson(indent=2) }}"), "[\n  1,\n  {}\n]");
    }

    #[test]
    fn the_rest_is_jinjas() {
        for (source, expected) in [
            ("{{ text|truncate(9) }}", "foo..."),
            ("{{ text|truncate(9, killwords=true) }}", "foo ba..."),
            ("{{ text|truncate(11) }}", "foo bar baz qux"),
            ("{{ text|truncate(11, leeway=0) }}", "foo bar..."),
            ("{{ 'a b/c?'|urlencode }}", "a%20b/c%3F"),
            ("{{ {'a b': 'c&d'}|urlencode }}", "a+b=c%26d"),
            ("<i{{ {'class': 'a\"', 'id': none}|xmlattr }}>", "<i class=\"a&#34;\">"),
            ("{{ '<p>a <!-- x --> &lt;b</p>\n c'|striptags }}", "a <b c"),
            ("{{ 'a, b-c'|wordcount }}", "3"),
            (
                "{{ 13700|filesizeformat }} {{ 1|filesizeformat }} {{ 2048|filesizeformat(true) }}",
                "13.7 kB 1 Byte 2.0 KiB",
            ),
            ("{{ '<'|e }}{{ '<'|e|e }}{{ '<'|e|forceescape }}", "&lt;&lt;&amp;lt;"),
        ] {
            assert_eq!(render(source), expected, "{source}");
        }
    }

    #[test]
    fn a_hostile_key_is_no_attribute() {
        let mut environment = Environment::new();
        add_to(&mut environment);
        for key in ["a b", "a/", "a>", "a=", "onclick=x\t", ""] {
            assert!(
                environment.render_str("{{ {k: '1'}|xmlattr }}", minijinja::context! { k => key }).is_err(),
                "{key:?}"
            );
        }
    }
}
