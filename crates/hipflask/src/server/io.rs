//! A socket for hyper's HTTP/2. It begins with the bytes already read, and notes when the client accepts nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::server::stream::Stream;
use crate::server::watch::Watch;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;

pub(super) struct Io {
    stream: TokioIo<Stream>,
    start: Vec<u8>,
    watch: Arc<Watch>,
}

impl Io {
    pub(super) fn new(stream: Stream, start: Vec<u8>, watch: Arc<Watch>) -> Io {
        Io { stream: TokioIo::new(stream), start, watch }
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        match written {
            Poll::Pending => self.watch.stalled(),
            Poll::Ready(_) => self.watch.flowing(),
        }
        written
    }
}

impl Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.start.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let later = self.start.len().min(buf.remaining());
        let later = self.start.split_off(later);
        buf.put_slice(&std::mem::replace(&mut self.start, later));
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
