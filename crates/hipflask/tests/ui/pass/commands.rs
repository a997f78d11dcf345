//! Right uses of `#[command]`.

use std::net::IpAddr;
use std::path::PathBuf;

use hipflask::cli::{CliArgs, Console, command};
use hipflask::prelude::*;

mod inner {
    use super::*;

    /// A command of another module.
    #[command(before_start)]
    pub(super) fn elsewhere() -> &'static str {
        "elsewhere"
    }
}

#[command("type", hidden)]
async fn keyword(ctx: &mut hipflask::Context, r#type: String, _unused: Option<u8>, mut rest: Vec<PathBuf>) -> String {
    rest.reverse();
    format!("{} {type} {rest:?}", ctx.app().name())
}

#[command]
fn nothing() {}

/// Each kind.
#[command]
async fn kinds(
    console: Console,
    args: CliArgs,
    #[argument("where", metavar = "ADDRESS")] place: IpAddr,
    #[option(short = 'n', default = 2, range(1..), env = "N")] number: u64,
    #[option(one_of("a", "b"))] letter: Option<char>,
    #[option(check = even)] even: Option<u32>,
    #[option(hidden, count)] many: i32,
) -> Result<()> {
    console.echo(format!("{place} {number} {letter:?} {even:?} {many} {}", args.names().count()));
    Ok(())
}

fn even(typed: &str) -> Result<(), String> {
    match typed.parse::<u32>() {
        Ok(number) if number % 2 == 1 => Err(format!("{typed} is odd.")),
        _ => Ok(()),
    }
}

#[test]
fn commands_compile_and_run() {
    let app = App::new("prog", ".").command(inner::elsewhere).command(keyword).command(nothing).command(kinds);
    let runner = app.test_cli_runner();
    for (line, said) in [
        ("elsewhere", "elsewhere\n"),
        ("type a 1 b c", "prog a [\"c\", \"b\"]\n"),
        ("nothing", ""),
        ("kinds ::1 --letter a --even 4 --many", "::1 2 Some('a') Some(4) 1 5\n"),
    ] {
        let result = runner.invoke(line.split(' ')).run_blocking();
        assert_eq!(result.output(), said, "{line}: {result}");
    }
    let odd = runner.invoke(["kinds", "::1", "--even", "3"]).run_blocking();
    assert!(odd.stderr().contains("Invalid value for '--even': 3 is odd."), "{odd}");
}
