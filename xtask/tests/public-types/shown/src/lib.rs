//! Every place where a type of another crate can show.

pub use foreign::Reexported;
pub use foreign::globbed::*;
pub use private::Reached;

pub fn allowed(_: allowed::Type, _: &dyn allowed::Trait) -> Option<String> {
    None
}

pub fn argument(_: &mut foreign::Argument) {}

pub fn returned() -> Option<Vec<foreign::Returned>> {
    None
}

pub fn array(_: [(u8, foreign::Array); 2]) {}

pub fn bound<T: foreign::Bound>(_: T) {}

pub fn where_clause<T>(_: T)
where
    Vec<T>: foreign::Where,
{
}

pub fn opaque() -> impl foreign::Opaque {
    1
}

pub fn dynamic(_: Box<dyn Fn() -> foreign::Dynamic>) {}

pub fn closure<F: FnMut(foreign::Closure) -> u8>(_: F) {}

pub fn associated(_: impl Iterator<Item = foreign::Associated>) {}

pub const CONSTANT: foreign::Constant = foreign::Constant;

pub type Alias = Result<foreign::Alias, foreign::Result_>;

pub struct Struct {
    pub field: foreign::Wrapper<foreign::Nested>,
    private: foreign::Private,
}

impl Struct {
    pub fn inherent(self, _: foreign::Inherent) {}

    fn private(self) -> foreign::Private {
        self.private
    }

    #[doc(hidden)]
    pub fn hidden(self) -> foreign::Hidden {
        self.private();
        foreign::Hidden
    }
}

impl foreign::Implemented for Struct {}

impl From<foreign::Generic> for Struct {
    fn from(_: foreign::Generic) -> Struct {
        Struct { field: foreign::Wrapper(foreign::Nested), private: foreign::Private }
    }
}

pub enum Enum {
    Variant(foreign::Variant),
    Other { field: foreign::Field },
}

pub trait Trait: foreign::Super {
    type Associated;

    fn method(&self) -> foreign::TraitMethod;
}

pub trait Ours {}

impl Ours for foreign::Implementor {}

#[doc(hidden)]
pub fn hidden() -> foreign::Hidden {
    foreign::Hidden
}

pub struct WithDefault<T = foreign::Default_>(pub T);

mod private {
    pub struct Reached;

    impl Reached {
        pub fn leaks(&self) -> foreign::Leaked {
            foreign::Leaked
        }
    }

    pub fn unreachable() -> foreign::Private {
        foreign::Private
    }
}

pub fn keeps_it_used() -> u8 {
    let _ = private::unreachable();
    0
}
