//! `#[hipflask::main]` and `#[hipflask::test]`

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Item, ItemFn, ReturnType};

use crate::Expanded;

fn function(attribute: &TokenStream, item: TokenStream, name: &str) -> syn::Result<ItemFn> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(attribute, format!("`#[{name}]` takes no arguments")));
    }
    match syn::parse2(item)? {
        Item::Fn(function) => match function.sig.inputs.first() {
            None => Ok(function),
            Some(argument) => {
                Err(Error::new_spanned(argument, format!("the function under `#[{name}]` takes no arguments")))
            }
        },
        other => Err(Error::new_spanned(other, format!("`#[{name}]` belongs above a function"))),
    }
}

pub(crate) fn main(attribute: &TokenStream, item: TokenStream) -> Expanded {
    let function = function(attribute, item, "hipflask::main")?;
    let name = &function.sig.ident;
    if name == "main" {
        return Err(Error::new(
            name.span(),
            "call the function `app`: `main` is what the attribute writes, and tests call `app()`",
        ));
    }
    if let Some(asyncness) = &function.sig.asyncness {
        return Err(Error::new_spanned(
            asyncness,
            "building an application is not async; do what takes time in `App::on_startup`",
        ));
    }
    let ReturnType::Type(_, output) = &function.sig.output else {
        return Err(Error::new(
            name.span(),
            "the function under `#[hipflask::main]` returns the application: `-> App`",
        ));
    };
    // Placed at the type, which is what can be wrong with it.
    let mut build = name.clone();
    build.set_span(output.span().resolved_at(name.span()));
    let run = quote_spanned!(output.span()=> ::hipflask::cli::main(#build));
    Ok(quote! {
        #function

        fn main() -> ::std::process::ExitCode {
            #run
        }
    })
}

/// What replaces a wrong `#[hipflask::main]`: the function and a `main`, whose absence would be reported too.
pub(crate) fn standing_in(item: TokenStream) -> TokenStream {
    let mut item: Item = match syn::parse2(item.clone()) {
        Ok(parsed) => parsed,
        Err(_) => return item,
    };
    if let Item::Fn(function) = &mut item
        && function.sig.ident == "main"
    {
        function.sig.ident = Ident::new("app", function.sig.ident.span());
    }
    quote! {
        #[allow(dead_code)]
        #item

        fn main() {}
    }
}

pub(crate) fn test(attribute: &TokenStream, item: TokenStream) -> Expanded {
    let ItemFn { attrs, vis, mut sig, block, .. } = function(attribute, item, "hipflask::test")?;
    let body = match sig.asyncness.take() {
        Some(_) => quote!({ ::hipflask::block_on(async move #block) }),
        None => quote!(#block),
    };
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis #sig #body
    })
}
