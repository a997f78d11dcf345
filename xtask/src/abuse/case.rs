//! The cases, as `tests/abuse` has them.

use std::fs;

use serde_json::Value;

use super::bytes::Pieces;
use crate::{Result, root};

/// One hostile request, or a conversation that leads to one.
pub struct Case {
    pub id: String,
    pub area: String,
    pub title: String,
    pub kind: Kind,
    pub is_slow: bool,
    pub is_http2: bool,
    /// What the answer may be: statuses, `close`, and for HTTP/2 `goaway`, `rst` and `open`.
    pub expect: Vec<String>,
    pub must: Vec<String>,
    pub must_not: Vec<String>,
    pub log_must_not: Option<String>,
    /// The case that shows that what is refused here is allowed elsewhere.
    pub control: Option<String>,
}

pub enum Kind {
    Played(Vec<Scene>),
    HeldBy(String),
    /// What it needs does not exist.
    NotBuilt,
}

/// One connection: what is sent, and what is kept of the answer.
pub struct Scene {
    pub sent: Vec<Sent>,
    pub is_half_closed: bool,
    pub is_head: bool,
    pub timeout: u64,
    /// Leave after so many milliseconds, without reading.
    pub hang_up: Option<u64>,
    /// Wait so many milliseconds before it.
    pub pause: u64,
    /// Names for what the first group of a pattern finds in the answer.
    pub saves: Vec<(String, String)>,
}

/// What is sent at once, and how many milliseconds the client then waits.
pub struct Sent {
    pub pieces: Pieces,
    pub wait: u64,
    pub times: u64,
}

/// All cases, in the order of their files.
pub fn all() -> Result<Vec<Case>> {
    let folder = root().join("tests/abuse");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let area = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        for line in text.lines() {
            let told = |problem: String| format!("{}: {problem}: {line}", file.display());
            let value = serde_json::from_str(line).map_err(|error| told(error.to_string()))?;
            cases.push(Case::read(&area, &value).map_err(told)?);
        }
    }
    Ok(cases)
}

impl Case {
    fn read(area: &str, value: &Value) -> Result<Case> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Ok(Case {
            id: text("id").ok_or("a case needs an `id`")?,
            area: area.to_owned(),
            title: text("title").ok_or("a case needs a `title`")?,
            kind: Kind::read(value)?,
            is_slow: value["slow"] == true || value["heavy"] == true,
            is_http2: value["http2"] == true,
            expect: texts(&value["expect"]),
            must: texts(&value["must"]),
            must_not: texts(&value["must_not"]),
            log_must_not: text("log_must_not"),
            control: text("control"),
        })
    }
}

impl Kind {
    fn read(value: &Value) -> Result<Kind> {
        if value["waits_for"].is_string() {
            return Ok(Kind::NotBuilt);
        }
        if let Some(test) = value["held_by"].as_str() {
            return Ok(Kind::HeldBy(test.to_owned()));
        }
        if texts(&value["expect"]).is_empty() {
            return Err("a case needs `expect`".to_owned());
        }
        match value["flow"].as_array() {
            Some(scenes) => scenes.iter().map(Scene::read).collect::<Result<_>>().map(Kind::Played),
            None => Scene::read(value).map(|scene| Kind::Played(vec![scene])),
        }
    }
}

impl Scene {
    fn read(value: &Value) -> Result<Scene> {
        let number = |key: &str| value[key].as_u64();
        let sent = match value["steps"].as_array() {
            Some(steps) => steps.iter().map(Sent::read).collect::<Result<_>>()?,
            None => vec![Sent::read(value)?],
        };
        let saves = value["save"].as_object().into_iter().flatten();
        Ok(Scene {
            sent,
            is_half_closed: value["half_close"] == true,
            is_head: value["heads"] == true,
            timeout: number("timeout").unwrap_or(6000),
            hang_up: number("hang_up"),
            pause: number("pause").unwrap_or(0),
            saves: saves
                .map(|(name, pattern)| (name.clone(), pattern.as_str().unwrap_or_default().to_owned()))
                .collect(),
        })
    }
}

impl Sent {
    fn read(value: &Value) -> Result<Sent> {
        let pieces = if value["request"].is_object() { &value["request"] } else { &value["send"] };
        if pieces.is_null() {
            return Err("a case needs `send`, `steps`, `flow` or `request`".to_owned());
        }
        Ok(Sent {
            pieces: Pieces(pieces.clone()),
            wait: value["wait"].as_u64().unwrap_or(0),
            times: value["times"].as_u64().unwrap_or(1),
        })
    }
}

fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}
