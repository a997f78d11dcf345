//! Sizes for people.

use std::fmt;

/// A number of bytes as people say it, in messages about a limit: `2 MB`. It is rounded down, so that what keeps the told
/// limit also keeps the real one.
///
/// ```
/// use hipflask::http::ByteSize;
///
/// assert_eq!(ByteSize(2 * 1024 * 1024).to_string(), "2 MB");
/// assert_eq!(ByteSize(1_550_000).to_string(), "1.5 MB");
/// assert_eq!(ByteSize(500_000).to_string(), "500 kB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
        match (self.0, UNITS.into_iter().find(|(unit, _)| self.0 >= *unit)) {
            (1, _) => f.write_str("1 byte"),
            (bytes, None) => write!(f, "{bytes} bytes"),
            (bytes, Some((unit, name))) => match (bytes / unit, bytes % unit / (unit / 10)) {
                (whole, 0) => write!(f, "{whole} {name}"),
                (whole, tenths) => write!(f, "{whole}.{tenths} {name}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_never_too_large() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1 kB"),
            (999_999, "999.9 kB"),
            (2_100_000, "2.1 MB"),
            (5_000_000_000, "5 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }
}
