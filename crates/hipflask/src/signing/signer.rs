//! Texts with a signature, and with the time at which they were signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};

use crate::base::datetime::DateTime;
use crate::signing::bad_signature::BadSignature;
use crate::signing::base64;

/// How many bytes a signature has.
pub(super) const SIGNATURE: usize = 20;

/// Signs texts as they are, and takes them back. itsdangerous' `Signer` and `TimestampSigner`.
///
/// ```
/// use std::time::Duration;
///
/// use hipflask::signing::{BadSignature, Signer};
///
/// let signer = Signer::new(["the secret key"], "newsletter");
/// let signed = signer.sign("ada@example.org");
/// assert_eq!(signer.unsign(&signed)?, "ada@example.org");
/// assert!(!signer.validate(&signed.replace("ada", "eve")));
///
/// let signed = signer.sign_with_time("ada@example.org");
/// let (address, signed_at) = signer.unsign_with_time(&signed, Some(Duration::from_secs(3600)))?;
/// assert_eq!(address, "ada@example.org");
/// # assert!(signed_at <= hipflask::DateTime::now());
/// # Ok::<(), BadSignature>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    /// Signs, and is the first to verify.
    current: Hmac<Sha1>,
    fallbacks: Vec<Hmac<Sha1>>,
    separator: char,
}

/// How a key is derived from the secret and the salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyDerivation {
    /// itsdangerous' default: SHA-1 of salt, the word `signer`, and secret.
    DjangoConcat,
    /// SHA-1 of salt and secret.
    Concat,
    /// What Flask's session uses: HMAC-SHA1 of the salt under the secret.
    Hmac,
    /// The secret itself: one key for every purpose. Only to read what was signed so.
    None,
}

