//! Letters with diacritics as the ASCII letters below them.

/// `text` reduced to ASCII: `ü` becomes `u`, `ﬁ` becomes `fi`, and a letter of another script is dropped. The
/// result is that of Python's `normalize("NFKD", text).encode("ascii", "ignore")` for Latin letters, their
/// ligatures, full-width forms, dots and fractions. Rarer characters that Python decomposes too (mathematical
/// letters, circled numbers) are dropped here: the whole Unicode table is not worth its size.
pub(crate) fn to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x7f' => out.push(c),
            // The full-width forms are in the order of ASCII.
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            _ if c.is_whitespace() => out.push(' '),
            _ => match LONG.iter().find(|(long, _)| *long == c) {
                Some((_, ascii)) => out.push_str(ascii),
                None => out.extend(BLOCKS.iter().find_map(|block| letter(block, c))),
            },
        }
    }
    out
}

fn letter((first, letters): &(char, &str), c: char) -> Option<char> {
    let place = u32::from(c).checked_sub(u32::from(*first))?;
    let letter = letters.as_bytes().get(usize::try_from(place).ok()?)?;
    Some(char::from(*letter)).filter(|letter| *letter != ' ')
}

/// A character, and the ASCII for it and those after it; a space means that it is dropped.
const BLOCKS: [(char, &str); 3] = [
    (
        '\u{aa}',
        "a       23     1o     AAAAAA CEEEEIIII NOOOOO  UUUUY  aaaaaa ceeeeiiii nooooo  uuuuy yAaAaAaCcCcCcCcDd  EeEeEeEeEeGgGgGgGgHh  IiIiIiIiI   JjKk LlLlLlLl  NnNnNnn  OoOoOo  RrRrRrSsSsSsSsTtTt  UuUuUuUuUuUuWwYyYZzZzZzs",
    ),
    (
        '\u{1cd}',
        "AaIiOoUuUuUuUuUu AaAa    GgKkOoOo  j   Gg  NnAa    AaAaEeEeIiIiOoOoRrRrUuUuSsTt  Hh      AaEeOoOoOoOoYy",
    ),
    (
        '\u{1e00}',
        "AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMmMmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRrSsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVvWwWwWwWwWwXxXxYyZzZzZzhtwyas    AaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEeEeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy",
    ),
];

/// Characters that become more than one ASCII character, or something other than a letter.
const LONG: [(char, &str); 31] = [
    ('\u{bc}', "14"),
    ('\u{bd}', "12"),
    ('\u{be}', "34"),
    ('\u{132}', "IJ"),
    ('\u{133}', "ij"),
    ('\u{1c4}', "DZ"),
    ('\u{1c5}', "Dz"),
    ('\u{1c6}', "dz"),
    ('\u{1c7}', "LJ"),
    ('\u{1c8}', "Lj"),
    ('\u{1c9}', "lj"),
    ('\u{1ca}', "NJ"),
    ('\u{1cb}', "Nj"),
    ('\u{1cc}', "nj"),
    ('\u{1f1}', "DZ"),
    ('\u{1f2}', "Dz"),
    ('\u{1f3}', "dz"),
    ('\u{2024}', "."),
    ('\u{2025}', ".."),
    ('\u{2026}', "..."),
    ('\u{2116}', "No"),
    ('\u{2120}', "SM"),
    ('\u{2121}', "TEL"),
    ('\u{2122}', "TM"),
    ('\u{fb00}', "ff"),
    ('\u{fb01}', "fi"),
    ('\u{fb02}', "fl"),
    ('\u{fb03}', "ffi"),
    ('\u{fb04}', "ffl"),
    ('\u{fb05}', "st"),
    ('\u{fb06}', "st"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lose_their_marks() {
        for (text, ascii) in [
            ("Ünïcödé", "Unicode"),
            ("u\u{308}", "u"),
            ("ªº²¹ÿĀſ\u{180}", "ao21yAs"),
            ("\u{1cd}\u{233}\u{234}", "Ay"),
            ("\u{1e00}\u{1ef9}\u{1eff}", "Ay"),
            ("Ｆｕｌｌ／．＼", "Full/.\\"),
            ("ßæøđłı日", ""),
            ("…\u{a0}½", "... 12"),
        ] {
            assert_eq!(to_ascii(text), ascii, "{text}");
        }
    }
}
