//! Extensions: functions from app to app.

use crate::app::App;

/// Something that adds to an application: configuration keys, hooks, views, arguments, template globals,
/// commands, checks. A function from app to app.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::{Context, Extension};
///
/// /// Stamps every response.
/// struct PoweredBy;
///
/// impl Extension for PoweredBy {
///     fn init_app(self, app: App) -> App {
///         app.config_default("POWERED_BY", "Hipflask").after_request(stamp)
///     }
/// }
///
/// async fn stamp(ctx: &mut Context, config: Config) -> Result<()> {
///     let name: String = config.get("POWERED_BY")?;
///     ctx.response_mut().headers_mut().insert("x-powered-by", name.parse()?);
///     Ok(())
/// }
///
/// let client = App::new("doc", ".").extend(PoweredBy).test_client();
/// assert_eq!(client.get("/").send_blocking().header("x-powered-by"), Some("Hipflask"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extension",
    label = "not an extension",
    note = "give a type that implements `hipflask::Extension`, or a function from app to app: `fn mail(app: App) -> App`"
)]
pub trait Extension {
    /// Adds itself to `app`. It must not keep anything for itself: one extension may serve many apps. Its
    /// state goes into [`App::insert_state`], its configuration has its name as a prefix.
    fn init_app(self, app: App) -> App;
}

#[diagnostic::do_not_recommend]
impl<F: FnOnce(App) -> App> Extension for F {
    fn init_app(self, app: App) -> App {
        self(app)
    }
}
