//! Contexts beside that of a request: copies, and those of requests within it.

use crate::context::session::Session;
use crate::context::{Context, Parts};

impl Context {
    /// A copy of what is known of the request, for a task that runs beside it or after it: the request without its body,
    /// the session, the rule and its values, and a `g` of its own. Flask's `copy_current_request_context`.
    ///
    /// A copy takes no part in the answer: it has no response, saves no session and runs no teardown functions. The
    /// session is the same one, so a change reaches it until it is saved, after the hooks; a later change is lost, and the
    /// log says so. Work that should begin when the client has the response is for
    /// [`after_response`](Context::after_response).
    ///
    /// ```
    /// use hipflask::prelude::*;
    ///
    /// #[get("/both")]
    /// async fn both(ctx: &mut Context) -> Result<String> {
    ///     let copy = ctx.copy();
    ///     let other = tokio::spawn(async move { copy.request().path().to_owned() });
    ///     Ok(format!("{} {}", ctx.request().path(), other.await?))
    /// }
    ///
    /// let client = App::new("doc", ".").routes(routes![both]).test_client();
    /// assert_eq!(client.get("/both").send_blocking().text(), "/both /both");
    /// ```
    #[must_use]
    pub fn copy(&self) -> Context {
        let parts = self.parts();
        let copied = Parts {
            session: parts.session.clone(),
            rule: parts.rule,
            mount: parts.mount,
            scope: parts.scope,
            view_args: parts.view_args.clone(),
            error: parts.error.clone(),
            request_id: parts.request_id.clone(),
            is_torn_down: true,
            is_copy: true,
            depth: parts.depth,
            ..Parts::new(parts.app.clone(), Box::new(parts.request.without_body()))
        };
        let mut copy = Context { parts: Some(Box::new(copied)) };
        copy.watch_as(self);
        copy
    }

    pub(crate) fn is_copy(&self) -> bool {
        self.parts().is_copy
    }

    /// Whether the answer is past changing: a copy, or the context of a body.
    pub(crate) fn is_answered(&self) -> bool {
        self.parts().is_copy || self.parts().hold.is_some()
    }

    /// How many requests this one is in.
    pub(crate) fn depth(&self) -> u8 {
        self.parts().depth
    }

    /// Makes it that of a request within `outer`: whoever waits for that one waits for this one too.
    pub(crate) fn enter_within(&mut self, outer: &Context) {
        let parts = self.parts_mut();
        (parts.is_within, parts.depth) = (true, outer.depth().saturating_add(1));
        self.watch_as(outer);
    }

    /// Makes it that of a mounted application, which answers the same request as `outer`.
    pub(crate) fn enter_mounted(&mut self, outer: &Context) {
        let parts = self.parts_mut();
        (parts.is_within, parts.depth) = (outer.is_within(), outer.depth());
        self.watch_as(outer);
    }

    /// Whether the application itself has asked for it, within another request.
    pub(crate) fn is_within(&self) -> bool {
        self.parts().is_within
    }

    /// Gives it the session of the request around it, which saves it.
    pub(crate) fn share_session(&mut self, session: Session) {
        let parts = self.parts_mut();
        (parts.session, parts.shares_session) = (session.into(), true);
    }

    /// Whether the session is another request's to save.
    pub(crate) fn shares_session(&self) -> bool {
        self.parts().shares_session
    }
}
