//! The commands of an application under construction.

use crate::app::App;
use crate::app::command::{Command, tree};
use crate::app::mount::{Mounted, Mounting};
use crate::app::setup_error::SetupError;

impl App {
    /// Its commands, and those of its blueprints.
    pub(super) fn own_commands(&self, errors: &mut Vec<SetupError>) -> Vec<Command> {
        let mut commands = Vec::new();
        for command in &self.parts.commands {
            let clash = tree::add(&mut commands, command.clone()).err();
            errors.extend(clash.map(|clash| SetupError::new(clash.message(), Some(clash.location))));
        }
        commands
    }

    /// All commands, those of mounted applications too: for help, which must not depend on what is wrong with the
    /// application.
    pub(crate) fn all_commands(&self) -> Vec<Command> {
        let mut commands = self.own_commands(&mut Vec::new());
        for Mounting { mounted, location, .. } in &self.mounts {
            let (name, inner) = match mounted {
                Mounted::App(app) => (app.name(), app.all_commands()),
                Mounted::Frozen(app) => (app.name(), app.commands().to_vec()),
                Mounted::Handler(_) => continue,
            };
            for group in tree::grouped(Some(name), inner, location) {
                let _ = tree::add(&mut commands, group);
            }
        }
        commands
    }
}
