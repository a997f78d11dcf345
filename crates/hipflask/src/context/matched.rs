//! The rule that the request matched, with its values and options.

use crate::base::error::Error;
use crate::base::options::Options;
use crate::context::Context;
use crate::routing::view_args::ViewArgs;

impl Context {
    /// The values that the matched rule took from the path, and its defaults. Flask's `request.view_args`.
    pub fn view_args(&self) -> &ViewArgs {
        &self.parts().view_args
    }

    /// The values, to be changed: for [`url_value_preprocessor`](crate::extension::Scaffold::url_value_preprocessor).
    pub fn view_args_mut(&mut self) -> &mut ViewArgs {
        &mut self.parts_mut().view_args
    }

    /// The text of the matched rule: `/user/<int:id>`. Flask's `request.url_rule`.
    pub fn rule(&self) -> Option<&str> {
        let parts = self.parts();
        Some(parts.app.rule(parts.rule?))
    }

    /// The name of the matched rule: `blog.show`.
    pub fn endpoint(&self) -> Option<&str> {
        let parts = self.parts();
        Some(parts.app.endpoint(parts.rule?))
    }

    /// The name of the blueprint that the matched rule belongs to, with those around it: `site.blog`.
    pub fn blueprint(&self) -> Option<&str> {
        self.parts().app.blueprint(self.parts().scope)
    }

    /// The name of that blueprint, then those of the blueprints around it: `site.blog`, `site`.
    pub fn blueprints(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.blueprint(), |name| name.rsplit_once('.').map(|(around, _)| around))
    }

    /// The innermost option of type `T`: the matched rule's, or else that of a blueprint around it, or else the
    /// application's. Where no rule has matched it is the application's. Hooks before the view see it too.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::{Context, Rule};
    ///
    /// /// The language that a part of the site is in.
    /// struct Language(&'static str);
    ///
    /// async fn index(ctx: &mut Context) -> &'static str {
    ///     ctx.option::<Language>().map_or("none", |language| language.0)
    /// }
    ///
    /// let french = Blueprint::new("fr").url_prefix("/fr").with(Language("fr")).add_url_rule(Rule::new("/"), index);
    /// let app = App::new("doc", ".").reads_option::<Language>().with(Language("en"));
    /// let client = app.add_url_rule(Rule::new("/"), index).register_blueprint(french).test_client();
    /// assert_eq!(client.get("/").send_blocking().text(), "en");
    /// assert_eq!(client.get("/fr/").send_blocking().text(), "fr");
    /// ```
    pub fn option<T: 'static>(&self) -> Option<&T> {
        self.matched_options().innermost()
    }

    /// Every option of type `T`, from the outside in: for those that add up, as the roles that a blueprint and a view
    /// of it ask for.
    pub fn options<T: 'static>(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.matched_options().all()
    }

    fn matched_options(&self) -> &Options {
        let parts = self.parts();
        match parts.rule {
            Some(rule) => &parts.app.view(rule).options,
            None => &parts.app.scope(0).options,
        }
    }

    pub(crate) fn set_match(&mut self, rule: usize, scope: usize, view_args: ViewArgs) {
        let parts = self.parts_mut();
        (parts.rule, parts.scope, parts.view_args) = (Some(rule), scope, view_args);
    }

    /// Forgets what was found out about the request, so that it can be answered anew.
    pub(crate) fn restart(&mut self) {
        let parts = self.parts_mut();
        (parts.rule, parts.mount, parts.scope, parts.view_args) = (None, None, 0, ViewArgs::default());
        (parts.routing_error, parts.error, parts.response) = (None, None, None);
        parts.after_this_request.clear();
    }

    pub(crate) fn rule_id(&self) -> Option<usize> {
        self.parts().rule
    }

    /// The mount that the request was left to.
    pub(crate) fn mount_id(&self) -> Option<usize> {
        self.parts().mount
    }

    pub(crate) fn set_mount(&mut self, mount: Option<usize>) {
        self.parts_mut().mount = mount;
    }

    pub(crate) fn scope(&self) -> usize {
        self.parts().scope
    }

    /// Why no rule matched: a 404, a 405. It is raised after the hooks before the request, which may look at
    /// it here and answer instead.
    pub fn routing_error(&self) -> Option<&Error> {
        self.parts().routing_error.as_ref()
    }

    pub(crate) fn set_routing_error(&mut self, error: Error) {
        self.parts_mut().routing_error = Some(error);
    }

    pub(crate) fn take_routing_error(&mut self) -> Option<Error> {
        self.parts_mut().routing_error.take()
    }
}
