//! Where the configuration comes from, and what it says in the end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use hipflask::prelude::*;
use hipflask::{Config, Rule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn config_of(app: App) -> Config {
    app.freeze().expect("nothing is wrong with it").config().clone()
}

fn value(config: &Config, key: &str) -> Value {
    config.find::<Value>(key).expect("a value").unwrap_or_default()
}

#[test]
fn the_defaults_are_flasks_or_stricter() {
    let config = config_of(App::new("test", ".").config("DEBUG", false));
    for (key, default) in [
        ("APPLICATION_ROOT", json!("/")),
        ("EXPLAIN_TEMPLATE_LOADING", json!(false)),
        ("MAX_COOKIE_SIZE", json!(4093)),
        ("MAX_FORM_MEMORY_SIZE", json!(500_000)),
        ("MAX_FORM_PARTS", json!(1000)),
        ("PERMANENT_SESSION_LIFETIME", json!(2_678_400)),
        ("PREFERRED_URL_SCHEME", json!("http")),
        ("PROVIDE_AUTOMATIC_OPTIONS", json!(true)),
        ("SECRET_KEY", Value::Null),
        ("SEND_FILE_MAX_AGE_DEFAULT", Value::Null),
        ("SERVER_NAME", Value::Null),
        ("SESSION_COOKIE_HTTPONLY", json!(true)),
        ("SESSION_COOKIE_NAME", json!("session")),
        ("SESSION_REFRESH_EACH_REQUEST", json!(true)),
        ("TESTING", json!(false)),
        ("TRUSTED_HOSTS", Value::Null),
        // Flask has none of these two.
        ("MAX_CONTENT_LENGTH", json!(2_097_152)),
        ("SESSION_COOKIE_SAMESITE", json!("Lax")),
    ] {
        assert_eq!(value(&config, key), default, "{key}");
    }
}

#[test]
fn what_is_said_last_counts() {
    let app = || App::new("test", ".").config_default("GREETING", "default");
    assert_eq!(value(&config_of(app()), "GREETING"), "default");
    assert_eq!(value(&config_of(app().config("GREETING", "set")), "GREETING"), "set");
    assert_eq!(
        value(&config_of(App::new("test", ".").config("GREETING", "set").config_default("GREETING", "x")), "GREETING"),
        "set"
    );
    assert_eq!(
        value(&config_of(app().config_default("GREETING", "later")), "GREETING"),
        "default",
        "the first default is kept"
    );
    assert_eq!(value(&config_of(app().config("GREETING", 1).config("GREETING", [2])), "GREETING"), json!([2]));
    assert_eq!(value(&config_of(app().config("GREETING", None::<u8>)), "GREETING"), Value::Null, "null is a value");
    let mapping = json!({"GREETING": "mapped", "lower": 1, "Mixed": 1, "_HIDDEN": 1, "A1": {"b": 2}, "": 3});
    let config = config_of(app().config("GREETING", "set").config_from_mapping(mapping));
    assert_eq!((value(&config, "GREETING"), value(&config, "A1")), (json!("mapped"), json!({"b": 2})));
    assert!(config.keys().all(|key| !["lower", "Mixed", "_HIDDEN", ""].contains(&key)));
}

#[test]
fn values_are_read_by_their_type() {
    let app = App::new("test", ".")
        .config("PORT", 8080)
        .config("NAMES", ["a", "b"])
        .config("RATIO", 0.5)
        .config("NONE", None::<u8>);
    let config = config_of(app.config("STORE_PATH", "p").config("STORE_URL", "u").config("STOREX", "no"));
    assert_eq!(config.get::<u16>("PORT").expect("a number"), 8080);
    assert_eq!(config.get::<Vec<String>>("NAMES").expect("a list"), ["a", "b"]);
    assert_eq!(config.get::<Option<u8>>("NONE").expect("null is not a number"), None);
    for error in [
        config.get::<u8>("PORT").err(),
        config.get::<u16>("NOTHING").err(),
        config.get::<u8>("NONE").err(),
        config.get::<bool>("RATIO").err(),
    ] {
        let error = error.expect("it is none");
        assert!(error.to_string().starts_with("the configuration key `"), "{error}");
        assert_eq!(error.status(), 500);
        assert!(error.location().file().ends_with("config.rs") && error.location().line() > 60, "the line that asked");
    }
    assert_eq!(config.find::<u8>("NOTHING").expect("absent is fine"), None);
    assert!(config.find::<u8>("PORT").is_err(), "8080 is none");
    let store = config.namespace::<BTreeMap<String, String>>("STORE_").expect("text");
    assert_eq!(store.into_iter().collect::<Vec<_>>(), [("path".into(), "p".into()), ("url".into(), "u".into())]);
}

#[hipflask::test]
async fn views_have_it_and_logs_have_not() {
    async fn view(config: Config) -> Result<String> {
        Ok(format!("{} {config:?}", config.get::<String>("API_KEY")?))
    }
    let app = App::new("test", ".").config("API_KEY", "hunter2").add_url_rule(Rule::new("/"), view);
    let text = app.test_client().get("/").send().await.text();
    assert!(text.starts_with("hunter2 {") && text.matches("hunter2").count() == 1, "{text}");
    let wrong = config_of(App::new("test", ".").config("MAIL_PASSWORD", 12_345_678));
    let error = wrong.get::<String>("MAIL_PASSWORD").expect_err("a number is no text");
    assert!(!format!("{error} {error:?}").contains("12345678"), "{error}");
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_read_relative_to_the_application() {
    let folder = Folder(std::env::temp_dir().join(format!("hipflask-config-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder for the test");
    let write = |name: &str, text: &str| std::fs::write(folder.0.join(name), text).expect("a file for the test");
    write("good.json", r#"{"GREETING": "from a file", "lower": 1, "LIST": [1, {"a": null}]}"#);
    write("broken.json", r#"{"GREETING": "#);
    write("list.json", "[1]");
    let load = |text: &str| serde_json::from_str::<Value>(text);
    let app = |name: &str| App::new("test", &folder.0).config("GREETING", "set").config_from_file(name, load);
    let config = config_of(app("good.json"));
    assert_eq!((value(&config, "GREETING"), value(&config, "LIST")), (json!("from a file"), json!([1, {"a": null}])));
    for (name, told) in [
        ("missing.json", "missing.json: "),
        ("broken.json", "broken.json cannot be read: EOF"),
        ("list.json", "it is not a table of keys and values"),
        ("../nowhere/x.json", "unable to load"),
    ] {
        let errors = app(name).freeze().expect_err("it is wrong");
        assert!(errors.to_string().contains(told), "{name}: {errors}");
        assert!(errors.iter().all(|error| error.location().is_some_and(|at| at.file().ends_with("config.rs"))));
    }
    let absolute = folder.0.join("good.json");
    let own_format =
        |text: &str| text.split(',').next().map(|_| json!({"GREETING": text.len()})).ok_or("nothing in it");
    assert!(value(&config_of(App::new("test", ".").config_from_file(&absolute, own_format)), "GREETING").is_u64());
}

#[test]
fn a_struct_is_written_to_the_configuration_and_read_from_it() {
    #[derive(Serialize)]
    struct Settings {
        mail_server: &'static str,
        mail_port: u16,
        max_form_parts: u32,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Mail {
        server: String,
        port: u16,
        user: Option<String>,
    }
    let settings = || Settings { mail_server: "a", mail_port: 25, max_form_parts: 7 };
    let config = config_of(App::new("test", ".").config_from_object(settings()));
    assert_eq!(value(&config, "MAX_FORM_PARTS"), 7);
    assert_eq!(config.namespace::<Mail>("MAIL_").expect("mail"), Mail { server: "a".into(), port: 25, user: None });
    let errors = App::new("test", ".").config_from_object("text").freeze().expect_err("it has no fields");
    assert!(errors.to_string().contains("it is not a table of keys and values"), "{errors}");

    let told = |key: &str, value: Value| {
        let config = config_of(App::new("test", ".").config_from_object(settings()).config(key, value));
        config.namespace::<Mail>("MAIL_").expect_err("something is wrong").to_string()
    };
    let here = file!();
    let port = told("MAIL_PORT", json!("smtp"));
    assert!(port.starts_with(&format!("the configuration key `MAIL_PORT` ({here}:")), "{port}");
    assert!(port.ends_with(") is \"smtp\": invalid type: string \"smtp\", expected u16"), "{port}");
    assert!(told("MAIL_USER", json!(1)).contains("`MAIL_USER`"));
    let config = config_of(App::new("test", ".").config("MAIL_SERVER", "a"));
    let missing = config.namespace::<Mail>("MAIL_").expect_err("there is no port").to_string();
    assert!(missing.starts_with("the configuration key `MAIL_PORT` is not set; "), "{missing}");
    assert!(config.namespace::<Mail>("NOTHING_").is_err());
}

#[test]
fn a_secret_is_read_from_the_file_that_is_named() {
    let folder = Folder(std::env::temp_dir().join(format!("hipflask-secrets-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).expect("a folder for the test");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.0.join(name), text).expect("a file for the test");
        folder.0.join(name)
    };
    for (text, secret) in [("s3cret", "s3cret"), ("0123\n", "0123"), (" a \r\n", " a "), ("a\n\n", "a\n")] {
        let app = App::new("test", ".").config("MAIL_PASSWORD", "x").config("MAIL_PASSWORD_FILE", file("one", text));
        let config = config_of(app);
        assert_eq!(value(&config, "MAIL_PASSWORD"), secret, "{text:?}");
        assert!(config.keys().all(|key| key != "MAIL_PASSWORD_FILE"));
    }
    let config = config_of(App::new("test", ".").config("SECRET_KEY_FALLBACKS_FILE", file("old", "a\nb\n")));
    assert_eq!(value(&config, "SECRET_KEY_FALLBACKS"), json!(["a", "b"]));
    let declared = App::new("test", ".").config_default("TOKEN_FILE", "x").config("TOKEN_FILE", "y");
    assert_eq!(value(&config_of(declared), "TOKEN_FILE"), "y", "a key of its own");
    for (path, told) in [
        (json!(folder.0.join("gone")), "cannot be read: "),
        (json!(file("empty", "\n")), "is empty; write the secret into it"),
        (json!(1), " is 1; give the path of the file"),
    ] {
        let errors = App::new("test", ".").config("API_KEY_FILE", path).freeze().expect_err("it is wrong");
        let error = errors.iter().next().expect("one");
        assert!(error.message().contains("`API_KEY_FILE`") && error.message().contains(told), "{error}");
        assert!(error.location().is_some_and(|at| at.file().ends_with("config.rs")), "{error}");
    }
}

/// Runs this test again with these variables; the inner run prints the configuration.
fn in_environment(variables: &[(&str, OsString)]) -> Value {
    let itself = std::env::current_exe().expect("a test has a path");
    let mut again = Command::new(itself);
    again.args(["--exact", "config::the_environment_is_json_or_text", "--nocapture"]).env("CONFIG_TEST_INNER", "1");
    let output =
        again.envs(variables.iter().map(|(name, value)| (name, value))).output().expect("the test can run again");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = told.lines().find_map(|line| line.split_once("configuration: ")).expect(&told).1.to_owned();
    serde_json::from_str(&line).expect("it is JSON")
}

/// As Flask 3.1.3's `from_prefixed_env` reads it, except names in small letters, which are not keys here.
#[test]
fn the_environment_is_json_or_text() {
    if std::env::var_os("CONFIG_TEST_INNER").is_some() {
        let app = App::new("test", ".")
            .config("GREETING", "set")
            .config("STAYS", "set")
            .config("TABLE", json!({"a": 1, "b": 2}));
        let config = config_of(app.config_from_prefixed_env("HPF"));
        let keys = config.keys().filter(|key| !["SECRET_KEY"].contains(key));
        let all: serde_json::Map<String, Value> = keys.map(|key| (key.to_owned(), value(&config, key))).collect();
        let mut out = std::io::stdout().lock();
        return std::io::Write::write_all(&mut out, format!("configuration: {}\n", Value::from(all)).as_bytes())
            .expect("told");
    }
    let variables: Vec<(&str, OsString)> = [
        ("HPF_GREETING", "hello"),
        ("HPF_NUMBER", "42"),
        ("HPF_FLOAT", "1.5"),
        ("HPF_TRUE", "true"),
        ("HPF_PYTHON", "True"),
        ("HPF_NULL", "null"),
        ("HPF_LIST", "[1, \"a\"]"),
        ("HPF_QUOTED", "\"42\""),
        ("HPF_EMPTY", ""),
        ("HPF_SPACES", " a "),
        ("HPF_BROKEN", "{\"a\": "),
        ("HPF_ZEROS", "007"),
        ("HPF_TABLE__b", "3"),
        ("HPF_TABLE__c__d", "4"),
        ("HPF_NEW__x__y", "z"),
        ("HPF_STAYS_NOT", "other"),
        ("HPF_lower", "1"),
        ("HPF_", "1"),
        ("HPF", "1"),
        ("XHPF_OTHER", "1"),
    ]
    .map(|(name, value)| (name, OsString::from(value)))
    .into();
    let config = in_environment(&variables);
    for (key, expected) in [
        ("GREETING", json!("hello")),
        ("NUMBER", json!(42)),
        ("FLOAT", json!(1.5)),
        ("TRUE", json!(true)),
        ("PYTHON", json!("True")),
        ("NULL", Value::Null),
        ("LIST", json!([1, "a"])),
        ("QUOTED", json!("42")),
        ("EMPTY", json!("")),
        ("SPACES", json!(" a ")),
        ("BROKEN", json!("{\"a\": ")),
        ("ZEROS", json!("007")),
        ("TABLE", json!({"a": 1, "b": 3, "c": {"d": 4}})),
        ("NEW", json!({"x": {"y": "z"}})),
        ("STAYS", json!("set")),
    ] {
        assert_eq!(config[key], expected, "{key}");
    }
    for key in ["lower", "", "OTHER"] {
        assert!(config.get(key).is_none(), "{key}");
    }
    // A foreign variable, in whatever encoding, is no reason to stop.
    #[cfg(unix)]
    {
        let foreign: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9".to_vec());
        let config =
            in_environment(&[("LAST_COFFEE", foreign.clone()), ("HPF_COFFEE", foreign), ("HPF_GREETING", "hi".into())]);
        assert_eq!(config["GREETING"], "hi");
    }
}

#[test]
fn a_misspelt_key_is_told_and_an_own_one_is_not() {
    let told = |key: &str| {
        let app = App::new("test", ".").config_default("STORE_URL", "x").config(key, "x");
        app.freeze().map_or_else(|errors| errors.to_string(), |_| "fine".to_owned())
    };
    for (key, known) in [
        ("SECRET_KEYS", "SECRET_KEY"),
        ("SESSION_COKIE_NAME", "SESSION_COOKIE_NAME"),
        ("MAX_CONTENT_LENGHT", "MAX_CONTENT_LENGTH"),
        ("STORE_ULR", "STORE_URL"),
    ] {
        assert!(told(key).contains(&format!("`{key}`; did you mean `{known}`")), "{key}: {}", told(key));
    }
    for own in ["STORE_PATH", "MAIL_SERVER", "A", "X_KEY", "SQLALCHEMY_DATABASE_URI", "SECRET"] {
        assert_eq!(told(own), "fine", "{own}");
    }
}

#[test]
fn a_relative_instance_path_is_refused() {
    let told = |path: &str| {
        App::new("test", ".").config("INSTANCE_PATH", path).freeze().err().map(|errors| errors.to_string())
    };
    let relative = told("instance").expect("it depends on where the program is started");
    assert!(
        relative.contains("`INSTANCE_PATH` is `instance`") && relative.contains("give an absolute path"),
        "{relative}"
    );
    assert_eq!(told(env!("CARGO_MANIFEST_DIR")), None);
}
