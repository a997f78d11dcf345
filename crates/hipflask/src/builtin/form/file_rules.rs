//! Rules for files.

use crate::builtin::form::error::FieldError;
use crate::builtin::form::rules::FieldRule;
use crate::builtin::form::sent::Sent;
use crate::http::upload::Upload;

/// The bounds of a file's size in bytes, both included: `file_size(..=2_000_000)`. Flask-WTF's `FileSize`.
#[derive(Clone, Copy, Debug)]
pub struct FileSize {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

impl FieldRule<Upload> for FileSize {
    fn check(&self, file: &Upload, _: &Sent<'_>) -> Result<(), FieldError> {
        match file.len() {
            size if size > self.max => Err(FieldError::FileTooLarge { max: self.max }),
            size if size < self.min => Err(FieldError::FileTooSmall { min: self.min }),
            _ => Ok(()),
        }
    }
}

/// What a file's name may end in: `file_types("png", "jpg")`. Flask-WTF's `FileAllowed`.
///
/// It keeps mistakes out, not attacks: a file has whatever content its sender likes, so look at that before you trust
/// it.
#[derive(Clone, Copy, Debug)]
pub struct FileTypes(pub &'static [&'static str]);

impl FieldRule<Upload> for FileTypes {
    fn check(&self, file: &Upload, _: &Sent<'_>) -> Result<(), FieldError> {
        let name = file.filename().to_lowercase();
        let ends = |end: &&str| name.strip_suffix(&end.to_lowercase()).is_some_and(|stem| stem.ends_with('.'));
        if self.0.iter().any(ends) { Ok(()) } else { Err(FieldError::FileType { allowed: self.0 }) }
    }
}
