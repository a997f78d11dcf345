//! Unix sockets: how connections are accepted, and what happens to their files.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::{fs, mem};

use tokio::net::{UnixListener, UnixStream};

use crate::http::peer::Peer;
use crate::server::accepted::Accepted;
use crate::server::stream::Stream;

/// A Unix socket that listens.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    /// Its file, if we made it.
    file: Option<SocketFile>,
}

impl UnixSocket {
    /// Listens at `path`. A file left behind by an earlier process is replaced.
    pub(super) async fn bind(path: &Path) -> io::Result<UnixSocket> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path).await => {
                fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            listener => listener,
        }?;
        Ok(UnixSocket { listener, file: SocketFile::of(path).ok() })
    }

    pub(super) fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixSocket> {
        listener.set_nonblocking(true)?;
        Ok(UnixSocket { listener: UnixListener::from_std(listener)?, file: None })
    }

    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let (socket, _) = ready!(self.listener.poll_accept(cx))?;
        Poll::Ready(Ok(accepted(socket)))
    }

    pub(super) fn close(self) -> io::Result<Closed> {
        Ok(Closed { listener: self.listener.into_std()?, _file: self.file })
    }
}

/// One that no longer listens.
pub(super) struct Closed {
    listener: std::os::unix::net::UnixListener,
    _file: Option<SocketFile>,
}

impl Closed {
    pub(super) fn accept(&self) -> io::Result<Accepted> {
        let (socket, _) = self.listener.accept()?;
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket).map(accepted)
    }
}

fn accepted(socket: UnixStream) -> Accepted {
    Accepted::in_clear(Stream::unix(socket), Peer::Unix)
}

/// Whether `path` is a socket on which no process listens.
async fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).await.is_err_and(refused)
}

/// The file of a socket, which is removed with it, unless another process has put its own there in the meantime.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device and number of a file, and when it was created: numbers are reused.
type Identity = (u64, u64, i64, i64);

impl SocketFile {
    fn of(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile { path: path.to_owned(), identity: identity(path)? })
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let file = fs::symlink_metadata(path)?;
    // A change of its mode leaves this time alone, and nothing is ever written to a socket's file.
    Ok((file.dev(), file.ino(), file.mtime(), file.mtime_nsec()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(mem::take(&mut self.path));
        }
    }
}
