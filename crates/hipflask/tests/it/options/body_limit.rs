//! An extension: how much of a body a view takes, where that differs from the rest of the application.

use hipflask::Context;
use hipflask::prelude::*;

/// The most bytes of a body; the innermost one holds.
pub(crate) struct BodyLimit(pub(crate) u64);

/// Sets the limits. That is done before the hooks run, because the first of them may read a form for its token.
pub(crate) fn body_limits(app: App) -> App {
    app.reads_option::<BodyLimit>().url_value_preprocessor(set)
}

async fn set(ctx: &mut Context) {
    if let Some(&BodyLimit(bytes)) = ctx.option() {
        ctx.set_max_content_length(Some(bytes));
    }
}
