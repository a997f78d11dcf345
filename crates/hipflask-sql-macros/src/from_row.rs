//! `#[derive(FromRow)]`

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseBuffer;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DataStruct, DeriveInput, Error, Field, Fields, LitStr, Path, Result, Token, parse_quote};

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let sql = path_to_sql(&input.attrs)?;
    let columns = fields(&input)?.iter().map(|field| column(field, &sql)).collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    Ok(implementation(&input, &sql, &quote!(::core::result::Result::Ok(#name { #(#columns),* }))))
}

/// What stands in for the derive where it failed, so that the queries for the struct are not reported as well.
pub(crate) fn standing_in(input: TokenStream) -> TokenStream {
    let Ok(input) = syn::parse2::<DeriveInput>(input) else { return TokenStream::new() };
    let sql = path_to_sql(&input.attrs).unwrap_or_else(|_| parse_quote!(::hipflask_sql));
    implementation(
        &input,
        &sql,
        &quote!({
            let _ = row;
            ::core::unreachable!()
        }),
    )
}

fn implementation(input: &DeriveInput, sql: &Path, body: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    quote! {
        impl #generics #sql::FromRow for #name #arguments #bounds {
            fn from_row(row: &#sql::Row) -> ::core::result::Result<Self, #sql::SqlError> {
                #body
            }
        }
    }
}

/// The path by which the struct's crate knows `hipflask-sql`.
fn path_to_sql(attributes: &[Attribute]) -> Result<Path> {
    let mut path = parse_quote!(::hipflask_sql);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(
                    meta.error("a row has the option `crate = path`; options of a column stand above its field")
                );
            }
            let wanted =
                |error: Error| Error::new(error.span(), "`crate` is the path of hipflask-sql: `crate = my::sql`");
            path = meta.value().and_then(|value| value.call(Path::parse_mod_style)).map_err(wanted)?;
            Ok(())
        })?;
    }
    Ok(path)
}

fn fields(input: &DeriveInput) -> Result<&Punctuated<Field, Token![,]>> {
    match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => Ok(&fields.named),
        _ => Err(Error::new(
            input.ident.span(),
            "`#[derive(FromRow)]` is for a struct with named fields: each is a column of the row",
        )),
    }
}

/// What `#[column(..)]` says.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    flatten: bool,
}

impl Options {
    fn read(field: &Field) -> Result<Options> {
        let mut options = Options::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("column")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    let wanted = |error: Error| Error::new(error.span(), "`name` is a string: `name = \"…\"`");
                    options.name = Some(meta.value().and_then(ParseBuffer::parse).map_err(wanted)?);
                } else if meta.path.is_ident("flatten") {
                    options.flatten = true;
                } else {
                    return Err(meta.error("a column has the options `name = \"…\"` and `flatten`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// `title: row.get("title")?`, placed at the type, which is what can be wrong with it.
fn column(field: &Field, sql: &Path) -> Result<TokenStream> {
    let Options { name, flatten } = Options::read(field)?;
    let (ident, ty) = (&field.ident, &field.ty);
    Ok(if flatten {
        quote_spanned!(ty.span()=> #ident: <#ty as #sql::FromRow>::from_row(row)?)
    } else {
        let name = name.map_or_else(|| column_name(ident.as_ref()), |name| name.value());
        quote_spanned!(ty.span()=> #ident: row.get::<#ty>(#name)?)
    })
}

/// The name of a field, without the `r#` of a keyword.
fn column_name(ident: Option<&Ident>) -> String {
    ident.map(|ident| ident.to_string().trim_start_matches("r#").to_owned()).unwrap_or_default()
}
