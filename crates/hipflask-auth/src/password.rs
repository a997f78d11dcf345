//! Password hashes: argon2id for new ones, and for old ones everything that Werkzeug has ever written.
//!
//! Hashing is meant to be slow and to take memory. It runs off the async workers, with at most as many hashes at
//! once as there are processors: a crowd at the login form waits in line and does not bring the machine down.

use std::fmt;
use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hipflask::signing::{compare_digest, token_urlsafe};
use tokio::sync::Semaphore;

/// The longest password that is accepted, in bytes. Longer ones are refused, never cut.
const MOST_BYTES: usize = 1024;
/// OWASP's parameters for argon2id (ASVS 5.0, appendix C): 46 MiB, one pass, one lane.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;
const LANES: u32 = 1;
/// The most that a stored hash may ask for. A hash is data too: it must not be able to bring the machine down.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PBKDF2_ROUNDS: u32 = 10_000_000;

/// The result of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is right.
    Valid,
    /// It is right, and its hash is of an older kind: store a new one.
    ValidButOld,
    /// It is wrong, or there is no such user.
    Invalid,
}

impl PasswordCheck {
    /// Whether it is right.
    pub fn is_valid(self) -> bool {
        self != PasswordCheck::Invalid
    }
}

/// Why a password cannot be hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordError {
    /// It has more than 1024 bytes.
    TooLong,
    /// The hash function failed: there is no memory, or no randomness.
    Failed(String),
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::TooLong => write!(f, "the password has more than {MOST_BYTES} bytes"),
            PasswordError::Failed(reason) => write!(f, "the password cannot be hashed: {reason}"),
        }
    }
}

impl std::error::Error for PasswordError {}

/// The hash of `password`, to be stored: argon2id with 46 MiB. Werkzeug's `generate_password_hash`, except for the
/// method.
///
/// # Errors
///
/// If the password is longer than 1024 bytes; limit its field.
///
/// ```
/// # hipflask::block_on(async {
/// use hipflask_auth::{PasswordCheck, check_password_hash, generate_password_hash};
///
/// let hash = generate_password_hash("correct horse").await?;
/// assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
/// assert_eq!(check_password_hash(Some(&hash), "correct horse").await, PasswordCheck::Valid);
/// assert_eq!(check_password_hash(Some(&hash), "wrong").await, PasswordCheck::Invalid);
/// # Ok::<(), hipflask_auth::PasswordError>(())
/// # }).unwrap();
/// ```
pub async fn generate_password_hash(password: &str) -> Result<String, PasswordError> {
    if password.len() > MOST_BYTES {
        return Err(PasswordError::TooLong);
    }
    let password = password.to_owned();
    in_line(move || hash(&password)).await
}

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordMethod {
    /// argon2id with 46 MiB.
    #[default]
    Argon2id,
    /// Werkzeug's `scrypt`: `scrypt:32768:8:1`. It takes 32 MiB.
    Scrypt,
    /// Werkzeug's `pbkdf2`, for machines without memory: `pbkdf2:sha256:1000000`.
    Pbkdf2,
}

/// The hash of `password` by another method: for as long as a Flask application logs in the same users.
/// [`check_password_hash`] calls Werkzeug's methods old, and a Flask application cannot read argon2id.
///
/// ```
/// # hipflask::block_on(async {
/// use hipflask_auth::{PasswordMethod, check_password_hash, generate_password_hash_with};
///
/// let hash = generate_password_hash_with("correct horse", PasswordMethod::Scrypt).await?;
/// assert!(hash.starts_with("scrypt:32768:8:1$"));
/// assert!(check_password_hash(Some(&hash), "correct horse").await.is_valid());
/// # Ok::<(), hipflask_auth::PasswordError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
///
/// If the password is longer than 1024 bytes.
pub async fn generate_password_hash_with(password: &str, method: PasswordMethod) -> Result<String, PasswordError> {
    if password.len() > MOST_BYTES {
        return Err(PasswordError::TooLong);
    }
    let password = password.to_owned();
    in_line(move || match method {
        PasswordMethod::Argon2id => hash(&password),
        PasswordMethod::Scrypt => werkzeugs_hash("scrypt:32768:8:1", &password, scrypt),
        PasswordMethod::Pbkdf2 => werkzeugs_hash("pbkdf2:sha256:1000000", &password, pbkdf2),
    })
    .await
}

