//! Redirects: to an address, or to a view.

use http::{HeaderValue, StatusCode, header};

use crate::base::error::{Error, IntoStatus, Result};
use crate::base::html::escape_into;
use crate::context::Context;
use crate::context::url_for::UrlFor;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::response::Response;
use crate::http::url::iri_to_uri;

/// Where a [`redirect`] leads.
#[derive(Clone, Debug)]
pub enum Location {
    /// An address as it is.
    Address(String),
    /// A view's.
    View(UrlFor),
}

impl From<&str> for Location {
    fn from(address: &str) -> Location {
        Location::Address(address.to_owned())
    }
}

impl From<String> for Location {
    fn from(address: String) -> Location {
        Location::Address(address)
    }
}

impl From<UrlFor> for Location {
    fn from(url: UrlFor) -> Location {
        Location::View(url)
    }
}

/// Sends the browser to another address, with 303 (See Other) unless told otherwise. Flask's `redirect`.
///
/// It trusts its argument: for an address that a client gave, ask
/// [`is_safe_redirect`](crate::http::is_safe_redirect) first.
///
/// ```
/// use hipflask::helpers::Redirect;
/// use hipflask::prelude::*;
///
/// #[get("/")]
/// async fn index() -> Redirect {
///     redirect("/login").code(302)
/// }
///
/// let response = App::new("doc", ".").routes(routes![index]).test_client().get("/").send_blocking();
/// assert_eq!((response.status().as_u16(), response.header("location")), (302, Some("/login")));
/// ```
pub fn redirect(location: impl Into<Location>) -> Redirect {
    Redirect { location: location.into(), code: StatusCode::SEE_OTHER }
}

/// A redirect, made by [`redirect`].
#[derive(Clone, Debug)]
#[must_use = "a `Redirect` does nothing until it is returned"]
pub struct Redirect {
    location: Location,
    code: StatusCode,
}

impl Redirect {
    /// With another status: 301, 302, 307 or 308.
    ///
    /// # Panics
    ///
    /// If `code` is not a status of a redirect.
    #[track_caller]
    pub fn code(mut self, code: impl IntoStatus) -> Redirect {
        self.code = code.into_status();
        if !self.code.is_redirection() {
            crate::base::panics::misuse(format_args!(
                "`{}` is not a status of a redirect; give 301, 302, 303, 307 or 308",
                self.code
            ));
        }
        self
    }
}

#[diagnostic::do_not_recommend]
impl Respond for Redirect {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        let address = match self.location {
            Location::Address(address) => Ok(address),
            Location::View(url) => ctx.url_for(url),
        };
        Answer::Ready(address.and_then(|address| redirect_response(&address, self.code)))
    }
}

/// The response of a redirect: a header for the browser and a link for whoever reads the body.
pub(crate) fn redirect_response(address: &str, code: StatusCode) -> Result<Response> {
    let uri = iri_to_uri(address);
    let mut body = String::from(
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>The page is at <a href=\"",
    );
    escape_into(&mut body, &uri);
    body.push_str("\">");
    escape_into(&mut body, address);
    body.push_str("</a>.</p>\n");
    let mut response = Response::new(crate::base::html::Html::new(body)).with_status(code);
    let location =
        HeaderValue::from_str(&uri).map_err(|_| Error::msg("the address of a redirect cannot be in a header"))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_ascii_and_its_link_escaped() {
        let response = redirect_response("/é?a=\"<b>", StatusCode::SEE_OTHER).expect("valid");
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()["location"], "/%C3%A9?a=%22%3Cb%3E");
        let body = String::from_utf8(response.body().as_bytes().expect("full").to_vec()).expect("utf-8");
        assert!(body.contains("&#34;&lt;b&gt;</a>"), "{body}");
        assert!(
            redirect_response("/a\r\nset-cookie: x", StatusCode::FOUND).expect("quoted").headers()["location"]
                .to_str()
                .is_ok()
        );
    }
}
