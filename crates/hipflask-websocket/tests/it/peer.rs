//! A real peer: the Python package `websockets`.

use std::process::Stdio;

use hipflask::prelude::*;
use hipflask_websocket::prelude::*;
use tokio::process::Command;

use crate::raw::soon;
use crate::server::Server;
use crate::{echoing, rule};

const SCRIPT: &str = r#"
import asyncio, sys, websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

async def main(base):
    for compression in (None, "deflate"):
        async with connect(base + "/echo", compression=compression, max_size=None) as ws:
            for message in ["", "hello", "ü ☃ 𝄞", "x" * 900_000, b"", b"\x00\xff" * 400_000]:
                await ws.send(message)
                assert await ws.recv() == message, (compression, len(message))
            await ws.send(["in", " ", "pieces"])
            assert await ws.recv() == "in pieces"
            await (await ws.ping(b"are you there?"))
            extensions = [e.name for e in ws.protocol.extensions]
            print("echo", extensions)
        assert (ws.close_code, ws.close_reason) == (1000, ""), (ws.close_code, ws.close_reason)
    async with connect(base + "/echo") as ws:
        await asyncio.gather(*(ws.send(str(n)) for n in range(500)))
        assert [await ws.recv() for _ in range(500)] == [str(n) for n in range(500)]
    async with connect(base + "/protocol", subprotocols=["v1", "v2"]) as ws:
        print("protocol", ws.subprotocol)
    async with connect(base + "/leave") as ws:
        try:
            print(await ws.recv())
            await ws.recv()
        except ConnectionClosed as e:
            print("closed", e.rcvd.code, e.rcvd.reason)
    async with connect(base + "/fail") as ws:
        try:
            await ws.recv()
        except ConnectionClosed as e:
            print("closed", e.rcvd.code, repr(e.rcvd.reason))
    async with connect(base + "/echo", max_size=None, compression=None) as ws:
        try:
            await ws.send("x" * (1024 * 1024 + 1))
            await ws.recv()
        except ConnectionClosed as e:
            print("closed", e.rcvd.code)
    for path, origin in (("/echo", "https://evil.example"), ("/nowhere", None)):
        try:
            await connect(base + path, origin=origin)
        except InvalidStatus as e:
            print("refused", e.response.status_code)

asyncio.run(main(sys.argv[1]))
"#;

#[tokio::test]
#[ignore = "needs Python with websockets, which `cargo xtask test` prepares"]
async fn pythons_websockets_understand_us() {
    let leave = async |handshake: Handshake| {
        handshake.accept(async |socket| {
            socket.send("last words").await?;
            socket.close(4001, "the game is over")
        })
    };
    let app = echoing()
        .add_url_rule(rule("/leave"), leave)
        .add_url_rule(rule("/fail"), async |handshake: Handshake| {
            handshake.accept(async |_| Err(Error::msg("the disk is gone")))
        })
        .add_url_rule(rule("/protocol"), async |handshake: Handshake| {
            handshake.protocols(["v2", "v1"]).accept(async |mut socket| socket.receive().await.map(drop))
        });
    let server = Server::start(app);
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON names a Python; `cargo xtask test` sets it");
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, &format!("ws://{}", server.address)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = soon(command.kill_on_drop(true).output()).await.expect("Python can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).expect("it prints text");
    let expected = "echo []\necho ['permessage-deflate']\nprotocol v2\nlast words\nclosed 4001 the game is over\n\
                    closed 1011 ''\nclosed 1009\nrefused 403\nrefused 404\n";
    assert_eq!(told, expected);
}
