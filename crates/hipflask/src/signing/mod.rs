//! Signed texts, byte for byte as itsdangerous writes and reads them.
//!
//! A [`Serializer`] turns a value into text that anybody can read and nobody can change: its JSON, the time, and a
//! signature (HMAC-SHA1; SHA-1's broken collision resistance does not affect an HMAC). Sessions, CSRF tokens and
//! remember-me cookies are made with it.

pub(crate) mod bad_signature;
pub(crate) mod base64;
pub(crate) mod secret_key;
#[cfg(feature = "tls")]
pub(crate) mod self_signed;
pub(crate) mod signer;
pub(crate) mod tagged_json;
pub(crate) mod tagger;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha1::{Digest, Sha1};

use crate::base::config::Config;
use crate::base::datetime::DateTime;
use crate::base::error::Result;
use crate::http::json;
use crate::signing::signer::SIGNATURE;

pub use crate::signing::bad_signature::BadSignature;
pub use crate::signing::signer::{KeyDerivation, Signer};

/// The most bytes that a compressed value may expand to.
const MAX_UNPACKED: usize = 1024 * 1024;
/// Below this many bytes of JSON, compression is not tried: it could save only a few bytes, at a high cost.
const WORTH_PACKING: usize = 512;

/// Signs values into URL-safe text and reads them back. itsdangerous' `URLSafeTimedSerializer`.
///
/// ```
/// use hipflask::signing::{Serializer, Verified};
/// use std::time::Duration;
///
/// let links = Serializer::new(["the secret key"], "activate");
/// let token = links.dumps(&("user", 7))?;
/// assert_eq!(links.loads::<(String, i64)>(&token, Some(Duration::from_secs(3600))), Verified::Valid(("user".into(), 7)));
/// assert_eq!(links.loads::<(String, i64)>(&token.replace('.', "x"), None), Verified::Invalid);
/// // Another salt is another purpose: the token is worth nothing there.
/// assert_eq!(Serializer::new(["the secret key"], "reset").loads::<(String, i64)>(&token, None), Verified::Invalid);
/// # Ok::<(), hipflask::Error>(())
/// ```
#[derive(Clone)]
pub struct Serializer {
    signer: Signer,
    timed: bool,
    url_safe: bool,
}

/// The result of verifying a signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified<T> {
    /// It was signed with one of our keys, in time.
    Valid(T),
    /// It was signed with one of our keys, too long ago.
    Expired,
    /// It was not signed with our keys, was changed, or does not contain such a value.
    Invalid,
}

impl<T> Verified<T> {
    /// The value, if it is valid.
    pub fn valid(self) -> Option<T> {
        match self {
            Verified::Valid(value) => Some(value),
            Verified::Expired | Verified::Invalid => None,
        }
    }
}

