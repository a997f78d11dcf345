//! `run`: serve, and say where and what.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use http::Method;

use crate::app::App;
use crate::app::frozen::Frozen;
use crate::base::runtime;
use crate::cli::arguments::Address;
use crate::cli::https;
use crate::cli::process::{Failure, print};
use crate::http::peer::Scheme;
use crate::server::{Listener, Listeners, Role, ServerLimits, serve_until, wait_for_signal};
use crate::signing::{base64, random_bytes};

/// During development a secret key is generated and kept in the instance folder, so that sessions survive a
/// restart. If it cannot be written there, it lasts as long as the process.
pub(super) fn with_developers_key(app: App) -> App {
    if !app.is_debug() || app.configured::<Option<String>>("SECRET_KEY").flatten().is_some() {
        return app;
    }
    let folder = app.configured("INSTANCE_PATH").unwrap_or_else(|| app.root_path().join("instance"));
    match developers_key(&folder) {
        Ok(key) => app.config_by("SECRET_KEY", key, "made for development, in the instance folder"),
        Err(_) => app,
    }
}

fn developers_key(folder: &Path) -> io::Result<String> {
    let path = folder.join("secret-key-for-development");
    if let Ok(key) = fs::read_to_string(&path) {
        return Ok(key);
    }
    let key = base64::encode(&random_bytes::<32>());
    fs::create_dir_all(folder)?;
    keep_out_of_version_control(folder)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(&path)?, key.as_bytes())?;
    Ok(key)
}

/// A secret, and what else an application writes while it is developed, belongs to no repository.
fn keep_out_of_version_control(folder: &Path) -> io::Result<()> {
    match fs::OpenOptions::new().write(true).create_new(true).open(folder.join(".gitignore")) {
        Ok(mut file) => io::Write::write_all(&mut file, b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn run(app: &Frozen, address: &Address) -> Result<(), Failure> {
    // A mistake in the configuration must show now, not at the first connection.
    ServerLimits::from_config(app.config())?;
    let role = https::role(app, address)?;
    let address = resolve(app, address)?;
    if app.config().debug() && !address.ip().to_canonical().is_loopback() {
        return Err(Failure::new(format!(
            "debug mode shows the internals of the application, so it is served to this machine only, not at {}; \
             switch it off (--no-debug, or a release build), or serve at 127.0.0.1",
            address.ip()
        )));
    }
    let runtime = runtime::new()?;
    let served = runtime.block_on(async {
        let listener = Listener::bind(address).await.map_err(|error| cannot_bind(address, &error))?;
        let address = listener.address().unwrap_or(address);
        let scheme = role.scheme();
        let mut listeners = Listeners::default();
        listeners.push(listener, role);
        redirect_plain(app, address, scheme, &mut listeners).await?;
        app.start().await?;
        print(&banner(app, scheme, address));
        serve_until(app.clone(), listeners, wait_for_signal()).await?;
        Ok(())
    });
    // Do not wait for what did not end in time.
    runtime.shutdown_background();
    served
}

/// Redirects to HTTPS from the port `RUN_HTTP_PORT` of the same address, if it is set.
async fn redirect_plain(
    app: &Frozen,
    mut address: SocketAddr,
    scheme: Scheme,
    listeners: &mut Listeners,
) -> Result<(), Failure> {
    let Some(port) = app.config().find::<u16>("RUN_HTTP_PORT")? else { return Ok(()) };
    if scheme == Scheme::Http {
        return Err(Failure::new(
            "`RUN_HTTP_PORT` is the port that redirects to HTTPS, but no certificate is given (--cert, --key)",
        ));
    }
    address.set_port(port);
    let listener = Listener::bind(address).await.map_err(|error| cannot_bind(address, &error))?;
    listeners.push(listener, Role::Redirect(listeners.https_port(app.config())?));
    Ok(())
}

/// What was typed; otherwise `FLASK_RUN_HOST` and `FLASK_RUN_PORT`; otherwise Flask's defaults.
fn resolve(app: &Frozen, address: &Address) -> Result<SocketAddr, Failure> {
    let host = Setting::configured("RUN_HOST", app, address.host.as_deref(), "127.0.0.1");
    let port = Setting::configured("RUN_PORT", app, address.port.as_deref(), "5000");
    let Ok(number) = port.value.parse::<u16>() else {
        return Err(Failure::usage(format!("{port} is not a port; give a number from 0 to 65535")));
    };
    let found =
        (host.value.trim_matches(['[', ']']), number).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| {
        Failure::usage(format!("{host} cannot be found; give an address of this machine: 127.0.0.1, 0.0.0.0"))
    })
}

/// A part of the address.
struct Setting {
    value: String,
    /// The key that it comes from, unless it was typed.
    key: Option<&'static str>,
}

impl Setting {
    /// What was typed, or else what `key` says.
    fn configured(key: &'static str, app: &Frozen, typed: Option<&str>, default: &str) -> Setting {
        if let Some(typed) = typed {
            return Setting { value: typed.to_owned(), key: None };
        }
        let configured = app.config().find::<serde_json::Value>(key).ok().flatten();
        let configured = configured.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Setting { value: configured.unwrap_or_else(|| default.to_owned()), key: Some(key) }
    }
}

/// For a message: `` `abc` in FLASK_RUN_PORT ``.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.value)?;
        self.key.map_or(Ok(()), |key| write!(f, " in FLASK_{key} (`{key}`)"))
    }
}

