//! The blueprints of an application under construction.

use crate::app::App;
use crate::app::blueprint::Blueprint;

impl App {
    /// Adds a blueprint, and what it has [recorded](Blueprint::record) for the application.
    #[track_caller]
    pub fn register_blueprint(mut self, mut blueprint: Blueprint) -> App {
        let around = self.adding;
        self.adding = around.extension();
        let mut app = blueprint.set_up(self, "", "");
        app.blueprints.push(blueprint);
        App { adding: around, ..app }
    }

    /// Gives every blueprint to `f` when the application is frozen, those in others too, in the order of their
    /// registration: for an extension that gives blueprints a setup method, and reads there what was said
    /// ([`Blueprint::state_mut`]).
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Health(Option<&'static str>);
    ///
    /// trait HealthExt {
    ///     fn health(self, answer: &'static str) -> Self;
    /// }
    ///
    /// impl HealthExt for Blueprint {
    ///     /// Answers `/health` below the prefix.
    ///     fn health(mut self, answer: &'static str) -> Blueprint {
    ///         self.state_mut::<Health>().0 = Some(answer);
    ///         self
    ///     }
    /// }
    ///
    /// fn health(app: App) -> App {
    ///     app.on_blueprint(|_, mut blueprint| match blueprint.state_mut::<Health>().0 {
    ///         Some(answer) => blueprint.add_url_rule(Rule::new("/health").endpoint("health"), async move || answer),
    ///         None => blueprint,
    ///     })
    /// }
    ///
    /// let shop = Blueprint::new("shop").url_prefix("/shop").health("fine");
    /// let client = App::new("doc", ".").extend(health).register_blueprint(shop).test_client();
    /// assert_eq!(client.get("/shop/health").send_blocking().text(), "fine");
    /// ```
    pub fn on_blueprint(mut self, f: impl FnMut(&mut App, Blueprint) -> Blueprint + Send + 'static) -> App {
        self.on_blueprint.push(Box::new(f));
        self
    }

    /// Lets extensions complete the blueprints.
    pub(super) fn complete_blueprints(&mut self) {
        for mut complete in std::mem::take(&mut self.on_blueprint) {
            let blueprints = std::mem::take(&mut self.blueprints).into_iter();
            self.blueprints = blueprints.map(|blueprint| blueprint.map(&mut |one| complete(self, one))).collect();
        }
    }
}
