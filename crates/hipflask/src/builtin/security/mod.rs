//! What makes an application secure by default: headers, a check against cross-site request forgery, a check of
//! the host. Every application has it; configuration keys switch off single parts.

pub(crate) mod csrf;
pub(crate) mod headers;
pub(crate) mod hosts;

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::freezing::Freezing;
use crate::app::scaffold::Scaffold;
use crate::builtin::security::csrf::CsrfExempt;

/// Adds the security extension to an application.
pub(crate) struct Security;

impl Extension for Security {
    fn init_app(self, app: App) -> App {
        app.reads_option::<CsrfExempt>().before_request(csrf::Check).after_request(headers::Headers).on_freeze(prepare)
    }
}

/// Reads the configuration once, so that no request has to.
fn prepare(freezing: &mut Freezing<'_>) {
    keep(freezing, |freezing| csrf::Settings::from_config(freezing.config()));
    keep(freezing, |freezing| headers::Settings::from_config(freezing.config()));
    keep(freezing, hosts::Settings::new);
}

fn keep<T: Send + Sync + 'static>(
    freezing: &mut Freezing<'_>,
    read: fn(&Freezing<'_>) -> crate::base::error::Result<T>,
) {
    match read(freezing) {
        Ok(settings) => freezing.insert_state(settings),
        Err(error) => freezing.problem(error.to_string()),
    }
}
