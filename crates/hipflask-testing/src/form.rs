//! Forms of a page, filled in and submitted.

use hipflask::testing::{TestClient, TestRequest, TestResponse};

use crate::element::Element;

/// A form of a page: it is filled in, and submitted with everything else that the page has in it, the token against
/// cross-site requests for instance. What a browser would refuse to submit, an empty field that is required, is submitted
/// here: the server must refuse it too.
#[derive(Clone, Debug)]
#[must_use = "a form is not sent until it is submitted"]
pub struct PageForm {
    is_post: bool,
    is_multipart: bool,
    /// The target that it is sent to.
    target: String,
    page: String,
    controls: Vec<Control>,
    pressed: Option<usize>,
}

/// Something in a form that has a value.
#[derive(Clone, Debug)]
struct Control {
    name: String,
    kind: Kind,
    value: String,
    /// Whether it is sent: a box that is checked, an option that is chosen.
    is_on: bool,
    /// What a button says.
    label: String,
    /// Where a button sends the form, and how, if it says so.
    action: Option<String>,
    method: Option<String>,
    file: Option<File>,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    content_type: String,
    content: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Hidden,
    /// Any number of them may be on.
    Checkbox,
    /// One of those with the same name is on.
    Radio,
    /// An option of a list of which one is chosen.
    Choice,
    /// An option of a list of which several may be chosen.
    Choices,
    File,
    Button,
}

