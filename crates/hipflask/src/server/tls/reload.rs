//! Certificates that are renewed while the server runs.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::server::first_of::first_of;
use crate::server::tls::acceptor::Acceptor;

/// Reads the files of certificates again when they change or the process gets SIGHUP, until it is dropped.
#[derive(Debug)]
pub(crate) struct Reloading(JoinHandle<()>);

impl Reloading {
    /// Looks for changes every `interval`, if there is one.
    pub(crate) fn start(acceptors: Vec<Arc<Acceptor>>, interval: Option<Duration>) -> Reloading {
        let look = |acceptor: Arc<Acceptor>| Watched { seen: look(&acceptor), acceptor };
        // From here on the signal no longer ends the process.
        let (watched, hangup) = (acceptors.into_iter().map(look).collect(), Hangup::new());
        Reloading(tokio::spawn(reload_when_needed(watched, hangup, interval)))
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A server's files, and what they were like when they were last read.
struct Watched {
    acceptor: Arc<Acceptor>,
    seen: Vec<Seen>,
}

/// What tells a file from what it was: if it was replaced, its number; if it was written to, time and length.
#[derive(PartialEq)]
struct Seen {
    changed: Option<SystemTime>,
    len: u64,
    number: u64,
}

async fn reload_when_needed(mut all: Vec<Watched>, mut hangup: Hangup, interval: Option<Duration>) {
    loop {
        let changed = async {
            match interval {
                Some(interval) => sleep(interval).await,
                None => std::future::pending().await,
            }
            false
        };
        let told = async {
            hangup.wait().await;
            true
        };
        let told = first_of(told, changed).await;
        // Reading files can take its time.
        let looked = tokio::task::spawn_blocking(move || {
            all.iter_mut().for_each(|watched| watched.reload(told));
            all
        });
        let Ok(looked) = looked.await else { return };
        all = looked;
    }
}

impl Watched {
    /// Reads the files again if they have changed, or if `told`.
    fn reload(&mut self, told: bool) {
        let seen = look(&self.acceptor);
        if !told && seen == self.seen {
            return;
        }
        // What changes while it is read is read again the next time.
        self.seen = seen;
        let files: Vec<String> = self.acceptor.tls.files().map(|file| format!("`{}`", file.display())).collect();
        let files = files.join(", ");
        match self.acceptor.reload() {
            Ok(()) => tracing::info!("new connections get the certificates that are now in {files}"),
            Err(error) => tracing::error!("the certificates are not replaced, and those from before stay: {error}"),
        }
    }
}

fn look(acceptor: &Acceptor) -> Vec<Seen> {
    let look = |file: &PathBuf| -> io::Result<Seen> {
        let file = fs::metadata(file)?;
        Ok(Seen { changed: file.modified().ok(), len: file.len(), number: number(&file) })
    };
    let absent = |_| Seen { changed: None, len: 0, number: 0 };
    acceptor.tls.files().map(|file| look(file).unwrap_or_else(absent)).collect()
}

#[cfg(unix)]
fn number(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn number(_file: &fs::Metadata) -> u64 {
    0
}

/// SIGHUP, where there is such a signal.
struct Hangup(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangup {
    #[cfg(unix)]
    fn new() -> Hangup {
        Hangup(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok())
    }

    #[cfg(not(unix))]
    fn new() -> Hangup {
        Hangup()
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
