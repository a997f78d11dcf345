//! What is mounted, and an application that is.

use crate::app::frozen::{Frozen, MountPoint};
use crate::base::error::Result;
use crate::builtin::security::hosts;
use crate::context::Context;
use crate::context::stream::end_detached;
use crate::handler::{Answer, Handler};
use crate::http::response::Response;

impl Frozen {
    /// Step 6: offers the request to what is mounted where its path leads.
    pub(super) async fn call_mounts(&self, ctx: &mut Context) -> Result<Option<Response>> {
        for (id, mount) in self.mounts().iter().enumerate().filter(|(_, mount)| !mount.is_first) {
            if let Some(response) = call_mount(ctx, id, mount).await? {
                return Ok(Some(response));
            }
        }
        Ok(None)
    }

    /// Step 1: offers the request to what is mounted before the application's own rules and hooks. What it answers is none
    /// of theirs to see or to end.
    pub(crate) async fn call_first_mounts(&self, ctx: &mut Context) -> Result<Option<Response>> {
        for (id, mount) in self.mounts().iter().enumerate().filter(|(_, mount)| mount.is_first) {
            if !mount.is_app && mount.has(ctx) {
                hosts::check(ctx)?;
            }
            if let Some(response) = call_mount(ctx, id, mount).await? {
                ctx.take_teardown();
                return Ok(Some(response));
            }
        }
        Ok(None)
    }
}

impl MountPoint {
    /// Whether the path of the request leads there.
    fn has(&self, ctx: &Context) -> bool {
        let path = ctx.request().path_for_mounts().unwrap_or_default();
        path.strip_prefix(&*self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Offers the request to a mount, if its path leads there.
async fn call_mount(ctx: &mut Context, id: usize, mount: &MountPoint) -> Result<Option<Response>> {
    if !mount.has(ctx) {
        return Ok(None);
    }
    ctx.set_mount(Some(id));
    let response = mount.handler.call(Below::enter(ctx, mount.prefix.len()).ctx).await?;
    if response.is_none() {
        ctx.set_mount(None);
    }
    Ok(response)
}

/// A request below the prefix of a mount: the prefix has moved from its path to its root path, until this is dropped.
/// The mount may panic, or be given up halfway.
struct Below<'a> {
    ctx: &'a mut Context,
    len: usize,
}

impl Below<'_> {
    fn enter(ctx: &mut Context, len: usize) -> Below<'_> {
        ctx.request_mut().enter_mount(len);
        Below { ctx, len }
    }
}

impl Drop for Below<'_> {
    fn drop(&mut self) {
        self.ctx.request_mut().leave_mount(self.len);
    }
}

/// A mounted application answers everything below its prefix; what it does not know is its own 404.
impl Handler for Frozen {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async move {
            let mut guest = Guest::enter(ctx, self.clone());
            let mut response = self.full_dispatch(&mut guest.inner).await;
            // What is around it must see all headers.
            response.settle_headers();
            self.end(&mut guest.inner).await;
            Ok(Some(response))
        }))
    }
}

/// The context of a mounted application. It has the request of the context around it until this is dropped; the
/// application may be given up halfway.
struct Guest<'a> {
    outer: &'a mut Context,
    inner: Context,
}

impl Guest<'_> {
    fn enter(outer: &mut Context, app: Frozen) -> Guest<'_> {
        let mut inner = Context::new(app, outer.take_request());
        inner.enter_mounted(outer);
        inner.observe(outer.observers().cloned());
        Guest { outer, inner }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if self.inner.owes_teardown() {
            end_detached(self.inner.part());
        }
        self.inner.leave_to(self.outer);
    }
}
