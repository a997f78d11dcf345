//! The options and arguments of a command: `#[option]` and `#[argument]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, GenericArgument, Lit, LitChar, LitStr, Meta, Pat, PatType, PathArguments, Result, Token,
    Type,
};

use crate::arguments::{self, Plain, in_one_place};
use crate::command::{bracketed, docs, kebab, list};
use crate::handler::Given;

/// An argument of a command's function that the user types.
pub(crate) struct CliParam {
    ident: Ident,
    /// The name on the command line.
    name: String,
    is_option: bool,
    shape: Shape,
    /// The type of one value.
    value: Box<Type>,
    help: String,
    options: Options,
}

/// What the function's argument is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Optional,
    Many,
    Flag,
    Switch,
    OptionalSwitch,
    Count,
}

/// What is in the brackets of the attribute.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    keys: Vec<Ident>,
    short: Option<LitChar>,
    default: Option<Expr>,
    env: Option<LitStr>,
    metavar: Option<LitStr>,
    one_of: Vec<Expr>,
    range: Option<Expr>,
    check: Option<Expr>,
    /// The text of the question, or none for the name.
    prompt: Option<Option<LitStr>>,
    is_password: bool,
    count: Option<Ident>,
    is_hidden: bool,
    /// `exists`, `file` or `folder`
    path: Option<Ident>,
}

const KNOWN: &str = "a name, `short`, `default`, `env`, `one_of(..)`, `range(..)`, `check`, `prompt`, `password`, `count`, \
                     `exists`, `file`, `folder`, `metavar` and `hidden`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Options> {
        let mut options = Options::default();
        if input.peek(LitStr) {
            options.name = Some(input.parse()?);
        }
        while !input.is_empty() {
            if options.name.is_some() || !options.keys.is_empty() {
                input.parse::<Token![,]>()?;
            }
            if input.is_empty() {
                break;
            }
            let known = |error: Error| Error::new(error.span(), format!("an option or an argument has {KNOWN}"));
            let key: Ident = input.parse().map_err(known)?;
            if options.keys.contains(&key) {
                return Err(Error::new(key.span(), format!("`{key}` is given twice")));
            }
            options.take(&key, input)?;
            options.keys.push(key);
        }
        Ok(options)
    }
}

impl Options {
    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> Result<()> {
        match key.to_string().as_str() {
            "short" => self.short = Some(value(key, "'n'", input)?),
            "default" => self.default = Some(value(key, "5", input)?),
            "env" => self.env = Some(value(key, "\"NAME\"", input)?),
            "metavar" => self.metavar = Some(value(key, "\"FILE\"", input)?),
            "check" => self.check = Some(value(key, "function", input)?),
            "one_of" => self.one_of = list(key, input)?,
            "range" => self.range = Some(bracketed(key, "1..=5", input)?),
            "prompt" | "password" => {
                let text = if input.peek(Token![=]) { Some(value(key, "\"Your name\"", input)?) } else { None };
                self.prompt = Some(text);
                self.is_password = key == "password";
            }
            "count" => self.count = Some(key.clone()),
            "hidden" => self.is_hidden = true,
            "exists" | "file" | "folder" => self.path = Some(key.clone()),
            _ => {
                return Err(Error::new(
                    key.span(),
                    format!("there is no `{key}` here; an option or an argument has {KNOWN}"),
                ));
            }
        }
        Ok(())
    }
}

