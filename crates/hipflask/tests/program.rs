//! The program as it is run: signals, exit codes, and what it writes.
//!
//! This file is its own program under test: started with a command it is an application's binary, without one
//! it runs the tests. So it has no harness.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hipflask::Rule;
use hipflask::extension::{Answer, Handler};
use hipflask::http::Bytes;
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use serde_json::Value;
use tracing::Instrument;

/// What a test waits at most for anything. Only a failing test ever does.
const PATIENCE: Duration = Duration::from_secs(30);

fn app() -> App {
    App::new("program", env!("CARGO_TARGET_TMPDIR"))
        .config("WTF_CSRF_ENABLED", false)
        .wrap(Traced)
        .add_url_rule(Rule::new("/ping"), async || "pong")
        .add_url_rule(Rule::new("/note"), || {
            tracing::info!(n = 1, "noted");
            "noted"
        })
        .add_url_rule(Rule::new("/body").methods([POST]), async |body: Bytes| body.len().to_string())
        .add_url_rule(Rule::new("/fail/<name>"), async |args: ViewArgs| -> Result<&str> {
            Err(Error::msg(format!("no {}\n{{\"forged\":true}}\x1b[2J", args.get::<String>("name")?)))
        })
}

/// Has every request in a span.
struct Traced(Arc<dyn Handler>);

impl Handler for Traced {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        let span = tracing::info_span!("request", request_id = ctx.request_id(), tenant = "acme");
        Answer::Later(Box::pin(self.0.call(ctx).instrument(span)))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| ["run", "--no-debug"].contains(&first.as_str())) {
        return hipflask::cli::main(app);
    }
    let tests: [(&str, fn()); 15] = [
        ("https_for_development_takes_one_option", https_for_development_takes_one_option),
        ("a_signal_lets_it_finish_what_is_in_flight", a_signal_lets_it_finish_what_is_in_flight),
        ("a_second_signal_ends_it_at_once", a_second_signal_ends_it_at_once),
        ("out_of_file_descriptors_it_waits_and_goes_on", out_of_file_descriptors_it_waits_and_goes_on),
        ("what_cannot_be_served_is_said_in_one_line", what_cannot_be_served_is_said_in_one_line),
        ("what_to_type_instead_is_said", what_to_type_instead_is_said),
        ("env_files_are_read_in_flasks_order", env_files_are_read_in_flasks_order),
        ("what_is_wrong_with_an_env_file_is_told_with_its_line", what_is_wrong_with_an_env_file_is_told_with_its_line),
        ("config_lists_values_and_where_they_come_from", config_lists_values_and_where_they_come_from),
        ("the_developers_key_stays_out_of_version_control", the_developers_key_stays_out_of_version_control),
        ("production_logs_one_json_object_per_line", production_logs_one_json_object_per_line),
        ("a_line_has_the_fields_of_the_span_around_it", a_line_has_the_fields_of_the_span_around_it),
        ("debug_mode_logs_for_people", debug_mode_logs_for_people),
        ("the_access_log_can_be_switched_off", the_access_log_can_be_switched_off),
        ("a_client_that_leaves_is_logged_too", a_client_that_leaves_is_logged_too),
    ];
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let mut passed = 0;
    for (name, test) in tests.into_iter().filter(|(name, _)| wanted(name)) {
        // A test that fails panics, and so ends the program with a code that is not 0.
        test();
        say(&format!("test program::{name} ... ok\n"));
        passed += 1;
    }
    say(&format!("test result: ok. {passed} passed; 0 failed; 0 ignored\n"));
    ExitCode::SUCCESS
}

fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The program, running; it is killed if a test fails.
struct Program {
    child: Child,
    address: SocketAddr,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg("run").args(["--port", "0"]).args(arguments);
    clear_environment(&mut command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `TMPDIR` stays: `cargo xtask test` knows by it what it has to end if it is interrupted.
fn clear_environment(command: &mut Command) -> &mut Command {
    command.env_clear().envs(std::env::var_os("TMPDIR").map(|folder| ("TMPDIR", folder)))
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let mut child = command.spawn().expect("this program can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let address = lines.find_map(|line| {
            let line = line.expect("text");
            let (_, url) = line.split_once("Running on http")?;
            url.split_once("://").map(|(_, address)| address.parse().expect("an address"))
        });
        Program { address: address.expect("it says where it serves"), child }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it serves");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can have one");
        stream
    }

    /// The whole answer to `GET path`.
    fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// A request whose view has begun and waits for its body.
    fn request_in_flight(&self) -> TcpStream {
        let mut stream = self.connect();
        let head = "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).expect("the view asks for the body");
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    }

    fn signal(&self, name: &str) {
        // The shell has `kill` built in; the program of this name is not on every system.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill \"$0\" \"$1\"", name, &self.child.id().to_string()]);
        assert!(kill.status().expect("there is a shell").success());
    }

    fn takes_no_more_connections(&self) {
        eventually(|| TcpStream::connect(self.address).is_err().then_some(()));
    }

    fn exit(&mut self) -> ExitStatus {
        eventually(|| self.child.try_wait().expect("it is our child"))
    }

    /// Stops it, and gives what it has written to the standard error.
    fn log(mut self) -> Vec<String> {
        self.signal("-TERM");
        assert_eq!(self.exit().code(), Some(0));
        let log = std::io::read_to_string(self.child.stderr.take().expect("it is piped")).expect("text");
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually<T>(mut poll: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not happen in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn a_signal_lets_it_finish_what_is_in_flight() {
    for signal in ["-TERM", "-INT"] {
        let mut program = Program::start(&mut command(&[]));
        let mut stream = program.request_in_flight();
        program.signal(signal);
        program.takes_no_more_connections();
        stream.write_all(b"hello").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n5"), "{answer}");
        assert_eq!(program.exit().code(), Some(0));
    }
}

fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start(&mut command(&[]));
    let _stream = program.request_in_flight();
    program.signal("-TERM");
    program.takes_no_more_connections();
    program.signal("-TERM");
    // Otherwise it would wait half a minute for the request, and then give up cleanly.
    assert_eq!(program.exit().code(), Some(130));
}

fn out_of_file_descriptors_it_waits_and_goes_on() {
    let own = std::env::current_exe().expect("this program has a path");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 32; exec \"$0\" run --no-debug --port 0"]).arg(own);
    let mut program = Program::start(clear_environment(&mut limited).stdout(Stdio::piped()).stderr(Stdio::piped()));
    // The system takes more connections than the program can.
    let streams: Vec<TcpStream> = (0..64).map(|_| program.connect()).collect();
    let mut log = BufReader::new(program.child.stderr.take().expect("it is piped")).lines();
    let full = log.next().expect("it says so").expect("text");
    assert!(full.contains("no connection can be accepted"), "{full}");
    drop(streams);
    assert!(program.get("/ping").ends_with("pong"));
    program.signal("-TERM");
    // It waits between the tries, so they do not fill the log.
    assert!(log.count() < 10);
}

fn what_cannot_be_served_is_said_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    for (arguments, variables, code, said) in [
        (vec!["--port", &port], vec![], 1, "is in use by another program"),
        (vec!["--port", "http"], vec![], 2, "`http` is not a port"),
        (vec!["--host", "0.0.0.0", "--debug"], vec![], 1, "to this machine only"),
        (vec![], vec![("FLASK_SERVER_BODY_TIMEOUT", "0")], 1, "SERVER_BODY_TIMEOUT"),
        (vec![], vec![("FLASK_LOG_LEVEL", "loud")], 1, "LOG_LEVEL"),
        (
            vec!["--cert", "a.pem"],
            vec![],
            2,
            "each certificate needs its private key, in the same order (--cert, --key)",
        ),
        (vec!["--cert", "adhoc", "--key", "a.key"], vec![], 2, "`adhoc` makes a certificate with its key"),
        (vec!["--cert", "adhoc", "--no-debug"], vec![], 1, "is for development only"),
        (vec!["--cert", "no.pem", "--key", "no.key"], vec![], 1, "the certificate in `no.pem` cannot be read"),
        (vec![], vec![("FLASK_RUN_KEY", "a.key")], 1, "a private key needs its certificate (`RUN_CERT`, `RUN_KEY`)"),
        (vec![], vec![("FLASK_RUN_HTTP_PORT", "0")], 1, "but no certificate is given"),
    ] {
        let output = command(&arguments).envs(variables).output().expect("this program can be run");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.starts_with("Error: ") && error.contains(said) && error.lines().count() == 1, "{error}");
        assert_eq!(output.stdout, b"");
    }
}

fn https_for_development_takes_one_option() {
    let program = Program::start(&mut command(&["--debug", "--cert", "adhoc"]));
    assert!(program.get("/ping").ends_with("\r\n\r\nThis port speaks HTTPS; begin the address with https://.\n"));
    // The certificates are looked at again, and the process lives.
    program.signal("-HUP");
    assert!(program.get("/ping").starts_with("HTTP/1.1 400 Bad Request\r\n"));
    let log = program.log();
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:?}");
}

