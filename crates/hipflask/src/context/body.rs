//! Reads a request's body: in one piece, as a form, as files. Werkzeug's `FormDataParser`.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use crate::base::error::{Error, HttpError, Result};
use crate::context::Context;
use crate::http::body::{Body, BodyTooLarge};
use crate::http::budget::Reserved;
use crate::http::headers::HeaderOptions;
use crate::http::json;
use crate::http::multi_dict::MultiDict;
use crate::http::multipart::{Decoder, Event};
use crate::http::part_head::{MultipartError, PartHead};
use crate::http::request::Request;
use crate::http::size::ByteSize;
use crate::http::spool::{Content, Spool};
use crate::http::upload::{FormData, TooLarge, Upload};

impl Context {
    /// Limits the size of this request's body, in bytes; `None` removes the limit. To be called before the body is read.
    pub fn set_max_content_length(&mut self, limit: Option<u64>) {
        self.body_state().max_content_length = Some(limit);
    }

    /// Sets the most bytes that the fields of this request's form may have together, which `MAX_FORM_MEMORY_SIZE` says for
    /// all; `None` is no limit. Before the form is read.
    pub fn set_max_form_memory_size(&mut self, limit: Option<u64>) {
        self.body_state().max_form_memory_size = Some(limit.unwrap_or(u64::MAX));
    }

    /// Sets how many parts this request's form may have, which `MAX_FORM_PARTS` says for all; `None` is no limit. Before
    /// the form is read.
    pub fn set_max_form_parts(&mut self, limit: Option<usize>) {
        self.body_state().max_form_parts = Some(limit.unwrap_or(usize::MAX));
    }

    fn max_form_memory_size(&mut self) -> u64 {
        self.body_state().max_form_memory_size.unwrap_or_else(|| self.app().limits().max_form_memory_size)
    }

    fn max_form_parts(&mut self) -> usize {
        self.body_state().max_form_parts.unwrap_or_else(|| self.app().limits().max_form_parts)
    }

    /// The most bytes that the body may have: `MAX_CONTENT_LENGTH`, or `most` if that is less.
    fn most_bytes(&mut self, most: u64) -> u64 {
        let limit = match self.body_state().max_content_length {
            Some(limit) => limit,
            None => self.app().limits().max_content_length,
        };
        limit.map_or(most, |limit| limit.min(most))
    }

    /// The same. A body that is said to be longer is not even begun.
    fn body_limit(&mut self, most: u64) -> Result<u64> {
        let limit = self.most_bytes(most);
        let is_longer = self.request().content_length().is_some_and(|length| length > limit);
        if is_longer { Err(too_large(limit)) } else { Ok(limit) }
    }

    /// The body in one piece, up to `MAX_CONTENT_LENGTH` bytes. Flask's `request.data`.
    ///
    /// # Errors
    ///
    /// 413 if it is longer, 408 if it stops coming, 400 if it is cut off.
    pub async fn data(&mut self) -> Result<Bytes> {
        self.data_up_to(u64::MAX).await
    }

    /// What was read before is given whatever its size.
    async fn data_up_to(&mut self, most: u64) -> Result<Bytes> {
        if let Some(data) = &self.body_state().data {
            return Ok(data.clone());
        }
        let limit = self.body_limit(most)?;
        let body = std::mem::take(self.request_mut().body_mut());
        let mut reserved = self.request().reserve();
        let note = |bytes| reserved.as_mut().map_or(Ok(()), |reserved| reserved.set(bytes));
        let data = body.collect_noting(limit, note).await.map_err(|error| size_error(error, limit))?;
        self.body_state().reserved = reserved;
        Ok(self.body_state().data.insert(data).clone())
    }

    /// The form in the body: urlencoded or multipart. Without a form it is empty, as in Flask.
    ///
    /// # Errors
    ///
    /// 413 beyond `MAX_CONTENT_LENGTH`, `MAX_FORM_MEMORY_SIZE` or `MAX_FORM_PARTS`; 400 for a multipart body
    /// that is malformed or cut off.
    pub async fn form(&mut self) -> Result<&FormData> {
        self.shared_form().await.map(Arc::as_ref)
    }

