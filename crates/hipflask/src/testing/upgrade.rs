//! Connections that change their protocol, without a socket.

use std::future::pending;
use std::time::Instant;

use crate::http::upgrade::Upgraded;
use crate::testing::request::TestRequest;
use crate::testing::response::TestResponse;

impl TestRequest<'_> {
    /// Asks for another protocol, and gives the answer and, if that was yes, the client's end of the connection. The
    /// application speaks at the other end meanwhile, in a task of its own.
    ///
    /// ```
    /// use hipflask::http::Upgraded;
    /// use hipflask::prelude::*;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// #[get("/shout")]
    /// async fn shout() -> Result<Response> {
    ///     Response::upgrade("shout", async |mut connection: Upgraded| {
    ///         while let Ok(byte) = connection.read_u8().await {
    ///             connection.write_u8(byte.to_ascii_uppercase()).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    ///
    /// # hipflask::block_on(async {
    /// let client = App::new("doc", ".").routes(routes![shout]).test_client();
    /// let (response, connection) = client.get("/shout").upgrade("shout").await;
    /// assert_eq!(response.status(), 101);
    /// let mut connection = connection.expect("the protocol changes");
    /// connection.write_u8(b'a').await?;
    /// assert_eq!(connection.read_u8().await?, b'A');
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or where [`send`](TestRequest::send) would panic.
    pub async fn upgrade(self, protocol: &str) -> (TestResponse, Option<Upgraded>) {
        let mut request = self.header("connection", "Upgrade").header("upgrade", protocol);
        request.start().await;
        let mut given = request.answer().await;
        let upgrade = given.response.take_upgrade().filter(|_| given.response.status() == 101);
        let Some(upgrade) = upgrade else { return (given.stream().rest().await, None) };
        let (here, there) = Upgraded::in_memory();
        let (mut ending, status) = (given.ending, given.response.status());
        let (answer, _) = TestResponse::head(given.response, given.sent);
        let answer = answer.with(given.observed.take());
        tokio::spawn(async move {
            let spoken = ending.speak(upgrade, there, pending()).await;
            ending.finish(status, spoken.bytes, spoken.is_complete, Instant::now());
        });
        (answer, Some(here))
    }
}
