//! The environment of the process and, below it, what `.env` files say.

pub(crate) mod dotenv;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A variable, and where it was set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) set_in: SetIn,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SetIn {
    Process,
    File { path: PathBuf, line: usize },
}

impl Variable {
    /// What comes first counts.
    pub(crate) fn rank(&self) -> u8 {
        match self.set_in {
            SetIn::Process => 0,
            SetIn::File { .. } => 1,
        }
    }
}

impl fmt::Display for SetIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetIn::Process => f.write_str("the environment"),
            SetIn::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// What the files say. It is kept here because changing the environment of a process that may have threads is unsafe,
/// and so that children do not inherit it.
static FILES: OnceLock<Vec<Variable>> = OnceLock::new();

/// Puts the variables of files below those of the process. It counts once, before anything reads them.
pub(crate) fn add(variables: Vec<Variable>) {
    let _ = FILES.set(variables);
}

/// Every variable that is text; those of the process hide those of the files.
pub(crate) fn variables() -> Vec<Variable> {
    // `vars` panics if any variable of the environment is not Unicode.
    let text = |(name, value): (OsString, OsString)| {
        Some(Variable { name: name.into_string().ok()?, value: value.into_string().ok()?, set_in: SetIn::Process })
    };
    let files = FILES.get().into_iter().flatten().filter(|variable| std::env::var_os(&variable.name).is_none());
    std::env::vars_os().filter_map(text).chain(files.cloned()).collect()
}

/// The variable `name`, if it is set to text.
pub(crate) fn variable(name: &str) -> Option<Variable> {
    variables().into_iter().find(|variable| variable.name == name)
}
