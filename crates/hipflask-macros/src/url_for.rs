//! `url_for!`

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, LitStr, Path, Result, Token};

use crate::Expanded;

/// What the URL leads to.
enum Target {
    View(Path),
    Endpoint(LitStr),
}

/// `id = 5`, or `id` for a variable of that name.
struct Value {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Value> {
        let name = input
            .parse()
            .map_err(|error| Error::new(error.span(), "the values of a URL have names: `url_for!(show, id = 5)`"))?;
        match input.parse::<Option<Token![=]>>()? {
            Some(_) => Ok(Value { name, value: Some(input.parse()?) }),
            None if input.is_empty() || input.peek(Token![,]) => Ok(Value { name, value: None }),
            None => Err(input.error("the values of a URL have names: write `name = expression`")),
        }
    }
}

struct Call {
    target: Target,
    values: Vec<Value>,
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Call> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), "`url_for!` needs a view: `url_for!(blog::show, id = 5)`"));
        }
        let target = match input.peek(LitStr) {
            true => Target::Endpoint(input.parse()?),
            false => Target::View(input.parse()?),
        };
        let mut values = Vec::new();
        if input.parse::<Option<Token![,]>>()?.is_some() {
            values = Punctuated::<Value, Token![,]>::parse_terminated(input)?.into_iter().collect();
        }
        match input.is_empty() {
            true => Ok(Call { target, values }),
            false => Err(input.error("after the view come values with names: `url_for!(show, id = 5)`")),
        }
    }
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let Call { target, values } = syn::parse2(input)?;
    Ok(match target {
        Target::View(view) => {
            let values = values.iter().map(|Value { name, value }| match value {
                Some(value) => quote!(#name: #value),
                None => quote!(#name),
            });
            quote!(::hipflask::UrlFor::from(#view { #(#values),* }))
        }
        Target::Endpoint(endpoint) => {
            let values = values.iter().map(|Value { name, value }| {
                let text = name.unraw().to_string();
                match value {
                    Some(value) => quote!(.value(#text, #value)),
                    None => quote!(.value(#text, &#name)),
                }
            });
            quote!(::hipflask::UrlFor::endpoint(#endpoint)#(#values)*)
        }
    })
}
