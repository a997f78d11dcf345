//! Commands, driven by the runner: what is typed, what is asked, what is said.

use std::path::PathBuf;

use hipflask::cli::{CliArgs, Color, Command, Console, Exit, Param, command, style};
use hipflask::prelude::*;
use hipflask::testing::{CliResult, CliRunner};
use hipflask::{Frozen, Rule};

/// Creates a user.
///
/// And a longer text that explains it, which is wider than a line of the page and so has to be continued.
#[command]
#[allow(clippy::too_many_arguments, reason = "one of each kind")]
async fn create(
    config: Config,
    name: String,
    rest: Vec<String>,
    /// How many.
    #[option(short = 'c', default = 2, range(1..=5))]
    count: u8,
    /// How far.
    #[option(one_of("low", "high"), env = "LEVEL")]
    level: String,
    #[option(short = 't')] tag: Vec<i32>,
    #[option(short = 'v', count)] verbose: u8,
    #[option] sure: Option<bool>,
    #[option(default = true)] color: bool,
    #[option] ratio: Option<f64>,
    #[option(exists)] file: Option<PathBuf>,
    #[option("dry-run")] dry: bool,
) -> Result<String> {
    let site: String = config.get("SITE")?;
    Ok(format!("{site}: {name} {rest:?} {count} {level} {tag:?} {verbose} {sure:?} {color} {ratio:?} {file:?} {dry}"))
}

/// Removes a user.
#[command(hidden)]
fn remove(id: u32) -> Result<String> {
    if id == 0 { Err(Exit::new(7).message("nobody has it").into()) } else { Ok(format!("{id} is gone")) }
}

fn app() -> App {
    let user = Command::new("user").about("Who may log in.").command(create).command(remove);
    App::new("prog", ".").config("SITE", "blog").command(user)
}

fn runner() -> CliRunner {
    app().test_cli_runner()
}

fn run(words: &str) -> CliResult {
    runner().invoke(words.split_whitespace()).run_blocking()
}

#[test]
fn what_is_typed_has_the_types_of_the_arguments() {
    for (words, said) in [
        ("x --level low", "blog: x [] 2 low [] 0 None true None None false"),
        (
            "x y z --level=high -c3 -t1 -t 2 -vvv --sure --no-color --ratio 0.5 --file . --dry-run",
            "blog: x [\"y\", \"z\"] 3 high [1, 2] 3 Some(true) false Some(0.5) Some(\".\") true",
        ),
        ("--level high --no-sure -vt-5 -- -x", "blog: -x [] 2 high [-5] 1 Some(false) true None None false"),
    ] {
        let result = run(&format!("user create {words}"));
        assert_eq!((result.exit_code(), result.output()), (0, format!("{said}\n").as_str()), "{result}");
    }
}

#[test]
fn what_is_wrong_is_told_in_clicks_words() {
    const USAGE: &str = "Usage: prog user create [OPTIONS] NAME [REST]...\nTry 'prog user create --help' for help.\n\n";
    for (words, told) in [
        ("", "Missing argument 'NAME'."),
        ("x", "Missing option '--level' (env var: 'LEVEL'). Choose from:\n\tlow,\n\thigh"),
        ("x --level lo", "Invalid value for '--level' (env var: 'LEVEL'): 'lo' is not one of 'low', 'high'."),
        ("x --level low -c 9", "Invalid value for '--count' / '-c': 9 is not in the range 1<=x<=5."),
        ("x --level low -c x", "Invalid value for '--count' / '-c': 'x' is not a valid integer."),
        ("x --level low --ratio y", "Invalid value for '--ratio': 'y' is not a valid float."),
        ("x --level low --file nowhere", "Invalid value for '--file': Path 'nowhere' does not exist."),
        ("x --cuont 3", "No such option '--cuont'. Did you mean '--count'?"),
        ("x --dry", "No such option '--dry'. Did you mean '--dry-run'?"),
        ("x -z", "No such option '-z'."),
        ("x --count", "Option '--count' requires an argument."),
        ("x --dry-run=3", "Option '--dry-run' does not take a value, but has '3'."),
    ] {
        let result = run(&format!("user create {words}"));
        assert_eq!((result.exit_code(), result.output()), (2, ""), "{words}: {result}");
        assert_eq!(result.stderr(), format!("{USAGE}Error: {told}\n"), "{words}");
    }
    for (words, told) in [
        ("user creat", "Error: No such command 'creat'. Did you mean 'create'?\n"),
        ("usr", "Error: No such command 'usr'. Did you mean 'user'?\n"),
        ("zzz", "Error: No such command 'zzz'. The commands are run, routes, check, config, completion, user.\n"),
        ("user remove 1 2", "Error: Got unexpected extra argument (2)\n"),
        ("user remove 1 2 3", "Error: Got unexpected extra arguments (2 3)\n"),
        (
            "routes --sort color",
            "Error: Invalid value for '--sort' / '-s': 'color' is not one of 'endpoint', 'methods', 'domain', 'rule', 'match'.\n",
        ),
    ] {
        let result = run(words);
        assert_eq!(result.exit_code(), 2, "{words}: {result}");
        assert!(result.stderr().ends_with(told), "{words}: {result}");
    }
}

