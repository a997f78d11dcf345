//! A crate whose types may show.

pub struct Type;

pub trait Trait {}
