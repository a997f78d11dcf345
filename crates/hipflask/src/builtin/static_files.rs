//! Files: one by its path, a folder by the names in it, and the application's own `static`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::app::App;
use crate::app::extension::Extension;
use crate::app::freezing::{EmbeddedFile, Freezing};
use crate::app::scaffold::Scaffold;
use crate::base::error::{Error, HttpError, Result};
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::body::Body;
use crate::http::conditional::Condition;
use crate::http::filenames::safe_join;
use crate::http::headers::{content_disposition, guess_type, http_date, with_charset};
use crate::http::response::Response;
use crate::routing::rule::Rule;
use crate::routing::view_args::ViewArgs;

/// A file up to this size is read in one go; a larger one goes out in pieces of this size.
const PIECE: usize = 256 * 1024;

/// Sends a file as the response, with its type, entity tag and date, and only a range if the client asks for one.
/// Flask's `send_file`.
///
/// A relative path is relative to the application's folder. The path must not come from a client; for names that
/// do, use [`send_from_directory`].
///
/// ```no_run
/// use hipflask::helpers::{File, send_file};
/// use hipflask::prelude::*;
///
/// #[get("/report")]
/// async fn report() -> Result<File> {
///     send_file("reports/latest.pdf").as_attachment("Q3 report.pdf")
/// }
/// ```
pub fn send_file(path: impl Into<PathBuf>) -> File {
    File::new(path.into())
}

/// Sends the file `name` from `folder`; `name` may come from a client. A name or a link that leads out of the
/// folder, a hidden file, and anything that is not a regular file are a 404. Flask's `send_from_directory`.
pub fn send_from_directory(folder: impl AsRef<Path>, name: &str) -> File {
    let mut file = File::new(safe_join(folder.as_ref(), name).unwrap_or_default());
    file.folder = Some(folder.as_ref().to_owned());
    file
}

/// A file to be sent, made by [`send_file`] or [`send_from_directory`].
#[derive(Clone, Debug)]
#[must_use = "a `File` does nothing until it is returned"]
pub struct File {
    path: PathBuf,
    /// The folder that it must be in after links are followed.
    folder: Option<PathBuf>,
    mimetype: Option<String>,
    download_name: Option<String>,
    attachment: bool,
    max_age: Option<Duration>,
    /// Honours the client's conditions and its request for a range.
    conditional: bool,
}

impl File {
    fn new(path: PathBuf) -> File {
        File {
            path,
            folder: None,
            mimetype: None,
            download_name: None,
            attachment: false,
            max_age: None,
            conditional: true,
        }
    }

    /// Makes the client save it as `name` instead of showing it.
    ///
    /// # Errors
    ///
    /// If `name` contains a control character.
    #[track_caller]
    pub fn as_attachment(mut self, name: impl Into<String>) -> Result<File> {
        let name = name.into();
        if name.chars().any(char::is_control) {
            return Err(Error::msg("the name of an attachment contains a control character"));
        }
        self.attachment = true;
        self.download_name = Some(name);
        Ok(self)
    }

    /// Sets a media type other than the one that its extension suggests.
    pub fn mimetype(mut self, mimetype: impl Into<String>) -> File {
        self.mimetype = Some(mimetype.into());
        self
    }

    /// How long a client may use it without asking again; by default `SEND_FILE_MAX_AGE_DEFAULT`.
    pub fn max_age(mut self, max_age: Duration) -> File {
        self.max_age = Some(max_age);
        self
    }

    async fn open(&self, root: &Path) -> io::Result<(tokio::fs::File, std::fs::Metadata, PathBuf)> {
        let path = root.join(&self.path);
        let folder = self.folder.as_ref().map(|folder| root.join(folder));
        let opened = tokio::task::spawn_blocking(move || -> io::Result<_> {
            let real = path.canonicalize()?;
            if let Some(folder) = folder
                && !real.starts_with(folder.canonicalize()?)
            {
                return Err(io::ErrorKind::NotFound.into());
            }
            // A pipe would keep the thread waiting for a writer.
            if !real.metadata()?.is_file() {
                return Err(io::ErrorKind::NotFound.into());
            }
            let file = std::fs::File::open(&real)?;
            let metadata = file.metadata()?;
            Ok((file, metadata, real))
        });
        let (file, metadata, real) = opened.await.map_err(io::Error::other)??;
        Ok((tokio::fs::File::from_std(file), metadata, real))
    }