#[test]
fn help_is_laid_out_as_in_flask() {
    let page = "Usage: prog user create [OPTIONS] NAME [REST]...\n\n  Creates a user.\n\n  \
                And a longer text that explains it, which is wider than a line of the page and\n  so has to be continued.\n\n\
                Options:\n  -c, --count INTEGER RANGE  How many.  [default: 2; 1<=x<=5]\n  \
                --level [low|high]         How far.  [env var: LEVEL; required]\n  \
                -t, --tag INTEGER\n  -v, --verbose\n  --sure / --no-sure\n  \
                --color / --no-color       [default: color]\n  --ratio FLOAT\n  --file PATH\n  --dry-run\n  \
                -h, --help                 Show this message and exit.\n";
    for words in ["user create --help", "user create x --level no -h", "user create --level low --help --nonsense"] {
        let result = run(words);
        assert_eq!((result.exit_code(), result.output()), (0, page), "{words}: {result}");
    }
    let group = "Usage: prog user [OPTIONS] COMMAND [ARGS]...\n\n  Who may log in.\n\nOptions:\n  \
                 -h, --help  Show this message and exit.\n\nCommands:\n  create  Creates a user.\n";
    assert_eq!(run("user --help").output(), group);
    let incomplete = run("user");
    assert_eq!((incomplete.exit_code(), incomplete.output(), incomplete.stderr()), (2, "", group));
    let program = run("--help");
    assert!(program.output().starts_with("Usage: prog [OPTIONS] COMMAND [ARGS]...\n"), "{program}");
    for listed in ["\n  run         Serve the application.", "\n  user        Who may log in.", "--debug / --no-debug"]
    {
        assert!(program.output().contains(listed), "{listed:?}: {program}");
    }
}

#[test]
fn values_come_from_the_line_then_the_environment_then_the_default() {
    let create = |words: &[&str], variables: &[(&str, &str)]| {
        let words = ["user", "create", "x"].iter().chain(words).copied();
        let invocation = runner().invoke(words);
        variables.iter().fold(invocation, |invocation, (name, value)| invocation.env(*name, *value)).run_blocking()
    };
    let found = create(&[], &[("LEVEL", "high"), ("FLASK_USER_CREATE_COUNT", "4"), ("FLASK_USER_CREATE_TAG", "1 2")]);
    assert!(found.output().starts_with("blog: x [] 4 high [1, 2]"), "{found}");
    let typed = create(&["--level", "low"], &[("LEVEL", "high"), ("FLASK_USER_CREATE_DRY_RUN", "yes")]);
    assert!(typed.output().contains(" low ") && typed.output().ends_with(" true\n"), "{typed}");
    let wrong = create(&[], &[("LEVEL", "none")]);
    assert!(wrong.stderr().contains("'--level' (env var: 'LEVEL'): 'none' is not one of"), "{wrong}");
    let empty = create(&[], &[("LEVEL", "")]);
    assert!(empty.stderr().contains("Missing option '--level'"), "{empty}");
}

/// Adds a user by asking.
#[command]
fn ask(
    #[option(prompt, default = "ada")] name: String,
    #[option(prompt = "Number")] number: u32,
    #[option(password)] password: String,
    console: Console,
) -> Result<String> {
    console.confirm_or_abort("Sure?")?;
    Ok(format!("{name} {number} {password}"))
}

