//! The runtime of everything that starts one: commands, tests, [`block_on`](crate::block_on). So a test runs on what
//! production runs on.

use tokio::runtime::{Builder, Runtime};

use crate::base::error::Result;

/// A runtime with a worker for each processor.
pub(crate) fn new() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
