//! Forms in templates, under WTForms' names: `{{ form.title.label }} {{ form.title(class="wide") }}`.

use std::sync::Arc;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use serde::Deserialize;

use crate::builtin::form::{Attributes, ShownField};
use crate::builtin::templating::csrf::csrf_field;
use crate::builtin::templating::dict::dict;
use crate::builtin::templating::field_parts::{FlagsObject, LabelObject, WidgetObject, attributes, data, type_name};

/// A form made of the serialized fields.
pub(super) fn form(fields: &Value) -> Value {
    match Vec::<ShownField>::deserialize(fields.clone()) {
        Ok(fields) => {
            Value::from_object(FormObject { fields: fields.into_iter().map(FieldObject).map(Arc::new).collect() })
        }
        Err(error) => Value::from(error),
    }
}

/// The HTML of a value that renders itself, such as a field.
pub(super) fn html_of(value: &Value) -> Option<String> {
    match value.downcast_object_ref::<FieldObject>() {
        Some(field) => Some(field.0.html(&Attributes::new())),
        None => value.downcast_object_ref::<LabelObject>().map(LabelObject::html),
    }
}

/// A name that WTForms has and this does not: an error, because nothing at all would go unnoticed.
fn lacking(what: &str, name: &str, lacking: &[&str]) -> Option<Value> {
    let told = || format!("`{name}` of a {what} of WTForms has no counterpart here");
    lacking.contains(&name).then(|| Value::from(Error::new(ErrorKind::InvalidOperation, told())))
}

/// What a view does with a form, not a template; and what only WTForms' classes have.
const NOT_OF_FORMS: [&str; 9] = [
    "meta",
    "populate_obj",
    "process",
    "validate",
    "validate_on_submit",
    "is_submitted",
    "form_errors",
    "Meta",
    "_fields",
];

const NOT_OF_FIELDS: [&str; 15] = [
    "raw_data",
    "object_data",
    "render_kw",
    "meta",
    "validators",
    "filters",
    "process_errors",
    "process",
    "process_data",
    "populate_obj",
    "validate",
    "gettext",
    "ngettext",
    "coerce",
    "format",
];

/// A form: its fields, by name and in order.
#[derive(Debug)]
struct FormObject {
    fields: Vec<Arc<FieldObject>>,
}

impl FormObject {
    fn field(&self, name: &str) -> Option<Value> {
        let field = self.fields.iter().find(|field| field.0.name == name)?;
        Some(Value::from_dyn_object(Arc::clone(field)))
    }

    /// The token against cross-site requests, and the fields that are hidden.
    fn hidden_tag(&self) -> Result<Value, Error> {
        let mut html = csrf_field()?.into_string();
        let hidden = self.fields.iter().filter(|field| field.0.widget == "hidden");
        hidden.for_each(|field| html.push_str(&field.0.html(&Attributes::new())));
        Ok(Value::from_safe_string(html))
    }

    /// Everything that belongs between the tags of the form, except its button.
    fn rows(&self) -> Result<Value, Error> {
        let mut html = self.hidden_tag()?.to_string();
        let shown = self.fields.iter().filter(|field| field.0.widget != "hidden");
        shown.for_each(|field| html.push_str(&field.0.row(&Attributes::new())));
        Ok(Value::from_safe_string(html))
    }
}

/// The errors of the fields that have any, by name; of a form inside the form they are a dict in turn.
fn errors<'a>(fields: impl Iterator<Item = &'a ShownField>) -> Value {
    let one =
        |field: &'a ShownField| has_errors(field).then(|| (Value::from(short_name(&field.name)), errors_of(field)));
    dict(fields.filter_map(one).collect())
}

fn errors_of(field: &ShownField) -> Value {
    if !field.errors.is_empty() || !field.is_compound() {
        Value::from(field.errors.clone())
    } else if field.is_list {
        field.fields.iter().map(|entry| errors(entry.fields.iter())).collect()
    } else {
        errors(field.fields.iter())
    }
}

fn has_errors(field: &ShownField) -> bool {
    !field.errors.is_empty() || field.fields.iter().any(has_errors)
}

/// `street` of `address-street`
fn short_name(name: &str) -> &str {
    name.rsplit('-').next().unwrap_or(name)
}

fn takes_a_file(field: &ShownField) -> bool {
    field.widget == "file" || field.fields.iter().any(takes_a_file)
}

