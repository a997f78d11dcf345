//! The server on real sockets, as `docs/server.md` describes it. The client writes and reads bytes, so that
//! nothing hides what went over the wire.

mod around;
mod client;
mod http1;
mod http2;
mod life;
mod refused;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hipflask::Frozen;
use hipflask::prelude::*;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use client::Client;

/// What a test waits at most for anything. Only a failing test ever does.
const PATIENCE: Duration = Duration::from_secs(20);
/// A time-out that a test waits for.
const SHORT: f64 = 0.05;

/// Awaits `future`, but not for ever.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// An application as in production; only CSRF is off, as its tests are elsewhere.
fn app() -> App {
    App::new("test", ".").config("DEBUG", false).config("WTF_CSRF_ENABLED", false)
}

fn rule(path: &str) -> Rule {
    Rule::new(path).methods([GET, POST])
}

/// An application that serves, for as long as the value lives.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<()>>,
}

impl Server {
    fn start(app: App) -> Server {
        let app: Frozen = app.freeze().expect("a test's application is well formed");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(hipflask::serve_on(app, listener, async {
            // A dropped sender stops the server too.
            let _ = stopped.await;
        }));
        Server { address, stop, ended }
    }

    async fn connect(&self) -> Client {
        Client::new(soon(TcpStream::connect(self.address)).await.expect("the server accepts"))
    }

    /// The answer to one request on a connection of its own.
    async fn answer(&self, request: &str) -> client::Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }

    /// Tells it to stop; the handle ends when it has stopped.
    fn stop(self) -> JoinHandle<Result<()>> {
        let _ = self.stop.send(());
        self.ended
    }
}

/// A view that says when it began, waits until it may go on, and says when it ended.
#[derive(Clone, Debug)]
struct Gate(Arc<[Semaphore; 3]>);

impl Gate {
    fn new() -> Gate {
        Gate(Arc::new(std::array::from_fn(|_| Semaphore::new(0))))
    }

    /// The view.
    fn view(
        &self,
    ) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = &'static str> + Send>> + Send + Sync + 'static {
        let gate = self.clone();
        move || {
            let gate = gate.clone();
            Box::pin(async move {
                gate.0[0].add_permits(1);
                wait(&gate.0[1]).await;
                gate.0[2].add_permits(1);
                "finished"
            })
        }
    }

    async fn begun(&self) {
        soon(wait(&self.0[0])).await;
    }

    fn open(&self) {
        self.0[1].add_permits(1);
    }

    async fn ended(&self) {
        soon(wait(&self.0[2])).await;
    }

    /// How many views have begun that nobody has asked about with `begun`.
    fn unseen(&self) -> usize {
        self.0[0].available_permits()
    }
}

/// Takes one event; they are counted, so that none is missed.
async fn wait(events: &Semaphore) {
    events.acquire().await.expect("nobody closes it").forget();
}
