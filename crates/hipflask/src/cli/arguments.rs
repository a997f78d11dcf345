//! What the user typed.

use crate::app::frozen::Command;

/// The commands that every application has.
pub(super) const BUILT_IN: [(&str, &str); 4] = [
    ("run", "Serve the application. This is the default command."),
    ("routes", "List the rules: endpoint, methods, path."),
    ("check", "Check the application and its configuration without serving it."),
    ("config", "List the configuration: each key, its value, where it comes from."),
];

/// A command line, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) debug: Option<bool>,
    /// A file with variables, besides `.flaskenv` and `.env`.
    pub(super) env_file: Option<String>,
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
    Config {
        /// Those to list, or none for all.
        keys: Vec<String>,
    },
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
    /// Files of certificates, and of their keys.
    pub(super) certificates: Vec<String>,
    pub(super) keys: Vec<String>,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut common = Common::default();
        let mut arguments = arguments.iter().map(String::as_str).peekable();
        while let Some(flag) = arguments.next_if(|argument| argument.starts_with('-')) {
            if matches!(flag, "-h" | "--help") {
                return Ok(common.with(Invocation::Help));
            }
            if !common.take(flag, &mut arguments)? {
                // An option of `run`, whose name may be left out.
                let address = address(std::iter::once(flag).chain(arguments), &mut common)?;
                return Ok(common.with(Invocation::Run(address)));
            }
        }
        let invocation = match arguments.next() {
            None => Invocation::Run(Address::default()),
            Some("help") => Invocation::Help,
            Some("run") => Invocation::Run(address(arguments, &mut common)?),
            Some("routes") => routes(arguments)?,
            Some("check") => match arguments.next() {
                None => Invocation::Check,
                Some(other) => return Err(format!("`check` takes no argument, but `{other}` was given")),
            },
            Some("config") => config(arguments)?,
            Some(name) => {
                Invocation::Other { name: name.to_owned(), arguments: arguments.map(str::to_owned).collect() }
            }
        };
        Ok(common.with(invocation))
    }
}

/// The options of every command.
#[derive(Default)]
struct Common {
    debug: Option<bool>,
    env_file: Option<String>,
}

impl Common {
    fn with(self, invocation: Invocation) -> Options {
        Options { debug: self.debug, env_file: self.env_file, invocation }
    }

    /// Takes `flag` and its value if it is one of these; says whether it is.
    fn take<'a>(&mut self, flag: &str, arguments: &mut impl Iterator<Item = &'a str>) -> Result<bool, String> {
        let (name, inline) = split(flag);
        match name {
            "--debug" if inline.is_none() => self.debug = Some(true),
            "--no-debug" if inline.is_none() => self.debug = Some(false),
            "-e" | "--env-file" => self.env_file = Some(value(name, inline, arguments)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// `--port=80` in two.
fn split(flag: &str) -> (&str, Option<&str>) {
    flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)))
}

fn value<'a>(
    name: &str,
    inline: Option<&str>,
    arguments: &mut impl Iterator<Item = &'a str>,
) -> Result<String, String> {
    let value = inline.or_else(|| arguments.next()).map(str::to_owned);
    value.ok_or_else(|| format!("`{name}` needs a value"))
}