impl Object for FormObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        self.field(key).or_else(|| {
            let fields = || self.fields.iter().map(|field| &field.0);
            Some(match key {
                "errors" => errors(fields()),
                "data" => dict(fields().map(|field| (Value::from(&field.name), data(field))).collect()),
                "csrf_token" => Value::from_safe_string(csrf_field().ok()?.into_string()),
                "enctype" if fields().any(takes_a_file) => Value::from("multipart/form-data"),
                "enctype" => Value::from("application/x-www-form-urlencoded"),
                _ => return lacking("form", key, &NOT_OF_FORMS),
            })
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let fields = self.fields.iter().map(|field| Value::from_dyn_object(Arc::clone(field)));
        Enumerator::Values(fields.collect())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("hidden_tag", []) => self.hidden_tag(),
            ("rows", []) => self.rows(),
            _ => match self.fields.iter().find(|field| field.0.name == method) {
                Some(field) => field.render_with(args),
                None => no_method(method, lacking("form", method, &NOT_OF_FORMS)),
            },
        }
    }
}

fn no_method(method: &str, lacking: Option<Value>) -> Result<Value, Error> {
    match lacking {
        Some(value) => Err(Error::new(ErrorKind::UnknownMethod, value.to_string())),
        None => Err(Error::new(ErrorKind::UnknownMethod, format!("there is no method `{method}`"))),
    }
}

/// A field: it prints as its widget, and can be called with attributes for it. Iterated, a form inside the form gives its
/// fields, a list its entries, `radio` and `checkboxes` their options.
#[derive(Debug)]
struct FieldObject(ShownField);

impl FieldObject {
    fn render_with(&self, args: &[Value]) -> Result<Value, Error> {
        let (kwargs,): (Kwargs,) = from_args(args)?;
        Ok(Value::from_safe_string(self.0.html(&attributes(&kwargs)?)))
    }

    fn row(&self, args: &[Value]) -> Result<Value, Error> {
        let (kwargs,): (Kwargs,) = from_args(args)?;
        Ok(Value::from_safe_string(self.0.row(&attributes(&kwargs)?)))
    }

    fn inner(&self) -> Vec<Value> {
        let fields = if self.0.is_compound() { self.0.fields.clone() } else { self.0.options() };
        fields.into_iter().map(|field| Value::from_object(FieldObject(field))).collect()
    }

    /// The field of a form inside the form.
    fn field(&self, name: &str) -> Option<Value> {
        let is_form = self.0.widget == "form" && !self.0.is_list;
        let name = format!("{}-{name}", self.0.name);
        let field = self.0.fields.iter().find(|field| is_form && field.name == name)?;
        Some(Value::from_object(FieldObject(field.clone())))
    }

    fn choices(&self) -> Value {
        self.0.choices.iter().map(|choice| Value::from(vec![choice.value.clone(), choice.label.clone()])).collect()
    }
}

impl Object for FieldObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        let is_iterable = self.0.is_compound() || matches!(self.0.widget.as_str(), "radio" | "checkboxes");
        if is_iterable { ObjectRepr::Iterable } else { ObjectRepr::Plain }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(index) = key.as_usize() {
            return self.inner().into_iter().nth(index);
        }
        let (key, field) = (key.as_str()?, &self.0);
        self.field(key).or_else(|| {
            Some(match key {
                "name" => Value::from(&field.name),
                "id" => Value::from(&field.id),
                "short_name" => Value::from(short_name(&field.name)),
                "label" => Value::from_object(LabelObject(field.clone())),
                "label_text" => Value::from(&field.label),
                "description" => Value::from(&field.description),
                "type" => Value::from(type_name(field)),
                "widget" => Value::from_object(WidgetObject(field.clone())),
                "flags" => Value::from_object(FlagsObject(field.clone())),
                "required" => Value::from(field.required),
                "choices" => self.choices(),
                "form" if field.widget == "form" && !field.is_list => Value::from_dyn_object(Arc::clone(self)),
                "entries" if field.is_compound() => Value::from(self.inner()),
                "errors" => errors_of(field),
                "errors_id" => Value::from((!field.errors.is_empty()).then(|| field.errors_id())),
                "error_list" => Value::from_safe_string(field.error_list()),
                "data" => data(field),
                "value" => Value::from(field.first()),
                _ => return lacking("field", key, &NOT_OF_FIELDS),
            })
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.inner())
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.render_with(args)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("row", _) => self.row(args),
            ("iter_choices", []) => Ok(self.choices()),
            ("hidden_tag", []) => Ok(Value::from_safe_string(String::new())),
            _ => match self.get_value(&Value::from(method)) {
                Some(value) if value.kind() != ValueKind::Invalid => value.call(state, args),
                other => no_method(method, other),
            },
        }
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.html(&Attributes::new()))
    }
}
