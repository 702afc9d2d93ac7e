//! What `check` says of itself, and how it exits.

use std::net::TcpListener;

use crate::{Folder, run, stderr};

/// What a check says when it cannot begin.
fn not_checked(arguments: &[&str]) -> String {
    let output = run(&[&["check"], arguments].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "nothing is reported");
    stderr(&output)
}

#[test]
fn a_check_that_cannot_begin_says_what_was_expected() {
    let folder = Folder::new("check");
    let (secret, empty) = (
        folder.file("secret", "s3cret\n"),
        folder.file("empty", " \n"),
    );
    let (secret, empty) = (secret.as_str(), empty.as_str());
    for (arguments, expected) in [
        (&["turn:127.0.0.1"][..], "--secret-file <FILE>"),
        (&["--secret-file", secret], "URI"),
        (&["--homeserver", "example.org"], "--token-file"),
        (&["--token-file", secret], "--homeserver"),
        (&["turn:127.0.0.1", "--password-file", secret], "--username"),
        (
            &[
                "turn:127.0.0.1",
                "--username",
                "u",
                "--password-file",
                secret,
                "--secret-file",
                secret,
            ],
            "cannot be used with",
        ),
        (
            &["turn:127.0.0.1", "--secret-file", secret, "--timeout", "0s"],
            "expected a time from 100ms to 1m",
        ),
        (
            &[
                "turn:127.0.0.1",
                "--secret-file",
                secret,
                "--datagrams",
                "0",
            ],
            "1..=1000",
        ),
        (
            &["turn:127.0.0.1", "--secret-file", secret, "--watch", "0s"],
            "expected a time from 1s to 24h",
        ),
        (
            &[
                "turn:127.0.0.1",
                "--secret-file",
                secret,
                "--watch",
                "10m",
                "--expect-expiry",
            ],
            "cannot be used with",
        ),
        (
            &[
                "turn:127.0.0.1",
                "--secret-file",
                secret,
                "--prometheus-textfile",
                "/nowhere/turn.prom",
            ],
            "cannot write /nowhere/turn.prom",
        ),
        (
            &["turn:127.0.0.1", "--secret-file", empty],
            "is empty: expected the text of `static-auth-secret`",
        ),
        (
            &["turn:127.0.0.1", "--secret-file", "/nowhere"],
            "cannot read /nowhere",
        ),
        (
            &[
                "turn:127.0.0.1",
                "--username",
                "",
                "--password-file",
                secret,
            ],
            "expected a user name of 1 to 513 bytes, got 0",
        ),
        (
            &["--homeserver", "http://example.org", "--token-file", secret],
            "(http: on loopback only)",
        ),
    ] {
        let said = not_checked(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_check_of_a_closed_port_ends_with_2_and_shows_no_secret() {
    let folder = Folder::new("check-closed");
    let secret = folder.file("secret", "s3cret");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let uri = format!("turn:127.0.0.1:{port}?transport=tcp");
    for format in [&[][..], &["--json"], &["--redact"]] {
        let output = run(&[&["check", &uri, "--secret-file", &secret], format].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(report.contains("the port is closed"), "{report}");
        assert!(!report.contains("s3cret"), "{report}");
        assert_eq!(
            report.contains("127.0.0.1"),
            format != ["--redact"],
            "{report}"
        );
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "",
            "no progress where no terminal is"
        );
    }
}