fn address<'a>(mut arguments: impl Iterator<Item = &'a str>, common: &mut Common) -> Result<Address, String> {
    let mut address = Address::default();
    while let Some(flag) = arguments.next() {
        let (name, inline) = split(flag);
        match name {
            "-h" | "--host" => address.host = Some(value(name, inline, &mut arguments)?),
            "-p" | "--port" => address.port = Some(value(name, inline, &mut arguments)?),
            "--cert" => address.certificates.push(value(name, inline, &mut arguments)?),
            "--key" => address.keys.push(value(name, inline, &mut arguments)?),
            _ if common.take(flag, &mut arguments)? => {}
            _ => {
                let known = "--host, --port, --cert, --key, --env-file, --debug and --no-debug";
                return Err(format!("`run` has no option `{flag}`; it has {known}"));
            }
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

fn config<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Invocation, String> {
    let keys: Vec<String> = arguments.map(str::to_owned).collect();
    match keys.iter().find(|key| key.starts_with('-')) {
        None => Ok(Invocation::Config { keys }),
        Some(flag) => Err(format!("`config` has no option `{flag}`; it takes the names of keys")),
    }
}

pub(super) fn help(name: &str, commands: &[Command]) -> String {
    let own = commands.iter().map(|command| (command.name.as_str(), command.about.as_str()));
    let all: Vec<(&str, &str)> = BUILT_IN.into_iter().chain(own).collect();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = all.iter().map(|(name, about)| format!("  {name:width$}  {about}\n")).collect();
    format!(
        "Usage: {name} [--debug | --no-debug] [COMMAND]\n\nCommands:\n{lines}\n\
         Options:\n  -e, --env-file FILE  variables that win over those of .flaskenv and .env\n\n\
         Options of run:\n  -h, --host HOST  where to serve: 127.0.0.1, or FLASK_RUN_HOST\n  -p, --port PORT  5000, or FLASK_RUN_PORT\n  --cert FILE      HTTPS with this certificate and those of its issuers; `adhoc` makes one for development\n  --key FILE       its private key; both may be given several times\n\n\
         Every environment variable FLASK_KEY sets the configuration key KEY.\n\
         FLASK_KEY_FILE names the file that a secret KEY is in.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn run(host: Option<&str>, port: Option<&str>) -> Invocation {
        let (host, port) = (host.map(str::to_owned), port.map(str::to_owned));
        Invocation::Run(Address { host, port, ..Address::default() })
    }

    #[test]
    fn lines() {
        assert_eq!(parse(""), Ok(Options { debug: None, env_file: None, invocation: run(None, None) }));
        assert_eq!(
            parse("--debug run -p 80 --host=::1"),
            Ok(Options { debug: Some(true), env_file: None, invocation: run(Some("::1"), Some("80")) })
        );
        assert_eq!(
            parse("--port 80 --no-debug"),
            Ok(Options { debug: Some(false), env_file: None, invocation: run(None, Some("80")) })
        );
        assert_eq!(
            parse("routes --all-methods"),
            Ok(Options { debug: None, env_file: None, invocation: Invocation::Routes { all_methods: true } })
        );
        let own = Invocation::Other { name: "init-db".into(), arguments: vec!["--force".into()] };
        assert_eq!(parse("init-db --force"), Ok(Options { debug: None, env_file: None, invocation: own }));
        assert_eq!(parse("--help").map(|o| o.invocation), Ok(Invocation::Help));
        assert_eq!(
            parse("run --prot 1"),
            Err("`run` has no option `--prot`; it has --host, --port, --cert, --key, --env-file, --debug and --no-debug".into())
        );
        for line in ["-e x --debug", "--env-file=x --debug run", "run --debug -e x", "--port=1 --env-file x --debug"] {
            let parsed = parse(line).expect("a line");
            assert_eq!((parsed.debug, parsed.env_file.as_deref()), (Some(true), Some("x")), "{line}");
        }
        let parsed = parse("-e x config A B").map(|options| (options.env_file, options.invocation));
        assert_eq!(parsed, Ok((Some("x".into()), Invocation::Config { keys: vec!["A".into(), "B".into()] })));
        assert_eq!(parse("-e"), Err("`-e` needs a value".into()));
        assert!(parse("config --all").is_err() && parse("--debug=1").is_err());
        let certificates =
            Address { certificates: vec!["a".into(), "b".into()], keys: vec!["c".into()], ..Address::default() };
        let parsed = parse("run --cert a --key=c --cert b").map(|options| options.invocation);
        assert_eq!(parsed, Ok(Invocation::Run(certificates)));
        assert_eq!(parse("run --port"), Err("`--port` needs a value".into()));
    }
}
