//! The arguments of a view: what comes from the path, what comes by type.

use proc_macro2::{Ident, Span};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Pat, PatType, Result, Signature, Type};

/// An argument of a view or an error handler.
pub(crate) enum Argument {
    /// `ctx: &mut Context`
    Context,
    /// An argument with its name, where its pattern is one, and its type.
    Typed { name: Option<Ident>, ty: Box<Type> },
    /// `error: &E`: only an error handler has it.
    Reference { ty: Box<Type> },
}

/// Reads the arguments of a function that a macro makes a handler of.
pub(crate) fn read(signature: &Signature, what: &str) -> Result<Vec<Argument>> {
    if let Some(parameter) = signature.generics.params.first() {
        return Err(Error::new(parameter.span(), format!("{what} cannot be generic; name the types of its arguments")));
    }
    signature.inputs.iter().enumerate().map(|(position, input)| argument(position, input, what)).collect()
}

fn argument(position: usize, input: &FnArg, what: &str) -> Result<Argument> {
    let typed = match input {
        FnArg::Receiver(receiver) => {
            return Err(Error::new(
                receiver.span(),
                format!("{what} is a plain function and has no `self`; keep its state in an extension"),
            ));
        }
        FnArg::Typed(typed) => typed,
    };
    match &*typed.ty {
        Type::Reference(reference) if last_segment(&reference.elem).is_some_and(|name| name == "Context") => {
            if position > 0 {
                return Err(Error::new(typed.span(), "`ctx: &mut Context` must be the first argument"));
            }
            match reference.mutability {
                Some(_) => Ok(Argument::Context),
                None => Err(Error::new(typed.ty.span(), "the context is borrowed mutably: write `ctx: &mut Context`")),
            }
        }
        Type::Reference(reference) => Ok(Argument::Reference { ty: reference.elem.clone() }),
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

/// An identifier that shows in messages where `span` is.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    Ident::new(name, span)
}
