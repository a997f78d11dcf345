//! Values in DER, as certificates are written (X.690): reading only, and only what certificates need.

use crate::base::datetime::DateTime;

/// The first byte of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u8);

impl Tag {
    pub(super) const BOOLEAN: Tag = Tag(0x01);
    pub(super) const INTEGER: Tag = Tag(0x02);
    pub(super) const OCTET_STRING: Tag = Tag(0x04);
    pub(super) const OBJECT_IDENTIFIER: Tag = Tag(0x06);
    pub(super) const SEQUENCE: Tag = Tag(0x30);
    pub(super) const SET: Tag = Tag(0x31);

    /// Of a certificate's version.
    pub(super) fn version() -> Tag {
        Tag(0xa0)
    }

    /// Of a certificate's extensions.
    pub(super) fn extensions() -> Tag {
        Tag(0xa3)
    }

    /// The number of a simple value among those that may be in its place.
    pub(super) fn of_choice(self) -> Option<u8> {
        (self.0 & 0xe0 == 0x80).then_some(self.0 & 0x1f)
    }

    /// `UTF8String`, `PrintableString`, `IA5String`.
    pub(super) fn is_ascii_or_utf8(self) -> bool {
        matches!(self.0, 0x0c | 0x13 | 0x16)
    }
}

/// Values, one after another.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Option<(Tag, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            // The length itself, or how many bytes it has.
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (len, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((Tag(tag), content))
    }

    /// The next value, which is a `tag`.
    pub(super) fn take(&mut self, tag: Tag) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The values inside of the next one, which is a `tag`.
    pub(super) fn inner(&mut self, tag: Tag) -> Option<Der<'a>> {
        self.take(tag).map(Der)
    }

    /// Passes over a `tag`, if there is one.
    pub(super) fn skip(&mut self, tag: Tag) {
        if self.0.first() == Some(&tag.0) {
            self.next();
        }
    }

    /// The next value, a moment (RFC 5280 §4.1.2.5): `UTCTime`, whose years are those from 1950 to 2049, or
    /// `GeneralizedTime`.
    pub(super) fn time(&mut self) -> Option<DateTime> {
        let (Tag(tag), text) = self.next()?;
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let text = match tag {
            0x17 if text.starts_with(['5', '6', '7', '8', '9']) => format!("19{text}"),
            0x17 => format!("20{text}"),
            0x18 => text.to_owned(),
            _ => return None,
        };
        if text.len() != 14 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let part = |range| text.get(range);
        let (date, time) = ([part(0..4)?, part(4..6)?, part(6..8)?], [part(8..10)?, part(10..12)?, part(12..14)?]);
        format!("{}T{}Z", date.join("-"), time.join(":")).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let time = |tag: u8, text: &str| {
            let bytes = [&[tag, text.len() as u8], text.as_bytes()].concat();
            Der(&bytes).time().map(crate::base::datetime::DateTime::isoformat)
        };
        assert_eq!(time(0x17, "261128070000Z").as_deref(), Some("2026-11-28T07:00:00+00:00"));
        assert_eq!(time(0x17, "500101000000Z").as_deref(), Some("1950-01-01T00:00:00+00:00"));
        assert_eq!(time(0x18, "99991231235959Z").as_deref(), Some("9999-12-31T23:59:59+00:00"));
        for (tag, text) in
            [(0x17, "2611280700Z"), (0x17, "261128070000"), (0x18, "20261328070000Z"), (0x16, "261128070000Z")]
        {
            assert_eq!(time(tag, text), None, "{text}");
        }
    }
}
