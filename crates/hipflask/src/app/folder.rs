//! A folder of files that belong to a program: on the disk, or inside the binary.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file inside the binary.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Its name below its folder: `css/style.css`.
    pub name: &'static str,
    /// Its content.
    pub content: &'static [u8],
}

/// A folder of an application or a blueprint, wherever it is: what [`App::folder`](crate::App::folder) and
/// [`Blueprint::folder`](crate::Blueprint::folder) find.
#[derive(Clone, Debug)]
pub enum Folder {
    /// On the disk.
    Disk(PathBuf),
    /// Inside the binary.
    Embedded {
        /// Its name there.
        name: String,
        /// Its files.
        files: &'static [EmbeddedFile],
    },
}

/// For messages: the path, or where in the binary it is.
impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Folder::Disk(path) => path.display().fmt(f),
            Folder::Embedded { name, .. } => write!(f, "the folder `{name}` inside the binary"),
        }
    }
}

/// The files of the folder `name`, if they are inside the binary.
pub(crate) fn embedded(
    folders: &[(&'static str, &'static [EmbeddedFile])],
    name: &str,
) -> Option<&'static [EmbeddedFile]> {
    folders.iter().find(|(known, _)| *known == name).map(|(_, files)| *files)
}

/// The folder that the folders of a blueprint are in: a path, or what [`folder!`](crate::extension::folder) has found.
///
/// ```
/// use hipflask::extension::RootFolder;
/// use hipflask::prelude::*;
///
/// let blog = Blueprint::new("blog").root_path("src/blog").template_folder("templates");
/// let root = RootFolder::from("src/blog");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RootFolder {
    pub(crate) path: PathBuf,
    pub(crate) embedded: Vec<(&'static str, &'static [EmbeddedFile])>,
}

impl RootFolder {
    /// Takes the files of a folder in it from inside the binary.
    #[must_use]
    pub fn embed(mut self, folder: &'static str, files: &'static [EmbeddedFile]) -> RootFolder {
        self.embedded.push((folder, files));
        self
    }

    /// The folder `name` in it, in an application that has these folders inside itself.
    pub(crate) fn find(
        &self,
        name: &str,
        root_path: &Path,
        of_app: &[(&'static str, &'static [EmbeddedFile])],
    ) -> Folder {
        let in_app = self.path.join(name).to_string_lossy().replace('\\', "/");
        let files = embedded(&self.embedded, name).or_else(|| embedded(of_app, &in_app));
        match files {
            Some(files) => Folder::Embedded { name: in_app, files },
            None => Folder::Disk(root_path.join(&self.path).join(name)),
        }
    }
}

impl<P: Into<PathBuf>> From<P> for RootFolder {
    fn from(path: P) -> RootFolder {
        RootFolder { path: path.into(), embedded: Vec::new() }
    }
}
