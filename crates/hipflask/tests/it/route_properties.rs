//! What holds for every rule and every path, tried with many random ones from a fixed seed.

use hipflask::Rule;
use hipflask::http::Method;
use hipflask::prelude::*;

/// Numbers that look random and are the same in every run (xorshift64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).expect("it is small")).expect("it is below the limit")
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// Text of one to eight letters, among them those that mean something in a URL.
    pub(super) fn text(&mut self, forbidden: &str) -> String {
        const LETTERS: &[char] = &[
            'a',
            'B',
            '7',
            '.',
            '-',
            '_',
            ' ',
            '%',
            '?',
            '#',
            '&',
            '=',
            '+',
            ':',
            '@',
            '/',
            '\\',
            '"',
            '<',
            'é',
            '日',
            '\u{1F600}',
            '\n',
        ];
        let length = 1 + self.below(8);
        let text: String = (0..length).map(|_| self.of(LETTERS)).filter(|c| !forbidden.contains(*c)).collect();
        if text.is_empty() { "x".to_owned() } else { text }
    }
}

/// A variable and how a value for it is made.
type Variable = (&'static str, fn(&mut Random) -> String);

/// Variables that can stand anywhere.
const VARIABLES: [Variable; 9] = [
    ("<{}>", |random| random.text("/")),
    ("<string(minlength=1, maxlength=9):{}>", |random| random.text("/")),
    ("<int:{}>", |random| random.below(100_000).to_string()),
    ("<int(signed=True):{}>", |random| (50 - i64::try_from(random.below(100)).expect("small")).to_string()),
    ("<int(fixed_digits=4):{}>", |random| random.below(10_000).to_string()),
    ("<float:{}>", |random| format!("{}.{}", random.below(1000), 1 + random.below(9))),
    ("<any(about, 'two words', é):{}>", |random| random.of(&["about", "two words", "é"]).to_owned()),
    ("<uuid:{}>", |random| format!("b1a5c3d0-0c22-4d6f-9c3c-0a1b2c3d{:04x}", random.below(0x10000))),
    // No dash, which is what separates the two.
    ("<{}>-end", |random| random.text("/")),
];

fn decoded(path: &str) -> String {
    let parts = path.split('%').enumerate().flat_map(|(at, part)| match at {
        0 => part.as_bytes().to_vec(),
        _ => [&[u8::from_str_radix(&part[..2], 16).expect("two digits")], &part.as_bytes()[2..]].concat(),
    });
    String::from_utf8(parts.collect()).expect("it was text")
}

/// A value, as a view reads it from the path: numbers lose the zeros that say nothing.
fn read(value: &str) -> String {
    match (value.parse::<i64>(), value.parse::<f64>()) {
        (Ok(int), _) => int.to_string(),
        (_, Ok(float)) => float.to_string(),
        _ => value.to_owned(),
    }
}

#[test]
fn what_is_built_of_values_is_matched_with_these_values() {
    let mut random = Random(0x5EED);
    for _ in 0..3_000 {
        let mut rule = String::new();
        let mut values: Vec<(String, String)> = Vec::new();
        for at in 0..random.below(4) {
            let name = format!("v{at}");
            let (variable, value) = random.of(&VARIABLES);
            rule += &format!("{}{}", random.of(&["/", "/a/", "/é b/"]), variable.replace("{}", &name));
            values.push((name, value(&mut random)));
        }
        let name = |values: &[(String, String)]| format!("v{}", values.len());
        if random.below(3) == 0 {
            // What may contain slashes takes the rest.
            rule += &format!("/<path:{}>", name(&values));
            let text = random.text("").trim_matches('/').to_owned();
            values.push((name(&values), if text.is_empty() { "x//y".into() } else { text }));
            rule += random.of(&["", "/edit"]);
        }
        let rule = if rule.is_empty() { "/".into() } else { rule + random.of(&["", "/"]) };
        let mut made = Rule::new(&rule).endpoint("it");
        if random.below(2) == 0 {
            made = made.subdomain("<user>.eu");
            values.push(("user".into(), random.of(&["ada", "a.b", "x-1"]).to_owned()));
        }
        let app =
            App::new("test", ".").config("SERVER_NAME", "example.org").without_static_files().subdomain_matching();
        let app = app.add_url_rule(made, async || "").freeze().expect("nothing is wrong with it");
        let pairs: Vec<(&str, &str)> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

        let url = app.bind("example.org").build_external("it", &pairs).expect("every value is there");

        let (host, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("it has a path");
        let subdomain = host.strip_suffix("example.org").expect("it is below").trim_end_matches('.');
        let found = app.bind("example.org").subdomain(subdomain).find(&decoded(&format!("/{path}")), &Method::GET);
        let found = found.unwrap_or_else(|no_match| panic!("{rule} {pairs:?} {url}: {no_match:?}"));
        for (name, value) in &values {
            assert_eq!(found.view_args().text(name).map(read), Some(read(value)), "{rule} {pairs:?} {url}");
        }
    }
}

/// No two of them weigh the same in one place; only then does the order count, as in Flask.
const RULES: [&str; 16] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/<int:n>",
    "/<name>",
    "/<name>/",
    "/<name>/b",
    "/<int:n>/b",
    "/v<int:n>",
    "/<x>-<y>",
    "/a/<path:p>",
    "/<path:p>",
    "/<path:p>/edit",
    "/<path:p>/<x>/<y>",
    "/<path:p>/<x>/b",
];

#[test]
fn the_order_of_registration_decides_nothing() {
    let mut random = Random(0xC0FFEE);
    let methods = [Method::GET, Method::POST, Method::PUT];
    for _ in 0..300 {
        let mut rules: Vec<(usize, &str, Method)> = Vec::new();
        for number in 0..2 + random.below(8) {
            let (text, method) = (random.of(&RULES), methods[random.below(2)].clone());
            if !rules.iter().any(|(_, known, of)| (*known, of) == (text, &method)) {
                rules.push((number, text, method));
            }
        }
        let frozen = |rules: &[(usize, &str, Method)]| {
            let app = rules.iter().fold(App::new("test", ".").without_static_files(), |app, (number, text, method)| {
                let rule = Rule::new(*text).endpoint(format!("e{number}")).methods([method.clone()]);
                app.add_url_rule(rule, async || "")
            });
            app.freeze().expect("nothing is wrong with it")
        };
        let first = frozen(&rules);
        let mut shuffled = rules.clone();
        random.shuffle(&mut shuffled);
        let second = frozen(&shuffled);
        for _ in 0..40 {
            let parts: Vec<&str> =
                (0..1 + random.below(3)).map(|_| random.of(&["a", "b", "7", "v7", "x-y", "edit", ""])).collect();
            let path = format!("/{}", parts.join("/"));
            for method in &methods {
                let found = [&first, &second].map(|app| match app.bind("localhost").find(&path, method) {
                    Ok(found) => format!("{} {:?}", found.endpoint(), found.view_args()),
                    Err(no_match) => format!("{no_match:?}"),
                });
                assert_eq!(found[0], found[1], "{method} {path} {rules:?} {shuffled:?}");
            }
        }
    }
}
