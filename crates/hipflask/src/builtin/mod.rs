//! What every application comes with. The parts register like any extension, so the layers below know none of
//! them.

mod access_log;
pub(crate) mod error_page;
mod file_head;
mod file_settings;
pub mod form;
pub(crate) mod log;
pub(crate) mod proxy_fix;
pub(crate) mod security;
pub(crate) mod send_file;
mod static_files;
pub(crate) mod templating;

use std::path::PathBuf;

use crate::app::App;
use crate::builtin::access_log::AccessLog;
use crate::builtin::security::Security;
use crate::builtin::static_files::Static;
use crate::builtin::templating::Templating;

impl App {
    /// An application called `name` in the folder `root_path`, with templates, static files, and everything
    /// that makes it safe. [`app!`](crate::app) knows both.
    ///
    /// In a debug build `DEBUG` is on unless it is configured otherwise.
    pub fn new(name: impl Into<String>, root_path: impl Into<PathBuf>) -> App {
        // The hook registered first runs first before the view and last after it; both are what safety needs.
        App::bare(name, root_path, |app| app.extend(Security).extend(Templating).extend(Static).extend(AccessLog))
    }
}
