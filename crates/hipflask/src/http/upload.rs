//! Forms as a request brought them, and their files. Werkzeug's `FileStorage`.

use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use crate::base::error::{Error, HttpError, Result};
use crate::http::body::Body;
use crate::http::filenames::secure_filename;
use crate::http::headers::HeaderOptions;
use crate::http::multi_dict::MultiDict;
use crate::http::part_head::part_headers;
use crate::http::spool::{Content, blocking};

/// As much of a file on the disk is read at a time.
const PIECE: u64 = 256 * 1024;

/// A form that came with a request: its fields, and its files. Flask's `request.form` and `request.files`.
#[derive(Clone, Debug, Default)]
pub struct FormData {
    /// The fields, in order.
    pub fields: MultiDict,
    /// The files, in order.
    pub files: Vec<Upload>,
}

impl FormData {
    /// The first value of the field `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The first file of the field `name`, if the user has chosen one.
    pub fn file(&self, name: &str) -> Option<&Upload> {
        self.files.iter().find(|file| file.name == name && !file.filename.is_empty())
    }

    /// Every file of the field `name` that the user has chosen. Flask's `request.files.getlist`.
    pub fn files_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Upload> {
        self.files.iter().filter(move |file| file.name == name && !file.filename.is_empty())
    }

    /// The first file of the field `name`; a missing one is the client's mistake. Flask's `request.files["name"]`.
    ///
    /// # Errors
    ///
    /// A 400 that names the field, and says what is wrong with the form if the file's name came as text.
    #[track_caller]
    pub fn require_file(&self, name: &str) -> Result<&Upload> {
        match self.file(name) {
            Some(file) => Ok(file),
            None => Err(self.no_file(name).into()),
        }
    }

    fn no_file(&self, name: &str) -> HttpError {
        let why = if self.fields.contains_key(name) {
            " It came as text: the form needs `enctype=\"multipart/form-data\"`."
        } else {
            ""
        };
        HttpError::new(400).description(format!("The file `{name}` is missing.{why}"))
    }
}

/// The file of a form with which the form became larger than allowed:
/// [`Context::form_so_far`](crate::Context::form_so_far).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    pub(crate) field: String,
    pub(crate) limit: u64,
}

impl TooLarge {
    /// The name of its field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The most bytes that the request might have had.
    pub fn limit(&self) -> u64 {
        self.limit
    }
}

/// A file that came with a form. Werkzeug's `FileStorage`.
///
/// A large one is in a temporary file, which is removed when the last handle to it is dropped.
#[derive(Clone, Debug)]
pub struct Upload {
    pub(crate) name: String,
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) head: Box<[u8]>,
    pub(crate) content: Content,
}

impl Upload {
    /// The name of the form's field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the file as the client sent it. Never use it as a path: see
    /// [`secure_filename`](Upload::secure_filename).
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The file's name made safe for a folder of yours; empty if nothing safe is left.
    pub fn secure_filename(&self) -> String {
        secure_filename(&self.filename)
    }

    /// The media type as the client sent it. Check the content before you trust it.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The media type in lower case, without parameters.
    pub fn mimetype(&self) -> String {
        self.mimetype_params().value
    }

    /// The media type with its parameters.
    pub fn mimetype_params(&self) -> HeaderOptions {
        HeaderOptions::parse(&self.content_type)
    }

    /// The headers of the part that the file came in.
    pub fn headers(&self) -> HeaderMap {
        part_headers(&self.head)
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Disk { len, .. } => *len,
        }
    }

    /// Whether it has no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content in one piece.
    ///
    /// # Errors
    ///
    /// If a temporary file cannot be read.
    #[track_caller]
    pub fn bytes(&self) -> impl Future<Output = Result<Bytes>> + Send + use<> {
        let (content, len, location) = (self.content.clone(), self.len(), Location::caller());
        async move {
            let file = match content {
                Content::Memory(bytes) => return Ok(bytes),
                Content::Disk { file, .. } => file,
            };
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
            let read = blocking(move || file.read(|file| file.read_to_end(&mut bytes).map(|_| bytes.into())));
            read.await.map_err(|error| Error::from(error).at(location))
        }
    }

    /// The content as a body, which is read as it is sent on: the file as a response, or to another server.
    pub fn body(&self) -> Body {
        let (file, len) = match &self.content {
            Content::Memory(bytes) => return Body::from(bytes.clone()),
            Content::Disk { file, len } => (Arc::clone(file), *len),
        };
        Body::stream_sized(len, async move |mut out| {
            let mut at = 0;
            while at < len {
                let (file, mut piece) = (Arc::clone(&file), Vec::new());
                let read = move || {
                    file.read(|file| {
                        file.seek(SeekFrom::Start(at))?;
                        file.take(PIECE).read_to_end(&mut piece).map(|_| piece)
                    })
                };
                let piece = blocking(read).await?;
                if piece.is_empty() {
                    return Err(Error::msg("the upload became shorter while it was read"));
                }
                at += piece.len() as u64;
                out.send(piece).await?;
            }
            Ok(())
        })
    }

    /// Saves the content as `path` and replaces what is there. A failed write leaves nothing behind.
    ///
    /// Its permissions are those of the file that it replaces, or of a new one. Of several that are saved to one place
    /// at once, one is there in the end, whole: each locks the file (`flock`) while it writes it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written: there is no such folder, no permission, or no space.
    #[track_caller]
    pub fn save<P: AsRef<Path>>(&self, path: P) -> impl Future<Output = Result<()>> + Send + use<P> {
        let (content, path, location) = (self.content.clone(), path.as_ref().to_owned(), Location::caller());
        async move {
            let saved = blocking(move || {
                content.save(&path).map_err(|error| {
                    io::Error::new(error.kind(), format!("the upload cannot be saved as {}: {error}", path.display()))
                })
            });
            saved.await.map_err(|error| Error::from(error).at(location))
        }
    }
}
