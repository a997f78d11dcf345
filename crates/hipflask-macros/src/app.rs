//! `app!`

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use crate::Expanded;

pub(crate) fn expand(input: &TokenStream) -> Expanded {
    if !input.is_empty() {
        return Err(Error::new_spanned(
            input,
            "`app!()` takes no arguments; for another name or folder there is `App::new`",
        ));
    }
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let embed = FOLDERS.iter().filter_map(|folder| {
        let names = names(&root, folder);
        let files = names.iter().map(|name| {
            let path = format!("/{folder}/{name}");
            quote!(::hipflask::extension::EmbeddedFile { name: #name, content: ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)) })
        });
        (!names.is_empty()).then(|| quote!(.embed(#folder, &[#(#files),*])))
    });
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_MANIFEST_DIR"));
        #[cfg(not(debug_assertions))]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ".")#(#embed)*;
        app.version(::core::env!("CARGO_PKG_VERSION"))
    }})
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
