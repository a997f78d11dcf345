//! The command that the extension adds to the binary.

use std::process::Command;

fn features(configured: Option<&str>) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_extension"));
    command.arg("features").env_remove("FLASK_FEATURES").envs(configured.map(|value| ("FLASK_FEATURES", value)));
    let output = command.output().expect("the binary was built for this test");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn it_lists_what_the_environment_turns_on() {
    assert_eq!(features(None).0, "suggestions\n");
    assert_eq!(features(Some(r#"["dark-mode", "big-print"]"#)).0, "big-print\ndark-mode\n");
}

#[test]
fn it_says_what_is_wrong() {
    let (out, error) = features(Some("dark-mode"));
    assert!(out.is_empty() && error.contains("write a list of names"), "{error}");
}
