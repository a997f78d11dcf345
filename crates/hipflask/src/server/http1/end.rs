//! How a connection over HTTP/1 ends.

use std::io;

use crate::http::upgrade::Upgrade;
use crate::server::finished::Finished;

/// How a connection ends.
pub(crate) enum End {
    /// Both sides are done.
    Said,
    /// The client may still be sending, and must not lose the answer because of that.
    Unread,
    /// In the middle of a body whose end is the end of the connection.
    BrokenOff,
    /// The client is gone.
    Lost,
    /// It speaks another protocol from here on, and the request ends with that.
    Upgraded(Upgrade, Finished),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Lost
    }
}
