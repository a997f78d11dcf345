//! Why a WebSocket was closed, and by whom.

use std::fmt;

/// The status code of a close frame (RFC 6455 §7.4).
///
/// ```
/// use hipflask_websocket::CloseCode;
///
/// assert_eq!(CloseCode::NORMAL, CloseCode::from(1000));
/// assert!(CloseCode::from(4001).is_sendable());
/// assert!(!CloseCode::ABNORMAL.is_sendable(), "it tells that there was no close frame");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: what the connection was for is done.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: the server stops, or the browser leaves the page.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the other side broke the rules of the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: a text where only bytes are taken, or the other way round.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// 1005: the other side closed without saying why. It is never sent.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006: the connection was lost. It is never sent.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: a text that is not UTF-8, or data that cannot be unpacked.
    pub const INVALID_DATA: CloseCode = CloseCode(1007);
    /// 1008: a message that is not allowed.
    pub const POLICY_VIOLATION: CloseCode = CloseCode(1008);
    /// 1009: a message or a frame that is too large.
    pub const TOO_LARGE: CloseCode = CloseCode(1009);
    /// 1011: the server failed.
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012: the server restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013: the server has too much to do.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

    /// The number.
    pub fn as_u16(self) -> u16 {
        self.0
    }

    /// Whether a close frame may carry it: one that is registered, or from 3000 to 4999, of which those from 4000 on are
    /// for applications.
    pub fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> CloseCode {
        CloseCode(code)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who closed a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// The view, or the server that stops.
    Us,
    /// The other side: of a server, the client.
    Peer,
    /// Nobody: the connection was lost, or what came over it could not be accepted.
    Failure,
}

/// A WebSocket is closed: why, and by whom. As an error it leaves the function of a view, which is nothing to log;
/// simple-websocket's `ConnectionClosed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionClosed {
    pub(crate) code: CloseCode,
    pub(crate) reason: String,
    pub(crate) by: ClosedBy,
}

impl ConnectionClosed {
    pub(crate) fn lost(reason: &str) -> ConnectionClosed {
        ConnectionClosed { code: CloseCode::ABNORMAL, reason: reason.to_owned(), by: ClosedBy::Failure }
    }

    /// The code that was sent or received; [`NO_STATUS`](CloseCode::NO_STATUS) if the other side gave none, and
    /// [`ABNORMAL`](CloseCode::ABNORMAL) if the connection was lost.
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason that was sent or received. It is the other side's text if that has closed.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Who closed it.
    pub fn by(&self) -> ClosedBy {
        self.by
    }
}

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.by {
            ClosedBy::Us => "the WebSocket was closed here",
            ClosedBy::Peer => "the other side closed the WebSocket",
            ClosedBy::Failure => "the WebSocket broke off",
        };
        write!(f, "{who}: {}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " {}", self.reason.escape_debug()) }
    }
}

impl std::error::Error for ConnectionClosed {}

/// What a peer did that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'static str,
}

impl Violation {
    pub(crate) fn protocol(reason: &'static str) -> Violation {
        Violation { code: CloseCode::PROTOCOL_ERROR, reason }
    }

    pub(crate) fn too_large(reason: &'static str) -> Violation {
        Violation { code: CloseCode::TOO_LARGE, reason }
    }

    pub(crate) fn invalid(reason: &'static str) -> Violation {
        Violation { code: CloseCode::INVALID_DATA, reason }
    }
}
