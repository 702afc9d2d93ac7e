//! Help, completions, and command lines that are wrong.

use crate::{run, stderr};

#[test]
fn help_has_examples_and_exit_codes() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    for part in [
        "demo",
        "host",
        "check",
        "grants",
        "logout",
        "completions",
        "Exit codes:",
        "NO_COLOR",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let help = String::from_utf8(run(&["demo", "--help"]).stdout).unwrap();
    for part in [
        "Examples:",
        "--ttl",
        "--listen",
        "--widget",
        "--json",
        "--no-open",
        "[default: 60s]",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    assert_eq!(run(&["demo", "--help"]).status.code(), Some(0));
}

#[test]
fn completions_are_made_for_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .contains("widget-turn"),
            "{shell}"
        );
    }
}

#[test]
fn a_wrong_command_line_says_what_was_expected() {
    for (arguments, expected) in [
        (
            &["demo", "--ttl", "0"][..],
            "expected a time from 1s to 24h",
        ),
        (
            &["demo", "--ttl", "forever"],
            "expected a time from 1s to 24h",
        ),
        (
            &["demo", "--widget", "file:///etc/passwd"],
            "expected the URL of a page",
        ),
        (
            &["demo", "--turn-uri", "http://x"],
            "expected a URI that begins with turn:",
        ),
        (
            &["demo", "--turn-uri", "turn:127.0.0.1"],
            "--turn-secret-file",
        ),
        (&["demo", "--listen", "localhost"], "invalid socket address"),
        (&["dance"], "unrecognized subcommand"),
        (&[], "Usage:"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(expected),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}
