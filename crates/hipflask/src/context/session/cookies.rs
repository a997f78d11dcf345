//! The session in a signed cookie. Flask's `SecureCookieSessionInterface`.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::base::config::Config;
use crate::base::error::Result;
use crate::context::session::{Session, SessionState};
use crate::http::cookie::{Cookie, SameSite};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::{cookie, json};
use crate::signing::{KeyDerivation, Serializer, signed_len};

const SALT: &str = "cookie-session";

/// Reads and writes the session's cookie, by the configuration keys `SESSION_COOKIE_…`.
#[derive(Debug)]
pub(crate) struct SessionCookies {
    /// `None` without a secret key.
    signer: Option<Serializer>,
    name: String,
    frame: cookie::Frame,
    /// The cookie that tells a browser to forget its session.
    emptied: HeaderValue,
    lifetime: Duration,
    refresh_each_request: bool,
    max_size: usize,
}

impl SessionCookies {
    /// # Errors
    ///
    /// If a key of the configuration has a value of another type than it needs.
    pub(crate) fn from_config(config: &Config) -> Result<SessionCookies> {
        let name: String = config.get("SESSION_COOKIE_NAME")?;
        let root: String = config.get("APPLICATION_ROOT")?;
        let path = config.find::<String>("SESSION_COOKIE_PATH")?.unwrap_or(root);
        let mut template = Cookie::new(&name, "")
            .path(Some(&path))
            .http_only(config.get("SESSION_COOKIE_HTTPONLY")?)
            .secure(config.switch("SESSION_COOKIE_SECURE", !config.debug()))
            .partitioned(config.get("SESSION_COOKIE_PARTITIONED")?);
        if let Some(domain) = config.find::<String>("SESSION_COOKIE_DOMAIN")? {
            template = template.domain(domain);
        }
        if let Some(text) = config.find::<String>("SESSION_COOKIE_SAMESITE")? {
            let same_site = SameSite::parse(&text).ok_or_else(|| {
                crate::base::error::Error::msg(format!(
                    "the configuration key `SESSION_COOKIE_SAMESITE` is `{text}`; it must be `Strict`, `Lax` or `None`"
                ))
            })?;
            template = template.same_site(same_site);
        }
        if !template.is_valid() {
            return Err(crate::base::error::Error::msg(format!(
                "no cookie can be named `{}` or have that domain; look at `SESSION_COOKIE_NAME` and `SESSION_COOKIE_DOMAIN`",
                name.escape_debug()
            )));
        }
        Ok(SessionCookies {
            signer: signing_keys(config)?.map(|keys| Serializer::with_derivation(keys, SALT, KeyDerivation::Hmac)),
            frame: cookie::Frame::new(&template),
            emptied: template.expires(SystemTime::UNIX_EPOCH).max_age(Duration::ZERO).to_string().try_into()?,
            name,
            lifetime: config.seconds("PERMANENT_SESSION_LIFETIME")?.unwrap_or(Duration::MAX),
            refresh_each_request: config.get("SESSION_REFRESH_EACH_REQUEST")?,
            max_size: config.get("MAX_COOKIE_SIZE")?,
        })
    }

    /// The session that a request brings: a new one if it brings none that holds.
    pub(crate) fn open(&self, request: &Request) -> Session {
        let Some(signer) = &self.signer else {
            return Session::new(SessionState { is_null: true, is_new: true, ..SessionState::default() });
        };
        let values: Option<Map<String, Value>> = self.text(request).and_then(|text| {
            let json = signer.unsign(&text, Some(self.lifetime), SystemTime::now()).valid()?;
            serde_json::from_slice(&json).ok()
        });
        Session::new(SessionState {
            is_new: values.is_none(),
            values: values.unwrap_or_default(),
            ..SessionState::default()
        })
    }

