//! The log line of an error that nothing has handled.

use http::header;

use crate::base::error::Error;
use crate::base::panics;
use crate::builtin::log;
use crate::context::Context;
use crate::http::response::{Response, cookie_size};

/// One line for an error of a request that nothing has handled. The text of an error is a function of the application's,
/// which may panic too.
pub(super) fn log_error(ctx: &Context, error: &Error) {
    if let Err(panicked) = panics::catch(|| write_error(ctx, error)) {
        write_error(ctx, &panicked.into());
    }
}

fn write_error(ctx: &Context, error: &Error) {
    let request = ctx.request();
    let (file, line) = error.place().unwrap_or(("unknown", 0));
    tracing::error!(
        request_id = ctx.request_id(),
        method = %request.method(),
        path = %request.path().escape_debug(),
        at = %format_args!("{file}:{line}"),
        causes = %error.causes().join(": "),
        "unhandled error: {error}",
    );
    if !tracing::dispatcher::has_been_set() {
        log::fallback(format_args!(
            "unhandled error in {} {}: {error:?}",
            request.method(),
            request.path().escape_debug()
        ));
    }
}

/// Browsers drop a cookie that is too large without a word.
#[cold]
pub(super) fn warn_of_cookies(ctx: &Context, response: &Response) {
    let most = ctx.app().limits().max_cookie_size;
    for cookie in response.headers().get_all(header::SET_COOKIE).iter().filter(|cookie| cookie_size(cookie) > most) {
        let name = cookie.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
        tracing::warn!(
            request_id = ctx.request_id(),
            "the cookie `{}` has {} bytes, more than MAX_COOKIE_SIZE ({most}); a browser may drop it",
            name.escape_ascii(),
            cookie_size(cookie),
        );
    }
}
