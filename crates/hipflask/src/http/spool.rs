//! The content of an uploaded file: at first in memory, then in a temporary file that is moved to where it is
//! saved.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::base::error::Result;
use crate::signing::random_bytes;

/// A file larger than this goes to the disk while it arrives.
const SPOOL_SIZE: usize = 500 * 1024;
/// This many bytes are collected for one write to the disk, which involves another thread. It is less than a
/// connection reads into one piece of memory.
const WRITE_SIZE: usize = 896 * 1024;
/// The most pieces that are kept, however small they are: each has its own memory.
const MOST_PIECES: usize = 1024;
/// If many are saved to one place at once, a save that was overtaken this often copies instead.
const MOST_OVERTAKEN: u32 = 16;

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Memory(Bytes),
    Disk { file: Arc<TemporaryFile>, len: u64 },
}

impl Content {
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let mut overtaken = 0;
        loop {
            // We must not remove what we cannot open. Nothing is truncated yet: it may be this very file.
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
            // `fs::copy` would also copy the permissions, which let nobody else read it.
            Content::Disk { file, .. } => file.read(|source| io::copy(source, target).map(|_| ())),
        }
    }
}

/// A file that is removed with the last handle to it, unless it was moved to its final place.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    path: PathBuf,
    /// Opened before it was moved: what happens to it under its new name does not affect the upload.
    moved: Mutex<Option<File>>,
}

impl TemporaryFile {
    /// A new file that no other user can open, under an unguessable name.
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

    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        match &mut *self.moved.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.rewind().and_then(|()| read(file)),
            None => read(&mut File::open(&self.path)?),
        }
    }

    /// Moves it to `path`, where `target` was opened, if the result is the same as that of a copy.
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
        // Neither the target of a link, nor a file with a second name, nor another user's file.
        let is_replaceable =
            named.is_file() && named.nlink() == 1 && (named.uid(), named.gid()) == (own.uid(), own.gid());
        if is_replaceable && (named.dev(), named.ino()) != (target.dev(), target.ino()) {
            return Ok(Move::Overtaken);
        }
        if !is_replaceable || fs::rename(&self.path, path).is_err() {
            return Ok(Move::Impossible);
        }
        // Not earlier: while it is a temporary file, no other user may read it.
        file.set_permissions(fs::Permissions::from_mode(target.mode() & 0o777))?;
        *moved = Some(file);
        Ok(Move::Done)
    }

    /// This system cannot tell what would be lost with the replaced file.
    #[cfg(not(unix))]
    fn move_to(&self, _: &Path, _: &fs::Metadata) -> io::Result<Move> {
        Ok(Move::Impossible)
    }
}

/// The result of trying to move a file.
enum Move {
    /// Its content is in place.
    Done,
    Impossible,
    /// The file opened there has been replaced in the meantime, for instance by another upload.
    Overtaken,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It may have been moved to its final place.
        let _ = fs::remove_file(&self.path);
    }
}

/// At first memory, then a temporary file.
#[derive(Default)]
pub(crate) struct Spool {
    /// The part that is not on the disk yet, in the pieces in which it arrived: a large file is not copied on its
    /// way.
    pieces: Vec<Bytes>,
    /// How many bytes these are.
    waiting: usize,
    disk: Option<(TemporaryFile, File)>,
    len: u64,
}

impl Spool {
    pub(crate) async fn write(&mut self, data: Bytes) -> Result<()> {
        self.len += data.len() as u64;
        self.waiting += data.len();
        self.pieces.push(data);
        let full = if self.disk.is_some() { WRITE_SIZE } else { SPOOL_SIZE };
        if self.waiting > full || self.pieces.len() == MOST_PIECES { self.flush().await } else { Ok(()) }
    }

    /// The pieces go to another thread, and are dropped before more is read, so that their memory is reused.
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

    pub(crate) async fn finish(mut self) -> Result<Content> {
        if self.disk.is_some() && !self.pieces.is_empty() {
            self.flush().await?;
        }
        Ok(match self.disk {
            Some((temporary, _)) => Content::Disk { file: Arc::new(temporary), len: self.len },
            // Copied, because the memory in which it arrived may be larger.
            None => Content::Memory(self.pieces.concat().into()),
        })
    }
}

/// Runs work that waits for the disk on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

#[cfg(test)]
mod tests {
    use super::*;

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
