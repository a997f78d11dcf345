//! Reads a request's body: in one piece, as a form, as files. Werkzeug's `FormDataParser`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::base::error::{Error, HttpError, Result};
use crate::context::Context;
use crate::http::ascii::to_ascii;
use crate::http::body::{Body, BodyTooLarge};
use crate::http::headers::HeaderOptions;
use crate::http::multi_dict::MultiDict;
use crate::http::multipart::{Decoder, Event, MultipartError, PartHead};
use crate::signing::random_bytes;

/// A file larger than this goes to the disk while it arrives.
const SPOOL_SIZE: usize = 500 * 1024;
/// So many bytes are gathered for one write to the disk, which is a hop to another thread. It is less than what a
/// connection reads to one piece of memory.
const WRITE_SIZE: usize = 896 * 1024;
/// So many pieces are kept at most, however small they are: each takes memory of its own.
const MOST_PIECES: usize = 1024;

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

    /// The first file of the field `name` that was really chosen.
    pub fn file(&self, name: &str) -> Option<&Upload> {
        self.files.iter().find(|file| file.name == name && !file.filename.is_empty())
    }
}

/// A file that came with a form. Werkzeug's `FileStorage`.
///
/// A large one is in a temporary file, which goes when the last handle to it is dropped.
#[derive(Clone, Debug)]
pub struct Upload {
    name: String,
    filename: String,
    content_type: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Memory(Bytes),
    Disk { file: Arc<TemporaryFile>, len: u64 },
}

/// A file that is removed with the last handle to it, unless it was moved to where it is to stay.
#[derive(Debug)]
struct TemporaryFile {
    path: PathBuf,
    /// Opened before it was moved: what happens to it under its new name is not the upload's concern.
    moved: Mutex<Option<File>>,
}

impl TemporaryFile {
    /// A new file that nobody else can open, under a name that nobody can guess.
    fn create() -> io::Result<(TemporaryFile, File)> {
        let name = format!("hipflask-{:032x}", u128::from_be_bytes(random_bytes()));
        let path = std::env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok((TemporaryFile { path, moved: Mutex::new(None) }, file))
    }

    fn read<T>(&self, read: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        match &mut *self.moved.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.rewind().and_then(|()| read(file)),
            None => read(&mut File::open(&self.path)?),
        }
    }

    /// Moves it to `path`, where `target` was opened, if that looks as a copy would.
    #[cfg(unix)]
    fn move_to(&self, path: &Path, target: &fs::Metadata) -> io::Result<Move> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*moved {
            let file = file.metadata()?;
            let is_there = (file.dev(), file.ino()) == (target.dev(), target.ino());
            return Ok(if is_there { Move::Done } else { Move::Impossible });
        }
        let file = File::open(&self.path)?;
        let (own, named) = match (file.metadata()?, fs::symlink_metadata(path)) {
            (own, Ok(named)) => (own, named),
            (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Move::Overtaken),
            (_, Err(error)) => return Err(error),
        };
        // Not what a link leads to, not what has a second name, nothing of somebody else's.
        let is_replaceable =
            named.is_file() && named.nlink() == 1 && (named.uid(), named.gid()) == (own.uid(), own.gid());
        if is_replaceable && (named.dev(), named.ino()) != (target.dev(), target.ino()) {
            return Ok(Move::Overtaken);
        }
        if !is_replaceable || fs::rename(&self.path, path).is_err() {
            return Ok(Move::Impossible);
        }
        // Not before: among the temporary files it is nobody else's.
        file.set_permissions(fs::Permissions::from_mode(target.mode() & 0o777))?;
        *moved = Some(file);
        Ok(Move::Done)
    }

    /// What would be lost of the file that is replaced cannot be seen here.
    #[cfg(not(unix))]
    fn move_to(&self, _: &Path, _: &fs::Metadata) -> io::Result<Move> {
        Ok(Move::Impossible)
    }
}

