//! What makes an application secure by default: headers, a check against cross-site request forgery, a check of
//! the host. Every application has it; configuration keys switch off single parts.

pub(crate) mod csrf;
pub(crate) mod hosts;
pub(crate) mod talisman;

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::freezing::Freezing;
use crate::app::scaffold::Scaffold;
use crate::base::error::Result;
use crate::builtin::security::csrf::CsrfExempt;
use crate::builtin::security::talisman::Talisman;

/// Adds the security extension to an application.
pub(crate) struct Security;

impl Extension for Security {
    fn init_app(self, app: App) -> App {
        let app = app.reads_option::<CsrfExempt>().reads_option::<Talisman>();
        app.before_request(csrf::Check).after_request(talisman::Headers).on_freeze(prepare)
    }
}

/// Reads the configuration once, so that no request has to.
fn prepare(freezing: &mut Freezing<'_>) {
    keep(freezing, |freezing| csrf::Settings::from_config(freezing.config()));
    keep(freezing, talisman::Settings::new);
    keep(freezing, |freezing| hosts::Settings::new(freezing));
}

fn keep<T: Send + Sync + 'static>(freezing: &mut Freezing<'_>, read: fn(&mut Freezing<'_>) -> Result<T>) {
    match read(freezing) {
        Ok(settings) => freezing.insert_state(settings),
        Err(error) => freezing.problem(error.to_string()),
    }
}
