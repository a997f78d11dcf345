//! From the text of a rule to what it is matched and built by.

use std::sync::Arc;

use hipflask_rule::{Literal, Piece, RuleSyntax, Variable};

use crate::http::url::{PATH_SAFE, quote};
use crate::routing::converter::Converter;
use crate::routing::part::{Part, PartPiece};

/// The variables of a rule with their converters, in the order of the rule; those of its domain come first.
pub(super) type Variables = Vec<(Arc<str>, Arc<dyn Converter>)>;

/// A piece of a URL that is being built.
#[derive(Debug)]
pub(super) enum Trace {
    Static(String),
    /// An index of the rule's variables.
    Variable(usize),
}

/// The pieces of a URL, whose first variable has the index `first`.
pub(super) fn trace(syntax: &RuleSyntax, first: usize) -> Vec<Trace> {
    let mut next = first..;
    let mut piece = |piece: &Piece| match piece {
        Piece::Static(text) => Trace::Static(quote(text, PATH_SAFE).into_owned()),
        Piece::Variable(_) => Trace::Variable(next.next().unwrap_or_default()),
    };
    syntax.pieces.iter().map(&mut piece).collect()
}

/// A domain is one part, whose dots divide nothing.
///
/// # Errors
///
/// If it contains what no domain does.
pub(super) fn domain(syntax: &RuleSyntax, variables: &[(Arc<str>, Arc<dyn Converter>)]) -> Result<Part, String> {
    let mut part = Part::default();
    let mut converters = variables.iter().map(|(_, converter)| Arc::clone(converter));
    for piece in &syntax.pieces {
        match piece {
            Piece::Static(text) => {
                if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)) {
                    return Err(format!("`{text}` in its domain is no part of a host name; write it as in a URL"));
                }
                part.pieces.push(PartPiece::Text(text.to_ascii_lowercase()));
            }
            Piece::Variable(variable) => {
                let Some(converter) = converters.next() else { break };
                if !converter.part_isolating() {
                    let name = &variable.name;
                    return Err(format!("the variable `{name}` may hold slashes, which no domain does; use another"));
                }
                part.pieces.push(PartPiece::Variable { key: key(variable), converter });
            }
        }
    }
    Ok(part)
}

/// Cuts a rule at its slashes. From a variable that may contain slashes on, the rest is one part.
pub(super) fn parts(syntax: &RuleSyntax, variables: &[(Arc<str>, Arc<dyn Converter>)]) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut converters = variables.iter().map(|(_, converter)| Arc::clone(converter));
    for piece in &syntax.pieces {
        match piece {
            Piece::Static(text) => push_text(&mut parts, text),
            Piece::Variable(variable) => {
                let (Some(part), Some(converter)) = (parts.last_mut(), converters.next()) else { break };
                part.is_final |= !converter.part_isolating();
                part.pieces.push(PartPiece::Variable { key: key(variable), converter });
            }
        }
    }
    let last = parts.last_mut().filter(|part| part.is_final);
    if let Some(last) = last
        && let Some(PartPiece::Text(text)) = last.pieces.last_mut()
        && text.ends_with('/')
    {
        text.pop();
        if text.is_empty() {
            last.pieces.pop();
        }
        last.is_suffixed = true;
        parts.push(Part::default());
    }
    parts
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    for (i, segment) in text.split('/').enumerate() {
        let is_final = parts.last().is_some_and(|part| part.is_final);
        if i > 0 && !is_final {
            parts.push(Part::default());
        }
        let Some(part) = parts.last_mut() else { return };
        let slash = if i > 0 && is_final { "/" } else { "" };
        match part.pieces.last_mut() {
            Some(PartPiece::Text(text)) => text.extend([slash, segment]),
            _ if slash.is_empty() && segment.is_empty() => {}
            _ => part.pieces.push(PartPiece::Text(format!("{slash}{segment}"))),
        }
    }
}

/// Two variables with the same key match the same texts, whatever their names.
fn key(variable: &Variable) -> String {
    let literal = |literal: &Literal| format!("{literal:?}");
    let positional = variable.arguments.positional.iter().map(literal);
    let named = variable.arguments.named.iter().map(|(name, value)| format!("{name}={value:?}"));
    let converter = if variable.converter == "default" { "string" } else { &variable.converter };
    format!("{converter}({})", positional.chain(named).collect::<Vec<_>>().join(","))
}
