//! The sockets that a server listens at: several, of several kinds, its own and those it was given.

use std::io;
use std::path::PathBuf;

use hipflask::prelude::*;
use tokio::net::{TcpStream, UnixStream};

use super::client::Client;
use super::{Events, SHORT, Server, app, freeze, rule, soon};

const GET_ROOT: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// It says from where the request came.
fn whence() -> App {
    async fn view(ctx: &mut Context) -> String {
        format!("{:?} {}", ctx.request().remote_addr(), ctx.request().url())
    }
    app().add_url_rule(rule("/"), view)
}

/// Where no other test has a socket.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("hipflask-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is a folder for temporary files");
        Folder(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(folder: &Folder) -> Client<UnixStream> {
    let connect = async {
        loop {
            match UnixStream::connect(folder.socket()).await {
                Ok(stream) => return Client::new(stream),
                // The server makes it when it runs.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    soon(connect).await
}

/// A server at a Unix socket, and at nothing else.
fn at(folder: &Folder, app: App) -> Server {
    Server::run(hipflask::server::Server::new(freeze(app)).unix(folder.socket()), ([0, 0, 0, 0], 0).into())
}

#[tokio::test]
async fn a_server_listens_at_several_sockets_at_once() {
    let folder = Folder::new("several");
    let listeners = [(), ()].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().expect("an address"));
    let [first, second] = listeners;
    let server = hipflask::server::Server::new(freeze(whence())).listener(first).unix(folder.socket()).listener(second);
    let server = Server::run(server, addresses[0]);
    for _ in 0..2 {
        for address in addresses {
            let mut client = Client::new(soon(TcpStream::connect(address)).await.expect("the server accepts"));
            client.send(GET_ROOT).await;
            assert_eq!(client.answer().await.body, "Some(127.0.0.1) http://localhost/");
        }
        let mut client = connect(&folder).await;
        client.send(GET_ROOT).await;
        assert_eq!(client.answer().await.body, "None http://localhost/");
    }
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    // All of them are closed.
    for address in addresses {
        let refused = soon(TcpStream::connect(address)).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
    assert!(!folder.socket().exists());
}

#[tokio::test]
async fn a_client_that_connected_before_the_end_is_answered_over_a_unix_socket_too() {
    use std::io::Write as _;
    let folder = Folder::new("waiting");
    let server = at(&folder, whence());
    drop(connect(&folder).await);
    // The server runs when the test waits, so it has not accepted this one when it is told to stop.
    let mut socket = std::os::unix::net::UnixStream::connect(folder.socket()).expect("it listens");
    socket.write_all(GET_ROOT.as_bytes()).expect("the system takes it");
    socket.set_nonblocking(true).expect("a socket can be");
    let mut client = Client::new(UnixStream::from_std(socket).expect("a runtime is here"));
    let stopped = server.stop();
    assert_eq!(client.answer().await.status, 200);
    soon(stopped).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn a_stream_ends_when_its_client_closes_a_unix_socket() {
    let (folder, events) = (Folder::new("gone"), Events::new());
    let app = app().add_url_rule(rule("/"), events.view()).config("MAX_CONNECTIONS", 1);
    let server = at(&folder, app.config("SERVER_WRITE_TIMEOUT", SHORT).config("SERVER_HEADER_TIMEOUT", SHORT));
    for _ in 0..2 {
        let mut client = connect(&folder).await;
        client.send(GET_ROOT).await;
        client.head().await;
        assert_eq!(client.chunk().await, b"first");
        drop(client);
        events.dropped().await;
    }
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
}

#[tokio::test]
async fn http2_comes_over_a_unix_socket_too() {
    let folder = Folder::new("http2");
    let _server = at(&folder, whence());
    let stream = connect(&folder).await.stream;
    let (mut send, connection) = soon(h2::client::handshake(stream)).await.expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    let request = http::Request::get("http://localhost/").version(http::Version::HTTP_2).body(()).expect("a request");
    let (response, _) = send.send_request(request, true).expect("the connection is open");
    assert_eq!(soon(response).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = Folder::new("left");
    // A process that was killed leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(folder.socket()).expect("a socket"));
    assert!(folder.socket().exists());
    let server = at(&folder, whence());
    drop(connect(&folder).await);
    let second = hipflask::server::Server::new(freeze(whence())).unix(folder.socket());
    let error = soon(second.run_until(std::future::pending())).await.expect_err("another listens there");
    assert!(error.to_string().contains("socket"), "{error}");
    // The one that is in use still answers, and what is not a socket is never removed.
    let mut client = connect(&folder).await;
    client.send(GET_ROOT).await;
    assert_eq!(client.answer().await.status, 200);
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    std::fs::write(folder.socket(), "a text").expect("a file can be written");
    let third = hipflask::server::Server::new(freeze(whence())).unix(folder.socket());
    soon(third.run_until(std::future::pending())).await.expect_err("a file is there");
    assert_eq!(std::fs::read(folder.socket()).expect("it is still there"), b"a text");
}

#[tokio::test]
async fn a_file_that_another_process_has_put_there_is_left_alone() {
    let folder = Folder::new("replaced");
    let server = at(&folder, whence());
    drop(connect(&folder).await);
    std::fs::remove_file(folder.socket()).expect("it is there");
    let _other = std::os::unix::net::UnixListener::bind(folder.socket()).expect("a socket");
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    assert!(folder.socket().exists());
}

#[tokio::test]
async fn a_unix_socket_may_be_given_to_the_server() {
    let folder = Folder::new("given");
    let listener = std::os::unix::net::UnixListener::bind(folder.socket()).expect("a socket");
    let server = hipflask::server::Server::new(freeze(whence())).unix_listener(listener);
    let server = Server::run(server, ([0, 0, 0, 0], 0).into());
    let mut client = connect(&folder).await;
    client.send(GET_ROOT).await;
    assert_eq!(client.answer().await.status, 200);
    soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
    assert!(folder.socket().exists(), "it was not ours to remove");
}

#[tokio::test]
async fn debug_mode_shows_nothing_over_a_unix_socket() {
    // A proxy comes this way, and need not say for whom.
    let folder = Folder::new("debug");
    let app = app()
        .config("DEBUG", true)
        .add_url_rule(rule("/"), async || -> Result<&str> { Err(Error::msg("the disk is gone")) });
    let _server = at(&folder, app);
    let mut client = connect(&folder).await;
    client.send(GET_ROOT).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.contains("the disk is gone")), (500, false));
}

#[tokio::test]
async fn a_server_without_a_socket_and_an_address_that_is_taken_are_reported() {
    let error = hipflask::server::Server::new(freeze(whence())).run_until(std::future::pending()).await;
    assert!(error.expect_err("it has no socket").to_string().contains("`bind`"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let server = hipflask::server::Server::new(freeze(whence())).bind(([127, 0, 0, 1], 0)).bind(address);
    let error = soon(server.run_until(std::future::pending())).await.expect_err("it is taken");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
