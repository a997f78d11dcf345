//! `cargo xtask typos`: the spelling of everything that is in the repository.

use std::process::Command;

use crate::{Result, execute, root, services};

/// The command.
pub fn run() -> Result<()> {
    let program = services::python_of_the_project()?.with_file_name("typos");
    let mut typos = Command::new(program);
    execute(typos.current_dir(root()))
        .map_err(|error| format!("{error}: correct the words, or let them pass in typos.toml"))
}
