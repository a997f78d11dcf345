//! A network between the application and PostgreSQL that can be slow, silent, or gone.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    Open,
    /// What the client sends arrives; the answers wait.
    AnswersHeld,
    /// Nothing arrives any more, and without a word: a cable that was pulled.
    Silent,
    /// Connections end at once.
    Shut,
}

pub(crate) struct Proxy {
    port: u16,
    server: String,
    flow: watch::Sender<Flow>,
    /// The text whose answers are to be held.
    awaited: Arc<Mutex<Option<&'static str>>>,
}

impl Proxy {
    /// A network in front of the server at the address `url`.
    pub(crate) async fn before(url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (flow, _) = watch::channel(Flow::Open);
        let awaited = Arc::<Mutex<Option<&'static str>>>::default();
        let after_scheme = url.split_once("://").expect("an address has a scheme").1;
        let host = after_scheme.split('/').next().unwrap_or_default().rsplit('@').next().unwrap_or_default().to_owned();
        let server = if host.contains(':') { host.clone() } else { format!("{host}:5432") };
        tokio::spawn(accept(listener, server, flow.clone(), Arc::clone(&awaited)));
        Proxy { port, server: host, flow, awaited }
    }

    /// `url` by way of this network.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(&self.server, &format!("127.0.0.1:{}", self.port), 1)
    }

    /// Holds the answers from the moment that a client sends `text`.
    pub(crate) fn hold_answer_to(&self, text: &'static str) {
        *self.awaited.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Waits until an answer is held.
    pub(crate) async fn held(&self) {
        let mut flow = self.flow.subscribe();
        flow.wait_for(|flow| *flow == Flow::AnswersHeld).await.expect("the network is there");
    }

    pub(crate) fn open(&self) {
        self.flow.send_replace(Flow::Open);
    }

    pub(crate) fn fall_silent(&self) {
        self.flow.send_replace(Flow::Silent);
    }

    pub(crate) fn shut(&self) {
        self.flow.send_replace(Flow::Shut);
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    flow: watch::Sender<Flow>,
    awaited: Arc<Mutex<Option<&'static str>>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *flow.borrow() == Flow::Shut {
            continue;
        }
        let Ok(server) = TcpStream::connect(&server).await else { continue };
        let (flow, awaited) = (flow.clone(), Arc::clone(&awaited));
        tokio::spawn(async move {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let mut shut = flow.subscribe();
            let asked = |bytes: &[u8]| {
                let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
                let found = |text: &&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                if awaited.as_ref().is_some_and(found) {
                    *awaited = None;
                    flow.send_replace(Flow::AnswersHeld);
                }
            };
            let up = forward(from_client, to_server, flow.subscribe(), asked, &[Flow::Open, Flow::AnswersHeld]);
            let down = forward(from_server, to_client, flow.subscribe(), |_| {}, &[Flow::Open]);
            tokio::select! {
                () = up => {}
                () = down => {}
                _ = shut.wait_for(|flow| *flow == Flow::Shut) => {}
            }
        });
    }
}

/// Copies until an end is reached; each piece waits until the flow is one of `passable`.
async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flow: watch::Receiver<Flow>,
    seen: impl Fn(&[u8]),
    passable: &[Flow],
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen(&buffer[..length]);
        if flow.wait_for(|flow| passable.contains(flow)).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}