    /// The query's keys and values, and, unless the method is GET, then the form's. Flask's `request.values`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn greet(ctx: &mut Context) -> Result<String> {
    ///     let values = ctx.values().await?;
    ///     Ok(values.getlist("name").collect::<Vec<_>>().join(" and "))
    /// }
    ///
    /// let client = App::new("doc", ".").add_url_rule(Rule::new("/").methods([GET, POST]), greet).test_client();
    /// let response = client.post("/?name=Ada").form([("name", "Grace")]).send_blocking();
    /// assert_eq!(response.text(), "Ada and Grace");
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`form`](Context::form).
    pub async fn values(&mut self) -> Result<MultiDict> {
        let mut values = self.request().args().clone();
        if self.request().method() != Method::GET {
            self.form().await?.fields.iter().for_each(|(key, value)| values.add(key, value));
        }
        Ok(values)
    }

    /// The same for an argument that keeps the form without a copy.
    ///
    /// # Errors
    ///
    /// Those of [`form`](Context::form).
    pub async fn shared_form(&mut self) -> Result<&Arc<FormData>> {
        if self.parsed_form().is_none() {
            let encoding = FormEncoding::of(self.request());
            if encoding == Some(FormEncoding::Multipart) {
                // It is not begun if it is said to be too long.
                self.body_limit(u64::MAX)?;
            }
            self.parse_form(encoding).await?;
        }
        if let Some(TooLarge { limit, .. }) = self.body_state().too_large {
            return Err(too_large(limit));
        }
        Ok(self.body_state().form.get_or_insert_default())
    }

    /// A body that is compressed, or encoded otherwise, is not read: what it expands to has no bound (RFC 9110 §8.4).
    ///
    /// # Errors
    ///
    /// 415, with what would be accepted.
    pub(crate) fn refuse_encoded(&self) -> Result<()> {
        let encoding = self.request().content_encoding().unwrap_or_default().trim();
        if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
            return Ok(());
        }
        let error = HttpError::new(415).description("The body must not be compressed or encoded otherwise.");
        Err(error.header("accept-encoding", "identity").into())
    }

    /// The form, or its beginning if it is a multipart form that becomes larger than `MAX_CONTENT_LENGTH` within a file:
    /// what came before, as much of the file as fits, and the [`TooLarge`] that says which file it is. For an argument
    /// that shows the form again; [`Form`](struct@crate::Form) is one.
    ///
    /// # Errors
    ///
    /// Those of [`form`](Context::form), except in this case.
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[post("/", with = hipflask::security::CsrfExempt)]
    /// async fn send(ctx: &mut Context) -> Result<String> {
    ///     let (form, too_large) = ctx.form_so_far().await?;
    ///     let field = too_large.as_ref().map(|too_large| too_large.field());
    ///     Ok(format!("{:?} {field:?}", form.get("title")))
    /// }
    ///
    /// let client = App::new("doc", ".").config("MAX_CONTENT_LENGTH", 1000).routes(routes![send]).test_client();
    /// let request = client.post("/").form([("title", "Kept")]).file("photo", "p.jpg", "image/jpeg", vec![0; 2000]);
    /// assert_eq!(request.send_blocking().text(), r#"Some("Kept") Some("photo")"#);
    /// ```
    pub async fn form_so_far(&mut self) -> Result<(Arc<FormData>, Option<TooLarge>)> {
        if self.parsed_form().is_none() {
            self.parse_form(FormEncoding::of(self.request())).await?;
        }
        let state = self.body_state();
        Ok((Arc::clone(state.form.get_or_insert_default()), state.too_large.clone()))
    }

    async fn parse_form(&mut self, encoding: Option<FormEncoding>) -> Result<()> {
        if encoding.is_some() {
            self.refuse_encoded()?;
        }
        let (form, too_large) = match encoding {
            Some(FormEncoding::Urlencoded) => (self.parse_urlencoded().await?, None),
            // Its state is large, and would be a part of the future of every view that takes a form.
            Some(FormEncoding::Multipart) => Box::pin(self.parse_multipart()).await?,
            None => (FormData::default(), None),
        };
        let state = self.body_state();
        (state.form, state.too_large) = (Some(Arc::new(form)), too_large);
        Ok(())
    }

    async fn parse_urlencoded(&mut self) -> Result<FormData> {
        let limit = self.max_form_memory_size();
        let data = self.data_up_to(limit).await?;
        if data.len() as u64 > limit {
            Err(too_large(limit))
        } else {
            Ok(FormData { fields: MultiDict::from_query(&data), files: Vec::new() })
        }
    }

    async fn parse_multipart(&mut self) -> Result<(FormData, Option<TooLarge>)> {
        let content_type = self.request().mimetype_params();
        let decoder = Decoder::new(content_type.get("boundary").unwrap_or_default()).map_err(malformed)?;
        let limit = self.most_bytes(u64::MAX);
        let reader = MultipartReader {
            decoder,
            limit,
            left: limit,
            is_over: false,
            max_field: self.max_form_memory_size(),
            max_parts: self.max_form_parts(),
            form: FormData::default(),
            reserved: self.request().reserve(),
            kept: 0,
        };
        let body = match self.body_state().data.clone() {
            Some(data) => Body::from(data),
            None => std::mem::take(self.request_mut().body_mut()),
        };
        let (form, too_large, reserved) = reader.read(body).await?;
        self.body_state().reserved = reserved;
        Ok((form, too_large))
    }

    /// A JSON body with very many values takes a hundred times its size as a `serde_json::Value`.
    ///
    /// # Errors
    ///
    /// 413 beyond `MAX_JSON_NODES`.
    pub(crate) fn check_json(&self, data: &[u8]) -> Result<()> {
        let most = self.app().limits().max_json_nodes;
        // Each but the first takes a byte at least that is not its own.
        if data.len() <= most || json::count_nodes(data, most) <= most {
            return Ok(());
        }
        let told = format!("The JSON has more than the {most} values that are allowed.");
        Err(HttpError::new(413).description(told).into())
    }
}

