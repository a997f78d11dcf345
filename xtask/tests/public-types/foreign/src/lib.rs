//! A crate whose types may not show. Each is used in one place.

macro_rules! types {
    ($($name:ident)*) => { $(#[derive(Clone, Copy)] pub struct $name;)* };
}

types! {
    Alias Argument Array Associated Closure Constant Default_ Dynamic Field Generic Hidden Implementor Inherent Leaked
    Nested Private Reexported Result_ Returned TraitMethod Variant
}

pub trait Bound {}
pub trait Implemented {
    fn call(&self) -> Inherited {
        Inherited
    }
}
pub trait Opaque {}
pub trait Super {}
pub trait Where {}

pub struct Inherited;
pub struct Wrapper<T>(pub T);

impl Opaque for u8 {}

pub mod globbed {
    pub struct Globbed;
}
