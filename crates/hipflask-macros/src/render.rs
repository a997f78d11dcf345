//! `render_template!`

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

use crate::Expanded;
use crate::named::Named;

struct Call {
    name: Expr,
    values: Vec<Named>,
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
            Some(_) => Named::list(
                input,
                "a template's values have names",
                "render_template!(\"page.html\", post, title = \"Post\")",
            )?,
            None if input.is_empty() => Vec::new(),
            None => return Err(input.error("a comma is missing before this")),
        };
        Ok(Call { name, values })
    }
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let Call { name, values } = syn::parse2(input)?;
    let values = values.iter().map(|Named { name, value }| {
        let text = name.unraw().to_string();
        match value {
            Some(value) => quote_spanned!(value.span()=> .with(#text, &#value)),
            None => quote_spanned!(name.span()=> .with(#text, &#name)),
        }
    });
    Ok(quote!(::hipflask::Template::new(#name)#(#values)*))
}
