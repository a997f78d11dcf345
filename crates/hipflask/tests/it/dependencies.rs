//! What a program of Hipflask is built from.

use std::collections::BTreeMap;
use std::process::Command;

/// The packages that `package` is built from, each with the features that are on, itself included.
fn built_from(package: &str) -> BTreeMap<String, String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--offline", "--locked", "-p", package]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"]);
    let output = tree.output().expect("cargo runs this test, so there is a cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let package = |line: &str| {
        let (package, features) = line.split_once('|').expect("the format has a bar");
        let name: Vec<&str> = package.split(' ').take(2).collect();
        (name.join(" "), features.to_owned())
    };
    lines.lines().map(package).collect()
}

fn named<'a>(packages: &'a BTreeMap<String, String>, name: &str) -> Option<&'a String> {
    packages.iter().find(|(package, _)| package.split(' ').next() == Some(name)).map(|(_, features)| features)
}

#[test]
fn the_first_program_needs_at_most_sixty_crates() {
    let packages = built_from("hello");
    assert!(named(&packages, "hipflask").is_some() && named(&packages, "hyper").is_some(), "{packages:#?}");
    let needed = packages.len() - 1;
    assert!(needed <= 60, "{needed} crates: {:#?}", packages.keys());
}

#[test]
fn the_core_brings_nothing_that_belongs_outside() {
    let packages = built_from("hipflask");
    for refused in [
        "pyo3",
        "sqlx",
        "sqlx-core",
        "libsqlite3-sys",
        "rusqlite",
        "tokio-postgres",
        "postgres",
        "mysql",
        "mysql_async",
        "diesel",
        "openssl",
        "openssl-sys",
        "native-tls",
        "reqwest",
        "chrono",
        "regex",
    ] {
        assert!(named(&packages, refused).is_none(), "the core must do without `{refused}`");
    }
    let features = named(&packages, "tokio").expect("the core stands on tokio");
    assert!(!features.split(',').any(|feature| feature == "full"), "tokio is taken whole: {features}");
}

/// No program of ours needs a TLS library of the system: what is not inside has to be installed, and kept safe.
#[test]
fn a_whole_application_needs_no_openssl_and_no_python() {
    let packages = built_from("flaskr");
    assert!(named(&packages, "sqlx").is_some(), "the database is found: {packages:#?}");
    for refused in ["openssl", "openssl-sys", "native-tls", "pyo3", "sqlx-mysql"] {
        assert!(named(&packages, refused).is_none(), "the application must do without `{refused}`");
    }
}
