//! The bench on bare hyper: what is left when there is no framework.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use cookie::{Cookie, CookieJar, Key, SameSite};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::net::TcpListener;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

struct Site {
    templates: Environment<'static>,
    key: Key,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Post {
    id: u32,
    title: String,
    author: &'static str,
    body: &'static str,
}

fn posts() -> Vec<Post> {
    let body = "It is <b>not bold</b>, and it is not \"new\" & 'improved'.";
    (1..=12).map(|id| Post { id, title: format!("Post <{id}>"), author: "Ada & Grace", body }).collect()
}

type Answer = Response<Full<Bytes>>;

fn answer(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

async fn serve(site: Arc<Site>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/plaintext") => answer(TEXT, "Hello, World!"),
        (&Method::GET, "/json") => json(),
        (&Method::GET, "/template") => template(&site),
        (&Method::GET, "/session") => session(&site, &request),
        (&Method::POST, "/form") => form(request).await.unwrap_or_else(|| refuse(StatusCode::BAD_REQUEST)),
        (&Method::GET, path) => match path.strip_prefix("/hello/") {
            Some(name) => hello(name),
            None => refuse(StatusCode::NOT_FOUND),
        },
        _ => refuse(StatusCode::NOT_FOUND),
    })
}

fn json() -> Answer {
    let body = serde_json::to_vec(&Message { message: "Hello, World!" });
    body.map_or_else(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR), |body| answer(JSON, body))
}

fn hello(name: &str) -> Answer {
    match percent_decode_str(name).decode_utf8() {
        Ok(name) => answer(HTML, format!("<h1>Hello, {}!</h1>", html_escape::encode_text(&name))),
        Err(_) => refuse(StatusCode::BAD_REQUEST),
    }
}

fn template(site: &Site) -> Answer {
    let template = site.templates.get_template("posts.html");
    let page = template.and_then(|template| template.render(context! { heading => "Posts", posts => Serde(posts()) }));
    page.map_or_else(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR), |page| answer(HTML, page))
}

fn session(site: &Site, request: &Request<Incoming>) -> Answer {
    let mut jar = CookieJar::new();
    let sent = request.headers().get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for cookie in Cookie::split_parse(sent).flatten() {
        jar.add_original(cookie.into_owned());
    }
    let visits = jar.signed(&site.key).get("visits").and_then(|cookie| cookie.value().parse().ok()).unwrap_or(0) + 1;
    let cookie = Cookie::build(("visits", visits.to_string())).path("/").http_only(true).same_site(SameSite::Lax);
    jar.signed_mut(&site.key).add(cookie);
    let mut response = answer(TEXT, format!("visit {visits}"));
    for value in jar.delta().filter_map(|cookie| HeaderValue::try_from(cookie.to_string()).ok()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

async fn form(request: Request<Incoming>) -> Option<Answer> {
    let body = Limited::new(request.into_body(), 500_000).collect().await.ok()?.to_bytes();
    let fields: HashMap<_, _> = form_urlencoded::parse(&body).collect();
    let name = fields.get("name").filter(|name| (2..=60).contains(&name.chars().count()))?;
    let age: u8 = fields.get("age")?.parse().ok().filter(|age| (16..=120).contains(age))?;
    let note = fields.get("note").filter(|note| note.chars().count() <= 500)?;
    Some(answer(TEXT, format!("{name} ({age}): {note}")))
}

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(3).and_then(|port| port.parse().ok()).expect("run --port PORT");
    let mut templates = Environment::new();
    templates.add_template("base.html", include_str!("../../templates/base.html")).expect("base.html");
    templates.add_template("posts.html", include_str!("../../templates/posts.html")).expect("posts.html");
    let key = Key::from(std::env::var("FLASK_SECRET_KEY").expect("FLASK_SECRET_KEY").as_bytes());
    let site = Arc::new(Site { templates, key });
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(Arc::clone(&site), request));
            let _ = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