/// `method$salt$hex`, with as much salt as Werkzeug's next version takes.
fn werkzeugs_hash(
    method: &str,
    password: &str,
    derive: impl FnOnce(&str, &[u8], &[u8]) -> Option<Vec<u8>>,
) -> Result<String, PasswordError> {
    let salt = token_urlsafe::<16>();
    let derived = derive(method, password.as_bytes(), salt.as_bytes())
        .ok_or_else(|| PasswordError::Failed(format!("`{method}` cannot be used")))?;
    let hex: String = derived.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{method}${salt}${hex}"))
}

/// Compares `password` with a stored hash: argon2, or Werkzeug's `scrypt:…` and `pbkdf2:…`. Werkzeug's
/// `check_password_hash`.
///
/// Pass `None` if there is no such user: it takes as long as a wrong password, so that an attacker does not learn who has an
/// account.
pub async fn check_password_hash(hash: Option<&str>, password: &str) -> PasswordCheck {
    if password.len() > MOST_BYTES {
        return PasswordCheck::Invalid;
    }
    let (hash, password) = (hash.map(str::to_owned), password.to_owned());
    in_line(move || match hash {
        Some(hash) => check(&hash, &password),
        None => {
            check(decoy_hash(), &password);
            PasswordCheck::Invalid
        }
    })
    .await
}

/// Runs `work` on a thread where it may take time, when it is its turn.
async fn in_line<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    static LINE: OnceLock<Semaphore> = OnceLock::new();
    let line =
        LINE.get_or_init(|| Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));
    let turn = line.acquire().await;
    // The turn ends with the work, even if its caller no longer waits for it.
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        argon2id().hash_password(password.as_bytes()).map_err(|error| PasswordError::Failed(error.to_string()))?;
    Ok(hash.to_string())
}

/// A hash that belongs to no user.
fn decoy_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash("nobody").unwrap_or_default())
}

fn check(hash: &str, password: &str) -> PasswordCheck {
    let (valid, old) = match hash.split('$').next() {
        Some("") => check_argon2(hash, password),
        Some(method) if method.starts_with("scrypt") => (check_scrypt(hash, password) == Some(true), true),
        Some(method) if method.starts_with("pbkdf2") => (check_pbkdf2(hash, password) == Some(true), true),
        _ => (false, true),
    };
    match (valid, old) {
        (true, false) => PasswordCheck::Valid,
        (true, true) => PasswordCheck::ValidButOld,
        (false, _) => PasswordCheck::Invalid,
    }
}

/// Whether the password is right, and whether the hash is weaker than a new one would be.
fn check_argon2(hash: &str, password: &str) -> (bool, bool) {
    let Ok(parsed) = PasswordHash::new(hash) else { return (false, true) };
    let Ok(params) = Params::try_from(&parsed) else { return (false, true) };
    if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > 100 {
        return (false, true);
    }
    let valid = argon2id().verify_password(password.as_bytes(), &parsed).is_ok();
    let old = parsed.algorithm.as_str() != "argon2id" || params.m_cost() < MEMORY_KIB;
    (valid, old)
}