impl PageForm {
    /// Reads a form with its controls. `elsewhere` are those outside of it that may say they belong to it.
    pub(crate) fn read(form: Element<'_>, elsewhere: &[Element<'_>], response: &TestResponse) -> PageForm {
        let is = |name: &str, value: &str| form.attr(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
        let mut controls: Vec<Control> = Vec::new();
        let own = form.attr("id").unwrap_or_default();
        let inside =
            form.select(CONTROLS).into_iter().filter(|control| control.attr("form").is_none_or(|of| of == own));
        let outside =
            elsewhere.iter().copied().filter(|control| control.attr("form") == Some(own) && !is_inside(*control, form));
        for control in inside.chain(outside).filter(|control| !is_disabled(*control)) {
            controls.extend(Control::read(control));
        }
        for control in &mut controls {
            control.action = control.action.take().map(|action| response.resolve(&action));
        }
        let uri = response.request().uri().to_string();
        PageForm {
            is_post: is("method", "post"),
            is_multipart: is("enctype", "multipart/form-data"),
            target: response.resolve(form.attr("action").unwrap_or_default()),
            page: uri,
            controls,
            pressed: None,
        }
    }

    /// What is in a field now: the value that it is sent with.
    pub fn value(&self, name: &str) -> Option<&str> {
        let sent = |control: &&Control| control.name == name && control.is_on;
        self.controls.iter().find(sent).map(|control| control.value.as_str())
    }

    /// Types `value` into the field `name`, or chooses it.
    ///
    /// # Panics
    ///
    /// If there is no such field, it is hidden, or the value cannot be chosen.
    #[track_caller]
    pub fn fill(mut self, name: &str, value: impl ToString) -> PageForm {
        let (value, kind) = (value.to_string(), self.kind_of(name));
        match kind {
            Kind::Text => {
                let field = self.controls.iter_mut().find(|control| control.name == name && control.kind == kind);
                if let Some(field) = field {
                    field.value = value;
                }
                self
            }
            Kind::Radio | Kind::Choice | Kind::Choices => self.choose(name, kind, &value),
            Kind::Checkbox => self.fail(&format!("`{name}` is a box; write `.check(\"{name}\")`")),
            Kind::File => self.fail(&format!("`{name}` is for a file; write `.file(\"{name}\", ..)`")),
            Kind::Hidden => self.fail(&format!("a visitor cannot fill in `{name}`, which is hidden")),
            Kind::Button => self.fail(&format!("`{name}` is a button; write `.press(..)`")),
        }
    }

    #[track_caller]
    fn choose(mut self, name: &str, kind: Kind, value: &str) -> PageForm {
        let of = |control: &Control| control.name == name && control.kind == kind;
        let choices: Vec<&str> = self.controls.iter().filter(|c| of(c)).map(|control| control.value.as_str()).collect();
        if !choices.contains(&value) {
            self.fail(&format!("`{value}` is not among the choices of `{name}`: {}", choices.join(", ")));
        }
        for control in self.controls.iter_mut().filter(|control| of(control)) {
            control.is_on = control.value == value || (kind == Kind::Choices && control.is_on);
        }
        self
    }

    /// Checks a box.
    ///
    /// # Panics
    ///
    /// If there is no such box.
    #[track_caller]
    pub fn check(self, name: &str) -> PageForm {
        self.switch(name, true)
    }

    /// Unchecks a box, or gives up everything that was chosen in a list of several.
    ///
    /// # Panics
    ///
    /// If there is no such box.
    #[track_caller]
    pub fn uncheck(self, name: &str) -> PageForm {
        self.switch(name, false)
    }

    #[track_caller]
    fn switch(mut self, name: &str, is_on: bool) -> PageForm {
        let is_switch = |kind: Kind| kind == Kind::Checkbox || (kind == Kind::Choices && !is_on);
        if !is_switch(self.kind_of(name)) {
            self.fail(&format!("`{name}` is not a box"));
        }
        for control in self.controls.iter_mut().filter(|control| control.name == name && is_switch(control.kind)) {
            control.is_on = is_on;
        }
        self
    }

    /// Chooses a file.
    ///
    /// # Panics
    ///
    /// If there is no such field for files, or the form is not sent as multipart, and so would lose the file.
    #[track_caller]
    pub fn file(mut self, name: &str, filename: &str, content_type: &str, content: impl AsRef<[u8]>) -> PageForm {
        if self.kind_of(name) != Kind::File {
            self.fail(&format!("`{name}` is not a field for files"));
        }
        if !self.is_multipart {
            self.fail("a browser sends no file with this form; it needs `enctype=\"multipart/form-data\"`");
        }
        let content = content.as_ref().to_vec();
        let file = File { name: filename.to_owned(), content_type: content_type.to_owned(), content };
        if let Some(field) = self.controls.iter_mut().find(|control| control.name == name && control.kind == Kind::File)
        {
            field.file = Some(file);
        }
        self
    }

    /// Submits it with the button that says `label`, and not with its first one.
    ///
    /// # Panics
    ///
    /// If there is no such button.
    #[track_caller]
    pub fn press(mut self, label: &str) -> PageForm {
        let is_it = |control: &Control| control.kind == Kind::Button && control.label == label;
        self.pressed = self.controls.iter().position(is_it);
        if self.pressed.is_none() {
            let labels = self.controls.iter().filter(|control| control.kind == Kind::Button);
            let labels: Vec<&str> = labels.map(|control| control.label.as_str()).collect();
            self.fail(&format!("there is no button `{label}`; there are {}", labels.join(", ")));
        }
        self
    }

    /// The request that submits it.
    pub fn submit(self, client: &TestClient) -> TestRequest<'_> {
        let pressed = self.pressed.or_else(|| self.controls.iter().position(|control| control.kind == Kind::Button));
        let button = pressed.map(|at| &self.controls[at]);
        let target = button.and_then(|button| button.action.as_ref()).unwrap_or(&self.target);
        let method = button.and_then(|button| button.method.as_deref());
        let is_post = method.map_or(self.is_post, |method| method.eq_ignore_ascii_case("post"));
        let sent = self.controls.iter().enumerate();
        let sent = sent.filter(|(at, control)| Some(*at) == pressed || (control.kind != Kind::Button && control.is_on));
        let sent: Vec<&Control> = sent.map(|(_, control)| control).filter(|control| !control.name.is_empty()).collect();
        if !is_post {
            let path = target.split('?').next().unwrap_or_default();
            return client.get(path).query(sent.iter().map(|control| (&control.name, &control.value)));
        }
        let mut request = client.post(target).header("referer", &self.page);
        for control in sent {
            request = match (&control.file, control.kind == Kind::File && self.is_multipart) {
                (Some(file), true) => request.file(&control.name, &file.name, &file.content_type, &file.content),
                // A field for files that was left empty is sent all the same.
                (None, true) => request.file(&control.name, "", "application/octet-stream", ""),
                _ => request.form([(&control.name, &control.value)]),
            };
        }
        request
    }

    #[track_caller]
    fn kind_of(&self, name: &str) -> Kind {
        match self.controls.iter().find(|control| control.name == name) {
            Some(control) => control.kind,
            None => {
                let mut names: Vec<&str> = self.controls.iter().map(|control| control.name.as_str()).collect();
                names.dedup();
                self.fail(&format!("the form has no field `{name}`; it has {}", names.join(", ")))
            }
        }
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a form that is not what was expected fails the test")]
    fn fail(&self, message: &str) -> ! {
        panic!("the form of {}: {message}", self.page)
    }
}

