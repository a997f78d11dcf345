//! A certificate with its chain and its key: read, and checked for everything that clients would stumble over.

use std::fs;
use std::path::Path;

use tokio_rustls::rustls;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::base::datetime::DateTime;
use crate::base::error::{Error, Result};
use crate::http::certificate::Facts;
use crate::signing::self_signed::self_signed;

/// A certificate that expires within this time, in microseconds, is worth a line in the log.
const SOON: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// A certificate with its chain and its key.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) key: std::sync::Arc<CertifiedKey>,
    /// The names of hosts that it is for; `*.` at the beginning is any one label.
    pub(super) names: Vec<String>,
}

impl Identity {
    pub(super) fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Identity> {
        let chain = read_chain(certificate)?;
        let facts = check_chain(&chain, certificate)?;
        let key_der = read_key(key)?;
        warn_of_readers(key);
        let key = CertifiedKey::from_der(chain, key_der, provider).map_err(|error| {
            let (certificate, key) = (certificate.display(), key.display());
            Error::msg(match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "the private key in `{key}` does not belong to the certificate in `{certificate}`, which must be \
                     the first one in its file"
                ),
                error => format!("the private key in `{key}` cannot be used: {error}"),
            })
        })?;
        Ok(Identity { key: key.into(), names: facts.dns_names })
    }

    pub(super) fn adhoc(provider: &CryptoProvider) -> Result<Identity> {
        let made = self_signed(DateTime::now()).ok_or_else(|| Error::msg("no certificate could be made"))?;
        let key = PrivateKeyDer::try_from(made.key).map_err(Error::msg)?;
        let key = CertifiedKey::from_der(vec![made.certificate.into()], key, provider);
        let key = key.map_err(|error| Error::msg(format!("no certificate could be made: {error}")))?;
        Ok(Identity { key: key.into(), names: Vec::new() })
    }
}

/// The text of a file in PEM, which is for `what`.
pub(super) fn pem(file: &Path, what: &str) -> Result<Vec<u8>> {
    let name = file.display();
    let bytes =
        fs::read(file).map_err(|error| Error::msg(format!("the {what} in `{name}` cannot be read: {error}")))?;
    if contains(&bytes, "-----BEGIN ") {
        return Ok(bytes);
    }
    Err(Error::msg(format!(
        "`{name}` is not in PEM, which has a line `-----BEGIN …-----`; convert it: \
         openssl x509 -inform der (for a key: openssl pkey -inform der) -in {name} -out FILE"
    )))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let (name, pem) = (file.display(), pem(file, "certificate")?);
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| Error::msg(format!("a certificate in `{name}` cannot be read: {error:?}")))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let instead =
        if contains(&pem, "PRIVATE KEY-----") { ", but a private key; have the two been swapped?" } else { "" };
    Err(Error::msg(format!("there is no certificate in `{name}`{instead}")))
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let (name, pem) = (file.display(), pem(file, "private key")?);
    if contains(&pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(&pem, "Proc-Type: 4,ENCRYPTED") {
        return Err(Error::msg(format!(
            "the private key in `{name}` is encrypted, and nobody is here to type its password; decrypt it into a file \
             that only this program can read: openssl pkey -in {name} -out FILE"
        )));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        Error::msg(match error {
            rustls::pki_types::pem::Error::NoItemsFound if contains(&pem, "-----BEGIN CERTIFICATE-----") => {
                format!("there is no private key in `{name}`, but a certificate; have the two been swapped?")
            }
            rustls::pki_types::pem::Error::NoItemsFound => format!(
                "there is no private key in `{name}`: a line `-----BEGIN PRIVATE KEY-----`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`"
            ),
            error => format!("the private key in `{name}` cannot be read: {error:?}"),
        })
    })
}

/// Checks that each certificate was issued by the next, and that the first is valid now.
fn check_chain(chain: &[CertificateDer<'_>], file: &Path) -> Result<Facts> {
    let name = file.display();
    let read = |(number, certificate): (usize, &CertificateDer<'_>)| {
        let facts = Facts::of(certificate);
        facts.ok_or_else(|| Error::msg(format!("certificate {} in `{name}` cannot be read", number + 1)))
    };
    let mut facts = chain.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
    let wrong = facts.windows(2).position(|pair| pair[0].issuer != pair[1].subject);
    if let Some(number) = wrong {
        let (own, other) = (number + 1, number + 2);
        return Err(Error::msg(format!(
            "the certificates in `{name}` are not a chain: certificate {other} is not that of the issuer of certificate \
             {own}; the server's own must be first, then that of its issuer, and so on"
        )));
    }
    let own = facts.swap_remove(0);
    if chain.len() == 1 && own.issuer != own.subject {
        tracing::warn!(
            "`{name}` has the server's certificate alone; clients that do not know its issuer will refuse it, so add the \
             issuer's certificate after it (the file is often called fullchain.pem)"
        );
    }
    check_validity(&own, file)?;
    Ok(own)
}

fn check_validity(own: &Facts, file: &Path) -> Result<()> {
    let (name, now) = (file.display(), DateTime::now());
    if own.not_after < now {
        return Err(Error::msg(format!("the certificate in `{name}` expired on {}; renew it", own.not_after)));
    }
    if now < own.not_before {
        return Err(Error::msg(format!(
            "the certificate in `{name}` is not valid before {}; is the clock of this machine right?",
            own.not_before
        )));
    }
    if own.not_after.unix_micros() - now.unix_micros() < SOON {
        tracing::warn!("the certificate in `{name}` expires on {}", own.not_after);
    }
    Ok(())
}

/// Warns of a key that every user of this machine can read, or others can replace.
#[cfg(unix)]
fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    // The group may read it: that is how a program that is not root gets to it.
    let Ok(mode) = fs::metadata(key).map(|file| file.permissions().mode() & 0o777) else { return };
    if mode & 0o027 != 0 {
        let name = key.display();
        tracing::warn!(
            "the private key in `{name}` is open to others (its mode is {mode:03o}); close it: chmod 600 {name}, or 640"
        );
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_key: &Path) {}
