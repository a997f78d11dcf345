//! The parts of a field in a template: its label, its flags, its widget and its value, under WTForms' names.

use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, State};

use crate::builtin::form::{Attributes, ShownField};
use crate::builtin::templating::dict::dict;

/// The attributes that a template passes. `class` is a keyword in Python, so templates for WTForms write `class_`; `data_x`
/// is `data-x`.
pub(super) fn attributes(kwargs: &Kwargs) -> Result<Attributes, Error> {
    let mut attributes = Attributes::new();
    for key in kwargs.args() {
        let value: Value = kwargs.get(key)?;
        let name = key.trim_end_matches('_');
        let name = if name.starts_with("data_") || name.starts_with("aria_") {
            name.replace('_', "-")
        } else {
            name.to_owned()
        };
        // The engine considers 1 equal to true.
        let value = match value.kind() {
            ValueKind::Bool => value.is_true().then(String::new),
            ValueKind::None | ValueKind::Undefined => None,
            _ => Some(value.to_string()),
        };
        attributes.insert(name, value);
    }
    Ok(attributes)
}

/// `field.label`: it prints as a `<label>`, and can be called with another text and with attributes.
#[derive(Debug)]
pub(super) struct LabelObject(pub(super) ShownField);

impl LabelObject {
    pub(super) fn html(&self) -> String {
        self.0.label_html(None, &Attributes::new())
    }
}

impl Object for LabelObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "text" => Value::from(&self.0.label),
            "field_id" => Value::from(&self.0.id),
            _ => return None,
        })
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (text, kwargs): (Option<Value>, Kwargs) = from_args(args)?;
        let named: Option<Value> = kwargs.get("text")?;
        let text = text.or(named).filter(|text| !text.is_none()).map(|text| text.to_string());
        let mut more = attributes(&kwargs)?;
        more.remove("text");
        Ok(Value::from_safe_string(self.0.label_html(text.as_deref(), &more)))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.html())
    }
}

/// `field.flags`: what its rules say of its HTML.
#[derive(Debug)]
pub(super) struct FlagsObject(pub(super) ShownField);

impl Object for FlagsObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// A flag that is not set is none, as in WTForms.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (key, none) = (key.as_str()?, Value::from(()));
        Some(match key {
            "required" if self.0.required => Value::from(true),
            "optional" if !self.0.required => Value::from(true),
            "hidden" if self.0.widget == "hidden" => Value::from(true),
            "multiple" if self.0.is_list && self.0.takes_several() => Value::from(true),
            _ => match self.0.attribute(key) {
                Some("") => Value::from(true),
                Some(value) => value.parse::<i64>().map_or_else(|_| Value::from(value), Value::from),
                None => none,
            },
        })
    }
}

/// `field.widget`: what it is written as.
#[derive(Debug)]
pub(super) struct WidgetObject(pub(super) ShownField);

impl Object for WidgetObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let field = &self.0;
        Some(match key.as_str()? {
            "input_type" => match field.widget.as_str() {
                "select" | "textarea" | "form" | "radio" | "checkboxes" => return None,
                _ if field.is_compound() => return None,
                "radio-option" => Value::from("radio"),
                "checkbox-option" => Value::from("checkbox"),
                widget => Value::from(widget),
            },
            "multiple" => Value::from(field.is_list && field.takes_several()),
            _ => return None,
        })
    }

    /// The name that the program gives it.
    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.widget)
    }
}

/// What a field holds: a truth value, a number, a text, a list, or the same of a form inside the form. None if it is
/// empty.
pub(super) fn data(field: &ShownField) -> Value {
    match field.widget.as_str() {
        "form" if !field.is_list => {
            let inner = |inner: &ShownField| (Value::from(inner.name.rsplit('-').next()), data(inner));
            dict(field.fields.iter().map(inner).collect())
        }
        "file" => Value::from(()),
        _ if field.is_compound() => field.fields.iter().map(data).collect(),
        _ if field.is_list => Value::from(field.values.clone()),
        "checkbox" => Value::from(crate::builtin::form::is_ticked(field.first())),
        "number" | "range" => number(field.first()),
        _ => field.values.first().map_or_else(|| Value::from(()), Value::from),
    }
}

fn number(text: &str) -> Value {
    let integer = text.trim().parse::<i64>().map(Value::from);
    let number = integer.or_else(|_| text.trim().parse::<f64>().map(Value::from));
    number.unwrap_or_else(|_| if text.is_empty() { Value::from(()) } else { Value::from(text) })
}

/// The name of the class that WTForms has for such a field.
pub(super) fn type_name(field: &ShownField) -> &'static str {
    let is_whole = field.attribute("step") != Some("any");
    match field.widget.as_str() {
        "select" | "checkboxes" if field.is_list => "SelectMultipleField",
        "file" if field.is_list => "MultipleFileField",
        _ if field.is_list => "FieldList",
        "textarea" => "TextAreaField",
        "password" => "PasswordField",
        "hidden" => "HiddenField",
        "email" => "EmailField",
        "url" => "URLField",
        "tel" => "TelField",
        "search" => "SearchField",
        "checkbox" => "BooleanField",
        "number" if is_whole => "IntegerField",
        "number" => "FloatField",
        "range" if is_whole => "IntegerRangeField",
        "range" => "DecimalRangeField",
        "date" => "DateField",
        "datetime-local" => "DateTimeLocalField",
        "time" => "TimeField",
        "month" => "MonthField",
        "week" => "WeekField",
        "color" => "ColorField",
        "file" => "FileField",
        "select" => "SelectField",
        "radio" => "RadioField",
        "checkboxes" => "SelectMultipleField",
        "form" => "FormField",
        "radio-option" | "checkbox-option" => "_Option",
        _ => "StringField",
    }
}
