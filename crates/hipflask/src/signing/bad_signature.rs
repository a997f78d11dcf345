//! Why a signed text is not believed.

use std::error::Error;
use std::fmt;

use crate::base::datetime::DateTime;

/// Why a signed text is not believed. itsdangerous' `BadSignature` and the errors below it, with their texts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSignature {
    /// It has no signature: the separator is not in it.
    NoSeparator(char),
    /// It was signed with another key, or was changed.
    Mismatch {
        /// The signature that it has.
        signature: String,
        /// When it was signed, if that can be believed, which it cannot.
        signed_at: Option<DateTime>,
    },
    /// It was signed without the time.
    TimestampMissing,
    /// Its time cannot be read.
    MalformedTimestamp,
    /// It was signed too long ago, or in the future.
    Expired {
        /// How many seconds ago it was signed.
        age: i64,
        /// The most seconds that it may be old.
        max_age: i64,
        /// When it was signed.
        signed_at: DateTime,
    },
    /// It was signed by us, and is not what was expected.
    Payload(String),
}

impl BadSignature {
    /// When it was signed; of a text whose signature does not match, when it says that it was.
    pub fn signed_at(&self) -> Option<DateTime> {
        match self {
            BadSignature::Mismatch { signed_at, .. } => *signed_at,
            BadSignature::Expired { signed_at, .. } => Some(*signed_at),
            _ => None,
        }
    }
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSignature::NoSeparator(separator) => write!(f, "No b'{separator}' found in value"),
            BadSignature::Mismatch { signature, .. } => {
                write!(f, "Signature b'{}' does not match", signature.escape_debug())
            }
            BadSignature::TimestampMissing => f.write_str("timestamp missing"),
            BadSignature::MalformedTimestamp => f.write_str("Malformed timestamp"),
            BadSignature::Expired { age, max_age, .. } if *age >= 0 => {
                write!(f, "Signature age {age} > {max_age} seconds")
            }
            BadSignature::Expired { age, .. } => write!(f, "Signature age {age} < 0 seconds"),
            BadSignature::Payload(why) => write!(f, "Could not load the payload: {why}"),
        }
    }
}

impl Error for BadSignature {}
