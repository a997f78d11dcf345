//! Functions of the program's own that a template calls.

use std::sync::Arc;

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::panics;
use crate::builtin::templating::current::with;
use crate::builtin::templating::value::try_to_value;
use crate::context::Context;

/// A filter, a test or a function, in the engine's shape.
pub(crate) type Function = Arc<dyn Fn(&[Value]) -> Result<Value, Error> + Send + Sync>;

/// A function that a template can call: with up to four arguments that can be deserialized, and a result that can
/// be serialized, or a `Result` of one with a `String` as the error. With `ctx: &mut Context` in front it gets the
/// context of the request too, as by Jinja's `pass_context`.
///
/// It runs in place, in the middle of the page, so it must not block and cannot be async: what has to be fetched, a view or
/// a [context processor](crate::App::context_processor) fetches before.
#[diagnostic::on_unimplemented(
    message = "a template cannot call `{Self}`",
    label = "not a function for templates",
    note = "it takes up to four owned values (`String`, numbers, `bool`, `Vec`, `Option`, structs that are `Deserialize`), after `ctx: &mut Context` if it wants that, and returns something `Serialize`",
    note = "it cannot be async: what has to be fetched, a view or a context processor fetches before"
)]
pub trait TemplateFunction<Args>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_function(self) -> Function;
}

/// Marks `fn(&mut Context, A, B) -> O`.
#[derive(Debug)]
pub struct WithContext<A, O>(A, O);

fn argument<T: DeserializeOwned>(args: &[Value], index: usize) -> Result<T, Error> {
    let value = args.get(index).cloned().unwrap_or_else(|| Value::from(()));
    T::deserialize(value).map_err(|error| {
        let kind = if index >= args.len() { ErrorKind::MissingArgument } else { ErrorKind::InvalidOperation };
        Error::new(kind, format!("argument {} does not fit: {error}", index + 1))
    })
}

/// The result of `call`; a panic in it is an error of the template.
fn called<T: Serialize>(most: usize, args: &[Value], call: impl FnOnce() -> Result<T, Error>) -> Result<Value, Error> {
    if args.len() > most {
        return Err(Error::new(ErrorKind::TooManyArguments, format!("it takes {most}, not {}", args.len())));
    }
    match panics::catch(call) {
        Ok(result) => try_to_value(&result?),
        Err(panicked) => Err(Error::new(ErrorKind::InvalidOperation, panicked.to_string())),
    }
}

macro_rules! template_functions {
    ($(($($arg:ident $index:literal)*))*) => {
        $(impl<Fun, Out, $($arg),*> TemplateFunction<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Out + Send + Sync + 'static,
            Out: Serialize,
            $($arg: DeserializeOwned,)*
        {
            fn into_function(self) -> Function {
                let most = <[usize]>::len(&[$($index),*]);
                Arc::new(move |args| called(most, args, || Ok(self($(argument::<$arg>(args, $index)?),*))))
            }
        }

        impl<Fun, Out, $($arg),*> TemplateFunction<WithContext<($($arg,)*), Out>> for Fun
        where
            Fun: for<'a> Fn(&'a mut Context, $($arg),*) -> Out + Send + Sync + 'static,
            Out: Serialize,
            $($arg: DeserializeOwned,)*
        {
            #[allow(non_snake_case, reason = "the arguments are named for their types")]
            fn into_function(self) -> Function {
                let most = <[usize]>::len(&[$($index),*]);
                Arc::new(move |args| {
                    called(most, args, || {
                        $(let $arg = argument::<$arg>(args, $index)?;)*
                        with(|ctx| self(ctx, $($arg),*))
                    })
                })
            }
        })*
    };
}

template_functions!(() (A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3));
