//! What the client sent for a field.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::context::Context;
use crate::http::upload::{FormData, Upload};

/// What the client sent for one field.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The name of the field in its form.
    pub(super) name: &'a str,
    /// What comes before the names of that form: `address-`.
    pub(super) prefix: &'a str,
    pub(super) data: &'a Lookup<'a>,
    pub(super) ctx: Option<&'a Context>,
    pub(super) trimmed: &'a [&'static str],
    /// One of several values, if the field has several.
    pub(super) one: Option<One<'a>>,
}

/// One of the values of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum One<'a> {
    Text(&'a str),
    File(&'a Upload),
}

impl<'a> Sent<'a> {
    /// The first value.
    pub fn text(&self) -> Option<&'a str> {
        match self.one {
            None => self.other(self.name),
            Some(One::Text(text)) => Some(text),
            Some(One::File(_)) => None,
        }
    }

    /// Every value.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        let texts = match self.one {
            None => self.data.texts(&self.full(self.name)),
            Some(_) => self.text().into_iter().collect(),
        };
        let (trims, is_one) = (self.trims(self.name), self.one.is_some());
        texts.into_iter().map(move |text| if trims && !is_one { text.trim() } else { text })
    }

    /// The file, if one was chosen.
    pub fn file(&self) -> Option<&'a Upload> {
        match self.one {
            None => self.data.form.file(&self.full(self.name)),
            Some(One::File(file)) => Some(file),
            Some(One::Text(_)) => None,
        }
    }

    /// Every file that was chosen.
    pub fn files(&self) -> impl Iterator<Item = &'a Upload> {
        let (name, one) = (self.full(self.name).into_owned(), self.one);
        let files = self.data.form.files.iter();
        files.filter(move |file| match one {
            None => file.name() == name && !file.filename().is_empty(),
            Some(One::File(one)) => std::ptr::eq(*file, one),
            Some(One::Text(_)) => false,
        })
    }

    /// The first value of another field of the same form.
    pub fn other(&self, name: &str) -> Option<&'a str> {
        let text = self.data.first(&self.full(name))?;
        Some(if self.trims(name) { text.trim() } else { text })
    }

    /// The request's context: for a rule that depends on the configuration, the session or the user. A form that
    /// was made by [`Form::from_data`](crate::Form::from_data) has none.
    pub fn ctx(&self) -> Option<&'a Context> {
        self.ctx
    }

    /// The same field, as if it had only this value.
    pub(super) fn with(self, one: One<'a>) -> Sent<'a> {
        Sent { one: Some(one), ..self }
    }

    fn trims(&self, name: &str) -> bool {
        self.trimmed.contains(&name)
    }

    fn full<'n>(&self, name: &'n str) -> Cow<'n, str> {
        full_name(self.prefix, name)
    }
}

/// `address-street`
pub(super) fn full_name<'n>(prefix: &str, name: &'n str) -> Cow<'n, str> {
    if prefix.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{prefix}{name}")) }
}

/// A form by the names of its fields.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) form: &'a FormData,
    /// Where searching all pairs for each field could take long: half a megabyte has a hundred thousand of them.
    index: Option<HashMap<&'a str, Vec<&'a str>>>,
}

impl<'a> Lookup<'a> {
    const INDEXED: usize = 100;

    pub(super) fn of(form: &'a FormData) -> Lookup<'a> {
        let index = (form.fields.len() > Self::INDEXED).then(|| {
            let mut index: HashMap<&str, Vec<&str>> = HashMap::new();
            form.fields.iter().for_each(|(name, text)| index.entry(name).or_default().push(text));
            index
        });
        Lookup { form, index }
    }

    fn first(&self, name: &str) -> Option<&'a str> {
        match &self.index {
            None => self.form.fields.get(name),
            Some(index) => index.get(name).and_then(|texts| texts.first().copied()),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&'a str> {
        match &self.index {
            None => self.form.fields.iter().filter(|(known, _)| *known == name).map(|(_, text)| text).collect(),
            Some(index) => index.get(name).cloned().unwrap_or_default(),
        }
    }

    /// Whether something was filled in of the fields whose names begin so.
    pub(super) fn has_under(&self, prefix: &str) -> bool {
        self.filled_in().any(|name| name.starts_with(prefix))
    }

    /// The numbers of the entries `lines-0-…`, `lines-1-…` in which something was filled in.
    pub(super) fn entries(&self, prefix: &str) -> BTreeSet<u32> {
        self.filled_in().filter_map(|name| entry_of(name, prefix)).collect()
    }

    /// The names of the fields that are not blank.
    fn filled_in(&self) -> impl Iterator<Item = &'a str> {
        let texts = self.form.fields.iter().filter(|(_, text)| !is_blank(text)).map(|(name, _)| name);
        let files = self.form.files.iter().filter(|file| !file.filename().is_empty()).map(Upload::name);
        texts.chain(files)
    }
}

/// The number of the entry that a field belongs to: 3 for `lines-3-amount` below `lines-`.
pub(super) fn entry_of(name: &str, prefix: &str) -> Option<u32> {
    let (digits, _) = name.strip_prefix(prefix)?.split_once('-')?;
    // In one spelling only, or two would be one entry.
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    is_plain.then(|| digits.parse().ok()).flatten()
}

pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// A browser sends line breaks as CR LF (HTML, 4.10.21.4).
pub(super) fn with_line_feeds(text: &str) -> String {
    // Most fields have one line.
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}
