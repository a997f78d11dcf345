//! The bounds that the configuration sets.

use std::time::Duration;

use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::handler::pool::Bounds;

/// How much of a body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_content_length: Option<u64>,
    pub(crate) max_form_memory_size: u64,
    pub(crate) max_form_parts: usize,
    pub(crate) max_cookie_size: usize,
}

/// The most bytes that the name and the value of a cookie may have together.
pub(crate) fn max_cookie_size(config: &Config) -> Result<usize> {
    Ok(config.find("MAX_COOKIE_SIZE")?.filter(|size| *size > 0).unwrap_or(usize::MAX))
}

impl Limits {
    pub(super) fn from_config(config: &Config) -> Result<Limits> {
        Ok(Limits {
            max_content_length: config.find("MAX_CONTENT_LENGTH")?,
            max_form_memory_size: config.find("MAX_FORM_MEMORY_SIZE")?.unwrap_or(u64::MAX),
            max_form_parts: config.find("MAX_FORM_PARTS")?.unwrap_or(usize::MAX),
            max_cookie_size: max_cookie_size(config)?,
        })
    }
}

impl Bounds {
    /// Those of the threads for synchronous views.
    pub(super) fn from_config(config: &Config) -> Result<Bounds> {
        let threads = config.get("VIEW_THREADS")?;
        if threads == 0 {
            return Err(Error::msg("the configuration key `VIEW_THREADS` is 0, so no synchronous view could run"));
        }
        Ok(Bounds { threads, waiting: config.get("VIEW_QUEUE")?, idle: Duration::from_secs(10) })
    }
}
