//! The syntax of a URL rule: `/user/<int(min=1):id>/<path:rest>`.
//!
//! The macros need it at compile time and the router needs it at run time, and a procedural macro crate can export
//! nothing else, so the parser is a crate of its own. It is pure, knows no converter by name, and has no
//! dependencies. Depend on `hipflask`, never on this crate.

use std::fmt;

/// A parsed rule: static text and variables, in order, and never two static texts in a row.
///
/// ```
/// use hipflask_rule::{Piece, RuleSyntax};
///
/// let rule = RuleSyntax::parse("/user/<int:id>/edit")?;
/// assert_eq!(rule.variables().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["id"]);
/// assert_eq!(rule.pieces[0], Piece::Static("/user/".into()));
/// # Ok::<(), hipflask_rule::SyntaxError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSyntax {
    /// The pieces in the order of the path.
    pub pieces: Vec<Piece>,
}

/// One piece of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text that the path must contain as it is.
    Static(String),
    /// A `<converter(arguments):name>`.
    Variable(Variable),
}

/// A variable of a rule: `<name>`, `<converter:name>` or `<converter(arguments):name>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// The name of the view's argument.
    pub name: String,
    /// The name of the converter; `default` if the rule names none.
    pub converter: String,
    /// The converter's arguments as written.
    pub arguments: Arguments,
}

/// The arguments of a converter: `(4, min=1, "two words")`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// Arguments without a name, in order.
    pub positional: Vec<Literal>,
    /// Arguments with a name, in order.
    pub named: Vec<(String, Literal)>,
}

/// A value in a converter's arguments, in Python's spelling.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `True` or `False`.
    Bool(bool),
    /// `3`
    Int(i64),
    /// `0.5`
    Float(f64),
    /// `None`
    None,
    /// A quoted string, or a bare word.
    Str(String),
}

/// Why a text is not a rule: what was found, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    rule: String,
    message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed rule `{}`: {}", self.rule, self.message)
    }
}

impl std::error::Error for SyntaxError {}

impl SyntaxError {
    fn new(rule: &str, message: impl Into<String>) -> SyntaxError {
        SyntaxError { rule: rule.to_owned(), message: message.into() }
    }
}

impl RuleSyntax {
    /// Parses `rule`.
    ///
    /// # Errors
    ///
    /// If a `<` has no `>`, a variable has no valid name, a name occurs twice, or the arguments of a converter are
    /// not literals.
    pub fn parse(rule: &str) -> Result<RuleSyntax, SyntaxError> {
        let mut pieces = Vec::new();
        let mut rest = rule;
        while let Some(open) = rest.find('<') {
            push_static(&mut pieces, &rest[..open], rule)?;
            let close = closing_bracket(&rest[open..]).ok_or_else(|| {
                SyntaxError::new(rule, format!("`{}` has no `>`; a variable is written `<name>`", &rest[open..]))
            })?;
            let variable = parse_variable(&rest[open + 1..open + close], rule)?;
            if pieces.iter().any(|p| matches!(p, Piece::Variable(v) if v.name == variable.name)) {
                return Err(SyntaxError::new(
                    rule,
                    format!("the variable `{}` occurs twice; give each its own name", variable.name),
                ));
            }
            pieces.push(Piece::Variable(variable));
            rest = &rest[open + close + 1..];
        }
        push_static(&mut pieces, rest, rule)?;
        Ok(RuleSyntax { pieces })
    }

    /// The variables in the order of the path.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Static(_) => None,
        })
    }
}

fn push_static(pieces: &mut Vec<Piece>, text: &str, rule: &str) -> Result<(), SyntaxError> {
    if text.contains('>') {
        return Err(SyntaxError::new(rule, "a `>` has no `<`; a variable is written `<name>`"));
    }
    if !text.is_empty() {
        pieces.push(Piece::Static(text.to_owned()));
    }
    Ok(())
}

/// The offset of the `>` that ends the variable at the start of `text`, respecting quotes.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '>' => return Some(at),
            None => {}
        }
    }
    None
}

fn parse_variable(text: &str, rule: &str) -> Result<Variable, SyntaxError> {
    let malformed = |message: String| SyntaxError::new(rule, message);
    // The name follows the last colon outside quotes, so that `any("a:b"):x` works.
    let (converter, name) = match text.rfind(':') {
        Some(at) if !text[at..].contains(['"', '\'', ')']) => (Some(&text[..at]), &text[at + 1..]),
        _ => (None, text),
    };
    if name.is_empty() {
        return Err(malformed(format!("`<{text}>` has no variable name; write `<name>` or `<converter:name>`")));
    }
    if !is_identifier(name) {
        return Err(malformed(format!(
            "`{name}` in `<{text}>` is not a valid variable name; use letters, digits and `_`"
        )));
    }
    let Some(converter) = converter else {
        return Ok(Variable {
            name: name.to_owned(),
            converter: "default".to_owned(),
            arguments: Arguments::default(),
        });
    };
    let (converter, arguments) = match converter.split_once('(') {
        None => (converter, Arguments::default()),
        Some((converter, arguments)) => {
            let arguments = arguments
                .strip_suffix(')')
                .ok_or_else(|| malformed(format!("the arguments of `{converter}` in `<{text}>` do not end in `)`")))?;
            (converter, parse_arguments(arguments).map_err(malformed)?)
        }
    };
    if !is_identifier(converter) {
        return Err(malformed(format!(
            "`{converter}` in `<{text}>` is not a converter's name; write `<converter:name>`"
        )));
    }
    Ok(Variable { name: name.to_owned(), converter: converter.to_owned(), arguments })
}

