//! What is written comes back: signed values, sessions, cookies. Tried with many random ones from a fixed seed.

use hipflask::Rule;
use hipflask::http::{Cookie, Request};
use hipflask::prelude::*;
use hipflask::signing::Serializer;
use serde_json::{Map, Value, json};

use super::route_properties::Random;

/// Keys that mean something in a session of Flask, and others.
const KEYS: [&str; 12] = [" di", " t", " b", " m", " u", " d", " t__", "", "a", "_permanent", "ü", "\u{2028}"];

/// A text: mostly short, sometimes so long that it is compressed.
fn text(random: &mut Random) -> String {
    let times = random.of(&[1, 1, 1, 1, 200]);
    random.text("").repeat(times)
}

fn value(random: &mut Random, depth: usize) -> Value {
    let kinds = if depth == 0 { 6 } else { 8 };
    match random.below(kinds) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(i64::try_from(random.below(usize::MAX / 2)).expect("it fits") * random.of(&[1, -1])),
        3 => json!(f64::from_bits(0x3ff0_0000_0000_0000 | random.below(1 << 52) as u64) - 1.5),
        4 | 5 => json!(text(random)),
        6 => (0..random.below(4)).map(|_| value(random, depth - 1)).collect(),
        _ => {
            let pairs = (0..random.below(4)).map(|_| (random.of(&KEYS).to_owned(), value(random, depth - 1)));
            json!(pairs.collect::<Map<_, _>>())
        }
    }
}

#[test]
fn what_was_signed_is_loaded_and_nothing_else() {
    let mut random = Random::new(0x0051_6ed0);
    let new = || Serializer::new(["a key"], "a salt");
    let kinds = [new(), new().untimed(), new().plain(), new().plain().untimed()];
    for _ in 0..600 {
        let value = value(&mut random, 3);
        for serializer in &kinds {
            let signed = serializer.dumps(&value).expect("JSON can be signed");
            assert_eq!(serializer.loads::<Value>(&signed, None).valid().as_ref(), Some(&value), "{signed}");
            // One letter less, one more, and one that is another.
            let at = random.below(signed.len());
            let cut =
                signed.char_indices().map(|(at, _)| at).take_while(|known| *known <= at).last().unwrap_or_default();
            let (before, after) = signed.split_at(cut);
            let rest: String = after.chars().skip(1).collect();
            let other = if after.starts_with('A') { 'B' } else { 'A' };
            for changed in [format!("{before}{rest}"), format!("{before}A{after}"), format!("{before}{other}{rest}")] {
                assert_eq!(serializer.loads::<Value>(&changed, None).valid(), None, "{changed} of {signed}");
            }
        }
    }
}

#[hipflask::test]
async fn what_was_set_is_in_the_next_requests_session() {
    async fn swap(session: Session, given: Json<Vec<(String, Value)>>) -> Json<Vec<(String, Value)>> {
        let had = session.keys().into_iter().map(|key| (key.clone(), session.get(&key).unwrap_or_default()));
        let had: Vec<(String, Value)> = had.collect();
        session.clear();
        for (key, value) in given.0 {
            session.set(key, value);
        }
        Json(had)
    }
    let rule = Rule::new("/").methods([POST]);
    let client = App::new("test", ".").config("MAX_COOKIE_SIZE", 0).add_url_rule(rule, swap).test_client();
    let mut random = Random::new(0x5e55);
    let mut known: Vec<(String, Value)> = Vec::new();
    for _ in 0..300 {
        let pairs = (0..random.below(4)).map(|_| (random.of(&KEYS).to_owned(), value(&mut random, 2)));
        let mut next: Vec<(String, Value)> = pairs.filter(|(key, _)| key != "_permanent").collect();
        next.sort_by(|a, b| a.0.cmp(&b.0));
        next.dedup_by(|a, b| a.0 == b.0);
        let had = client.post("/").json(&next).send().await.json::<Vec<(String, Value)>>();
        assert_eq!(had, known);
        known = next;
    }
}

#[test]
fn a_cookie_is_read_as_it_was_written() {
    let mut random = Random::new(0x00c0_041e);
    for _ in 0..3_000 {
        let values = [text(&mut random), text(&mut random)];
        let [a, b] =
            [("a", &values[0]), ("b", &values[1])].map(|(name, value)| Cookie::new(name, value).path(None).to_string());
        let request = Request::get("/").with_header("cookie", &format!("{a}; {b}"));
        let read: Vec<(&str, &str)> = request.cookies().collect();
        assert_eq!(read, [("a", values[0].as_str()), ("b", values[1].as_str())], "{a}; {b}");
    }
}
