//! `#[errorhandler]`

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Item, ItemFn, Lit, LitInt, Result, Type};

use crate::Expanded;
use crate::arguments::{self, Argument};

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
        let catches = match input.peek(Lit) {
            true => match input.parse()? {
                Lit::Int(status) => Catches::Status(status),
                other => return Err(Error::new(other.span(), WANTED)),
            },
            false => Catches::Type(input.parse().map_err(|error| Error::new(error.span(), WANTED))?),
        };
        if let Catches::Status(status) = &catches
            && !(400..600).contains(&status.base10_parse::<u32>()?)
        {
            return Err(Error::new(
                status.span(),
                format!("`{status}` is not the status of an error; errors have 400 to 599"),
            ));
        }
        match input.is_empty() {
            true => Ok(catches),
            false => {
                Err(input.error("an error handler catches one status or one type; write another handler for another"))
            }
        }
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Expanded {
    let catches: Catches = syn::parse2(attribute)?;
    let mut function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        other => return Err(Error::new_spanned(other, "`#[errorhandler]` stands above a function")),
    };
    let arguments = arguments::read(&function.sig, "an error handler")?;
    let (adapter, handler) = adapter(&function, &arguments);
    let (name, visibility) =
        (function.sig.ident.clone(), std::mem::replace(&mut function.vis, syn::Visibility::Inherited));
    let (outer, inner): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|a| a.path().is_ident("cfg") || a.path().is_ident("doc"));
    function.attrs = inner;
    let catches = match catches {
        Catches::Status(status) => quote!(::hipflask::Catches::status(#status)),
        Catches::Type(ty) => quote!(::hipflask::Catches::error::<#ty>()),
    };
    Ok(quote! {
        #(#outer)*
        #visibility fn #name() -> ::hipflask::ErrorHandler {
            #function
            #adapter
            ::hipflask::ErrorHandler::new(#catches, #handler)
        }
    })
}

/// A function that takes a `Caught<E>` where yours takes `&E`; nothing where yours takes no reference.
fn adapter(function: &ItemFn, arguments: &[Argument]) -> (TokenStream, TokenStream) {
    let name = &function.sig.ident;
    if !arguments.iter().any(|argument| matches!(argument, Argument::Reference { .. })) {
        return (TokenStream::new(), quote!(#name));
    }
    let (mut parameters, mut passed) = (Vec::new(), Vec::new());
    for (index, argument) in arguments.iter().enumerate() {
        let value = format_ident!("argument_{index}");
        match argument {
            Argument::Context => {
                parameters.push(quote!(#value: &mut ::hipflask::Context));
                passed.push(quote!(#value));
            }
            Argument::Typed { ty, .. } => {
                parameters.push(quote!(#value: #ty));
                passed.push(quote!(#value));
            }
            Argument::Reference { ty } => {
                parameters.push(quote!(#value: ::hipflask::Caught<#ty>));
                passed.push(quote!(&*#value));
            }
        }
    }
    let output = &function.sig.output;
    let (asyncness, wait) = match function.sig.asyncness {
        Some(_) => (quote!(async), quote!(.await)),
        None => (TokenStream::new(), TokenStream::new()),
    };
    (quote!(#asyncness fn adapter(#(#parameters),*) #output { #name(#(#passed),*)#wait }), quote!(adapter))
}
