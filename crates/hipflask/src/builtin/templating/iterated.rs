//! Structs that a template iterates: pages of rows.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

/// The name under which a struct is serialized that a template iterates: over its field `items`. Its other fields are
/// attributes, and can be called as methods without arguments; a name that it does not have is an error.
///
/// ```
/// use hipflask::Rule;
/// use hipflask::prelude::*;
/// use serde::ser::{Serialize, SerializeStruct, Serializer};
///
/// struct Page(Vec<&'static str>);
///
/// impl Serialize for Page {
///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         let mut out = serializer.serialize_struct(hipflask::templating::ITERATED, 2)?;
///         out.serialize_field("items", &self.0)?;
///         out.serialize_field("total", &self.0.len())?;
///         out.end()
///     }
/// }
///
/// async fn index() -> Template {
///     let source = "{% for post in posts %}{{ post }}, {% endfor %}{{ posts.total }}";
///     Template::from_string(source).with("posts", &Page(vec!["a", "b"]))
/// }
///
/// let client = App::new("doc", ".").add_url_rule(Rule::new("/"), index).test_client();
/// assert_eq!(client.get("/").send_blocking().text(), "a, b, 2");
/// ```
pub const ITERATED: &str = "$hipflask::Iterated";

pub(super) fn iterated(fields: Vec<(&'static str, Value)>) -> Value {
    Value::from_object(Iterated { fields })
}

#[derive(Debug)]
struct Iterated {
    fields: Vec<(&'static str, Value)>,
}

impl Iterated {
    fn field(&self, key: &str) -> Result<&Value, Error> {
        let found = self.fields.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
            Error::new(ErrorKind::UnknownMethod, format!("there is no `{key}` here; there are {}", names.join(", ")))
        })
    }
}

impl Object for Iterated {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(key) => Some(self.field(key).map_or_else(Value::from, Value::clone)),
            None => self.field("items").ok()?.get_item(key).ok(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| {
            let items = this.field("items").and_then(Value::try_iter);
            Box::new(items.into_iter().flatten())
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.field(method)?, args) {
            (value, []) => Ok(value.clone()),
            _ => Err(Error::new(ErrorKind::TooManyArguments, format!("`{method}` takes no arguments here"))),
        }
    }
}
