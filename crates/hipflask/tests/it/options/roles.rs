//! An extension: views for users with a role.

use hipflask::Context;
use hipflask::cli::Command;
use hipflask::extension::Freezing;
use hipflask::prelude::*;

/// The role that a user must have. Of several around a view all are wanted.
#[derive(Debug)]
pub(crate) struct Role(pub(crate) &'static str);

const KNOWN: [&str; 3] = ["staff", "editor", "admin"];

/// Adds the check; the session says which roles its user has.
pub(crate) fn roles(app: App) -> App {
    let roles = Command::new("roles").about("List what each view demands.").runs(list);
    app.reads_option::<Role>().on_freeze(check_names).before_request(demand).command(roles)
}

fn check_names(freezing: &mut Freezing<'_>) {
    for rule in freezing.rules() {
        for Role(name) in rule.options().filter(|role: &&Role| !KNOWN.contains(&role.0)) {
            freezing.problem_at(rule.location(), format!("there is no role `{name}`; there are {}", KNOWN.join(", ")));
        }
    }
}

async fn demand(ctx: &mut Context) -> Result<()> {
    if ctx.option::<Role>().is_none() {
        return Ok(());
    }
    let Some(held) = ctx.session().get::<Vec<String>>("roles") else { abort!(401) };
    match ctx.options::<Role>().find(|role| !held.iter().any(|held| held == role.0)) {
        Some(Role(missing)) => abort!(403, "You need the role `{missing}`."),
        None => Ok(()),
    }
}

async fn list(app: hipflask::Frozen) -> String {
    let line = |rule: hipflask::extension::UrlRule<'_>| {
        let roles: Vec<&str> = rule.options::<Role>().map(|role| role.0).collect();
        format!("{} {}\n", rule.endpoint(), if roles.is_empty() { "-".to_owned() } else { roles.join("+") })
    };
    app.rules().map(line).collect()
}
