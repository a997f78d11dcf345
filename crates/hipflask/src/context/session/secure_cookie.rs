//! The session in a signed cookie. Flask's `SecureCookieSessionInterface`.

use std::time::SystemTime;

use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::app::freezing::Freezing;
use crate::app::limits::max_cookie_size;
use crate::base::config::Config;
use crate::base::error::Result;
use crate::context::session::cookie::SessionCookie;
use crate::context::session::interface::SessionInterface;
use crate::context::session::{Session, SessionState};
use crate::handler::answer::Answer;
use crate::http::json;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::signing::tagged_json::{unwrapped, wrapped};
use crate::signing::{KeyDerivation, Serializer, signed_len, signing_keys};

const SALT: &str = "cookie-session";

/// Sessions in a signed cookie that its browser can read and cannot change. Flask's `SecureCookieSessionInterface`;
/// the cookie is Flask's own, byte for byte, in both directions. Every application has it that sets no other
/// [`SessionInterface`].
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::sessions::SecureCookieSessions;
///
/// // What happens without being said:
/// let app = App::new("doc", ".").session_interface(|freezing| SecureCookieSessions::from_config(freezing.config()));
/// assert!(app.freeze().is_ok());
/// ```
#[derive(Debug)]
pub struct SecureCookieSessions {
    /// `None` without a secret key.
    signer: Option<Serializer>,
    cookie: SessionCookie,
    max_size: usize,
}

impl SecureCookieSessions {
    /// Sessions as the configuration says: `SECRET_KEY` signs, `SESSION_COOKIE_…` describe the cookie.
    ///
    /// # Errors
    ///
    /// If a key of the configuration has a value of another type than it needs.
    pub fn from_config(config: &Config) -> Result<SecureCookieSessions> {
        Ok(SecureCookieSessions {
            signer: signing_keys(config)?.map(|keys| Serializer::with_derivation(keys, SALT, KeyDerivation::Hmac)),
            cookie: SessionCookie::from_config(config)?,
            max_size: max_cookie_size(config)?,
        })
    }

    fn read(&self, request: &Request) -> Session {
        let Some(signer) = &self.signer else { return Session::without_key() };
        let json = self
            .cookie
            .read(request)
            .and_then(|text| signer.unsign(&text, Some(self.cookie.lifetime()), SystemTime::now()).valid());
        let json = json.unwrap_or_default();
        let values = if json.is_empty() { None } else { read_values(&json) };
        Session::with_state(SessionState {
            is_new: values.is_none(),
            values: values.unwrap_or_default(),
            json,
            ..SessionState::default()
        })
    }

    fn write(&self, session: &Session, response: &mut Response) -> Result<()> {
        let state = session.state();
        let permanent = state.is_permanent();
        let refreshed = permanent && self.cookie.refresh_each_request;
        if state.accessed || refreshed {
            response.vary("Cookie");
        }
        let is_wanted = || state.modified || (refreshed && !self.cookie.is_set(response));
        let Some(signer) = self.signer.as_ref().filter(|_| is_wanted()) else {
            return Ok(());
        };
        if state.values.is_empty() {
            if state.modified {
                self.cookie.delete(response);
            }
            return Ok(());
        }
        let Signed { cookie, size } = self.signed(signer, &state.values, permanent)?;
        if size <= self.max_size {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        } else {
            self.refuse(&state, size, response);
        }
        Ok(())
    }

    fn signed(&self, signer: &Serializer, values: &Map<String, Value>, permanent: bool) -> Result<Signed> {
        let json = json::dumps(&*wrapped(values))?;
        let (now, mut size) = (SystemTime::now(), 0);
        let cookie = self.cookie.filled(signed_len(json.len()), permanent, now, |out| {
            signer.sign_into(out, &json, now);
            size = out.len() - "=".len();
        })?;
        Ok(Signed { cookie, size })
    }

    /// A browser drops a cookie that is too large without a word and keeps the one before, or a proxy the whole answer. So
    /// none is sent, and the browser keeps the session that it has; one that was ended on purpose ends all the same.
    #[cold]
    fn refuse(&self, state: &SessionState, size: usize, response: &mut Response) {
        let kept = if state.renewed { "has none now" } else { "keeps the one before" };
        if state.renewed {
            self.cookie.delete(response);
        }
        tracing::error!(
            "the session cookie would have {size} bytes, more than MAX_COOKIE_SIZE ({}), so it was not sent, and the browser \
             {kept}; {}: keep less in the session, or keep it on the server",
            self.max_size,
            sizes(&read_values(&state.json).unwrap_or_default(), &state.values),
        );
    }
}

/// The cookie of a session, and how long its name and value are together, which is what browsers count.
struct Signed {
    cookie: HeaderValue,
    size: usize,
}