/// The three fields of a Werkzeug hash, the last from hexadecimal.
fn fields(hash: &str) -> Option<(&str, &str, Vec<u8>)> {
    let mut fields = hash.splitn(3, '$');
    let (method, salt, hex) = (fields.next()?, fields.next()?, fields.next()?);
    let digits: Vec<u8> = hex.bytes().map(|b| char::from(b).to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (hex.len() % 2 == 0).then_some((method, salt, bytes))
}

/// `scrypt:32768:8:1$salt$hex`
fn check_scrypt(hash: &str, password: &str) -> Option<bool> {
    let (method, salt, expected) = fields(hash)?;
    Some(compare_digest(scrypt(method, password.as_bytes(), salt.as_bytes())?, &expected))
}

fn scrypt(method: &str, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let mut numbers = method.split(':').skip(1).map(str::parse::<u32>);
    let (n, r, p) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let memory_kib = u64::from(n) * u64::from(r) / 8;
    if !n.is_power_of_two() || n < 2 || memory_kib > u64::from(MOST_MEMORY_KIB) || p > 16 {
        return None;
    }
    let params = scrypt::Params::new(u8::try_from(n.ilog2()).ok()?, r, p).ok()?;
    let mut derived = [0; 64];
    scrypt::scrypt(password, salt, &params, &mut derived).ok()?;
    Some(derived.to_vec())
}

/// `pbkdf2:sha256:1000000$salt$hex`
fn check_pbkdf2(hash: &str, password: &str) -> Option<bool> {
    let (method, salt, expected) = fields(hash)?;
    Some(compare_digest(pbkdf2(method, password.as_bytes(), salt.as_bytes())?, &expected))
}

fn pbkdf2(method: &str, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let mut parts = method.split(':').skip(1);
    let (name, rounds) = (parts.next()?, parts.next()?.parse::<u32>().ok()?);
    if rounds == 0 || rounds > MOST_PBKDF2_ROUNDS {
        return None;
    }
    // As long as the hash function's own result. A stored hash that was cut would be easier to hit.
    let mut derived = [0; 64];
    let derived = match name {
        "sha1" => {
            pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, rounds, &mut derived[..20]);
            &derived[..20]
        }
        "sha256" => {
            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, rounds, &mut derived[..32]);
            &derived[..32]
        }
        "sha512" => {
            pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, rounds, &mut derived);
            &derived[..]
        }
        _ => return None,
    };
    Some(derived.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Werkzeug 3.1 for the password `pässword`.
    const SCRYPT: &str = "scrypt:32768:8:1$a9F54fVSPWxHzhdz$15050732b6449b3b8aeb7d28bbb79fdbe7e82fdb38aa197ce8c5e4ffcfdca8fce4d765e4df523b2b3c57c25830afd04273c240c866165910e8692d067a522348";
    const PBKDF2: &str =
        "pbkdf2:sha256:1000$dyaZ23yrbCIoh8z2$17c7fe74207b9e615daa3dfa2b230496b0b741a911cc6ce72b001bbb4616ca76";

    #[test]
    fn werkzeugs_hashes_are_verified_and_old() {
        for hash in [SCRYPT, PBKDF2] {
            assert_eq!(check(hash, "pässword"), PasswordCheck::ValidButOld, "{hash}");
            assert_eq!(check(hash, "passwort"), PasswordCheck::Invalid, "{hash}");
        }
    }

    #[test]
    fn werkzeugs_methods_can_be_written_too() {
        hipflask::block_on(async {
            for (method, begin) in
                [(PasswordMethod::Scrypt, "scrypt:32768:8:1$"), (PasswordMethod::Pbkdf2, "pbkdf2:sha256:1000000$")]
            {
                let hash = generate_password_hash_with("pässword", method).await.expect("hashed");
                assert!(hash.starts_with(begin) && hash.split('$').count() == 3, "{hash}");
                assert_eq!(check(&hash, "pässword"), PasswordCheck::ValidButOld);
                assert_eq!(check(&hash, "passwort"), PasswordCheck::Invalid);
                assert_ne!(generate_password_hash_with("pässword", method).await, Ok(hash), "another salt");
            }
            let argon2 = generate_password_hash_with("x", PasswordMethod::default()).await.expect("hashed");
            assert_eq!(check(&argon2, "x"), PasswordCheck::Valid);
        });
    }

    #[test]
    fn a_malformed_hash_matches_nothing() {
        for hash in [
            "",
            "plain",
            "$argon2id$",
            "scrypt:32768:8:1$salt$",
            "scrypt:3:8:1$s$00",
            "scrypt:2147483648:8:1$s$00",
            "pbkdf2:sha256:0$s$00",
            "pbkdf2:md5:1$s$00",
            "scrypt:x$s$0g",
            "é$é$é",
        ] {
            assert_eq!(check(hash, ""), PasswordCheck::Invalid, "{hash}");
        }
    }

    #[test]
    fn weaker_argon2_is_old() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).expect("valid"));
        let hash: PasswordHash = weak.hash_password(b"x").expect("hashed");
        assert_eq!(check(&hash.to_string(), "x"), PasswordCheck::ValidButOld);
    }

    #[test]
    fn nothing_is_cut() {
        hipflask::block_on(async {
            let long = "x".repeat(MOST_BYTES);
            let hash = generate_password_hash(&long).await.expect("hashed");
            assert_eq!(check_password_hash(Some(&hash), &long[1..]).await, PasswordCheck::Invalid);
            assert_eq!(check_password_hash(Some(&hash), &long).await, PasswordCheck::Valid);
            assert_eq!(generate_password_hash(&format!("{long}x")).await, Err(PasswordError::TooLong));
            assert_eq!(check_password_hash(None, "nobody").await, PasswordCheck::Invalid);
            let nul = generate_password_hash("a\0b").await.expect("hashed");
            assert_eq!(check_password_hash(Some(&nul), "a\0c").await, PasswordCheck::Invalid);
        });
    }
}