impl Serializer {
    /// A serializer for one purpose, which `salt` names. The first of `keys` signs, all of them verify: put a new
    /// key first and keep the old ones until everything they signed has expired.
    ///
    /// # Panics
    ///
    /// If `keys` is empty.
    #[track_caller]
    pub fn new<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>, salt: &str) -> Serializer {
        Serializer::with_derivation(keys, salt, KeyDerivation::DjangoConcat)
    }

    /// [`new`](Serializer::new) with another way to derive keys.
    ///
    /// # Panics
    ///
    /// If `keys` is empty.
    #[track_caller]
    pub fn with_derivation<K: AsRef<[u8]>>(
        keys: impl IntoIterator<Item = K>,
        salt: &str,
        derivation: KeyDerivation,
    ) -> Serializer {
        Serializer { signer: Signer::with_derivation(keys, salt, derivation), timed: true, url_safe: true }
    }

    /// The same without the time: what it signs never expires. itsdangerous' `URLSafeSerializer`.
    #[must_use]
    pub fn untimed(mut self) -> Serializer {
        self.timed = false;
        self
    }

    /// The same with JSON as it is, which is longer in a URL and can be read by eye. itsdangerous' `TimedSerializer`, and
    /// with [`untimed`](Serializer::untimed) its `Serializer`.
    ///
    /// ```
    /// use hipflask::signing::Serializer;
    ///
    /// let serializer = Serializer::new(["the secret key"], "itsdangerous").untimed().plain();
    /// assert!(serializer.dumps(&[1, 2])?.starts_with("[1,2]."));
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    #[must_use]
    pub fn plain(mut self) -> Serializer {
        self.url_safe = false;
        self
    }

    /// A serializer with the application's keys: `SECRET_KEY` signs, `SECRET_KEY_FALLBACKS` still verify. `None`
    /// where no secret key is set.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::signing::Serializer;
    ///
    /// let app = App::new("doc", ".").config("SECRET_KEY", "a key that is only for this example").freeze()?;
    /// let links = Serializer::from_config(app.config(), "activate")?.expect("the key was set");
    /// assert_eq!(links.loads::<u32>(&links.dumps(&7)?, None).valid(), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a key has a value of another type than it needs.
    pub fn from_config(config: &Config, salt: &str) -> Result<Option<Serializer>> {
        Ok(signing_keys(config)?.map(|keys| Serializer::new(keys, salt)))
    }

    /// Signs `value`, with the time.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON.
    pub fn dumps<T: Serialize + ?Sized>(&self, value: &T) -> Result<String> {
        Ok(self.sign(&json::dumps(value)?, SystemTime::now()))
    }

    /// Reads what [`dumps`](Serializer::dumps) wrote, if it is not older than `max_age`.
    pub fn loads<T: DeserializeOwned>(&self, text: &str, max_age: Option<Duration>) -> Verified<T> {
        match self.try_loads(text, max_age) {
            Ok((value, _)) => Verified::Valid(value),
            Err(BadSignature::Expired { age: 0.., .. }) => Verified::Expired,
            Err(_) => Verified::Invalid,
        }
    }

    /// The same, with the time at which it was signed, if that was signed too; and with the reason if it is not believed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use hipflask::signing::{BadSignature, Serializer};
    ///
    /// let links = Serializer::new(["the secret key"], "activate");
    /// let (user, signed_at) = links.try_loads::<u32>(&links.dumps(&7)?, Some(Duration::from_secs(60)))?;
    /// assert!(user == 7 && signed_at.is_some());
    /// let error = links.try_loads::<u32>("7", None).unwrap_err();
    /// assert_eq!(error.to_string(), "No b'.' found in value");
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why it is not believed.
    pub fn try_loads<T: DeserializeOwned>(
        &self,
        text: &str,
        max_age: Option<Duration>,
    ) -> Result<(T, Option<DateTime>), BadSignature> {
        let (json, signed_at) = self.open(text, max_age, SystemTime::now())?;
        let value = json::from_slice(&json).map_err(|error| BadSignature::Payload(error.to_string()))?;
        Ok((value, signed_at))
    }

    /// What `text` says, whoever has signed it: to find out what went wrong. Do not believe it.
    pub fn loads_unsafe<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        let (signed, _) = self.signer.split(text)?;
        let payload = if self.timed { self.signer.split(signed)?.0 } else { signed };
        json::from_slice(&self.read_payload(payload)?).ok()
    }

    /// `payload.timestamp.signature`
    pub(crate) fn sign(&self, json: &[u8], now: SystemTime) -> String {
        let mut text = Vec::with_capacity(signed_len(json.len()));
        self.sign_into(&mut text, json, now);
        base64::text(text)
    }

    /// Appends to `out` what [`sign`](Serializer::sign) returns.
    pub(crate) fn sign_into(&self, out: &mut Vec<u8>, json: &[u8], now: SystemTime) {
        let start = out.len();
        if self.url_safe {
            push_payload(out, json);
        } else {
            out.extend_from_slice(json);
        }
        if self.timed {
            self.signer.push_time_and_signature(out, start, now);
        } else {
            self.signer.push_signature(out, start);
        }
    }

    /// The JSON inside `text`, which is read only after the signature has been verified.
    pub(crate) fn unsign(&self, text: &str, max_age: Option<Duration>, now: SystemTime) -> Verified<Vec<u8>> {
        match self.open(text, max_age, now) {
            Ok((json, _)) => Verified::Valid(json),
            Err(BadSignature::Expired { age: 0.., .. }) => Verified::Expired,
            Err(_) => Verified::Invalid,
        }
    }

    fn open(
        &self,
        text: &str,
        max_age: Option<Duration>,
        now: SystemTime,
    ) -> Result<(Vec<u8>, Option<DateTime>), BadSignature> {
        let (payload, signed_at) = if self.timed {
            let (payload, signed_at) = self.signer.unsign_at(text, max_age, now)?;
            (payload, Some(signed_at))
        } else {
            (self.signer.unsign(text)?, None)
        };
        match self.read_payload(payload) {
            Some(json) => Ok((json, signed_at)),
            None => Err(BadSignature::Payload("it is not base64, or too much when it is unpacked".to_owned())),
        }
    }

    fn read_payload(&self, payload: &str) -> Option<Vec<u8>> {
        if !self.url_safe {
            return Some(payload.as_bytes().to_vec());
        }
        match payload.strip_prefix('.') {
            None => base64::decode(payload),
            Some(packed) => {
                miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&base64::decode(packed)?, MAX_UNPACKED).ok()
            }
        }
    }
}