    async fn send(self, ctx: &mut Context) -> Result<Response> {
        if self.path.as_os_str().is_empty() {
            return Err(HttpError::new(404).into());
        }
        let app = ctx.app().clone();
        let (mut file, metadata, path) = match self.open(app.root_path()).await {
            Ok(opened) => opened,
            Err(error) if self.folder.is_some() || error.kind() == io::ErrorKind::NotFound => {
                return Err(HttpError::new(404).into());
            }
            Err(error) => {
                return Err(
                    io::Error::new(error.kind(), format!("{} cannot be sent: {error}", self.path.display())).into()
                );
            }
        };
        let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
        let version = Version { etag: etag(&path, modified, metadata.len()), modified, len: metadata.len() };
        let max_age = match self.max_age {
            Some(max_age) => Some(max_age),
            None => ctx.config().seconds("SEND_FILE_MAX_AGE_DEFAULT")?,
        };
        let condition = if self.conditional {
            Condition::of(ctx.request().headers(), &version.etag, version.modified, version.len)
        } else {
            Condition::Full
        };
        let mut response = self.head(&version, &condition, max_age)?;
        let (first, count) = match condition {
            Condition::Full => (0, version.len),
            Condition::Partial(first, last) => (first, last - first + 1),
            _ => return Ok(response),
        };
        if ctx.request().method() == http::Method::HEAD {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
            return Ok(response);
        }
        if first > 0 {
            file.seek(SeekFrom::Start(first)).await?;
        }
        *response.body_mut() = file_body(file, count).await?;
        Ok(response)
    }

    /// Status and headers.
    fn head(&self, version: &Version, condition: &Condition, max_age: Option<Duration>) -> Result<Response> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = self.download_name.as_deref().unwrap_or(name);
        let (guessed, encoding) = guess_type(name);
        let mut response = Response::default().with_status(condition.status());
        let headers = response.headers_mut();
        let mimetype = with_charset(self.mimetype.as_deref().unwrap_or(guessed));
        insert(headers, header::CONTENT_TYPE, &mimetype)?;
        insert(headers, header::CONTENT_DISPOSITION, &content_disposition(name, self.attachment))?;
        if let Some(encoding) = encoding.filter(|_| !self.attachment) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        version.describe(headers, condition, max_age)?;
        Ok(response)
    }
}

#[diagnostic::do_not_recommend]
impl Respond for File {
    fn respond(self, ctx: &mut Context) -> Answer<'_, Response> {
        Answer::Later(Box::pin(self.send(ctx)))
    }

    fn with_other_status(self) -> File {
        File { conditional: false, ..self }
    }
}

/// Distinguishes one version of a file from another.
struct Version {
    etag: String,
    modified: SystemTime,
    len: u64,
}

impl Version {
    fn describe(&self, headers: &mut HeaderMap, condition: &Condition, max_age: Option<Duration>) -> Result<()> {
        insert(headers, header::ETAG, &format!("\"{}\"", self.etag))?;
        insert(headers, header::LAST_MODIFIED, &http_date(self.modified))?;
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        match max_age.map(|max_age| max_age.as_secs()) {
            None => insert(headers, header::CACHE_CONTROL, "no-cache")?,
            Some(seconds) => {
                // A century is long enough, and a date that far ahead always exists.
                let fresh = Duration::from_secs(seconds.min(u32::MAX.into()));
                let freshness = if seconds > 0 { "public" } else { "no-cache" };
                insert(headers, header::CACHE_CONTROL, &format!("{freshness}, max-age={seconds}"))?;
                insert(headers, header::EXPIRES, &http_date(SystemTime::now() + fresh))?;
            }
        }
        match condition {
            Condition::Partial(first, last) => {
                insert(headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", self.len))
            }
            Condition::Unsatisfiable => {
                headers.remove(header::CONTENT_DISPOSITION);
                headers.remove(header::CONTENT_TYPE);
                insert(headers, header::CONTENT_RANGE, &format!("bytes */{}", self.len))
            }
            _ => Ok(()),
        }
    }
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) -> Result<()> {
    headers.insert(name, HeaderValue::from_str(value)?);
    Ok(())
}

/// `mtime-size-adler32(path)`, as Werkzeug makes it.
fn etag(path: &Path, modified: SystemTime, len: u64) -> String {
    let seconds = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    format!("{seconds}-{len}-{}", adler32(path.as_os_str().as_encoded_bytes()))
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    b << 16 | a
}

/// The next `count` bytes of `file`: at once if they are few, otherwise in pieces as the client accepts them.
async fn file_body(mut file: tokio::fs::File, count: u64) -> Result<Body> {
    file.set_max_buf_size(PIECE);
    if let Some(size) = usize::try_from(count).ok().filter(|size| *size <= PIECE) {
        let mut bytes = Vec::with_capacity(size);
        file.take(count).read_to_end(&mut bytes).await?;
        return if bytes.len() == size {
            Ok(Body::from(bytes))
        } else {
            Err(Error::msg("the file became shorter while it was read"))
        };
    }
    Ok(Body::stream_sized(count, move |mut out| async move {
        let mut left = count;
        while left > 0 {
            let size = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let mut bytes = vec![0; size];
            let read = file.read(&mut bytes).await?;
            if read == 0 {
                return Err(Error::msg("the file became shorter while it was sent"));
            }
            bytes.truncate(read);
            left -= read as u64;
            out.send(bytes).await?;
        }
        Ok(())
    }))
}

/// The settings for static files.
#[derive(Default)]
struct StaticSetup {
    folder: Option<Cow<'static, str>>,
    url_path: Option<Cow<'static, str>>,
}

/// Where static files come from.
enum StaticFiles {
    Folder(PathBuf),
    /// By name, each with its version, which requires reading the whole file.
    Embedded(HashMap<&'static str, (&'static EmbeddedFile, Version)>),
}

