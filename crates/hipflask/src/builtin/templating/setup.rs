//! What an application and its blueprints set up for their templates.

use std::borrow::Cow;

use crate::app::App;
use crate::app::blueprint::Blueprint;
use crate::app::folder::Folder;
use crate::app::freezing::Freezing;
use crate::builtin::templating::functions::{Function, TemplateFunction};

/// The settings and additions for templates.
#[derive(Default)]
pub(crate) struct TemplateSetup {
    pub(super) folder: Option<Cow<'static, str>>,
    /// Those of blueprints; `find_folder` puts the application's before them. The first that has a template counts.
    pub(super) folders: Vec<Folder>,
    pub(super) filters: Vec<(String, Function)>,
    pub(super) tests: Vec<(String, Function)>,
    pub(super) globals: Vec<(String, Function)>,
}

impl TemplateSetup {
    /// Where they are looked for, the application's own folder first.
    pub(super) fn find_folder(&mut self, freezing: &Freezing<'_>) {
        let own = self.folder.as_deref().map(|folder| freezing.folder(folder));
        self.folders.splice(0..0, own);
    }

    /// Where the templates are, for messages.
    pub(super) fn place(&self) -> String {
        self.folders.iter().map(Folder::to_string).collect::<Vec<_>>().join(", then in ")
    }
}

/// The folder of a blueprint.
pub(super) fn find_blueprint_folder(app: &mut App, mut blueprint: Blueprint) -> Blueprint {
    if let Some(name) = blueprint.state_mut::<TemplateFolder>().0.take() {
        let folder = blueprint.folder(app, &name);
        app.state_mut::<TemplateSetup>().folders.push(folder);
    }
    blueprint
}

/// The folder of a blueprint's templates.
#[derive(Default)]
pub(super) struct TemplateFolder(Option<Cow<'static, str>>);

impl App {
    /// The folder of the templates, relative to the application's: `templates`.
    pub fn template_folder(mut self, folder: impl Into<Cow<'static, str>>) -> App {
        self.state_mut::<TemplateSetup>().folder = Some(folder.into());
        self
    }

    /// Adds a filter: `{{ text|shout }}`.
    ///
    /// ```
    /// use hipflask::Rule;
    /// use hipflask::prelude::*;
    ///
    /// async fn index() -> Template {
    ///     Template::from_string("{{ 'hi'|shout }} {{ 3|times(2) }}")
    /// }
    ///
    /// let app = App::new("doc", ".")
    ///     .template_filter("shout", |text: String| text.to_uppercase())
    ///     .template_filter("times", |n: i64, by: i64| n * by)
    ///     .add_url_rule(Rule::new("/"), index);
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "HI 6");
    /// ```
    pub fn template_filter<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().filters.push((name.into(), f.into_function()));
        self
    }

    /// Adds a test: `{% if n is prime %}`.
    pub fn template_test<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().tests.push((name.into(), f.into_function()));
        self
    }

    /// Adds a function: `{{ now() }}`.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::{Rule, context};
    ///
    /// fn is_here(ctx: &mut Context, path: String) -> bool {
    ///     ctx.request().path() == path
    /// }
    ///
    /// async fn index() -> Template {
    ///     Template::from_string("{% if is_here('/') %}here{% endif %}")
    /// }
    ///
    /// let app = App::new("doc", ".").template_global("is_here", is_here).add_url_rule(Rule::new("/"), index);
    /// assert_eq!(app.test_client().get("/").send_blocking().text(), "here");
    /// ```
    pub fn template_global<A>(mut self, name: impl Into<String>, f: impl TemplateFunction<A>) -> App {
        self.state_mut::<TemplateSetup>().globals.push((name.into(), f.into_function()));
        self
    }
}

impl Blueprint {
    /// A folder of templates of its own, in its [root folder](Blueprint::root_path). It is searched after the application's
    /// and after those of blueprints that were registered earlier, for every view: give the templates names of their own, in
    /// a folder of the blueprint's name for instance, `templates/blog/index.html`. So an application can put its own in the
    /// place of a blueprint's.
    pub fn template_folder(mut self, folder: impl Into<Cow<'static, str>>) -> Blueprint {
        self.state_mut::<TemplateFolder>().0 = Some(folder.into());
        self
    }

    /// Adds a filter to all templates, once. See [`App::template_filter`].
    pub fn app_template_filter<A>(self, name: impl Into<String>, f: impl TemplateFunction<A>) -> Blueprint {
        let added = (name.into(), f.into_function());
        self.add_to_templates(|setup| setup.filters.push(added))
    }

    /// Adds a test to all templates, once. See [`App::template_test`].
    pub fn app_template_test<A>(self, name: impl Into<String>, f: impl TemplateFunction<A>) -> Blueprint {
        let added = (name.into(), f.into_function());
        self.add_to_templates(|setup| setup.tests.push(added))
    }

    /// Adds a function to all templates, once. See [`App::template_global`].
    pub fn app_template_global<A>(self, name: impl Into<String>, f: impl TemplateFunction<A>) -> Blueprint {
        let added = (name.into(), f.into_function());
        self.add_to_templates(|setup| setup.globals.push(added))
    }

    fn add_to_templates(self, add: impl FnOnce(&mut TemplateSetup) + Send + 'static) -> Blueprint {
        self.record_once(|mut app, _| {
            add(app.state_mut());
            app
        })
    }
}
