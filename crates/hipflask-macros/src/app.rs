//! `app!` and `folder!`: where the files of a crate are.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, LitStr, Token};

use crate::Expanded;

pub(crate) fn expand(input: &TokenStream) -> Expanded {
    if !input.is_empty() {
        return Err(Error::new_spanned(
            input,
            "`app!()` takes no arguments; for another name or folder there is `App::new`",
        ));
    }
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let embed = FOLDERS.iter().filter_map(|folder| embed(&root, "", folder));
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_MANIFEST_DIR"));
        #[cfg(not(debug_assertions))]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ".")#(#embed)*;
        app
    }})
}

/// `folder!("src/blog", "templates", "static")`
pub(crate) fn folder(input: TokenStream) -> Expanded {
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(input);
    let wrong = |span| Error::new(span, "`folder!` takes a folder of the crate as a string: `folder!(\"src/blog\")`");
    let names = names.map_err(|error| wrong(error.span()))?;
    let Some(folder) = names.first() else { return Err(wrong(Span::call_site())) };
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let path = folder.value();
    let path = path.trim_matches('/');
    if !root.join(path).is_dir() {
        let message = format!("there is no folder `{path}` in this crate; it is looked for beside `Cargo.toml`");
        return Err(Error::new(folder.span(), message));
    }
    let inside: Vec<String> = match names.len() {
        1 => ["templates", "static"].map(str::to_owned).to_vec(),
        _ => names.iter().skip(1).map(LitStr::value).collect(),
    };
    let embed = inside.iter().filter_map(|name| embed(&root, &format!("{path}/"), name));
    let on_disk = format!("/{path}");
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let folder = ::hipflask::extension::RootFolder::from(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #on_disk));
        #[cfg(not(debug_assertions))]
        let folder = ::hipflask::extension::RootFolder::from(#path)#(#embed)*;
        folder
    }})
}

/// `.embed("templates", &[..])` for a folder of the crate below `around`, unless there is nothing in it.
fn embed(root: &Path, around: &str, folder: &str) -> Option<TokenStream> {
    let names = names(root, &format!("{around}{folder}"));
    let files = names.iter().map(|name| {
        let path = format!("/{around}{folder}/{name}");
        quote!(::hipflask::extension::EmbeddedFile { name: #name, content: ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)) })
    });
    (!names.is_empty()).then(|| quote!(.embed(#folder, &[#(#files),*])))
}

/// The folders that a release build has inside.
const FOLDERS: [&str; 3] = ["templates", "static", "migrations"];

/// The files below a folder of the crate, by their names in it.
fn names(root: &Path, folder: &str) -> Vec<String> {
    fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') && name != ".well-known" {
                continue;
            }
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{prefix}{name}/"), names);
            } else {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    let mut found = Vec::new();
    collect(&root.join(folder), "", &mut found);
    found.sort();
    found
}