fn cannot_bind(address: SocketAddr, error: &io::Error) -> Failure {
    let port = address.port();
    Failure::new(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let (program, next) = (program_name(), port.checked_add(1).unwrap_or(5000));
            format!(
                "port {port} is in use by another program; stop it, or choose another port: {program} --port {next}"
            )
        }
        io::ErrorKind::PermissionDenied => {
            let program = program_name();
            format!("this user is not allowed to use port {port}; choose one from 1024 up: {program} --port 5000")
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is not an address of this machine; serve at 127.0.0.1, or 0.0.0.0 for all of its addresses",
            address.ip()
        ),
        _ => format!("{address} cannot be served: {error}"),
    })
}

/// The address, the rules, and what to do next.
fn banner(app: &Frozen, scheme: Scheme, address: SocketAddr) -> String {
    let mode = if app.config().debug() { "development, debug mode is on" } else { "production" };
    let mut text = format!(" * {} ({mode})\n", app.name());
    if app.config().debug() {
        let mut rules: Vec<(String, &str, &str)> = app
            .rules()
            .map(|rule| {
                let methods = rule.methods().map(Method::as_str);
                let methods: Vec<&str> = methods.filter(|method| !matches!(*method, "HEAD" | "OPTIONS")).collect();
                (methods.join(","), rule.text(), rule.endpoint())
            })
            .collect();
        rules.sort_by(|a, b| a.1.cmp(b.1));
        let width = |column: fn(&(String, &str, &str)) -> usize| rules.iter().map(column).max().unwrap_or(0);
        let (methods, paths) = (width(|rule| rule.0.len()), width(|rule| rule.1.len()));
        for (method, rule, endpoint) in &rules {
            text += &format!("   {method:methods$}  {rule:paths$}  {endpoint}\n");
        }
    }
    text += &format!(" * Running on {}://{address}\n", scheme.as_str());
    if app.config().debug() {
        let program = program_name();
        let width = app.commands().iter().map(|command| command.name.len()).max().unwrap_or(0);
        for command in app.commands() {
            text += &format!("   {program} {:width$}  {}\n", command.name, command.about);
        }
    }
    text + "   Press CTRL+C to quit\n"
}

/// What the developer types before the name of a command.
fn program_name() -> String {
    // Cargo sets it for the program that `cargo run` starts.
    if std::env::var_os("CARGO").is_some() {
        return "cargo run --".to_owned();
    }
    let program = std::env::args_os().next().unwrap_or_default();
    program.to_string_lossy().into_owned()
}
