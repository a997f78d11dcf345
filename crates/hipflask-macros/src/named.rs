//! `name`, or `name = expression`: the values of a template and of a URL.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Error, Expr, Result, Token};

/// A value with its name.
pub(crate) struct Named {
    pub(crate) name: Ident,
    /// What it is, unless it is the variable of that name.
    pub(crate) value: Option<Expr>,
}

impl Named {
    /// Reads what is left of `input`. `rule` says that such values have names, `example` how that is written.
    pub(crate) fn list(input: ParseStream<'_>, rule: &str, example: &str) -> Result<Vec<Named>> {
        let mut list = Vec::new();
        while !input.is_empty() {
            list.push(Named::parse(input, rule, example)?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(list)
    }

    fn parse(input: ParseStream<'_>, rule: &str, example: &str) -> Result<Named> {
        let name = input.parse().map_err(|error| Error::new(error.span(), format!("{rule}: `{example}`")))?;
        match input.parse::<Option<Token![=]>>()? {
            Some(_) => Ok(Named { name, value: Some(input.parse()?) }),
            None if input.is_empty() || input.peek(Token![,]) => Ok(Named { name, value: None }),
            None => Err(input.error(format!("{rule}: write `name = expression`"))),
        }
    }
}
