//! What is said when a server begins in a way in which nobody can log in.

use crate::app::frozen::Frozen;
use crate::server::listener::Listeners;

/// Warns if browsers would drop the session cookie: it is `Secure` in production, and the server speaks plain HTTP. They
/// make an exception for this machine itself. A proxy in front may speak HTTPS, but only its owner knows; setting
/// `SESSION_COOKIE_SECURE`, to either value, says that this has been considered.
pub(super) fn warn_of_dropped_cookies(app: &Frozen, listeners: &Listeners) {
    let config = app.config();
    let is_default = config.value("SESSION_COOKIE_SECURE").is_none_or(serde_json::Value::is_null);
    let has_sessions = config.value("SECRET_KEY").is_some_and(|key| !key.is_null());
    if config.debug() || !is_default || !has_sessions {
        return;
    }
    let open = listeners.plain_addresses().find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(address) = open {
        tracing::warn!(
            "nobody can log in at http://{address} from another machine: the session cookie is `Secure`, and browsers \
             drop it unless they use HTTPS; put a proxy with a certificate in front, and set `SESSION_COOKIE_SECURE` \
             (FLASK_SESSION_COOKIE_SECURE) to true to say so, or to false to do without HTTPS"
        );
    }
}
