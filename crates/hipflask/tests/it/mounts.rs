//! Applications and functions mounted into an application.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use hipflask::prelude::*;
use hipflask::{Answer, Handler};

/// Where a request is, as the functions around a view see it.
fn place(ctx: &Context) -> String {
    let request = ctx.request();
    format!("{} {}|{} {:?}", request.method(), request.root_path(), request.path(), request.header("x-test"))
}

/// An application with `mounted` at `/old` that notes where its own functions find the request.
fn noting(mounted: impl Handler, noted: &Arc<Mutex<Vec<String>>>) -> App {
    let note = |noted: &Arc<Mutex<Vec<String>>>, ctx: &Context| noted.lock().expect("no panic here").push(place(ctx));
    let (on_error, after, teardown) = (Arc::clone(noted), Arc::clone(noted), Arc::clone(noted));
    App::new("test", ".")
        .mount("/old", mounted)
        .register_error_handler(500, move |ctx: &mut Context| {
            note(&on_error, ctx);
            (Status::INTERNAL_SERVER_ERROR, "handled")
        })
        .after_request(move |ctx: &mut Context| note(&after, ctx))
        .teardown_request(move |ctx: &mut Context| note(&teardown, ctx))
        .config("DEBUG", false)
        .config("SECRET_KEY", "a key that is long enough, and only for tests")
}

struct Panicking;

impl Handler for Panicking {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        assert_eq!((ctx.request().root_path(), ctx.request().path()), ("/old", "/x"));
        panic!("in a mount")
    }
}

#[test]
fn a_mount_that_panics_leaves_the_path_whole() {
    let noted = Arc::default();
    let client = noting(Panicking, &noted).test_client();
    let response = client.get("/old/x").header("x-test", "1").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "handled"));
    assert_eq!(*noted.lock().expect("nothing panicked"), ["GET |/old/x Some(\"1\")"; 3]);
}

/// Gives its handler up where that first waits, as a time-out does.
struct Impatient(Arc<dyn Handler>);

impl Handler for Impatient {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let mut answer = pin!(self.0.call(ctx));
            match poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
                Poll::Ready(answer) => answer,
                Poll::Pending => Err(Error::msg("it took too long")),
            }
        }))
    }
}

#[test]
fn a_mounted_application_that_is_given_up_returns_the_request() {
    async fn slow() -> &'static str {
        pending().await
    }
    let inner = App::new("inner", ".").add_url_rule(Rule::new("/slow"), slow).freeze().expect("it is well formed");
    let noted = Arc::default();
    let client = noting(Impatient(Arc::new(inner)), &noted).test_client();
    let response = client.get("/old/slow").header("x-test", "1").send_blocking();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "handled"));
    assert_eq!(*noted.lock().expect("nothing panicked"), ["GET |/old/slow Some(\"1\")"; 3]);
}
