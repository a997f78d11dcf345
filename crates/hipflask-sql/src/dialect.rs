//! What the text of a statement is made of: just enough to find placeholders and the ends of statements.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A kind of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    /// Its text as the database wants it: on PostgreSQL `?` is `$1`, `$2` …, and `??` is the character itself.
    pub(crate) text: Cow<'a, str>,
    /// How many values it wants; `None` where it numbers them itself.
    pub(crate) placeholders: Option<usize>,
}

impl Dialect {
    /// Finds the placeholders, which are outside of quotes and comments.
    pub(crate) fn read(self, sql: &str) -> Scan<'_> {
        match self {
            Dialect::Sqlite => {
                let numbered = |at: usize| sql[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                let placeholders = self.marks(sql).try_fold(0, |count, at| (!numbered(at)).then_some(count + 1));
                Scan { text: Cow::Borrowed(sql), placeholders }
            }
            Dialect::Postgres => self.number(sql),
        }
    }

    /// Numbers the placeholders.
    fn number(self, sql: &str) -> Scan<'_> {
        let (mut text, mut copied, mut count) = (String::new(), 0, 0);
        let mut marks = self.marks(sql);
        while let Some(at) = marks.next() {
            text.reserve(sql.len() - copied + 32);
            text.push_str(&sql[copied..at]);
            copied = at + 1;
            if sql[copied..].starts_with('?') {
                copied = marks.next().unwrap_or(copied) + 1;
                text.push('?');
            } else {
                count += 1;
                let _ = write!(text, "${count}");
            }
        }
        text.push_str(if copied == 0 { "" } else { &sql[copied..] });
        let text = if copied == 0 { Cow::Borrowed(sql) } else { Cow::Owned(text) };
        Scan { text, placeholders: Some(count) }
    }

    /// Where the question marks are that are neither in a quote nor in a comment.
    fn marks(self, sql: &str) -> impl Iterator<Item = usize> {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                at += sql.as_bytes()[at..].iter().position(|byte| may_open(*byte) || *byte == b'?')?;
                let opaque = self.opaque(&sql[..at], &sql[at..]);
                at += opaque.max(1);
                if opaque == 0 && sql.as_bytes()[at - 1] == b'?' {
                    return Some(at - 1);
                }
            }
        })
    }

    /// The statements of a script. What stands between `BEGIN` and `END` in a trigger belongs to it.
    pub(crate) fn statements(self, script: &str) -> Vec<&str> {
        let mut statements = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(c) = script[at..].chars().next() {
            let opaque = self.opaque(&script[..at], &script[at..]);
            at += opaque.max(c.len_utf8());
            if opaque == 0 && c == ';' && !inside_of_trigger(&script[start..at]) {
                statements.push(script[start..at].trim());
                start = at;
            }
        }
        statements.push(script[start..].trim());
        statements.retain(|statement| !statement.is_empty());
        statements
    }

    /// How long the quote or the comment is that `rest` begins with; 0 if it begins with none.
    fn opaque(self, before: &str, rest: &str) -> usize {
        let postgres = self == Dialect::Postgres;
        let until = |open: usize, end: &str| rest[open..].find(end).map_or(rest.len(), |at| open + at + end.len());
        match rest.as_bytes() {
            [b'\'', ..] if postgres && is_escaping(before) => escaped(rest),
            [b'\'', ..] => until(1, "'"),
            [b'"', ..] => until(1, "\""),
            [b'`', ..] if !postgres => until(1, "`"),
            [b'[', ..] if !postgres => until(1, "]"),
            [b'-', b'-', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] if postgres => nested(rest),
            [b'/', b'*', ..] => until(2, "*/"),
            [b'$', ..] if postgres && !before.ends_with(is_name) => dollars(rest),
            _ => 0,
        }
    }
}

/// Whether a quote or a comment may begin with the byte.
fn may_open(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'`' | b'[' | b'-' | b'/' | b'$')
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the quote after `before` is one like `E'\''`, with escapes.
fn is_escaping(before: &str) -> bool {
    before.strip_suffix(['e', 'E']).is_some_and(|before| !before.ends_with(is_name))
}

fn escaped(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a comment with comments in it.
fn nested(rest: &str) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let Some(mark) = rest[at..].find("/*").into_iter().chain(rest[at..].find("*/")).min() else {
            return rest.len();
        };
        depth = if rest[at + mark..].starts_with("/*") { depth + 1 } else { depth - 1 };
        at += mark + 2;
    }
    at
}

/// The length of `$$ … $$` or `$name$ … $name$`.
fn dollars(rest: &str) -> usize {
    let Some(end) = rest[1..].find('$').filter(|end| rest[1..=*end].chars().all(is_name)) else { return 0 };
    let tag = &rest[..end + 2];
    rest[tag.len()..].find(tag).map_or(rest.len(), |at| at + 2 * tag.len())
}

fn inside_of_trigger(statement: &str) -> bool {
    let upper = statement.to_ascii_uppercase();
    let words: Vec<&str> = upper.split_whitespace().collect();
    let triggers = words.first() == Some(&"CREATE") && words.iter().take(4).any(|word| *word == "TRIGGER");
    triggers && words.contains(&"BEGIN") && !matches!(words.as_slice(), [.., "END;"] | [.., "END", ";"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_of_quotes_and_comments() {
        let sql = "SELECT '?', \"a?\", b ?? 'k' -- why?\n FROM t WHERE x = ? AND y = 'it''s ?' AND z = ?";
        let text = "SELECT '?', \"a?\", b ? 'k' -- why?\n FROM t WHERE x = $1 AND y = 'it''s ?' AND z = $2";
        assert_eq!(Dialect::Postgres.read(sql), Scan { text: text.into(), placeholders: Some(2) });
        for (sql, postgres, sqlite) in [
            ("", Some(0), Some(0)),
            ("é = ?", Some(1), Some(1)),
            ("/* ? /* ? */ ? */ ?", Some(1), Some(2)),
            ("$$ ? $$ ? $a$ ? $$ ? $a$", Some(1), Some(4)),
            ("E'\\'?' ?", Some(1), Some(1)),
            ("like'\\' ?", Some(1), Some(1)),
            ("`?` [?]", Some(2), Some(0)),
            ("?1 ?1 ?2", Some(3), None),
            ("'open ?", Some(0), Some(0)),
            ("/* open ?", Some(0), Some(0)),
            ("$open ?", Some(1), Some(1)),
        ] {
            assert_eq!(Dialect::Postgres.read(sql).placeholders, postgres, "{sql}");
            assert_eq!(Dialect::Sqlite.read(sql).placeholders, sqlite, "{sql}");
        }
    }

    #[test]
    fn a_script_is_statements() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = ';'; DELETE FROM b; END;";
        let script = format!("SELECT 1; -- one; two\n SELECT ';';{trigger} SELECT 2");
        let statements = Dialect::Sqlite.statements(&script);
        assert_eq!(statements, ["SELECT 1;", "-- one; two\n SELECT ';';", trigger, "SELECT 2"]);
        let function = "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;";
        assert_eq!(Dialect::Postgres.statements(&format!("{function}\n;")), [function, ";"]);
    }
}
