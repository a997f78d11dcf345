//! An extension: how often a client may ask for a view, counted in windows of a fixed length.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hipflask::Extension;
use hipflask::extension::{Answer, Handler};
use hipflask::prelude::*;

/// So many requests in such a time, for each client and each view.
pub(crate) struct RateLimit(pub(crate) u32, pub(crate) Duration);

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// When the current window began, and how many requests there were in it.
type Windows = Mutex<HashMap<(String, Option<IpAddr>), (Instant, u32)>>;

/// Counts requests, and refuses those that are too many.
pub(crate) struct RateLimits(pub(crate) Clock);

impl Extension for RateLimits {
    fn init_app(self, app: App) -> App {
        let (clock, windows) = (self.0, Windows::default());
        app.reads_option::<RateLimit>().before_request(Count { clock, windows })
    }
}

struct Count {
    clock: Clock,
    windows: Windows,
}

impl Handler for Count {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        let Some(&RateLimit(most, length)) = ctx.option() else { return Answer::Ready(Ok(None)) };
        let now = (self.clock)();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.retain(|_, (begun, _)| now < *begun + length);
        let client = (ctx.endpoint().unwrap_or_default().to_owned(), ctx.request().remote_addr());
        let (begun, count) = windows.entry(client).or_insert((now, 0));
        *count += 1;
        if *count <= most {
            return Answer::Ready(Ok(None));
        }
        let left = (*begun + length - now).as_secs_f64().ceil();
        Answer::Ready(Err(HttpError::new(429).header("retry-after", left.to_string()).into()))
    }
}
