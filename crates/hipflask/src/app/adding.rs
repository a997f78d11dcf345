//! Where what is added to an application under construction comes from.

use std::panic::Location;

/// The caller of the setup methods at the moment: problems that show only at `freeze` are reported with its line.
#[derive(Clone, Copy)]
pub(super) enum Adding {
    /// What every application comes with; its line would be no help.
    Core,
    /// The program, line by line.
    Program,
    /// The extension that this line of the program added, and those that it adds itself.
    Extension(&'static Location<'static>),
}

impl Adding {
    /// The same inside an extension that the caller adds.
    #[track_caller]
    pub(super) fn extension(self) -> Adding {
        if let Adding::Program = self { Adding::Extension(Location::caller()) } else { self }
    }

    /// The line, if there is one to tell.
    #[track_caller]
    pub(super) fn place(self) -> Option<&'static Location<'static>> {
        match self {
            Adding::Core => None,
            Adding::Program => Some(Location::caller()),
            Adding::Extension(location) => Some(location),
        }
    }
}
