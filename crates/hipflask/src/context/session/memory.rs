//! Sessions in the memory of this process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::context::session::server_side::SessionStore;

/// Sessions in the memory of this process: for tests, and for an application that is one process and may forget its
/// sessions when it ends. Several processes need a store that they share.
///
/// It keeps a bounded number of bytes. Where a new session does not fit, those go that would have ended first, and the
/// log says so.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::sessions::{MemoryStore, ServerSideSessions};
///
/// let store = MemoryStore::new(16 * 1024 * 1024);
/// let app = App::new("doc", ".").session_interface(|freezing| ServerSideSessions::new(store, freezing.config()));
/// assert!(app.freeze().is_ok());
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

impl MemoryStore {
    /// A store of at most `max_bytes` bytes, including what it needs to find a session again.
    pub fn new(max_bytes: usize) -> MemoryStore {
        MemoryStore { kept: Mutex::new(Kept::new(max_bytes)) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store of 64 MiB.
impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new(64 * 1024 * 1024)
    }
}

impl SessionStore for MemoryStore {
    const READY: bool = true;

    async fn load(&self, sid: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.kept().load(sid, Instant::now()))
    }

    async fn insert(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<()> {
        self.kept().put(sid, values, lifetime, Instant::now())
    }

    async fn update(&self, sid: &str, values: Vec<u8>, lifetime: Duration) -> Result<bool> {
        let (mut kept, now) = (self.kept(), Instant::now());
        match kept.load(sid, now) {
            Some(_) => kept.put(sid, values, lifetime, now).map(|()| true),
            None => Ok(false),
        }
    }

    async fn touch(&self, sid: &str, lifetime: Duration) -> Result<bool> {
        let (mut kept, now) = (self.kept(), Instant::now());
        match kept.load(sid, now) {
            Some(values) => kept.put(sid, values, lifetime, now).map(|()| true),
            None => Ok(false),
        }
    }

    async fn delete(&self, sid: &str) -> Result<()> {
        self.kept().remove(sid);
        Ok(())
    }
}

/// What a session takes beside its values: two entries with its id, and room for growth.
const OVERHEAD: usize = 256;
/// The end of what would never end.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The sessions, by id and by their end.
#[derive(Debug)]
struct Kept {
    by_sid: HashMap<Arc<str>, One>,
    by_end: BTreeSet<(Instant, Arc<str>)>,
    bytes: usize,
    max_bytes: usize,
}

struct One {
    values: Vec<u8>,
    end: Instant,
}

impl Kept {
    fn new(max_bytes: usize) -> Kept {
        Kept { by_sid: HashMap::new(), by_end: BTreeSet::new(), bytes: 0, max_bytes }
    }

    fn load(&self, sid: &str, now: Instant) -> Option<Vec<u8>> {
        self.by_sid.get(sid).filter(|one| now < one.end).map(|one| one.values.clone())
    }

    fn put(&mut self, sid: &str, values: Vec<u8>, lifetime: Duration, now: Instant) -> Result<()> {
        let size = values.len() + OVERHEAD;
        if size > self.max_bytes {
            return Err(Error::msg(format!(
                "a session of {} bytes does not fit into a `MemoryStore` of {}; store less in it, or give the store more",
                values.len(),
                self.max_bytes
            )));
        }
        self.remove(sid);
        self.make_room(size, now);
        let (sid, end) = (Arc::<str>::from(sid), now + lifetime.min(FAR));
        self.by_end.insert((end, Arc::clone(&sid)));
        self.by_sid.insert(sid, One { values, end });
        self.bytes += size;
        Ok(())
    }

    fn remove(&mut self, sid: &str) {
        if let Some((sid, one)) = self.by_sid.remove_entry(sid) {
            self.bytes -= one.values.len() + OVERHEAD;
            self.by_end.remove(&(one.end, sid));
        }
    }

    /// Forgets what has ended, and then as much as is in the way of `size` bytes.
    fn make_room(&mut self, size: usize, now: Instant) {
        let mut lost = 0;
        while let Some((end, sid)) = self.by_end.first().cloned() {
            let ended = end <= now;
            if !ended && self.bytes + size <= self.max_bytes {
                break;
            }
            lost += usize::from(!ended);
            self.remove(&sid);
        }
        if lost > 0 {
            tracing::warn!("the sessions in memory have reached {} bytes; {lost} were dropped early", self.max_bytes);
        }
    }
}

/// The values stay out of logs.
impl std::fmt::Debug for One {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes until {:?}", self.values.len(), self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn found(kept: &Kept, now: Instant) -> String {
        ["a", "b", "c", "d"].into_iter().filter(|sid| kept.load(sid, now).is_some()).collect()
    }

    #[test]
    fn what_has_ended_is_gone_and_gives_its_room_back() {
        let (mut kept, start) = (Kept::new(10_000), Instant::now());
        kept.put("a", vec![1], HOUR, start).expect("it fits");
        kept.put("b", vec![2], HOUR * 2, start).expect("it fits");
        assert_eq!(found(&kept, start + HOUR - Duration::from_nanos(1)), "ab");
        assert_eq!(found(&kept, start + HOUR), "b");
        kept.put("c", vec![3], HOUR, start + HOUR).expect("it fits");
        assert_eq!((kept.by_sid.len(), kept.by_end.len(), kept.bytes), (2, 2, 2 * (OVERHEAD + 1)));
        kept.put("d", vec![4], Duration::MAX, start).expect("an end that is far away");
        assert_eq!(found(&kept, start + 1000 * HOUR), "d");
    }

    #[test]
    fn writing_again_puts_the_end_off_and_counts_once() {
        let (mut kept, start) = (Kept::new(10_000), Instant::now());
        kept.put("a", vec![0; 100], HOUR, start).expect("it fits");
        kept.put("a", vec![0; 10], HOUR, start + HOUR / 2).expect("it fits");
        assert_eq!((found(&kept, start + HOUR).as_str(), kept.bytes, kept.by_end.len()), ("a", OVERHEAD + 10, 1));
        kept.remove("a");
        kept.remove("a");
        assert_eq!((kept.bytes, kept.by_end.len(), kept.by_sid.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_store_drops_what_ends_first() {
        let (mut kept, start) = (Kept::new(3 * (OVERHEAD + 10)), Instant::now());
        for (sid, hours) in [("a", 3), ("b", 1), ("c", 2), ("d", 4)] {
            kept.put(sid, vec![0; 10], HOUR * hours, start).expect("it fits");
        }
        assert_eq!(found(&kept, start), "acd");
        kept.put("b", vec![0; 10 + OVERHEAD + 10], HOUR, start).expect("it fits");
        assert_eq!(found(&kept, start), "bd");
        let error = kept.put("c", vec![0; 4 * OVERHEAD], HOUR, start).expect_err("it is too large");
        assert!(error.to_string().contains("1024 bytes"), "{error}");
        assert_eq!(found(&kept, start), "bd", "nothing was dropped for it");
    }
}
