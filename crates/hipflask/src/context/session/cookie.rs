//! The session cookie, whatever its text means.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, header};

use crate::base::config::Config;
use crate::base::error::{Error, Result};
use crate::context::session::Session;
use crate::http::cookie::{self, Cookie, SameSite};
use crate::http::cookies;
use crate::http::request::Request;
use crate::http::response::Response;

/// The session cookie: its name, its attributes and its lifetime, as configured with `SESSION_COOKIE_…`,
/// `PERMANENT_SESSION_LIFETIME` and `SESSION_REFRESH_EACH_REQUEST`. For implementations of
/// [`SessionInterface`](crate::sessions::SessionInterface); it has what Flask's interface has as `get_cookie_name`,
/// `should_set_cookie` and others.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::sessions::SessionCookie;
///
/// let app = App::new("doc", ".").config("SESSION_COOKIE_NAME", "id").freeze()?;
/// let cookie = SessionCookie::from_config(app.config())?;
/// let mut response = Response::default();
/// cookie.set(&Session::new(), "a1b2", &mut response)?;
/// assert!(response.headers()["set-cookie"].to_str()?.starts_with("id=a1b2;"));
/// let request = hipflask::http::Request::get("/").with_header("cookie", "theme=dark; id=a1b2");
/// assert_eq!(cookie.read(&request).as_deref(), Some("a1b2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionCookie {
    name: String,
    frame: cookie::Frame,
    /// The cookie that tells a browser to forget its session.
    emptied: HeaderValue,
    lifetime: Duration,
    pub(super) refresh_each_request: bool,
}

impl SessionCookie {
    /// The cookie that the configuration describes.
    ///
    /// # Errors
    ///
    /// If a key has a value of another type than it needs, or one that no cookie can have.
    pub fn from_config(config: &Config) -> Result<SessionCookie> {
        let name: String = config.get("SESSION_COOKIE_NAME")?;
        let template = template(&name, config)?;
        Ok(SessionCookie {
            frame: cookie::Frame::new(&template),
            emptied: template.expires(SystemTime::UNIX_EPOCH).max_age(Duration::ZERO).to_string().try_into()?,
            name,
            lifetime: config.seconds("PERMANENT_SESSION_LIFETIME")?.unwrap_or(Duration::MAX),
            refresh_each_request: config.get("SESSION_REFRESH_EACH_REQUEST")?,
        })
    }

    /// How long a session is valid after it was last written: `PERMANENT_SESSION_LIFETIME`.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The text of the cookie, if the request brings it. It may be anything: a client can send what it likes.
    pub fn read<'r>(&self, request: &'r Request) -> Option<Cow<'r, str>> {
        // It reads the header itself: that saves taking every other cookie apart.
        let headers = request.headers().get_all(header::COOKIE).iter();
        let mut cookies = headers.flat_map(|field| cookies::parse(field.as_bytes()));
        cookies.find(|pair| pair.is_named(&self.name)).map(|pair| pair.value())
    }

    /// Whether a session that nothing has asked for may have to be written again, because every request puts off the
    /// end of a permanent one.
    pub fn may_need_refresh(&self, request: &Request) -> bool {
        // Whether it is among the request's cookies shows when the session is opened; to look twice is not worth it.
        self.refresh_each_request && request.headers().contains_key(header::COOKIE)
    }

    /// Whether `response` sets the cookie already: a view has, or a mounted application whose session has the same one.
    pub fn is_set(&self, response: &Response) -> bool {
        let mut cookies = response.headers().get_all(header::SET_COOKIE).iter();
        cookies.any(|cookie| {
            let rest = cookie.as_bytes().strip_prefix(self.name.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"="))
        })
    }

    /// Whether the cookie is to be set: the session was changed, or it is permanent and every request puts off its
    /// end. Flask's `should_set_cookie`.
    pub fn should_set(&self, session: &Session) -> bool {
        let state = session.state();
        state.modified || (self.refresh_each_request && state.is_permanent())
    }

    /// Tells caches that the answer depends on the cookie, if anything has looked into the session.
    pub fn vary(&self, session: &Session, response: &mut Response) {
        if session.is_accessed() || (self.refresh_each_request && session.state().is_permanent()) {
            response.vary("Cookie");
        }
    }

    /// Sets the cookie to `text`, until the browser closes or, for a permanent session, for its lifetime. A session that was
    /// not changed, and only has its end put off, leaves a cookie alone that the response [has](SessionCookie::is_set).
    ///
    /// # Errors
    ///
    /// If `text` has what a cookie cannot have without quotes: a space, a comma, a semicolon, a quote, a backslash,
    /// anything that is not ASCII.
    pub fn set(&self, session: &Session, text: &str, response: &mut Response) -> Result<()> {
        if !text.bytes().all(cookie::is_plain) {
            return Err(Error::msg(format!(
                "the text of the cookie `{}` would have to be quoted; encode it",
                self.name
            )));
        }
        if !session.is_modified() && self.is_set(response) {
            return Ok(());
        }
        let permanent = session.state().is_permanent();
        let header =
            self.filled(text.len(), permanent, SystemTime::now(), |out| out.extend_from_slice(text.as_bytes()));
        response.headers_mut().append(header::SET_COOKIE, header?);
        Ok(())
    }

    /// Takes the cookie away from the browser.
    pub fn delete(&self, response: &mut Response) {
        response.headers_mut().append(header::SET_COOKIE, self.emptied.clone());
    }

    /// The header for a text that `write` appends, of about `length` bytes.
    pub(super) fn filled(
        &self,
        length: usize,
        permanent: bool,
        now: SystemTime,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<HeaderValue> {
        let expires = permanent.then(|| now.checked_add(self.lifetime)).flatten();
        Ok(HeaderValue::try_from(self.frame.fill(length, expires, write))?)
    }
}

/// The cookie without a value and an end.
fn template(name: &str, config: &Config) -> Result<Cookie> {
    let root: String = config.get("APPLICATION_ROOT")?;
    let path = config.find::<String>("SESSION_COOKIE_PATH")?.unwrap_or(root);
    let template = Cookie::new(name, "");
    // A name like `__Host-session` wants it whatever the mode.
    let is_secure = template.is_secure() || !config.debug();
    let mut template = template
        .path(Some(&path))
        .http_only(config.get("SESSION_COOKIE_HTTPONLY")?)
        .secure(config.switch("SESSION_COOKIE_SECURE", is_secure))
        .partitioned(config.get("SESSION_COOKIE_PARTITIONED")?);
    if let Some(domain) = config.find::<String>("SESSION_COOKIE_DOMAIN")? {
        template = template.domain(domain);
    }
    if let Some(text) = config.find::<String>("SESSION_COOKIE_SAMESITE")? {
        let same_site = SameSite::parse(&text).ok_or_else(|| {
            Error::msg(format!(
                "the configuration key `SESSION_COOKIE_SAMESITE` is `{text}`; it must be `Strict`, `Lax` or `None`"
            ))
        })?;
        template = template.same_site(same_site);
    }
    if !template.is_valid() {
        return Err(Error::msg(format!(
            "no cookie can be named `{}` or have that domain; look at `SESSION_COOKIE_NAME` and `SESSION_COOKIE_DOMAIN`",
            name.escape_debug()
        )));
    }
    Ok(template)
}
