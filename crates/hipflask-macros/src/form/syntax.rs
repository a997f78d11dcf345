//! How the options of a field are written.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseBuffer};
use syn::{Attribute, Error, Expr, ExprRange, LitStr, Meta, RangeLimits, Result, Token, parenthesized};

/// The ends of a range, as they are written.
pub(super) type Bounds = (Option<TokenStream>, Option<TokenStream>);

/// The ends of `1..=80`, `1..` or `..=80`.
pub(super) fn bounds(meta: &ParseNestedMeta<'_>, option: &str, example: &str) -> Result<Bounds> {
    if !meta.input.peek(syn::token::Paren) {
        return Err(meta.error(format!("`{option}` has its bounds in parentheses: `{option}({example})`")));
    }
    let content;
    parenthesized!(content in meta.input);
    match content.parse::<Expr>()? {
        Expr::Range(ExprRange { start, limits: RangeLimits::Closed(_), end: Some(end), .. }) => {
            Ok((start.map(|start| quote!(#start)), Some(quote!(#end))))
        }
        Expr::Range(ExprRange { start: Some(start), limits: RangeLimits::HalfOpen(_), end: None, .. }) => {
            Ok((Some(quote!(#start)), None))
        }
        other => Err(Error::new_spanned(
            other,
            format!("`{option}` takes a range that includes its ends: `{option}({example})`"),
        )),
    }
}

/// What is wrong with the attribute as a whole: `#[field]`, `#[field = "x"]`, `#[field("x")]`.
pub(super) fn check_shape(attribute: &Attribute) -> Result<()> {
    const WANTED: &str = "the options of a field have names: `#[field(label = \"Title\", length(1..=80))]`";
    match &attribute.meta {
        Meta::List(list) => match list.tokens.clone().into_iter().next() {
            Some(TokenTree::Literal(literal)) => Err(Error::new(literal.span(), WANTED)),
            _ => Ok(()),
        },
        other => Err(Error::new_spanned(other, WANTED)),
    }
}

/// Nothing follows the option. Returns true: it is set.
pub(super) fn alone(meta: &ParseNestedMeta<'_>, option: &str) -> Result<bool> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        Ok(true)
    } else {
        Err(meta.error(format!("`{option}` takes no value: `#[field({option})]`")))
    }
}

/// The value after the `=`, or an error that says what it should be.
pub(super) fn value<T: Parse>(meta: &ParseNestedMeta<'_>, wanted: &str) -> Result<T> {
    match meta.value() {
        Ok(value) => value.parse().map_err(|error: Error| Error::new(error.span(), wanted)),
        Err(_) => Err(meta.error(wanted)),
    }
}

pub(super) fn text(meta: &ParseNestedMeta<'_>, key: &str) -> Result<LitStr> {
    value(meta, &format!("`{key}` is a string: `{key} = \"…\"`"))
}

/// What is in the parentheses, or an error that says what should be.
pub(super) fn list<T>(
    meta: &ParseNestedMeta<'_>,
    wanted: &str,
    one: for<'a> fn(&'a ParseBuffer<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    if !meta.input.peek(syn::token::Paren) {
        return Err(meta.error(wanted));
    }
    let content;
    parenthesized!(content in meta.input);
    let items = content.parse_terminated(one, Token![,]).map_err(|error| Error::new(error.span(), wanted))?;
    Ok(items.into_iter().collect())
}

/// The option that was meant, if the word is one with two letters swapped, or with one missing, added or wrong.
/// As an attribute of the HTML it would do nothing, which would go unnoticed. `rule` is not among them: `role` is an
/// attribute of HTML.
pub(super) fn misspelt(word: &str) -> Option<&'static str> {
    const OPTIONS: [&str; 22] = [
        "name",
        "label",
        "widget",
        "description",
        "length",
        "trim",
        "range",
        "file_size",
        "email",
        "one_of",
        "choices",
        "equal_to",
        "check",
        "empty",
        "readonly",
        "disabled",
        "entries",
        "file_types",
        "none_of",
        "ticked",
        "uuid",
        "mac_address",
    ];
    let near = |option: &&str| {
        let (word, option) = (word.as_bytes(), option.as_bytes());
        let same = word.iter().zip(option).take_while(|(a, b)| a == b).count();
        let (word, option) = (&word[same..], &option[same..]);
        match (word, option) {
            ([a, b, word @ ..], [c, d, option @ ..]) if (a, b) == (d, c) && word == option => true,
            ([_, word @ ..], [_, option @ ..]) if word == option => true,
            ([_, word @ ..], _) if word == option => true,
            (_, [_, option @ ..]) => word == option,
            _ => false,
        }
    };
    OPTIONS.into_iter().find(|option| *option != word && near(option))
}