const CONTROLS: &str = "input, textarea, select, button";

/// HTML §4.10.18.5: its own word, or that of a `fieldset` around it.
fn is_disabled(control: Element<'_>) -> bool {
    let around = control.0.ancestors().filter_map(scraper::ElementRef::wrap);
    control.attr("disabled").is_some()
        || around.into_iter().any(|around| around.value().name() == "fieldset" && around.attr("disabled").is_some())
}

fn is_inside(control: Element<'_>, form: Element<'_>) -> bool {
    control.0.ancestors().any(|around| around.id() == form.0.id())
}

impl Control {
    /// What is sent for an element. HTML §4.10.22.4.
    fn read(element: Element<'_>) -> Vec<Control> {
        let text = |name: &str| element.attr(name).unwrap_or_default().to_owned();
        let control = |kind: Kind, value: String, is_on: bool| Control {
            name: text("name"),
            kind,
            value,
            is_on,
            label: String::new(),
            action: element.attr("formaction").map(str::to_owned),
            method: element.attr("formmethod").map(str::to_owned),
            file: None,
        };
        let type_of = text("type").to_ascii_lowercase();
        match (element.name(), type_of.as_str()) {
            ("select", _) => options(element, control),
            ("textarea", _) => {
                let value: String = element.0.text().collect();
                vec![control(Kind::Text, value.strip_prefix('\n').unwrap_or(&value).to_owned(), true)]
            }
            ("input", "checkbox" | "radio") => {
                let kind = if type_of == "radio" { Kind::Radio } else { Kind::Checkbox };
                let value = element.attr("value").unwrap_or("on").to_owned();
                vec![control(kind, value, element.attr("checked").is_some())]
            }
            ("input", "file") => vec![control(Kind::File, String::new(), true)],
            ("input", "hidden") => vec![control(Kind::Hidden, text("value"), true)],
            ("button", "reset" | "button") | ("input", "reset" | "button" | "image") => Vec::new(),
            ("button", _) => vec![Control { label: element.text(), ..control(Kind::Button, text("value"), false) }],
            ("input", "submit") => {
                let label = element.attr("value").unwrap_or("Submit").to_owned();
                vec![Control { label, ..control(Kind::Button, text("value"), false) }]
            }
            _ => vec![control(Kind::Text, text("value"), true)],
        }
    }
}

/// The options of a list. Where one is chosen and none is marked, it is the first.
fn options(list: Element<'_>, control: impl Fn(Kind, String, bool) -> Control) -> Vec<Control> {
    let kind = if list.attr("multiple").is_some() { Kind::Choices } else { Kind::Choice };
    let options = list.select("option").into_iter().filter(|option| option.attr("disabled").is_none());
    let mut options: Vec<Control> = options
        .map(|option| {
            let value = option.attr("value").map_or_else(|| option.text(), str::to_owned);
            control(kind, value, option.attr("selected").is_some())
        })
        .collect();
    if kind == Kind::Choice {
        let chosen = options.iter().rposition(|option| option.is_on).unwrap_or(0);
        options.iter_mut().enumerate().for_each(|(at, option)| option.is_on = at == chosen);
    }
    options
}
