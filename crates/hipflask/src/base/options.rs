//! Options: typed values that a rule, a blueprint or an application was given, for extensions to read.

use std::any::{Any, TypeId};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// Options, from the outside in: the application's, the blueprints', the rule's. Of one type there may be several.
#[derive(Clone, Default)]
pub(crate) struct Options(Vec<Given>);

/// One option, and the line that gave it.
#[derive(Clone)]
pub(crate) struct Given {
    value: Arc<dyn Any + Send + Sync>,
    pub(crate) type_name: &'static str,
    pub(crate) location: &'static Location<'static>,
}

impl Given {
    /// The type of the option.
    pub(crate) fn type_id(&self) -> TypeId {
        (*self.value).type_id()
    }
}

impl Options {
    #[track_caller]
    pub(crate) fn push<T: Send + Sync + 'static>(&mut self, value: T) {
        let type_name = std::any::type_name::<T>();
        self.0.push(Given { value: Arc::new(value), type_name, location: Location::caller() });
    }

    /// Puts `inner` inside of what is there.
    pub(crate) fn extend(&mut self, inner: Options) {
        self.0.extend(inner.0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    /// The options of type `T`, from the outside in.
    pub(crate) fn all<T: 'static>(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().filter_map(|given| given.value.downcast_ref())
    }

    /// The innermost option of type `T`.
    pub(crate) fn innermost<T: 'static>(&self) -> Option<&T> {
        self.all().next_back()
    }
}

/// The values stay out: a key may be among them.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|given| given.type_name)).finish()
    }
}
