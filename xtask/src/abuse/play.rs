//! Plays one case against a target.

use std::time::{Duration, Instant};

use regex_lite::Regex;

use super::assertion::Seen;
use super::bytes::{Memory, text};
use super::case::{Case, Scene};
use super::connection::{Answer, Connection, answers};
use super::http2;
use super::target::Target;
use crate::Result;

/// How long nothing more must come until an answer counts as all of it.
const QUIET: Duration = Duration::from_millis(100);

/// What no answer may have in it, whatever it is.
const TRACES: [&str; 4] = ["panicked at", "stack backtrace", "secret-in-exception", ".rs:"];

/// Plays a case; what was wrong.
pub fn play(case: &Case, scenes: &[Scene], target: &Target) -> Vec<String> {
    let mut problems = Vec::new();
    let seen = match seen(case, scenes, target, &mut problems) {
        Ok(seen) => seen,
        Err(problem) => {
            problems.push(problem);
            return problems;
        }
    };
    for (assertions, wanted, word) in [(&case.must, true, "must"), (&case.must_not, false, "must not")] {
        for assertion in assertions {
            match seen.holds(assertion) {
                Ok(holds) if holds == wanted => {}
                Ok(_) => problems.push(format!("{word} {assertion}")),
                Err(problem) => problems.push(problem),
            }
        }
    }
    problems
        .extend(TRACES.iter().filter(|trace| text(&seen.all).contains(*trace)).map(|trace| format!("tells `{trace}`")));
    let begun = Instant::now();
    if !target.is_alive() {
        problems.push("the server is dead".to_owned());
    } else if begun.elapsed() > Duration::from_secs(2) {
        problems.push(format!("the server took {:?} for the next request", begun.elapsed()));
    }
    problems
}

fn seen(case: &Case, scenes: &[Scene], target: &Target, problems: &mut Vec<String>) -> Result<Seen> {
    let (canary, grown, logged) = (target.canary()?, target.memory(), target.log().len());
    let mut memory = Memory::default();
    let mut seen = Seen::default();
    for (place, scene) in scenes.iter().enumerate() {
        let is_last = place + 1 == scenes.len();
        std::thread::sleep(Duration::from_millis(scene.pause));
        seen = one(case, scene, target, &mut memory)?;
        let expected = is_last.then_some(&case.expect);
        if !is_expected(&seen, expected.map(Vec::as_slice)) && scene.hang_up.is_none() {
            problems.push(format!("connection {}: {} instead of {expected:?}", place + 1, seen.status));
        }
    }
    seen.canary = target.canary()? - canary;
    seen.growth = target.memory() - grown;
    if let Some(pattern) = &case.log_must_not {
        problems.extend(logged_wrongly(pattern, target, logged)?);
    }
    Ok(seen)
}

/// Whether the first answer is one of those that a case allows; on the way there, whether it is not an error.
fn is_expected(seen: &Seen, expected: Option<&[String]>) -> bool {
    let mut words = seen.status.split(' ');
    match expected {
        Some(expected) => words.any(|word| expected.iter().any(|expected| expected == word)),
        None => words.all(|word| word.parse::<u16>().is_ok_and(|status| status < 400)),
    }
}

/// Waits for the log line of the request, for without one the log proves nothing.
fn logged_wrongly(pattern: &str, target: &Target, before: usize) -> Result<Option<String>> {
    let pattern = Regex::new(&format!("(?m){pattern}")).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let log = target.log();
        let new = String::from_utf8_lossy(log.get(before..).unwrap_or_default()).into_owned();
        // The count of the canary before and after, and the request between them.
        if new.lines().filter(|line| !line.contains("/canary-count")).count() > 0 {
            let found = pattern.find(&new).map(|found| format!("the log has `{}`", found.as_str().escape_debug()));
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some("the request is not in the log".to_owned()))
}