/// What became of an attempt to move a file.
enum Move {
    /// Its content is where it shall be.
    Done,
    Impossible,
    /// What was opened there has been replaced meanwhile, by another upload for instance.
    Overtaken,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Somebody may have moved it where it is to stay.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where many are saved to one place at once, a save that was overtaken so often copies instead.
const MOST_OVERTAKEN: u32 = 16;

impl Content {
    fn save(&self, path: &Path) -> io::Result<()> {
        let mut overtaken = 0;
        loop {
            // What cannot be opened is not ours to remove. Nothing is lost yet: it may be this very file.
            let mut target = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            let saved = target.metadata().and_then(|metadata| match self.move_to(path, &metadata)? {
                Move::Overtaken if overtaken < MOST_OVERTAKEN => Ok(false),
                Move::Done => Ok(true),
                Move::Overtaken | Move::Impossible => self.copy_to(&mut target, &metadata).map(|()| true),
            });
            match saved {
                Ok(true) => return Ok(()),
                Ok(false) => overtaken += 1,
                Err(error) => {
                    let _ = fs::remove_file(path);
                    return Err(error);
                }
            }
        }
    }

    fn move_to(&self, path: &Path, target: &fs::Metadata) -> io::Result<Move> {
        match self {
            Content::Memory(_) => Ok(Move::Impossible),
            Content::Disk { file, .. } => file.move_to(path, target),
        }
    }

    fn copy_to(&self, target: &mut File, metadata: &fs::Metadata) -> io::Result<()> {
        // A device has no length.
        if metadata.is_file() {
            target.set_len(0)?;
        }
        match self {
            Content::Memory(bytes) => target.write_all(bytes),
            // `fs::copy` would also copy that nobody else may read it.
            Content::Disk { file, .. } => file.read(|source| io::copy(source, target).map(|_| ())),
        }
    }
}

impl Upload {
    /// The name of the form's field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's name as the client gave it. Never use it as a path: see
    /// [`secure_filename`](Upload::secure_filename).
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The file's name made safe for a folder of yours; empty if nothing safe is left.
    pub fn secure_filename(&self) -> String {
        secure_filename(&self.filename)
    }

