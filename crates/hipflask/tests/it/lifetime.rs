//! The start and the end of an application: in which order, and what becomes of functions that fail or do not end.

use std::future::pending;
use std::sync::{Arc, Mutex};

use hipflask::extension::{Inline, inline};
use hipflask::prelude::*;

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<&'static str>>>);

impl Record {
    /// It runs in place, so that no limit of time is too short for it.
    fn hook(&self, what: &'static str) -> Inline<impl Fn() + Send + Sync + 'static + use<>> {
        let record = self.clone();
        inline(move || record.0.lock().expect("no test panics while it notes").push(what))
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }
}

/// As long as a function may take that never ends.
const SHORT: f64 = 0.01;

#[hipflask::test]
async fn the_end_is_the_start_in_reverse() {
    let record = Record::default();
    let app = App::new("test", ".")
        .on_startup(record.hook("start 1"))
        .on_shutdown(record.hook("stop 1"))
        .on_startup(record.hook("start 2"))
        .on_shutdown(record.hook("stop 2"))
        .freeze()
        .expect("in order");
    app.start().await.expect("it starts");
    app.start().await.expect("it has");
    assert_eq!(record.take(), ["start 1", "start 2"]);
    app.stop().await.expect("it stops");
    app.stop().await.expect("it has");
    assert_eq!(record.take(), ["stop 2", "stop 1"]);
}

#[hipflask::test]
async fn a_start_that_takes_too_long_fails_with_its_line_and_what_had_started_stops() {
    let record = Record::default();
    let line = line!() + 6;
    let app = App::new("test", ".")
        .config("STARTUP_TIMEOUT", SHORT)
        .on_startup(record.hook("start 1"))
        .on_shutdown(record.hook("stop 1"))
        .teardown_appcontext(record.hook("context"))
        .on_startup(async || pending::<()>().await)
        .on_shutdown(record.hook("stop 2"))
        .on_startup(record.hook("start 3"))
        .freeze()
        .expect("in order");
    let error = app.start().await.expect_err("it does not end");
    let told = error.to_string();
    assert!(
        told.contains(&format!("the on_startup function at {}:{line} was not done after 0.01 seconds", file!())),
        "{told}"
    );
    assert!(told.ends_with("give it more time with `STARTUP_TIMEOUT`"), "{told}");
    assert_eq!(error.location().line(), line);
    assert_eq!(record.take(), ["start 1", "context", "context", "stop 1", "context"]);
}

#[hipflask::test]
async fn an_end_that_takes_too_long_keeps_no_other_from_ending() {
    let record = Record::default();
    let app = App::new("test", ".")
        .config("SHUTDOWN_TIMEOUT", SHORT)
        .on_shutdown(record.hook("stop 1"))
        .on_shutdown(async || pending::<()>().await)
        .on_shutdown(async || -> Result<()> { Err(Error::msg("it fails first")) })
        .freeze()
        .expect("in order");
    app.start().await.expect("it starts");
    assert_eq!(app.stop().await.expect_err("one fails").to_string(), "it fails first");
    assert_eq!(record.take(), ["stop 1"]);
}

#[test]
fn a_limit_is_a_number_of_seconds_or_none() {
    let with = |value: serde_json::Value| App::new("test", ".").config("STARTUP_TIMEOUT", value).freeze();
    assert!(with(serde_json::Value::Null).is_ok());
    assert!(with(1.5.into()).is_ok());
    let told = with((-1).into()).expect_err("it is none").to_string();
    assert!(told.contains("`STARTUP_TIMEOUT`"), "{told}");
}
