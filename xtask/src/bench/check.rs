//! Whether all servers give the same answer.

use std::time::Duration;

use super::Run;
use super::workloads::Workload;
use crate::Result;
use crate::load::{Request, Started};

/// What is compared of an answer.
#[derive(PartialEq)]
struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
    /// Not compared: sent again with the next request.
    cookies: Vec<String>,
}

/// Asks every server once and compares the answers; gives the requests the cookies that they need.
pub fn same_answers(workload: &Workload, runs: &mut [Run<'_>]) -> Result<()> {
    let mut first: Option<(&str, Answer)> = None;
    for run in runs {
        let name = run.peer.name;
        let told = |error| format!("{name}: {error}");
        if workload.with_cookies {
            let cookies = cookies(&run.started, &run.request).map_err(told)?;
            run.request.headers.push(("Cookie", cookies));
        }
        let answer = Answer { cookies: Vec::new(), ..ask(run.started.port, &run.request).map_err(told)? };
        if answer.status != 200 {
            return Err(told(format!("answers {}", shown(&answer, 0))));
        }
        match &first {
            None => first = Some((name, answer)),
            Some((_, expected)) if *expected == answer => {}
            Some((other, expected)) => {
                let from = expected.body.iter().zip(&answer.body).take_while(|(a, b)| a == b).count();
                let (expected, answer) = (shown(expected, from), shown(&answer, from));
                return Err(format!("{name} does not answer as {other} does:\n{other}: {expected}\n{name}: {answer}"));
            }
        }
    }
    Ok(())
}

/// Whether it answers `request` at all.
pub fn answers(server: &Started, request: &Request) -> Result<()> {
    ask(server.port, request).map(drop)
}

/// The cookies that a server sets, as the next request sends them.
pub fn cookies(server: &Started, request: &Request) -> Result<String> {
    Ok(ask(server.port, request)?.cookies.join("; "))
}

fn ask(port: u16, request: &Request) -> Result<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let mut builder = ureq::http::Request::builder();
    builder = builder.method(request.method).uri(format!("http://127.0.0.1:{port}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let mut answer = if request.body.is_empty() {
        builder.body(()).map(|request| agent.run(request))
    } else {
        builder.body(request.body.as_slice()).map(|request| agent.run(request))
    }
    .map_err(|error| error.to_string())?
    .map_err(|error| error.to_string())?;
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let content_type = answer.headers().get("content-type").map(text).unwrap_or_default();
    let cookie = |value| text(value).split(';').next().unwrap_or_default().to_owned();
    let cookies = answer.headers().get_all("set-cookie").iter().map(cookie).collect();
    let body = answer.body_mut().read_to_vec().map_err(|error| error.to_string())?;
    let content_type = content_type.to_ascii_lowercase().replace(' ', "");
    Ok(Answer { status: answer.status().as_u16(), body: normal(&content_type, body), content_type, cookies })
}

/// The body without what may differ: how a character is escaped, a CSRF token, and the white space at the end.
fn normal(content_type: &str, body: Vec<u8>) -> Vec<u8> {
    let is_text = ["text/html", "application/json"].iter().any(|kind| content_type.starts_with(kind));
    let Some(text) = std::str::from_utf8(&body).ok().filter(|_| is_text) else { return body };
    let mut text = text.trim_end().to_owned();
    if content_type.starts_with("text/html") {
        for (spelling, usual) in ESCAPES {
            text = text.replace(spelling, usual);
        }
        if let Some((before, token)) = text.split_once(TOKEN) {
            let after = token.find('"').map_or("", |end| &token[end..]);
            text = format!("{before}{TOKEN}{after}");
        }
    }
    text.into_bytes()
}

/// What is before a CSRF token.
const TOKEN: &str = "name=\"csrf_token\" type=\"hidden\" value=\"";

/// Other spellings of an escaped character, and the usual one.
const ESCAPES: [(&str, &str); 6] = [
    ("&quot;", "&#34;"),
    ("&#x22;", "&#34;"),
    ("&apos;", "&#39;"),
    ("&#x27;", "&#39;"),
    ("&#x2f;", "/"),
    ("&#x2F;", "/"),
];

/// An answer for a person, its body around the place `from`.
fn shown(answer: &Answer, from: usize) -> String {
    let from = from.saturating_sub(20).min(answer.body.len());
    let part = &answer.body[from..answer.body.len().min(from + 100)];
    let (length, part) = (answer.body.len(), String::from_utf8_lossy(part));
    format!("{} {}, {length} bytes, from {from}: {part:?}", answer.status, answer.content_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_differ_is_the_same() {
        let html = |text: &str| normal("text/html;charset=utf-8", text.into());
        assert_eq!(html("&quot;a&#x2F;&#x27;\n"), html("&#34;a/&#39;"));
        assert_ne!(html("&lt;"), html("<"));
        let token = |value: &str| html(&format!("<input name=\"csrf_token\" type=\"hidden\" value=\"{value}\"><p>"));
        assert_eq!(token("one"), token("another"));
        assert!(token("one").ends_with(b"value=\"\"><p>"));
        assert_eq!(normal("application/json", b"{}\n".into()), b"{}");
        assert_eq!(normal("text/plain", b"&quot;\n".into()), b"&quot;\n");
    }
}
