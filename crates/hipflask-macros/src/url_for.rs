//! `url_for!`

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, LitStr, Path, Result, Token};

use crate::Expanded;
use crate::named::Named;

/// What the URL leads to.
enum Target {
    View(Path),
    Endpoint(LitStr),
}

struct Call {
    target: Target,
    values: Vec<Named>,
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Call> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), "`url_for!` needs a view: `url_for!(blog::show, id = 5)`"));
        }
        let target = if input.peek(LitStr) { Target::Endpoint(input.parse()?) } else { Target::View(input.parse()?) };
        let mut values = Vec::new();
        if input.parse::<Option<Token![,]>>()?.is_some() {
            values = Named::list(input, "the values of a URL have names", "url_for!(show, id = 5)")?;
        }
        if !input.is_empty() {
            return Err(input.error("after the view come values with names: `url_for!(show, id = 5)`"));
        }
        Ok(Call { target, values })
    }
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let Call { target, values } = syn::parse2(input)?;
    Ok(match target {
        Target::View(view) => {
            let values = values.iter().map(|Named { name, value }| match value {
                Some(value) => quote!(#name: #value),
                None => quote!(#name),
            });
            quote!(::hipflask::helpers::UrlFor::from(#view { #(#values),* }))
        }
        Target::Endpoint(endpoint) => {
            let values = values.iter().map(|Named { name, value }| {
                let text = name.unraw().to_string();
                match value {
                    Some(value) => quote!(.value(#text, #value)),
                    None => quote!(.value(#text, &#name)),
                }
            });
            quote!(::hipflask::helpers::UrlFor::endpoint(#endpoint)#(#values)*)
        }
    })
}