    /// The cookie's text. It reads the header itself: that saves taking every other cookie apart.
    fn text<'r>(&self, request: &'r Request) -> Option<Cow<'r, str>> {
        let headers = request.headers().get_all(header::COOKIE).iter();
        let mut cookies = headers.filter_map(|value| value.to_str().ok()).flat_map(cookie::parse);
        cookies.find(|(name, _)| *name == self.name).map(|(_, text)| text)
    }

    /// Whether a session that nobody has touched may still have to be written again: a permanent one is
    /// renewed by every request.
    pub(crate) fn may_need_refresh(&self, request: &Request) -> bool {
        self.refresh_each_request && self.signer.is_some() && self.text(request).is_some()
    }

    /// Writes what changed into `response`.
    ///
    /// # Errors
    ///
    /// If something was stored that a session cannot hold, or without a secret key.
    pub(crate) fn save(&self, session: &Session, response: &mut Response) -> Result<()> {
        let mut state = session.state();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        let permanent = state.values.get("_permanent") == Some(&Value::Bool(true));
        let refreshed = permanent && self.refresh_each_request;
        if state.accessed || refreshed {
            response.vary("Cookie");
        }
        let Some(signer) = self.signer.as_ref().filter(|_| state.modified || refreshed) else {
            return Ok(());
        };
        let cookie = match state.values.is_empty() {
            true if state.modified => self.emptied.clone(),
            true => return Ok(()),
            false => self.signed(signer, &state.values, permanent)?,
        };
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Ok(())
    }

    fn signed(&self, signer: &Serializer, values: &Map<String, Value>, permanent: bool) -> Result<HeaderValue> {
        let json = json::dumps(values)?;
        let now = SystemTime::now();
        let expires = permanent.then(|| now.checked_add(self.lifetime)).flatten();
        let text = self.frame.fill(signed_len(json.len()), expires, |out| {
            signer.sign_into(out, &json, now);
            self.warn_if_too_large(out.len() - "=".len());
        });
        Ok(HeaderValue::try_from(text)?)
    }

    /// Browsers drop a cookie whose name and value are too large without a word.
    fn warn_if_too_large(&self, size: usize) {
        if self.max_size > 0 && size > self.max_size {
            tracing::warn!(
                "the session cookie has {size} bytes, more than MAX_COOKIE_SIZE ({}); a browser may drop it: store less in the session",
                self.max_size
            );
        }
    }
}

