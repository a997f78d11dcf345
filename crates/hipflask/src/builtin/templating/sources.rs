//! Where templates come from: the application's folder, then those of blueprints in the order of their registration. The
//! first that has a template of a name counts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use minijinja::{Environment, Error, ErrorKind, TemplateSource};

use crate::app::folder::{EmbeddedFile, Folder};
use crate::app::freezing::Freezing;

/// Adds the templates of `folders`. Returns the name and the text of each that counts.
pub(super) fn add(
    environment: &mut Environment<'static>,
    folders: Vec<Folder>,
    freezing: &mut Freezing<'_>,
) -> Vec<(String, String)> {
    let embedded: Option<Vec<&'static [EmbeddedFile]>> = folders.iter().map(embedded).collect();
    match embedded {
        Some(embedded) if !embedded.is_empty() => add_embedded(environment, &embedded, freezing),
        _ => add_folders(environment, folders, freezing),
    }
}

fn embedded(folder: &Folder) -> Option<&'static [EmbeddedFile]> {
    match folder {
        Folder::Embedded { files, .. } => Some(files),
        Folder::Disk(_) => None,
    }
}

/// Templates inside the binary: they never change, and reading them takes no lock.
fn add_embedded(
    environment: &mut Environment<'static>,
    folders: &[&'static [EmbeddedFile]],
    freezing: &mut Freezing<'_>,
) -> Vec<(String, String)> {
    let mut known = HashSet::new();
    let mut sources = Vec::new();
    for file in folders.iter().copied().flatten().filter(|file| known.insert(file.name)) {
        let Ok(source) = std::str::from_utf8(file.content) else { continue };
        match environment.add_template(file.name, source) {
            Ok(()) => sources.push((file.name.to_owned(), source.to_owned())),
            Err(error) => freezing.problem(syntax_problem(&error)),
        }
    }
    sources
}

/// Templates of which some are on the disk: read when they are first used, and during development again when they have
/// changed.
fn add_folders(
    environment: &mut Environment<'static>,
    folders: Vec<Folder>,
    freezing: &mut Freezing<'_>,
) -> Vec<(String, String)> {
    let explain = freezing.config().switch("EXPLAIN_TEMPLATE_LOADING", false);
    environment.set_auto_reload(freezing.config().switch("TEMPLATES_AUTO_RELOAD", freezing.config().debug()));
    let searched = folders.clone();
    environment.set_loader(move |name| {
        for folder in &searched {
            let loaded = load_from(folder, name);
            if explain {
                let found = if matches!(loaded, Ok(Some(_))) { "found" } else { "not found" };
                tracing::info!("template `{name}` in {folder}: {found}");
            }
            match loaded {
                Ok(None) => {}
                loaded => return loaded,
            }
        }
        Ok(None)
    });
    let mut known = HashSet::new();
    let mut sources = Vec::new();
    for folder in &folders {
        for name in names_in(folder) {
            if known.insert(name.clone()) {
                sources.extend(checked(environment, folder, name, freezing));
            }
        }
    }
    sources
}

/// The name and the text of a template, which is reported if it is malformed.
fn checked(
    environment: &Environment<'static>,
    folder: &Folder,
    name: String,
    freezing: &mut Freezing<'_>,
) -> Option<(String, String)> {
    let source = match folder {
        Folder::Disk(path) => match std::fs::read_to_string(path.join(&name)) {
            // A picture among the templates is not a template.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return None,
            source => source.ok(),
        },
        Folder::Embedded { files, .. } => Some(text_of(files, &name)?.to_owned()),
    };
    if let Err(error) = environment.get_template(&name) {
        freezing.problem(syntax_problem(&error));
    }
    source.map(|source| (name, source))
}

fn load_from(folder: &Folder, name: &str) -> Result<Option<TemplateSource>, Error> {
    match folder {
        Folder::Disk(root) => load(root, name),
        Folder::Embedded { files, .. } => Ok(text_of(files, name).map(|text| TemplateSource::new(text.to_owned()))),
    }
}

fn text_of(files: &[EmbeddedFile], name: &str) -> Option<&'static str> {
    std::str::from_utf8(files.iter().find(|file| file.name == name)?.content).ok()
}

fn load(root: &Path, name: &str) -> Result<Option<TemplateSource>, Error> {
    let Some(path) = path_of(root, name) else { return Ok(None) };
    match std::fs::read_to_string(&path) {
        Ok(source) => {
            let read = modified(&path);
            Ok(Some(TemplateSource::new(source).with_uptodate_check(move || modified(&path) == read)))
        }
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("the template cannot be read: {error}"))
                .with_source(error))
        }
    }
}

/// A name may be untrusted: it never leads out of the folder.
fn path_of(root: &Path, name: &str) -> Option<PathBuf> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0', ':']);
    name.split('/').all(plain).then(|| name.split('/').fold(root.to_owned(), |path, part| path.join(part)))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

fn names_in(folder: &Folder) -> Vec<String> {
    match folder {
        Folder::Disk(path) => names(path),
        Folder::Embedded { files, .. } => files.iter().map(|file| file.name.to_owned()).collect(),
    }
}

/// Every file under `folder` by its template name.
fn names(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            match entry.file_type() {
                _ if name.starts_with('.') => {}
                Ok(kind) if kind.is_dir() => collect(&entry.path(), &format!("{prefix}{name}/"), names),
                // A link to a folder may form a loop; the templates in it are checked when they are used.
                _ if entry.path().is_file() => names.push(format!("{prefix}{name}")),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    found.sort();
    found
}

fn syntax_problem(error: &Error) -> String {
    let place = error.name().map(|name| format!("{name}:{}: ", error.line().unwrap_or(1))).unwrap_or_default();
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("the template {place}{detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        let root = Path::new("/t");
        assert_eq!(path_of(root, "a/b.html"), Some(PathBuf::from("/t/a/b.html")));
        for bad in ["../x", "a/../../x", "/etc/passwd", "a//b", "", "a\\b", "a\0", "C:x", "."] {
            assert_eq!(path_of(root, bad), None, "{bad:?}");
        }
    }
}
