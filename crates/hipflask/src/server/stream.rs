//! The socket of a connection. It defines what the server needs from one, so that the rest of the server names no
//! transport.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BufMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(feature = "tls")]
use crate::server::tls::secured::Secured;

/// How long a client that is still sending may take to notice that it was answered.
const LINGER: Duration = Duration::from_secs(5);

/// A stream of bytes to and from a client.
pub(super) struct Stream(Transport);

enum Transport {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Secured),
}

/// The same for each transport.
macro_rules! each {
    ($stream:expr, $socket:ident => $work:expr) => {
        match $stream {
            Transport::Tcp($socket) => $work,
            #[cfg(unix)]
            Transport::Unix($socket) => $work,
            #[cfg(feature = "tls")]
            Transport::Tls($socket) => $work,
        }
    };
}

impl Stream {
    /// A connection over TCP, with the options that every one needs. Setting them fails only if it has already
    /// ended.
    pub(super) fn tcp(socket: TcpStream) -> Stream {
        // Otherwise every small answer would wait for the client's delayed acknowledgement.
        let _ = socket.set_nodelay(true);
        // Otherwise the server would wait for a client that vanished silently, as long as there is nothing to send
        // to it.
        let probes = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
        let _ = SockRef::from(&socket).set_tcp_keepalive(&probes.with_retries(4));
        Stream(Transport::Tcp(socket))
    }

    /// A connection over a Unix socket.
    #[cfg(unix)]
    pub(super) fn unix(socket: UnixStream) -> Stream {
        Stream(Transport::Unix(socket))
    }

    /// A connection over TLS.
    #[cfg(feature = "tls")]
    pub(super) fn secured(stream: Secured) -> Stream {
        Stream(Transport::Tls(stream))
    }

    /// The socket of a connection over TCP without encryption.
    #[cfg(feature = "tls")]
    pub(super) fn into_tcp(self) -> Option<TcpStream> {
        match self.0 {
            Transport::Tcp(socket) => Some(socket),
            _ => None,
        }
    }

    /// Waits until there is something to read. What [`try_read`](Stream::try_read) has not taken before does not count.
    pub(super) async fn readable(&self) -> io::Result<()> {
        each!(&self.0, socket => socket.readable().await)
    }

    /// Reads what has arrived, if anything has.
    pub(super) fn try_read(&mut self, into: &mut impl BufMut) -> io::Result<usize> {
        each!(&mut self.0, socket => socket.try_read_buf(into))
    }

    /// Sends what can be sent at once.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        each!(&mut self.0, socket => socket.try_write(bytes))
    }

    /// Whether there are bytes that it has taken and not passed on to the system.
    pub(super) fn holds_bytes(&self) -> bool {
        match &self.0 {
            Transport::Tcp(_) => false,
            #[cfg(unix)]
            Transport::Unix(_) => false,
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.holds_bytes(),
        }
    }

    /// Ends the connection after the last byte was sent.
    pub(super) fn close(self) {
        #[cfg(feature = "tls")]
        if let Transport::Tls(mut stream) = self.0 {
            stream.say_goodbye();
        }
    }

    /// Whether the system knows that the client neither sends nor receives. This sends nothing and waits for
    /// nothing.
    pub(super) fn is_hung_up(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = each!(&self.0, socket => pin!(socket.ready(Interest::WRITABLE)).poll(&mut cx));
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_write_closed())
    }

    /// Announces that nothing more will come, and waits a while for the client to close the connection too. A
    /// connection closed with unread bytes is reset, and the reset may overtake the answer.
    pub(super) async fn linger(mut self) {
        let drain = async {
            let mut unread = vec![0; 16 * 1024];
            self.shutdown().await?;
            while self.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    /// Ends the connection in a way that no client can mistake for the end of a body. A Unix socket has no such
    /// way.
    pub(super) fn reset(self) {
        match self.0 {
            // If it cannot be set, the connection is gone already.
            Transport::Tcp(socket) => _ = socket.set_zero_linger(),
            #[cfg(unix)]
            Transport::Unix(_) => {}
            // Without a goodbye nothing of it looks complete; the rest is as for any other.
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => _ = stream.socket().set_zero_linger(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, socket => Pin::new(socket).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, socket => Pin::new(socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.get_mut().0, socket => Pin::new(socket).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        each!(&self.0, socket => socket.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.get_mut().0, socket => Pin::new(socket).poll_shutdown(cx))
    }
}

#[cfg(test)]
impl Stream {
    /// Whether it sends at once, and whether it looks after a silent client.
    pub(super) fn options(&self) -> io::Result<(bool, bool)> {
        match &self.0 {
            Transport::Tcp(socket) => Ok((socket.nodelay()?, SockRef::from(socket).keepalive()?)),
            #[cfg(unix)]
            Transport::Unix(_) => Ok((false, false)),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => Ok((false, false)),
        }
    }
}
