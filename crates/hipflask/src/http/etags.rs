//! Entity tags: those of a response, and the lists of a condition (RFC 9110 §8.8.3 and §13.1).

use crate::http::lists::split_unquoted;
use crate::signing::sha1_hex;

/// The entity tags of an `If-Match` or `If-None-Match` field. Werkzeug's `ETags`.
///
/// ```
/// use hipflask::http::ETags;
///
/// let tags = ETags::parse("\"v1\", W/\"v2\"");
/// assert!(tags.contains("v1") && !tags.contains("v2") && tags.contains_weak("v2"));
/// assert!(ETags::parse("*").contains("any"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ETags {
    any: bool,
    tags: Vec<ETag>,
}

/// An entity tag, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag {
    /// The text between the quotes.
    pub tag: String,
    /// Whether it says only that two versions are equivalent, not that they are the same bytes: `W/"…"`.
    pub weak: bool,
}

impl ETag {
    /// The tag of these bytes: their SHA-1, as Werkzeug's `generate_etag` makes it.
    pub fn of(bytes: &[u8]) -> ETag {
        ETag { tag: sha1_hex(bytes), weak: false }
    }

    /// Reads `"tag"`, `W/"tag"`, or a tag whose quotes are missing.
    pub fn parse(text: &str) -> Option<ETag> {
        let text = text.trim_matches([' ', '\t']);
        let (weak, rest) = match text.strip_prefix("W/").or_else(|| text.strip_prefix("w/")) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let tag = match rest.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').filter(|tag| !tag.contains('"'))?,
            None => Some(rest).filter(|tag| !tag.is_empty() && !tag.contains(['"', ' ', '\t']))?,
        };
        Some(ETag { tag: tag.to_owned(), weak })
    }
}

/// As it is in a header.
impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.tag)
    }
}

impl ETags {
    /// Reads the list; an entry that cannot be read is left out.
    pub fn parse(header: &str) -> ETags {
        if header == "*" {
            return ETags { any: true, tags: Vec::new() };
        }
        ETags { any: false, tags: split_unquoted(header, ',').filter_map(ETag::parse).collect() }
    }

    /// Whether it lists no tag: then it is no condition.
    pub fn is_empty(&self) -> bool {
        !self.any && self.tags.is_empty()
    }

    /// Whether it is `*`, which is any version.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// The tags that it lists.
    pub fn iter(&self) -> impl Iterator<Item = &ETag> {
        self.tags.iter()
    }

    /// Whether it lists `tag` as a strong one, or is `*`.
    pub fn contains(&self, tag: &str) -> bool {
        self.any || self.tags.iter().any(|listed| !listed.weak && listed.tag == tag)
    }

    /// Whether it lists `tag`, weak or strong, or is `*`.
    pub fn contains_weak(&self, tag: &str) -> bool {
        self.any || self.tags.iter().any(|listed| listed.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_werkzeug_reads_them() {
        let strong = |tag: &str| ETag { tag: tag.to_owned(), weak: false };
        let weak = |tag: &str| ETag { tag: tag.to_owned(), weak: true };
        for (header, tags) in [
            ("\"a\"", vec![strong("a")]),
            ("W/\"a\" , w/\"b\",\"c,d\"", vec![weak("a"), weak("b"), strong("c,d")]),
            ("a, b c, \"d", vec![strong("a")]),
            ("\"\"", vec![strong("")]),
            ("", vec![]),
            (",", vec![]),
        ] {
            assert_eq!(ETags::parse(header).tags, tags, "{header}");
        }
        assert!(ETags::parse("").is_empty() && !ETags::parse("*").is_empty());
        assert_eq!([strong("x").to_string(), weak("x").to_string()], ["\"x\"", "W/\"x\""]);
    }
}
