//! Bars that grow.

use std::time::{Duration, Instant};

use crate::cli::console::Console;

impl Console {
    /// Shows how far something has come, out of `total`.
    ///
    /// ```
    /// use hipflask::cli::{Console, command};
    ///
    /// #[command]
    /// fn import(console: Console) {
    ///     for name in console.progress("Importing", 3).over(["a", "b", "c"]) {
    ///         println!("{name}");
    ///     }
    /// }
    /// ```
    pub fn progress(&self, label: impl Into<String>, total: usize) -> Progress {
        Progress::new(self.clone(), label.into(), total)
    }
}

/// How far something has come: [`Console::progress`]. On a terminal it is a bar that grows; elsewhere its label is written
/// once, as in Flask.
#[derive(Debug)]
pub struct Progress {
    console: Console,
    label: String,
    total: usize,
    done: usize,
    began: Instant,
    drawn: Option<Instant>,
}

/// How many characters the bar has.
const CELLS: usize = 36;

/// A bar that is drawn more often than this only costs time.
const PAUSE: Duration = Duration::from_millis(50);

impl Progress {
    pub(super) fn new(console: Console, label: String, total: usize) -> Progress {
        if !console.is_terminal() {
            console.echo(&label);
        }
        let mut progress = Progress { console, label, total, done: 0, began: Instant::now(), drawn: None };
        progress.draw();
        progress
    }

    /// Goes on by `steps`.
    pub fn advance(&mut self, steps: usize) {
        self.done = self.done.saturating_add(steps).min(self.total);
        self.draw();
    }

    /// Goes on by one with each item.
    pub fn over<I: IntoIterator>(mut self, items: I) -> impl Iterator<Item = I::Item> {
        let mut items = items.into_iter();
        let mut is_first = true;
        std::iter::from_fn(move || {
            // An item is done when the next one is wanted.
            if !std::mem::replace(&mut is_first, false) {
                self.advance(1);
            }
            items.next()
        })
    }

    fn draw(&mut self) {
        let is_due = self.done == self.total || self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE);
        if self.console.is_terminal() && is_due {
            self.drawn = Some(Instant::now());
            self.console.print(format_args!("\r{}", self.line(self.began.elapsed())));
        }
    }

    /// `Importing  [####----]   50%  00:00:07`
    fn line(&self, elapsed: Duration) -> String {
        let of = |whole: usize| (whole * self.done).checked_div(self.total).unwrap_or(whole);
        let filled = of(CELLS);
        let (bar, rest) = ("#".repeat(filled), "-".repeat(CELLS - filled));
        let left = match self.done {
            0 => String::new(),
            done => clock(elapsed.as_secs_f64() / done as f64 * (self.total - done) as f64),
        };
        format!("{}  [{bar}{rest}]  {:3}%  {left}", self.label, of(100)).trim_end().to_owned()
    }
}

fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.console.is_terminal() {
            self.console.print(format_args!("\r{}\n", self.line(self.began.elapsed())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_and_says_how_long_it_takes() {
        let mut progress = Progress::new(Console::in_memory(""), "Importing".to_owned(), 4);
        let bar = |filled: usize| "#".repeat(filled) + &"-".repeat(CELLS - filled);
        assert_eq!(progress.line(Duration::ZERO), format!("Importing  [{}]    0%", bar(0)));
        progress.advance(1);
        assert_eq!(progress.line(Duration::from_secs(5)), format!("Importing  [{}]   25%  00:00:15", bar(9)));
        progress.advance(9);
        assert_eq!(progress.line(Duration::from_secs(5)), format!("Importing  [{}]  100%  00:00:00", bar(36)));
        assert_eq!(progress.console.written().0, "Importing\n");
    }
}