/// `= value`
fn value<T: Parse>(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<T> {
    let wrong = |span| Error::new(span, format!("write `{key} = {example}`"));
    input.parse::<Token![=]>().map_err(|_| wrong(key.span()))?;
    input.parse().map_err(|error| wrong(error.span()))
}

impl CliParam {
    /// What `typed` is on the command line; nothing if it is found by its type.
    pub(crate) fn of(typed: &PatType, attributes: &[Attribute]) -> Result<Option<CliParam>> {
        let mut named = attributes.iter().filter(|attribute| !attribute.path().is_ident("doc"));
        let attribute = named.next();
        if let Some(second) = named.next() {
            return Err(Error::new_spanned(
                second,
                "an argument of a command is an `#[option]` or an `#[argument]`, once",
            ));
        }
        let value = inner(&typed.ty).1;
        let is_path = arguments::last_segment(value).is_some_and(|name| name == "PathBuf");
        let plain = is_path || arguments::plain(value).is_some();
        let Some(attribute) = attribute else {
            return if plain {
                CliParam::new(typed, false, Options::default(), attributes).map(Some)
            } else {
                Ok(None)
            };
        };
        let options = match &attribute.meta {
            Meta::Path(_) => Options::default(),
            meta => syn::parse2(meta.require_list()?.tokens.clone())?,
        };
        CliParam::new(typed, attribute.path().is_ident("option"), options, attributes).map(Some)
    }

    fn new(typed: &PatType, is_option: bool, options: Options, attributes: &[Attribute]) -> Result<CliParam> {
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new_spanned(
                &typed.pat,
                "an option or an argument of a command has a name: `name: String`",
            ));
        };
        let ident = pattern.ident.clone();
        let name = options.name.as_ref().map_or_else(|| kebab(&ident), LitStr::value);
        let shape = shape(&typed.ty, &options);
        let value = Box::new(inner(&typed.ty).1.clone());
        let param = CliParam { ident, name, is_option, shape, value, help: docs(attributes), options };
        param.check(&typed.ty)?;
        Ok(param)
    }

    fn check(&self, ty: &Type) -> Result<()> {
        let Options { short, default, count, range, .. } = &self.options;
        let is_flag = matches!(self.shape, Shape::Flag | Shape::Switch | Shape::OptionalSwitch);
        let (span, message) = match self.shape {
            _ if !self.is_option && is_flag => {
                (ty.span(), format!("a `bool` is a flag, which is an option: write `#[option] {}: bool`", self.ident))
            }
            _ if !self.is_option && short.is_some() => {
                (short.span(), "only an option has a letter: write `#[option(short = ..)]`".to_owned())
            }
            Shape::Count if !self.is_option || arguments::plain(ty) != Some(Plain::Integer) => (
                count.span(),
                "what is counted is an option that is a number: `#[option(count)] verbose: u8`".to_owned(),
            ),
            Shape::Optional | Shape::OptionalSwitch if default.is_some() => {
                (ty.span(), "what has a default is never missing; leave out the `Option`".to_owned())
            }
            _ if is_flag && (range.is_some() || !self.options.one_of.is_empty()) => {
                (ty.span(), "a flag has no values to choose from".to_owned())
            }
            _ => return Ok(()),
        };
        Err(Error::new(span, message))
    }

    /// The expression that gives the function's argument.
    pub(crate) fn given(&self) -> Given {
        let (name, ty, span) = (&self.name, in_one_place(&self.value), self.value.span());
        let args = quote_spanned!(span=> ::hipflask::cli::CliArgs::of(ctx));
        let typed = quote_spanned!(span=> <#ty as ::hipflask::cli::CliValue>::typed);
        let value = match self.shape {
            Shape::Flag | Shape::Switch | Shape::One | Shape::Count => {
                quote_spanned!(span=> #args.get_by(#name, #typed)?)
            }
            Shape::Optional | Shape::OptionalSwitch => quote_spanned!(span=> #args.find_by(#name, #typed)?),
            Shape::Many => quote_spanned!(span=> #args.list_by(#name, #typed)?),
        };
        Given { name: self.ident.clone(), value }
    }

    /// `Param::option("count").of::<u32>()…`
    pub(crate) fn builder(&self) -> TokenStream {
        let (name, ty, span) = (&self.name, in_one_place(&self.value), self.value.span());
        let mut code = if self.is_option {
            quote!(::hipflask::cli::Param::option(#name))
        } else {
            quote!(::hipflask::cli::Param::argument(#name))
        };
        let of = quote_spanned!(span=> .of_kind(<#ty as ::hipflask::cli::CliValue>::kind()));
        code.extend(match self.shape {
            Shape::One if self.is_option => quote!(#of.required()),
            Shape::Optional if !self.is_option => quote!(#of.optional()),
            Shape::One | Shape::Optional => of,
            Shape::Many if self.is_option => quote!(#of.many()),
            Shape::Many => quote!(#of.optional().many()),
            Shape::Flag => quote!(.flag()),
            Shape::Switch | Shape::OptionalSwitch => quote!(.switch()),
            Shape::Count => quote!(.count()),
        });
        code.extend(self.calls());
        code
    }

    /// The calls that the options of the attribute stand for.
    fn calls(&self) -> TokenStream {
        let Options {
            short, default, env, metavar, one_of, range, check, prompt, is_password, is_hidden, path, ..
        } = &self.options;
        let mut code = TokenStream::new();
        let mut call = |method: &str, value: Option<TokenStream>| {
            let method = Ident::new(method, Span::call_site());
            code.extend(quote!(.#method(#value)));
        };
        if !self.help.is_empty() {
            let help = &self.help;
            call("help", Some(quote!(#help)));
        }
        if !one_of.is_empty() {
            call("one_of", Some(quote!([#(#one_of),*])));
        }
        let ty = in_one_place(&self.value);
        let range = range.as_ref().map(|range| quote_spanned!(range.span()=> .range::<#ty>(#range)));
        let given = [
            ("short", short.as_ref().map(|letter| quote!(#letter))),
            ("env", env.as_ref().map(|name| quote!(#name))),
            ("metavar", metavar.as_ref().map(|name| quote!(#name))),
            ("checked_by", check.as_ref().map(|check| quote!(#check))),
            ("default", default.as_ref().map(|value| quote!(#value))),
        ];
        given.into_iter().filter(|(_, value)| value.is_some()).for_each(|(method, value)| call(method, value));
        if let Some(text) = prompt {
            let text = text.as_ref().map_or_else(|| question(&self.name), LitStr::value);
            call(if *is_password { "password" } else { "prompt" }, Some(quote!(#text)));
        }
        if let Some(path) = path {
            call(&path.to_string(), None);
        }
        if *is_hidden {
            call("hidden", None);
        }
        code.extend(range);
        code
    }
}

/// `Your name` of `your-name`
fn question(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shape(ty: &Type, options: &Options) -> Shape {
    let (wrapper, value) = inner(ty);
    let is_bool = arguments::last_segment(value).is_some_and(|name| name == "bool");
    match wrapper {
        _ if options.count.is_some() => Shape::Count,
        Some(Wrapper::Option) if is_bool => Shape::OptionalSwitch,
        Some(Wrapper::Option) => Shape::Optional,
        Some(Wrapper::Vec) => Shape::Many,
        None if is_bool && is_true(options.default.as_ref()) => Shape::Switch,
        None if is_bool => Shape::Flag,
        None => Shape::One,
    }
}

fn is_true(default: Option<&Expr>) -> bool {
    matches!(default, Some(Expr::Lit(literal)) if matches!(&literal.lit, Lit::Bool(value) if value.value))
}

/// What is around the type of one value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapper {
    Option,
    Vec,
}

/// `u32` of `Option<u32>`
fn inner(ty: &Type) -> (Option<Wrapper>, &Type) {
    let Type::Path(path) = ty else { return (None, ty) };
    let Some(last) = path.path.segments.last() else { return (None, ty) };
    let wrapper = match last.ident.to_string().as_str() {
        "Option" => Wrapper::Option,
        "Vec" => Wrapper::Vec,
        _ => return (None, ty),
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(value)) => (Some(wrapper), value),
            _ => (None, ty),
        },
        _ => (None, ty),
    }
}
