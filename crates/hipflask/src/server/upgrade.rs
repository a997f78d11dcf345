//! Connections that change to another protocol (RFC 9110 §7.8).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, watch as channel};

use crate::http::response::Response;
use crate::http::upgrade::{BoxFuture, Upgrade, Upgraded};
use crate::server::finished::Finished;
use crate::server::phase::{Phase, reached};
use crate::server::policy::{Refused, refuse};

/// The kind of a view's answer.
pub(super) enum Answered {
    Finally(Response),
    /// The response is the last HTTP message on its connection.
    Upgrade(Response, Upgrade),
}

/// What `response` is to a request that offered to change to these protocols, in an `Upgrade` field that is known to be
/// meant for us, or as the `:protocol` of HTTP/2.
///
/// Any other 1xx answer is followed by another (RFC 9110 §15.2), so a client would take the answer to its next
/// request for the answer to this one.
pub(super) fn settle(mut response: Response, version: Version, offered: Option<&HeaderValue>) -> Answered {
    let upgrade = response.take_upgrade();
    if !response.status().is_informational() {
        return Answered::Finally(response);
    }
    match upgrade.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
        Some(upgrade) if offers(offered, &response) => Answered::Upgrade(response, upgrade),
        Some(_) => Answered::Finally(required(&response, version)),
        None => {
            tracing::error!("the status {} is not the status of an answer; 500 was sent", response.status());
            Answered::Finally(Response::default().with_status(500))
        }
    }
}

/// Whether the client offered what the response changes to.
fn offers(offered: Option<&HeaderValue>, response: &Response) -> bool {
    let Some((offered, wanted)) = offered.zip(response.headers().get(header::UPGRADE)) else { return false };
    let mut protocols = offered.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    protocols.any(|protocol| protocol.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The answer to a client that did not offer what a view requires.
fn required(response: &Response, version: Version) -> Response {
    if version == Version::HTTP_2 {
        // There is no `Upgrade` field to answer with (RFC 9113 §8.6).
        let reason = "This address speaks another protocol: ask for it with an extended CONNECT, or in HTTP/1.1.";
        return refuse(&Refused(505, reason));
    }
    let mut answer = refuse(&Refused(426, "This address speaks another protocol, which the request must ask for."));
    if let Some(protocol) = response.headers().get(header::UPGRADE) {
        answer.headers_mut().insert(header::UPGRADE, protocol.clone());
    }
    answer
}

/// Speaks the new protocol until it has ended or the server has waited long enough.
pub(super) async fn speak(
    upgrade: Upgrade,
    finished: Finished,
    (stream, ahead): (impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static, Bytes),
    permit: Arc<OwnedSemaphorePermit>,
    phase: channel::Receiver<Phase>,
) {
    let broken_off = reached(phase.clone(), Phase::BreakingOff);
    let stopping = move || -> BoxFuture<()> { Box::pin(reached(phase.clone(), Phase::Finishing)) };
    finished.speak(upgrade, Upgraded::new(ahead, stream, permit, stopping), broken_off).await;
}
