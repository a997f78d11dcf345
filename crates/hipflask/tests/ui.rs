//! What the compiler says to wrong uses of the macros and traits, word for word, and that right ones compile.
//!
//! A message is for a user who does not know how the macros work: it says what was found and what to
//! do, at the place where it is to be done, once. After a change of the messages run
//! `TRYBUILD=overwrite cargo test -p hipflask --test ui` and read the difference as that person would.

// Compiled with this binary and not by trybuild: then trybuild only has to check, which takes half the time, and
// the tests in them run.
#[path = "ui/pass/commands.rs"]
mod commands;
#[path = "ui/pass/errors.rs"]
mod errors;
#[path = "ui/pass/forms.rs"]
mod forms;
#[path = "ui/pass/program.rs"]
mod program;
#[path = "ui/pass/views.rs"]
mod views;

#[test]
fn wrong_uses_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
