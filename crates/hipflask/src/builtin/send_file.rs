//! A file as a response: from the disk, from memory, or as it comes.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::base::datetime::DateTime;
use crate::base::error::{Error, HttpError, Result};
use crate::builtin::file_head::{FileHead, accepted_encodings, bytes_of};
use crate::builtin::file_settings::passed_on;
use crate::context::Context;
use crate::handler::Answer;
use crate::handler::respond::Respond;
use crate::http::body::Body;
use crate::http::conditional::Condition;
use crate::http::etags::ETag;
use crate::http::filenames::safe_join;
use crate::http::response::Response;

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
    File::new(Source::Path { path: path.into(), folder: None })
}

/// Sends the file `name` from `folder`; `name` may come from a client. A name or a link that leads out of the
/// folder, a hidden file, and anything that is not a regular file are a 404. Flask's `send_from_directory`.
pub fn send_from_directory(folder: impl AsRef<Path>, name: &str) -> File {
    let folder = folder.as_ref();
    let path = safe_join(folder, name).unwrap_or_default();
    File::new(Source::Path { path, folder: Some(folder.to_owned()) })
}

/// Sends what is in memory, or what comes as a [`Body`], as a file. Flask's `send_file` with a file object.
///
/// It has a tag or a date only if you give it one. Of what is in memory a client can ask for a range.
///
/// ```
/// use hipflask::helpers::{File, send_data};
/// use hipflask::prelude::*;
///
/// #[get("/export.csv")]
/// async fn export() -> Result<File> {
///     send_data("name\nAda\n").as_attachment("names.csv")
/// }
///
/// let client = App::new("doc", ".").routes(routes![export]).test_client();
/// let response = client.get("/export.csv").send_blocking();
/// assert_eq!(response.header("content-disposition"), Some("attachment; filename=names.csv"));
/// assert_eq!(response.header("content-type"), Some("text/csv; charset=utf-8"));
/// assert_eq!(client.get("/export.csv").header("range", "bytes=5-7").send_blocking().text(), "Ada");
/// ```
pub fn send_data(body: impl Into<Body>) -> File {
    File::new(Source::Data(body.into()))
}

/// A file to be sent, made by [`send_file`], [`send_from_directory`] or [`send_data`].
#[derive(Debug)]
#[must_use = "a `File` does nothing until it is returned"]
pub struct File {
    source: Source,
    mimetype: Option<String>,
    download_name: Option<String>,
    attachment: bool,
    max_age: Option<Duration>,
    etag: Tag,
    last_modified: Option<DateTime>,
    /// Honours the client's conditions and its request for a range.
    conditional: bool,
    precompressed: bool,
}

#[derive(Debug)]
enum Source {
    /// With the folder that it must be in after links are followed.
    Path {
        path: PathBuf,
        folder: Option<PathBuf>,
    },
    Data(Body),
}

#[derive(Debug)]
enum Tag {
    /// Of a file on the disk: its time, its size and its path.
    Made,
    Given(String),
    None,
}

impl File {
    fn new(source: Source) -> File {
        File {
            source,
            mimetype: None,
            download_name: None,
            attachment: false,
            max_age: None,
            etag: Tag::Made,
            last_modified: None,
            conditional: true,
            precompressed: false,
        }
    }

    /// Makes the client save it as `name` instead of showing it.
    ///
    /// # Errors
    ///
    /// If `name` contains a control character.
    #[track_caller]
    pub fn as_attachment(mut self, name: impl Into<String>) -> Result<File> {
        self.attachment = true;
        self.download_name(name)
    }

    /// Gives it another name than that of its path: under this one a client saves it, and by this one its media type is
    /// found.
    ///
    /// # Errors
    ///
    /// If `name` contains a control character.
    #[track_caller]
    pub fn download_name(mut self, name: impl Into<String>) -> Result<File> {
        let name = name.into();
        if name.chars().any(char::is_control) {
            return Err(Error::msg("the name of a file to be sent contains a control character"));
        }
        self.download_name = Some(name);
        Ok(self)
    }

    /// Sets a media type other than the one that its extension suggests.
    pub fn mimetype(mut self, mimetype: impl Into<String>) -> File {
        self.mimetype = Some(mimetype.into());
        self
    }

    /// How long a client may use it without asking again; by default what [`App::send_file_max_age`](crate::App::send_file_max_age)
    /// says, or else `SEND_FILE_MAX_AGE_DEFAULT`.
    pub fn max_age(mut self, max_age: Duration) -> File {
        self.max_age = Some(max_age);
        self
    }

    /// Sets the entity tag, without its quotes.
    pub fn etag(mut self, tag: impl Into<String>) -> File {
        self.etag = Tag::Given(tag.into());
        self
    }

    /// Sends no entity tag.
    pub fn without_etag(mut self) -> File {
        self.etag = Tag::None;
        self
    }

