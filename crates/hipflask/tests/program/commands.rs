//! Commands of a binary: how they end, what they print, what a shell completes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use hipflask::cli::{Console, command};
use hipflask::prelude::*;

use super::{clear_environment, eventually, signal};

pub(super) fn commands(app: App) -> App {
    let app = app.version("1.2.3").on_shutdown(async |console: Console| console.echo("stopped"));
    app.command(wait).command(block).command(ask).command(greet)
}

/// Says that it is dropped.
struct Undone(Console);

impl Drop for Undone {
    fn drop(&mut self) {
        self.0.echo("undone");
    }
}

/// Waits until it is interrupted.
#[command]
async fn wait(console: Console) {
    let _undone = Undone(console.clone());
    console.echo("waiting");
    std::future::pending::<()>().await;
}

/// Waits in a way that nothing can interrupt.
#[command]
fn block(console: Console) {
    console.echo("waiting");
    std::thread::sleep(super::PATIENCE * 10);
}

/// Asks in a way that nothing can interrupt.
#[command]
async fn ask(console: Console) -> Result<String> {
    let name: String = console.prompt("Name").ask()?;
    let password = console.new_password("Password")?;
    Ok(format!("{name} {password}"))
}

/// Greets somebody.
#[command]
fn greet(
    #[argument(one_of("Ada", "Grace"))] name: String,
    #[option(short = 'l', one_of("en", "de"), env = "GREET_LANG", default = "en")] language: String,
    #[option] loud: bool,
) -> String {
    let greeting = if language == "de" { "Hallo" } else { "Hello" };
    let text = format!("{greeting}, {name}!");
    if loud { text.to_uppercase() } else { text }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg("--no-debug").args(arguments);
    clear_environment(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    told(&program(arguments).stdin(Stdio::null()).output().expect("this program can be run"))
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A command that has come to its waiting, and its standard input, which stays open.
fn waiting(arguments: &[&str], until: &str) -> (Child, ChildStdin, BufReader<std::process::ChildStdout>) {
    let mut child = program(arguments).spawn().expect("this program can be run");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut seen = vec![0; until.len()];
    stdout.read_exact(&mut seen).expect("it says something");
    assert_eq!(String::from_utf8_lossy(&seen), until);
    let stdin = child.stdin.take().expect("it is piped");
    (child, stdin, stdout)
}

pub(super) fn an_interrupted_command_ends_cleanly() {
    for (name, until, rest) in [
        ("wait", "waiting\n", "undone\nstopped\n"),
        ("block", "waiting\n", "stopped\n"),
        ("ask", "Name: ", "stopped\n"),
    ] {
        for which in ["-INT", "-TERM"] {
            let (mut child, _stdin, mut stdout) = waiting(&[name], until);
            signal(child.id(), which);
            let status = eventually(|| child.try_wait().expect("it is our child"));
            let mut said = String::new();
            stdout.read_to_string(&mut said).expect("it is text");
            let error = std::io::read_to_string(child.stderr.take().expect("it is piped")).expect("text");
            let found = (status.code(), said.as_str(), error.as_str());
            assert_eq!(found, (Some(1), rest, "Aborted!\n"), "{name} {which}");
        }
    }
}

pub(super) fn a_command_asks_on_its_standard_input() {
    let (mut child, mut stdin, mut stdout) = waiting(&["ask"], "Name: ");
    stdin.write_all(b"Ada\nsecret\nsecret\n").expect("it reads");
    drop(stdin);
    let status = eventually(|| child.try_wait().expect("it is our child"));
    let mut said = String::new();
    stdout.read_to_string(&mut said).expect("it is text");
    assert_eq!(
        (status.code(), said.as_str()),
        (Some(0), "Password: \nRepeat for confirmation: \nAda secret\nstopped\n")
    );
    let (code, _, error) = run(&["ask"]);
    assert_eq!((code, error.as_str()), (Some(1), "Aborted!\n"), "its input has ended");
}

pub(super) fn a_command_is_run_as_typed() {
    assert_eq!(run(&["greet", "Ada", "-l", "de"]), (Some(0), "Hallo, Ada!\nstopped\n".to_owned(), String::new()));
    let output = program(&["greet", "Grace", "--loud"]).env("GREET_LANG", "de").output().expect("it can be run");
    assert_eq!(told(&output), (Some(0), "HALLO, GRACE!\nstopped\n".to_owned(), String::new()));
    let (code, said, error) = run(&["greet", "Bob"]);
    assert!(code == Some(2) && said.is_empty() && error.starts_with("Usage: "), "{said}{error}");
    assert!(error.ends_with("Error: Invalid value for 'NAME': 'Bob' is not one of 'Ada', 'Grace'.\n"), "{error}");
    let (code, said, error) = run(&["--version"]);
    let versions = format!("program 1.2.3\nHipflask {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, said, error), (Some(0), versions, String::new()));
    for (line, told) in [
        (&["run", "--prot", "1"][..], "Error: No such option '--prot'. Did you mean '--port'?\n"),
        (&["--prot", "1"], "Error: No such option '--prot'. Did you mean '--port'?\n"),
        (&["gret"], "Error: No such command 'gret'. Did you mean 'greet'?\n"),
        (&["check", "x"], "Error: Got unexpected extra argument (x)\n"),
        (&["-e"], "Error: Option '-e' requires an argument.\n"),
    ] {
        let (code, _, error) = run(line);
        assert!(code == Some(2) && error.ends_with(told), "{line:?}: {error}");
    }
    let (code, help, _) = run(&["--help"]);
    assert!(code == Some(0) && help.contains("\n  greet       Greets somebody.\n"), "{help}");
}

/// What is offered after `typed`, as the shell asks for it.
fn offered(typed: &[&str]) -> Vec<String> {
    let typed: Vec<String> = typed.iter().map(|word| format!("={word}")).collect();
    let output = program(&[]).env("_FLASK_COMPLETE", typed.join("\n")).output().expect("it can be run");
    let (code, said, error) = told(&output);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{typed:?}");
    said.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

pub(super) fn a_shell_completes() {
    for (typed, offer) in [
        (&["gr"][..], &["greet"][..]),
        (&["greet", ""], &["Ada", "Grace"]),
        (&["greet", "G"], &["Grace"]),
        (&["greet", "--l"], &["--language", "--loud"]),
        (&["greet", "--language", ""], &["en", "de"]),
        (&["greet", "-l", "d"], &["de"]),
        (&["greet", "-l", "de", "--", "--l"], &[]),
        (&["--no-debug", "completion", "b"], &["bash"]),
        (&["--env-file", ""], &[]),
        (&["nonsense", "x"], &[]),
    ] {
        assert_eq!(offered(typed), offer, "{typed:?}");
    }
    assert!(offered(&[""]).contains(&"routes".to_owned()));
    let path = std::env::current_exe().expect("this program has a path");
    let (_, script, _) = run(&["completion", "bash", "--name", "prog"]);
    // What a shell does at a Tab, without the shell's editor.
    let ask = format!(
        "complete() {{ :; }}\n{script}\nCOMP_WORDS=('{}' greet -l '')\nCOMP_CWORD=3\n_prog_completion\necho \"${{COMPREPLY[@]}}\"",
        path.display()
    );
    let mut bash = Command::new("bash");
    let output = clear_environment(bash.args(["--norc", "-c", &ask])).output();
    let Ok(output) = output else { return }; // There is no bash here.
    assert_eq!(told(&output).1, "en de\n", "{ask}");
    let first = BufReader::new(script.as_bytes()).lines().next().and_then(Result::ok);
    assert_eq!(first.as_deref(), Some("_prog_completion() {"));
}
