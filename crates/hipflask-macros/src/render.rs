//! `render_template!`

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, LitStr, Result, Token};

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

/// The templates that `code` names, `render_template!("page.html")`, each once.
pub(crate) fn named_templates(code: TokenStream) -> Vec<LitStr> {
    let mut found = Vec::new();
    collect(code, &mut found);
    found
}

fn collect(code: TokenStream, found: &mut Vec<LitStr>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        if group.delimiter() != Delimiter::None && is_render_template(&tokens[..at]) {
            let name = group.stream().into_iter().next().map(TokenStream::from);
            let name = name.and_then(|name| syn::parse2::<LitStr>(name).ok());
            found.extend(name.filter(|name| found.iter().all(|known| known.value() != name.value())));
        }
        collect(group.stream(), found);
    }
}

/// Whether `tokens` end with `render_template!`.
fn is_render_template(tokens: &[TokenTree]) -> bool {
    match tokens {
        [.., TokenTree::Ident(name), TokenTree::Punct(mark)] => name == "render_template" && mark.as_char() == '!',
        _ => false,
    }
}
