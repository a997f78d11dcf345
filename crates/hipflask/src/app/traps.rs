//! Which errors are more than an answer, as the configuration says.

use http::StatusCode;

use crate::base::config::Config;
use crate::base::error::{HttpError, Result};

/// What is done with errors that a program wants to see and not to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traps {
    /// An error that nobody answers passes the handlers for 500; a test client fails with it.
    pub(crate) propagates: bool,
    http: bool,
    bad_request: bool,
}

impl Traps {
    pub(super) fn from_config(config: &Config) -> Result<Traps> {
        let propagates: Option<bool> = config.find("PROPAGATE_EXCEPTIONS")?;
        let testing: Option<bool> = config.find("TESTING")?;
        let http: Option<bool> = config.find("TRAP_HTTP_EXCEPTIONS")?;
        let bad_request: Option<bool> = config.find("TRAP_BAD_REQUEST_ERRORS")?;
        Ok(Traps {
            propagates: propagates.or(testing).unwrap_or_default(),
            http: http.unwrap_or_default(),
            bad_request: bad_request.unwrap_or_default(),
        })
    }

    /// Whether an HTTP error that no handler answers counts as an unexpected one.
    pub(crate) fn catch(&self, error: &HttpError) -> bool {
        self.http || self.bad_request && error.status() == StatusCode::BAD_REQUEST
    }
}
