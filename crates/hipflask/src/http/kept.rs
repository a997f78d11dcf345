//! Maps of headers whose memory is used again.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use http::HeaderMap;

/// What a thread keeps at most, and for how many headers a map may have room to be kept.
const MOST_KEPT: usize = 8;
const MOST_HEADERS: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes are what is handed on, so that no map is copied")]
    static KEPT: RefCell<Vec<Box<HeaderMap>>> = const { RefCell::new(Vec::new()) };
}

static EMPTY: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// A map of headers that is made with the first of them, of the memory that one before it left to its thread: every
/// request needs two maps, its own and its response's. Kept by threads and not by connections, they cost nothing while a
/// connection is idle. A box, so that it is not copied each time it is handed on.
#[derive(Debug, Default)]
pub(crate) struct Headers(Option<Box<HeaderMap>>);

impl Headers {
    pub(crate) fn into_map(mut self) -> HeaderMap {
        self.0.take().map(|map| *map).unwrap_or_default()
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        let Some(mut map) = self.0.take() else { return };
        if map.capacity() > MOST_HEADERS {
            return;
        }
        map.clear();
        // At the end of the thread there is nothing to keep it in.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < MOST_KEPT {
                kept.push(map);
            }
        });
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Headers {
        Headers(Some(Box::new(map)))
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        self.0.as_deref().unwrap_or_else(|| &EMPTY)
    }
}

impl DerefMut for Headers {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        self.0.get_or_insert_with(|| KEPT.with_borrow_mut(Vec::pop).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{COOKIE, HOST};

    use super::*;

    fn kept() -> usize {
        KEPT.with_borrow(Vec::len)
    }

    /// Runs a test on a thread that has kept nothing yet.
    fn on_a_thread_of_its_own(test: fn()) {
        std::thread::spawn(test).join().expect("what it asserts holds");
    }

    #[test]
    fn the_next_map_has_the_memory_of_the_last_and_nothing_that_was_in_it() {
        on_a_thread_of_its_own(|| {
            let mut headers = Headers::default();
            assert!(headers.get(HOST).is_none());
            headers.insert(COOKIE, HeaderValue::from_static("session=secret"));
            headers.append(COOKIE, HeaderValue::from_static("other=secret"));
            let place: *const HeaderMap = &raw const *headers;
            drop(headers);
            assert_eq!(kept(), 1);
            let mut headers = Headers::default();
            headers.insert(HOST, HeaderValue::from_static("localhost"));
            assert_eq!((&raw const *headers, kept()), (place, 0));
            assert!(headers.get(COOKIE).is_none());
            assert_eq!(headers.iter().count(), 1);
            assert_eq!(headers.into_map().len(), 1);
            assert_eq!(kept(), 0, "what is given away is not kept");
        });
    }

    #[test]
    fn neither_many_maps_are_kept_nor_large_ones() {
        on_a_thread_of_its_own(|| {
            let mut large = Headers::default();
            large.reserve(MOST_HEADERS + 1);
            drop(large);
            assert_eq!(kept(), 0);
            let mut many: Vec<Headers> = std::iter::repeat_with(Headers::default).take(MOST_KEPT + 1).collect();
            many.iter_mut().for_each(|headers| headers.reserve(1));
            drop(many);
            assert_eq!(kept(), MOST_KEPT);
        });
    }
}
