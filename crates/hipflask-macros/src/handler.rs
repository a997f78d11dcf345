//! The handler that calls a view or an error handler with what it asks for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result, ReturnType, Signature};

use crate::arguments::{Argument, in_one_place};
use crate::render::named_templates;

/// An argument that is found by its name: a value of the path, what a user has typed.
pub(crate) struct Given {
    pub(crate) name: Ident,
    /// The expression that gives it, out of `ctx`.
    pub(crate) value: TokenStream,
}

/// Where a plain `fn` runs: on a thread for what may block, or on the worker that the request is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Thread,
    Inline,
}

impl Place {
    /// [`Place::Inline`] where the word `inline` is.
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
/// it. Each line that can be the wrong type's fault is placed at that type, so that the compiler's message points there and
/// not at the attribute.
pub(crate) fn expand(function: &ItemFn, arguments: &[Argument], given: &[Given], place: Place) -> TokenStream {
    let fetched = Fetched::new(arguments, given);
    let answer = answer(&function.sig, &fetched, place);
    let checks = &fetched.checks;
    let templates = templates(function);
    quote! {
        struct __View;

        impl ::hipflask::extension::Handler for __View {
            #[allow(clippy::redundant_closure, reason = "the closure is the macro's")]
            fn call<'a>(&'a self, ctx: &'a mut ::hipflask::Context) -> ::hipflask::extension::Answer<'a> {
                #answer
            }

            fn check(&self, freezing: &::hipflask::extension::Freezing<'_>) -> ::core::result::Result<(), ::std::string::String> {
                let _ = freezing;
                #checks
                #templates
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// The check that the templates exist which the function names.
fn templates(function: &ItemFn) -> TokenStream {
    let names = named_templates(function.block.to_token_stream());
    if names.is_empty() { TokenStream::new() } else { quote!(freezing.check_templates(&[#(#names),*])?;) }
}

/// What the arguments of the function come from.
#[derive(Default)]
struct Fetched {
    /// The lines that fetch the values.
    fetches: TokenStream,
    /// The values, as they are passed.
    passed: Vec<TokenStream>,
    /// `T::READY` for each that is found by its type.
    ready: Vec<TokenStream>,
    /// What each of these checks at the start.
    checks: TokenStream,
    takes_context: bool,
}

impl Fetched {
    fn new(arguments: &[Argument], given: &[Given]) -> Fetched {
        let mut fetched = Fetched::default();
        for (index, argument) in arguments.iter().enumerate() {
            let value = |span: Span| Ident::new(&format!("argument_{index}"), span.resolved_at(Span::call_site()));
            match argument {
                Argument::Context => fetched.takes_context = true,
                Argument::Reference { ty, caught } => {
                    let (error, span) = (in_one_place(caught), caught.span());
                    fetched.by_type(&value(span), &quote_spanned!(span=> ::hipflask::errors::Caught<#error>), span);
                    let value = value(ty.span());
                    fetched.passed.push(quote_spanned!(ty.span()=> &*#value));
                }
                Argument::Typed { name, ty } => {
                    let given = name.as_ref().and_then(|name| given.iter().find(|given| given.name == *name));
                    let (tokens, span) = (in_one_place(ty), ty.span());
                    let value = value(span);
                    match given {
                        None => fetched.by_type(&value, &tokens, span),
                        Some(Given { value: given, .. }) => {
                            fetched.fetches.extend(quote_spanned!(span=> let #value = #given;));
                        }
                    }
                    fetched.passed.push(quote!(#value));
                }
            }
        }
        fetched
    }

    fn by_type(&mut self, value: &Ident, ty: &TokenStream, span: Span) {
        let extractor = quote_spanned!(span=> <#ty as ::hipflask::FromContext>);
        self.ready.push(quote_spanned!(span=> #extractor::READY));
        self.checks.extend(quote_spanned!(span=> #extractor::check(freezing)?;));
        self.fetches.extend(quote_spanned!(span=> let #value = #extractor::from_context(ctx).await?;));
    }
}

/// The body of `Handler::call`. A function that runs in place answers at once if all that it takes is ready.
fn answer(signature: &Signature, fetched: &Fetched, place: Place) -> TokenStream {
    let Fetched { fetches, ready, .. } = fetched;
    let (called, at_name) = (called(signature, fetched, place), signature.ident.span());
    let outcome = quote_spanned!(answer_span(signature)=> ::hipflask::extension::Outcome::into_outcome(#called, ctx));
    if signature.asyncness.is_none() && place == Place::Inline {
        let name = signature.ident.to_string();
        let answer = quote_spanned!(at_name=> async move { #fetches ::core::result::Result::Ok(#outcome) });
        let ready = if ready.is_empty() { quote!(true) } else { quote!(#(#ready)&&*) };
        quote! {
            const NAME: &str = ::core::concat!(::core::module_path!(), "::", #name);
            ::hipflask::extension::Answer::by(#ready, #answer)
        }
    } else {
        let answer = quote_spanned!(at_name=> async move { #fetches #outcome.await });
        quote_spanned!(at_name=> ::hipflask::extension::Answer::Later(::std::boxed::Box::pin(#answer)))
    }
}

/// What calls the function, where it runs.
fn called(signature: &Signature, Fetched { passed, takes_context, .. }: &Fetched, place: Place) -> TokenStream {
    let span = answer_span(signature);
    let mut name = signature.ident.clone();
    name.set_span(span.resolved_at(name.span()));
    let ctx = takes_context.then(|| quote_spanned!(span=> ctx,));
    let call = quote_spanned!(span=> #name(#ctx #(#passed),*));
    match (place, takes_context) {
        _ if signature.asyncness.is_some() => quote_spanned!(span=> #call.await),
        (Place::Inline, _) => quote_spanned!(span=> ::hipflask::__private::watched(NAME, || #call)),
        (Place::Thread, true) => quote_spanned!(span=> ctx.run_blocking(move |ctx| #call).await?),
        (Place::Thread, false) => quote_spanned!(span=> ctx.app().run_blocking(move || #call).await?),
    }
}

fn answer_span(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => signature.ident.span(),
    }
}
