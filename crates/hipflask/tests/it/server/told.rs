//! What the server says in the log about itself: that nobody can log in, and what it waits for at its end.

use std::net::SocketAddr;

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask::server::Server;

use super::{Gate, app, freeze, soon};
use crate::log::Log;

const KEY: &str = "a key that is long enough, and only for tests";

/// What is logged by a server of `app` that begins and ends.
fn log_of(make: impl FnOnce() -> Server) -> String {
    Log::of(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has threads");
        runtime.block_on(make().run_until(async {})).expect("it serves");
    })
}

#[test]
fn a_cookie_that_no_browser_keeps_is_told_at_the_start() {
    let (everywhere, here): (SocketAddr, SocketAddr) = (([0, 0, 0, 0], 0).into(), ([127, 0, 0, 1], 0).into());
    let app = || app().config("SECRET_KEY", KEY);
    let log = log_of(|| Server::new(freeze(app())).bind(here).bind(everywhere));
    for told in ["nobody can log in at http://0.0.0.0:", "FLASK_SESSION_COOKIE_SECURE", "WARN"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    for (case, app, address) in [
        ("this machine alone", app(), here),
        ("this machine alone, by its other name", app(), ([0u16, 0, 0, 0, 0, 0, 0, 1], 0).into()),
        ("developing", app().config("DEBUG", true), everywhere),
        ("no sessions", super::app(), everywhere),
        ("somebody has thought of it", app().config("SESSION_COOKIE_SECURE", true), everywhere),
        ("without HTTPS", app().config("SESSION_COOKIE_SECURE", false), everywhere),
    ] {
        assert_eq!(log_of(|| Server::new(freeze(app)).bind(address)), "", "{case}");
    }
}

/// Behind a Unix socket there is a proxy.
#[cfg(unix)]
#[test]
fn a_unix_socket_is_no_plain_http() {
    let path = std::env::temp_dir().join(format!("hipflask-told-{}", std::process::id()));
    let log = log_of(|| Server::new(freeze(app().config("SECRET_KEY", KEY))).unix(&path));
    assert_eq!(log, "");
}

#[test]
fn the_end_says_what_it_waits_for() {
    let gate = Gate::new();
    let app = app().add_url_rule(Rule::new("/slow"), gate.view()).config("SERVER_GRACEFUL_TIMEOUT", 1.2);
    let log = Log::of(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has threads");
        runtime.block_on(async {
            let server = super::Server::start_here(app);
            let mut client = server.connect().await;
            client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            gate.begun().await;
            soon(server.stop()).await.expect("it does not panic").expect("it stops in good order");
        });
    });
    for told in ["waiting up to 1.2 s for 1 connection or view to end", "broke off 1 connection or view after 1.2 s"] {
        assert!(log.contains(told), "{told}: {log}");
    }
}
