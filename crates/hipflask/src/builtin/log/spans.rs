//! The spans that are open. What was given when one was opened belongs to every line that is written inside.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};
use tracing_core::span::Current;

use crate::builtin::log::fields::Fields;

struct Span {
    metadata: &'static Metadata<'static>,
    fields: Mutex<Fields>,
    around: Option<Arc<Span>>,
    handles: AtomicUsize,
}

impl Span {
    fn fields(&self) -> MutexGuard<'_, Fields> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open spans by their ids, in parts, so that threads seldom wait for each other.
static OPEN: [RwLock<BTreeMap<u64, Arc<Span>>>; 16] = [const { RwLock::new(BTreeMap::new()) }; 16];

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<(Id, Arc<Span>)>> = const { RefCell::new(Vec::new()) };
}

fn part(id: &Id) -> &'static RwLock<BTreeMap<u64, Arc<Span>>> {
    &OPEN[(id.into_u64() % 16) as usize]
}

fn find(id: &Id) -> Option<Arc<Span>> {
    part(id).read().unwrap_or_else(PoisonError::into_inner).get(&id.into_u64()).map(Arc::clone)
}

fn innermost<T>(of: impl FnOnce(&(Id, Arc<Span>)) -> T) -> Option<T> {
    ENTERED.try_with(|entered| entered.borrow().last().map(of)).ok().flatten()
}

/// What is around a span or an event: what it names itself, or where the thread is.
fn around(parent: Option<&Id>, is_contextual: bool) -> Option<Arc<Span>> {
    match parent {
        Some(id) => find(id),
        None if is_contextual => innermost(|(_, span)| Arc::clone(span)),
        None => None,
    }
}

pub(super) fn open(attributes: &Attributes<'_>) -> Id {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut fields = Fields::default();
    attributes.record(&mut fields);
    let span = Span {
        metadata: attributes.metadata(),
        fields: Mutex::new(fields),
        around: around(attributes.parent(), attributes.is_contextual()),
        handles: AtomicUsize::new(1),
    };
    let id = Id::from_u64(NEXT.fetch_add(1, Ordering::Relaxed));
    part(&id).write().unwrap_or_else(PoisonError::into_inner).insert(id.into_u64(), Arc::new(span));
    id
}

/// Adds what was not known yet when the span was opened.
pub(super) fn record(id: &Id, values: &Record<'_>) {
    let mut fields = Fields::default();
    values.record(&mut fields);
    if let Some(span) = find(id) {
        let mut known = span.fields();
        fields.add(&known);
        *known = fields;
    }
}

pub(super) fn enter(id: &Id) {
    if let Some(span) = find(id) {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((id.clone(), span)));
    }
}

pub(super) fn exit(id: &Id) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let at = entered.iter().rposition(|(other, _)| other == id)?;
        Some(entered.remove(at))
    });
    drop(left);
}

pub(super) fn current() -> Current {
    innermost(|(id, span)| Current::new(id.clone(), span.metadata)).unwrap_or_else(Current::none)
}

pub(super) fn clone(id: &Id) -> Id {
    if let Some(span) = find(id) {
        span.handles.fetch_add(1, Ordering::Relaxed);
    }
    id.clone()
}

/// Whether nothing has the span any more.
pub(super) fn close(id: &Id) -> bool {
    let is_last = find(id).is_some_and(|span| span.handles.fetch_sub(1, Ordering::AcqRel) == 1);
    if is_last {
        let closed = part(id).write().unwrap_or_else(PoisonError::into_inner).remove(&id.into_u64());
        drop(closed);
    }
    is_last
}

#[cfg(test)]
pub(super) fn is_empty() -> bool {
    OPEN.iter().all(|part| part.read().unwrap_or_else(PoisonError::into_inner).is_empty())
}

/// Adds the fields of the spans around `event`, from the inside out.
pub(super) fn add_to(fields: &mut Fields, event: &Event<'_>) {
    let mut span = around(event.parent(), event.is_contextual());
    while let Some(inner) = span {
        fields.add(&inner.fields());
        span = inner.around.clone();
    }
}
