//! Views that count how often they ran: what a case must not reach.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hipflask::prelude::*;
use hipflask::security::CsrfExempt;

static RUNS: AtomicU64 = AtomicU64::new(0);

/// Counts one run.
pub fn bump() {
    RUNS.fetch_add(1, Relaxed);
}

#[route("/canary", methods = [GET, POST, PUT, DELETE], with = CsrfExempt)]
async fn canary() -> &'static str {
    bump();
    "CANARY-HIT"
}

#[post("/canary-body", with = CsrfExempt)]
async fn canary_body(ctx: &mut Context) -> Result<Json<serde_json::Value>> {
    let bytes = ctx.data().await?.len();
    bump();
    Ok(Json(serde_json::json!({ "n": bytes })))
}

/// Runs to its end although the client has gone.
#[get("/canary-slow")]
async fn canary_slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(500)).await;
    bump();
    "slow"
}

#[get("/canary-count")]
async fn canary_count() -> String {
    RUNS.load(Relaxed).to_string()
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("canary").routes(routes![canary, canary_body, canary_slow, canary_count])
}
