//! What fields show of values: the other way of reading them.

/// What the fields of a form show of values. A type writes itself into it with [`FromField::to_field`](crate::form::FromField::to_field).
#[derive(Clone, Debug, Default)]
pub struct FieldValues {
    /// What comes before the names of the form that is written, if it is inside another: `address-`.
    prefix: String,
    /// The field that is written.
    name: &'static str,
    pairs: Vec<(String, String)>,
}

impl FieldValues {
    /// Adds a value of the field, as a browser would send it.
    pub fn text(&mut self, text: impl Into<String>) {
        self.pairs.push((format!("{}{}", self.prefix, self.name), text.into()));
    }

    /// The same, about to write the field `name`.
    pub fn at(&mut self, name: &'static str) -> &mut FieldValues {
        self.name = name;
        self
    }

    /// Writes a form inside this one, or the one with the number `entry` of a list.
    pub(super) fn within(&mut self, entry: Option<usize>, write: impl FnOnce(&mut FieldValues)) {
        let (length, name) = (self.prefix.len(), self.name);
        self.prefix.push_str(name);
        self.prefix.push('-');
        if let Some(entry) = entry {
            self.prefix.push_str(&format!("{entry}-"));
        }
        write(self);
        self.prefix.truncate(length);
        self.name = name;
    }

    /// The names of the fields, with what they show.
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.pairs
    }
}
