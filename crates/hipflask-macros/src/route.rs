//! `#[route]`, `#[get]` and the other methods, and `routes![]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Item, ItemFn, Lit, LitBool, LitStr, Path, Result, Token, bracketed,
    parenthesized,
};

use crate::Expanded;
use crate::arguments::{self, Plain};
use crate::class;
use crate::handler::{self, Place};
use crate::root::Root;
use crate::view::{PathArgument, View, ViewRule};

const ROUTE_ATTRIBUTES: [&str; 6] = ["route", "get", "post", "put", "patch", "delete"];

/// What is in the brackets of a route attribute.
struct Options {
    rule: LitStr,
    methods: Option<(Vec<LitStr>, Span)>,
    endpoint: Option<LitStr>,
    defaults: Vec<(Ident, Expr)>,
    subdomain: Option<LitStr>,
    host: Option<LitStr>,
    redirect_to: Option<LitStr>,
    /// `strict_slashes = false` and the others that are on or off: the methods of `Rule` by the same names.
    switches: Vec<(Ident, LitBool)>,
    /// `with = Role("admin")`, each a value.
    with: Vec<Expr>,
    /// `wrap = timed`, each a function from handler to handler.
    wrap: Vec<Expr>,
    inline: Option<Ident>,
}

const KNOWN: &str = "`methods`, `endpoint`, `defaults`, `subdomain`, `host`, `strict_slashes`, `merge_slashes`, `build_only`, `redirect_to`, `alias`, `websocket`, `provide_automatic_options`, `with`, `wrap`, `inline`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Options> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), "a route needs a rule: `#[get(\"/path/<name>\")]`"));
        }
        let rule = match input.parse::<Lit>() {
            Ok(Lit::Str(rule)) => rule,
            Ok(other) => return Err(Error::new(other.span(), "the rule is a string: `\"/path/<name>\"`")),
            Err(error) => {
                return Err(Error::new(error.span(), "the rule comes first, as a string: `\"/path/<name>\"`"));
            }
        };
        let mut options = Options {
            rule,
            methods: None,
            endpoint: None,
            defaults: Vec::new(),
            subdomain: None,
            host: None,
            redirect_to: None,
            switches: Vec::new(),
            with: Vec::new(),
            wrap: Vec::new(),
            inline: None,
        };
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), "a comma is missing before this"))?;
            if !input.is_empty() {
                let key = options.parse_one(input)?;
                if seen.contains(&key) && key != "with" && key != "wrap" {
                    return Err(Error::new(key.span(), format!("the option `{key}` is given twice")));
                }
                seen.push(key);
            }
        }
        Ok(options)
    }
}

impl Options {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<Ident> {
        if input.peek(LitStr) {
            return Err(input.error("one attribute has one rule; a second rule has an attribute of its own"));
        }
        let key: Ident = input
            .parse()
            .map_err(|error| Error::new(error.span(), format!("an option of a route is one of {KNOWN}")))?;
        match key.to_string().as_str() {
            "methods" => self.methods = Some((parse_methods(&key, input)?, key.span())),
            "endpoint" => self.endpoint = Some(value(&key, "\"name\"", input)?),
            "defaults" => self.defaults = parse_defaults(&key, input)?,
            "subdomain" => self.subdomain = Some(value(&key, "\"api\"", input)?),
            "host" => self.host = Some(value(&key, "\"api.example.org\"", input)?),
            "redirect_to" => self.redirect_to = Some(value(&key, "\"/new/<id>\"", input)?),
            "strict_slashes" | "merge_slashes" | "provide_automatic_options" => {
                self.switches.push((key.clone(), value(&key, "false", input)?));
            }
            "build_only" | "alias" | "websocket" => self.switches.push((key.clone(), value(&key, "true", input)?)),
            "with" => self.with.push(value(&key, "Role(\"admin\")", input)?),
            "wrap" => self.wrap.push(value(&key, "function", input)?),
            "inline" => self.inline = Some(key.clone()),
            method if METHODS.contains(&method) => {
                return Err(Error::new(key.span(), format!("methods are a list: `methods = [{method}]`")));
            }
            _ => return Err(Error::new(key.span(), format!("a route has no option `{key}`; it has {KNOWN}"))),
        }
        Ok(key)
    }
}

