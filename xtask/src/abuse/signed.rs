//! Session cookies and tokens as itsdangerous signs them, so that they can be signed wrongly too. It is written
//! without the framework, whose own signing would agree with its own mistakes.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::bytes::latin1;
use crate::Result;

/// The keys of `tests/abuse_target`.
const SECRET: &str = "abuse-secret-key-0123456789abcdef0123456789abcdef";
const OLD_SECRET: &str = "abuse-old-secret-key-0123456789abcdef0123456789ab";

/// A value of a `URLSafeTimedSerializer`: `payload` (bytes as characters), and where they differ from a session of
/// the target, `key`, `salt`, `derivation`, `age` in seconds, `stamp` in base64, and `compress`.
pub fn session(value: &Value) -> Result<Vec<u8>> {
    let text = |key: &str| value[key].as_str();
    let payload = latin1(text("payload").ok_or("a `session` needs a `payload`")?);
    let payload = if value["compress"] == true {
        format!(".{}", BASE64.encode(miniz_oxide::deflate::compress_to_vec_zlib(&payload, 6)))
    } else {
        BASE64.encode(payload)
    };
    let stamp = text("stamp").map_or_else(|| stamp(value["age"].as_u64().unwrap_or(0)), str::to_owned);
    let signed = format!("{payload}.{stamp}");
    let secret = match text("key") {
        None => SECRET,
        Some("old") => OLD_SECRET,
        Some(other) => other,
    };
    let salt = text("salt").unwrap_or("cookie-session");
    let key = match text("derivation") {
        Some("django-concat") => Sha1::digest(format!("{salt}signer{secret}")).to_vec(),
        _ => mac(secret.as_bytes(), salt.as_bytes())?,
    };
    Ok(format!("{signed}.{}", BASE64.encode(mac(&key, signed.as_bytes())?)).into_bytes())
}

/// The moment `age` seconds ago.
fn stamp(age: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let bytes = now.saturating_sub(age).to_be_bytes();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len() - 1);
    BASE64.encode(&bytes[first..])
}

fn mac(key: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text);
    Ok(mac.finalize().into_bytes().to_vec())
}