/// One connection.
fn one(case: &Case, scene: &Scene, target: &Target, memory: &mut Memory) -> Result<Seen> {
    let mut connection = Connection::open(target.address).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    say(scene, &mut connection, memory)?;
    if let Some(time) = scene.hang_up {
        std::thread::sleep(Duration::from_millis(time));
        return Ok(Seen::default());
    }
    if scene.is_half_closed {
        connection.half_close();
    }
    let waits_for_end = case.must_not.iter().any(|assertion| assertion == "keepalive");
    let is_enough = |bytes: &[u8]| !waits_for_end && is_answered(case, scene, bytes);
    connection.read_until(Duration::from_millis(scene.timeout), QUIET, is_enough);
    let took = begun.elapsed();
    let mut seen = if case.is_http2 { seen_in_frames(&connection) } else { seen_in_text(&connection, scene, memory) };
    seen.took = took;
    let all = text(&connection.received);
    for (name, pattern) in &scene.saves {
        let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
        let found = pattern.captures(&all).and_then(|groups| groups.get(1));
        let found = found.ok_or_else(|| format!("the answer has nothing for `{pattern}`"))?;
        memory.saved.insert(name.clone(), found.as_str().to_owned());
    }
    seen.all = std::mem::take(&mut connection.received);
    Ok(seen)
}

fn say(scene: &Scene, connection: &mut Connection, memory: &Memory) -> Result<()> {
    for sent in &scene.sent {
        let bytes = sent.pieces.bytes(memory)?;
        for _ in 0..sent.times {
            if !connection.send(&bytes) || connection.is_closed {
                return Ok(());
            }
            connection.read_for(Duration::from_millis(sent.wait));
        }
    }
    Ok(())
}

fn is_answered(case: &Case, scene: &Scene, bytes: &[u8]) -> bool {
    if case.is_http2 {
        return http2::words(bytes, false).iter().any(|word| word == "goaway" || word.parse::<u16>().is_ok());
    }
    let answers = answers(bytes, scene.is_head);
    answers.iter().any(Answer::is_final) && answers.last().is_some_and(|last| last.is_whole)
}

fn seen_in_frames(connection: &Connection) -> Seen {
    let words = http2::words(&connection.received, connection.is_closed);
    let frames = http2::frames(&connection.received);
    let bodies = frames.iter().filter(|frame| frame.kind == 0).map(|frame| frame.payload);
    Seen {
        answers: words.iter().filter(|word| word.parse::<u16>().is_ok()).count(),
        status: words.join(" "),
        body: bodies.collect::<Vec<_>>().concat(),
        is_closed: connection.is_closed,
        ..Seen::default()
    }
}

fn seen_in_text(connection: &Connection, scene: &Scene, memory: &mut Memory) -> Seen {
    let answers = answers(&connection.received, scene.is_head);
    for cookie in answers.iter().flat_map(|answer| cookies(&answer.head)) {
        memory.cookies.insert(cookie.0, cookie.1);
    }
    let mut finals = answers.into_iter().filter(Answer::is_final);
    let nothing = if connection.is_closed { "close" } else { "nothing" };
    let Some(first) = finals.next() else {
        return Seen { status: nothing.to_owned(), is_closed: connection.is_closed, ..Seen::default() };
    };
    Seen {
        status: first.status.to_string(),
        is_cut: !first.is_whole,
        head: first.head,
        body: first.body,
        answers: 1 + finals.count(),
        is_closed: connection.is_closed,
        ..Seen::default()
    }
}

/// The names and values of the cookies that a head sets.
fn cookies(head: &[u8]) -> Vec<(String, String)> {
    let head = text(head);
    let set = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let (cookie, _) = value.split_once(';').unwrap_or((value, ""));
        let (key, value) = cookie.trim().split_once('=')?;
        name.eq_ignore_ascii_case("set-cookie").then(|| (key.to_owned(), value.to_owned()))
    });
    set.collect()
}
