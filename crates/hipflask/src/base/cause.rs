//! Where an error comes from: the line, and what its causes say.

use crate::base::error::Error;
use crate::base::panics::Panicked;

impl Error {
    /// The file and the line that it comes from, for a log: the place of the panic if it is one, and that is known;
    /// otherwise its [`location`](Error::location).
    pub fn place(&self) -> Option<(&str, u32)> {
        match self.downcast_ref::<Panicked>() {
            Some(panicked) => panicked.place(),
            None => Some((self.location().file(), self.location().line())),
        }
    }

    /// What the causes say, each once: many an error repeats its cause's text in its own.
    ///
    /// ```
    /// use std::io;
    ///
    /// let full = io::Error::other("disk full");
    /// let error = hipflask::Error::from(io::Error::other(io::Error::other(full)));
    /// assert_eq!(error.to_string(), "disk full");
    /// assert!(error.causes().is_empty());
    /// ```
    pub fn causes(&self) -> Vec<String> {
        let mut said = self.to_string();
        let mut causes = Vec::new();
        for cause in self.chain().skip(1).map(ToString::to_string) {
            if !said.contains(&cause) {
                said.clone_from(&cause);
                causes.push(cause);
            }
        }
        causes
    }
}
