//! Behind proxies, and beside other applications: see `apps/proxies.py`.

use hipflask::Rule;
use hipflask::helpers::UrlFor;
use hipflask::prelude::*;
use hipflask::security::ProxyFix;
use serde_json::{Value, json};

use super::{production, told};

async fn seen(ctx: &mut Context) -> Result<String> {
    let own = || UrlFor::endpoint("seen").value("rest", "a");
    let request = ctx.request();
    Ok(told(json!({
        "addr": request.remote_addr(), "scheme": request.scheme().as_str(), "host": request.host(),
        "root": request.root_path(), "path": request.path(), "url": request.url(),
        "self": ctx.url_for(own())?, "external": ctx.url_for(own().external())?,
    })))
}

fn application(declared: &Value) -> App {
    production(declared)
        .without_static_files()
        .add_url_rule(Rule::new("/").endpoint("seen"), seen)
        .add_url_rule(Rule::new("/<path:rest>").endpoint("seen"), seen)
}

pub(super) fn app(declared: &Value) -> App {
    let mut app = application(declared);
    if let Some(hops) = declared["proxy"].as_object() {
        let set = |fix: ProxyFix, name: &str, set: fn(ProxyFix, usize) -> ProxyFix| match hops.get(name) {
            Some(hops) => set(fix, usize::try_from(hops.as_u64().expect("a number")).expect("a small one")),
            None => fix,
        };
        let fix = set(ProxyFix::new(), "x_for", ProxyFix::x_for);
        let fix = set(set(fix, "x_proto", ProxyFix::x_proto), "x_host", ProxyFix::x_host);
        app = app.extend(set(set(fix, "x_port", ProxyFix::x_port), "x_prefix", ProxyFix::x_prefix));
    }
    let Some(prefixes) = declared["mounts"].as_array() else { return app };
    // The most specific first, because the first that answers counts; the application itself is the last.
    let mut prefixes: Vec<&str> = prefixes.iter().filter_map(Value::as_str).collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    let outer = production(declared).without_static_files();
    let outer = prefixes.into_iter().fold(outer, |outer, prefix| outer.mount(prefix, application(declared)));
    outer.mount("/", app)
}
