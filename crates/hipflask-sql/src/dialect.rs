//! What the text of a statement is made of: just enough to find placeholders and the ends of statements.

use std::borrow::Cow;

/// How a kind of database writes SQL.
pub(crate) trait Dialect {
    /// Finds the placeholders, which are outside quotes and comments; [`marks`] has the question marks.
    fn read(sql: &str) -> Scan<'_>;

    /// Whether a quote or a comment may begin with the byte.
    fn may_open(byte: u8) -> bool;

    /// How long the quote or the comment is that `rest` begins with; 0 if it begins with none.
    fn opaque(before: &str, rest: &str) -> usize;
}

/// A statement that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    /// Its text as the database wants it.
    pub(crate) text: Cow<'a, str>,
    /// How many values it wants; `None` where it numbers them itself.
    pub(crate) placeholders: Option<usize>,
}

/// Where the question marks are that are neither in a quote nor in a comment.
pub(crate) fn marks<D: Dialect>(sql: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += sql.as_bytes()[at..].iter().position(|byte| D::may_open(*byte) || *byte == b'?')?;
            let opaque = D::opaque(&sql[..at], &sql[at..]);
            at += opaque.max(1);
            if opaque == 0 && sql.as_bytes()[at - 1] == b'?' {
                return Some(at - 1);
            }
        }
    })
}

/// The statements of a script. What is between `BEGIN` and `END` in a trigger belongs to it.
pub(crate) fn statements<D: Dialect>(script: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(c) = script[at..].chars().next() {
        let opaque = D::opaque(&script[..at], &script[at..]);
        at += opaque.max(c.len_utf8());
        if opaque == 0 && c == ';' && !inside_trigger(&script[start..at]) {
            statements.push(script[start..at].trim());
            start = at;
        }
    }
    statements.push(script[start..].trim());
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// The quotes and comments that every database has, for [`Dialect::opaque`].
pub(crate) fn standard(rest: &str) -> usize {
    match rest.as_bytes() {
        [b'\'', ..] => until(rest, 1, "'"),
        [b'"', ..] => until(rest, 1, "\""),
        [b'-', b'-', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => until(rest, 2, "*/"),
        _ => 0,
    }
}

/// The length up to and with `end`, which comes after an opening of the length `open`.
pub(crate) fn until(rest: &str, open: usize, end: &str) -> usize {
    rest[open..].find(end).map_or(rest.len(), |at| open + at + end.len())
}

fn inside_trigger(statement: &str) -> bool {
    let upper = statement.to_ascii_uppercase();
    let words: Vec<&str> = upper.split_whitespace().collect();
    let triggers = words.first() == Some(&"CREATE") && words.iter().take(4).any(|word| *word == "TRIGGER");
    triggers && words.contains(&"BEGIN") && !matches!(words.as_slice(), [.., "END;"] | [.., "END", ";"])
}

/// A statement without the semicolon and the comments at its end, so that something can follow.
pub(crate) fn without_end<D: Dialect>(sql: &str) -> &str {
    let (mut at, mut end) = (0, 0);
    while let Some(c) = sql[at..].chars().next() {
        let opaque = D::opaque(&sql[..at], &sql[at..]);
        let is_comment = opaque > 0 && matches!(c, '-' | '/');
        at += opaque.max(c.len_utf8());
        if !is_comment && c != ';' && !c.is_whitespace() {
            end = at;
        }
    }
    &sql[..end]
}

/// A statement without the comments before it.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") || rest.starts_with("/*") {
        rest = rest[standard(rest)..].trim_start();
    }
    rest
}

/// Whether one of a script's statements is a `DROP TABLE`.
pub(crate) fn drops_table<D: Dialect>(script: &str) -> bool {
    statements::<D>(script).into_iter().any(|statement| {
        let mut words = without_comments(statement).split_whitespace();
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("DROP"))
            && words.next().is_some_and(|word| word.eq_ignore_ascii_case("TABLE"))
    })
}

/// Whether a statement changes nothing, as far as its first word tells. A doubtful one counts as changing.
pub(crate) fn only_reads(sql: &str) -> bool {
    let begin = without_comments(sql).trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let first = begin.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    is("SELECT")
        || is("VALUES")
        || is("EXPLAIN")
        || (is("WITH") && !["INSERT", "UPDATE", "DELETE", "REPLACE"].iter().any(|word| has_word(sql, word)))
}

/// Whether `word` is one of the statement's words, in upper or lower case.
pub(crate) fn has_word(sql: &str, word: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Sqlite;

    #[test]
    fn what_only_reads_is_told_by_its_first_word() {
        for sql in [
            "SELECT 1",
            "\n-- one\n /* two */ (select 1)",
            "values (1)",
            "EXPLAIN SELECT 1",
            "WITH a AS (SELECT 1) SELECT * FROM a",
        ] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in [
            "",
            "INSERT INTO a VALUES (1)",
            "WITH a AS (SELECT 1) DELETE FROM b",
            "PRAGMA user_version = 2",
            "/* SELECT",
            "-- SELECT",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn the_end_of_a_statement_is_before_its_semicolon_and_its_comments() {
        for end in ["", ";", " ;\n", "; -- note", "-- note\n;", " /* note; */ ; -- note"] {
            let sql = format!("INSERT /* into */ INTO a VALUES (';--'){end}");
            assert_eq!(without_end::<Sqlite>(&sql), "INSERT /* into */ INTO a VALUES (';--')", "{sql}");
        }
    }

    #[test]
    fn a_script_is_statements() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = ';'; DELETE FROM b; END;";
        let script = format!("SELECT 1; -- one; two\n SELECT ';';{trigger} SELECT 2");
        assert_eq!(statements::<Sqlite>(&script), ["SELECT 1;", "-- one; two\n SELECT ';';", trigger, "SELECT 2"]);
    }
}
