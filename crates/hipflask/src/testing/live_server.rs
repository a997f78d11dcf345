//! A server for tests that need a socket: browsers, other programs.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::base::error::Result;
use crate::base::panics::misuse;
use crate::base::runtime;
use crate::server::Server;

impl App {
    /// Serves the application at a free port of this machine, until the value is dropped: for tests with a browser.
    /// Flask-Testing's `LiveServerTestCase`.
    ///
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// let server = App::new("doc", ".").add_url_rule(Rule::new("/"), async || "Hello!").live_server();
    /// let mut stream = std::net::TcpStream::connect(server.address())?;
    /// stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    /// let mut answer = String::new();
    /// stream.read_to_string(&mut answer)?;
    /// assert!(answer.ends_with("\r\n\r\nHello!"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If [`freeze`](App::freeze) finds mistakes; it lists all of them. If no socket can be opened.
    #[track_caller]
    pub fn live_server(self) -> LiveServer {
        match self.freeze() {
            Ok(frozen) => frozen.live_server(),
            Err(errors) => misuse(format_args!("{errors}")),
        }
    }
}

impl Frozen {
    /// Serves the application at a free port of this machine, until the value is dropped.
    ///
    /// # Panics
    ///
    /// If no socket can be opened.
    #[track_caller]
    pub fn live_server(&self) -> LiveServer {
        match LiveServer::start(self.clone()) {
            Ok(server) => server,
            Err(error) => misuse(format_args!("a server for the test cannot be started: {error}")),
        }
    }
}

/// A server that ends with the test: what is in flight is finished, the application is stopped, and whatever went wrong
/// there fails the test.
#[derive(Debug)]
pub struct LiveServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<Result<()>>>,
}

impl LiveServer {
    fn start(app: Frozen) -> Result<LiveServer> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        // A runtime of its own: it serves whether or not the test waits, and whether or not the test is async.
        let runtime = runtime::new()?;
        let serve = move || {
            runtime.block_on(Server::new(app).listener(listener).run_until(async {
                let _ = stopped.await;
            }))
        };
        let served = std::thread::Builder::new().name("live server".to_owned()).spawn(serve)?;
        Ok(LiveServer { address, stop: Some(stop), served: Some(served) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`: `server.url("/posts")`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(served) = self.served.take() else { return };
        let failure = match served.join() {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        if !std::thread::panicking() {
            misuse(format_args!("the server of the test failed: {failure}"));
        }
    }
}
