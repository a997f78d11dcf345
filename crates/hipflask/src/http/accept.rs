//! What a client accepts, and which of our offers suits it best (RFC 9110 §12.5).

use crate::http::headers::HeaderOptions;
use crate::http::lists::{quote, split_list};

/// A parsed `Accept` field, or `Accept-Language`, `Accept-Charset`, `Accept-Encoding`: ranges with their weights.
///
/// ```
/// use hipflask::http::Accept;
///
/// let accept = Accept::parse("text/html;q=0.8, application/json, */*;q=0.1");
/// assert_eq!(accept.best_match(["text/html", "application/json"]), Some("application/json"));
/// assert_eq!(accept.quality("image/png"), 0.1);
/// assert!(Accept::default().best_match(["text/html"]).is_some()); // no header: everything goes
///
/// let languages = Accept::languages("de-AT, fr;q=0.5");
/// assert_eq!(languages.best_match(["en", "de"]), Some("de"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accept {
    of: Of,
    /// The most specific first, among these the one with the greatest weight, among these the first.
    ranges: Vec<(String, f32)>,
    provided: bool,
}

/// What the ranges are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Of {
    #[default]
    MediaTypes,
    Languages,
    Charsets,
    Encodings,
}

impl Accept {
    /// Reads `Accept`: ranges of media types. An entry that cannot be read is left out.
    pub fn parse(header: &str) -> Accept {
        Accept::read(Of::MediaTypes, header)
    }

    /// Reads `Accept-Language`.
    pub fn languages(header: &str) -> Accept {
        Accept::read(Of::Languages, header)
    }

    /// Reads `Accept-Charset`.
    pub fn charsets(header: &str) -> Accept {
        Accept::read(Of::Charsets, header)
    }

    /// Reads `Accept-Encoding`.
    pub fn encodings(header: &str) -> Accept {
        Accept::read(Of::Encodings, header)
    }

    fn read(of: Of, header: &str) -> Accept {
        // An empty field says nothing.
        if header.is_empty() {
            return Accept { of, ..Accept::default() };
        }
        Accept::sorted(of, split_list(header).filter_map(weighted).collect())
    }

    fn sorted(of: Of, mut ranges: Vec<(String, f32)>) -> Accept {
        ranges.sort_by(|a, b| of.specificity(&b.0).cmp(&of.specificity(&a.0)).then(b.1.total_cmp(&a.1)));
        Accept { of, ranges, provided: true }
    }

    /// Whether the client sent the header.
    pub fn provided(&self) -> bool {
        self.provided
    }

    /// The ranges with their weights, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f32)> {
        self.ranges.iter().map(|(range, quality)| (range.as_str(), *quality))
    }

    /// The first range: the most specific with the greatest weight.
    pub fn best(&self) -> Option<&str> {
        self.iter().next().map(|(range, _)| range)
    }

    /// The range that decides about `offer`: the most specific that it is in.
    fn deciding(&self, offer: &str) -> Option<&(String, f32)> {
        self.ranges.iter().find(|(range, _)| self.of.contains(range, offer))
    }

    /// How much the client prefers `offer`, from 0 (not at all) to 1. The most specific range decides.
    pub fn quality(&self, offer: &str) -> f32 {
        if self.provided { self.deciding(offer).map_or(0.0, |(_, quality)| *quality) } else { 1.0 }
    }

    /// Whether a range names `offer`, be it with the weight 0. Werkzeug's `in`.
    pub fn contains(&self, offer: &str) -> bool {
        self.deciding(offer).is_some()
    }

    /// The offer that the client prefers: of two with the same weight the one that is named more specifically, then the
    /// earlier one; `None` if it accepts none. Of languages, `de-AT` is satisfied by `de`, and `de` by `de-AT`, where
    /// nothing fits exactly. A client that says nothing gets the first offer.
    pub fn best_match<'a>(&self, offers: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Option<&'a str> {
        let offers = offers.into_iter();
        if !self.provided {
            return offers.clone().next();
        }
        let exact = self.best_exact(offers.clone());
        if exact.is_some() || self.of != Of::Languages {
            return exact;
        }
        let primary = self.ranges.iter().map(|(range, quality)| (primary_tag(range).to_owned(), *quality));
        let accepted = Accept::sorted(Of::Encodings, primary.collect());
        accepted.best_exact(offers.clone()).or_else(|| {
            let wanted = self.best_exact(offers.clone().map(primary_tag))?;
            offers.clone().find(|offer| offer.starts_with(wanted))
        })
    }

    fn best_exact<'a>(&self, offers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut best: Option<(&str, f32, Specificity)> = None;
        for offer in offers {
            let Some((range, quality)) = self.deciding(offer).filter(|(_, quality)| *quality > 0.0) else { continue };
            let specificity = self.of.specificity(range);
            let is_better =
                best.is_none_or(|(_, most, named)| *quality > most || (*quality >= most && specificity > named));
            if is_better {
                best = Some((offer, *quality, specificity));
            }
        }
        best.map(|(offer, ..)| offer)
    }

    /// Whether the client accepts JSON at all.
    pub fn accepts_json(&self) -> bool {
        self.contains("application/json")
    }

    /// Whether it accepts HTML at all, or XHTML.
    pub fn accepts_html(&self) -> bool {
        self.contains("text/html") || self.accepts_xhtml()
    }

    /// Whether it accepts XHTML at all.
    pub fn accepts_xhtml(&self) -> bool {
        self.contains("application/xhtml+xml") || self.contains("application/xml")
    }

    /// Whether the client prefers JSON to HTML: how error pages choose their format.
    pub fn prefers_json(&self) -> bool {
        self.provided && self.best_match(["text/html", "application/json"]) == Some("application/json")
    }
}

