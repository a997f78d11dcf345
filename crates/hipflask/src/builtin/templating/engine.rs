//! The template engine: how it is made to behave like Flask's Jinja, and what is
//! checked before the first request.

use std::fmt;

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State};

use crate::app::freezing::Freezing;
use crate::base::decimal;
use crate::base::html::Html;
use crate::builtin::security;
use crate::builtin::templating::setup::TemplateSetup;
use crate::builtin::templating::{csrf, filters, forms, python, request, scope, sources};

/// Jinja decides about escaping by the exact end of the name, and always escapes in a template that is only a
/// string.
fn auto_escape(name: &str) -> AutoEscape {
    let escaped =
        [".html", ".htm", ".xml", ".xhtml", ".svg"].iter().any(|end| name.ends_with(end)) || name == STRING_TEMPLATE;
    if escaped { AutoEscape::Html } else { AutoEscape::None }
}

/// The name of a template that is only a string.
pub(super) const STRING_TEMPLATE: &str = "<string>";

/// Prints a value as MarkupSafe does: with five characters escaped, or none if it is safe.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let escapes = !matches!(state.auto_escape(), AutoEscape::None);
    match value.as_str() {
        Some(text) if escapes && !value.is_safe() => Html::write_escaped(out, text)?,
        Some(text) => out.write_str(text)?,
        None if value.is_undefined() => {}
        None if value.is_number() => format_number(out, value)?,
        None if value.kind() == ValueKind::Invalid => {
            return Err(Error::new(ErrorKind::BadSerialization, value.to_string()));
        }
        None => match forms::html_of(value) {
            Some(html) => out.write_str(&html)?,
            None if escapes => Html::write_escaped(out, &value.to_string())?,
            None => write!(out, "{value}")?,
        },
    }
    Ok(())
}

/// Most numbers are counts and keys, which do not need the whole formatting of numbers.
fn format_number(out: &mut Output<'_>, value: &Value) -> fmt::Result {
    match value.is_integer().then(|| value.as_usize()).flatten() {
        Some(number) => out.write_str(decimal::text(number as u64, &mut decimal::Digits::default())),
        None => write!(out, "{value}"),
    }
}

/// An environment with everything that Flask's has, and with the application's additions.
pub(super) fn environment(setup: TemplateSetup, freezing: &mut Freezing<'_>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(auto_escape);
    environment.set_formatter(format);
    environment.set_unknown_method_callback(python::call_method);
    environment.set_debug(freezing.config().debug());
    filters::add_to(&mut environment);
    environment.add_function("url_for", |endpoint: String, kwargs: Kwargs| scope::url_for(&endpoint, kwargs));
    environment.add_function("get_flashed_messages", |positional: Rest<Value>, kwargs: Kwargs| {
        scope::get_flashed_messages(positional, kwargs)
    });
    environment.add_function("csrf_token", csrf::csrf_token);
    environment.add_function("csp_nonce", scope::csp_nonce);
    environment.add_global("request", Value::from_object(request::RequestObject));
    environment.add_global("session", Value::from_object(scope::SessionObject));
    environment.add_global("g", Value::from_object(scope::GObject));
    environment.add_global("config", Value::from_object(scope::ConfigObject));
    for (name, filter) in setup.filters {
        environment.add_filter(name, move |args: Rest<Value>| filter(&args));
    }
    for (name, test) in setup.tests {
        environment.add_test(name, move |args: Rest<Value>| test(&args).map(|value| value.is_true()));
    }
    for (name, global) in setup.globals {
        environment.add_function(name, move |args: Rest<Value>| global(&args));
    }
    let sources = sources::add(&mut environment, setup.folders, freezing);
    for (name, source) in &sources {
        check_calls(name, source, freezing);
        check_references(name, source, &environment, freezing);
    }
    environment
}

/// Checks a template for URLs of endpoints that do not exist, and for the use of a session without a key.
fn check_calls(name: &str, source: &str, freezing: &mut Freezing<'_>) {
    for call in calls(source) {
        match call.function {
            "url_for" => check_url_for(name, &call, freezing),
            "csrf_token" => note(name, &call, security::csrf::check(freezing), freezing),
            "get_flashed_messages" => note(name, &call, freezing.require_session(), freezing),
            _ => {}
        }
    }
}

fn note(name: &str, call: &Call<'_>, checked: Result<(), String>, freezing: &mut Freezing<'_>) {
    if let Err(message) = checked {
        freezing.problem_of(format!("the template {name}:{}", call.line), message);
    }
}

