//! What a form consists of.

use std::future::{Future, ready};

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::builtin::form::binder::Binder;
use crate::builtin::form::field::Field;
use crate::builtin::form::state::Form;
use crate::builtin::form::values::FieldValues;
use crate::context::Context;

/// What `#[derive(Form)]` writes for a struct. Implement it by hand for forms that are known only at run time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    label = "put `#[derive(Form)]` above this type",
    note = "`Form<T>` is an argument for a struct `T` with `#[derive(Form)]`"
)]
pub trait FormModel: Sized + Send + Sync + 'static {
    /// The fields in the order of the page.
    fn fields() -> Vec<Field>;

    /// Reads the fields through `binder`, which collects the errors.
    fn bind(binder: &mut Binder<'_>) -> Option<Self>;

    /// The other way: writes the values of the fields, for [`Form::fill`].
    fn write(&self, values: &mut FieldValues) {
        let _ = values;
    }

    /// Prepares the form of a request before a view gets it: what `#[form(prepare = function)]` names.
    fn prepare(form: Form<Self>, ctx: &mut Context) -> impl Future<Output = Result<Form<Self>>> + Send {
        let _ = ctx;
        ready(Ok(form))
    }

    /// Checks at the start what [`prepare`](FormModel::prepare) needs.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        let _ = freezing;
        Ok(())
    }
}
