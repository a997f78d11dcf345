//! The workloads: what is sent, and which figures count.

use crate::load::Request;

/// As many files as the servers and the load generators may have open.
pub const OPEN_FILES: u32 = 20_000;

/// One kind of work for a server.
#[derive(Clone)]
pub struct Workload {
    pub name: &'static str,
    /// What it is, for the results.
    pub about: &'static str,
    request: fn() -> Request,
    pub kind: Kind,
    pub connections: u32,
    /// Whether the request carries the cookies that a first answer has set.
    pub with_cookies: bool,
    pub with_database: bool,
    /// How many routes there are beside those of the workloads.
    pub routes: u32,
    /// The servers that have it; all if none is named.
    servers: &'static [&'static str],
}

/// What is measured.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Requests, one after the other over each connection.
    Requests,
    /// Bodies of so many MB.
    Bodies(f64),
    /// Quick requests, while slow ones come over so many connections of their own.
    BesideSlow(u32),
    /// So many connections over which nothing happens after a first request.
    Idle(u32),
}

impl Kind {
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Requests => &["CPU µs/request", "requests/s", "p50 ms", "p99 ms", "MiB"],
            Kind::Bodies(_) => &["CPU µs/MB", "requests/s", "p50 ms", "p99 ms", "MiB"],
            Kind::BesideSlow(_) => &["p99 ms", "p50 ms", "requests/s", "MiB"],
            Kind::Idle(_) => &["KiB/connection", "MiB before", "MiB"],
        }
    }
}

/// The servers with an application on them, rather than only an answer.
const FRAMEWORKS: &[&str] = &["ours", "bare", "axum", "actix", "rocket", "gunicorn", "granian"];

impl Workload {
    /// One for every server.
    fn new(name: &'static str, about: &'static str, request: fn() -> Request) -> Workload {
        Workload {
            name,
            about,
            request,
            kind: Kind::Requests,
            connections: 64,
            with_cookies: false,
            with_database: false,
            routes: 0,
            servers: &[],
        }
    }

    /// One that bare hyper does not have.
    fn of_frameworks(name: &'static str, about: &'static str, request: fn() -> Request) -> Workload {
        Workload { servers: FRAMEWORKS, ..Workload::new(name, about, request) }
    }

    pub fn request(&self) -> Request {
        (self.request)()
    }

    pub fn has(&self, server: &str) -> bool {
        self.servers.is_empty() || self.servers.contains(&server)
    }
}

/// The workloads in the order of the tables.
pub fn all() -> Vec<Workload> {
    vec![
        Workload::new("plaintext", "thirteen bytes of text", || Request::get("/plaintext")),
        Workload {
            servers: &["ours", "bare"],
            ..Workload::new("sync", "plaintext by a synchronous view", || Request::get("/sync"))
        },
        Workload::new("json", "a small object as JSON", || Request::get("/json")),
        Workload::new("hello", "a value of the path in escaped HTML", || Request::get("/hello/%3CAda%3E")),
        Workload::new("template", "a page with inheritance and a loop over twelve escaped rows", || {
            Request::get("/template")
        }),
        Workload {
            with_cookies: true,
            ..Workload::new("session", "a signed session verified, counted up and signed again", || {
                Request::get("/session")
            })
        },
        Workload::new("form", "a form read, validated and echoed", form),
        Workload {
            with_cookies: true,
            servers: &["ours", "bare", "axum", "gunicorn", "granian"],
            ..Workload::new("page", "session, flashed message, CSRF token and template together", || {
                Request::get("/page")
            })
        },
        Workload::of_frameworks("static", "a file of 100 kB", || Request::get("/static/100kB.bin")),
        Workload {
            with_database: true,
            ..Workload::of_frameworks("row", "a row of PostgreSQL as JSON", || Request::get("/row/500"))
        },
        Workload {
            with_database: true,
            ..Workload::of_frameworks("fortunes", "twelve rows of PostgreSQL in a sorted, escaped page", || {
                Request::get("/fortunes")
            })
        },
        Workload {
            routes: 10,
            ..Workload::of_frameworks("routes10", "the last of 10 more routes", || Request::get("/r9/42"))
        },
        Workload {
            routes: 1000,
            ..Workload::of_frameworks("routes1000", "the last of 1,000 more routes", || Request::get("/r999/42"))
        },
        Workload {
            kind: Kind::Bodies(UPLOAD as f64 / 1e6),
            connections: 8,
            ..Workload::of_frameworks("upload", "a file of 10 MB in a form, written to the disk", upload)
        },
        Workload {
            kind: Kind::BesideSlow(16),
            connections: 48,
            ..Workload::of_frameworks(
                "blocking",
                "plaintext while 16 more connections ask for a view that sleeps 50 ms",
                || Request::get("/plaintext"),
            )
        },
        Workload {
            kind: Kind::Idle(10_000),
            // A synchronous worker of gunicorn keeps no connection open, granian serves 1,024 at most by default.
            servers: &["ours", "bare", "hyper", "axum", "actix", "rocket"],
            ..Workload::new("idle", "10,000 open connections over which a request has come", || {
                Request::get("/plaintext")
            })
        },
    ]
}

/// What is asked for beside the quick requests of [`Kind::BesideSlow`].
pub fn slow() -> Request {
    Request::get("/sleep")
}

fn form() -> Request {
    let fields = "name=Ada+Lovelace&age=36&note=It%27s+me";
    from_the_same_site(Request::post("/form", "application/x-www-form-urlencoded", fields))
}

const UPLOAD: usize = 10_000_000;

fn upload() -> Request {
    let mut body = b"--bench\r\nContent-Disposition: form-data; name=\"file\"; filename=\"upload.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n"
        .to_vec();
    body.extend((0..UPLOAD).map(|index| b"0123456789abcdef\r\n"[index % 18]));
    body.extend(b"\r\n--bench--\r\n");
    from_the_same_site(Request::post("/upload", "multipart/form-data; boundary=bench", body))
}

/// What every browser sends with a form; our check against forged requests wants it.
fn from_the_same_site(mut request: Request) -> Request {
    request.headers.push(("Sec-Fetch-Site", "same-origin".to_owned()));
    request
}