impl Signer {
    /// A signer for one purpose, which `salt` names; itsdangerous' own is `itsdangerous.Signer`. The first of `keys` signs,
    /// all of them verify.
    ///
    /// # Panics
    ///
    /// If `keys` is empty.
    #[track_caller]
    pub fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>, salt: &str) -> Signer {
        Signer::with_derivation(keys, salt, KeyDerivation::DjangoConcat)
    }

    /// [`new`](Signer::new) with another way to derive keys.
    ///
    /// # Panics
    ///
    /// If `keys` is empty.
    #[track_caller]
    pub fn with_derivation<K: AsRef<[u8]>>(
        keys: impl IntoIterator<Item = K>,
        salt: &str,
        derivation: KeyDerivation,
    ) -> Signer {
        let mut prepared = keys.into_iter().map(|key| prepare(key.as_ref(), salt.as_bytes(), derivation));
        let Some(current) = prepared.next() else {
            crate::base::panics::misuse(format_args!("a signer needs at least one key"))
        };
        Signer { current, fallbacks: prepared.collect(), separator: '.' }
    }

    /// The same with another separator than `.` between a text, its time and its signature.
    ///
    /// # Panics
    ///
    /// If it occurs in base64, where it would separate nothing.
    #[must_use]
    #[track_caller]
    pub fn with_separator(mut self, separator: char) -> Signer {
        if separator.is_ascii_alphanumeric() || "-_=".contains(separator) {
            crate::base::panics::misuse(format_args!("`{separator}` occurs in signatures and cannot separate them"))
        }
        self.separator = separator;
        self
    }

    /// `value` with its signature.
    pub fn sign(&self, value: &str) -> String {
        format!("{value}{}{}", self.separator, base64::encode(&self.signature(value.as_bytes())))
    }

    /// The text that [`sign`](Signer::sign) has signed.
    ///
    /// # Errors
    ///
    /// If it was signed with another key, or changed.
    pub fn unsign<'t>(&self, signed: &'t str) -> Result<&'t str, BadSignature> {
        let (value, signature) = self.split(signed).ok_or(BadSignature::NoSeparator(self.separator))?;
        if self.verifies(value.as_bytes(), signature) {
            return Ok(value);
        }
        Err(BadSignature::Mismatch { signature: signature.to_owned(), signed_at: None })
    }

    /// Whether `signed` was signed with one of the keys.
    pub fn validate(&self, signed: &str) -> bool {
        self.unsign(signed).is_ok()
    }

    /// `value` with the time and a signature of both.
    pub fn sign_with_time(&self, value: &str) -> String {
        let mut text = value.as_bytes().to_vec();
        self.push_time_and_signature(&mut text, 0, SystemTime::now());
        // A text, a separator and base64 are text.
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The text that [`sign_with_time`](Signer::sign_with_time) has signed, and when, if that is not longer ago than
    /// `max_age`.
    ///
    /// # Errors
    ///
    /// If it was signed with another key, or changed, or too long ago.
    pub fn unsign_with_time<'t>(
        &self,
        signed: &'t str,
        max_age: Option<Duration>,
    ) -> Result<(&'t str, DateTime), BadSignature> {
        self.unsign_at(signed, max_age, SystemTime::now())
    }

    pub(super) fn unsign_at<'t>(
        &self,
        signed: &'t str,
        max_age: Option<Duration>,
        now: SystemTime,
    ) -> Result<(&'t str, DateTime), BadSignature> {
        let (timed, signature) = self.split(signed).ok_or(BadSignature::NoSeparator(self.separator))?;
        let parts = self.split(timed).map(|(value, time)| (value, read_timestamp(time)));
        if !self.verifies(timed.as_bytes(), signature) {
            let signed_at = parts.and_then(|(_, time)| time).map(DateTime::from);
            return Err(BadSignature::Mismatch { signature: signature.to_owned(), signed_at });
        }
        let (value, time) = parts.ok_or(BadSignature::TimestampMissing)?;
        let time = time.ok_or(BadSignature::MalformedTimestamp)?;
        let age = whole_seconds(now) - whole_seconds(time);
        let signed_at = DateTime::from(time);
        match max_age.map(|max_age| i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX)) {
            Some(max_age) if age > max_age || age < 0 => Err(BadSignature::Expired { age, max_age, signed_at }),
            _ => Ok((value, signed_at)),
        }
    }

    /// Appends the time and the signature of what is in `out` from `start` on.
    pub(super) fn push_time_and_signature(&self, out: &mut Vec<u8>, start: usize, now: SystemTime) {
        self.push_separator(out);
        push_timestamp(out, now);
        self.push_signature(out, start);
    }

    /// Appends the signature of what is in `out` from `start` on.
    pub(super) fn push_signature(&self, out: &mut Vec<u8>, start: usize) {
        let signature = self.signature(&out[start..]);
        self.push_separator(out);
        base64::encode_into(out, &signature);
    }

    fn push_separator(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.separator.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn signature(&self, value: &[u8]) -> [u8; SIGNATURE] {
        self.current.clone().chain_update(value).finalize().into_bytes().into()
    }

    fn verifies(&self, value: &[u8], signature: &str) -> bool {
        let mut bytes = [0; SIGNATURE];
        let Some(signature) = base64::decode_to(signature, &mut bytes) else { return false };
        let mut keys = std::iter::once(&self.current).chain(&self.fallbacks);
        keys.any(|key| key.clone().chain_update(value).verify_slice(signature).is_ok())
    }

    /// `rsplit_once`, for ASCII a SIMD vector at a time.
    pub(super) fn split<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str)> {
        if !self.separator.is_ascii() {
            return text.rsplit_once(self.separator);
        }
        let at = memchr::memrchr(self.separator as u8, text.as_bytes())?;
        Some((&text[..at], &text[at + 1..]))
    }

    pub(super) fn keys(&self) -> usize {
        1 + self.fallbacks.len()
    }
}

/// Keeps keys out of logs.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({} keys)", self.keys())
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha1> {
    Hmac::new_from_slice(key).expect("an HMAC takes a key of any length")
}

