//! A certificate for this machine, signed by itself: HTTPS during development (Werkzeug's `ssl_context="adhoc"`).

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::base::datetime::DateTime;
use crate::signing::random_bytes;

/// A certificate and its key (PKCS #8), in DER.
pub(crate) struct SelfSigned {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// How long it is valid. Browsers refuse those that are valid for much longer.
const LIFETIME: i64 = 90 * DAY;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// 1.2.840.10045.2.1, 1.2.840.10045.3.1.7
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[6, 3, 0x55, 4, 3];
const KEY_USAGE: &[u8] = &[6, 3, 0x55, 29, 15];
const ALTERNATIVE_NAMES: &[u8] = &[6, 3, 0x55, 29, 17];
const EXTENDED_KEY_USAGE: &[u8] = &[6, 3, 0x55, 29, 37];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTHENTICATION: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const TRUE: &[u8] = &[1, 1, 0xff];

/// A new key, and a certificate for `localhost` and its addresses. `None` if the system gives no randomness.
pub(crate) fn self_signed(now: DateTime) -> Option<SelfSigned> {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).ok()?;
    let signed = to_be_signed(pair.public_key().as_ref(), now)?;
    let signature = pair.sign(&random, &signed).ok()?;
    let algorithm = value(SEQUENCE, &[ECDSA_WITH_SHA256]);
    let certificate = value(SEQUENCE, &[&signed, &algorithm, &value(BIT_STRING, &[&[0], signature.as_ref()])]);
    Some(SelfSigned { certificate, key: key.as_ref().to_vec() })
}

/// RFC 5280 §4.1.
fn to_be_signed(public_key: &[u8], now: DateTime) -> Option<Vec<u8>> {
    let mut serial = random_bytes::<16>();
    // Positive, and as long as it is.
    serial[0] = serial[0] & 0x3f | 0x40;
    let name = value(0x31, &[&value(SEQUENCE, &[COMMON_NAME, &value(0x0c, &[b"localhost"])])]);
    let name = value(SEQUENCE, &[&name]);
    let key = value(SEQUENCE, &[EC_PUBLIC_KEY, P256]);
    Some(value(
        SEQUENCE,
        &[
            // Version 3.
            &value(0xa0, &[&[2, 1, 2]]),
            &value(2, &[&serial]),
            &value(SEQUENCE, &[ECDSA_WITH_SHA256]),
            &name,
            // A day earlier, for clocks that are slow.
            &value(SEQUENCE, &[&time(now, -DAY)?, &time(now, LIFETIME)?]),
            &name,
            &value(SEQUENCE, &[&key, &value(BIT_STRING, &[&[0], public_key])]),
            &value(0xa3, &[&extensions()]),
        ],
    ))
}

fn extensions() -> Vec<u8> {
    let addresses = [&[127, 0, 0, 1][..], &std::net::Ipv6Addr::LOCALHOST.octets()];
    let addresses = addresses.map(|address| value(0x87, &[address])).concat();
    let names = [value(0x82, &[b"localhost"]), addresses].concat();
    let extension = |kind: &[u8], critical: &[u8], content: Vec<u8>| {
        value(SEQUENCE, &[kind, critical, &value(OCTET_STRING, &[&content])])
    };
    value(
        SEQUENCE,
        &[
            // Digital signatures.
            &extension(KEY_USAGE, TRUE, vec![BIT_STRING, 2, 7, 0x80]),
            &extension(EXTENDED_KEY_USAGE, &[], value(SEQUENCE, &[SERVER_AUTHENTICATION])),
            &extension(ALTERNATIVE_NAMES, &[], value(SEQUENCE, &[&names])),
        ],
    )
}

/// `UTCTime`, `micros` after `now`.
fn time(now: DateTime, micros: i64) -> Option<Vec<u8>> {
    let time = DateTime::from_unix_micros(now.unix_micros() + micros).ok()?;
    Some(value(0x17, &[time.strftime("%y%m%d%H%M%SZ").as_bytes()]))
}

/// A value in DER (X.690 §8.1).
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = content.len();
    let mut value = vec![tag];
    match len {
        0..=0x7f => value.push(len as u8),
        0x80..=0xff => value.extend([0x81, len as u8]),
        _ => value.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    value.extend(content);
    value
}