/// How a form is written into the body.
#[derive(Clone, Copy, PartialEq)]
enum FormEncoding {
    Urlencoded,
    Multipart,
}

impl FormEncoding {
    fn of(request: &Request) -> Option<FormEncoding> {
        let mimetype = request.media_type();
        if mimetype.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(FormEncoding::Urlencoded)
        } else if mimetype.eq_ignore_ascii_case("multipart/form-data") {
            Some(FormEncoding::Multipart)
        } else {
            None
        }
    }
}

/// Reads a multipart body as it comes; files beyond [`SPOOL_SIZE`] never are in memory as a whole.
struct MultipartReader {
    decoder: Decoder,
    limit: u64,
    /// Bytes that may still come.
    left: u64,
    /// Whether more came than may.
    is_over: bool,
    max_field: u64,
    max_parts: usize,
    form: FormData,
    reserved: Option<Reserved>,
    /// The bytes that stay in memory with the form.
    kept: usize,
}

/// A form, the reason if it is only the beginning of one, and what it has of the memory.
type Read = (FormData, Option<TooLarge>, Option<Reserved>);

/// The part that is being read.
enum Open {
    Field(PartHead, Vec<u8>),
    File(PartHead, Spool),
}

impl MultipartReader {
    /// Reads to the end, or to the limit if that comes within a file.
    async fn read(mut self, mut body: Body) -> Result<Read> {
        let mut open: Option<Open> = None;
        let mut parts = 0;
        let mut field_bytes = 0;
        loop {
            match self.decoder.next().map_err(malformed)? {
                Some(Event::Part(head)) => {
                    parts += 1;
                    if parts > self.max_parts {
                        return Err(too_many_parts(self.max_parts));
                    }
                    open = Some(match head.filename {
                        None => Open::Field(head, Vec::new()),
                        Some(_) => Open::File(head, Spool::default()),
                    });
                }
                Some(Event::Data(data)) => match &mut open {
                    Some(Open::Field(_, text)) => {
                        field_bytes += data.len() as u64;
                        self.kept += data.len();
                        self.reserve(0)?;
                        if field_bytes > self.max_field {
                            return Err(too_large(self.max_field));
                        }
                        text.extend_from_slice(&data);
                    }
                    Some(Open::File(_, spool)) => {
                        spool.write(data).await?;
                        self.reserve(spool.waiting())?;
                    }
                    None => {}
                },
                Some(Event::PartEnd) => self.close(open.take()).await?,
                Some(Event::End) => {
                    // The rest is ignored, but read: the connection is in order only after it.
                    while !self.is_over
                        && let Some(chunk) = body.chunk().await.transpose()?
                    {
                        self.allowed(chunk);
                    }
                    return if self.is_over {
                        Err(too_large(self.limit))
                    } else {
                        Ok((self.form, None, self.reserved))
                    };
                }
                None if self.is_over => return self.stop_within(open).await,
                None => match body.chunk().await.transpose()? {
                    Some(chunk) => {
                        let chunk = self.allowed(chunk);
                        self.decoder.feed(chunk);
                    }
                    None => self.decoder.finish(),
                },
            }
        }
    }

