//! The arguments of a view: what comes from the path, what comes by type.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericParam, Pat, PatType, Result, Signature, Type};

/// An argument of a view or an error handler.
pub(crate) enum Argument {
    /// `ctx: &mut Context`
    Context,
    /// An argument with its name, where its pattern is one, and its type.
    Typed { name: Option<Ident>, ty: Box<Type> },
    /// `error: &E`: only an error handler has it. What is caught and lent is `caught`.
    Reference { ty: Box<Type>, caught: Box<Type> },
}

/// Reads the arguments of a function that a macro makes a handler of.
pub(crate) fn read(signature: &Signature, what: &str) -> Result<Vec<Argument>> {
    if let Some(parameter) = signature.generics.params.first() {
        let instead = match parameter {
            GenericParam::Lifetime(_) => "what it takes and returns is owned",
            _ => "name the types of its arguments",
        };
        return Err(Error::new_spanned(parameter, format!("{what} cannot be generic; {instead}")));
    }
    signature.inputs.iter().enumerate().map(|(position, input)| argument(position, input, what)).collect()
}

fn argument(position: usize, input: &FnArg, what: &str) -> Result<Argument> {
    let typed = match input {
        FnArg::Receiver(receiver) => {
            return Err(Error::new_spanned(
                receiver,
                format!(
                    "{what} is a plain function outside any `impl` and has no `self`; what it needs it takes by type"
                ),
            ));
        }
        FnArg::Typed(typed) => typed,
    };
    match &*typed.ty {
        Type::Reference(reference) if last_segment(&reference.elem).is_some_and(|name| name == "Context") => {
            if position > 0 {
                return Err(Error::new_spanned(typed, "`ctx: &mut Context` must be the first argument"));
            }
            match reference.mutability {
                Some(_) => Ok(Argument::Context),
                None => {
                    Err(Error::new_spanned(&typed.ty, "the context is borrowed mutably: write `ctx: &mut Context`"))
                }
            }
        }
        Type::ImplTrait(any) => {
            Err(Error::new_spanned(any, format!("{what} cannot be generic; name a type instead of `impl …`")))
        }
        Type::Reference(reference) => {
            Ok(Argument::Reference { ty: reference.elem.clone(), caught: reference.elem.clone() })
        }
        _ => Ok(Argument::Typed { name: name(typed), ty: typed.ty.clone() }),
    }
}

fn name(typed: &PatType) -> Option<Ident> {
    match &*typed.pat {
        Pat::Ident(ident) => Some(ident.ident.clone()),
        _ => None,
    }
}

/// The last word of a type's path: `String` of `std::string::String`.
pub(crate) fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// What kinds of plain values there are, as far as a type's name says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Integer,
    Float,
    Text,
    Other,
}

/// A type of the standard library that can come from a path and from nowhere else.
pub(crate) fn plain(ty: &Type) -> Option<Plain> {
    Some(match last_segment(ty)?.as_str() {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            Plain::Integer
        }
        "f32" | "f64" => Plain::Float,
        "String" => Plain::Text,
        "bool" | "char" => Plain::Other,
        _ => return None,
    })
}

/// `an i64`, `a String`: a type's name with its article, in quotes.
pub(crate) fn with_article(ty: &Type) -> String {
    let name = last_segment(ty).unwrap_or_default();
    let article = match name.chars().next() {
        Some('i' | 'f' | 'a' | 'e' | 'o' | 'A' | 'E' | 'I' | 'O') => "an",
        _ => "a",
    };
    format!("{article} `{name}`")
}

/// The tokens of `ty`, all of them placed at its first one. What mentions a type twice is reported twice unless
/// both times are at the same place, and a span over several tokens cannot be made on stable Rust.
pub(crate) fn in_one_place(ty: &Type) -> TokenStream {
    fn place(tokens: TokenStream, span: Span) -> TokenStream {
        let one = |mut token: TokenTree| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), place(group.stream(), span)).into();
            }
            token.set_span(span.resolved_at(token.span()));
            token
        };
        tokens.into_iter().map(one).collect()
    }
    place(ty.to_token_stream(), ty.span())
}
