//! The book, run: every Rust block of its pages is a test of this package, and `tests/` holds whole programs.

/// Turns the Rust blocks of pages into tests.
macro_rules! pages {
    ($($name:ident $path:literal,)*) => {
        $(#[cfg(doctest)] #[doc = include_str!($path)] mod $name {})*
    };
}

pages! {
    readme "../../README.md",
    quickstart "../quickstart.md",
    tutorial "../tutorial.md",
    lifecycle "../lifecycle.md",
    signals "../signals.md",
    class_based_views "../class-based-views.md",
    blueprints "../blueprints.md",
    from_flask "../from-flask.md",
    cli "../cli.md",
    testing "../testing.md",
    configuration "../configuration.md",
    errors "../errors.md",
    extensions "../extensions.md",
    database "../database.md",
    login "../login.md",
    sessions "../sessions.md",
    streaming "../streaming.md",
    forms "../forms.md",
    tasks "../tasks.md",
    routing "../routing.md",
    server "../server.md",
    websockets "../websockets.md",
    performance "../performance.md",
    deployment "../deployment.md",
    headers "../headers.md",
}
