//! Whatever is sent, nothing panics, and the connection ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hipflask::prelude::*;
use hipflask_websocket::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::raw::*;
use crate::{app, echo, rule};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("it has 31 bits") % below
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.throw(256)).expect("it is below 256")
    }

    fn bytes(&mut self, below: usize) -> Vec<u8> {
        (0..self.throw(below)).map(|_| self.byte()).collect()
    }

    /// Frames, most of them nearly right.
    fn frames(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        for _ in 0..self.throw(12) {
            let first = match self.throw(8) {
                0 => self.byte(),
                1 => FIN | CLOSE,
                2 => FIN | PING,
                3 => TEXT,
                4 => FIN | RSV1 | TEXT,
                5 => FIN | RSV1 | BINARY,
                6 => FIN | CONTINUATION,
                _ => FIN | TEXT,
            };
            let payload = match self.throw(4) {
                0 => self.bytes(300),
                1 => miniz_oxide::deflate::compress_to_vec(&vec![b'a'; self.throw(5000)], 6),
                2 => [&1000u16.to_be_bytes()[..], b"bye"].concat(),
                _ => "häppy ☃".as_bytes()[..self.throw(12).min(10)].to_vec(),
            };
            let mut bytes = Frame(first, payload).masked();
            match self.throw(10) {
                // A bit is flipped, a part is missing, something is in between.
                0 => {
                    let at = self.throw(bytes.len());
                    bytes[at] ^= 1 << self.throw(8);
                }
                1 => bytes.truncate(self.throw(bytes.len())),
                2 => all.extend(self.bytes(20)),
                _ => {}
            }
            all.extend(bytes);
        }
        all
    }
}

#[hipflask::test]
async fn nothing_panics_and_every_connection_ends() {
    let (ended, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (Arc::clone(&ended), Arc::clone(&failed));
    let client = app()
        .config("WEBSOCKET_MAX_MESSAGE_SIZE", 2000)
        .add_url_rule(rule("/"), async |handshake: Handshake| handshake.accept(echo))
        .on_finished(move |finished| {
            counted.0.fetch_add(1, Relaxed);
            counted.1.fetch_add(usize::from(finished.error().is_some()), Relaxed);
        })
        .test_client();
    let deflate = ("sec-websocket-extensions", "permessage-deflate");
    let mut dice = Dice(7);
    for round in 0..1500 {
        let headers = if round % 2 == 0 { &[deflate][..] } else { &[] };
        let (mut reading, mut writing) = tokio::io::split(Peer::open(&client, "/", headers).await.stream);
        let bytes = if round % 5 == 0 { dice.bytes(200) } else { dice.frames() };
        let sending = async {
            for piece in bytes.chunks(dice.throw(60) + 1) {
                if writing.write_all(piece).await.is_err() {
                    break;
                }
            }
            let _ = writing.shutdown().await;
        };
        let mut answer = Vec::new();
        let (_, received) = soon(async { tokio::join!(sending, reading.read_to_end(&mut answer)) }).await;
        received.expect("the connection ends cleanly");
    }
    soon(async {
        while ended.load(Relaxed) < 1500 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(failed.load(Relaxed), 0, "a client is no error of ours");
}
