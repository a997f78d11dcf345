//! The types of what is typed on a command line.

use std::any::TypeId;
use std::fmt::Display;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::base::datetime::DateTime;

/// What can be the value of an option or an argument: everything that is read from text ([`FromStr`]).
///
/// ```
/// use std::str::FromStr;
///
/// use hipflask::cli::command;
/// use hipflask::prelude::*;
///
/// struct Colour([u8; 3]);
///
/// impl FromStr for Colour {
///     type Err = &'static str;
///
///     fn from_str(text: &str) -> Result<Colour, &'static str> {
///         let digits = text.strip_prefix('#').and_then(|digits| u32::from_str_radix(digits, 16).ok());
///         let [0, red, green, blue] = digits.ok_or("write it as `#c0ffee`")?.to_be_bytes() else {
///             return Err("a colour has six digits");
///         };
///         Ok(Colour([red, green, blue]))
///     }
/// }
///
/// #[command]
/// fn red(#[argument] colour: Colour) -> String {
///     colour.0[0].to_string()
/// }
///
/// let app = App::new("doc", ".").command(red).freeze()?;
/// # hipflask::block_on(async {
/// assert_eq!(app.run_command("red", ["#ff0000"]).await?, "255");
/// # Ok::<(), hipflask::Error>(())
/// # })?;
/// # Ok::<(), hipflask::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the command line",
    label = "not a type of options and arguments",
    note = "the type of an option or an argument implements `FromStr`, like numbers, `String`, `PathBuf` and `bool`; `Option<T>` is for what may be left out, `Vec<T>` for what may be given several times",
    note = "what is found by its type, like `Config`, needs no attribute"
)]
pub trait CliValue: FromStr<Err: Display> + Send + 'static {
    // What `#[command]` calls: by the trait, so that a type that is none is reported once.
    #[doc(hidden)]
    fn kind() -> Kind {
        Kind::of::<Self>()
    }

    #[doc(hidden)]
    fn typed(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: Self::Err| error.to_string())
    }
}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display> + Send + 'static> CliValue for T {}

/// A type of values, as the command line knows it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What help calls it: `INTEGER`.
    pub(crate) name: &'static str,
    /// What messages call it: `integer`. Of a type that they do not know, its own error says what is wrong.
    noun: Option<&'static str>,
    read: fn(&str) -> Result<(), String>,
}

macro_rules! is_one_of {
    ($id:expr, $($ty:ty)*) => { [$(TypeId::of::<$ty>()),*].contains(&$id) };
}

impl Kind {
    pub(crate) fn of<T: CliValue>() -> Kind {
        let id = TypeId::of::<T>();
        let (name, noun) = match id {
            _ if is_one_of!(id, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize) => ("INTEGER", Some("integer")),
            _ if is_one_of!(id, f32 f64) => ("FLOAT", Some("float")),
            _ if is_one_of!(id, bool) => ("BOOLEAN", Some("boolean")),
            _ if is_one_of!(id, PathBuf) => ("PATH", None),
            _ if is_one_of!(id, DateTime) => ("DATETIME", None),
            _ => ("TEXT", None),
        };
        Kind { name, noun, read: |text| T::typed(text).map(drop) }
    }

    pub(crate) fn check(&self, typed: &str) -> Result<(), String> {
        (self.read)(typed).map_err(|error| match self.noun {
            Some(noun) => format!("'{typed}' is not a valid {noun}."),
            None => format!("'{typed}' is not valid: {error}."),
        })
    }

    /// Whether its values are paths, for a shell that completes them.
    pub(crate) fn is_path(&self) -> bool {
        self.name == "PATH"
    }
}

/// What has to be at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathKind {
    Any,
    File,
    Folder,
}

impl PathKind {
    pub(crate) fn check(self, typed: &str) -> Result<(), String> {
        let (path, name) = (Path::new(typed), self.name());
        match self {
            _ if !path.exists() => Err(format!("{name} '{typed}' does not exist.")),
            PathKind::File if path.is_dir() => Err(format!("{name} '{typed}' is a directory.")),
            PathKind::Folder if !path.is_dir() => Err(format!("{name} '{typed}' is a file.")),
            _ => Ok(()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            PathKind::Any => "Path",
            PathKind::File => "File",
            PathKind::Folder => "Directory",
        }
    }
}

/// A range as messages and help have it: `1<=x<=5`.
pub(super) fn bounds<T: Display>(range: &impl RangeBounds<T>) -> String {
    let (from, to) = (range.start_bound(), range.end_bound());
    match (from, to) {
        (Bound::Included(from), Bound::Unbounded) => format!("x>={from}"),
        (Bound::Excluded(from), Bound::Unbounded) => format!("x>{from}"),
        _ => format!("{}x{}", lower(from), upper(to)),
    }
}

fn lower<T: Display>(bound: Bound<&T>) -> String {
    match bound {
        Bound::Included(from) => format!("{from}<="),
        Bound::Excluded(from) => format!("{from}<"),
        Bound::Unbounded => String::new(),
    }
}

fn upper<T: Display>(bound: Bound<&T>) -> String {
    match bound {
        Bound::Included(to) => format!("<={to}"),
        Bound::Excluded(to) => format!("<{to}"),
        Bound::Unbounded => String::new(),
    }
}
