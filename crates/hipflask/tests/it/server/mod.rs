//! The server on real sockets, as `docs/server.md` describes it. The client writes and reads bytes, so that
//! nothing hides what went over the wire.

mod around;
mod client;
mod gone;
mod http1;
mod http2;
mod life;
mod refused;
#[cfg(unix)]
mod sockets;
mod streams;
mod tls;
mod told;
mod upgrade;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hipflask::http::Body;
use hipflask::prelude::*;
use hipflask::{Frozen, Rule};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinError, JoinHandle};

use client::Client;

/// What a test waits at most for anything. Only a failing test ever does.
const PATIENCE: Duration = Duration::from_secs(20);
/// A time-out that a test waits for.
const SHORT: f64 = 0.05;

/// Awaits `future`, but not indefinitely.
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

fn freeze(app: App) -> Frozen {
    app.freeze().expect("a test's application is well formed")
}

/// An application that serves, for as long as the value lives.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: Ending,
}

/// The end of a server.
struct Ending {
    task: JoinHandle<Result<()>>,
    /// Where it runs, unless that is where the test does.
    workers: Option<Workers>,
}

impl Ending {
    fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Future for Ending {
    type Output = std::result::Result<Result<()>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx)
    }
}

/// A runtime as in production: with several workers, so that what happens in a connection happens meanwhile.
struct Workers(Option<Runtime>);

impl Workers {
    fn start() -> Workers {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        Workers(Some(runtime.expect("the system has threads")))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // A runtime that waited for its tasks could not be dropped in a test, which is a task of another.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    fn start(app: App) -> Server {
        Server::start_as(app, |server| server)
    }

    /// The same, with more said about its socket.
    fn start_as(app: App, more: impl FnOnce(hipflask::server::Server) -> hipflask::server::Server) -> Server {
        let workers = Workers::start();
        let entered = workers.0.as_ref().map(Runtime::enter);
        let mut server = Server::start_here_as(app, more);
        drop(entered);
        server.ended.workers = Some(workers);
        server
    }

    /// Starts it on the test's own thread, where it runs when the test waits and at no other time.
    fn start_here(app: App) -> Server {
        Server::start_here_as(app, |server| server)
    }

    fn start_here_as(app: App, more: impl FnOnce(hipflask::server::Server) -> hipflask::server::Server) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        Server::run(more(hipflask::server::Server::new(freeze(app)).listener(listener)), address)
    }

    fn run(server: hipflask::server::Server, address: SocketAddr) -> Server {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run_until(async {
            // A dropped sender stops the server too.
            let _ = stopped.await;
        }));
        Server { address, stop, ended: Ending { task, workers: None } }
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

    /// Tells it to stop; what it returns is ready when it has stopped.
    fn stop(self) -> Ending {
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
    fn view(&self) -> impl Fn() -> Pin<Box<dyn Future<Output = &'static str> + Send>> + Send + Sync + 'static {
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

    /// How many views have begun that were not asked about with `begun`.
    fn unseen(&self) -> usize {
        self.0[0].available_permits()
    }
}

/// A stream that sends `first`, and then what it is told to; it tells when it was dropped.
#[derive(Clone, Debug)]
struct Events {
    more: Arc<Semaphore>,
    dropped: Arc<Semaphore>,
}

impl Events {
    fn new() -> Events {
        Events { more: Arc::new(Semaphore::new(0)), dropped: Arc::new(Semaphore::new(0)) }
    }

    /// The view.
    fn view(&self) -> impl Fn() -> std::future::Ready<Body> + Clone + Send + Sync + 'static {
        let events = self.clone();
        move || std::future::ready(events.stream())
    }

    fn stream(&self) -> Body {
        struct Told(Arc<Semaphore>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.add_permits(1);
            }
        }
        let (more, told) = (Arc::clone(&self.more), Told(Arc::clone(&self.dropped)));
        Body::stream(async move |mut out| {
            let _told = told;
            out.send("first").await?;
            loop {
                wait(&more).await;
                out.send("more").await?;
            }
        })
    }

    /// Lets it send one more.
    fn send(&self) {
        self.more.add_permits(1);
    }

    /// Waits until the producer of one stream was dropped.
    async fn dropped(&self) {
        soon(wait(&self.dropped)).await;
    }
}

/// Takes one event; they are counted, so that none is missed.
async fn wait(events: &Semaphore) {
    events.acquire().await.expect("it is never closed").forget();
}
