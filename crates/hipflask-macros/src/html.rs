//! `html!`

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Result, Token};

use crate::Expanded;

struct Call {
    format: LitStr,
    positional: Vec<Expr>,
    named: Vec<(Ident, Expr)>,
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Call> {
        let format: LitStr = input.parse().map_err(|error| {
            Error::new(
                error.span(),
                "`html!` begins with its text: `html!(\"<h1>{title}</h1>\")`; for HTML at hand there is `Html::new`",
            )
        })?;
        let mut call = Call { format, positional: Vec::new(), named: Vec::new() };
        while !input.is_empty() {
            input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), "a comma is missing before this"))?;
            if input.is_empty() {
                break;
            }
            if input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
                let name = input.parse()?;
                input.parse::<Token![=]>()?;
                call.named.push((name, input.parse()?));
            } else {
                call.positional.push(input.parse()?);
            }
        }
        Ok(call)
    }
}

/// Text, or a place with the argument that goes there and the format it has.
enum Piece {
    Text(String),
    Place { argument: String, format: String },
}

/// Takes a format string apart, like `format!` does.
fn pieces(format: &LitStr) -> Result<Vec<Piece>> {
    let text = format.value();
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{").ok_or_else(|| {
            Error::new(
                format.span(),
                format!("a `{brace}` is alone in the HTML; write `{brace}{brace}` for the character itself"),
            )
        })?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        let (argument, spec) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        if !is_format(spec) {
            return Err(Error::new(
                format.span(),
                format!(
                    "`{{{}}}` is not a value; write the braces of CSS and JavaScript as `{{{{` and `}}}}`, or put them into a file of `static/`",
                    &rest[..end]
                ),
            ));
        }
        pieces.push(Piece::Place { argument: argument.trim().to_owned(), format: spec.trim_end().to_owned() });
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// Whether `spec` can follow the colon of a place: `>8.3`, `#x`, `?`.
fn is_format(spec: &str) -> bool {
    let filled = spec.chars().nth(1).is_some_and(|c| "<^>".contains(c));
    let rest = if filled { spec.trim_start_matches(|c| !"<^>".contains(c)) } else { spec }.trim_end();
    let kind = rest.trim_start_matches(|c: char| !c.is_ascii_alphabetic() && c != '?');
    let named_width = kind.contains('$');
    !rest.contains(char::is_whitespace)
        && (named_width || matches!(kind, "" | "?" | "x?" | "X?" | "o" | "x" | "X" | "p" | "b" | "e" | "E"))
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let call: Call = syn::parse2(input)?;
    let mut used = vec![false; call.positional.len()];
    let mut next = 0;
    let mut code = TokenStream::new();
    let mut named = Vec::new();
    // One variable, wherever a line of code is placed.
    let html = Ident::new("html", Span::mixed_site());
    for piece in pieces(&call.format)? {
        code.extend(match piece {
            Piece::Text(text) => quote!(#html.push_str(#text);),
            Piece::Place { argument, format } => {
                named.push(argument.clone());
                let (value, span) = argument_code(&call, &argument, &mut next, &mut used)?;
                match format.as_str() {
                    "" => quote_spanned!(span=> ::hipflask::templating::ToHtml::to_html(&#value, &mut #html);),
                    format => {
                        let format = format!("{{:{format}}}");
                        quote_spanned!(span=> ::hipflask::templating::ToHtml::to_html(&::core::format_args!(#format, #value), &mut #html);)
                    }
                }
            }
        });
    }
    if let Some((unused, _)) = call.positional.iter().zip(&used).find(|(_, used)| !**used) {
        return Err(Error::new_spanned(unused, "this value has no `{}` in the text of `html!`"));
    }
    if let Some((unused, _)) = call.named.iter().find(|(name, _)| !named.contains(&name.to_string())) {
        return Err(Error::new_spanned(unused, format!("this value has no `{{{unused}}}` in the text of `html!`")));
    }
    // Room for the text, with a short value in each place.
    let capacity = call.format.value().len() + 32 * named.len();
    Ok(quote! {{
        let mut #html = ::std::string::String::with_capacity(#capacity);
        #code
        ::hipflask::Html::new(#html)
    }})
}

/// The expression for a place: the next, a numbered, a named one, or a variable.
fn argument_code(call: &Call, argument: &str, next: &mut usize, used: &mut [bool]) -> Result<(TokenStream, Span)> {
    let index = match argument {
        "" => {
            *next += 1;
            Some(*next - 1)
        }
        number if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok(),
        _ => None,
    };
    if let Some(index) = index {
        let value = call.positional.get(index).ok_or_else(|| {
            Error::new(
                call.format.span(),
                format!("the text of `html!` has a place for value number {}, but no such value follows it", index + 1),
            )
        })?;
        used[index] = true;
        return Ok((quote_spanned!(value.span()=> (#value)), value.span()));
    }
    if let Some((_, value)) = call.named.iter().find(|(name, _)| name == argument) {
        return Ok((quote_spanned!(value.span()=> (#value)), value.span()));
    }
    match syn::parse_str::<Ident>(argument) {
        Ok(mut name) => {
            name.set_span(call.format.span());
            Ok((quote!(#name), call.format.span()))
        }
        Err(_) => Err(Error::new(
            call.format.span(),
            format!("`{{{argument}}}` is more than a name; give it one: `html!(\"…{{x}}…\", x = {argument})`"),
        )),
    }
}
