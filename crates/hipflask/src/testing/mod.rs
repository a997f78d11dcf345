//! A client that calls the application in memory: without a socket or a wait, with the cookies and headers of a
//! browser.

mod client;
mod jar;
mod observed;
mod request;
mod response;
mod upgrade;

pub use client::TestClient;
pub use request::TestRequest;
pub use response::TestResponse;
