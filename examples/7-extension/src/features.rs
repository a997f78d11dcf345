//! Feature switches: parts of an application that the configuration switches on.
//!
//! `FEATURES` is the list of what is on. A view asks with `features: Features`, a template with
//! `{% if feature("dark-mode") %}`, an operator with the command `features`.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use hipflask::FromContext;
use hipflask::cli::command;
use hipflask::extension::Freezing;
use hipflask::prelude::*;

/// The features that are on in one application. As an argument it is the running application's.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Known once the whole configuration is known.
    on: Arc<OnceLock<BTreeSet<String>>>,
}

impl Features {
    pub fn is_on(&self, name: &str) -> bool {
        self.on.get().is_some_and(|on| on.contains(name))
    }
}

/// The extension: a function from app to app. It has no state of its own, so it may be added to many applications.
pub fn features(app: App) -> App {
    let features = Features::default();
    let (read, asked) = (features.clone(), features.clone());
    app.config_default("FEATURES", ["suggestions"])
        .insert_state(features)
        .on_freeze(move |freezing| match freezing.config().get("FEATURES") {
            Ok(names) => _ = read.on.set(names),
            Err(error) => freezing.problem(format!("{error}; write a list of names, like [\"dark-mode\"]")),
        })
        .template_global("feature", move |name: String| asked.is_on(&name))
        .command(list)
}

/// List the features that are on.
#[command("features")]
async fn list(features: Features) -> String {
    let on = features.on.get().into_iter().flatten();
    on.map(|name| format!("{name}\n")).collect()
}

impl FromContext for Features {
    async fn from_context(ctx: &mut Context) -> Result<Features> {
        ctx.state::<Features>().cloned().ok_or_else(|| Error::msg("the application has no feature switches"))
    }

    /// An application that forgot the extension does not start.
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        match freezing.state::<Features>() {
            Some(_) => Ok(()),
            None => Err("it takes `Features`; add `.extend(features)` to the application".into()),
        }
    }
}