fn check_url_for(name: &str, call: &Call<'_>, freezing: &mut Freezing<'_>) {
    // `.name` depends on the page that renders the template.
    let Some(endpoint) = call.first_text.filter(|endpoint| !endpoint.starts_with('.')) else { return };
    let place = format!("the template {name}:{}: `url_for('{endpoint}')`", call.line);
    if call.spreads && freezing.has_endpoint(endpoint) {
        return;
    }
    if let Err(message) = freezing.check_url(endpoint, &call.keywords) {
        freezing.problem(format!("{place}: {message}"));
    }
}

/// Checks that the templates exist which a template extends, includes and imports.
fn check_references(name: &str, source: &str, environment: &Environment<'_>, freezing: &mut Freezing<'_>) {
    for Reference { line, statement, other } in references(source) {
        if is_missing(environment, other) {
            freezing.problem(format!(
                "the template {name}:{line}: `{statement} '{other}'`: there is no template `{other}`"
            ));
        }
    }
}

/// Whether there is no template of this name, be it well formed or not.
pub(super) fn is_missing(environment: &Environment<'_>, name: &str) -> bool {
    matches!(environment.get_template(name), Err(error) if error.kind() == ErrorKind::TemplateNotFound)
}

/// Another template that a template names.
#[derive(Debug, PartialEq)]
struct Reference<'a> {
    line: usize,
    /// `extends`, `include`, `import` or `from`.
    statement: &'a str,
    other: &'a str,
}

/// The templates that must exist: those that are not computed, and not included `ignore missing`.
fn references<'s>(source: &'s str) -> Vec<Reference<'s>> {
    let reference = |(at, code): (usize, &'s str)| {
        let (statement, rest) = code.trim_start_matches(['-', '+']).trim_start().split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let end = end_of_text(rest, 0, quote);
        let next = rest[end..].split_whitespace().next().unwrap_or("-").trim_matches(['-', '+']);
        let is_whole = match statement {
            "extends" => next.is_empty(),
            "include" => matches!(next, "" | "with" | "without"),
            "import" => next == "as",
            "from" => next == "import",
            _ => false,
        };
        let line = source[..at].matches('\n').count() + 1;
        (is_whole && source[..at].ends_with("{%")).then(|| Reference { line, statement, other: &rest[1..end - 1] })
    };
    code(source).into_iter().filter_map(reference).collect()
}

/// A call of a function in a template, as far as the text shows.
#[derive(Debug, Default, PartialEq)]
struct Call<'a> {
    function: &'a str,
    line: usize,
    first_text: Option<&'a str>,
    keywords: Vec<&'a str>,
    /// `**values` could give any keyword.
    spreads: bool,
}

/// Every call of a plain name.
fn calls(source: &str) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    code(source).into_iter().for_each(|(at, code)| find_calls(source, at, code, &mut calls));
    calls
}

/// What is inside `{{ }}` and `{% %}`, and where it begins; not what a comment or `{% raw %}` hides.
fn code(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut raw = false;
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|offset| at + offset) {
        let close = match source.as_bytes().get(open + 1) {
            Some(b'#') => "#}",
            Some(b'{') if !raw => "}}",
            Some(b'%') => "%}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let inside = &source[open + 2..];
        let end = if close == "#}" { inside.find(close) } else { end_of_code(inside, close) };
        let Some(end) = end else { break };
        let code = &inside[..end];
        match code.trim_matches(|c: char| matches!(c, '-' | '+') || c.is_whitespace()) {
            _ if close == "#}" => {}
            "raw" => raw = true,
            "endraw" => raw = false,
            _ if raw => {}
            _ => found.push((open + 2, code)),
        }
        at = open + 2 + end + 2;
    }
    found
}

/// Where `close` first occurs outside quotes.
fn end_of_code(code: &str, close: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        match c {
            '"' | '\'' => at = end_of_text(code, at, c),
            _ if code[at..].starts_with(close) => return Some(at),
            _ => at += c.len_utf8(),
        }
    }
    None
}

/// The end of the text whose opening quote is at `at`; a backslash escapes the next character.
fn end_of_text(code: &str, at: usize, quote: char) -> usize {
    let mut escaped = false;
    let closes = |(_, c): &(usize, char)| {
        let closes = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    };
    code[at + 1..].char_indices().find(closes).map_or(code.len(), |(end, _)| at + 1 + end + 1)
}

