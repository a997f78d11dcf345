//! The program itself as a command, with the commands that every application has.

use crate::app::command::Command;
use crate::app::command::param::Param;

/// The program, with `commands` of its own.
pub(super) fn root(name: &str, commands: &[Command]) -> Command {
    let mut root = with_common(Command::new(name));
    root = root.param(Param::option("version").flag().help("Show the version and exit."));
    root.about =
        "Every environment variable FLASK_KEY sets the configuration key KEY. FLASK_KEY_FILE names the file that a \
                  secret KEY is in."
            .to_owned();
    root.commands = vec![run(), routes(), check(), config(), completion()];
    root.commands.extend_from_slice(commands);
    root
}

/// The options that may be in front of the command, and behind `run`.
fn with_common(command: Command) -> Command {
    let file = Param::option("env-file").short('e').metavar("FILE");
    command
        .param(file.help("Variables that win over those of .flaskenv and .env."))
        .param(Param::option("debug").switch().help("Set debug mode."))
}

fn run() -> Command {
    let host = Param::option("host").short('h').metavar("HOST");
    let port = Param::option("port").short('p').metavar("PORT");
    let cert = Param::option("cert").metavar("FILE").many();
    let key = Param::option("key").metavar("FILE").many();
    with_common(Command::new("run").about("Serve the application. This is the default command."))
        .param(host.help("Where to serve: 127.0.0.1, or FLASK_RUN_HOST."))
        .param(port.help("The port: 5000, or FLASK_RUN_PORT."))
        .param(cert.help("HTTPS with this certificate and those of its issuers; `adhoc` makes one for development."))
        .param(key.help("Its private key."))
}

fn routes() -> Command {
    let columns = ["endpoint", "methods", "domain", "rule", "match"];
    let sort = Param::option("sort").short('s').one_of(columns).default("endpoint");
    Command::new("routes")
        .about("List the rules: endpoint, methods, path.")
        .param(Param::argument("words").optional().many().help("Only rules that have all of these in a column."))
        .param(sort.help("The column to sort by. `match` is the order in which they were registered."))
        .param(Param::option("all-methods").flag().help("List HEAD and OPTIONS too."))
        .param(Param::option("json").flag().help("Write JSON, for programs."))
}

fn check() -> Command {
    Command::new("check").about("Check the application and its configuration without serving it.")
}

fn config() -> Command {
    Command::new("config")
        .about("List the configuration: each key, its value, where it comes from.")
        .param(Param::argument("keys").optional().many())
}

fn completion() -> Command {
    let about = "Print what makes a shell complete the program's commands and options.\n\n\
                 For bash: eval \"$(PROGRAM completion bash)\", in ~/.bashrc. For zsh the same, in ~/.zshrc. For fish: \
                 PROGRAM completion fish | source";
    Command::new("completion")
        .about(about)
        .param(Param::argument("shell").one_of(["bash", "zsh", "fish"]))
        .param(Param::option("name").metavar("PROGRAM").help("The program's name on the command line."))
}