#[test]
fn what_is_missing_is_asked_for() {
    let runner = app().command(ask).test_cli_runner();
    let answered = runner.invoke(["ask"]).input("\nx\n4\np\nq\np\np\nmaybe\ny\n").run_blocking();
    assert_eq!(
        answered.output(),
        "Name [ada]: \nNumber: x\nError: 'x' is not a valid integer.\nNumber: 4\nPassword: \nRepeat for confirmation: \n\
         Error: The two entered values do not match.\nPassword: \nRepeat for confirmation: \n\
         Sure? [y/N]: maybe\nError: invalid input\nSure? [y/N]: y\nada 4 p\n"
    );
    let typed = ["ask", "--name=grace", "--number=1", "--password=p"];
    let refused = runner.invoke(typed).input("\n").run_blocking();
    assert_eq!((refused.exit_code(), refused.stderr()), (1, "Aborted!\n"), "{refused}");
    let ended = runner.invoke(typed).run_blocking();
    assert_eq!((ended.exit_code(), ended.stderr()), (1, "Aborted!\n"), "the input has ended: {ended}");
}

#[test]
fn a_command_says_its_exit_code() {
    assert_eq!(run("user remove 3").output(), "3 is gone\n");
    let failed = run("user remove 0");
    assert_eq!((failed.exit_code(), failed.stderr()), (7, "Error: nobody has it\n"));
    assert!(failed.error().is_some_and(|error| error.find::<Exit>().is_some()));
    let with = |f: fn() -> Result<&'static str>| app().command(Command::new("it").runs(f)).test_cli_runner();
    let it = |f| with(f).invoke(["it"]).run_blocking();
    let failed = it(|| Err(Error::msg("the disk is full")));
    assert_eq!((failed.exit_code(), failed.stderr()), (1, "Error: the disk is full\n"));
    let silent = it(|| Err(Exit::new(3).into()));
    assert_eq!((silent.exit_code(), silent.stderr()), (3, ""));
    let early = it(|| Err(Exit::new(0).into()));
    assert_eq!((early.exit_code(), early.stderr()), (0, ""));
    let misused = it(|| Err(Exit::usage("one of them is needed").into()));
    assert_eq!(misused.exit_code(), 2);
    let told = "Usage: prog it [OPTIONS]\nTry 'prog it --help' for help.\n\nError: one of them is needed\n";
    assert_eq!(misused.stderr(), told);
    let panicked = it(|| panic!("in pieces"));
    assert_eq!(panicked.exit_code(), 1);
    assert!(panicked.stderr().ends_with(": in pieces\n"), "{panicked}");
}

#[test]
fn what_it_returns_is_printed() {
    let page = Template::from_string("<p>{{ url_for('index') }} {{ name }}</p>").with("name", &"<Ada>");
    let app = App::new("prog", ".")
        .config("SERVER_NAME", "example.org")
        .add_url_rule(Rule::new("/").endpoint("index"), async || "")
        .command(Command::new("template").runs(move || page.clone()))
        .command(Command::new("json").runs(async || Json(["a", "b"])))
        .command(Command::new("nothing").runs(async || ()))
        .command(Command::new("lines").runs(|| "one\ntwo\n"))
        .command(Command::new("styled").runs(|console: Console| {
            console.echo(style("done").fg(Color::Green).bold());
            console.echo_error("a warning");
            for _ in console.progress("Working", 2).over([1, 2]) {}
        }));
    let runner = app.test_cli_runner();
    for (command, printed) in [
        ("template", "<p>http://example.org/ &lt;Ada&gt;</p>\n"),
        ("json", "[\"a\",\"b\"]\n"),
        ("nothing", ""),
        ("lines", "one\ntwo\n"),
        ("styled", "done\nWorking\n"),
    ] {
        let result = runner.invoke([command]).run_blocking();
        assert_eq!((result.exit_code(), result.output()), (0, printed), "{command}: {result}");
    }
    assert_eq!(runner.invoke(["styled"]).run_blocking().stderr(), "a warning\n");
}

#[hipflask::test]
async fn groups_nest_and_blueprints_have_theirs() {
    let say = |what: &'static str| Command::new("say").runs(move |app: Frozen| format!("{} {what}", app.name()));
    let inner = Blueprint::new("inner").command(say("inner"));
    let app = App::new("prog", ".")
        .register_blueprint(Blueprint::new("blog").command(say("blog")).register_blueprint(inner))
        .register_blueprint(Blueprint::new("users").command(say("users")).cli_group("accounts"))
        .register_blueprint(Blueprint::new("top").command(Command::new("top").runs(|| "top")).cli_group(None))
        .command(Command::new("deep").command(Command::new("deeper").command(say("deepest"))))
        .command(Command::new("accounts").about("Accounts.").command(Command::new("count").runs(|| "3")))
        .mount("/shop", App::new("shop", ".").command(say("shop")))
        .freeze()
        .expect("nothing is wrong with it");
    for (line, said) in [
        ("blog say", "prog blog"),
        ("blog.inner say", "prog inner"),
        ("accounts say", "prog users"),
        ("accounts count", "3"),
        ("top", "top"),
        ("deep deeper say", "prog deepest"),
        ("shop say", "shop shop"),
    ] {
        let result = app.test_cli_runner().invoke(line.split(' ')).run().await;
        assert_eq!(result.output().trim_end(), said, "{line}: {result}");
    }
}

