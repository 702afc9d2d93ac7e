//! What `check` says of itself, and how it exits.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use crate::{Folder, run, stderr, widget_turn};

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
            &[
                "turn:127.0.0.1",
                "--username",
                "u",
                "--password-file",
                secret,
                "--ttl",
                "1m",
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

/// A check of a port that nobody listens on, which takes no time.
fn quick_check(folder: &Folder) -> Vec<String> {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let secret = folder.file("secret", "s3cret");
    let uri = format!("turn:{closed}?transport=tcp");
    ["check", &uri, "--secret-file", &secret]
        .map(str::to_owned)
        .into()
}

#[test]
fn a_watch_that_nobody_reads_any_more_ends_as_other_commands_do() {
    let folder = Folder::new("unread");
    for extra in [&["--json"][..], &[]] {
        let mut child = widget_turn(&[])
            .args(quick_check(&folder))
            .args(["--watch", "1s"])
            .args(extra)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(!line.is_empty());
        // `wait_with_output` would hang on a command that goes on for ever.
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{}", stderr(&output));
        assert_eq!(stderr(&output), "", "quietly");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_told() {
    let folder = Folder::new("full");
    let output = widget_turn(&[])
        .args(quick_check(&folder))
        .stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write to standard output"));
}

#[test]
fn metrics_that_cannot_be_written_are_told_by_the_exit_code() {
    let folder = Folder::new("metrics");
    let metrics = folder.0.join("metrics");
    fs::create_dir(&metrics).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("turn:{}?transport=tcp", server.local_addr().unwrap());
    let file = metrics.join("turn.prom");
    let secret = folder.file("secret", "s3cret");
    let child = widget_turn(&[
        "check",
        &uri,
        "--secret-file",
        &secret,
        "--prometheus-textfile",
    ])
    .arg(&file)
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // It was there when the check began.
    let (connection, _) = server.accept().unwrap();
    fs::remove_dir(&metrics).unwrap();
    drop((connection, server));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("turn.prom"), "{}", stderr(&output));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("Grade: fail")
    );
}
