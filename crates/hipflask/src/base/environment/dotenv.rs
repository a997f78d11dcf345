//! The syntax of `.env` files, as python-dotenv reads it.

use std::collections::BTreeMap;

/// `NAME=value` in a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) line: usize,
}

/// The bindings of a file; the last of a name counts. `outside` gives the variables that `${NAME}` may name besides those
/// above it in the file.
///
/// # Errors
///
/// Which line cannot be read, and why.
pub(crate) fn parse(text: &str, outside: impl Fn(&str) -> Option<String>) -> Result<Vec<Binding>, String> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader { rest: &text };
    let mut found: BTreeMap<String, Binding> = BTreeMap::new();
    loop {
        reader.skip(char::is_whitespace);
        if reader.rest.is_empty() {
            return Ok(found.into_values().collect());
        }
        let line = text[..text.len() - reader.rest.len()].matches('\n').count() + 1;
        let Some((name, value)) = reader.binding().map_err(|why| format!("{line}: {why}"))? else { continue };
        let known = |name: &str| found.get(name).map(|binding| binding.value.clone()).or_else(|| outside(name));
        let value = interpolate(&value, known);
        found.insert(name.clone(), Binding { name, value, line });
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Takes what `wanted` holds for.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.take(unwanted);
    }

    /// A line with a value, or `None` for a comment and for a name without a value.
    fn binding(&mut self) -> Result<Option<(String, String)>, String> {
        if let Some(after) = self.rest.strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
            self.rest = after.trim_start_matches(is_blank);
        }
        let name = if self.rest.starts_with('#') { "" } else { self.name()? };
        self.skip(is_blank);
        let value = match self.rest.strip_prefix('=') {
            Some(after) if !name.is_empty() => {
                self.rest = after.trim_start_matches(is_blank);
                let commented = self.rest.len() < after.len() && self.rest.starts_with('#');
                Some(if commented { String::new() } else { self.value()? })
            }
            _ => None,
        };
        self.end_of_line(name)?;
        Ok(value.map(|value| (name.to_owned(), value)))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        if let Some(after) = self.rest.strip_prefix('\'') {
            let (name, rest) = after.split_once('\'').ok_or("the quote around the name does not end")?;
            self.rest = rest;
            return Ok(name);
        }
        match self.take(|c| !c.is_whitespace() && c != '=' && c != '#') {
            "" => Err("there is no name before `=`; write NAME=value".to_owned()),
            name => Ok(name),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => Ok(without_comment(self.take(|c| c != '\n')).trim_end().to_owned()),
        }
    }

    /// Text between quotes, over several lines if need be.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let (mut text, mut chars) = (String::new(), self.rest[1..].char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    let Some((_, escaped)) = chars.next() else { break };
                    match unescaped(escaped, quote) {
                        Some(meant) => text.push(meant),
                        None => text.extend(['\\', escaped]),
                    }
                }
                _ if c == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(format!("the quote `{quote}` does not end; add one, or write \\{quote} for one that is meant"))
    }

    /// Nothing else may be on the line except a comment.
    fn end_of_line(&mut self, name: &str) -> Result<(), String> {
        self.skip(is_blank);
        match self.take(|c| c != '\n') {
            comment if comment.is_empty() || comment.starts_with('#') => Ok(()),
            _ => Err(format!("there is something after `{name}` and its value; write {name}=\"a value with spaces\"")),
        }
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n'
}

/// A `#` begins a comment after a space; elsewhere it belongs to the value.
fn without_comment(text: &str) -> &str {
    let begins = text.match_indices('#').find(|(at, _)| text[..*at].ends_with(char::is_whitespace));
    begins.map_or(text, |(at, _)| &text[..at])
}

fn unescaped(escaped: char, quote: char) -> Option<char> {
    match escaped {
        '\\' | '\'' => Some(escaped),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    }
}

/// Replaces `${NAME}` and `${NAME:-otherwise}`; a name that is not set is nothing.
fn interpolate(value: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("${") {
        text += before;
        match after.split_once('}').and_then(|(inside, after)| Some((variable(inside, &known)?, after))) {
            Some((value, after)) => {
                text += &value;
                rest = after;
            }
            None => {
                text += "${";
                rest = after;
            }
        }
    }
    text + rest
}

/// The value of what is between `${` and `}`, or `None` if that is not a variable.
fn variable(inside: &str, known: impl Fn(&str) -> Option<String>) -> Option<String> {
    match inside.split_once(':') {
        None => Some(known(inside).unwrap_or_default()),
        Some((name, rest)) => {
            let otherwise = rest.strip_prefix('-')?;
            Some(known(name).unwrap_or_else(|| otherwise.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = include_str!("../../../tests/fixtures/dotenv.json");

    /// As python-dotenv reads each of these texts; what it cannot read is an error here.
    #[test]
    fn files_are_read_as_python_dotenv_reads_them() {
        let cases: Vec<serde_json::Value> = serde_json::from_str(TABLE).expect("a table");
        assert!(cases.len() > 60, "{}", cases.len());
        for case in cases {
            let text = case["text"].as_str().expect("text");
            let outside = |name: &str| (name == "OUTSIDE").then(|| "from outside".to_owned());
            let found = parse(text, outside);
            if case["error"] == true {
                assert!(found.is_err(), "{text:?}: {found:?}");
                continue;
            }
            let found = found.unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let found: serde_json::Map<_, _> =
                found.into_iter().map(|binding| (binding.name, binding.value.into())).collect();
            assert_eq!(serde_json::Value::from(found), case["values"], "{text:?}");
        }
    }

    #[test]
    fn the_line_of_a_value_and_of_a_mistake_is_told() {
        let found = parse("\n# comment\nA='1\n2'\n\nB=3", |_| None).expect("it can be read");
        assert_eq!(found.iter().map(|binding| binding.line).collect::<Vec<_>>(), [3, 6]);
        for (text, told) in [
            ("A=1\nB=\"2", "2: the quote `\"` does not end"),
            ("A=1\n\n=2", "3: there is no name before `=`"),
            ("A='1' 2", "1: there is something after `A`"),
            ("A B", "1: there is something after `A`"),
        ] {
            let error = parse(text, |_| None).expect_err(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
