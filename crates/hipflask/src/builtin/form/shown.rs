//! A form as templates and JSON see it: its fields with what was typed and with the errors.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::builtin::form::error::FieldError;
use crate::builtin::form::field::{Choice, Field};
use crate::builtin::form::model::FormModel;
use crate::builtin::form::sent::{Lookup, entry_of, is_blank};
use crate::builtin::form::state::Form;

/// The name by which a template recognizes a form.
pub(crate) const FORM_MARKER: &str = "$hipflask::Form";

/// Of a list no more entries are shown, however many were sent.
const MOST_SHOWN: usize = 1_000;

/// A field with what it shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShownField {
    pub(crate) name: String,
    /// The `id` of its widget.
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) widget: String,
    pub(crate) description: String,
    pub(crate) required: bool,
    pub(crate) is_list: bool,
    pub(crate) choices: Vec<ShownChoice>,
    /// The label of the empty choice.
    pub(crate) empty: Option<String>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) values: Vec<String>,
    pub(crate) errors: Vec<String>,
    /// The fields of a form inside the form, or the entries of a list.
    pub(crate) fields: Vec<ShownField>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShownChoice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) group: Option<String>,
}

impl From<&Choice> for ShownChoice {
    fn from(choice: &Choice) -> ShownChoice {
        let group = choice.group.as_ref().map(ToString::to_string);
        ShownChoice { value: choice.value.to_string(), label: choice.label.to_string(), group }
    }
}

impl ShownField {
    /// Whether it consists of several inputs: a form, or a list of inputs.
    pub(crate) fn is_compound(&self) -> bool {
        self.widget == "form" || self.is_list && !self.takes_several()
    }

    /// Whether it is a widget that takes several values itself.
    pub(crate) fn takes_several(&self) -> bool {
        matches!(self.widget.as_str(), "select" | "checkboxes" | "file")
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Where a field is shown.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// What comes before its name.
    prefix: &'a str,
    /// Whether it may be left empty, because the form that it belongs to may.
    optional: bool,
    /// What was sent.
    sent: Option<&'a Lookup<'a>>,
}

impl<T: FormModel> Form<T> {
    /// The fields with what they show.
    pub(super) fn shown(&self) -> Vec<ShownField> {
        let sent = self.data.as_ref().map(|data| Lookup::of(data));
        let place = Place { prefix: "", optional: false, sent: sent.as_ref() };
        T::fields().into_iter().map(|field| self.shown_field(field, place)).collect()
    }

    fn shown_field(&self, field: Field, place: Place<'_>) -> ShownField {
        let name = format!("{}{}", place.prefix, field.name);
        let mut shown = self.plain(&field, &name, place);
        match (field.widget, field.is_list) {
            ("form", false) => {
                let optional = place.optional || !field.required;
                shown.fields = self.inner(&field, Place { prefix: &format!("{name}-"), optional, ..place });
            }
            ("form", true) => shown.fields = self.forms(&field, &shown, place),
            _ if shown.is_compound() => shown.fields = inputs(&field, &shown),
            _ => {}
        }
        shown
    }

    /// The field without what is inside it.
    fn plain(&self, field: &Field, name: &str, place: Place<'_>) -> ShownField {
        let own = self.choices.iter().rfind(|(known, _)| *known == name);
        let choices = own.map_or(&field.choices, |(_, choices)| choices);
        ShownField {
            name: name.to_owned(),
            id: name.to_owned(),
            label: field.label.to_owned(),
            widget: field.widget.to_owned(),
            description: field.description.to_owned(),
            required: !place.optional && (field.required || field.is_list && field.min_entries > 0),
            is_list: field.is_list,
            choices: choices.iter().map(ShownChoice::from).collect(),
            empty: field.empty.map(str::to_owned),
            attributes: field.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            values: self.values_of(field, name, place),
            errors: self.errors_of(name),
            fields: Vec::new(),
        }
    }

    fn values_of(&self, field: &Field, name: &str, place: Place<'_>) -> Vec<String> {
        match place.sent {
            // A password is never sent back.
            _ if field.widget == "password" => Vec::new(),
            Some(sent) => sent.texts(name).into_iter().map(str::to_owned).collect(),
            None => self.prefilled.iter().filter(|(known, _)| known == name).map(|(_, text)| text.clone()).collect(),
        }
    }

    fn errors_of(&self, name: &str) -> Vec<String> {
        let own = |(known, error): (&str, &FieldError)| (known == name).then(|| self.message(error));
        self.errors().filter_map(own).collect()
    }

    fn inner(&self, field: &Field, place: Place<'_>) -> Vec<ShownField> {
        field.fields.iter().map(|inner| self.shown_field(inner.clone(), place)).collect()
    }

    /// The forms of a list: those that were filled in, as many as there must be, and a blank one to fill in.
    fn forms(&self, field: &Field, list: &ShownField, around: Place<'_>) -> Vec<ShownField> {
        let prefix = format!("{}-", list.name);
        let filled: BTreeSet<u32> = match around.sent {
            Some(sent) => sent.entries(&prefix),
            None => self.prefilled.iter().filter_map(|(name, _)| entry_of(name, &prefix)).collect(),
        };
        let blanks = (0..).filter(|entry| !filled.contains(entry)).take(blanks(field, filled.len()));
        let mut entries: Vec<(u32, bool)> = filled.iter().take(MOST_SHOWN).map(|entry| (*entry, false)).collect();
        entries.extend(blanks.map(|entry| (entry, true)));
        entries.sort_unstable();
        let required = field.min_entries;
        let one = |(place, (entry, blank)): (usize, (u32, bool))| ShownField {
            name: format!("{prefix}{entry}"),
            id: format!("{prefix}{entry}"),
            label: format!("{} {}", list.label, place + 1),
            widget: "form".to_owned(),
            fields: self.inner(
                field,
                Place { prefix: &format!("{prefix}{entry}-"), optional: blank && place >= required, ..around },
            ),
            ..ShownField::default()
        };
        entries.into_iter().enumerate().map(one).collect()
    }
}

/// The inputs of a list, all of one name: those that were filled in, as many as there must be, and a blank one to fill in.
fn inputs(field: &Field, list: &ShownField) -> Vec<ShownField> {
    let filled: Vec<&String> = list.values.iter().filter(|text| !is_blank(text)).take(MOST_SHOWN).collect();
    let blanks = blanks(field, filled.len());
    let values = filled.into_iter().map(|text| vec![text.clone()]).chain(std::iter::repeat_n(Vec::new(), blanks));
    // Only the list has a label.
    let mut attributes = list.attributes.clone();
    attributes.insert(0, ("aria-label".to_owned(), list.label.clone()));
    let one = |(place, values)| ShownField {
        id: format!("{}-{place}", list.name),
        attributes: attributes.clone(),
        required: list.required && place < field.min_entries,
        is_list: false,
        values,
        errors: Vec::new(),
        fields: Vec::new(),
        description: String::new(),
        ..list.clone()
    };
    values.enumerate().map(one).collect()
}

/// How many entries to fill in are shown beside so many that were filled in.
fn blanks(field: &Field, filled: usize) -> usize {
    let room = field.max_entries.unwrap_or(MOST_SHOWN).saturating_sub(filled);
    field.min_entries.saturating_sub(filled).max(1).min(room)
}
