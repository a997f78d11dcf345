//! The alternatives that DESIGN.md decides between, as servers to be measured: `bench-decisions PORT VARIANT`.

use hipflask::prelude::*;
use hipflask::{Context, Frozen};
use tokio::runtime::Builder;

fn sync_hook(ctx: &mut Context) {
    ctx.response_mut();
}

async fn async_hook(ctx: &mut Context) {
    ctx.response_mut();
}

#[get("/async")]
async fn asynchronous() -> &'static str {
    "Hello, World!"
}

/// A synchronous view may block, so it runs on a thread of its own kind.
#[get("/sync")]
fn synchronous() -> &'static str {
    "Hello, World!"
}

#[get("/sync/context")]
fn synchronous_with_context(ctx: &mut Context) -> &'static str {
    ctx.response_mut();
    "Hello, World!"
}

/// One that promises not to block runs in place.
#[get("/inline", inline)]
fn in_place() -> &'static str {
    "Hello, World!"
}

/// What a synchronous view would cost where each call goes to one of tokio's threads for blocking work.
#[get("/elsewhere")]
async fn elsewhere() -> Result<&'static str> {
    Ok(tokio::task::spawn_blocking(|| "Hello, World!").await?)
}

#[get("/blocking")]
fn blocking() -> &'static str {
    std::thread::sleep(std::time::Duration::from_millis(50));
    "Hello, World!"
}

fn app(variant: &str) -> App {
    let app = App::new("decisions", ".").config("SECRET_KEY", "a key that is long enough, and only for the bench");
    let app = match variant {
        "sync-hooks" => (0..8).fold(app, |app, _| app.before_request(sync_hook)),
        "async-hooks" => (0..8).fold(app, |app, _| app.before_request(async_hook)),
        _ => app,
    };
    app.routes(routes![asynchronous, synchronous, synchronous_with_context, in_place, elsewhere, blocking])
}

async fn serve(app: Frozen, port: u16) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    hipflask::server::serve_on(app, listener, std::future::pending()).await.expect("it serves");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().expect("the first argument is the port");
    let variant = arguments[2].as_str();
    let app = app(variant).freeze().expect("the application is right");
    let runtime = match variant {
        "current-thread" => Builder::new_current_thread().enable_all().build(),
        "one-worker" => Builder::new_multi_thread().worker_threads(1).enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    };
    runtime.expect("the runtime starts").block_on(async {
        // The first task of the runtime is where all connections are accepted; it must not be `block_on`'s own.
        tokio::spawn(serve(app, port)).await.expect("it serves");
    });
}
