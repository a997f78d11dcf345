use hipflask::cli::Command;
use hipflask::prelude::*;

async fn clean() -> &'static str {
    "clean"
}

fn app() -> App {
    app!().command(clean)
}

fn group() -> Command {
    Command::new("db").command("upgrade")
}

fn main() {}