    /// As much of the next bytes as the limit allows.
    fn allowed(&mut self, mut chunk: Bytes) -> Bytes {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.is_over |= chunk.len() > allowed;
        chunk.truncate(allowed);
        self.left -= chunk.len() as u64;
        chunk
    }

    /// The limit is reached: if that is in a file, what came before it, and as much of the file as there is.
    async fn stop_within(mut self, open: Option<Open>) -> Result<Read> {
        let Some(Open::File(head, _)) = &open else { return Err(too_large(self.limit)) };
        let too_large = TooLarge { field: head.name.clone(), limit: self.limit };
        self.close(open).await?;
        Ok((self.form, Some(too_large), self.reserved))
    }

    /// Pays for what stays in memory, and for `waiting` bytes that are on their way to the disk.
    fn reserve(&mut self, waiting: usize) -> Result<()> {
        self.reserved.as_mut().map_or(Ok(()), |reserved| reserved.set(self.kept + waiting))
    }

    async fn close(&mut self, open: Option<Open>) -> Result<()> {
        match open {
            Some(Open::Field(head, text)) => {
                let text = decode(text, &head.content_type);
                self.form.fields.add(&head.name, &text);
            }
            Some(Open::File(head, spool)) => {
                let content = spool.finish().await?;
                if let Content::Memory(bytes) = &content {
                    self.kept += bytes.len();
                }
                self.reserve(0)?;
                let filename = head.filename.unwrap_or_default();
                self.form.files.push(Upload {
                    name: head.name,
                    filename,
                    content_type: head.content_type,
                    head: head.raw,
                    content,
                });
            }
            None => {}
        }
        Ok(())
    }
}

/// The text of a field. A part may name another charset (RFC 7578 §4.4); the one besides UTF-8 that Werkzeug
/// believes is Latin-1.
fn decode(text: Vec<u8>, content_type: &str) -> String {
    let latin = |charset: &str| charset.eq_ignore_ascii_case("iso-8859-1");
    if HeaderOptions::parse(content_type).get("charset").is_some_and(latin) {
        text.into_iter().map(char::from).collect()
    } else {
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn too_large(limit: u64) -> Error {
    let told = format!("The request is larger than the {} that are allowed.", ByteSize(limit));
    HttpError::new(413).description(told).into()
}

fn too_many_parts(limit: usize) -> Error {
    HttpError::new(413).description(format!("The form has more than the {limit} parts that are allowed.")).into()
}

fn size_error(error: Error, limit: u64) -> Error {
    match error.downcast_ref::<BodyTooLarge>() {
        Some(_) => too_large(limit),
        None => error,
    }
}

fn malformed(MultipartError(reason): MultipartError) -> Error {
    HttpError::new(400).description(format!("The form cannot be read: {reason}.")).into()
}
