//! The port that only leads to HTTPS.

use super::super::Server;
use super::{Authority, app};

#[hipflask::test]
async fn everything_is_redirected_and_nothing_served() {
    let authority = Authority::new();
    let app = app().config("TRUSTED_HOSTS", ["example.org", "[::1]"]);
    let tls = authority.tls();
    // The first socket is the plain one, whose address the tests know; the other has any.
    let server = Server::start_as(app.config("HTTPS_PORT", 443), |server| {
        server.redirect_to_https().bind(([127, 0, 0, 1], 0)).tls(tls)
    });
    for (request, location) in [
        ("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "https://example.org/"),
        ("GET /how?a=%2F&b HTTP/1.1\r\nHost: EXAMPLE.org:8080\r\n\r\n", "https://example.org/how?a=%2F&b"),
        ("POST /how HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\nabc", "https://[::1]/how"),
        ("GET //evil.example/%0a HTTP/1.1\r\nHost: example.org\r\n\r\n", "https://example.org//evil.example/%0a"),
        ("GET http://example.org/x HTTP/1.1\r\nHost: example.org\r\n\r\n", "https://example.org/x"),
        ("OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n", "https://example.org/"),
        ("GET /static/x HTTP/1.0\r\nHost: example.org\r\n\r\n", "https://example.org/static/x"),
    ] {
        let answer = server.answer(request).await;
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{request}");
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.header("connection"), Some("close"));
    }
    for request in [
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: example.org@evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let answer = server.answer(request).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{request}");
    }
}

#[hipflask::test]
async fn the_port_is_that_of_the_socket_with_tls() {
    let authority = Authority::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = other.local_addr().expect("it is bound").port();
    let tls = authority.tls();
    let server = Server::start_as(app(), |server| server.redirect_to_https().listener(other).tls(tls));
    let answer = server.answer("GET /how HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(answer.header("location"), Some(&*format!("https://localhost:{port}/how")));
}
