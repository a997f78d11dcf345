//! What an application says of all the files that it sends.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::app::App;
use crate::base::error::{Error, Result};
use crate::context::Context;
use crate::http::url::quote;

/// How long a file is fresh, by its name.
type MaxAge = Box<dyn Fn(&str) -> Option<Duration> + Send + Sync>;

struct SendFileMaxAge(MaxAge);

/// Media types by the ends of names, beside those that are known.
#[derive(Default)]
struct MediaTypes(HashMap<String, String>);

impl App {
    /// How long a file may be used without asking again, by its name; `None` leaves it to `SEND_FILE_MAX_AGE_DEFAULT`.
    /// Flask's `get_send_file_max_age`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use hipflask::App;
    ///
    /// const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    /// // Their names change with what is in them.
    /// let app = App::new("shop", ".").send_file_max_age(|name| name.ends_with(".css").then_some(YEAR));
    /// ```
    pub fn send_file_max_age(self, max_age: impl Fn(&str) -> Option<Duration> + Send + Sync + 'static) -> App {
        self.insert_state(SendFileMaxAge(Box::new(max_age)))
    }

    /// The media type of files whose names end in `.extension`, where the known one is not the right one. Python's
    /// `mimetypes.add_type`.
    ///
    /// ```
    /// let app = hipflask::App::new("shop", ".").media_type("glsl", "text/plain");
    /// ```
    pub fn media_type(mut self, extension: &str, mimetype: impl Into<String>) -> App {
        let extension = extension.trim_start_matches('.').to_ascii_lowercase();
        self.state_mut::<MediaTypes>().0.insert(extension, mimetype.into());
        self
    }
}

/// How long a file of this name is fresh.
pub(super) fn default_max_age(ctx: &Context, name: Option<&str>) -> Result<Option<Duration>> {
    let said = ctx.state::<SendFileMaxAge>().and_then(|said| said.0(name?));
    if said.is_some() {
        return Ok(said);
    }
    ctx.config().seconds("SEND_FILE_MAX_AGE_DEFAULT")
}

/// The media type that the application has given this name.
pub(super) fn media_type<'c>(ctx: &'c Context, name: &str) -> Option<&'c str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(ctx.state::<MediaTypes>()?.0.get(&extension.to_ascii_lowercase())?)
}

/// The header that has a proxy send the file in the application's place: `X-Sendfile` with its path if `USE_X_SENDFILE` is
/// on, or `X-Accel-Redirect` below `X_ACCEL_REDIRECT`, the proxy's name for the application's folder.
pub(super) fn passed_on(ctx: &Context, real: &Path) -> Result<Option<(HeaderName, HeaderValue)>> {
    let text =
        |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| Error::msg("the path of a file is no text"));
    if ctx.config().switch("USE_X_SENDFILE", false) {
        let path = HeaderValue::try_from(text(real)?)?;
        return Ok(Some((HeaderName::from_static("x-sendfile"), path)));
    }
    let Some(location) = ctx.config().find::<String>("X_ACCEL_REDIRECT")? else { return Ok(None) };
    let root = ctx.app().root_path().canonicalize()?;
    let Ok(below) = real.strip_prefix(root) else { return Ok(None) };
    let path = format!("{}/{}", location.trim_end_matches('/'), quote(&text(below)?, b"/"));
    Ok(Some((HeaderName::from_static("x-accel-redirect"), HeaderValue::try_from(path)?)))
}
