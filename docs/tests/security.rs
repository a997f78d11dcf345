//! SECURITY.md names the test that holds each of its promises.

use std::path::Path;

#[test]
fn every_promise_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the book is in the repository");
    let page = std::fs::read_to_string(root.join("SECURITY.md")).expect("it is there");
    let (_, table) = page.split_once("| if an attacker | then | held by |\n|---|---|---|\n").expect("the table");
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "{} promises", rows.len());
    for row in rows {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let mut named = 0;
        for (before, after) in held_by.match_indices("](").map(|(at, _)| held_by.split_at(at)) {
            let path = after.trim_start_matches("](").split(')').next().unwrap_or_default();
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            if path.ends_with(".rs") {
                let test = before.rsplit('`').nth(1).unwrap_or_default();
                assert!(text.contains(&format!("fn {test}()")), "{path} has no test `{test}`");
            }
            named += 1;
        }
        assert!(named > 0, "no test holds: {row}");
    }
}
