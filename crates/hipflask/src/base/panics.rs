//! Panics in views and hooks: caught, turned into errors, and kept off the terminal.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::pin::Pin;
use std::sync::Once;
use std::task::Poll;

/// A caught panic: its message and its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panicked {
    message: String,
    place: Option<(String, u32)>,
}

impl Panicked {
    /// What it said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file and the line of the panic, if they are known.
    pub fn place(&self) -> Option<(&str, u32)> {
        self.place.as_ref().map(|(file, line)| (file.as_str(), *line))
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((file, line)) => write!(f, "panicked at {file}:{line}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl std::error::Error for Panicked {}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// Runs `f`; a panic in it becomes a value, which is not printed. For an extension that calls functions of the program
/// where no view or hook runs, which are caught anyway.
///
/// ```
/// use hipflask::errors::catch;
///
/// assert_eq!(catch(|| 1 + 1), Ok(2));
/// assert_eq!(catch(|| panic!("in pieces")).map_err(|panicked| panicked.message().to_owned()), Err::<(), _>("in pieces".to_owned()));
/// ```
///
/// # Errors
///
/// What the panic said, and where.
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panicked> {
    install_hook();
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(outer);
    result.map_err(|payload| panicked(&*payload))
}

/// Awaits `future`; a panic in it becomes a value.
pub(crate) async fn catch_in<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Result<T, Panicked> {
    poll_fn(move |cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

fn panicked(payload: &(dyn Any + Send)) -> Panicked {
    if let Some(panicked) = payload.downcast_ref::<Panicked>() {
        return panicked.clone();
    }
    let message = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a value that is not text)".to_owned());
    Panicked { message, place: PLACE.take() }
}

/// Notes the place of a caught panic, and leaves every other panic to the previous hook.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if CATCHING.get() {
                PLACE.set(info.location().map(|location| (location.file().to_owned(), location.line())));
            } else {
                before(info);
            }
        }));
    });
}

/// Ends the setup or a test because of a mistake in the program itself.
#[cold]
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake of the programmer's, reported with its own line; every caller documents it"
)]
pub(crate) fn misuse(message: std::fmt::Arguments<'_>) -> ! {
    panic!("{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_keeps_its_message_and_place() {
        assert_eq!(catch(|| 1), Ok(1));
        let caught = catch(|| panic!("at {}", 7)).expect_err("a panic");
        assert_eq!(caught.place().map(|(file, _)| file.ends_with("panics.rs")), Some(true));
        assert!(caught.to_string().ends_with(": at 7"), "{caught}");
        let again = catch(|| std::panic::resume_unwind(Box::new(caught.clone()))).expect_err("a panic");
        assert_eq!(again, caught);
    }
}
