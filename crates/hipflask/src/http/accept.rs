//! What a client accepts, and which of our offers suits it best (RFC 9110 §12.5).

/// A parsed `Accept` header: media ranges with their weights.
///
/// ```
/// use hipflask::http::Accept;
///
/// let accept = Accept::parse("text/html;q=0.8, application/json, */*;q=0.1");
/// assert_eq!(accept.best_match(["text/html", "application/json"]), Some("application/json"));
/// assert_eq!(accept.quality("image/png"), 0.1);
/// assert!(Accept::default().best_match(["text/html"]).is_some()); // no header: everything goes
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accept {
    ranges: Vec<(String, f32)>,
    provided: bool,
}

impl Accept {
    /// Reads the header; an entry that cannot be read is left out.
    pub fn parse(header: &str) -> Accept {
        let ranges = split_unquoted(header, ',')
            .filter_map(|entry| {
                let mut parts = split_unquoted(entry, ';').map(str::trim);
                let range = parts.next().filter(|range| !range.is_empty())?.to_ascii_lowercase();
                let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                let quality = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
                (0.0..=1.0).contains(&quality).then_some((range, quality))
            })
            .collect();
        Accept { ranges, provided: true }
    }

    /// Whether the client sent the header.
    pub fn provided(&self) -> bool {
        self.provided
    }

    /// How much the client prefers `mimetype`, from 0 (not at all) to 1. The most specific range decides.
    pub fn quality(&self, mimetype: &str) -> f32 {
        if !self.provided {
            return 1.0;
        }
        let specificity = |range: &str| match range {
            "*/*" | "*" => Some(0),
            _ if range == mimetype => Some(2),
            _ => range
                .strip_suffix('*')
                .filter(|prefix| prefix.ends_with('/') && mimetype.starts_with(prefix))
                .map(|_| 1),
        };
        let ranked = self.ranges.iter().filter_map(|(range, quality)| Some((specificity(range)?, *quality)));
        ranked.max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))).map_or(0.0, |(_, quality)| quality)
    }

    /// The offer that the client prefers, the earlier of two equal ones; `None` if it accepts none.
    pub fn best_match<'a>(&self, offers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let mut best = None;
        for offer in offers {
            let quality = self.quality(offer);
            if quality > best.map_or(0.0, |(_, best)| best) {
                best = Some((offer, quality));
            }
        }
        best.map(|(offer, _)| offer)
    }

    /// Whether the client prefers JSON to HTML: how error pages choose their format.
    pub fn prefers_json(&self) -> bool {
        self.provided && self.best_match(["text/html", "application/json"]) == Some("application/json")
    }
}

/// The parts of a list; a quoted parameter may contain the separator.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
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
    }

    #[test]
    fn rubbish_is_left_out() {
        let accept = Accept::parse("a/b;q=x, c/d;q=7, ,e/f;q=nan, g/h");
        assert_eq!(accept.best_match(["a/b", "c/d", "e/f", "g/h"]), Some("g/h"));
    }

    #[test]
    fn a_browser_gets_html_and_a_script_json() {
        assert!(!Accept::parse("text/html,application/xhtml+xml,*/*;q=0.8").prefers_json());
        assert!(Accept::parse("application/json").prefers_json());
        assert!(!Accept::parse("*/*").prefers_json());
        assert!(!Accept::default().prefers_json());
    }
}