/// Keeps keys out of logs.
impl std::fmt::Debug for Serializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Serializer({} keys)", self.signer.keys())
    }
}

/// The length of a signed text, if its JSON is not compressed, and until 2106.
pub(crate) fn signed_len(json: usize) -> usize {
    [json, 4, SIGNATURE].map(base64::encoded_len).iter().sum::<usize>() + "..".len()
}

/// The JSON in base64, or `.` and the compressed JSON in base64 if that is shorter.
fn push_payload(out: &mut Vec<u8>, json: &[u8]) {
    if json.len() >= WORTH_PACKING {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(json, 6);
        if packed.len() < json.len() - 1 {
            out.push(b'.');
            return base64::encode_into(out, &packed);
        }
    }
    base64::encode_into(out, json);
}

/// The SHA-1 of `bytes` in hexadecimal digits: what tells versions apart, where nobody gains by making two alike.
pub(crate) fn sha1_hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two secrets are the same, in a time that tells nothing about where they differ; whether they are as long it
/// does tell. Python's `hmac.compare_digest`.
///
/// ```
/// use hipflask::signing::compare_digest;
///
/// assert!(compare_digest("the token", b"the token"));
/// assert!(!compare_digest("the token", "the taken"));
/// ```
pub fn compare_digest(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    let (a, b) = (a.as_ref(), b.as_ref());
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// `SECRET_KEY`, then `SECRET_KEY_FALLBACKS`; `None` without a key.
pub(crate) fn signing_keys(config: &Config) -> Result<Option<Vec<String>>> {
    let Some(key) = config.find::<String>("SECRET_KEY")? else { return Ok(None) };
    let fallbacks = config.find::<Vec<String>>("SECRET_KEY_FALLBACKS")?.unwrap_or_default();
    Ok(Some(std::iter::once(key).chain(fallbacks).collect()))
}

/// `N` random bytes as text that fits into a URL, a header or an attribute. Python's `secrets.token_urlsafe`.
///
/// ```
/// let token = hipflask::signing::token_urlsafe::<16>();
/// assert_eq!(token.len(), 22);
/// assert_ne!(token, hipflask::signing::token_urlsafe::<16>());
/// ```
///
/// # Panics
///
/// Like [`random_bytes`].
pub fn token_urlsafe<const N: usize>() -> String {
    base64::encode(&random_bytes::<N>())
}

/// `N` bytes from the operating system's generator. Python's `secrets.token_bytes`.
///
/// # Panics
///
/// If the operating system provides no randomness; there is no safe way to continue.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    // Written by itsdangerous 2.2.0 at 1700000000 with the key `secret-key`: Flask's session, and a token of
    // Flask-WTF's.
    const SESSION: &str = "eyJrIjoidiJ9.ZVPxAA.C8DZFI1lxMOm_cSyXK68uNHYfpY";
    const PACKED: &str = ".eJyrVsrJz0tXslKqGAWjYBSMglEwCkbBKBgFo2AUDHqgVAsAPPGB9g.ZVPxAA.3qZ-1z_OM01ZOPjF9humTg2JFEs";
    const CSRF: &str = "IjAxMjM0NTY3ODlhYmNkZWYi.ZVPxAA.Nbv596p5FQB9yVDNuLsAxa8nO9I";

    #[test]
    fn what_python_signed_is_read_and_written() {
        let session = Serializer::with_derivation(["secret-key"], "cookie-session", KeyDerivation::Hmac);
        assert_eq!(session.sign(br#"{"k":"v"}"#, at(1_700_000_000)), SESSION);
        let packed = session.unsign(PACKED, None, at(0)).valid().expect("valid");
        assert_eq!(packed, format!("{{\"long\":\"{}\"}}", "x".repeat(3_000)).into_bytes());
        let csrf = Serializer::new(["secret-key"], "wtf-csrf-token");
        assert_eq!(csrf.sign(br#""0123456789abcdef""#, at(1_700_000_000)), CSRF);
    }

    /// Written by itsdangerous 2.2.0 with the key `secret-key` and the salt `itsdangerous`.
    #[test]
    fn the_whole_family_is_read() {
        let all = || Serializer::new(["secret-key"], "itsdangerous");
        for (serializer, text) in [
            (all().untimed().plain(), "[1, 2].5J8YMT9qSWP2Y8GIX5Vd9aamJo4"),
            (all().plain(), "[1, 2].ZVPxAA.HPTpk_R6-p3Ndw7RmVG2uCrExXs"),
            (all().untimed(), "WzEsMl0.9HVDLVKBQFb0jaw0IeBzjCI7nZA"),
            (all(), "WzEsMl0.ZVPxAA.twwk4OfBxz7Wdx-p5Y3e9DbeHvI"),
        ] {
            assert_eq!(serializer.loads::<Vec<u8>>(text, None), Verified::Valid(vec![1, 2]), "{text}");
            let changed = text.replace('.', ".x");
            assert_eq!(serializer.loads::<Vec<u8>>(&changed, None), Verified::Invalid, "{text}");
        }
        assert_eq!(all().untimed().loads_unsafe::<Vec<u8>>("WzEsMl0.x"), Some(vec![1, 2]));
        assert_eq!(all().loads_unsafe::<Vec<u8>>("WzEsMl0.x"), None, "it has no time");
        let error =
            all().untimed().try_loads::<String>("WzEsMl0.9HVDLVKBQFb0jaw0IeBzjCI7nZA", None).expect_err("a list");
        assert!(matches!(error, BadSignature::Payload(_)), "{error}");
    }

    #[test]
    fn nothing_changed_is_valid() {
        let serializer = Serializer::new(["k"], "s");
        let text = serializer.sign(b"[1]", at(1_000));
        for at_byte in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at_byte] = if changed[at_byte] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert_eq!(serializer.unsign(&changed, None, at(1_000)), Verified::Invalid, "{changed}");
        }
        for bad in ["", ".", "..", "a.b", "a.b.c", &text[..text.len() - 1], &format!("{text}A")] {
            assert_eq!(serializer.unsign(bad, None, at(1_000)), Verified::Invalid, "{bad}");
        }
    }

    #[test]
    fn age_is_counted_in_whole_seconds() {
        let serializer = Serializer::new(["k"], "s");
        let text = serializer.sign(b"1", at(1_000));
        let read = |now| serializer.unsign(&text, Some(Duration::from_secs(10)), at(now));
        assert!(matches!(read(1_010), Verified::Valid(_)));
        assert_eq!(read(1_011), Verified::Expired);
        assert_eq!(read(990), Verified::Invalid);
    }

    #[test]
    fn old_keys_verify_and_the_new_one_signs() {
        let old = Serializer::new(["old"], "s");
        let rotated = Serializer::new(["new", "old"], "s");
        let text = old.sign(b"1", at(1));
        assert!(matches!(rotated.unsign(&text, None, at(1)), Verified::Valid(_)));
        assert_eq!(old.unsign(&rotated.sign(b"1", at(1)), None, at(1)), Verified::Invalid);
    }

    #[test]
    fn long_values_are_packed_and_unpack_no_further_than_the_limit() {
        let serializer = Serializer::new(["k"], "s");
        let json = serde_json::to_vec(&"x".repeat(4_000)).expect("json");
        let text = serializer.sign(&json, at(1));
        assert!(text.starts_with('.') && text.len() < 200, "{text}");
        assert_eq!(serializer.unsign(&text, None, at(1)), Verified::Valid(json));
        let bomb = serializer.sign(&vec![b' '; MAX_UNPACKED + 1], at(1));
        assert_eq!(serializer.unsign(&bomb, None, at(1)), Verified::Invalid);
    }
}
