//! An encrypted connection, as the server's streams are used: read and written when something wakes it, and also at
//! once, as far as that is possible.

use std::io::{self, BufRead as _, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;

/// An encrypted connection. Boxed, because it is large, and most connections of a server may be without encryption.
pub(crate) struct Secured(Box<TlsStream<TcpStream>>);

impl Secured {
    pub(super) fn new(stream: TlsStream<TcpStream>) -> Secured {
        Secured(Box::new(stream))
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.0.get_ref().0
    }

    fn parts(&mut self) -> (&TcpStream, &mut ServerConnection) {
        let (socket, session) = self.0.get_mut();
        (socket, session)
    }

    /// Whether bytes that it has taken are not sent.
    pub(crate) fn holds_bytes(&self) -> bool {
        self.0.get_ref().1.wants_write()
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket().readable().await
    }

    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.socket().ready(interest).await
    }

    /// Reads what has arrived, if anything has.
    pub(crate) fn try_read_buf(&mut self, into: &mut impl BufMut) -> io::Result<usize> {
        let (socket, session) = self.parts();
        loop {
            let mut reader = session.reader();
            match reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
                Ok(bytes) => {
                    let len = bytes.len().min(into.remaining_mut());
                    into.put_slice(&bytes[..len]);
                    reader.consume(len);
                    return Ok(len);
                }
            }
            session.read_tls(&mut AtOnce(socket))?;
            if let Err(error) = session.process_new_packets() {
                // The client is told why, as far as it can be.
                let _ = session.write_tls(&mut AtOnce(socket));
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// Takes as much as can be sent at once, or a little more.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (socket, session) = self.parts();
        while session.wants_write() {
            session.write_tls(&mut AtOnce(socket))?;
        }
        let len = session.writer().write(bytes)?;
        while session.wants_write() {
            match session.write_tls(&mut AtOnce(socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(len)
    }

    /// Says that nothing more will come (RFC 8446 §6.1), if it can be said at once: the last bytes have been sent, so
    /// there is nearly always room. A client that is not told must think that something was cut off.
    pub(crate) fn say_goodbye(&mut self) {
        let (socket, session) = self.parts();
        session.send_close_notify();
        let _ = session.write_tls(&mut AtOnce(socket));
    }
}

/// The socket, never waited for.
struct AtOnce<'a>(&'a TcpStream);

impl Read for AtOnce<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for AtOnce<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
