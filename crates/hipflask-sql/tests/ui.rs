//! What the compiler says to wrong uses of `#[derive(FromRow)]` and of the traits, word for word.
//!
//! After a change of the messages run `TRYBUILD=overwrite cargo test -p hipflask-sql --test ui`, and read the difference
//! as a user would who does not know how the macro works.

#[test]
fn wrong_uses_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
