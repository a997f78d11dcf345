//! Waiting for two things at once.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What the first of two futures yields.
pub(crate) async fn first_of<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> T {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(first) => Poll::Ready(first),
        Poll::Pending => b.as_mut().poll(cx),
    })
    .await
}
