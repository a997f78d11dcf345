//! The signals around a template.

use minijinja::value::Value;
use serde::de::DeserializeOwned;

use crate::app::signal::Signal;

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            template: String,
            values: Value,
        }

        impl $name {
            pub(super) fn new(template: &str, values: &Value) -> $name {
                $name { template: template.to_owned(), values: values.clone() }
            }

            /// The name of the template; `<string>` for one that is only a string.
            pub fn template(&self) -> &str {
                &self.template
            }

            /// A value that the template was given, by the view or a context processor, if it is a `T`. Flask's
            /// `context["name"]`.
            pub fn value<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
                let value = self.values.get_attr(name).ok().filter(|value| !value.is_undefined())?;
                T::deserialize(value).ok()
            }

            /// The names of these values.
            pub fn names(&self) -> Vec<String> {
                let names = self.values.try_iter().into_iter().flatten();
                names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
        }

        impl Signal for $name {})*
    };
}

templates! {
    /// A template is about to be rendered. Flask's `before_render_template`.
    BeforeRenderTemplate;
    /// A template was rendered; one that failed was not. Flask's `template_rendered`.
    TemplateRendered;
}
