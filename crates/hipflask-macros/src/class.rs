//! A class-based view: `#[route]` above an `impl` block. Flask's `MethodView` and `View`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ImplItem, ImplItemFn, ItemFn, ItemImpl, LitStr, Receiver, ReceiverKind, Result, Type};

use crate::Expanded;
use crate::arguments::in_one_place;
use crate::handler::{self, Callee, Place};
use crate::route::{Attached, is_route, take_route_attributes, view_rule};
use crate::view::{View, ViewRule};

/// The functions that answer a method each, by Flask's names for them.
const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("trace", "TRACE"),
];

/// The function of a `View`, for every method.
const DISPATCH: &str = "dispatch_request";

/// How an instance of the class comes about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instance {
    /// `&self`: one for all requests. Flask's `init_every_request = False`.
    Shared,
    /// `self`: a new one for each request, by `FromContext`.
    Made,
}

/// A function that answers requests.
struct Answering {
    /// `None` for [`DISPATCH`], which answers every one.
    method: Option<&'static str>,
    function: ImplItemFn,
    instance: Instance,
}

struct Class {
    item: ItemImpl,
    attached: Vec<Attached>,
    answering: Vec<Answering>,
    instance: Instance,
}

pub(crate) fn expand(method: Option<&str>, arguments: TokenStream, item: ItemImpl) -> Expanded {
    let class = Class::new(method, arguments, item)?;
    let handler = class.handler()?;
    let as_view = class.as_view();
    let Class { item, .. } = &class;
    Ok(quote! {
        #item

        const _: () = { #handler #as_view };
    })
}

/// What replaces a class whose attribute is wrong: the functions, and enough beside them that a call of `as_view` is no
/// second mistake.
pub(crate) fn standing_in(mut item: ItemImpl) -> TokenStream {
    item.attrs.retain(|attribute| !is_route(attribute));
    let (generics, _, clause) = item.generics.split_for_impl();
    let class = &item.self_ty;
    let is_made = answering(&item).is_ok_and(|found| found.first().is_some_and(|one| one.instance == Instance::Made));
    let receiver = if is_made { TokenStream::new() } else { quote!(self,) };
    quote! {
        #[allow(dead_code, unused)]
        #item

        #[allow(dead_code, unused, unreachable_pub)]
        impl #generics #class #clause {
            pub fn as_view(#receiver _: impl ::core::convert::Into<::std::string::String>) -> ::std::vec::Vec<::hipflask::extension::Route> {
                ::std::vec::Vec::new()
            }
        }
    }
}

impl Class {
    fn new(method: Option<&str>, arguments: TokenStream, mut item: ItemImpl) -> Result<Class> {
        if let Some(method) = method.map(str::to_lowercase) {
            let message = format!(
                "`#[{method}]` belongs above a function; above an `impl` write `#[route(..)]`, whose functions `get`, `post` … say which methods it has"
            );
            return Err(Error::new_spanned(&item.self_ty, message));
        }
        if let Some((of_trait, _)) = &item.trait_ {
            let message = "a class-based view is an `impl` of the type's own functions, not of a trait";
            return Err(Error::new_spanned(of_trait, message));
        }
        let mut attached = vec![Attached::new(None, arguments)?];
        attached.extend(take_route_attributes(&mut item.attrs)?);
        let answering = answering(&item)?;
        let instance = one_instance(&item.self_ty, &answering)?;
        for rule in &attached {
            check_rule(rule, &answering)?;
        }
        Ok(Class { item, attached, answering, instance })
    }

    /// The methods of a rule: those that it lists, or those that the class has functions for.
    fn methods(&self, rule: &Attached) -> Vec<LitStr> {
        match rule.listed_methods() {
            Some(methods) => methods.to_vec(),
            None => {
                let methods = self.answering.iter().map(|answering| answering.method.unwrap_or("GET"));
                methods.map(|method| LitStr::new(method, Span::call_site())).collect()
            }
        }
    }

