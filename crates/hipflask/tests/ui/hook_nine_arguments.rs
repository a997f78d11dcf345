use hipflask::Config as C;
use hipflask::prelude::*;

#[allow(clippy::too_many_arguments)]
fn many(
    _: C,
    _: C,
    _: C,
    _: C,
    _: C,
    _: C,
    _: C,
    _: C,
    _: C,
) {
}

fn app() -> App {
    app!().before_request(many)
}

fn main() {}