/// How large the values are, as JSON, and which of them have grown, the largest first.
fn sizes(before: &Map<String, Value>, now: &Map<String, Value>) -> String {
    const MOST: usize = 8;
    let size = |value: &Value| json::dumps(value).map_or(0, |json| json.trim_ascii().len());
    let mut sizes: Vec<_> =
        now.iter().map(|(key, value)| (size(value), before.get(key).map_or(0, size), key)).collect();
    sizes.sort_by_key(|(now, before, _)| std::cmp::Reverse((now.saturating_sub(*before), *now)));
    let told = sizes.iter().take(MOST).map(|(now, before, key)| match before {
        _ if now > before => format!("`{}` grew from {before} to {now} bytes", key.escape_debug()),
        _ => format!("`{}` has {now}", key.escape_debug()),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What was signed is one of ours, or Flask's; if it cannot be kept exactly, somebody should know why it is not read.
fn read_values(json: &[u8]) -> Option<Map<String, Value>> {
    let read = json::from_slice(json).inspect_err(|error| tracing::warn!("the session cannot be read: {error}"));
    read.ok().map(unwrapped)
}

impl SessionInterface for SecureCookieSessions {
    fn open(&self, request: &Request) -> Answer<'_, Session> {
        Answer::Ready(Ok(self.read(request)))
    }

    fn save<'a>(&'a self, session: &'a Session, response: &'a mut Response) -> Answer<'a, ()> {
        Answer::Ready(self.write(session, response))
    }

    fn check(&self, freezing: &Freezing<'_>) -> Result<(), String> {
        freezing.require_secret_key()
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn may_need_refresh(&self, request: &Request) -> bool {
        self.signer.is_some() && self.cookie.may_need_refresh(request)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::config::builder::ConfigBuilder;
    use crate::base::config::source::Source;
    use crate::base::datetime::DateTime;

    fn cookies(pairs: &[(&str, Value)]) -> SecureCookieSessions {
        let mut builder = ConfigBuilder::default();
        builder.set("SECRET_KEY", "secret", Source::Default).expect("a key");
        builder.set("DEBUG", &false, Source::Default).expect("a key");
        pairs.iter().for_each(|(key, value)| builder.set(key, value, Source::Default).expect("a key"));
        SecureCookieSessions::from_config(&builder.build()).expect("valid")
    }

    fn saved(cookies: &SecureCookieSessions, session: &Session) -> Vec<String> {
        let mut response = Response::default();
        cookies.write(session, &mut response).expect("saved");
        response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect()
    }

    fn back(headers: &[String]) -> Request {
        let cookie = headers.iter().find_map(|h| h.strip_prefix("set-cookie: ")).expect("a cookie");
        Request::get("/").with_header("cookie", cookie.split(';').next().expect("a pair"))
    }

    #[test]
    fn what_is_set_comes_back() {
        let cookies = cookies(&[]);
        let session = cookies.read(&Request::get("/"));
        session.set("name", "é");
        session.set("list", vec![1, 2]);
        let headers = saved(&cookies, &session);
        assert!(headers.contains(&"vary: Cookie".to_owned()), "{headers:?}");
        assert!(headers.iter().any(|h| h.ends_with("; Secure; HttpOnly; Path=/; SameSite=Lax")), "{headers:?}");
        let again = cookies.read(&back(&headers));
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
        let session = cookies.read(&Request::get("/").with_header("cookie", &format!("a=b; session={FROM_FLASK}")));
        assert_eq!(session.flashed_messages(), [("message".to_owned(), "Hi é".into())]);
        assert_eq!(session.get::<Vec<u8>>("b"), Some(vec![0, 255]));
        assert_eq!(session.get::<String>("d").as_deref(), Some("2020-01-02T03:04:05Z"));
        assert_eq!(
            session.get::<DateTime>("d").map(|moment| moment.to_string()),
            Some("2020-01-02 03:04:05+00:00".into())
        );
        assert_eq!(session.get::<String>("m").as_deref(), Some("<b>"));
        assert_eq!(session.get::<(u8, String, Option<u8>)>("t"), Some((1, "a".into(), None)));
        assert_eq!(session.get::<Value>("n"), Some(json!({" t": 1})));
        assert!(session.is_permanent());
    }

    #[test]
    fn untouched_sessions_leave_no_trace_and_emptied_ones_are_deleted() {
        let cookies = cookies(&[]);
        assert!(saved(&cookies, &cookies.read(&Request::get("/"))).is_empty());
        let session = cookies.read(&Request::get("/"));
        session.set("a", 1);
        let again = cookies.read(&back(&saved(&cookies, &session)));
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
        let session = cookies.read(&Request::get("/"));
        session.set("a", 1);
        session.set_permanent(true);
        let request = back(&saved(&cookies, &session));
        assert!(cookies.may_need_refresh(&request));
        let headers = saved(&cookies, &cookies.read(&request));
        assert!(headers.iter().any(|h| h.contains("; Expires=") && !h.contains("Max-Age")), "{headers:?}");
    }

    #[test]
    fn without_a_key_reading_is_empty_and_writing_fails() {
        let cookies = SecureCookieSessions::from_config(&ConfigBuilder::default().build()).expect("valid");
        let session = cookies.read(&Request::get("/"));
        assert!(session.is_empty());
        session.set("a", 1);
        let error = session.begin_to_save().expect_err("no key");
        assert!(error.to_string().contains("`SECRET_KEY`"));
        assert_eq!((error.location().file(), error.location().line()), (file!(), line!() - 3), "the line of `set`");
    }
}
