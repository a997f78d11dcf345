//! Names of files that come from outside, made safe. Werkzeug's `secure_filename` and `safe_join`.

use std::path::{Path, PathBuf};

use crate::http::ascii::to_ascii;

/// A file name that is valid on every system and leads nowhere else: letters, digits, `_`, `-` and `.`, without a
/// dot in front. It may be empty. Werkzeug's `secure_filename`.
///
/// As in Werkzeug, a Latin letter loses its diacritics (`ü` becomes `u`), and letters of other scripts are
/// dropped. Unlike in Werkzeug, a backslash and a colon are separators on every system, and rare characters that
/// Unicode considers variants of ASCII characters (`Ⅳ`, `①`) are dropped too.
///
/// ```
/// use hipflask::http::secure_filename;
///
/// assert_eq!(secure_filename("My cool movie.mov"), "My_cool_movie.mov");
/// assert_eq!(secure_filename("ümlaut.txt"), "umlaut.txt");
/// assert_eq!(secure_filename("../../etc/passwd"), "etc_passwd");
/// assert_eq!(secure_filename("C:\\x\\con.txt"), "C_x_con.txt");
/// assert_eq!(secure_filename("con.txt"), "_con.txt");
/// assert_eq!(secure_filename("..."), "");
/// ```
pub fn secure_filename(name: &str) -> String {
    // Before anything else: a full-width slash becomes one here.
    let spaced = to_ascii(name).replace(['/', '\\', ':'], " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let plain: String =
        words.join("_").chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')).collect();
    let plain = plain.trim_matches(['.', '_']);
    if is_device(plain) { format!("_{plain}") } else { plain.to_owned() }
}

/// Joins an untrusted name to a folder; `None` if the result would lie elsewhere, or is hidden: only `.well-known`
/// (RFC 8615) may begin with a dot. Werkzeug's `safe_join`, but as strict on every system as on the strictest one.
///
/// ```
/// use hipflask::http::safe_join;
/// use std::path::{Path, PathBuf};
///
/// assert_eq!(safe_join(Path::new("files"), "a/b.txt"), Some(PathBuf::from("files/a/b.txt")));
/// assert_eq!(safe_join(Path::new("files"), "./a//c/../b.txt/"), Some(PathBuf::from("files/a/b.txt")));
/// for bad in ["../x", "/etc/passwd", "a/../../x", "a\\b", "C:x", ".env", "a/NUL.txt", "x:stream", ""] {
///     assert_eq!(safe_join(Path::new("files"), bad), None, "{bad}");
/// }
/// ```
pub fn safe_join(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = |part: &str| {
        (!part.starts_with('.') || part == ".well-known")
            && !part.ends_with(['.', ' '])
            && !part.contains(['\\', ':', '\0'])
            && !part.chars().any(char::is_control)
            && !is_device(part)
    };
    let parts = normal_parts(name).filter(|parts| !parts.is_empty() && parts.iter().all(|part| plain(part)))?;
    Some(parts.iter().fold(folder.to_owned(), |path, part| path.join(part)))
}

/// The parts of a relative name, with `.`, `..` and empty ones resolved; `None` if it leads out of where it begins.
fn normal_parts(name: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    (!name.starts_with('/')).then_some(parts)
}

/// Names that Windows reserves for devices, whatever their extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_made_safe() {
        for (name, safe) in [
            ("i contain cool \u{fc}ml\u{e4}uts.txt", "i_contain_cool_umlauts.txt"),
            ("/etc/passwd", "etc_passwd"),
            ("a\0b.txt", "ab.txt"),
            (".bashrc", "bashrc"),
            ("", ""),
            ("NUL", "_NUL"),
            ("com1.tar.gz", "_com1.tar.gz"),
            ("x:stream", "x_stream"),
            ("日本", ""),
        ] {
            assert_eq!(secure_filename(name), safe, "{name:?}");
        }
    }
}
