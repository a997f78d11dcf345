//! Rules without a view of their own, and views that were given to an endpoint.

use std::any::TypeId;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use crate::app::frozen::View;
use crate::app::scope::Checked;
use crate::app::setup_error::SetupError;
use crate::handler::Handler;
use crate::routing::map::{Map, MapRule};

/// A view that was given to an endpoint, apart from its rules.
pub(crate) struct Endpoint {
    pub(super) name: String,
    pub(super) view: Arc<dyn Handler>,
    pub(super) view_type: TypeId,
    pub(super) location: &'static Location<'static>,
}

/// Which view an endpoint was given to first.
pub(super) type Owners = HashMap<String, (TypeId, &'static Location<'static>)>;

/// Gives the rules that have no view of their own that of their endpoint.
pub(super) fn give_views(
    map: &Map,
    views: &mut [View],
    endpoints: Vec<Endpoint>,
    owners: &Owners,
    checked: &mut Vec<Checked>,
) -> Vec<SetupError> {
    let mut problems = Vec::new();
    let mut by_name: HashMap<String, Arc<dyn Handler>> = HashMap::new();
    for endpoint in endpoints {
        let Endpoint { name, view, view_type, location } = endpoint;
        let owner = owners.get(&name).filter(|(owner, _)| *owner != view_type);
        let problem = if !map.has_endpoint(&name) {
            Some(format!("no rule has the endpoint `{name}`; add one with `.add_rule(..)`, or give the rule the view"))
        } else if owner.is_some() || by_name.contains_key(&name) {
            Some(format!("the endpoint `{name}` belongs to another view already"))
        } else {
            None
        };
        problems.extend(problem.map(|problem| SetupError::new(problem, Some(location))));
        checked.push((Box::new(Arc::clone(&view)), format!("the view `{name}`"), location));
        by_name.insert(name, view);
    }
    for (rule, view) in map.rules().zip(&*views) {
        if let Some(handler) = &view.handler {
            by_name.entry(rule.endpoint.to_string()).or_insert_with(|| Arc::clone(handler));
        }
    }
    for (rule, view) in map.rules().zip(views) {
        let answers = !rule.build_only && rule.redirect_to.is_none();
        if answers && view.handler.is_none() {
            view.handler = by_name.get(&*rule.endpoint).cloned();
            if view.handler.is_none() {
                problems.push(without_view(rule));
            }
        }
        if rule.alias && !map.rules_of(&rule.endpoint).any(|other| !other.alias) {
            let told = format!(
                "the rule `{}` is an alias, but its endpoint `{}` has no other rule to redirect to",
                rule.text, rule.endpoint
            );
            problems.push(SetupError::new(told, Some(rule.location)));
        }
    }
    problems
}

fn without_view(rule: &MapRule) -> SetupError {
    let told = format!(
        "no view answers the rule `{}`; give its endpoint one with `.endpoint(\"{}\", view)`, or say `build_only` or \
         `redirect_to`",
        rule.text, rule.endpoint
    );
    SetupError::new(told, Some(rule.location))
}
