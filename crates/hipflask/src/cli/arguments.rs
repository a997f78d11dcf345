//! What the user typed.

use crate::app::frozen::Command;

/// The commands that every application has.
pub(super) const BUILT_IN: [(&str, &str); 3] = [
    ("run", "Serve the application. This is the default command."),
    ("routes", "List the rules: endpoint, methods, path."),
    ("check", "Check the application and its configuration without serving it."),
];

/// A command line, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) debug: Option<bool>,
    pub(super) invocation: Invocation,
}

#[derive(Debug, PartialEq)]
pub(super) enum Invocation {
    Help,
    Run(Address),
    Routes {
        all_methods: bool,
    },
    Check,
    /// A command of the application's own.
    Other {
        name: String,
        arguments: Vec<String>,
    },
}

/// Where to serve; a missing part comes from the environment, or is Flask's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Address {
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut debug = None;
        let mut arguments = arguments.iter().map(String::as_str).peekable();
        while let Some(flag) = arguments.next_if(|argument| argument.starts_with('-')) {
            match flag {
                "--debug" => debug = Some(true),
                "--no-debug" => debug = Some(false),
                "-h" | "--help" => return Ok(Options { debug, invocation: Invocation::Help }),
                // Options of `run`, whose name may be left out.
                _ => {
                    return Ok(Options {
                        debug,
                        invocation: Invocation::Run(address(std::iter::once(flag).chain(arguments), &mut debug)?),
                    }
                    .or_debug(debug));
                }
            }
        }
        let invocation = match arguments.next() {
            None => Invocation::Run(Address::default()),
            Some("help") => Invocation::Help,
            Some("run") => Invocation::Run(address(arguments, &mut debug)?),
            Some("routes") => routes(arguments)?,
            Some("check") => match arguments.next() {
                None => Invocation::Check,
                Some(other) => return Err(format!("`check` takes no argument, but `{other}` was given")),
            },
            Some(name) => {
                Invocation::Other { name: name.to_owned(), arguments: arguments.map(str::to_owned).collect() }
            }
        };
        Ok(Options { debug, invocation })
    }

    fn or_debug(mut self, debug: Option<bool>) -> Options {
        self.debug = debug.or(self.debug);
        self
    }
}

fn address<'a>(mut arguments: impl Iterator<Item = &'a str>, debug: &mut Option<bool>) -> Result<Address, String> {
    let mut address = Address::default();
    while let Some(flag) = arguments.next() {
        let (name, inline) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let mut value =
            || inline.or_else(|| arguments.next()).map(str::to_owned).ok_or_else(|| format!("`{name}` needs a value"));
        match name {
            "-h" | "--host" => address.host = Some(value()?),
            "-p" | "--port" => address.port = Some(value()?),
            "--debug" => *debug = Some(true),
            "--no-debug" => *debug = Some(false),
            _ => return Err(format!("`run` has no option `{flag}`; it has --host, --port, --debug and --no-debug")),
        }
    }
    Ok(address)
}

fn routes<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Invocation, String> {
    let mut all_methods = false;
    for argument in arguments {
        match argument {
            "--all-methods" => all_methods = true,
            _ => return Err(format!("`routes` has no option `{argument}`; it has --all-methods")),
        }
    }
    Ok(Invocation::Routes { all_methods })
}

pub(super) fn help(name: &str, commands: &[Command]) -> String {
    let own = commands.iter().map(|command| (command.name.as_str(), command.about.as_str()));
    let all: Vec<(&str, &str)> = BUILT_IN.into_iter().chain(own).collect();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = all.iter().map(|(name, about)| format!("  {name:width$}  {about}\n")).collect();
    format!(
        "Usage: {name} [--debug | --no-debug] [COMMAND]\n\nCommands:\n{lines}\n\
         Options of run:\n  -h, --host HOST  where to serve: 127.0.0.1, or FLASK_RUN_HOST\n  -p, --port PORT  5000, or FLASK_RUN_PORT\n\n\
         Every environment variable FLASK_KEY sets the configuration key KEY.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn run(host: Option<&str>, port: Option<&str>) -> Invocation {
        Invocation::Run(Address { host: host.map(str::to_owned), port: port.map(str::to_owned) })
    }

    #[test]
    fn lines() {
        assert_eq!(parse(""), Ok(Options { debug: None, invocation: run(None, None) }));
        assert_eq!(
            parse("--debug run -p 80 --host=::1"),
            Ok(Options { debug: Some(true), invocation: run(Some("::1"), Some("80")) })
        );
        assert_eq!(
            parse("--port 80 --no-debug"),
            Ok(Options { debug: Some(false), invocation: run(None, Some("80")) })
        );
        assert_eq!(
            parse("routes --all-methods"),
            Ok(Options { debug: None, invocation: Invocation::Routes { all_methods: true } })
        );
        let own = Invocation::Other { name: "init-db".into(), arguments: vec!["--force".into()] };
        assert_eq!(parse("init-db --force"), Ok(Options { debug: None, invocation: own }));
        assert_eq!(parse("--help").map(|o| o.invocation), Ok(Invocation::Help));
        assert_eq!(
            parse("run --prot 1"),
            Err("`run` has no option `--prot`; it has --host, --port, --debug and --no-debug".into())
        );
        assert_eq!(parse("run --port"), Err("`--port` needs a value".into()));
    }
}