/// An entry of the list: the range with its parameters, and its weight.
fn weighted(entry: &str) -> Option<(String, f32)> {
    let options = HeaderOptions::parse(entry);
    let quality = match options.get("q") {
        Some(text) => weight(text.trim_matches([' ', '\t']))?,
        None => 1.0,
    };
    let range = entry.split(';').next().map(str::trim).filter(|range| !range.is_empty())?;
    let parameters = options.iter().filter(|(name, _)| *name != "q");
    Some((
        parameters.fold(range.to_owned(), |range, (name, value)| format!("{range}; {name}={}", quote(value))),
        quality,
    ))
}

/// `0.5`, but neither `.5` nor `5e-1`.
fn weight(text: &str) -> Option<f32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let quality = text.parse().ok().filter(|_| digits(whole) && digits(fraction))?;
    (0.0..=1.0).contains(&quality).then_some(quality)
}

/// How exactly a range names something; the greater decides.
type Specificity = (bool, u8, usize);

impl Of {
    fn specificity(self, range: &str) -> Specificity {
        if self != Of::MediaTypes {
            return (range != "*", 0, 0);
        }
        let mut parts = range.split(['/', ';']).map(str::trim);
        let kind = parts.next() != Some("*");
        let subtype = parts.next().map_or(0, |subtype| if subtype == "*" { 1 } else { 2 });
        (kind, subtype, parts.count())
    }

    fn contains(self, range: &str, offer: &str) -> bool {
        match self {
            Of::MediaTypes => media_range_contains(range, offer),
            _ if range == "*" => true,
            Of::Languages => tags(range).eq(tags(offer)),
            Of::Charsets => charset(range) == charset(offer),
            Of::Encodings => range.eq_ignore_ascii_case(offer),
        }
    }
}

fn media_range_contains(range: &str, offer: &str) -> bool {
    let (Some(range), Some(offer)) = (MediaRange::of(range), MediaRange::of(offer)) else { return false };
    match (range.kind.as_str(), range.subtype.as_str()) {
        ("*", "*") => true,
        ("*", _) => false,
        (kind, subtype) => {
            kind == offer.kind && (subtype == "*" || (subtype == offer.subtype && range.parameters == offer.parameters))
        }
    }
}

#[derive(PartialEq)]
struct MediaRange {
    kind: String,
    subtype: String,
    parameters: Vec<String>,
}

impl MediaRange {
    /// `None` without a slash.
    fn of(text: &str) -> Option<MediaRange> {
        let text = text.to_ascii_lowercase();
        let (kind, rest) = text.split_once('/')?;
        let mut rest = rest.split(';').map(|part| part.trim().to_owned());
        let subtype = rest.next().unwrap_or_default();
        let mut parameters: Vec<String> = rest.collect();
        parameters.sort_unstable();
        Some(MediaRange { kind: kind.to_owned(), subtype, parameters })
    }
}

/// The parts of a language: `de_AT` is `de-at`.
fn tags(language: &str) -> impl Iterator<Item = String> {
    language.split(['-', '_']).map(str::to_ascii_lowercase)
}

fn primary_tag(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or_default()
}

/// The name of a charset by which its other names are known.
fn charset(name: &str) -> String {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    match name.as_str() {
        "latin1" | "l1" | "iso88591" | "iso885911987" | "cp819" => "iso88591".to_owned(),
        "usascii" | "ascii" | "646" => "ascii".to_owned(),
        "utf" | "u8" | "utf8" | "cp65001" => "utf8".to_owned(),
        "windows1252" | "cp1252" | "1252" => "cp1252".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let accept = Accept::parse("text/*;q=0.3, text/html;q=0.7, */*;q=0.5, text/plain;q=0");
        for (mimetype, quality) in [("text/html", 0.7), ("text/css", 0.3), ("image/png", 0.5), ("text/plain", 0.0)] {
            assert_eq!(accept.quality(mimetype), quality, "{mimetype}");
        }
        assert_eq!(accept.best_match(["text/plain"]), None);
        assert!(accept.contains("text/plain"));
    }

    #[test]
    fn of_equal_weights_the_one_that_is_named_wins() {
        let accept = Accept::parse("text/plain;q=1, */*");
        assert_eq!(accept.best_match(["text/html", "application/json", "text/plain"]), Some("text/plain"));
        assert_eq!(accept.best(), Some("text/plain"));
    }

    #[test]
    fn rubbish_is_left_out() {
        let accept = Accept::parse("a/b;q=x, c/d;q=7, ,e/f;q=nan, i/j;q=.9, k/l;q=1e-1, *, ;level=1, g/h;q=0.1");
        assert_eq!(accept.best_match(["a/b", "c/d", "e/f", "i/j", "k/l", "g/h"]), Some("g/h"));
        assert!(!Accept::parse("").provided());
    }

    #[test]
    fn a_browser_gets_html_and_a_script_json() {
        assert!(!Accept::parse("text/html,application/xhtml+xml,*/*;q=0.8").prefers_json());
        assert!(Accept::parse("application/json").prefers_json());
        assert!(Accept::parse("application/json, text/plain, */*").prefers_json(), "what axios sends");
        assert!(!Accept::parse("*/*").prefers_json());
        assert!(!Accept::default().prefers_json());
    }

    #[test]
    fn charsets_are_known_by_all_their_names() {
        let accept = Accept::charsets("ISO-8859-1, utf-8;q=0.7");
        assert_eq!((accept.quality("latin1"), accept.quality("UTF8"), accept.quality("utf7")), (1.0, 0.7, 0.0));
    }
}
