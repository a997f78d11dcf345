//! What `on_finished` functions are told of a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::base::error::Error;
use crate::base::type_map::TypeMap;
use crate::http::request::Request;
use crate::routing::map::Map;

/// A function that is told of every request that has ended.
pub(crate) type OnFinished = Arc<dyn Fn(&Finished<'_>) + Send + Sync>;

/// A request that has ended: its body was sent, or its client has gone. For [`App::on_finished`](crate::App::on_finished).
pub struct Finished<'a> {
    pub(crate) request: &'a Request,
    pub(crate) map: &'a Map,
    pub(crate) rule: Option<usize>,
    pub(crate) mount: Option<&'a str>,
    pub(crate) error: Option<&'a Arc<Error>>,
    pub(crate) state: &'a TypeMap,
    pub(crate) is_mounted: bool,
    pub(crate) is_within: bool,
    pub(crate) outcome: Outcome,
}

/// What became of the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) status: StatusCode,
    pub(crate) bytes: u64,
    pub(crate) is_complete: bool,
    pub(crate) duration: Duration,
    pub(crate) ended: Instant,
}

impl Finished<'_> {
    /// The request as the application saw it, without its body.
    pub fn request(&self) -> &Request {
        self.request
    }

    /// The name of the request in logs and on error pages.
    pub fn request_id(&self) -> String {
        format!("{:016x}", self.request.id())
    }

    /// The text of the rule that matched: `/user/<int:id>`. There are few of them, unlike paths, so it suits metrics.
    pub fn rule(&self) -> Option<&str> {
        Some(&self.map.rule(self.rule?).text)
    }

    /// The name of the rule that matched: `blog.show`.
    pub fn endpoint(&self) -> Option<&str> {
        Some(&self.map.rule(self.rule?).endpoint)
    }

    /// The prefix of the mount that has answered: `/shop`. Where it is an application, that one is told of the request
    /// too, and of its own rule.
    pub fn mount(&self) -> Option<&str> {
        self.mount.map(|prefix| if prefix.is_empty() { "/" } else { prefix })
    }

    /// The status of the answer; 499 if the client went away before there was one.
    pub fn status(&self) -> StatusCode {
        self.outcome.status
    }

    /// How many bytes of the body were handed to the connection.
    pub fn bytes(&self) -> u64 {
        self.outcome.bytes
    }

    /// Whether the whole body was sent. It was not if its producer failed or the client went away meanwhile.
    pub fn is_complete(&self) -> bool {
        self.outcome.is_complete
    }

    /// The time from the head of the request to the end of the body.
    pub fn duration(&self) -> Duration {
        self.outcome.duration
    }

    /// When it ended.
    pub fn ended(&self) -> Instant {
        self.outcome.ended
    }

    /// The error of the view or of a hook that no error handler answered.
    pub fn error(&self) -> Option<&Error> {
        self.error.map(|error| &**error)
    }

    /// Whether the application is mounted in another one, which is told of the same request.
    pub fn is_mounted(&self) -> bool {
        self.is_mounted
    }

    /// Whether the application itself has asked for it, within another request ([`Context::request_to`]), and no client.
    ///
    /// [`Context::request_to`]: crate::Context::request_to
    pub fn is_within(&self) -> bool {
        self.is_within
    }

    /// The state that an extension put into the application.
    pub fn state<T: 'static>(&self) -> Option<&T> {
        self.state.get()
    }
}

impl std::fmt::Debug for Finished<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut finished = f.debug_struct("Finished");
        finished.field("method", self.request.method()).field("path", &self.request.path());
        finished.field("endpoint", &self.endpoint()).field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
