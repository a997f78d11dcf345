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
    let mut embedded = Vec::new();
    for folder in FOLDERS {
        embedded.extend(embed(&root, "", folder)?);
    }
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_MANIFEST_DIR"));
        #[cfg(not(debug_assertions))]
        let app = ::hipflask::App::new(::core::env!("CARGO_PKG_NAME"), ".")#(#embedded)*;
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
    let mut embedded = Vec::new();
    for name in &inside {
        embedded.extend(embed(&root, &format!("{path}/"), name)?);
    }
    let on_disk = format!("/{path}");
    Ok(quote! {{
        #[cfg(debug_assertions)]
        let folder = ::hipflask::extension::RootFolder::from(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #on_disk));
        #[cfg(not(debug_assertions))]
        let folder = ::hipflask::extension::RootFolder::from(#path)#(#embedded)*;
        folder
    }})
}

/// `.embed("templates", &[..])` for a folder of the crate below `around`, unless there is nothing in it.
fn embed(root: &Path, around: &str, folder: &str) -> Result<Option<TokenStream>, Error> {
    let names = names(root, &format!("{around}{folder}")).map_err(|problem| Error::new(Span::call_site(), problem))?;
    let files = names.iter().map(|name| {
        let path = format!("/{around}{folder}/{name}");
        quote!(::hipflask::extension::EmbeddedFile { name: #name, content: ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)) })
    });
    Ok((!names.is_empty()).then(|| quote!(.embed(#folder, &[#(#files),*]))))
}

/// The folders that a release build has inside.
const FOLDERS: [&str; 3] = ["templates", "static", "migrations"];

/// The files below a folder of the crate, by their names in it.
///
/// What is not a file or a folder is refused, in every build. A release build would have inside what a link leads to,
/// though it is somewhere else and may be nobody's business; during development it is a 404. A pipe would keep the
/// compiler waiting.
fn names(root: &Path, folder: &str) -> Result<Vec<String>, String> {
    fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), String> {
        let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') && name != ".well-known" {
                continue;
            }
            // Of the entry itself, not of what it leads to.
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                collect(&entry.path(), &format!("{prefix}{name}/"), names)?;
            } else if kind.is_file() {
                names.push(format!("{prefix}{name}"));
            } else {
                let what = if kind.is_symlink() { "a link" } else { "neither a file nor a folder" };
                let advice = "only files can be inside the binary; put the file itself there, or move this elsewhere";
                return Err(format!("{} is {what}: {advice}", entry.path().display()));
            }
        }
        Ok(())
    }
    let (folder, mut found) = (root.join(folder), Vec::new());
    // The folder itself may be a link: then both builds have what it leads to.
    if folder.is_dir() {
        collect(&folder, "", &mut found)?;
    } else if folder.symlink_metadata().is_ok() {
        return Err(format!("{} is not a folder, nor a link to one", folder.display()));
    }
    found.sort();
    Ok(found)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// The names in a new folder `static` that `fill` has filled.
    fn found(test: &str, fill: impl FnOnce(&Path)) -> Result<Vec<String>, String> {
        let root = std::env::temp_dir().join(format!("hipflask-app-{test}-{}", std::process::id()));
        fs::create_dir_all(root.join("static/sub")).expect("a folder for the test");
        fill(&root.join("static"));
        let found = names(&root, "static");
        fs::remove_dir_all(&root).expect("it is there");
        found
    }

    #[test]
    fn files_are_found_and_hidden_ones_are_not() {
        let files = found("files", |folder| {
            for name in ["b.txt", "sub/a.txt", ".env", "sub/.#lock"] {
                fs::write(folder.join(name), "").expect("written");
            }
            symlink("nowhere", folder.join(".#b.txt")).expect("the lock of an editor");
        });
        assert_eq!(files.as_deref(), Ok(&["b.txt".to_owned(), "sub/a.txt".to_owned()][..]));
        assert_eq!(names(Path::new("/"), "no-such-folder"), Ok(Vec::new()));
        let not_a_folder = found("not", |folder| {
            fs::remove_dir_all(folder).expect("it is there");
            symlink("static", folder).expect("a link to itself");
        });
        assert!(not_a_folder.is_err_and(|problem| problem.contains("static is not a folder")));
    }

    #[test]
    fn what_leads_elsewhere_is_refused_by_name() {
        for target in ["/etc/passwd", "/etc", ".", "loop", "nowhere"] {
            let problem = found("links", |folder| symlink(target, folder.join("sub/loop")).expect("a link"));
            let problem = problem.expect_err("a link is refused");
            assert!(problem.contains("static/sub/loop is a link"), "{target}: {problem}");
        }
        let pipe = found("pipe", |folder| {
            let made = Command::new("mkfifo").arg(folder.join("pipe")).status();
            assert!(made.is_ok_and(|status| status.success()), "there is `mkfifo`");
        });
        assert!(pipe.is_err_and(|problem| problem.contains("static/pipe is neither a file nor a folder")));
    }
}
