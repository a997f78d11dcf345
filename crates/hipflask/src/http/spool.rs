//! The content of an uploaded file: at first in memory, then in a temporary file without a name, of which nothing can
//! be left behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, Write};
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

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Memory(Bytes),
    Disk { file: Arc<TemporaryFile>, len: u64 },
}

impl Content {
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        // We must not remove what we cannot open. Nothing is truncated yet: of several that are saved to one place at
        // once, one has to be there in the end, whole.
        let mut target = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let saved = self.copy_to(&mut target);
        if saved.is_err() {
            let _ = fs::remove_file(path);
        }
        saved
    }

    fn copy_to(&self, target: &mut File) -> io::Result<()> {
        // A device has no length, and needs no turn.
        if target.metadata()?.is_file() {
            target.lock()?;
            target.set_len(0)?;
        }
        match self {
            Content::Memory(bytes) => target.write_all(bytes),
            // `fs::copy` would also copy the permissions, which let nobody else read it.
            Content::Disk { file, .. } => file.read(|source| io::copy(source, target).map(|_| ())),
        }
    }
}

/// A file without a name: it goes with its last handle, and with the process, however that ends.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    file: Mutex<File>,
    /// Where it is, on a system that does not let a file lose its name while it is open.
    path: Option<PathBuf>,
}

impl TemporaryFile {
    /// A new file that no other user can open.
    fn create() -> io::Result<(TemporaryFile, File)> {
        let name = format!("hipflask-{:032x}", u128::from_be_bytes(random_bytes()));
        let path = std::env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let path = fs::remove_file(&path).err().map(|_| path);
        let writing = file.try_clone()?;
        Ok((TemporaryFile { file: Mutex::new(file), path }, writing))
    }

    /// Lets `read` read it from its beginning.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.rewind()?;
        read(&mut file)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
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
            write_all(&mut file, &pieces)?;
            pieces.clear();
            Ok((pieces, (temporary, file)))
        });
        let (pieces, disk) = written.await?;
        (self.pieces, self.waiting, self.disk) = (pieces, 0, Some(disk));
        Ok(())
    }

    /// How many bytes are in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
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

/// Writes all pieces, with one call to the system for as many as it takes at once, however small they are.
fn write_all(file: &mut impl Write, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

    /// Takes a few bytes at a time, and counts how often it was called.
    struct Calls(usize, Vec<u8>);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0 += 1;
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).take(700).collect();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn small_pieces_are_written_together() {
        for count in [0, 1, MOST_PIECES, 2 * MOST_PIECES] {
            let pieces: Vec<Bytes> = (0..count).map(|n| Bytes::from(format!("{n}"))).collect();
            let mut calls = Calls(0, Vec::new());
            write_all(&mut calls, &pieces).expect("written");
            let all = pieces.concat();
            assert_eq!((calls.0, calls.1.len()), (all.len().div_ceil(700), all.len()), "{count} pieces");
            assert_eq!(calls.1, all);
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
            assert_eq!(content_of(&file), content);
        });
    }

    fn content_of(file: &TemporaryFile) -> Vec<u8> {
        let mut content = Vec::new();
        file.read(|file| io::Read::read_to_end(file, &mut content)).expect("it can be read");
        content
    }

    #[test]
    fn a_temporary_file_has_no_name_and_is_read_from_its_beginning_each_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut spool = Spool::default();
            spool.write(vec![b'x'; SPOOL_SIZE + 1].into()).await.expect("written");
            let Content::Disk { file, len } = spool.finish().await.expect("written") else {
                unreachable!("it is large")
            };
            assert_eq!((len, content_of(&file).len(), content_of(&file).len()), (512_001, 512_001, 512_001));
            if cfg!(unix) {
                assert_eq!(file.path, None);
            }
        });
    }
}
