//! What Werkzeug's and Flask's own tests ask of Werkzeug, asked of us. `cargo xtask oracle` says how the calls are
//! noted; they are not part of the project.

mod forms;
mod headers;
mod known;
mod map;

use std::collections::BTreeMap;

use serde_json::Value;

/// What becomes of a call here.
enum Asked {
    /// Our answer, in the shape of Werkzeug's.
    Answer(Value),
    /// There is nothing to ask; the reason.
    Nothing(&'static str),
}

/// How the calls of one kind went.
#[derive(Default)]
struct Tally {
    equal: usize,
    different: usize,
    nothing: usize,
}

fn ask(call: &str, given: &Value, out: &Value) -> Asked {
    match call {
        "MapAdapter.match" => map::find(given, out),
        "MapAdapter.build" => map::build(given),
        "form" => forms::form(given),
        "iri_to_uri" => forms::redirected(given),
        "get_host" | "host_is_trusted" => forms::host(call, given),
        _ => headers::ask(call, given, out),
    }
}

#[test]
#[ignore = "needs the calls of Werkzeug's tests, which `cargo xtask test` notes"]
fn what_werkzeugs_own_tests_ask_is_answered_alike() {
    let file =
        std::env::var("TEST_WERKZEUG_CALLS").expect("TEST_WERKZEUG_CALLS names the calls; `cargo xtask test` sets it");
    let text = std::fs::read_to_string(file).expect("the calls are there");
    let (mut tallies, mut reasons) = (BTreeMap::<String, Tally>::new(), BTreeMap::<&str, usize>::new());
    let mut unknown = Vec::new();
    for line in text.lines() {
        let noted: Value = serde_json::from_str(line).expect("a line is JSON");
        let (call, given, out) = (noted["call"].as_str().expect("a name"), &noted["in"], &noted["out"]);
        let tally = tallies.entry(call.to_owned()).or_default();
        match ask(call, given, out) {
            Asked::Nothing(reason) => {
                tally.nothing += 1;
                *reasons.entry(reason).or_default() += 1;
            }
            Asked::Answer(ours) if same(&ours, out) => tally.equal += 1,
            Asked::Answer(ours) => {
                tally.different += 1;
                match known::reason(call, given, out, &ours) {
                    Some(reason) => *reasons.entry(reason).or_default() += 1,
                    None => unknown.push(format!("{call} of {given}\n  gives {out}\n  ours  {ours}")),
                }
            }
        }
    }
    let told = tallies.iter().map(|(call, tally)| {
        format!("{call}: {} equal, {} different, {} not asked", tally.equal, tally.different, tally.nothing)
    });
    let told: Vec<String> = told.chain(reasons.iter().map(|(reason, count)| format!("{count} {reason}"))).collect();
    let told = told.join("\n");
    eprintln!("{told}");
    assert!(unknown.is_empty(), "{} unexplained:\n\n{}\n\n{told}", unknown.len(), unknown.join("\n\n"));
    for (call, stands) in known::STANDS {
        let equal = tallies.get(call).map_or(0, |tally| tally.equal);
        assert!(equal >= stands, "{call}: {equal} are equal, and {stands} were");
    }
}

/// Numbers by their value, whatever they are written as.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The bytes of `{"bytes": "…"}`, or those of a text.
fn bytes(value: &Value) -> Vec<u8> {
    let Some(hex) = value["bytes"].as_str() else { return value.as_str().unwrap_or_default().as_bytes().to_vec() };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits")).collect()
}

/// A text of a request's target.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