fn parse_arguments(text: &str) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name = match rest.split_once('=') {
            Some((name, value)) if is_identifier(name.trim()) => {
                rest = value.trim_start();
                Some(name.trim().to_owned())
            }
            _ => None,
        };
        let (literal, after) = parse_literal(rest)?;
        match name {
            Some(name) => arguments.named.push((name, literal)),
            None => arguments.positional.push(literal),
        }
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(format!("cannot parse converter argument `{rest}`; separate arguments with commas")),
        }
    }
    Ok(arguments)
}

fn parse_literal(text: &str) -> Result<(Literal, &str), String> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let end = text[1..]
            .find(quote)
            .ok_or_else(|| format!("cannot parse converter argument `{text}`; the quote is not closed"))?;
        return Ok((Literal::Str(text[1..=end].to_owned()), &text[end + 2..]));
    }
    let end = text.find(',').unwrap_or(text.len());
    let (word, rest) = (text[..end].trim_end(), &text[end..]);
    let literal = match word {
        "True" => Literal::Bool(true),
        "False" => Literal::Bool(false),
        "None" => Literal::None,
        _ => number(word).unwrap_or_else(|| Literal::Str(word.to_owned())),
    };
    match &literal {
        Literal::Str(word) if word.is_empty() || !word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') => {
            Err(format!("cannot parse converter argument `{word}`; write a number, a bare word or a quoted string"))
        }
        _ => Ok((literal, rest)),
    }
}

fn number(word: &str) -> Option<Literal> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(int) = word.parse() {
        return Some(Literal::Int(int));
    }
    word.parse().ok().map(Literal::Float)
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(rule: &str) -> Variable {
        RuleSyntax::parse(rule).expect(rule).variables().next().expect(rule).clone()
    }

    fn message(rule: &str) -> String {
        RuleSyntax::parse(rule).expect_err(rule).to_string()
    }

    #[test]
    fn static_text_and_variables_alternate() {
        let rule = RuleSyntax::parse("/a/<b>.<int:c>/d").expect("valid");
        let text: Vec<String> = rule
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Static(text) => text.clone(),
                Piece::Variable(v) => format!("{}:{}", v.converter, v.name),
            })
            .collect();
        assert_eq!(text, ["/a/", "default:b", ".", "int:c", "/d"]);
    }

    #[test]
    fn arguments_are_python_literals() {
        let v = variable("/<any(about, 'two, words', 3, 1.5, True, None):page>");
        assert_eq!(
            v.arguments.positional,
            [
                Literal::Str("about".into()),
                Literal::Str("two, words".into()),
                Literal::Int(3),
                Literal::Float(1.5),
                Literal::Bool(true),
                Literal::None
            ]
        );
        let v = variable("/<int(fixed_digits=4, min=-1):year>");
        assert_eq!(v.arguments.named, [("fixed_digits".into(), Literal::Int(4)), ("min".into(), Literal::Int(-1))]);
    }

    #[test]
    fn quotes_may_hold_brackets_and_colons() {
        let v = variable("/<any(\"a:b\", \"c>d\"):x>");
        assert_eq!(v.name, "x");
        assert_eq!(v.arguments.positional, [Literal::Str("a:b".into()), Literal::Str("c>d".into())]);
    }

    #[test]
    fn errors_say_what_was_found_and_what_to_do() {
        assert_eq!(message("/a/<b"), "malformed rule `/a/<b`: `<b` has no `>`; a variable is written `<name>`");
        assert_eq!(message("/a>"), "malformed rule `/a>`: a `>` has no `<`; a variable is written `<name>`");
        assert!(message("/<>").contains("write `<name>` or `<converter:name>`"));
        assert!(message("/<1a>").contains("not a valid variable name"));
        assert!(message("/<post-id>").contains("letters, digits and `_`"));
        assert!(message("/<a>/<a>").contains("the variable `a` occurs twice"));
        assert!(message("/<int(x:a>").contains("do not end in `)`"));
        assert!(message("/<any(a b):a>").contains("cannot parse converter argument"));
        assert!(message("/<any('a):a>").contains("no `>`"), "an open quote swallows the bracket");
        assert!(message("/<any('a' 'b'):a>").contains("separate arguments with commas"));
    }
}
