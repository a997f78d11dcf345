//! A client that takes the port for one without encryption.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// The first byte of every TLS connection (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// It ends with the connection.
const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
    This port speaks HTTPS; begin the address with https://.\n";

/// Waits for the first byte. Whether it is that of a handshake.
pub(super) async fn is_of_handshake(socket: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    match socket.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0] == HANDSHAKE),
    }
}

/// Tells a client that speaks HTTP what this port speaks, as far as can be done at once.
pub(super) async fn refuse(mut socket: TcpStream) -> io::Result<()> {
    let mut first = [0];
    if socket.peek(&mut first).await? > 0 && first[0].is_ascii_uppercase() {
        // Unread bytes would turn the end into a reset, which may overtake the answer.
        let mut unread = [0; 16 * 1024];
        let _ = socket.try_read(&mut unread)?;
        socket.write_all(ANSWER.as_bytes()).await?;
        socket.shutdown().await?;
    }
    Ok(())
}