fn find_calls<'a>(source: &'a str, base: usize, code: &'a str, calls: &mut Vec<Call<'a>>) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut previous = ' ';
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        if c == '"' || c == '\'' {
            (at, previous) = (end_of_text(code, at, c), c);
            continue;
        }
        if !is_name(c) {
            (at, previous) = (at + c.len_utf8(), if c.is_whitespace() { previous } else { c });
            continue;
        }
        let end = code[at..].find(|c| !is_name(c)).map_or(code.len(), |end| at + end);
        // `x.url_for(..)` is another function.
        if previous != '.' && code[end..].starts_with('(') {
            let line = source[..base + at].matches('\n').count() + 1;
            calls.push(Call { function: &code[at..end], line, ..arguments(&code[end + 1..]) });
        }
        (at, previous) = (end, c);
    }
}

/// The arguments after an opening bracket: the first one if it is text, and the keywords of this call, not of
/// nested ones.
fn arguments(code: &str) -> Call<'_> {
    let mut call = Call::default();
    let mut depth = 0;
    let mut at = 0;
    let mut start = 0;
    while let Some(c) = code[at..].chars().next() {
        match c {
            '"' | '\'' => {
                let end = end_of_text(code, at, c);
                if depth == 0 && code[..at].trim().is_empty() {
                    let alone = code[end..].trim_start().starts_with([',', ')']);
                    call.first_text = alone.then(|| &code[at + 1..end - 1]);
                }
                at = end;
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => start = at + 1,
            '*' if depth == 0 && code[start..at].trim().is_empty() => call.spreads = true,
            '=' if depth == 0 && !code[at + 1..].starts_with('=') && !code[..at].ends_with(['=', '!', '<', '>']) => {
                call.keywords.push(code[start..at].trim());
            }
            _ => {}
        }
        at += c.len_utf8();
        if at >= code.len() {
            break;
        }
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_follows_the_exact_end_of_the_name() {
        for (name, escaped) in [
            ("a.html", true),
            ("a.svg", true),
            ("<string>", true),
            ("a.html.j2", false),
            ("a.HTML", false),
            ("a.txt", false),
        ] {
            assert_eq!(auto_escape(name) == AutoEscape::Html, escaped, "{name}");
        }
    }

    #[test]
    fn numbers_print_as_python_prints_them() {
        let mut environment = Environment::new();
        environment.set_formatter(format);
        for (number, expected) in [
            (Value::from(0), "0"),
            (Value::from(1_020), "1020"),
            (Value::from(-7), "-7"),
            (Value::from(i64::MIN), "-9223372036854775808"),
            (Value::from(u64::MAX), "18446744073709551615"),
            (Value::from(u128::MAX), "340282366920938463463374607431768211455"),
            (Value::from(1.0), "1.0"),
            (Value::from(true), "True"),
        ] {
            let printed = environment.render_str("{{ number }}", minijinja::context! { number });
            assert_eq!(printed.expect("it renders"), expected);
        }
    }

    #[test]
    fn calls_are_found_with_their_lines_and_keywords() {
        let source = "{# url_for('no') #}\n<a href=\"{{ url_for('blog.show', id=post.id, q=f(a=1), ok=a==b) }}\">\n{% raw %}{{ url_for('raw') }}{% endraw %}\
                      {% set x = x.url_for('other') or url_for(name) %}{{ 'url_for(\"text\")' ~ url_for(\"index\", **args) }}";
        let found: Vec<_> = calls(source).into_iter().filter(|call| call.function == "url_for").collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found[0],
            Call {
                function: "url_for",
                line: 2,
                first_text: Some("blog.show"),
                keywords: vec!["id", "q", "ok"],
                spreads: false
            }
        );
        assert_eq!((found[1].first_text, found[2].first_text, found[2].spreads), (None, Some("index"), true));
        assert!(calls("{{ url_for('open").is_empty());
        assert_eq!(calls("{{ f('a' ~ b) }}")[0].first_text, None);
    }

    #[test]
    fn templates_that_must_exist_are_found_with_their_lines() {
        let source = "{%- extends \"base.html\" -%}\n{% from '_m.html' import a, b %}{% import 'm.html' as m %}\n\
                      {% include 'part.html' %}{% include 'more.html' without context %}\
                      {% include 'perhaps.html' ignore missing %}{% include ['a', 'b'] %}{% include name %}\
                      {% extends 'a' if x else 'b' %}{% include 'a' ~ x %}{# {% include 'c' %} #}{{ include('d') }}\
                      {% raw %}{% include 'r' %}{% endraw %}{% set include = 'e' %}";
        let found: Vec<_> = references(source).iter().map(|found| (found.line, found.other)).collect();
        assert_eq!(found, [(1, "base.html"), (2, "_m.html"), (2, "m.html"), (3, "part.html"), (3, "more.html")]);
    }
}
