//! `render_template!`

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

use crate::Expanded;

/// `post`, or `title = expression`.
struct Value {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Value> {
        let name = input.parse().map_err(|error| {
            Error::new(
                error.span(),
                "a template's values have names: `render_template!(\"page.html\", post, title = \"Post\")`",
            )
        })?;
        match input.parse::<Option<Token![=]>>()? {
            Some(_) => Ok(Value { name, value: Some(input.parse()?) }),
            None if input.is_empty() || input.peek(Token![,]) => Ok(Value { name, value: None }),
            None => Err(input.error("a template's values have names: write `name = expression`")),
        }
    }
}

struct Call {
    name: Expr,
    values: Vec<Value>,
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Call> {
        if input.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                "`render_template!` needs a template: `render_template!(\"page.html\")`",
            ));
        }
        let name = input.parse()?;
        let values = match input.parse::<Option<Token![,]>>()? {
            Some(_) => Punctuated::<Value, Token![,]>::parse_terminated(input)?.into_iter().collect(),
            None if input.is_empty() => Vec::new(),
            None => return Err(input.error("a comma is missing before this")),
        };
        Ok(Call { name, values })
    }
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let Call { name, values } = syn::parse2(input)?;
    let values = values.iter().map(|Value { name, value }| {
        let text = name.unraw().to_string();
        match value {
            Some(value) => quote_spanned!(value.span()=> .with(#text, &#value)),
            None => quote_spanned!(name.span()=> .with(#text, &#name)),
        }
    });
    Ok(quote!(::hipflask::Template::new(#name)#(#values)*))
}
