//! The answer of a port that only leads to HTTPS.

use http::header::{self, HeaderValue};

use crate::builtin::security::hosts;
use crate::context::Context;
use crate::http::host::host_parts;
use crate::http::response::Response;
use crate::server::policy::{NO_HOST, Refused, refuse};

/// A redirect to the same address with HTTPS, at `port`. The method stays the same, and so does what the request was.
pub(super) fn to_https(ctx: &Context, port: u16) -> Response {
    let request = ctx.request();
    let Some((name, _)) = host_parts(request.host()) else { return refuse(&NO_HOST) };
    if hosts::check(ctx).is_err() {
        return refuse(&Refused(400, "The host is not trusted here."));
    }
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    // As it was sent: what is percent-encoded stays so. It is a path, or `*` for OPTIONS.
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let target = if target.starts_with('/') { target } else { "/" };
    let Ok(location) = HeaderValue::try_from(format!("https://{name}{port}{target}")) else {
        return refuse(&Refused(400, "The request's target is malformed."));
    };
    let mut response = Response::new("This is served over HTTPS only.\n").with_status(308);
    response.headers_mut().insert(header::LOCATION, location);
    response
}