/// `SECRET_KEY`, then `SECRET_KEY_FALLBACKS`; `None` without a key.
pub(crate) fn signing_keys(config: &Config) -> Result<Option<Vec<String>>> {
    let Some(key) = config.find::<String>("SECRET_KEY")? else { return Ok(None) };
    let fallbacks = config.find::<Vec<String>>("SECRET_KEY_FALLBACKS")?.unwrap_or_default();
    Ok(Some(std::iter::once(key).chain(fallbacks).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::config::ConfigBuilder;

    fn cookies(pairs: &[(&str, Value)]) -> SessionCookies {
        let mut builder = ConfigBuilder::default();
        builder.set("SECRET_KEY", "secret").expect("a key");
        builder.set("DEBUG", &false).expect("a key");
        pairs.iter().for_each(|(key, value)| builder.set(key, value).expect("a key"));
        SessionCookies::from_config(&builder.build()).expect("valid")
    }

    fn saved(cookies: &SessionCookies, session: &Session) -> Vec<String> {
        let mut response = Response::default();
        cookies.save(session, &mut response).expect("saved");
        response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect()
    }

    fn back(headers: &[String]) -> Request {
        let cookie = headers.iter().find_map(|h| h.strip_prefix("set-cookie: ")).expect("a cookie");
        Request::get("/").with_header("cookie", cookie.split(';').next().expect("a pair"))
    }

    #[test]
    fn what_is_set_comes_back() {
        let cookies = cookies(&[]);
        let session = cookies.open(&Request::get("/"));
        session.set("name", "é");
        session.set("list", vec![1, 2]);
        let headers = saved(&cookies, &session);
        assert!(headers.contains(&"vary: Cookie".to_owned()), "{headers:?}");
        assert!(headers.iter().any(|h| h.ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax")), "{headers:?}");
        let again = cookies.open(&back(&headers));
        assert_eq!((again.get::<String>("name"), again.get::<Vec<u8>>("list")), (Some("é".into()), Some(vec![1, 2])));
        assert_eq!(saved(&cookies, &again), ["vary: Cookie"], "read only: no new cookie");
    }

    /// Flask 3.1.3 wrote it with the key `secret-key`: a flash, bytes, a date, markup, a UUID, a tuple, a dict
    /// that looks like a tag.
    const FROM_FLASK: &str = ".eJx9jjELwjAQhf9KeHOGa7WgQQUnRRAcumkJKUZbaIM0zVTy373E3RvewXffwVugX4PxnfVQ9wVi5oXRem_eFhLnXjwCkd2iiY1EC8UOJ463zR5R4pkJJ-ouSEGluBgnSipJ0ErRWlElTtc6qWNWObFrDwmEDDhB_6dK9pzt1K-QMJAuDEPD3P0a9L-z1lBFZKw_dhqNs44_5inY-AVWTD5K.ZVPxAA.ApAOQiGskqihbhdB63TRXfUcvok";

    #[test]
    fn a_session_of_flask_is_read() {
        let century = json!(100 * 365 * 86_400_u64);
        let cookies = cookies(&[("SECRET_KEY", json!("secret-key")), ("PERMANENT_SESSION_LIFETIME", century)]);
        let session = cookies.open(&Request::get("/").with_header("cookie", &format!("a=b; session={FROM_FLASK}")));
        assert_eq!(session.flashed_messages(), [("message".to_owned(), "Hi é".to_owned())]);
        assert_eq!(session.get::<Vec<u8>>("b"), Some(vec![0, 255]));
        assert_eq!(session.get::<String>("d").as_deref(), Some("Thu, 02 Jan 2020 03:04:05 GMT"));
        assert_eq!(session.get::<String>("m").as_deref(), Some("<b>"));
        assert_eq!(session.get::<(u8, String, Option<u8>)>("t"), Some((1, "a".into(), None)));
        assert_eq!(session.get::<Value>("n"), Some(json!({" t": 1})));
        assert!(session.is_permanent());
    }

    #[test]
    fn untouched_sessions_leave_no_trace_and_emptied_ones_are_deleted() {
        let cookies = cookies(&[]);
        assert!(saved(&cookies, &cookies.open(&Request::get("/"))).is_empty());
        let session = cookies.open(&Request::get("/"));
        session.set("a", 1);
        let again = cookies.open(&back(&saved(&cookies, &session)));
        again.clear();
        assert!(
            saved(&cookies, &again)
                .iter()
                .any(|h| h.contains("session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"))
        );
    }

    #[test]
    fn a_permanent_session_is_refreshed_by_every_request() {
        let cookies = cookies(&[("PERMANENT_SESSION_LIFETIME", json!(60))]);
        let session = cookies.open(&Request::get("/"));
        session.set("a", 1);
        session.set_permanent(true);
        let request = back(&saved(&cookies, &session));
        assert!(cookies.may_need_refresh(&request));
        let headers = saved(&cookies, &cookies.open(&request));
        assert!(headers.iter().any(|h| h.contains("; Expires=") && !h.contains("Max-Age")), "{headers:?}");
    }

    #[test]
    fn without_a_key_reading_is_empty_and_writing_fails() {
        let cookies = SessionCookies::from_config(&ConfigBuilder::default().build()).expect("valid");
        let session = cookies.open(&Request::get("/"));
        assert!(session.is_empty());
        let line = line!() + 1;
        session.set("a", 1);
        let error = cookies.save(&session, &mut Response::default()).expect_err("no key");
        assert!(error.to_string().contains("`SECRET_KEY`"));
        assert_eq!((error.location().file(), error.location().line()), (file!(), line), "the line of `set` is kept");
    }
}
