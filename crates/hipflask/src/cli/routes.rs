//! `routes`: the rules of the application.

use serde_json::json;

use crate::app::command::args::CliArgs;
use crate::app::frozen::Frozen;
use crate::app::url_rule::UrlRule;
use crate::base::error::Result;
use crate::cli::process::Failure;
use crate::cli::table::table;

/// A rule, as it is listed.
struct Row {
    endpoint: String,
    methods: Vec<String>,
    domain: String,
    rule: String,
}

/// What `flask routes` prints.
pub(super) fn routes(app: &Frozen, args: &CliArgs) -> Result<String, Failure> {
    let words: Vec<String> = args.list("words")?;
    let all_methods = args.has("all-methods");
    let mut rows: Vec<Row> = app.rules().map(|rule| Row::new(&rule, all_methods)).collect();
    rows.retain(|row| words.iter().all(|word| row.has(word)));
    sort(&mut rows, &args.find::<String>("sort")?.unwrap_or_default());
    Ok(match (args.has("json"), rows.is_empty()) {
        (true, _) => as_json(&rows),
        (false, false) => as_table(app, rows),
        (false, true) if words.is_empty() => "No routes were registered.\n".to_owned(),
        (false, true) => format!("No rule has {}.\n", words.join(" and ")),
    })
}

impl Row {
    fn new(rule: &UrlRule<'_>, all_methods: bool) -> Row {
        let methods = rule.methods().map(ToString::to_string);
        let mut methods: Vec<String> =
            methods.filter(|method| all_methods || !matches!(method.as_str(), "HEAD" | "OPTIONS")).collect();
        methods.sort_unstable();
        let domain = rule.host().or(rule.subdomain()).unwrap_or_default().to_owned();
        Row { endpoint: rule.endpoint().to_owned(), methods, domain, rule: rule.text().to_owned() }
    }

    fn has(&self, word: &str) -> bool {
        let columns = [&self.endpoint, &self.domain, &self.rule];
        columns.iter().any(|column| column.contains(word)) || self.methods.iter().any(|method| method == word)
    }
}

/// Sorts by a column; rules that are equal there are in the order in which they were registered.
fn sort(rows: &mut [Row], column: &str) {
    match column {
        "match" => {}
        "methods" => rows.sort_by_key(|row| row.methods.clone()),
        "domain" => rows.sort_by_key(|row| row.domain.clone()),
        "rule" => rows.sort_by_key(|row| row.rule.clone()),
        _ => rows.sort_by_key(|row| row.endpoint.clone()),
    }
}

fn as_table(app: &Frozen, rows: Vec<Row>) -> String {
    let domain = if app.rules().any(|rule| rule.host().is_some()) { "Host" } else { "Subdomain" };
    let has_domains = rows.iter().any(|row| !row.domain.is_empty());
    let cells = rows.into_iter().map(|row| (row.endpoint, row.methods.join(", "), row.domain, row.rule));
    if has_domains {
        let cells = cells.map(|(endpoint, methods, domain, rule)| [endpoint, methods, domain, rule]);
        return table(["Endpoint", "Methods", domain, "Rule"], cells.collect());
    }
    table(
        ["Endpoint", "Methods", "Rule"],
        cells.map(|(endpoint, methods, _, rule)| [endpoint, methods, rule]).collect(),
    )
}

/// One rule a line, so that it can be read by people and compared line by line.
fn as_json(rows: &[Row]) -> String {
    let row = |Row { endpoint, methods, domain, rule }: &Row| {
        let domain = Some(domain).filter(|domain| !domain.is_empty());
        format!("  {}", json!({ "endpoint": endpoint, "methods": methods, "domain": domain, "rule": rule }))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    if rows.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", rows.join(",\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::app::scaffold::Scaffold;
    use crate::base::runtime::block_on;
    use crate::routing::rule::Rule;

    fn listed(app: &Frozen, words: &[&str]) -> String {
        block_on(app.run_command("routes", words.iter().copied())).expect("it can be listed") + "\n"
    }

    #[test]
    fn the_table_has_a_column_for_domains_if_rules_have_some() {
        let index = || Rule::new("/").endpoint("index");
        let plain = App::new("test", ".").without_static_files().add_url_rule(index(), async || "");
        let plain = plain.freeze().expect("nothing is wrong with it");
        assert_eq!(
            listed(&plain, &["--all-methods"]),
            "Endpoint  Methods             Rule\n--------  ------------------  ----\nindex     GET, HEAD, OPTIONS  /\n"
        );
        let app = App::new("test", ".").without_static_files().subdomain_matching().config("SERVER_NAME", "x.example");
        let home = Rule::new("/home").endpoint("home").subdomain("<user>");
        let app = app.add_url_rule(index(), async || "").add_url_rule(home, async || "").freeze();
        assert_eq!(
            listed(&app.expect("nothing is wrong with it"), &[]),
            "Endpoint  Methods  Subdomain  Rule\n--------  -------  ---------  -----\n\
             home      GET      <user>     /home\nindex     GET                 /\n"
        );
    }

    #[test]
    fn rules_are_sorted_and_chosen_as_wanted() {
        let rule =
            |text: &str, endpoint: &str, method: http::Method| Rule::new(text).endpoint(endpoint).methods([method]);
        let app = App::new("test", ".")
            .without_static_files()
            .add_url_rule(rule("/b", "c", http::Method::PUT), async || "")
            .add_url_rule(rule("/c", "a", http::Method::GET), async || "")
            .add_url_rule(rule("/a", "b", http::Method::DELETE), async || "")
            .freeze()
            .expect("nothing is wrong with it");
        for (words, endpoints) in [
            (&[][..], "a b c"),
            (&["-s", "match"], "c a b"),
            (&["--sort=rule"], "b c a"),
            (&["--sort", "methods"], "b a c"),
            (&["PUT"], "c"),
            (&["/a", "b"], "b"),
        ] {
            let listed = listed(&app, words);
            let found: Vec<&str> = listed.lines().skip(2).filter_map(|line| line.split(' ').next()).collect();
            assert_eq!(found.join(" "), endpoints, "{words:?}");
        }
        assert_eq!(
            listed(&app, &["--json", "/b"]),
            "[\n  {\"domain\":null,\"endpoint\":\"c\",\"methods\":[\"PUT\"],\"rule\":\"/b\"}\n]\n"
        );
        assert_eq!(listed(&app, &["nothing"]), "No rule has nothing.\n");
    }
}
