//! Fields as HTML, as WTForms writes them: the attributes in alphabetical order.

use std::collections::BTreeMap;

use crate::base::html::ToHtml;
use crate::builtin::form::shown::{ShownChoice, ShownField};
use crate::builtin::form::types::is_ticked;

/// Attributes by name; `None` is one that is not written, an empty one is written as its bare name.
pub(crate) type Attributes = BTreeMap<String, Option<String>>;

impl ShownField {
    /// The widget, with further attributes.
    pub(crate) fn html(&self, more: &Attributes) -> String {
        let mut html = String::new();
        match self.widget.as_str() {
            "hidden" if self.is_list => {
                self.fields.iter().for_each(|field| html.push_str(&field.html(more)));
            }
            _ if self.is_compound() => self.push_compound(&mut html, more),
            "radio" | "checkboxes" => self.push_options_as_list(&mut html, more),
            "textarea" => {
                push_tag(&mut html, "textarea", &self.attributes_with(more));
                // The browser swallows a first line break; let it be this one.
                html.push_str("\r\n");
                self.first().to_html(&mut html);
                html.push_str("</textarea>");
            }
            "select" => {
                push_tag(&mut html, "select", &self.attributes_with(more));
                self.push_choices(&mut html);
                html.push_str("</select>");
            }
            _ => push_tag(&mut html, "input", &self.attributes_with(more)),
        }
        html
    }

    /// The field with everything around it: its label, its description and its errors, which the widget refers to.
    pub(crate) fn row(&self, more: &Attributes) -> String {
        if self.widget == "hidden" {
            return self.html(more) + &self.error_list();
        }
        let mut more = more.clone();
        more.entry("aria-describedby".to_owned()).or_insert_with(|| self.described_by());
        let widget = self.html(&more);
        let is_group = self.is_compound() || matches!(self.widget.as_str(), "radio" | "checkboxes");
        let (tag, label) =
            if is_group { ("fieldset", self.legend()) } else { ("div", self.label_html(None, &BTreeMap::new())) };
        // A box stands before its text.
        let (first, second) = if self.widget == "checkbox" { (widget, label) } else { (label, widget) };
        let mut html = format!("<{tag} class=\"field\">{first} {second}");
        self.push_description(&mut html);
        html.push_str(&self.error_list());
        html.push_str(&format!("</{tag}>"));
        html
    }

    /// The label of several inputs.
    fn legend(&self) -> String {
        let mut html = String::from("<legend>");
        self.label.to_html(&mut html);
        html.push_str("</legend>");
        html
    }

