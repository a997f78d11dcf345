//! The handler that calls a view or an error handler with what it asks for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result, ReturnType, Signature};

use crate::arguments::{Argument, in_one_place};
use crate::class::class_name;
use crate::render::named_templates;
use crate::view::{PathArgument, View};

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
pub(crate) fn expand(function: &ItemFn, arguments: &[Argument], path: &[PathArgument], place: Place) -> TokenStream {
    let fetched = Fetched::new(arguments, path);
    let answer = answer(&function.sig, &fetched, &Callee::Function, place);
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

/// What is called.
pub(crate) enum Callee {
    /// A function, by its name.
    Function,
    /// A method of an instance that all requests share: the handler's field.
    Shared { class: TokenStream },
    /// A method of an instance that is made for the request.
    Made { class: TokenStream },
}

/// What calls a method of a class-based view.
pub(crate) struct OfMethod {
    pub(crate) answer: TokenStream,
    pub(crate) checks: TokenStream,
}

/// [`expand`], for one of the methods of a class-based view, without the handler around it.
pub(crate) fn of_method(view: &View, callee: &Callee, place: Place) -> OfMethod {
    let mut fetched = Fetched::default();
    if let Callee::Made { class } = callee {
        let span = span_of(class);
        fetched.by_type(&Ident::new("this", span.resolved_at(Span::call_site())), class, span);
    }
    fetched.add(&view.arguments, &view.path);
    let answer = answer(&view.function.sig, &fetched, callee, place);
    let (checks, templates) = (&fetched.checks, templates(&view.function));
    OfMethod { answer, checks: quote!(#checks #templates) }
}

fn span_of(tokens: &TokenStream) -> Span {
    tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span())
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
    fn new(arguments: &[Argument], path: &[PathArgument]) -> Fetched {
        let mut fetched = Fetched::default();
        fetched.add(arguments, path);
        fetched
    }

    fn add(&mut self, arguments: &[Argument], path: &[PathArgument]) {
        let fetched = self;
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
                    let of_path = name.as_ref().and_then(|name| path.iter().find(|argument| argument.name == *name));
                    let (tokens, span) = (in_one_place(ty), ty.span());
                    let value = value(span);
                    match of_path {
                        None => fetched.by_type(&value, &tokens, span),
                        Some(PathArgument { variable, .. }) => fetched.fetches.extend(quote_spanned!(span=>
                            let #value = <#tokens as ::hipflask::helpers::PathValue>::from_args(ctx.view_args(), #variable)?;
                        )),
                    }
                    fetched.passed.push(quote!(#value));
                }
            }
        }
    }

    fn by_type(&mut self, value: &Ident, ty: &TokenStream, span: Span) {
        let extractor = quote_spanned!(span=> <#ty as ::hipflask::FromContext>);
        self.ready.push(quote_spanned!(span=> #extractor::READY));
        self.checks.extend(quote_spanned!(span=> #extractor::check(freezing)?;));
        self.fetches.extend(quote_spanned!(span=> let #value = #extractor::from_context(ctx).await?;));
    }
}

/// The body of `Handler::call`. A function that runs in place answers at once if all that it takes is ready.
fn answer(signature: &Signature, fetched: &Fetched, callee: &Callee, place: Place) -> TokenStream {
    let Fetched { fetches, ready, .. } = fetched;
    let (called, at_name) = (called(signature, fetched, callee, place), signature.ident.span());
    let outcome = quote_spanned!(answer_span(signature)=> ::hipflask::extension::Outcome::into_outcome(#called, ctx));
    if signature.asyncness.is_none() && place == Place::Inline {
        let name = match callee {
            Callee::Function => signature.ident.to_string(),
            Callee::Shared { class } | Callee::Made { class } => format!("{}::{}", class_name(class), signature.ident),
        };
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
fn called(
    signature: &Signature,
    Fetched { passed, takes_context, .. }: &Fetched,
    callee: &Callee,
    place: Place,
) -> TokenStream {
    let span = answer_span(signature);
    let mut name = signature.ident.clone();
    name.set_span(span.resolved_at(name.span()));
    let ctx = takes_context.then(|| quote_spanned!(span=> ctx,));
    let (instance, method) = match callee {
        Callee::Function => (None, None),
        Callee::Shared { .. } => (
            Some(quote_spanned!(span=> let this = ::std::sync::Arc::clone(&self.0);)),
            Some(quote_spanned!(span=> this.)),
        ),
        Callee::Made { .. } => (None, Some(quote_spanned!(span=> this.))),
    };
    // A function that runs elsewhere takes the instance along.
    let instance = instance.filter(|_| signature.asyncness.is_none() && place == Place::Thread);
    let method = match callee {
        Callee::Shared { .. } if instance.is_none() => Some(quote_spanned!(span=> self.0.)),
        _ => method,
    };
    let call = quote_spanned!(span=> #method #name(#ctx #(#passed),*));
    match (place, takes_context) {
        _ if signature.asyncness.is_some() => quote_spanned!(span=> #call.await),
        (Place::Inline, _) => quote_spanned!(span=> ::hipflask::__private::watched(NAME, || #call)),
        (Place::Thread, true) => quote_spanned!(span=> { #instance ctx.run_blocking(move |ctx| #call).await? }),
        (Place::Thread, false) => quote_spanned!(span=> { #instance ctx.app().run_blocking(move || #call).await? }),
    }
}

fn answer_span(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => signature.ident.span(),
    }
}
