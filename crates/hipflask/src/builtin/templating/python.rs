//! What Jinja templates get from Python: methods of strings, dicts and lists.

use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

/// Called for a method that the engine does not know.
pub(super) fn call_method(_: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => string_method(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Map => map_method(value, method, args),
        ValueKind::Seq => list_method(value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn string_method(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let affix = |matches: &dyn Fn(&str) -> bool| -> Result<Value, Error> {
        let (wanted,): (Value,) = from_args(args)?;
        Ok(Value::from(match wanted.as_str() {
            Some(one) => matches(one),
            None => wanted.try_iter()?.any(|one| one.as_str().is_some_and(matches)),
        }))
    };
    let strip = |left: bool, right: bool| -> Result<Value, Error> {
        let (set,): (Option<String>,) = from_args(args)?;
        let drop = |c: char| set.as_ref().map_or_else(|| c.is_whitespace(), |set| set.contains(c));
        let text = if left { text.trim_start_matches(drop) } else { text };
        Ok(Value::from(if right { text.trim_end_matches(drop) } else { text }))
    };
    let all = |test: fn(char) -> bool| Ok(Value::from(!text.is_empty() && text.chars().all(test)));
    match method {
        "upper" => Ok(Value::from(text.to_uppercase())),
        "lower" | "casefold" => Ok(Value::from(text.to_lowercase())),
        "capitalize" => Ok(Value::from(capitalize(text))),
        "title" => Ok(Value::from(title(text))),
        "strip" => strip(true, true),
        "lstrip" => strip(true, false),
        "rstrip" => strip(false, true),
        "startswith" => affix(&|one| text.starts_with(one)),
        "endswith" => affix(&|one| text.ends_with(one)),
        "replace" => {
            let (from, to, count): (String, String, Option<usize>) = from_args(args)?;
            Ok(Value::from(count.map_or_else(|| text.replace(&from, &to), |count| text.replacen(&from, &to, count))))
        }
        "split" => split(text, args),
        "splitlines" => Ok(text.lines().map(Value::from).collect()),
        "join" => {
            let (items,): (Value,) = from_args(args)?;
            let items: Vec<String> = items.try_iter()?.map(|item| item.to_string()).collect();
            Ok(Value::from(items.join(text)))
        }
        "find" => {
            let (wanted,): (String,) = from_args(args)?;
            let at = text.find(&wanted).map(|at| text[..at].chars().count() as i64);
            Ok(Value::from(at.unwrap_or(-1)))
        }
        "count" => {
            let (wanted,): (String,) = from_args(args)?;
            Ok(Value::from(text.matches(wanted.as_str()).count()))
        }
        "isdigit" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => Ok(Value::from(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase))),
        "islower" => Ok(Value::from(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase))),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect())
}

fn title(text: &str) -> String {
    let mut in_word = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if in_word {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        in_word = c.is_alphabetic();
    }
    out
}

fn split(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<String>, Option<usize>) = from_args(args)?;
    let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
    Ok(match separator {
        Some(separator) => text.splitn(most, separator.as_str()).map(Value::from).collect(),
        None => text.split_whitespace().map(Value::from).collect(),
    })
}

fn map_method(map: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let keys = || map.try_iter();
    let value = |key: &Value| map.get_item(key).unwrap_or_default();
    match (method, args) {
        ("keys", []) => Ok(keys()?.collect()),
        ("values", []) => Ok(keys()?.map(|key| value(&key)).collect()),
        ("items", []) => Ok(keys()?
            .map(|key| {
                let item = value(&key);
                Value::from((key, item))
            })
            .collect()),
        ("get", [key]) => Ok(found(value(key)).unwrap_or_else(|| Value::from(()))),
        ("get", [key, default]) => Ok(found(value(key)).unwrap_or_else(|| default.clone())),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn found(value: Value) -> Option<Value> {
    (!value.is_undefined()).then_some(value)
}

fn list_method(list: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match (method, args) {
        ("count", [wanted]) => Ok(Value::from(list.try_iter()?.filter(|item| item == wanted).count())),
        ("index", [wanted]) => match list.try_iter()?.position(|item| item == *wanted) {
            Some(at) => Ok(Value::from(at)),
            None => Err(Error::new(ErrorKind::InvalidOperation, format!("{wanted} is not in the list"))),
        },
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// `truncate(255, killwords=False, end="...", leeway=5)`, as Jinja truncates.
pub(super) fn truncate(text: &str, length: Option<usize>, kwargs: Kwargs) -> Result<String, Error> {
    let length = match length {
        Some(length) => length,
        None => kwargs.get::<Option<usize>>("length")?.unwrap_or(255),
    };
    let kill_words = kwargs.get::<Option<bool>>("killwords")?.unwrap_or(false);
    let end = kwargs.get::<Option<String>>("end")?.unwrap_or_else(|| "...".to_owned());
    let leeway = kwargs.get::<Option<usize>>("leeway")?.unwrap_or(5);
    kwargs.assert_all_used()?;
    let end_length = end.chars().count();
    if length < end_length {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("truncate needs a length of {end_length} or more, not {length}"),
        ));
    }
    if text.chars().count() <= length + leeway {
        return Ok(text.to_owned());
    }
    let cut: String = text.chars().take(length - end_length).collect();
    let kept = if kill_words { cut.as_str() } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(kept, _)| kept) };
    Ok(format!("{kept}{end}"))
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, context};

    fn render(source: &str) -> String {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(super::call_method);
        environment
            .render_str(source, context! { d => context! { a => 1, b => "x" }, l => vec![1, 2, 1] })
            .expect(source)
    }

    #[test]
    fn methods_are_pythons() {
        for (source, expected) in [
            ("{{ 'hello world'.title() }}", "Hello World"),
            ("{{ 'aBC'.capitalize() }}", "Abc"),
            ("{{ ' x '.strip() ~ '|' ~ 'xxa'.lstrip('x') }}", "x|a"),
            ("{{ 'a.b'.startswith(['x', 'a']) }}", "True"),
            ("{{ 'a,b,c'.split(',', 1)|length }}", "2"),
            ("{{ ', '.join(l) }}", "1, 2, 1"),
            ("{{ 'aab'.replace('a', 'c', 1) ~ 'aab'.count('a') ~ 'aab'.find('z') }}", "cab2-1"),
            ("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=x;"),
            ("{{ d.get('a') }}{{ d.get('z') }}{{ d.get('z', 3) }}", "1None3"),
            ("{{ l.count(1) }}{{ l.index(2) }}", "21"),
        ] {
            assert_eq!(render(source), expected, "{source}");
        }
    }
}
