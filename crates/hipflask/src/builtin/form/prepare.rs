//! What a form does before a view gets it: it asks the database, it finds its choices.

use std::future::Future;

use crate::app::freezing::Freezing;
use crate::base::error::Result;
use crate::builtin::form::model::FormModel;
use crate::builtin::form::state::Form;
use crate::context::Context;
use crate::context::extract::FromContext;

/// A function that prepares a form: `#[form(prepare = offer_plans)]` above the struct names it.
///
/// It is async, takes the form and then up to four arguments by type, as a view does, and gives the form back. It runs for
/// every request that a view takes the form in, submitted or not.
///
/// ```
/// use hipflask::extension::State;
/// use hipflask::prelude::*;
///
/// struct Plans(Vec<&'static str>);
///
/// #[derive(Form)]
/// #[form(prepare = offer_plans)]
/// struct Order {
///     #[field(choices)]
///     plan: String,
/// }
///
/// async fn offer_plans(mut form: Form<Order>, plans: State<Plans>) -> Result<Form<Order>> {
///     form.set_choices(Order::PLAN, plans.0.iter().map(|plan| (*plan, *plan)));
///     Ok(form)
/// }
///
/// #[post("/")]
/// async fn order(form: Form<Order>) -> String {
///     form.valid().map_or("no such plan".to_owned(), |order| order.plan.clone())
/// }
///
/// let app = App::new("doc", ".").config("SECRET_KEY", "only for this example");
/// let client = app.insert_state(Plans(vec!["free", "pro"])).routes(routes![order]).test_client();
/// let send = |plan: &str| client.post("/").form([("plan", plan)]).send_blocking().text();
/// assert_eq!((send("pro").as_str(), send("max").as_str()), ("pro", "no such plan"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot prepare the form `{T}`",
    label = "not such a function",
    note = "it is an `async fn` that takes a `Form<{T}>` and up to four arguments by type, and returns a `Result<Form<{T}>>`"
)]
pub trait PrepareForm<T: FormModel, Arguments>: Send {
    /// Calls it.
    fn prepare(self, form: Form<T>, ctx: &mut Context) -> impl Future<Output = Result<Form<T>>> + Send;

    /// Checks at the start what its arguments need.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    fn check_arguments(self, freezing: &Freezing<'_>) -> Result<(), String>;
}

macro_rules! functions {
    ($(($($argument:ident)*))*) => {
        $(#[diagnostic::do_not_recommend]
        impl<T, Fun, Fut, $($argument),*> PrepareForm<T, ($($argument,)*)> for Fun
        where
            T: FormModel,
            Fun: FnOnce(Form<T>, $($argument),*) -> Fut + Send,
            Fut: Future<Output = Result<Form<T>>> + Send,
            $($argument: FromContext,)*
        {
            #[allow(non_snake_case, unused_variables, reason = "the arguments are named for their types")]
            async fn prepare(self, form: Form<T>, ctx: &mut Context) -> Result<Form<T>> {
                $(let $argument = $argument::from_context(ctx).await?;)*
                self(form, $($argument),*).await
            }

            #[allow(unused_variables, reason = "a function may have no arguments")]
            fn check_arguments(self, freezing: &Freezing<'_>) -> Result<(), String> {
                $($argument::check(freezing)?;)*
                Ok(())
            }
        })*
    };
}

functions!(() (A) (A B) (A B C) (A B C D));
