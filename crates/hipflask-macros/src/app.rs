//! `app!`

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use crate::Expanded;

pub(crate) fn expand(input: &TokenStream) -> Expanded {
    if !input.is_empty() {
        return Err(Error::new_spanned(input, "`app!()` takes no arguments; for another name or folder there is `App::new`"));
    }
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let templates = names(&root, "templates");
    let files = names(&root, "static");
    let template = |name: &String| {
        let path = format!("/templates/{name}");
        quote!((#name, ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path))))
    };
    let file = |name: &String| {
        let path = format!("/static/{name}");
        quote!(::hipflask::EmbeddedFile { name: #name, content: ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)) })
    };
    let embed_templates = (!templates.is_empty()).then(|| {
        let templates = templates.iter().map(template);
        quote!(let app = app.embedded_templates(&[#(#templates),*]);)
    });
    let embed_files = (!files.is_empty()).then(|| {
        let files = files.iter().map(file);
        quote!(let app = app.embedded_static_files(&[#(#files),*]);)
    });
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_MANIFEST_DIR"));
        #[cfg(not(debug_assertions))]
        let app = {
            let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ".");
            #embed_templates
            #embed_files
            app
        };
        app
    }})
}

/// The files below a folder of the crate, by their names in it.
fn names(root: &Path, folder: &str) -> Vec<String> {
    fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.path().is_dir() {
                _ if name.starts_with('.') => {}
                true => collect(&entry.path(), &format!("{prefix}{name}/"), names),
                false => names.push(format!("{prefix}{name}")),
            }
        }
    }
    let mut found = Vec::new();
    collect(&root.join(folder), "", &mut found);
    found.sort();
    found
}
