//! A map for templates.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, Value};

/// A map that keeps the order of its keys, like Python's.
pub(super) fn dict(entries: Vec<(Value, Value)>) -> Value {
    let keys = entries.iter().map(|(key, _)| key.clone()).collect();
    Value::from_object(Dict { keys, values: entries.into_iter().collect() })
}

#[derive(Debug)]
struct Dict {
    keys: Vec<Value>,
    values: HashMap<Value, Value>,
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|dict| Box::new(dict.keys.iter().cloned()))
    }
}
