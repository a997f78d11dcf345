//! Colours for a terminal.

use std::fmt;

/// A text with a style: `style("done").fg(Color::Green).bold()`. [`Console`](crate::cli::Console) leaves styles out where
/// nobody sees them. Click's `style`.
pub fn style<T: fmt::Display>(text: T) -> Styled<T> {
    Styled { text, codes: Vec::new() }
}

/// A colour of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are colours")]
pub enum Color {
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
}

/// A text with a style.
#[derive(Clone, Debug)]
pub struct Styled<T> {
    text: T,
    /// ECMA-48 §8.3.117, "select graphic rendition".
    codes: Vec<u8>,
}

impl<T> Styled<T> {
    fn with(mut self, code: u8) -> Styled<T> {
        self.codes.push(code);
        self
    }

    /// The colour of the letters.
    #[must_use]
    pub fn fg(self, color: Color) -> Styled<T> {
        self.with(30 + color as u8)
    }

    /// The colour behind them.
    #[must_use]
    pub fn bg(self, color: Color) -> Styled<T> {
        self.with(40 + color as u8)
    }

    /// Bold.
    #[must_use]
    pub fn bold(self) -> Styled<T> {
        self.with(1)
    }

    /// Less bright.
    #[must_use]
    pub fn dim(self) -> Styled<T> {
        self.with(2)
    }

    /// Underlined.
    #[must_use]
    pub fn underline(self) -> Styled<T> {
        self.with(4)
    }

    /// With the two colours exchanged.
    #[must_use]
    pub fn reverse(self) -> Styled<T> {
        self.with(7)
    }
}

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for code in &self.codes {
            write!(f, "\x1b[{code}m")?;
        }
        self.text.fmt(f)?;
        if self.codes.is_empty() { Ok(()) } else { f.write_str("\x1b[0m") }
    }
}

/// The text without its styles.
pub(super) fn without_styles(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_begins_and_ends() {
        let styled = style(format_args!("{:>4}", "ok")).fg(Color::Green).bg(Color::White).bold().to_string();
        assert_eq!(styled, "\x1b[32m\x1b[47m\x1b[1m  ok\x1b[0m");
        assert_eq!(without_styles(&format!("<{styled}>")), "<  ok>");
        assert_eq!(style("plain").to_string(), "plain");
    }
}
