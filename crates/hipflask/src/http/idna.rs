//! Host names beyond ASCII as the text that DNS knows: Punycode (RFC 3492), behind `xn--` (RFC 5891).

use std::borrow::Cow;

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE: u32 = 128;

/// `host` in ASCII: `exämple.org` is `xn--exmple-cua.org`. What is ASCII stays as it is.
pub(crate) fn to_ascii(host: &str) -> Cow<'_, str> {
    if host.is_ascii() {
        return Cow::Borrowed(host);
    }
    // The other three are full stops of Chinese and Japanese.
    let labels = host.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']);
    Cow::Owned(labels.map(label).collect::<Vec<_>>().join("."))
}

fn label(label: &str) -> String {
    if label.is_ascii() { label.to_owned() } else { format!("xn--{}", punycode(&label.to_lowercase())) }
}

/// The ASCII letters, then where the others are and which, as numbers that are small for letters of one script.
fn punycode(text: &str) -> String {
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).unwrap_or(u32::MAX);
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (FIRST_CODE, 0u32, FIRST_BIAS, basic);
    let total = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    while handled < total {
        let next = text.chars().map(u32::from).filter(|c| *c >= code).min().unwrap_or(code);
        delta = delta.saturating_add((next - code).saturating_mul(handled + 1));
        code = next;
        for c in text.chars().map(u32::from) {
            if c < code {
                delta = delta.saturating_add(1);
            }
            if c == code {
                push_number(&mut out, delta, bias);
                bias = adapted(delta, handled + 1, handled == basic);
                (delta, handled) = (0, handled + 1);
            }
        }
        (delta, code) = (delta.saturating_add(1), code + 1);
    }
    out
}

fn push_number(out: &mut String, mut number: u32, bias: u32) {
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < threshold {
            return out.push(digit(number));
        }
        out.push(digit(threshold + (number - threshold) % (BASE - threshold)));
        number = (number - threshold) / (BASE - threshold);
        k += BASE;
    }
}

fn digit(value: u32) -> char {
    char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[value as usize % 36])
}

fn adapted(delta: u32, points: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python's codec `idna` writes them.
    #[test]
    fn hosts_are_ascii() {
        for (host, ascii) in [
            ("ex\u{e4}mple.org", "xn--exmple-cua.org"),
            ("Ex\u{c4}mple.ORG", "xn--exmple-cua.ORG"),
            ("plain.example", "plain.example"),
            ("\u{65e5}\u{672c}\u{8a9e}.jp", "xn--wgv71a119e.jp"),
            ("\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}.\u{440}\u{444}", "xn--e1afmkfd.xn--p1ai"),
            ("b\u{fc}cher\u{3002}example", "xn--bcher-kva.example"),
            ("\u{fc}\u{fc}\u{fc}.de", "xn--tdaaa.de"),
        ] {
            assert_eq!(to_ascii(host), ascii, "{host}");
        }
    }
}