    /// The ids of its description and of its errors, if it has any.
    fn described_by(&self) -> Option<String> {
        let description = (!self.description.is_empty()).then(|| format!("{}-description", self.id));
        let errors = (!self.errors.is_empty()).then(|| self.errors_id());
        let ids: Vec<String> = description.into_iter().chain(errors).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    pub(crate) fn errors_id(&self) -> String {
        format!("{}-errors", self.id)
    }

    fn push_description(&self, html: &mut String) {
        if !self.description.is_empty() {
            let id = Some(format!("{}-description", self.id));
            html.push(' ');
            push_tag(html, "small", &Attributes::from([("id".to_owned(), id)]));
            self.description.to_html(html);
            html.push_str("</small>");
        }
    }

    /// Its errors as a list, with an id that a widget can refer to; empty if there are none.
    pub(crate) fn error_list(&self) -> String {
        let mut html = String::new();
        if !self.errors.is_empty() {
            let attributes = [("class", "errors".to_owned()), ("id", self.errors_id())];
            push_tag(&mut html, "ul", &attributes.map(|(name, value)| (name.to_owned(), Some(value))).into());
            for error in &self.errors {
                html.push_str("<li>");
                error.to_html(&mut html);
                html.push_str("</li>");
            }
            html.push_str("</ul>");
        }
        html
    }

    /// Its label, or `text` as one.
    pub(crate) fn label_html(&self, text: Option<&str>, more: &Attributes) -> String {
        let mut attributes = Attributes::from([("for".to_owned(), Some(self.id.clone()))]);
        attributes.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut html = String::new();
        push_tag(&mut html, "label", &attributes);
        text.unwrap_or(&self.label).to_html(&mut html);
        html.push_str("</label>");
        html
    }

    /// What a browser would send, if it is one value.
    pub(crate) fn first(&self) -> &str {
        self.values.first().map(String::as_str).unwrap_or_default()
    }

    /// The options of `radio` and `checkboxes`, each a field of its own.
    pub(crate) fn options(&self) -> Vec<ShownField> {
        let is_radio = self.widget == "radio";
        let one = |(index, choice): (usize, &ShownChoice)| {
            let mut attributes: Vec<(String, String)> =
                self.attributes.iter().filter(|(name, _)| name != "autofocus").cloned().collect();
            attributes.push(("value".to_owned(), choice.value.clone()));
            if self.is_chosen(choice) {
                attributes.push(("checked".to_owned(), String::new()));
            }
            ShownField {
                name: self.name.clone(),
                id: format!("{}-{index}", self.id),
                label: choice.label.clone(),
                widget: if is_radio { "radio-option" } else { "checkbox-option" }.to_owned(),
                required: is_radio && self.required,
                attributes,
                ..ShownField::default()
            }
        };
        self.empty_choice().iter().chain(&self.choices).enumerate().map(one).collect()
    }

    fn is_chosen(&self, choice: &ShownChoice) -> bool {
        match choice.value.as_str() {
            "" => self.values.iter().all(String::is_empty),
            value => self.values.iter().any(|chosen| chosen == value),
        }
    }

    /// The choice of nothing: where that is allowed, where the form has a label for it, and where what is shown is not
    /// among the choices, so that the browser does not take the first of them unasked.
    fn empty_choice(&self) -> Option<ShownChoice> {
        let has_one = self.choices.iter().any(|choice| choice.value.is_empty());
        let is_strange = |value: &String| !self.choices.iter().any(|choice| choice.value == *value);
        let wanted = match self.widget.as_str() {
            "select" if !self.is_list => !self.required || self.empty.is_some() || self.values.iter().any(is_strange),
            "radio" => self.empty.is_some(),
            _ => false,
        };
        let label = self.empty.clone().unwrap_or_default();
        (wanted && !has_one).then(|| ShownChoice { label, ..ShownChoice::default() })
    }

    /// The attributes of its element.
    fn attributes_with(&self, more: &Attributes) -> Attributes {
        let mut attributes = self.attributes_of_type();
        let mut set = |name: &str, value: &str| _ = attributes.insert(name.to_owned(), Some(value.to_owned()));
        set("id", &self.id);
        set("name", &self.name);
        if self.required {
            set("required", "");
        }
        if !self.errors.is_empty() {
            set("aria-invalid", "true");
        }
        if self.is_list && self.takes_several() {
            set("multiple", "");
        }
        attributes.extend(self.attributes.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
        attributes.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        attributes
    }

    /// The type of an `<input>`, and what it shows.
    fn attributes_of_type(&self) -> Attributes {
        let (kind, value) = match self.widget.as_str() {
            "textarea" | "select" => return Attributes::new(),
            "radio-option" => ("radio", None),
            "checkbox-option" => ("checkbox", None),
            "checkbox" => ("checkbox", Some("y")),
            widget @ ("password" | "file") => (widget, None),
            widget => (widget, Some(self.first())),
        };
        let mut attributes = Attributes::from([("type".to_owned(), Some(kind.to_owned()))]);
        attributes.extend(value.map(|value| ("value".to_owned(), Some(value.to_owned()))));
        if self.widget == "checkbox" && is_ticked(self.first()) {
            attributes.insert("checked".to_owned(), Some(String::new()));
        }
        attributes
    }

    fn push_choices(&self, html: &mut String) {
        let mut group: Option<&str> = None;
        let empty = self.empty_choice();
        for choice in empty.iter().chain(&self.choices) {
            if choice.group.as_deref() != group {
                html.push_str(if group.is_some() { "</optgroup>" } else { "" });
                group = choice.group.as_deref();
                if let Some(label) = group {
                    push_tag(html, "optgroup", &Attributes::from([("label".to_owned(), Some(label.to_owned()))]));
                }
            }
            html.push_str("<option value=\"");
            choice.value.to_html(html);
            html.push_str(if self.is_chosen(choice) { "\" selected>" } else { "\">" });
            choice.label.to_html(html);
            html.push_str("</option>");
        }
        html.push_str(if group.is_some() { "</optgroup>" } else { "" });
    }

    fn push_options_as_list(&self, html: &mut String, more: &Attributes) {
        self.push_group(html, "ul", more);
        for option in self.options() {
            html.push_str("<li>");
            html.push_str(&option.html(&Attributes::new()));
            html.push(' ');
            html.push_str(&option.label_html(None, &Attributes::new()));
            html.push_str("</li>");
        }
        html.push_str("</ul>");
    }

    /// A form, or a list of forms or inputs.
    fn push_compound(&self, html: &mut String, more: &Attributes) {
        let none = Attributes::new();
        if self.widget == "form" && !self.is_list {
            self.push_group(html, "div", more);
            self.fields.iter().for_each(|field| html.push_str(&field.row(&none)));
            html.push_str("</div>");
            return;
        }
        self.push_group(html, "ul", more);
        for field in &self.fields {
            html.push_str("<li>");
            html.push_str(&field.html(&none));
            html.push_str("</li>");
        }
        html.push_str("</ul>");
    }

    /// The beginning of an element around several inputs.
    fn push_group(&self, html: &mut String, tag: &str, more: &Attributes) {
        let mut attributes = Attributes::from([("id".to_owned(), Some(self.id.clone()))]);
        attributes.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        push_tag(html, tag, &attributes);
    }
}

/// `<tag name="value" bare>`
fn push_tag(html: &mut String, tag: &str, attributes: &Attributes) {
    html.push('<');
    html.push_str(tag);
    for (name, value) in attributes {
        let Some(value) = value else { continue };
        html.push(' ');
        name.to_html(html);
        if !value.is_empty() || has_value(name) {
            html.push_str("=\"");
            value.to_html(html);
            html.push('"');
        }
    }
    html.push('>');
}

/// Whether an attribute is written with its value even if that is empty. To a browser both are the same; to a reader only
/// switches are bare.
fn has_value(name: &str) -> bool {
    const SWITCHES: [&str; 9] = [
        "autofocus",
        "checked",
        "disabled",
        "formnovalidate",
        "multiple",
        "novalidate",
        "readonly",
        "required",
        "selected",
    ];
    !SWITCHES.contains(&name)
}