    /// Sets when it was last changed; by default what the disk says.
    pub fn last_modified(mut self, moment: DateTime) -> File {
        self.last_modified = Some(moment);
        self
    }

    /// Whether a client that has it is answered with 304, and one that asks for a range with 206. It is so by default.
    pub fn conditional(mut self, conditional: bool) -> File {
        self.conditional = conditional;
        self
    }

    /// Sends what is beside the file with the same name and `.br`, `.zst` or `.gz`, if it is there and the client accepts
    /// that encoding. You have compressed it, and must compress it again when the file changes.
    pub fn precompressed(mut self, precompressed: bool) -> File {
        self.precompressed = precompressed;
        self
    }

    async fn send(mut self, ctx: &mut Context) -> Result<Response> {
        match std::mem::replace(&mut self.source, Source::Data(Body::empty())) {
            Source::Path { path, folder } => self.send_path(ctx, &path, folder.as_deref()).await,
            Source::Data(body) => self.send_data(ctx, body).await,
        }
    }

    async fn send_path(self, ctx: &mut Context, path: &Path, folder: Option<&Path>) -> Result<Response> {
        let encodings = if self.precompressed { accepted_encodings(ctx) } else { Vec::new() };
        let opened = find(ctx.app().root_path().to_owned(), path, folder, encodings);
        let Opened { mut file, real, modified, len, encoding } = opened.await?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut head = self.head(Some(name), Some(len));
        head.encoding = encoding;
        head.modified = Some(self.last_modified.unwrap_or_else(|| modified.into()));
        if matches!(self.etag, Tag::Made) {
            head.etag = Some(ETag { tag: made_tag(&real, modified, len), weak: false });
        }
        if let Some((name, value)) = passed_on(ctx, &real)? {
            return head.passed_on(ctx, name, value);
        }
        let condition = head.condition(ctx);
        let mut response = head.response(ctx, &condition)?;
        let Some((first, count)) = bytes_of(&condition, len) else { return Ok(response) };
        if ctx.request().method() == Method::HEAD {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
            return Ok(response);
        }
        if first > 0 {
            file.seek(SeekFrom::Start(first)).await?;
        }
        *response.body_mut() = file_body(file, count).await?;
        Ok(response)
    }

    async fn send_data(self, ctx: &mut Context, body: Body) -> Result<Response> {
        if body.as_bytes().is_none() {
            let head = self.head(None, None);
            let condition = head.condition(ctx);
            let mut response = head.response(ctx, &condition)?;
            if condition != Condition::NotModified {
                *response.body_mut() = body;
            }
            return Ok(response);
        }
        let data = body.collect(u64::MAX).await?;
        self.head(None, Some(data.len() as u64)).respond_with(ctx, &data)
    }

    fn head<'f>(&'f self, name: Option<&'f str>, len: Option<u64>) -> FileHead<'f> {
        let etag = match &self.etag {
            Tag::Given(tag) => Some(ETag { tag: tag.clone(), weak: false }),
            Tag::Made | Tag::None => None,
        };
        FileHead {
            name: self.download_name.as_deref().or(name),
            mimetype: self.mimetype.as_deref(),
            attachment: self.attachment,
            max_age: self.max_age,
            etag,
            modified: self.last_modified,
            len,
            conditional: self.conditional,
            encoding: None,
            varies: self.precompressed,
        }
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

/// A regular file that was opened.
struct Opened {
    file: tokio::fs::File,
    /// Where it is after links were followed.
    real: PathBuf,
    modified: SystemTime,
    len: u64,
    encoding: Option<&'static str>,
}

/// The file, or one beside it that is compressed in one of the ways that the client accepts.
async fn find(
    root: PathBuf,
    path: &Path,
    folder: Option<&Path>,
    encodings: Vec<(&'static str, &'static str)>,
) -> Result<Opened> {
    if path.as_os_str().is_empty() {
        return Err(HttpError::new(404).into());
    }
    let (path, folder) = (root.join(path), folder.map(|folder| root.join(folder)));
    for (encoding, extension) in encodings {
        let mut beside = path.clone().into_os_string();
        beside.push(format!(".{extension}"));
        if let Ok(opened) = open(beside.into(), folder.clone()).await {
            return Ok(Opened { encoding: Some(encoding), ..opened });
        }
    }
    let is_untrusted = folder.is_some();
    open(path.clone(), folder).await.map_err(|error| {
        if is_untrusted || error.kind() == io::ErrorKind::NotFound {
            return HttpError::new(404).into();
        }
        io::Error::new(error.kind(), format!("{} cannot be sent: {error}", path.display())).into()
    })
}

async fn open(path: PathBuf, folder: Option<PathBuf>) -> io::Result<Opened> {
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
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    Ok(Opened { file: tokio::fs::File::from_std(file), real, modified, len: metadata.len(), encoding: None })
}

/// `mtime-size-adler32(path)`, as Werkzeug makes it.
fn made_tag(path: &Path, modified: SystemTime, len: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_adlers() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
