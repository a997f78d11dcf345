//! Forms in templates: `{{ form.title.label }} {{ form.title(class="wide") }}`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectExt, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

use crate::base::html::{Html, ToHtml};
use crate::builtin::templating::csrf::csrf_field;
use crate::builtin::templating::dict::dict;

/// A form made of the serialized fields.
pub(super) fn form(fields: &Value) -> Value {
    let fields = fields.try_iter().into_iter().flatten().map(|field| Arc::new(FieldObject::new(&field)));
    Value::from_object(FormObject { fields: fields.collect() })
}

/// The HTML of a value that renders itself, such as a field.
pub(super) fn html_of(value: &Value) -> Option<String> {
    value.downcast_object_ref::<FieldObject>().map(|field| field.html(&BTreeMap::new()))
}

/// A form: its fields by name, in order when iterated.
#[derive(Debug)]
struct FormObject {
    fields: Vec<Arc<FieldObject>>,
}

impl FormObject {
    fn errors(&self) -> Value {
        let failed = self.fields.iter().filter(|field| !field.errors.is_empty());
        dict(failed.map(|field| (Value::from(&field.name), Value::from(field.errors.clone()))).collect())
    }
}

impl Object for FormObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        match self.fields.iter().find(|field| field.name == key) {
            Some(field) => Some(Value::from_dyn_object(Arc::clone(field))),
            None => match key {
                "errors" => Some(self.errors()),
                "csrf_token" => csrf_field().ok().map(|html| Value::from_safe_string(html.into_string())),
                _ => None,
            },
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|form| Box::new(form.fields.iter().map(|field| Value::from(field.name.clone()))))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("hidden_tag", []) => Ok(Value::from_safe_string(csrf_field()?.into_string())),
            ("fields", []) => Ok(self.fields.iter().map(|field| Value::from_dyn_object(Arc::clone(field))).collect()),
            _ => match self.fields.iter().find(|field| field.name == method) {
                Some(field) => field.render_with(args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            },
        }
    }
}

/// A field: it prints as its widget, and can be called with attributes for it.
#[derive(Debug, Default)]
struct FieldObject {
    name: String,
    label: String,
    widget: String,
    description: String,
    required: bool,
    choices: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    values: Vec<String>,
    errors: Vec<String>,
}

impl FieldObject {
    fn new(field: &Value) -> FieldObject {
        let text = |key: &str| field.get_attr(key).unwrap_or_default().as_str().unwrap_or_default().to_owned();
        let items = |key: &str| field.get_attr(key).unwrap_or_default().try_iter().into_iter().flatten();
        let texts = |key: &str| items(key).map(|value| value.to_string()).collect();
        let pairs = |key: &str| {
            let part = |pair: &Value, index| pair.get_item_by_index(index).unwrap_or_default().to_string();
            items(key).map(|pair| (part(&pair, 0), part(&pair, 1))).collect()
        };
        FieldObject {
            name: text("name"),
            label: text("label"),
            widget: text("widget"),
            description: text("description"),
            required: field.get_attr("required").unwrap_or_default().is_true(),
            choices: pairs("choices"),
            attributes: pairs("attributes"),
            values: texts("values"),
            errors: texts("errors"),
        }
    }

    fn first(&self) -> &str {
        self.values.first().map(String::as_str).unwrap_or_default()
    }

    fn label(&self) -> Html {
        let mut html = String::from("<label for=\"");
        self.name.to_html(&mut html);
        html.push_str("\">");
        self.label.to_html(&mut html);
        html.push_str("</label>");
        Html::new(html)
    }

    fn render_with(&self, args: &[Value]) -> Result<Value, Error> {
        let (kwargs,): (Kwargs,) = from_args(args)?;
        let mut attributes = BTreeMap::new();
        for key in kwargs.args() {
            let value: Value = kwargs.get(key)?;
            // `class` is a keyword in Python, so templates for WTForms write `class_`; `data_x` is `data-x`.
            let name = key.trim_end_matches('_');
            let name = if name.starts_with("data_") || name.starts_with("aria_") {
                name.replace('_', "-")
            } else {
                name.to_owned()
            };
            attributes.insert(name, value);
        }
        Ok(Value::from_safe_string(self.html(&attributes)))
    }

    /// The widget, its attributes sorted, as WTForms writes them.
    fn html(&self, more: &BTreeMap<String, Value>) -> String {
        let mut attributes: BTreeMap<String, Value> = BTreeMap::new();
        attributes.insert("id".into(), Value::from(&self.name));
        attributes.insert("name".into(), Value::from(&self.name));
        attributes.extend(self.attributes.iter().map(|(name, value)| (name.clone(), Value::from(value))));
        if self.required {
            attributes.insert("required".into(), Value::from(true));
        }
        if !self.errors.is_empty() {
            attributes.insert("aria-invalid".into(), Value::from("true"));
            attributes.insert("aria-describedby".into(), Value::from(format!("{}-errors", self.name)));
        }
        let tag = match self.widget.as_str() {
            "textarea" => "textarea",
            "select" => "select",
            widget => {
                attributes.insert("type".into(), Value::from(widget));
                self.set_value(&mut attributes);
                "input"
            }
        };
        attributes.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut html = format!("<{tag}");
        attributes.iter().for_each(|(name, value)| push_attribute(&mut html, name, value));
        html.push('>');
        match tag {
            "textarea" => {
                // The browser swallows a first line break; let it be this one.
                html.push_str("\r\n");
                self.first().to_html(&mut html);
                html.push_str("</textarea>");
            }
            "select" => self.push_options(&mut html),
            _ => {}
        }
        html
    }

    fn set_value(&self, attributes: &mut BTreeMap<String, Value>) {
        match self.widget.as_str() {
            "checkbox" => {
                attributes.insert("value".into(), Value::from("y"));
                let ticked = !matches!(self.first(), "" | "false" | "False" | "0" | "off");
                attributes.insert("checked".into(), Value::from(ticked));
            }
            "password" | "file" => {}
            _ => _ = attributes.insert("value".into(), Value::from(self.first())),
        }
    }

    fn push_options(&self, html: &mut String) {
        for (value, label) in &self.choices {
            html.push_str("<option value=\"");
            value.to_html(html);
            html.push_str(if self.values.contains(value) { "\" selected>" } else { "\">" });
            label.to_html(html);
            html.push_str("</option>");
        }
        html.push_str("</select>");
    }
}

/// ` name="value"`; a bare name for true, nothing for false and none.
fn push_attribute(html: &mut String, name: &str, value: &Value) {
    // The engine considers 1 equal to true.
    let switch = (value.kind() == ValueKind::Bool).then(|| value.is_true());
    if value.is_none() || value.is_undefined() || switch == Some(false) {
        return;
    }
    html.push(' ');
    name.to_html(html);
    if switch.is_none() {
        html.push_str("=\"");
        value.to_html(html);
        let _ = html.write_char('"');
    }
}

impl Object for FieldObject {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "id" => Value::from(&self.name),
            "label" => Value::from_safe_string(self.label().into_string()),
            "label_text" => Value::from(&self.label),
            "description" => Value::from(&self.description),
            "type" => Value::from(&self.widget),
            "required" => Value::from(self.required),
            "errors" => Value::from(self.errors.clone()),
            "data" | "value" => Value::from(self.first()),
            _ => return None,
        })
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.render_with(args)
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.html(&BTreeMap::new()))
    }
}