/// The program without the port that the other tests give it.
fn bare(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    let output = clear_environment(command.arg("run")).envs(variables.iter().copied()).output();
    let output = output.expect("this program can be run");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

fn what_to_type_instead_is_said() {
    let (code, error) = bare(&[("FLASK_RUN_PORT", "abc")]);
    let told = "Error: `abc` in FLASK_RUN_PORT (`RUN_PORT`) is not a port; give a number from 0 to 65535\n";
    assert_eq!((code, error.as_str()), (Some(2), told));
    let (code, error) = bare(&[("FLASK_RUN_PORT", "0"), ("FLASK_RUN_HOST", "no such host")]);
    assert!(code == Some(2) && error.contains("`no such host` in FLASK_RUN_HOST"), "{error}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let next = port.checked_add(1).unwrap_or(5000);
    let (_, error) = bare(&[("FLASK_RUN_PORT", &port.to_string()), ("CARGO", "cargo")]);
    assert!(error.ends_with(&format!("choose another port: cargo run -- --port {next}\n")), "{error}");
    let (_, error) = bare(&[("FLASK_RUN_PORT", &port.to_string())]);
    let own = std::env::current_exe().expect("this program has a path");
    assert!(error.ends_with(&format!("{} --port {next}\n", own.display())), "{error}");
}

fn the_developers_key_stays_out_of_version_control() {
    let folder = std::env::temp_dir().join(format!("hipflask-instance-{}", std::process::id()));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let run = |debug: &str| drop(Program::start(command(&[debug]).env("FLASK_INSTANCE_PATH", &folder)));
    run("--no-debug");
    assert!(!folder.exists(), "production writes no key");
    run("--debug");
    assert!(text("secret-key-for-development").is_some_and(|key| key.len() > 40));
    assert_eq!(text(".gitignore").as_deref(), Some("*\n"));
    // What the developer has decided stays.
    std::fs::write(folder.join(".gitignore"), "").expect("it can be written");
    std::fs::remove_file(folder.join("secret-key-for-development")).expect("it is there");
    run("--debug");
    assert_eq!(text(".gitignore").as_deref(), Some(""));
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

fn production_logs_one_json_object_per_line() {
    let program = Program::start(&mut command(&["--no-debug"]));
    assert!(program.get("/ping?secret=1").ends_with("pong"));
    assert!(program.get("/fail/%0A%7B%22forged%22:true%7D%1B%5B31m").contains(" 500 "));
    assert!(program.get("/%22%5C%0Aforged").contains(" 404 "));
    // What cannot be read leaves nothing to write down.
    let mut malformed = program.connect();
    malformed.write_all(b"\0{\"forged\":true}\r\n\r\n").expect("it reads");
    malformed.read_to_end(&mut Vec::new()).expect("it ends the connection");
    drop(malformed);
    let log = program.log();
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (line, value) in log.iter().zip(&lines) {
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(value["time"].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')), "{line}");
        assert!(value.get("forged").is_none(), "{line}");
    }
    assert_eq!(lines.len(), 4, "{log:?}");
    // What different threads write within a moment is not in order.
    let find = |key: &str, value: Value| lines.iter().find(|line| line[key] == value).expect("the line is there");
    let ping = find("path", "/ping".into());
    let (error, fail, missing) =
        (find("level", "ERROR".into()), find("status", 500.into()), find("status", 404.into()));
    assert_eq!(ping["target"], "access");
    assert_eq!(
        (&ping["level"], &ping["remote"], &ping["method"]),
        (&"INFO".into(), &"127.0.0.1".into(), &"GET".into())
    );
    // A query may hold what must not be in a log.
    assert_eq!((&ping["path"], &ping["status"], &ping["bytes"]), (&"/ping".into(), &200.into(), &4.into()));
    assert_eq!(ping["version"], "1.1");
    assert!(ping["us"].is_u64(), "{ping}");
    assert_eq!(missing["path"], "/%22%5C%0Aforged");
    // The error and the request that it broke are found by the same number, and no other has it.
    assert_eq!(error["request_id"], fail["request_id"]);
    assert!(fail["request_id"].is_string() && fail["request_id"] != ping["request_id"], "{fail}");
    assert!(error["at"].as_str().is_some_and(|at| at.contains("program.rs:")), "{error}");
    assert!(error["causes"].is_string(), "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("no \n{\"forged\":true}")), "{error}");
}

fn a_line_has_the_fields_of_the_span_around_it() {
    let program = Program::start(&mut command(&["--no-debug"]));
    program.get("/note");
    let lines: Vec<Value> = program.log().iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let find = |key: &str| lines.iter().find(|line| !line[key].is_null()).expect("the line is there");
    let (noted, access) = (find("tenant"), find("status"));
    assert_eq!((&noted["message"], &noted["n"], &noted["tenant"]), (&"noted".into(), &1.into(), &"acme".into()));
    assert_eq!(noted["request_id"], access["request_id"]);
    let program = Program::start(&mut command(&["--debug"]));
    program.get("/note");
    let log = program.log();
    let line = log.iter().find(|line| line.contains("noted")).expect("the line is there");
    assert!(line.contains(" noted n=1 request_id=") && line.ends_with(" tenant=acme"), "{line}");
}

fn debug_mode_logs_for_people() {
    let program = Program::start(&mut command(&["--debug"]));
    program.get("/ping");
    program.get("/fail/%0Aforged%1B%5B31m");
    let log = program.log();
    assert_eq!(log.len(), 3, "{log:?}");
    let (ping, error, fail) = (&log[0], &log[1], &log[2]);
    assert!(ping[8..].starts_with(" 200 GET     /ping  "), "{ping}");
    assert!(ping.ends_with(" ms, 4 bytes"), "{ping}");
    assert!(fail.contains(" 500 GET     /fail/%0Aforged"), "{fail}");
    // No terminal, no colours; and none from outside.
    assert!(error.contains(" ERROR ") && !log.concat().contains('\x1b'), "{log:?}");
}

fn the_access_log_can_be_switched_off() {
    for (key, value) in [("FLASK_ACCESS_LOG", "false"), ("FLASK_LOG_LEVEL", "warn")] {
        let program = Program::start(command(&["--no-debug"]).env(key, value));
        program.get("/ping");
        assert_eq!(program.log(), Vec::<String>::new(), "{key}");
    }
}

fn a_client_that_leaves_is_logged_too() {
    let program = Program::start(&mut command(&["--no-debug"]));
    let stream = program.request_in_flight();
    drop(stream);
    // The body that breaks off is answered, though there is no client left to read it.
    let log = program.log();
    let line: Value = serde_json::from_str(&log.concat()).expect("one line");
    assert_eq!((&line["path"], &line["status"]), (&"/body".into(), &400.into()));
}

/// A folder with files, for a program that runs in a folder below it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let folder = Folder(std::env::temp_dir().join(format!("hipflask-{name}-{}", std::process::id())));
        std::fs::create_dir_all(folder.0.join("below")).expect("a folder for the test");
        for (name, text) in files {
            std::fs::write(folder.0.join(name), text).expect("a file for the test");
        }
        folder
    }

    /// The exit code, what it prints and what it complains of.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg("--no-debug").args(arguments);
        clear_environment(&mut command).envs(variables.iter().copied()).current_dir(self.0.join("below"));
        let output = command.output().expect("this program can be run");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The row of a key in what `config` prints: its value and its source.
    fn row(&self, key: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (String, String) {
        let (code, said, error) = self.run(&[arguments, &["config", key]].concat(), variables);
        assert_eq!(code, Some(0), "{error}");
        let cells: Vec<&str> =
            said.lines().nth(2).expect("a row").split("  ").filter(|cell| !cell.is_empty()).collect();
        (cells[1].trim().to_owned(), cells[2].trim().to_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// As Flask 3.1.3 with python-dotenv: `.flaskenv`, `.env`, `-e`, the environment; the files may be in a folder above.
fn env_files_are_read_in_flasks_order() {
    let files = [
        (".flaskenv", "FLASK_A=flaskenv\nFLASK_B=flaskenv\nFLASK_C=flaskenv\nFLASK_D=flaskenv\n"),
        (".env", "# secrets\nexport FLASK_B='env'\nFLASK_C=env\nFLASK_D=env\n"),
        ("below/named", "FLASK_C=\"na\\tmed\"\nFLASK_D=named\n"),
    ];
    let folder = Folder::new("env-files", &files);
    let value = |key: &str, arguments: &[&str], variables: &[(&str, &str)]| folder.row(key, arguments, variables).0;
    let (d, named) = ([("FLASK_D", "process")], ["-e", "named"]);
    for (key, expected) in [("A", "\"flaskenv\""), ("B", "\"env\""), ("C", "\"na\\tmed\""), ("D", "\"process\"")] {
        assert_eq!(value(key, &named, &d), expected, "{key}");
    }
    assert_eq!(value("C", &[], &[("FLASK_ENV_FILE", "named")]), "\"na\\tmed\"");
    let path = folder.0.join(".env").canonicalize().expect("it is there");
    assert_eq!(folder.row("B", &[], &[]).1, format!("FLASK_B in {}:2", path.display()));
    assert_eq!(folder.row("C", &named, &[]).1, "FLASK_C in named:1");
    assert_eq!(folder.row("D", &named, &d).1, "FLASK_D in the environment");
    for (skip, code) in [("1", 2), ("true", 2), ("0", 0), ("false", 0), ("no", 0), ("", 0)] {
        assert_eq!(folder.run(&["config", "A"], &[("FLASK_SKIP_DOTENV", skip)]).0, Some(code), "{skip}");
    }
    // The file that is named is read all the same.
    assert_eq!(value("C", &named, &[("FLASK_SKIP_DOTENV", "1")]), "\"na\\tmed\"");
}

fn what_is_wrong_with_an_env_file_is_told_with_its_line() {
    let folder = Folder::new("env-wrong", &[(".env", "FLASK_A=1\n\nFLASK_B='2\n"), ("empty", "")]);
    let path = folder.0.join(".env").canonicalize().expect("it is there");
    let (code, said, error) = folder.run(&["config"], &[]);
    let told = format!(
        "Error: {}:3: the quote `'` does not end; add one, or write \\' for one that is meant\n",
        path.display()
    );
    assert_eq!((code, said.as_str(), error), (Some(1), "", told));
    std::fs::write(&path, "FLASK_SECRT_KEY=x\nFLASK_MAX_FORM_PARTS=big\nFLASK_SECRET_KEY_FILE=../gone\n")
        .expect("written");
    let (code, _, error) = folder.run(&["config"], &[]);
    let at = |line: u8| format!("in {}:{line})", path.display());
    for told in [
        format!("unknown configuration key `SECRT_KEY` (FLASK_SECRT_KEY {}; did you mean `SECRET_KEY`?", at(1)),
        format!("the configuration key `MAX_FORM_PARTS` (FLASK_MAX_FORM_PARTS {} is \"big\": ", at(2)),
        format!(
            "the file `../gone` of `SECRET_KEY_FILE` (FLASK_SECRET_KEY_FILE {} cannot be read: No such file",
            at(3)
        ),
    ] {
        assert!(code == Some(1) && error.contains(&told), "{told}: {error}");
    }
    let (code, _, error) = folder.run(&["-e", "nowhere", "config"], &[("FLASK_SKIP_DOTENV", "1")]);
    let told = "Error: the file `nowhere` of --env-file cannot be read: No such file or directory (os error 2); correct the path\n";
    assert_eq!((code, error.as_str()), (Some(2), told));
}

fn config_lists_values_and_where_they_come_from() {
    let folder = Folder::new("config", &[("key", "0123456789abcdef0123456789abcdef\n"), ("old", "one\ntwo\n")]);
    let secret = "hunter2 hunter2 hunter2 hunter2 hunter2";
    let url = ("FLASK_DATABASE_URL", "postgres://app:hunter2@db/blog");
    let (code, said, _) = folder.run(&["config"], &[("FLASK_SECRET_KEY", secret), url]);
    assert!(code == Some(0) && !said.contains("hunter2"), "{said}");
    assert!(said.lines().count() > 45 && said.starts_with("Key "), "{said}");
    let of = |key: &str, variables: &[(&str, &str)]| folder.row(key, &[], variables);
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(of("SECRET_KEY", &[("FLASK_SECRET_KEY", secret)]).0, "\"(concealed)\"");
    assert_eq!(of("DATABASE_URL", &[url]).0, "\"postgres://(concealed)@db/blog\"");
    assert_eq!(of("MAX_FORM_PARTS", &[]), pair("1000", "default"));
    assert_eq!(of("DEBUG", &[]), pair("false", "--no-debug"));
    let named = "the file ../key, named by SECRET_KEY_FILE (FLASK_SECRET_KEY_FILE in the environment)";
    assert_eq!(of("SECRET_KEY", &[("FLASK_SECRET_KEY_FILE", "../key")]), pair("\"(concealed)\"", named));
    let (code, _, error) = folder.run(&["config", "MAX_FORM_PART"], &[]);
    let told = "Error: the configuration key `MAX_FORM_PART` is not set; did you mean `MAX_FORM_PARTS`?\n";
    assert_eq!((code, error.as_str()), (Some(2), told));
}