/// `= value`
fn value<T: Parse>(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<T> {
    let wrong = |span| Error::new(span, format!("write `{key} = {example}`"));
    input.parse::<Token![=]>().map_err(|_| wrong(key.span()))?;
    input.parse().map_err(|error| wrong(error.span()))
}

/// `(page = 1, tag = "all")`
fn parse_defaults(key: &Ident, input: ParseStream<'_>) -> Result<Vec<(Ident, Expr)>> {
    let wrong = |span| Error::new(span, "defaults have names and values: `defaults(page = 1)`");
    if !input.peek(syn::token::Paren) {
        return Err(wrong(key.span()));
    }
    let content;
    parenthesized!(content in input);
    let defaults = Punctuated::<Default, Token![,]>::parse_terminated(&content).map_err(|error| wrong(error.span()))?;
    Ok(defaults.into_iter().map(|default| (default.name, default.value)).collect())
}

struct Default {
    name: Ident,
    value: Expr,
}

impl Parse for Default {
    fn parse(input: ParseStream<'_>) -> Result<Default> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Default { name, value: input.parse()? })
    }
}

/// The methods of HTTP (RFC 9110 §9.3, RFC 5789): those that need no quotes.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// `= [GET, POST]`, or strings for methods that have no constant.
fn parse_methods(key: &Ident, input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let wrong = |span| Error::new(span, "methods are a list: `methods = [GET, POST]`");
    input.parse::<Token![=]>().map_err(|_| wrong(key.span()))?;
    if !input.peek(syn::token::Bracket) {
        return Err(wrong(input.span()));
    }
    let content;
    let brackets = bracketed!(content in input);
    let methods = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    if methods.is_empty() {
        return Err(Error::new(brackets.span.join(), "the list of methods is empty; leave `methods` out for GET"));
    }
    methods.iter().map(parse_method).collect()
}

fn parse_method(expr: &Expr) -> Result<LitStr> {
    let (method, quoted) = match expr {
        Expr::Path(path) => match path.path.get_ident() {
            Some(ident) => (LitStr::new(&ident.to_string(), ident.span()), false),
            None => return Err(Error::new_spanned(expr, "a method is one word: `GET`, `POST`, `\"PURGE\"`")),
        },
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => (text.clone(), true),
        _ => return Err(Error::new_spanned(expr, "a method is a word: `GET`, `POST`, `\"PURGE\"`")),
    };
    let name = method.value();
    let message = match name.to_uppercase() {
        upper if upper != name => format!("`{name}` is not a method; methods are written in upper case: `{upper}`"),
        _ if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => {
            format!("`{name}` is not a method; a method has letters only: `\"PURGE\"`")
        }
        _ if !quoted && !METHODS.contains(&name.as_str()) => {
            format!("`{name}` is not a method of HTTP; one that is not of the standard has quotes: `\"{name}\"`")
        }
        _ => return Ok(method),
    };
    Err(Error::new(method.span(), message))
}

/// One rule of a view: its options, and the method that the attribute's name says.
pub(crate) struct Attached {
    options: Options,
    method: Option<String>,
}

impl Attached {
    pub(crate) fn new(method: Option<&str>, arguments: TokenStream) -> Result<Attached> {
        let options: Options = syn::parse2(arguments)?;
        if let (Some(method), Some((_, span))) = (method, &options.methods) {
            let message = format!(
                "`#[{}]` names its method already; use `#[route(.., methods = [..])]` for several",
                method.to_lowercase()
            );
            return Err(Error::new(*span, message));
        }
        Ok(Attached { options, method: method.map(str::to_owned) })
    }

    fn methods(&self) -> Vec<LitStr> {
        match (&self.method, &self.options.methods) {
            (Some(method), _) => vec![LitStr::new(method, Span::call_site())],
            (None, Some((methods, _))) => methods.clone(),
            (None, None) => vec![LitStr::new("GET", Span::call_site())],
        }
    }

    /// The methods that it lists.
    pub(crate) fn listed_methods(&self) -> Option<&[LitStr]> {
        self.options.methods.as_ref().map(|(methods, _)| &**methods)
    }

    pub(crate) fn endpoint(&self) -> Option<&LitStr> {
        self.options.endpoint.as_ref()
    }

    pub(crate) fn inline(&self) -> Option<&Ident> {
        self.options.inline.as_ref()
    }

    /// `Route::new(rule, view)…`, where `view` is the handler.
    pub(crate) fn route(&self, rule: &TokenStream) -> TokenStream {
        let wraps = self.options.wrap.iter().map(|wrap| quote_spanned!(wrap.span()=> .wrap(#wrap)));
        quote!(::hipflask::extension::Route::new(#rule, ::std::sync::Arc::clone(&view)) #(#wraps)*)
    }

    /// `Rule::new("/").methods([..])…`
    pub(crate) fn rule(&self, methods: &[LitStr]) -> TokenStream {
        let Options { rule, endpoint, defaults, subdomain, host, redirect_to, switches, with, .. } = &self.options;
        let span = rule.span();
        let mut code =
            quote_spanned!(span=> ::hipflask::Rule::new(#rule).methods([#(::hipflask::__private::method(#methods)),*]));
        if let Some(endpoint) = endpoint {
            code.extend(quote!(.endpoint(#endpoint)));
        }
        for (name, value) in defaults {
            let name = name.to_string();
            code.extend(quote!(.default(#name, #value)));
        }
        if let Some(subdomain) = subdomain {
            code.extend(quote!(.subdomain(#subdomain)));
        }
        if let Some(host) = host {
            code.extend(quote!(.host(#host)));
        }
        if let Some(target) = redirect_to {
            code.extend(quote!(.redirect_to(#target)));
        }
        for (switch, on) in switches {
            code.extend(quote!(.#switch(#on)));
        }
        for option in with {
            code.extend(quote_spanned!(option.span()=> .with(#option)));
        }
        code
    }
}

pub(crate) fn expand(method: Option<&str>, arguments: TokenStream, item: TokenStream) -> Expanded {
    let mut function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        Item::Impl(item) => return class::expand(method, arguments, item),
        other => {
            return Err(Error::new_spanned(
                other,
                "a route belongs above a function, `async fn view() -> Html { .. }`, or above an `impl` of a type",
            ));
        }
    };
    let mut attached = vec![Attached::new(method, arguments)?];
    attached.extend(take_route_attributes(&mut function.attrs)?);
    let rules = attached.iter().map(view_rule).collect::<Result<Vec<ViewRule>>>()?;
    let view = View::new(function, &rules.iter().collect::<Vec<_>>(), "the view")?;
    let twin = twin(&view);
    let routes = routes(&view, &attached)?;
    let function = &view.function;
    Ok(quote!(#function #twin #routes))
}

/// What replaces a view whose attribute is wrong: the function, and enough beside it that `routes![]` does
/// not report the same mistake once more.
pub(crate) fn standing_in(item: TokenStream) -> TokenStream {
    let mut function = match syn::parse2(item.clone()) {
        Ok(Item::Fn(function)) => function,
        Ok(Item::Impl(item)) => return class::standing_in(item),
        _ => return item,
    };
    function.attrs.retain(|attribute| !is_route(attribute));
    let (name, visibility, cfgs) = (&function.sig.ident, &function.vis, cfgs(&function));
    if matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_))) {
        // It is inside an `impl`, where a struct cannot be.
        return quote!(#[allow(dead_code, unused)] #function);
    }
    quote! {
        #[allow(dead_code, unused)]
        #function

        #(#cfgs)*
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #name {}

        #(#cfgs)*
        impl #name {
            #[allow(dead_code)]
            pub fn _routes() -> ::std::vec::Vec<::hipflask::extension::Route> {
                ::std::vec::Vec::new()
            }
        }
    }
}

pub(crate) fn view_rule(attached: &Attached) -> Result<ViewRule> {
    let Options { rule, defaults, subdomain, host, .. } = &attached.options;
    let defaults = defaults.iter().map(|(name, _)| name.clone()).collect();
    ViewRule::new(rule.clone(), subdomain.iter().chain(host), defaults)
}

/// Further route attributes on the same function or class are further rules of the same view.
pub(crate) fn take_route_attributes(attributes: &mut Vec<Attribute>) -> Result<Vec<Attached>> {
    let (routes, others): (Vec<_>, Vec<_>) = std::mem::take(attributes).into_iter().partition(is_route);
    *attributes = others;
    let attach = |attribute: &Attribute| {
        let method = attribute_name(attribute).filter(|name| name != "route").map(|name| name.to_uppercase());
        let mut arguments = attribute.meta.require_list()?.tokens.clone();
        // The first attribute writes the code, and says where Hipflask is.
        Root::take(&mut arguments)?;
        Attached::new(method.as_deref(), arguments)
    };
    routes.iter().map(attach).collect()
}

fn attribute_name(attribute: &Attribute) -> Option<String> {
    attribute.path().segments.last().map(|segment| segment.ident.to_string())
}

pub(crate) fn is_route(attribute: &Attribute) -> bool {
    attribute_name(attribute).is_some_and(|name| ROUTE_ATTRIBUTES.contains(&name.as_str()))
}

/// The attributes that decide whether the function exists at all.
fn cfgs(function: &ItemFn) -> Vec<&Attribute> {
    function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// The struct of the same name, which `url_for!` fills in.
fn twin(view: &View) -> TokenStream {
    let (name, visibility, cfgs) = (&view.function.sig.ident, &view.function.vis, cfgs(&view.function));
    let lifetime = lifetime(view);
    let fields = view.path.iter().map(|argument| {
        let (field, ty) = (argument.field(), &argument.ty);
        match arguments::plain(ty) {
            Some(Plain::Text) => quote!(#visibility #field: &'url str),
            _ => quote!(#visibility #field: #ty),
        }
    });
    let values = view.path.iter().map(|argument| {
        let (PathArgument { variable, ty, .. }, field) = (argument, argument.field());
        let placed = arguments::in_one_place(ty);
        match arguments::plain(ty) {
            Some(Plain::Text) => quote!(let url = url.value(#variable, values.#field);),
            _ => quote_spanned!(ty.span()=>
                let url = <#placed as ::hipflask::helpers::PathValue>::into_url(values.#field, url, #variable);
            ),
        }
    });
    let text = name.unraw().to_string();
    // Placed at the name, where the compiler's "private struct" and "unused" then point.
    let twin = quote_spanned!(name.span()=> struct #name #lifetime { #(#fields),* });
    quote! {
        #(#cfgs)*
        #[allow(non_camel_case_types, dead_code, missing_docs, missing_debug_implementations)]
        #visibility #twin

        #(#cfgs)*
        impl #lifetime ::core::convert::From<#name #lifetime> for ::hipflask::helpers::UrlFor {
            fn from(values: #name #lifetime) -> ::hipflask::helpers::UrlFor {
                let _ = &values;
                let url = ::hipflask::helpers::UrlFor::view(::hipflask::routing::ViewId { name: #text, place: <#name #lifetime>::_PLACE });
                #(#values)*
                url
            }
        }
    }
}

/// `<'url>` where a value is text, which is borrowed.
fn lifetime(view: &View) -> TokenStream {
    let is_text = |argument: &PathArgument| arguments::plain(&argument.ty) == Some(Plain::Text);
    if view.path.iter().any(is_text) { quote!(<'url>) } else { TokenStream::new() }
}

/// What `routes![]` calls. The underscore keeps the compiler from reporting it beside an unused view.
fn routes(view: &View, attached: &[Attached]) -> Result<TokenStream> {
    let (name, cfgs) = (&view.function.sig.ident, cfgs(&view.function));
    let lifetime = lifetime(view);
    let text = name.unraw().to_string();
    let inline = attached.iter().find_map(|attached| attached.options.inline.as_ref());
    let place = Place::of(inline, &view.function.sig)?;
    let handler = handler::expand(&view.function, &view.arguments, &view.path, place);
    let routes = attached.iter().map(|attached| attached.route(&attached.rule(&attached.methods())));
    Ok(quote! {
        #(#cfgs)*
        // Public in a struct that is as private as the view: what cannot be seen is reported once.
        #[allow(unreachable_pub)]
        impl #lifetime #name #lifetime {
            #[doc(hidden)]
            pub const _PLACE: &'static str = ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!());

            #[doc(hidden)]
            pub fn _routes() -> ::std::vec::Vec<::hipflask::extension::Route> {
                #handler
                let view: ::std::sync::Arc<dyn ::hipflask::extension::Handler> = ::std::sync::Arc::new(__View);
                let id = ::hipflask::routing::ViewId { name: #text, place: Self::_PLACE };
                ::std::vec![#(#routes.with_id(id)),*]
            }
        }
    })
}

/// `routes![index, blog::show]`
pub(crate) fn list(input: TokenStream) -> Expanded {
    let views = Punctuated::<Path, Token![,]>::parse_terminated
        .parse2(input)
        .map_err(|error| Error::new(error.span(), "`routes![]` lists views by name: `routes![index, blog::show]`"))?;
    // `<view>::` and not `view::`, which the compiler would take for a missing module.
    let lists = views.iter().map(|view| quote_spanned!(view.span()=> <#view>::_routes()));
    Ok(quote! {{
        let mut routes = ::std::vec::Vec::<::hipflask::extension::Route>::new();
        #(routes.extend(#lists);)*
        routes
    }})
}
