//! Whether the terminal shows what is typed.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it does not, and has to be told to.
static IS_HIDDEN: AtomicBool = AtomicBool::new(false);

/// Shows again what is typed, when it is dropped.
pub(super) struct Hidden;

/// Hides what is typed from now on. It asks the program `stty`, because the calls of the system are unsafe code.
pub(super) fn hide() -> Hidden {
    if !std::io::stdin().is_terminal() {
        return Hidden;
    }
    if stty("-echo") {
        IS_HIDDEN.store(true, Ordering::SeqCst);
    } else {
        let told = b"Warning: the terminal will show the password, because `stty` cannot be run to hide it.\n";
        let _ = std::io::stderr().write_all(told);
    }
    Hidden
}

/// Shows again what is typed, if it is hidden.
pub(super) fn show() {
    if IS_HIDDEN.swap(false, Ordering::SeqCst) {
        stty("echo");
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        show();
    }
}

fn stty(setting: &str) -> bool {
    let mut stty = Command::new("stty");
    stty.arg(setting).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::null());
    stty.status().is_ok_and(|status| status.success())
}