    /// The handler, which calls the function of the request's method.
    fn handler(&self) -> Expanded {
        let rules = self.attached.iter().map(view_rule).collect::<Result<Vec<ViewRule>>>()?;
        let mut checks = TokenStream::new();
        let mut arms = TokenStream::new();
        for answering in &self.answering {
            let answers = |rule: &Attached| match answering.method {
                None => true,
                Some("HEAD") => self.methods(rule).iter().any(|method| ["HEAD", "GET"].contains(&&*method.value())),
                Some(own) => self.methods(rule).iter().any(|method| method.value() == own),
            };
            let of_rules: Vec<&ViewRule> =
                self.attached.iter().zip(&rules).filter(|(rule, _)| answers(rule)).map(|(_, rule)| rule).collect();
            let what = format!("the function `{}`", answering.function.sig.ident);
            let view = View::new(plain_function(&answering.function), &of_rules, &what)?;
            let called = handler::of_method(&view, &self.callee(), self.place(&view)?);
            let (pattern, answer) = (self.pattern(answering), called.answer);
            checks.extend(called.checks);
            arms.extend(quote!(#pattern => { #answer }));
        }
        let (generics, _, clause) = self.item.generics.split_for_impl();
        let class = &self.item.self_ty;
        let held = match self.instance {
            Instance::Shared => quote!(::std::sync::Arc<T>),
            Instance::Made => quote!(::core::marker::PhantomData<fn() -> T>),
        };
        let rest = self.answering.iter().all(|answering| answering.method.is_some());
        let rest = rest.then(|| quote!(_ => ::hipflask::extension::Answer::Ready(::core::result::Result::Ok(::core::option::Option::None)),));
        Ok(quote! {
            struct __View<T>(#held);

            impl #generics ::hipflask::extension::Handler for __View<#class> #clause {
                #[allow(clippy::redundant_closure, reason = "the closure is the macro's")]
                fn call<'a>(&'a self, ctx: &'a mut ::hipflask::Context) -> ::hipflask::extension::Answer<'a> {
                    match ctx.request().method().as_str() { #arms #rest }
                }

                fn check(&self, freezing: &::hipflask::extension::Freezing<'_>) -> ::core::result::Result<(), ::std::string::String> {
                    let _ = freezing;
                    #checks
                    ::core::result::Result::Ok(())
                }
            }
        })
    }

    fn callee(&self) -> Callee {
        let class = in_one_place(&self.item.self_ty);
        match self.instance {
            Instance::Shared => Callee::Shared { class },
            Instance::Made => Callee::Made { class },
        }
    }

    /// The request's methods that a function answers: HEAD is GET's, unless it has a function of its own.
    fn pattern(&self, answering: &Answering) -> TokenStream {
        let has_head = self.answering.iter().any(|answering| answering.method == Some("HEAD"));
        match answering.method {
            None => quote!(_),
            Some("GET") if !has_head => quote!("GET" | "HEAD"),
            Some(method) => quote!(#method),
        }
    }

    fn place(&self, view: &View) -> Result<Place> {
        let inline = self.attached.iter().find_map(Attached::inline);
        let is_async = view.function.sig.asyncness.is_some();
        if is_async && self.answering.iter().any(|one| one.function.sig.asyncness.is_none()) {
            // The word is for those of the class that are not async.
            return Ok(Place::Thread);
        }
        Place::of(inline, &view.function.sig)
    }

    /// `as_view`, which makes the routes of an instance under a name.
    fn as_view(&self) -> TokenStream {
        let (generics, _, clause) = self.item.generics.split_for_impl();
        let class = &self.item.self_ty;
        let (receiver, made) = match self.instance {
            Instance::Shared => (quote!(self,), quote!(__View::<#class>(::std::sync::Arc::new(self)))),
            Instance::Made => (TokenStream::new(), quote!(__View::<#class>(::core::marker::PhantomData))),
        };
        let routes = self.attached.iter().map(|attached| {
            let rule = attached.rule(&self.methods(attached));
            attached.route(&quote!(#rule.endpoint(::core::clone::Clone::clone(&name))))
        });
        quote_spanned! {class.span().resolved_at(Span::call_site())=>
            // Public on a type that is as private as it is: what cannot be seen is reported once.
            #[allow(unreachable_pub)]
            impl #generics #class #clause {
                /// The routes of this class-based view, whose endpoint is `name`: for `routes` of an application or a
                /// blueprint.
                pub fn as_view(#receiver name: impl ::core::convert::Into<::std::string::String>) -> ::std::vec::Vec<::hipflask::extension::Route> {
                    let name: ::std::string::String = name.into();
                    let view: ::std::sync::Arc<dyn ::hipflask::extension::Handler> = ::std::sync::Arc::new(#made);
                    ::std::vec![#(#routes),*]
                }
            }
        }
    }
}

/// The functions of the class that answer requests.
fn answering(item: &ItemImpl) -> Result<Vec<Answering>> {
    let mut found = Vec::new();
    for item in &item.items {
        let ImplItem::Fn(function) = item else { continue };
        let name = function.sig.ident.to_string();
        let method = METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method);
        if method.is_some() || name == DISPATCH {
            found.push(Answering { method, function: function.clone(), instance: instance(function)? });
        }
    }
    Ok(found)
}

/// Whether the function borrows an instance or takes one.
fn instance(function: &ImplItemFn) -> Result<Instance> {
    let name = &function.sig.ident;
    match function.sig.inputs.first() {
        Some(FnArg::Receiver(Receiver { kind: ReceiverKind::Reference(_, _, None), .. })) => Ok(Instance::Shared),
        Some(FnArg::Receiver(Receiver { kind: ReceiverKind::Value, .. })) => Ok(Instance::Made),
        Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(
            receiver,
            "all requests share the instance: take `&self`, and keep what changes in a `Mutex` or an atomic; or take `self`, an instance for each request",
        )),
        _ => Err(Error::new_spanned(
            name,
            format!("`{name}` of a class-based view takes `&self`, or `self` for an instance of each request's own"),
        )),
    }
}

/// All functions get their instance the same way.
fn one_instance(class: &Type, answering: &[Answering]) -> Result<Instance> {
    let Some(first) = answering.first() else {
        let message = "a class-based view has functions that are named for methods, `get`, `post`, `put`, `patch`, `delete` …, or one that is named `dispatch_request`";
        return Err(Error::new_spanned(class, message));
    };
    if let Some(other) = answering.iter().find(|other| other.instance != first.instance) {
        let (taken, first) = (&other.function.sig.ident, &first.function.sig.ident);
        let message = format!(
            "`{first}` and `{taken}` get their instance in two ways; take `&self` in both, or `self` in both, an instance for each request"
        );
        return Err(Error::new_spanned(&other.function.sig.inputs[0], message));
    }
    if answering.len() > 1
        && let Some(dispatch) = answering.iter().find(|one| one.method.is_none())
    {
        let message =
            "`dispatch_request` answers every method; a class has it, or functions that are named for methods";
        return Err(Error::new_spanned(&dispatch.function.sig.ident, message));
    }
    Ok(first.instance)
}

/// A rule lists methods that the class has functions for, and has no name: that is what `as_view` is given.
fn check_rule(rule: &Attached, answering: &[Answering]) -> Result<()> {
    if let Some(endpoint) = rule.endpoint() {
        let message =
            "the endpoint of a class-based view is what `as_view` is given: `.routes(Posts::new().as_view(\"posts\"))`";
        return Err(Error::new_spanned(endpoint, message));
    }
    let has = |method: &str| answering.iter().any(|one| one.method.is_none_or(|own| own == method));
    let missing = rule.listed_methods().into_iter().flatten().find(|method| !has(&method.value()));
    match missing {
        None => Ok(()),
        Some(method) => {
            let name = method.value().to_lowercase();
            let message = format!("the view has no function `{name}`; write one, or take `{}` out", method.value());
            Err(Error::new_spanned(method, message))
        }
    }
}

/// The function without `self`, as a view outside an `impl` would be.
fn plain_function(function: &ImplItemFn) -> ItemFn {
    let ImplItemFn { attrs, vis, modifiers, mut sig, block } = function.clone();
    sig.inputs = sig.inputs.into_iter().skip(1).collect();
    ItemFn { attrs, vis, modifiers, sig, block: Box::new(block) }
}

/// The name of the class for the log: the last word of its path.
pub(crate) fn class_name(class: &TokenStream) -> String {
    let words = class.clone().into_iter().filter_map(|token| syn::parse2::<Ident>(token.into_token_stream()).ok());
    words.map(|word| word.to_string()).next().unwrap_or_default()
}
