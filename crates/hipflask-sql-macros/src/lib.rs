//! The derive of `hipflask-sql`, which re-exports it.

mod from_row;

use proc_macro::TokenStream;

/// Reads a struct from a row: each field is the column of its name.
///
/// ```
/// use hipflask_sql::prelude::*;
///
/// #[derive(FromRow)]
/// struct Post {
///     id: i64,
///     #[column(name = "headline")]
///     title: String,
///     #[column(flatten)]
///     author: Author,
/// }
///
/// #[derive(FromRow)]
/// struct Author {
///     username: String,
/// }
/// ```
///
/// It writes:
///
/// ```text
/// impl FromRow for Post {
///     fn from_row(row: &Row) -> Result<Self, SqlError> {
///         Ok(Post { id: row.get("id")?, title: row.get("headline")?, author: Author::from_row(row)? })
///     }
/// }
/// ```
///
/// A crate that has `hipflask-sql` under another name says so: `#[row(crate = my::sql)]` above the struct.
#[proc_macro_derive(FromRow, attributes(column, row))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = proc_macro2::TokenStream::from(input);
    let code = from_row::expand(input.clone()).unwrap_or_else(|error| {
        let (error, standing_in) = (error.into_compile_error(), from_row::standing_in(input));
        quote::quote!(#error #standing_in)
    });
    code.into()
}
