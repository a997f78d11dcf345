//! Whether `run` speaks HTTPS, and with which certificates.

use serde::Deserialize;

use crate::app::frozen::Frozen;
use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::cli::arguments::Address;
use crate::cli::process::Failure;
use crate::server::Role;

/// What a certificate is called that is made for development.
const ADHOC: &str = "adhoc";

/// The role of the socket that `run` serves at.
pub(super) fn role(app: &Frozen, address: &Address) -> std::result::Result<Role, Failure> {
    let Certificates(pairs) = Certificates::of(app.config(), address)?;
    match pairs.as_slice() {
        [] => Ok(Role::Plain),
        pairs => Ok(secure(pairs, app.config())?),
    }
}

/// The certificates and their keys; one that is made has none.
#[derive(Debug, PartialEq)]
struct Certificates(Vec<(String, Option<String>)>);

/// One file or several.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Files {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl Files {
    fn of(self) -> Vec<String> {
        match self {
            Files::None => Vec::new(),
            Files::One(file) => vec![file],
            Files::Several(files) => files,
        }
    }
}

impl Certificates {
    /// What was typed; otherwise `RUN_CERT` and `RUN_KEY`.
    fn of(config: &Config, address: &Address) -> std::result::Result<Certificates, Failure> {
        if !address.certificates.is_empty() || !address.keys.is_empty() {
            let pairs = Certificates::pair(address.certificates.clone(), address.keys.clone());
            return pairs.map_err(|message| Failure::usage(format!("{message} (--cert, --key)")));
        }
        let certificates = config.find::<Files>("RUN_CERT")?.unwrap_or_default();
        let keys = config.find::<Files>("RUN_KEY")?.unwrap_or_default();
        let pairs = Certificates::pair(certificates.of(), keys.of());
        pairs.map_err(|message| Failure::new(format!("{message} (`RUN_CERT`, `RUN_KEY`)")))
    }

    fn pair(certificates: Vec<String>, keys: Vec<String>) -> std::result::Result<Certificates, &'static str> {
        let is_adhoc = certificates.iter().any(|certificate| certificate == ADHOC);
        if is_adhoc && (certificates.len() > 1 || !keys.is_empty()) {
            return Err("`adhoc` makes a certificate with its key, and is used alone");
        }
        if is_adhoc {
            return Ok(Certificates(vec![(ADHOC.to_owned(), None)]));
        }
        if certificates.is_empty() && !keys.is_empty() {
            return Err("a private key needs its certificate");
        }
        if certificates.len() != keys.len() {
            return Err("each certificate needs its private key, in the same order");
        }
        Ok(Certificates(certificates.into_iter().zip(keys.into_iter().map(Some)).collect()))
    }
}

#[cfg(feature = "tls")]
fn secure(pairs: &[(String, Option<String>)], config: &Config) -> Result<Role> {
    use crate::server::Tls;
    let add = |tls: Option<Tls>, (certificate, key): &(String, Option<String>)| {
        Some(match (tls, key) {
            (_, None) => Tls::adhoc(),
            (None, Some(key)) => Tls::new(certificate, key),
            (Some(tls), Some(key)) => tls.certificate(certificate, key),
        })
    };
    let tls = pairs.iter().fold(None, add).ok_or_else(|| Error::msg("there is no certificate"))?;
    Role::secure(tls.with_config(config)?, config)
}

#[cfg(not(feature = "tls"))]
fn secure(_pairs: &[(String, Option<String>)], _config: &Config) -> Result<Role> {
    Err(Error::msg("this program was built without HTTPS; add the feature `tls`: cargo add hipflask --features tls"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(certificates: &[&str], keys: &[&str]) -> Option<usize> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Certificates::pair(owned(certificates), owned(keys)).ok().map(|Certificates(pairs)| pairs.len())
    }

    #[test]
    fn certificates_have_keys() {
        assert_eq!(pair(&[], &[]), Some(0));
        assert_eq!(pair(&["a"], &["b"]), Some(1));
        assert_eq!(pair(&["a", "b"], &["c", "d"]), Some(2));
        assert_eq!(pair(&["adhoc"], &[]), Some(1));
        for (certificates, keys) in [
            (&["a"][..], &[][..]),
            (&[], &["b"]),
            (&["a", "b"], &["c"]),
            (&["adhoc"], &["b"]),
            (&["adhoc", "a"], &["b"]),
        ] {
            assert_eq!(pair(certificates, keys), None, "{certificates:?} {keys:?}");
        }
    }
}
