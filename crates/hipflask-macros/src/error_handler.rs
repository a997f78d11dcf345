//! `#[errorhandler]`

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Item, ItemFn, Lit, LitInt, Result, Token, Type};

use crate::Expanded;
use crate::arguments::{self, Argument};
use crate::handler::{self, Place};
use crate::root::Root;

/// What an error handler catches.
enum Catches {
    Status(LitInt),
    Type(Box<Type>),
}

impl Parse for Catches {
    fn parse(input: ParseStream<'_>) -> Result<Catches> {
        const WANTED: &str =
            "an error handler names a status or a type: `#[errorhandler(404)]`, `#[errorhandler(sqlx::Error)]`";
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), WANTED));
        }
        const STATUS: &str = "the status of an error is a number from 400 to 599: `#[errorhandler(404)]`";
        if input.peek(Lit) || input.peek(Token![-]) {
            return match input.parse()? {
                Lit::Int(status) if matches!(status.base10_parse(), Ok(400..600)) => Ok(Catches::Status(status)),
                other => Err(Error::new(other.span(), format!("found `{}`, but {STATUS}", other.to_token_stream()))),
            };
        }
        let ty: Type = input.parse().map_err(|error| Error::new(error.span(), WANTED))?;
        if is_constant(&ty) {
            return Err(Error::new_spanned(ty, format!("found a constant, but {STATUS}")));
        }
        Ok(Catches::Type(Box::new(ty)))
    }
}

/// What is in the brackets: what is caught, and perhaps `inline`.
struct Options {
    catches: Catches,
    inline: Option<Ident>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Options> {
        const ONE: &str = "an error handler catches one status or one type; write another handler for another";
        let catches = input.parse()?;
        let inline = match input.parse::<Option<Token![,]>>()? {
            Some(_) if !input.is_empty() => {
                Some(input.parse::<Ident>().map_err(|error| Error::new(error.span(), ONE))?)
            }
            _ => None,
        };
        if let Some(other) = inline.as_ref().filter(|word| *word != "inline") {
            return Err(Error::new(other.span(), ONE));
        }
        if input.is_empty() { Ok(Options { catches, inline }) } else { Err(input.error(ONE)) }
    }
}

/// `Status::NOT_FOUND`
fn is_constant(ty: &Type) -> bool {
    arguments::last_segment(ty).is_some_and(|name| {
        name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b))
    })
}

pub(crate) fn expand(root: &Root, attribute: TokenStream, item: TokenStream) -> Expanded {
    let Options { catches, inline } = syn::parse2(attribute)?;
    let function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        other => return Err(Error::new_spanned(other, "`#[errorhandler]` belongs above a function")),
    };
    let mut arguments = arguments::read(&function.sig, "an error handler")?;
    if let Catches::Type(ty) = &catches {
        lend(ty, &mut arguments, root)?;
    }
    let handler = handler::expand(&function, &arguments, &[], Place::of(inline.as_ref(), &function.sig)?);
    let catches = match catches {
        Catches::Status(status) => quote!(::hipflask::errors::Catches::status(#status)),
        Catches::Type(ty) => quote!(::hipflask::errors::Catches::error::<#ty>()),
    };
    Ok(around(
        function,
        &quote! {
            #handler
            ::hipflask::errors::ErrorHandler::new(#catches, __View)
        },
    ))
}

/// What replaces an error handler whose attribute is wrong, so that its registration is not reported too.
pub(crate) fn standing_in(item: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(mut function) => {
            function.attrs.push(syn::parse_quote!(#[allow(dead_code, unused)]));
            around(function, &quote!(::core::unreachable!()))
        }
        Err(_) => item,
    }
}

/// What a handler borrows is what it catches.
fn lend(catches: &Type, arguments: &mut [Argument], root: &Root) -> Result<()> {
    let written = |ty: &Type| ty.to_token_stream().to_string();
    // Whatever is caught can be borrowed as an `&Error`.
    let is_any_error = |ty: &Type| written(ty) == "Error" || root.is(&written(ty), "Error");
    for argument in arguments {
        match argument {
            Argument::Reference { ty, caught } if written(ty) != written(catches) && !is_any_error(ty) => {
                **caught = catches.clone();
            }
            Argument::Typed { ty, .. } if written(ty) == written(catches) && !is_http_error(ty) => {
                let message = format!("an error handler borrows its error: write `&{}`", written(ty).replace(' ', ""));
                return Err(Error::new_spanned(ty, message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// An `HttpError` can be taken by value, whatever a handler catches.
fn is_http_error(ty: &Type) -> bool {
    arguments::last_segment(ty).is_some_and(|name| name == "HttpError")
}

/// The function that makes the error handler, by `body`, with the user's function inside.
fn around(mut function: ItemFn, body: &TokenStream) -> TokenStream {
    let name = function.sig.ident.clone();
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let (outer, inner): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|a| a.path().is_ident("cfg") || a.path().is_ident("doc"));
    function.attrs = inner;
    quote! {
        #(#outer)*
        #visibility fn #name() -> ::hipflask::errors::ErrorHandler {
            #function
            #body
        }
    }
}