#[test]
fn a_group_has_options_and_may_run_something_itself() {
    let list = |args: CliArgs| format!("all of {:?}", args.find::<String>("of").expect("it is text"));
    let show =
        |args: CliArgs| -> Result<String> { Ok(format!("{} of {}", args.get::<u8>("id")?, args.get::<String>("of")?)) };
    let group = Command::new("items")
        .param(Param::option("of").default("the shop"))
        .runs(list)
        .command(Command::new("show").param(Param::argument("id").of::<u8>()).runs(show));
    let runner = App::new("prog", ".").command(group).test_cli_runner();
    let run = |line: &str| runner.invoke(line.split(' ')).run_blocking();
    assert_eq!(run("items").output(), "all of Some(\"the shop\")\n");
    assert_eq!(run("items --of here show 3").output(), "3 of here\n");
    assert!(run("items show --of here 3").stderr().contains("No such option '--of'"));
    assert!(run("items --help").output().starts_with("Usage: prog items [OPTIONS] [COMMAND] [ARGS]..."));
}

#[test]
fn what_cannot_be_a_command_is_told_at_the_start() {
    let line = |command: Command| App::new("prog", ".").command(command).freeze().map(|_| ());
    let runs = || Command::new("it").runs(|| "");
    let option = || Param::option("size").of::<u8>();
    for (command, told) in [
        (Command::new("it"), "it does nothing"),
        (Command::new("init db").runs(|| ""), "a command's name is one word"),
        (Command::new("run").runs(|| ""), "every application has a command of this name"),
        (runs().param(option()).param(option()), "the name `size` is taken already"),
        (runs().param(option().short('s')).param(Param::option("sum").short('s')), "the name `-s` is taken already"),
        (runs().param(Param::option("help")), "the name `help` is taken already"),
        (
            runs().param(option().default(300)),
            "the default of `size` is not one of its values: '300' is not a valid integer",
        ),
        (runs().param(option().range(1..4u8).default(9)), "9 is not in the range 1<=x<4"),
        (runs().param(option().default(1).default(2)), "several defaults"),
        (runs().param(Param::argument("a").flag()), "the argument `a` is given by its place"),
        (runs().param(Param::argument("a").optional()).param(Param::argument("b")), "the argument `b` comes after `a`"),
        (runs().param(Param::argument("a").many()).param(Param::argument("b")), "the argument `b` comes after `a`"),
        (runs().param(Param::argument("a").optional()).command(Command::new("x").runs(|| "")), "make it an option"),
        (Command::new("group").command(Command::new("it")), "it does nothing"),
        (Command::new("session").runs(async |_: Session| ()), "SECRET_KEY"),
    ] {
        let app = App::new("prog", ".").config("DEBUG", false).command(command.clone());
        let errors = app.freeze().expect_err(told).to_string();
        assert!(errors.contains(told) && errors.contains("the command `"), "{command:?}: {errors}");
    }
    assert!(line(runs().param(Param::argument("a")).param(Param::argument("b").optional().many())).is_ok());
    let twice = App::new("prog", ".").command(runs()).command(Command::new("it").runs(|| ""));
    assert!(twice.freeze().expect_err("two commands").to_string().contains("there are two commands `it`"));
}

#[test]
fn the_commands_of_every_application_run_in_tests_too() {
    assert!(run("check").output().starts_with("prog: "), "{}", run("check"));
    assert!(run("config SITE").output().contains("\"blog\""));
    assert!(run("completion bash --name prog").output().contains("complete -o nosort -F _prog_completion prog"));
    assert_eq!(run("completion tcsh").exit_code(), 2);
    let served = run("run");
    assert_eq!((served.exit_code(), served.stderr()), (1, "Error: to serve an application takes its binary\n"));
}
