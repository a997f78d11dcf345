//! The bodies of the client's requests.

use bytes::Bytes;
use serde::Serialize;

use crate::base::panics::misuse;
use crate::http::body::Body;
use crate::http::json;
use crate::http::multi_dict::MultiDict;
use crate::http::url::push_query;
use crate::testing::content::Content;
use crate::testing::request::TestRequest;

impl TestRequest<'_> {
    #[track_caller]
    fn set(mut self, by: &'static str, content: Content) -> Self {
        if let Some(before) = self.content.set_by().filter(|before| *before != by) {
            misuse(format_args!("a request has one body, but `{by}` was called after `{before}`"))
        }
        self.content = content;
        self
    }

    /// Sets the body.
    ///
    /// # Panics
    ///
    /// If it has another body already.
    #[track_caller]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.set("body", Content::Bytes("body", body.into()))
    }

    /// Sets a body that comes over time, of a length that is not known.
    ///
    /// ```
    /// use hipflask::http::{Body, Bytes};
    /// use hipflask::prelude::*;
    ///
    /// #[post("/")]
    /// async fn length(body: Bytes) -> String {
    ///     body.len().to_string()
    /// }
    ///
    /// let client = App::new("doc", ".").config("WTF_CSRF_ENABLED", false).routes(routes![length]).test_client();
    /// let body = Body::stream(|mut sender| async move {
    ///     sender.send("one").await?;
    ///     sender.send("two").await
    /// });
    /// assert_eq!(client.post("/").body_stream(body).send_blocking().text(), "6");
    /// ```
    ///
    /// # Panics
    ///
    /// If it has another body already.
    #[track_caller]
    pub fn body_stream(self, body: Body) -> Self {
        self.set("body_stream", Content::Stream(Some(body)))
    }

    /// Sets a JSON body.
    ///
    /// # Panics
    ///
    /// If the value cannot be written as JSON, or the request has another body already.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match json::dumps(value) {
            Ok(body) => {
                self.header("content-type", "application/json").set("json", Content::Bytes("json", body.into()))
            }
            Err(error) => misuse(format_args!("JSON cannot hold the value: {error}")),
        }
    }

    /// Sends a form, as a browser does without files. Called again, it adds fields.
    ///
    /// # Panics
    ///
    /// If it has another body already.
    #[track_caller]
    pub fn form<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        if let Content::Parts(_) = self.content {
            return self.form_parts(pairs);
        }
        let mut body = String::from_utf8_lossy(self.content.bytes()).into_owned();
        pairs.into_iter().for_each(|(key, value)| push_query(&mut body, key.as_ref(), &value.to_string()));
        self.header("content-type", "application/x-www-form-urlencoded")
            .set("form", Content::Bytes("form", body.into()))
    }

    /// Adds a file in the field `name`; the form is then sent as multipart. Like a browser, it sends files and fields in
    /// the order in which they come.
    ///
    /// # Panics
    ///
    /// If it has another body already.
    #[track_caller]
    pub fn file(mut self, name: &str, filename: &str, content_type: &str, content: impl AsRef<[u8]>) -> Self {
        match &self.content {
            Content::Parts(_) => {}
            Content::Bytes("form", fields) => {
                // Fields that came before it.
                let fields = MultiDict::from_query(fields);
                self.content = Content::Parts(Vec::new());
                self = self.form_parts(fields.iter());
            }
            _ => self = self.set("file", Content::Parts(Vec::new())),
        }
        let disposition = format!("form-data; name=\"{}\"; filename=\"{}\"", quoted(name), quoted(filename));
        self.part(&disposition, Some(content_type), content.as_ref())
    }

    fn form_parts<K: AsRef<str>, V: ToString>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        pairs.into_iter().fold(self, |request, (key, value)| {
            let disposition = format!("form-data; name=\"{}\"", quoted(key.as_ref()));
            request.part(&disposition, None, value.to_string().as_bytes())
        })
    }

    fn part(mut self, disposition: &str, content_type: Option<&str>, content: &[u8]) -> Self {
        let mut part = format!("Content-Disposition: {disposition}\r\n").into_bytes();
        if let Some(content_type) = content_type {
            part.extend(format!("Content-Type: {content_type}\r\n").bytes());
        }
        part.extend(b"\r\n");
        part.extend(content);
        part.extend(b"\r\n");
        if let Content::Parts(parts) = &mut self.content {
            parts.push(part.into());
        }
        self
    }
}

/// A name as browsers write it in a multipart form. HTML §4.10.21.8.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}
