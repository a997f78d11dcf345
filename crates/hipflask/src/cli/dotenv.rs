//! The files `.flaskenv` and `.env`, and the one that `--env-file` names. Flask's `load_dotenv`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::environment::{self, SetIn, Variable, dotenv};
use crate::cli::process::Failure;

/// Puts what the files say below the environment of the process. Of a variable the last file counts: `.flaskenv`, `.env`,
/// then the one that was named.
pub(super) fn load(named: Option<&str>) -> Result<(), Failure> {
    let from_environment = std::env::var("FLASK_ENV_FILE").ok().filter(|file| !file.is_empty());
    let named = named.map(|file| (file, "--env-file"));
    let named = named.or(from_environment.as_deref().map(|file| (file, "FLASK_ENV_FILE")));
    let mut variables = BTreeMap::new();
    for path in default_files() {
        let text = std::fs::read_to_string(&path).map_err(|error| cannot_be_read(&path, "", &error))?;
        read(&path, &text, &mut variables)?;
    }
    if let Some((file, option)) = named {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| cannot_be_read(Path::new(file), &format!(" of {option}"), &error))?;
        read(Path::new(file), &text, &mut variables)?;
    }
    environment::add(variables.into_values().collect());
    Ok(())
}

fn cannot_be_read(path: &Path, named_by: &str, error: &std::io::Error) -> Failure {
    let file = path.display();
    if named_by.is_empty() {
        let instead = "let this user read it, or set FLASK_SKIP_DOTENV=1 to do without";
        return Failure::usage(format!("the file `{file}` cannot be read: {error}; {instead}"));
    }
    Failure::usage(format!("the file `{file}`{named_by} cannot be read: {error}; correct the path"))
}

fn read(path: &Path, text: &str, variables: &mut BTreeMap<String, Variable>) -> Result<(), Failure> {
    let outside = |name: &str| std::env::var(name).ok();
    let file = path.display();
    let bindings = dotenv::parse(text, outside).map_err(|error| Failure::new(format!("{file}:{error}")))?;
    for dotenv::Binding { name, value, line } in bindings {
        let set_in = SetIn::File { path: path.to_owned(), line };
        variables.insert(name.clone(), Variable { name, value, set_in });
    }
    Ok(())
}

/// `.flaskenv` and `.env`, each from the nearest folder that has one, from the current folder up.
fn default_files() -> Vec<PathBuf> {
    let skipped = std::env::var("FLASK_SKIP_DOTENV").is_ok_and(|skip| skips(&skip));
    let Ok(folder) = std::env::current_dir() else { return Vec::new() };
    let nearest = |name: &&str| folder.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file());
    if skipped { Vec::new() } else { [".flaskenv", ".env"].iter().filter_map(nearest).collect() }
}

fn skips(text: &str) -> bool {
    !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no")
}
