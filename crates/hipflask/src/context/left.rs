//! What a request leaves for its end: contexts that are still in use, what mounted applications have answered, work.

use std::sync::PoisonError;

use http::HeaderValue;

use crate::context::parted::{Hold, Parted, Watch, Work};
use crate::context::{Answered, Context, Left};
use crate::http::body::Body;
use crate::http::request::Request;

impl Left {
    fn work(&mut self) -> &mut Vec<Work> {
        self.work.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn append(&mut self, others: &mut Left) {
        self.mounted.append(&mut others.mounted);
        self.parted.append(&mut others.parted);
        let mut work = std::mem::take(others.work());
        self.work().append(&mut work);
        self.watched = self.watched.take().or(others.watched.take());
    }
}

impl Context {
    /// The contexts that were parted from this one. The request ends when they are gone.
    pub(crate) fn take_parted(&mut self) -> Parted {
        std::mem::take(&mut self.parts_mut().left.parted)
    }

    /// What mounted applications left behind, the innermost first.
    pub(crate) fn mounted(&self) -> &[Answered] {
        &self.parts().left.mounted
    }

    /// Leaves `work` for the end of the request.
    pub(crate) fn leave_work(&mut self, work: Work) {
        let parts = self.parts_mut();
        let unsent = match &parts.hold {
            Some(hold) => hold.leave(work).err(),
            None => Some(work),
        };
        parts.left.work().extend(unsent);
    }

    /// The work that begins now, at the end of the request.
    pub(crate) fn take_work(&mut self) -> Vec<Work> {
        std::mem::take(self.parts_mut().left.work())
    }

    /// Says what leads to that which is held until the request has ended and the work after it is done.
    pub(crate) fn watch(&mut self, watch: Watch) {
        self.parts_mut().left.watched = Some(watch);
    }

    /// Has whoever waits for `other` wait for this one too.
    pub(super) fn watch_as(&mut self, other: &Context) {
        self.parts_mut().left.watched.clone_from(&other.parts().left.watched);
    }

    /// What is to be held until the request has ended and the work after it is done.
    pub(crate) fn watched(&self) -> Option<Hold> {
        self.parts().left.watched.as_ref()?.hold()
    }

    /// Takes the request out, for a mounted application; it comes back by `swap_request`.
    pub(crate) fn take_request(&mut self) -> Box<Request> {
        let vacant = Request::from_parts(http::Request::new(()).into_parts().0, Body::empty());
        std::mem::replace(&mut self.parts_mut().request, Box::new(vacant))
    }

    /// Gives the request back to the context around this one, and what is to be told of it in the end.
    pub(crate) fn leave_to(&mut self, outer: &mut Context) {
        if let (Some(own), Some(outer)) = (&mut self.parts, &mut outer.parts) {
            std::mem::swap(&mut own.request, &mut outer.request);
            outer.left.append(&mut own.left);
            if !own.app.on_finished().is_empty() {
                let (app, error) = (own.app.clone(), own.error.clone());
                outer.left.mounted.push(Answered { app, rule: own.rule, mount: own.mount, error });
            }
        }
    }

    /// Keeps cookies that a request within this one has set, for the answer to this one.
    pub(crate) fn keep_cookies(&mut self, cookies: impl IntoIterator<Item = HeaderValue>) {
        self.parts_mut().cookies.extend(cookies);
    }

    /// The cookies that were kept for the answer.
    pub(crate) fn take_cookies(&mut self) -> Vec<HeaderValue> {
        std::mem::take(&mut self.parts_mut().cookies)
    }
}