    /// The media type as the client gave it. Look into the content before you trust it.
    pub fn content_type(&self) -> &str {
        &self.content_type
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
    pub async fn bytes(&self) -> Result<Bytes> {
        let file = match &self.content {
            Content::Memory(bytes) => return Ok(bytes.clone()),
            Content::Disk { file, .. } => Arc::clone(file),
        };
        let mut bytes = Vec::with_capacity(usize::try_from(self.len()).unwrap_or_default());
        Ok(blocking(move || file.read(|file| file.read_to_end(&mut bytes).map(|_| bytes.into()))).await?)
    }

    /// Puts the content at `path`, in place of what is there. A write that fails leaves nothing behind.
    ///
    /// A large file is moved there and not copied, if the folder for temporary files (`TMPDIR`) is on the same file
    /// system and nothing of another owner or group is replaced. Its permissions are those of the file that it
    /// replaces, or of a new one; access lists beyond them are a copy's only. What is done to the saved file in place
    /// is seen through the upload too.
    ///
    /// # Errors
    ///
    /// If the file cannot be written: no folder, no permission, no room.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (content, path) = (self.content.clone(), path.as_ref().to_owned());
        let saved = blocking(move || {
            content.save(&path).map_err(|error| {
                io::Error::new(error.kind(), format!("the upload cannot be saved as {}: {error}", path.display()))
            })
        });
        Ok(saved.await?)
    }
}

/// Does what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// A file name that is one on every system and leads nowhere else: letters, digits, `_`, `-` and `.`, no dot
/// in front. It may be empty. Werkzeug's `secure_filename`.
///
/// A Latin letter loses its marks (`ü` is `u`), and letters of other scripts are left out, as Werkzeug does it.
/// Other than there, a backslash and a colon divide on every system, and rare characters that Unicode takes
/// for a kind of ASCII letter (`Ⅳ`, `①`) are left out too.
///
/// ```
/// use hipflask::secure_filename;
///
/// assert_eq!(secure_filename("My cool movie.mov"), "My_cool_movie.mov");
/// assert_eq!(secure_filename("ümlaut.txt"), "umlaut.txt");
/// assert_eq!(secure_filename("../../etc/passwd"), "etc_passwd");
/// assert_eq!(secure_filename("C:\\x\\con.txt"), "C_x_con.txt");
/// assert_eq!(secure_filename("con.txt"), "_con.txt");
/// assert_eq!(secure_filename("..."), "");
/// ```
pub fn secure_filename(name: &str) -> String {
    // Before anything else: a full-width slash becomes one here.
    let spaced = to_ascii(name).replace(['/', '\\', ':'], " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let plain: String =
        words.join("_").chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')).collect();
    let plain = plain.trim_matches(['.', '_']);
    match is_device(plain) {
        true => format!("_{plain}"),
        false => plain.to_owned(),
    }
}

/// Names that Windows takes for devices, whatever their extension.
pub(crate) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

impl Context {
    /// Sets the most bytes that this request's body may have; `None` is no limit. Before the body is read.
    pub fn set_max_content_length(&mut self, limit: Option<u64>) {
        self.body_state().max_content_length = Some(limit);
    }

    /// The most bytes that the body may have: `MAX_CONTENT_LENGTH`, or `most` if that is less. One that is said to
    /// be longer is not even begun.
    fn body_limit(&mut self, most: u64) -> Result<u64> {
        let limit = match self.body_state().max_content_length {
            Some(limit) => limit,
            None => self.app().limits().max_content_length,
        };
        let limit = limit.map_or(most, |limit| limit.min(most));
        match self.request().content_length().is_some_and(|length| length > limit) {
            true => Err(too_large()),
            false => Ok(limit),
        }
    }

    /// The body in one piece, up to `MAX_CONTENT_LENGTH` bytes. Flask's `request.data`.
    ///
    /// # Errors
    ///
    /// 413 if it is longer, 408 if it stops coming, 400 if it is cut off.
    pub async fn data(&mut self) -> Result<Bytes> {
        self.data_up_to(u64::MAX).await
    }

    /// What was read before is given whatever its size.
    async fn data_up_to(&mut self, most: u64) -> Result<Bytes> {
        if let Some(data) = &self.body_state().data {
            return Ok(data.clone());
        }
        let limit = self.body_limit(most)?;
        let body = std::mem::take(self.request_mut().body_mut());
        let data = body.collect(limit).await.map_err(size_error)?;
        Ok(self.body_state().data.insert(data).clone())
    }

    /// The form in the body: urlencoded or multipart. Without a form it is empty, as in Flask.
    ///
    /// # Errors
    ///
    /// 413 beyond `MAX_CONTENT_LENGTH`, `MAX_FORM_MEMORY_SIZE` or `MAX_FORM_PARTS`; 400 for a multipart body
    /// that is malformed or cut off.
    pub async fn form(&mut self) -> Result<&FormData> {
        self.shared_form().await.map(Arc::as_ref)
    }

    /// The same for somebody who keeps it without a copy.
    pub(crate) async fn shared_form(&mut self) -> Result<&Arc<FormData>> {
        if self.parsed_form().is_none() {
            let form = self.parse_form().await?;
            self.body_state().form = Some(Arc::new(form));
        }
        Ok(self.body_state().form.get_or_insert_default())
    }

    async fn parse_form(&mut self) -> Result<FormData> {
        if self.request().has_mimetype("application/x-www-form-urlencoded") {
            return self.parse_urlencoded().await;
        }
        match self.request().has_mimetype("multipart/form-data") {
            // Its state is large, and would be a part of the future of every view that takes a form.
            true => Box::pin(self.parse_multipart()).await,
            false => Ok(FormData::default()),
        }
    }

    async fn parse_urlencoded(&mut self) -> Result<FormData> {
        let limit = self.app().limits().max_form_memory_size;
        let data = self.data_up_to(limit).await?;
        match data.len() as u64 > limit {
            true => Err(too_large()),
            false => Ok(FormData { fields: MultiDict::from_query(&data), files: Vec::new() }),
        }
    }

    async fn parse_multipart(&mut self) -> Result<FormData> {
        let content_type = self.request().content_type();
        let decoder = Decoder::new(content_type.get("boundary").unwrap_or_default()).map_err(malformed)?;
        let left = self.body_limit(u64::MAX)?;
        let limits = self.app().limits();
        let reader = MultipartReader {
            decoder,
            left,
            max_field: limits.max_form_memory_size,
            max_parts: limits.max_form_parts,
            form: FormData::default(),
        };
        let body = match self.body_state().data.clone() {
            Some(data) => Body::from(data),
            None => std::mem::take(self.request_mut().body_mut()),
        };
        reader.read(body).await
    }
}

fn too_large() -> Error {
    HttpError::new(413).into()
}

fn size_error(error: Error) -> Error {
    match error.downcast_ref::<BodyTooLarge>() {
        Some(_) => too_large(),
        None => error,
    }
}

fn malformed(MultipartError(reason): MultipartError) -> Error {
    HttpError::new(400).description(format!("The form cannot be read: {reason}.")).into()
}

/// Reads a multipart body as it comes; files beyond [`SPOOL_SIZE`] never are in memory as a whole.
struct MultipartReader {
    decoder: Decoder,
    /// Bytes that may still come.
    left: u64,
    max_field: u64,
    max_parts: usize,
    form: FormData,
}

/// The part that is being read.
enum Open {
    Field(PartHead, Vec<u8>),
    File(PartHead, Spool),
}

impl MultipartReader {
    async fn read(mut self, mut body: Body) -> Result<FormData> {
        let mut open: Option<Open> = None;
        let mut parts = 0;
        let mut field_bytes = 0;
        loop {
            match self.decoder.next().map_err(malformed)? {
                Some(Event::Part(head)) => {
                    parts += 1;
                    if parts > self.max_parts {
                        return Err(too_large());
                    }
                    open = Some(match head.filename {
                        None => Open::Field(head, Vec::new()),
                        Some(_) => Open::File(head, Spool::default()),
                    });
                }
                Some(Event::Data(data)) => match &mut open {
                    Some(Open::Field(_, text)) => {
                        field_bytes += data.len() as u64;
                        if field_bytes > self.max_field {
                            return Err(too_large());
                        }
                        text.extend_from_slice(&data);
                    }
                    Some(Open::File(_, spool)) => spool.write(data).await?,
                    None => {}
                },
                Some(Event::PartEnd) => self.close(open.take()).await?,
                Some(Event::End) => {
                    // The rest is ignored, but read: the connection is in order only after it.
                    while let Some(chunk) = body.chunk().await.transpose()? {
                        self.count(&chunk)?;
                    }
                    return Ok(self.form);
                }
                None => match body.chunk().await.transpose()? {
                    Some(chunk) => {
                        self.count(&chunk)?;
                        self.decoder.feed(chunk);
                    }
                    None => self.decoder.finish(),
                },
            }
        }
    }

    fn count(&mut self, chunk: &Bytes) -> Result<()> {
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
        Ok(())
    }

    async fn close(&mut self, open: Option<Open>) -> Result<()> {
        match open {
            Some(Open::Field(head, text)) => {
                let text = decode(text, &head.content_type);
                self.form.fields.push(&head.name, &text);
            }
            Some(Open::File(head, spool)) => {
                let content = spool.finish().await?;
                let filename = head.filename.unwrap_or_default();
                self.form.files.push(Upload { name: head.name, filename, content_type: head.content_type, content });
            }
            None => {}
        }
        Ok(())
    }
}

/// The text of a field. A part may name another charset (RFC 7578 §4.4); the one besides UTF-8 that Werkzeug
/// believes is Latin-1.
fn decode(text: Vec<u8>, content_type: &str) -> String {
    let latin = |charset: &str| charset.eq_ignore_ascii_case("iso-8859-1");
    match HeaderOptions::parse(content_type).get("charset").is_some_and(latin) {
        true => text.into_iter().map(char::from).collect(),
        false => String::from_utf8_lossy(&text).into_owned(),
    }
}

/// Memory at first, then a temporary file.
#[derive(Default)]
struct Spool {
    /// What is not on the disk, in the pieces that it came in: a large file is not copied on its way.
    pieces: Vec<Bytes>,
    /// How many bytes they have together.
    waiting: usize,
    disk: Option<(TemporaryFile, File)>,
    len: u64,
}

impl Spool {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        self.len += data.len() as u64;
        self.waiting += data.len();
        self.pieces.push(data);
        let full = if self.disk.is_some() { WRITE_SIZE } else { SPOOL_SIZE };
        match self.waiting > full || self.pieces.len() == MOST_PIECES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// The pieces go to another thread, and are dropped before more is read, so that the memory is read into again.
    async fn flush(&mut self) -> Result<()> {
        let (mut pieces, disk) = (std::mem::take(&mut self.pieces), self.disk.take());
        let written = blocking(move || {
            let (temporary, mut file) = disk.map_or_else(TemporaryFile::create, Ok)?;
            pieces.drain(..).try_for_each(|piece| file.write_all(&piece))?;
            Ok((pieces, (temporary, file)))
        });
        let (pieces, disk) = written.await?;
        (self.pieces, self.waiting, self.disk) = (pieces, 0, Some(disk));
        Ok(())
    }

    async fn finish(mut self) -> Result<Content> {
        if self.disk.is_some() && !self.pieces.is_empty() {
            self.flush().await?;
        }
        Ok(match self.disk {
            Some((temporary, _)) => Content::Disk { file: Arc::new(temporary), len: self.len },
            // Copied, because what it came in may be larger.
            None => Content::Memory(self.pieces.concat().into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_made_safe() {
        for (name, safe) in [
            ("i contain cool \u{fc}ml\u{e4}uts.txt", "i_contain_cool_umlauts.txt"),
            ("/etc/passwd", "etc_passwd"),
            ("a\0b.txt", "ab.txt"),
            (".bashrc", "bashrc"),
            ("", ""),
            ("NUL", "_NUL"),
            ("com1.tar.gz", "_com1.tar.gz"),
            ("x:stream", "x_stream"),
            ("日本", ""),
        ] {
            assert_eq!(secure_filename(name), safe, "{name:?}");
        }
    }

    #[test]
    fn small_pieces_do_not_pile_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut spool = Spool::default();
            let content: Vec<u8> = (0..3 * MOST_PIECES + 1).map(|n| u8::try_from(n % 251).expect("small")).collect();
            for byte in &content {
                spool.write(Bytes::copy_from_slice(&[*byte])).await.expect("written");
                assert!(spool.pieces.len() < MOST_PIECES);
            }
            let Content::Disk { file, len } = spool.finish().await.expect("written") else {
                unreachable!("it has very many pieces")
            };
            assert_eq!(len, content.len() as u64);
            assert_eq!(fs::read(&file.path).expect("there"), content);
        });
    }

    #[test]
    fn a_temporary_file_goes_with_its_last_handle() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut spool = Spool::default();
            spool.write(vec![b'x'; SPOOL_SIZE + 1].into()).await.expect("written");
            let Content::Disk { file, len } = spool.finish().await.expect("written") else {
                unreachable!("it is large")
            };
            assert_eq!((len, fs::metadata(&file.path).expect("there").len()), (512_001, 512_001));
            let path = file.path.clone();
            drop(file);
            assert!(!path.exists());
        });
    }
}
