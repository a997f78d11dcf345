//! `#[derive(FromRow)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, LitStr};

use crate::Expanded;

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let input: DeriveInput = syn::parse2(input)?;
    let wanted = "`#[derive(FromRow)]` is for a struct with named fields: each is a column of the row";
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(Error::new(input.ident.span(), wanted)),
        },
        _ => return Err(Error::new(input.ident.span(), wanted)),
    };
    let mut columns = Vec::new();
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let mut name = ident.to_string().trim_start_matches("r#").to_owned();
        let mut nested = false;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("column")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    name = meta.value()?.parse::<LitStr>()?.value();
                    Ok(())
                } else if meta.path.is_ident("flatten") {
                    nested = true;
                    Ok(())
                } else {
                    Err(meta.error("a column has the options `name = \"…\"` and `flatten`"))
                }
            })?;
        }
        let ty = &field.ty;
        columns.push(match nested {
            true => quote_spanned!(ty.span()=> #ident: <#ty as ::hipflask_sql::FromRow>::from_row(row)?),
            false => quote_spanned!(ty.span()=> #ident: row.get::<#ty>(#name)?),
        });
    }
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics ::hipflask_sql::FromRow for #name #arguments #bounds {
            fn from_row(row: &::hipflask_sql::Row) -> ::core::result::Result<Self, ::hipflask_sql::SqlError> {
                ::core::result::Result::Ok(#name { #(#columns),* })
            }
        }
    })
}