/// Adds `/static/<path:filename>` to an application that has a folder for it. Every application has this
/// extension.
pub(crate) struct Static;

impl Extension for Static {
    fn init_app(self, app: App) -> App {
        app.static_folder("static").extend_last(add_rule).on_freeze(|freezing: &mut Freezing<'_>| {
            if let Err(error) = freezing.config().seconds("SEND_FILE_MAX_AGE_DEFAULT") {
                freezing.problem(error.to_string());
            }
            let setup = freezing.take_state::<StaticSetup>().unwrap_or_default();
            let Some(folder) = setup.folder else { return };
            freezing.insert_state(match freezing.embedded(&folder) {
                Some(files) => StaticFiles::Embedded(with_versions(files)),
                None => StaticFiles::Folder(freezing.root_path().join(&*folder)),
            });
        })
    }
}

impl App {
    /// The folder of the static files, relative to the application's: `static`. Their URLs begin with the same
    /// name: `url_for('static', filename='style.css')`.
    pub fn static_folder(mut self, folder: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<StaticSetup>().folder = Some(folder.into());
        self
    }

    /// Where the static files are on the site; by default the name of their folder.
    pub fn static_url_path(mut self, path: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<StaticSetup>().url_path = Some(path.into());
        self
    }

    /// Serves no static files.
    pub fn without_static_files(mut self) -> App {
        self.state_mut::<StaticSetup>().folder = None;
        self
    }
}

/// The rule for the static files, added after all other setup.
fn add_rule(mut app: App) -> App {
    let setup = app.state_mut::<StaticSetup>();
    let Some(folder) = setup.folder.clone() else { return app };
    let name = Path::new(&*folder).file_name().and_then(|name| name.to_str()).unwrap_or("static").to_owned();
    let path = setup.url_path.clone().unwrap_or(Cow::Owned(name));
    let path = path.trim_matches('/');
    let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
    app.add_url_rule(Rule::new(format!("{prefix}/<path:filename>")).endpoint("static"), static_file)
}

async fn static_file(ctx: &mut Context, args: ViewArgs) -> Result<Response> {
    let name: String = args.get("filename")?;
    let app = ctx.app().clone();
    match app.state::<StaticFiles>() {
        Some(StaticFiles::Folder(folder)) => send_from_directory(folder, &name).respond(ctx).await,
        Some(StaticFiles::Embedded(files)) => {
            let (file, version) = files.get(&*name).ok_or_else(|| Error::from(HttpError::new(404)))?;
            send_embedded(ctx, file, version)
        }
        None => Err(HttpError::new(404).into()),
    }
}

/// The version of each file in the binary. When it was changed is not known, so the start of serving counts.
fn with_versions(files: &'static [EmbeddedFile]) -> HashMap<&'static str, (&'static EmbeddedFile, Version)> {
    let modified = SystemTime::now();
    let version = |file: &EmbeddedFile| {
        let len = file.content.len();
        Version { etag: format!("{len}-{:08x}", adler32(file.content)), modified, len: len as u64 }
    };
    files.iter().map(|file| (file.name, (file, version(file)))).collect()
}

fn send_embedded(ctx: &Context, file: &EmbeddedFile, version: &Version) -> Result<Response> {
    let len = file.content.len();
    let condition = Condition::of(ctx.request().headers(), &version.etag, version.modified, version.len);
    let max_age = ctx.config().seconds("SEND_FILE_MAX_AGE_DEFAULT")?;
    let mut response = File::new(PathBuf::from(file.name)).head(version, &condition, max_age)?;
    let content = Bytes::from_static(file.content);
    match condition {
        Condition::Full => *response.body_mut() = content.into(),
        Condition::Partial(first, last) => {
            let range = usize::try_from(first).unwrap_or(len)..usize::try_from(last).map_or(len, |last| last + 1);
            *response.body_mut() = content.slice(range).into();
        }
        _ => debug_assert_ne!(response.status(), StatusCode::OK),
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_adlers() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
