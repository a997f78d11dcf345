//! `#[command]`

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, FnArg, Item, ItemFn, LitStr, Meta, Result, Token};

use crate::Expanded;
use crate::arguments::{self, Argument};
use crate::handler::{self, Given, Place};
use crate::param::CliParam;
use crate::view;

const KNOWN: &str = "a name, `before_start` and `hidden`";

/// What is in the brackets: a name, and words.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    words: Vec<Ident>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Options> {
        let mut options = Options::default();
        if input.peek(LitStr) {
            options.name = Some(input.parse()?);
        }
        while !input.is_empty() {
            if options.name.is_some() || !options.words.is_empty() {
                input.parse::<Token![,]>()?;
            }
            if input.is_empty() {
                break;
            }
            let wrong =
                |span| Error::new(span, format!("a command has {KNOWN}: `#[command(\"init-db\", before_start)]`"));
            let word: Ident = input.parse().map_err(|error| wrong(error.span()))?;
            if word != "before_start" && word != "hidden" {
                return Err(wrong(word.span()));
            }
            options.words.push(word);
        }
        Ok(options)
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Expanded {
    let Options { name, words } = syn::parse2(attribute)?;
    let mut function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        other => return Err(Error::new_spanned(other, "`#[command]` belongs above a function")),
    };
    let params = take_params(&mut function)?;
    let arguments = arguments::read(&function.sig, "a command")?;
    if let Some(Argument::Reference { ty, .. }) =
        arguments.iter().find(|argument| matches!(argument, Argument::Reference { .. }))
    {
        return Err(view::owned(ty, "a command"));
    }
    let given: Vec<Given> = params.iter().map(CliParam::given).collect();
    let handler = handler::expand(&function, &arguments, &given, Place::Thread);
    let name = name.map_or_else(|| kebab(&function.sig.ident), |name| name.value());
    let about = docs(&function.attrs);
    let params = params.iter().map(CliParam::builder);
    let at = function.sig.ident.span();
    let new = quote_spanned!(at=> ::hipflask::cli::Command::new(#name));
    Ok(around(
        function,
        &quote! {
            #handler
            #new.about(#about)#(.param(#params))*#(.#words())*.runs(__View)
        },
    ))
}

/// What replaces a command whose attribute is wrong, so that its registration is not reported too.
pub(crate) fn standing_in(item: TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else { return item };
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.clear();
        }
    }
    if matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_))) {
        return quote!(#[allow(dead_code, unused)] #function);
    }
    function.attrs.push(syn::parse_quote!(#[allow(dead_code, unused)]));
    around(function, &quote!(::core::unreachable!()))
}

/// Takes the attributes of the arguments, which the compiler does not know, and says which arguments are typed by the user.
fn take_params(function: &mut ItemFn) -> Result<Vec<CliParam>> {
    let mut params = Vec::new();
    for input in &mut function.sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let is_ours =
            |attribute: &Attribute| ["option", "argument", "doc"].iter().any(|name| attribute.path().is_ident(name));
        let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(&mut typed.attrs).into_iter().partition(is_ours);
        typed.attrs = others;
        params.extend(CliParam::of(typed, &ours)?);
    }
    Ok(params)
}

/// The function that makes the command, by `body`, with the user's function inside.
fn around(mut function: ItemFn, body: &TokenStream) -> TokenStream {
    let name = function.sig.ident.clone();
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let (outer, inner): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("doc"));
    function.attrs = inner;
    quote! {
        #(#outer)*
        #visibility fn #name() -> ::hipflask::cli::Command {
            #function
            #body
        }
    }
}

/// `init-db` of `init_db`
pub(crate) fn kebab(name: &Ident) -> String {
    name.unraw().to_string().trim_matches('_').replace('_', "-")
}

/// The text of `///` comments.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => syn::parse2::<LitStr>(literal.to_token_stream()).ok().map(|text| text.value()),
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The values of `one_of("a", "b")`.
pub(crate) fn list(key: &Ident, input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let wrong = |span: Span| Error::new(span, format!("write `{key}(\"first\", \"second\")`"));
    if !input.peek(syn::token::Paren) {
        return Err(wrong(key.span()));
    }
    let content;
    syn::parenthesized!(content in input);
    let values = Punctuated::<Expr, Token![,]>::parse_terminated(&content).map_err(|error| wrong(error.span()))?;
    if values.is_empty() { Err(wrong(key.span())) } else { Ok(values.into_iter().collect()) }
}

/// Something in brackets: `range(1..=5)`.
pub(crate) fn bracketed(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<Expr> {
    let wrong = |span: Span| Error::new(span, format!("write `{key}({example})`"));
    if !input.peek(syn::token::Paren) {
        return Err(wrong(key.span()));
    }
    let content;
    syn::parenthesized!(content in input);
    let value: Expr = content.parse().map_err(|error| wrong(error.span()))?;
    if content.is_empty() { Ok(value) } else { Err(wrong(value.span())) }
}
