//! Clients that call the application in memory: without a socket or a wait, with the cookies and headers of a browser. A
//! runner for its commands, and a server for tests that need a socket.

mod address;
mod bodies;
mod cli_runner;
mod client;
mod content;
mod jar;
mod live_server;
mod observed;
mod redirect;
mod request;
mod response;
mod stream;
mod upgrade;

pub use cli_runner::{CliInvocation, CliResult, CliRunner};
pub use client::{TestClient, TestCookies};
pub use live_server::LiveServer;
pub use request::TestRequest;
pub use response::TestResponse;
pub use stream::{TestEvent, TestStream};
