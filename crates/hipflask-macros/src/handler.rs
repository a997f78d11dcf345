//! The handler that calls a view or an error handler with what it asks for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Result, ReturnType, Signature};

use crate::arguments::{Argument, in_one_place};
use crate::view::PathArgument;

/// Where a plain `fn` runs: on a thread for what may block, or on the worker that the request is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Thread,
    Inline,
}

impl Place {
    /// [`Place::Inline`] where the word `inline` stands.
    pub(crate) fn of(inline: Option<&Ident>, signature: &Signature) -> Result<Place> {
        match (inline, signature.asyncness) {
            (None, _) => Ok(Place::Thread),
            (Some(_), None) => Ok(Place::Inline),
            (Some(word), Some(_)) => Err(Error::new(
                word.span(),
                "an `async fn` runs in place anyway; `inline` is for a plain `fn` that does not block",
            )),
        }
    }
}

/// `impl Handler for __View`, which calls the function. Two underscores, because types of the user's own are named in
/// it. Each line that can be the wrong type's fault is placed at
/// that type, so that the compiler's message points there and not at the attribute.
pub(crate) fn expand(
    signature: &Signature,
    arguments: &[Argument],
    path: &[PathArgument],
    place: Place,
) -> TokenStream {
    let mut fetches = TokenStream::new();
    let mut passed = Vec::new();
    let mut ready = quote!(true);
    let mut checks = TokenStream::new();
    let mut takes_context = false;
    for (index, argument) in arguments.iter().enumerate() {
        let value = |span: Span| Ident::new(&format!("argument_{index}"), span.resolved_at(Span::call_site()));
        let mut fetch = |ty: TokenStream, span: Span| {
            let extractor = quote_spanned!(span=> <#ty as ::hipflask::FromContext>);
            ready.extend(quote_spanned!(span=> && #extractor::READY));
            checks.extend(quote_spanned!(span=> #extractor::check(freezing)?;));
            let value = value(span);
            fetches.extend(quote_spanned!(span=> let #value = #extractor::from_context(ctx).await?;));
        };
        match argument {
            Argument::Context => takes_context = true,
            Argument::Reference { ty, caught } => {
                let error = in_one_place(caught);
                fetch(quote_spanned!(caught.span()=> ::hipflask::errors::Caught<#error>), caught.span());
                let value = value(ty.span());
                passed.push(quote_spanned!(ty.span()=> &*#value));
            }
            Argument::Typed { name, ty } => {
                let of_path = name.as_ref().and_then(|name| path.iter().find(|argument| argument.name == *name));
                let (tokens, span) = (in_one_place(ty), ty.span());
                let value = value(span);
                match of_path {
                    None => fetch(tokens, span),
                    Some(PathArgument { variable, .. }) => fetches.extend(quote_spanned!(span=>
                        let #value = <#tokens as ::hipflask::helpers::PathValue>::from_args(ctx.view_args(), #variable)?;
                    )),
                }
                passed.push(quote!(#value));
            }
        }
    }
    let span = answer_span(signature);
    let mut name = signature.ident.clone();
    name.set_span(span.resolved_at(name.span()));
    let call = match takes_context {
        true => quote_spanned!(span=> #name(ctx, #(#passed),*)),
        false => quote_spanned!(span=> #name(#(#passed),*)),
    };
    let is_async = signature.asyncness.is_some();
    let called = match (place, takes_context) {
        _ if is_async => quote_spanned!(span=> #call.await),
        (Place::Inline, _) => quote_spanned!(span=> ::hipflask::__private::watched(NAME, || #call)),
        (Place::Thread, true) => quote_spanned!(span=> ctx.run_blocking(move |ctx| #call).await?),
        (Place::Thread, false) => quote_spanned!(span=> ctx.app().run_blocking(move || #call).await?),
    };
    let text = signature.ident.to_string();
    let constant = (!is_async && place == Place::Inline).then(|| {
        quote!(
            const NAME: &str = ::core::concat!(::core::module_path!(), "::", #text);
        )
    });
    let ready = if constant.is_some() { ready } else { quote!(false) };
    let at_name = signature.ident.span();
    let answer = quote_spanned!(span=> ::hipflask::extension::Outcome::into_outcome(#called));
    let answer = quote_spanned!(at_name=> async move { #fetches #answer });
    let answer = match constant {
        Some(_) => quote_spanned!(at_name=> ::hipflask::extension::Answer::of(#ready, #answer)),
        None => quote_spanned!(at_name=> ::hipflask::extension::Answer::Later(::std::boxed::Box::pin(#answer))),
    };
    quote! {
        struct __View;

        impl ::hipflask::extension::Handler for __View {
            #[allow(clippy::redundant_closure, reason = "the closure is the macro's")]
            fn call<'a>(&'a self, ctx: &'a mut ::hipflask::Context) -> ::hipflask::extension::Answer<'a> {
                #constant
                #answer
            }

            fn check(&self, freezing: &::hipflask::extension::Freezing<'_>) -> ::core::result::Result<(), ::std::string::String> {
                let _ = freezing;
                #checks
                ::core::result::Result::Ok(())
            }
        }
    }
}

fn answer_span(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => signature.ident.span(),
    }
}
