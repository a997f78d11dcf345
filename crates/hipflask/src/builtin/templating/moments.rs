//! Moments and days in templates, with the methods of Python's `datetime` and `date`.

use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use crate::base::dates::Date;
use crate::base::datetime::DateTime;
use crate::base::times::Time;

/// The moment that `text` is.
pub(super) fn moment(text: Value) -> Value {
    let moment = text.as_str().and_then(|text| text.parse().ok());
    moment.map_or(text, |moment| Value::from_object(Moment(moment)))
}

/// The day that `text` is.
pub(super) fn day(text: Value) -> Value {
    let day = text.as_str().and_then(|text| text.parse().ok());
    day.map_or(text, |day| Value::from_object(Day(day)))
}

/// A moment, with the methods that a Python template calls on one.
#[derive(Debug)]
struct Moment(DateTime);

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.0.year()),
            "month" => Value::from(self.0.month()),
            "day" => Value::from(self.0.day()),
            "hour" => Value::from(self.0.hour()),
            "minute" => Value::from(self.0.minute()),
            "second" => Value::from(self.0.second()),
            "microsecond" => Value::from(self.0.microsecond()),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("strftime", [format]) => Ok(Value::from(self.0.strftime(format.as_str().unwrap_or_default()))),
            ("isoformat", []) => Ok(Value::from(self.0.isoformat())),
            ("timestamp", []) => Ok(Value::from(self.0.unix_micros() as f64 / 1e6)),
            ("strftime" | "isoformat" | "timestamp", _) => Err(Error::new(
                ErrorKind::TooManyArguments,
                format!("`{method}` of a date and time was called with {} arguments", args.len()),
            )),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Moment>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// A day.
#[derive(Debug)]
struct Day(Date);

impl Object for Day {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.0.year()),
            "month" => Value::from(self.0.month()),
            "day" => Value::from(self.0.day()),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let midnight = self.0.at(Time::of(0, 0)).utc();
        match (method, args) {
            ("strftime", [format]) => Ok(Value::from(midnight.strftime(format.as_str().unwrap_or_default()))),
            ("isoformat", []) => Ok(Value::from(self.0.to_string())),
            ("strftime" | "isoformat", _) => Err(Error::new(
                ErrorKind::TooManyArguments,
                format!("`{method}` of a date was called with {} arguments", args.len()),
            )),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Day>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}
