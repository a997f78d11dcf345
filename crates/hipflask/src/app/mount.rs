//! What can be mounted into an application.

use std::any::Any;
use std::sync::Arc;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::handler::Handler;
use crate::handler::into_handler::IntoHandler;

pub(crate) enum Mounted {
    Handler(Arc<dyn Handler>),
    App(Box<App>),
    /// One that was frozen separately.
    Frozen(Frozen),
}

/// What can be mounted: another [`App`], or anything that can be a handler, for instance a plain function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mounted",
    label = "neither an application nor a handler",
    note = "mount another `App`, something that is a `Handler`, or a function whose arguments are `FromContext`"
)]
pub trait IntoMount<Marker> {
    #[doc(hidden)]
    fn into_mount(self) -> Mount;
}

/// Something to be mounted.
#[doc(hidden)]
pub struct Mount(pub(crate) Mounted);

impl std::fmt::Debug for Mount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mount")
    }
}

#[diagnostic::do_not_recommend]
impl IntoMount<App> for App {
    fn into_mount(self) -> Mount {
        Mount(Mounted::App(Box::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<M, H: IntoHandler<M> + 'static> IntoMount<(M,)> for H {
    fn into_mount(self) -> Mount {
        // An application is a handler like others, but it has to be started and stopped.
        match (&self as &dyn Any).downcast_ref::<Frozen>() {
            Some(frozen) => Mount(Mounted::Frozen(frozen.clone())),
            None => Mount(Mounted::Handler(self.into_handler())),
        }
    }
}
