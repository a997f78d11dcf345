//! What the client gets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::base::error::Error;
use crate::http::response::Response;

/// The response that a [`TestClient`](crate::testing::TestClient) got.
#[derive(Clone, Debug)]
pub struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) body_error: Option<String>,
    pub(super) templates: Vec<String>,
    pub(super) error: Option<Arc<Error>>,
    pub(super) history: Vec<(StatusCode, String)>,
}

impl TestResponse {
    /// The whole of `response`.
    pub(super) async fn receive(response: Response) -> TestResponse {
        let mut answer = TestResponse::head_of(&response);
        let (_, _, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.chunk().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(error) => answer.body_error = Some(error.to_string()),
            }
        }
        answer.body = bytes.into();
        answer
    }

    /// Status and headers of `response`.
    pub(super) fn head_of(response: &Response) -> TestResponse {
        TestResponse {
            status: response.status(),
            headers: response.headers().clone(),
            body: Bytes::new(),
            body_error: None,
            templates: Vec::new(),
            error: None,
            history: Vec::new(),
        }
    }

    /// The status; it can be compared with numbers: `assert_eq!(response.status(), 200)`.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The text of the header `name`, if the response has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON, or not a `T`; the message includes the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => {
                crate::base::panics::misuse(format_args!("the body is not the JSON expected: {error}\n{}", self.text()))
            }
        }
    }

    /// Why the body was interrupted, if it was.
    pub fn body_error(&self) -> Option<&str> {
        self.body_error.as_deref()
    }

    /// The names of the templates that were rendered, in order.
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// The error that no error handler answered: the response is the page for it, a 500.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// The redirects that were followed: status and address.
    pub fn history(&self) -> &[(StatusCode, String)] {
        &self.history
    }
}
