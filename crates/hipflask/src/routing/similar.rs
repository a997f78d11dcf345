//! Which of many names was probably meant.

/// The name most similar to `name`, if there is one that could have been meant: one of the same view in another
/// blueprint, or one with a few letters changed.
pub(crate) fn most_similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let view = last(name);
    let likeness = |known: &str| if last(known) == view { 1.0 } else { similarity(name, known) };
    let scored = known.map(|known| (likeness(known), known));
    let best = scored.max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x)))?;
    (best.0 >= ENOUGH).then_some(best.1)
}

/// From here on two names look alike.
const ENOUGH: f64 = 0.6;

/// A name that is longer than any honest one is not compared.
const MOST: usize = 200;

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// How many of the letters of two texts are in both in the same order: from 0, none, to 1, all.
fn similarity(a: &str, b: &str) -> f64 {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().max(b.len()) > MOST || a.is_empty() || b.is_empty() {
        return 0.0;
    }
    // The longest common subsequence, a row at a time.
    let mut row = vec![0usize; b.len() + 1];
    for x in a {
        let mut before = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y { before + 1 } else { above.max(row[at]) };
            before = above;
        }
    }
    2.0 * row[b.len()] as f64 / (a.len() + b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant() {
        let known = ["index", "blog.index", "blog.show", "blog.edit_post", "static"];
        for (name, meant) in [
            ("indx", Some("index")),
            ("show", Some("blog.show")),
            ("post.show", Some("blog.show")),
            ("blog.edit", Some("blog.edit_post")),
            ("blog.shows", Some("blog.show")),
            ("statics", Some("static")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(most_similar(name, known.into_iter()), meant, "{name}");
        }
    }
}