fn prepare(secret: &[u8], salt: &[u8], derivation: KeyDerivation) -> Hmac<Sha1> {
    match derivation {
        KeyDerivation::DjangoConcat => {
            keyed(&Sha1::new().chain_update(salt).chain_update(b"signer").chain_update(secret).finalize())
        }
        KeyDerivation::Concat => keyed(&Sha1::new().chain_update(salt).chain_update(secret).finalize()),
        KeyDerivation::Hmac => keyed(&keyed(secret).chain_update(salt).finalize().into_bytes()),
        KeyDerivation::None => keyed(secret),
    }
}

fn whole_seconds(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// The seconds since 1970, in as few bytes as hold them.
fn push_timestamp(out: &mut Vec<u8>, now: SystemTime) {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_be_bytes();
    let zeros = seconds.iter().take_while(|b| **b == 0).count();
    base64::encode_into(out, &seconds[zeros..]);
}

fn read_timestamp(text: &str) -> Option<SystemTime> {
    let mut bytes = [0; size_of::<u64>()];
    let seconds = base64::decode_to(text, &mut bytes)?.iter().fold(0u64, |seconds, b| seconds << 8 | u64::from(*b));
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Written by itsdangerous 2.2.0 with the key `secret-key`.
    #[test]
    fn what_python_signed_is_read_and_written() {
        for (derivation, signed) in [
            (KeyDerivation::DjangoConcat, "value.RI9crmxKpuX1wTw2mg_FHFGXRic"),
            (KeyDerivation::Concat, "value.BWFI7CwV-UtaizSlDrdXTgFEycw"),
            (KeyDerivation::Hmac, "value.amDFTaW4_4Q4S4WgCg8gPnw99dU"),
            (KeyDerivation::None, "value.KR0bPVhdBT1d8GpHRrZeO1VF_ew"),
        ] {
            let signer = Signer::with_derivation(["secret-key"], "itsdangerous.Signer", derivation);
            assert_eq!(signer.sign("value"), signed);
            assert_eq!(signer.unsign(signed), Ok("value"));
        }
        let signer = Signer::new(["secret-key"], "itsdangerous.Signer").with_separator('!');
        assert_eq!(signer.sign("value"), "value!RI9crmxKpuX1wTw2mg_FHFGXRic");
        let signer = Signer::new(["secret-key"], "itsdangerous.Signer");
        let found = signer.unsign_at(
            "value.ZVPxAA.P9Grfsn5n1eHqbiYrPP0fn7INiw",
            Some(Duration::from_secs(10)),
            at(1_700_000_005),
        );
        assert_eq!(found, Ok(("value", DateTime::from(at(1_700_000_000)))));
    }

    /// The texts are itsdangerous' own.
    #[test]
    fn errors_say_what_is_wrong() {
        let signer = Signer::new(["secret-key"], "itsdangerous.Signer");
        let timed = |text: &str, now| {
            signer.unsign_at(text, Some(Duration::from_secs(10)), at(now)).expect_err("bad").to_string()
        };
        let good = "value.ZVPxAA.P9Grfsn5n1eHqbiYrPP0fn7INiw";
        assert_eq!(timed("value", 0), "No b'.' found in value");
        assert_eq!(timed("value.x", 0), "Signature b'x' does not match");
        assert_eq!(timed(good, 1_700_000_011), "Signature age 11 > 10 seconds");
        assert_eq!(timed(good, 1_699_999_999), "Signature age -1 < 0 seconds");
        assert_eq!(timed(&signer.sign("value"), 0), "timestamp missing");
        assert_eq!(timed(&signer.sign("value.!"), 0), "Malformed timestamp");
        let changed = signer.unsign_at(&good.replace("value", "other"), None, at(0)).expect_err("changed");
        assert_eq!(changed.signed_at(), Some(DateTime::from(at(1_700_000_000))), "so it says");
        assert_eq!(signer.unsign("value").expect_err("bad"), BadSignature::NoSeparator('.'));
    }
}
