use std::convert::Infallible;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, header, service::service_fn, server::conn::http1};
use hyper_util::rt::TokioIo;

async fn answer(req: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = req.uri().path();
    let (ct, body) = match path {
        "/plaintext" => ("text/plain; charset=utf-8", Bytes::from_static(b"Hello, World!")),
        "/json" => ("application/json", Bytes::from_static(b"{\"message\":\"Hello, World!\"}")),
        _ => ("text/plain", Bytes::new()),
    };
    let mut r = Response::new(Full::new(body));
    r.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(ct));
    Ok(r)
}

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(3).unwrap().parse().unwrap();
    let l = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (s, _) = l.accept().await.unwrap();
        s.set_nodelay(true).unwrap();
        tokio::spawn(async move { let _ = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(s), service_fn(answer)).await; });
    }
}
