//! What `host` and `logout` say before there is an account.

use std::fs;
use std::net::TcpListener;

use crate::{Folder, run, stderr, widget_turn};

/// What `host` and `logout` say when they cannot begin, with a folder of their own and no token around.
fn no_account(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let data = folder.0.to_str().unwrap();
    let output = widget_turn(arguments)
        .args(["--data", data])
        .env_remove("WIDGET_TURN_ACCESS_TOKEN")
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "nothing listens");
    (output.status.code(), stderr(&output))
}

#[test]
fn a_host_that_cannot_begin_says_what_was_expected() {
    let folder = Folder::new("host");
    let grants = folder.0.join("grants.json");
    let (secret, empty) = (folder.file("secret", "s3cret"), folder.file("empty", "\n"));
    let host = |arguments: &[&str]| {
        let rest = [
            "host",
            "--no-open",
            "--listen",
            "127.0.0.1:0",
            "--grants",
            grants.to_str().unwrap(),
        ];
        no_account(&folder, &[&rest, arguments].concat())
    };
    for (arguments, expected) in [
        (&[][..], "say which account by `--user @name:server`"),
        (&["--user", "alice"], "expected --user @name:server"),
        (
            &["--user", "@a:b", "--password-file", "/nowhere"],
            "cannot read /nowhere",
        ),
        (
            &["--user", "@a:b", "--password-file", &empty],
            "is empty: expected a password",
        ),
        (
            &["--user", "@a:b", "--token-file", &empty],
            "is empty: expected an access token",
        ),
        (
            &["--token-file", &secret],
            "say by `--homeserver` whose token it is",
        ),
        (
            &[
                "--user",
                "@a:b",
                "--homeserver",
                "http://example.org",
                "--token-file",
                &secret,
            ],
            "http: is for loopback only",
        ),
        (
            &["--user", "@a:b", "--homeserver", "a b"],
            "a b is no homeserver",
        ),
        (
            &["--trust-origin", "widget.example"],
            "trusted origin 1 is not a URL",
        ),
    ] {
        let (code, said) = host(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains(expected) && !said.contains("s3cret"),
            "{arguments:?}: {said}"
        );
    }
    for (arguments, expected) in [
        (&["--room", "lobby"][..], "expected the id of a room"),
        (
            &["--widget", "file:///etc/passwd"],
            "expected an http: or https: URL",
        ),
        (&["--widget", "http://"], "expected the URL of a page"),
        (
            &["--widget", "javascript:alert(1)"],
            "expected an http: or https: URL",
        ),
        (
            &["--widget", "data:text/html,x"],
            "expected an http: or https: URL",
        ),
        (&["--widget", "https://$x/"], "whose host is written out"),
        (
            &["--password-file", &secret, "--token-file", &secret],
            "cannot be used with",
        ),
    ] {
        let (code, said) = host(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let (code, said) = no_account(&folder, &["logout"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no session is kept"), "{said}");
}

#[test]
fn the_help_of_host_says_what_works_and_what_does_not() {
    let help = String::from_utf8(run(&["host", "--help"]).stdout).unwrap();
    for part in [
        "WIDGET_TURN_ACCESS_TOKEN",
        "What works",
        "to-device messages",
        "does not work yet",
        "MSC3869",
        "Examples:",
        "--password-file",
        "--room",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn a_log_out_that_the_homeserver_does_not_hear_of_wipes_and_says_what_is_left() {
    let folder = Folder::new("logout");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let account = folder.0.join("accounts/%40alice%3Aexample.org");
    fs::create_dir_all(&account).unwrap();
    let session = serde_json::json!({
        "version": 1, "homeserver": url, "base_url": url, "store_key": format!("{}=", "A".repeat(43)),
        "user_id": "@alice:example.org", "device_id": "DEV\u{1b}[31m", "access_token": "canary",
    });
    fs::write(account.join("session.json"), session.to_string()).unwrap();

    let data = folder.0.to_str().unwrap();
    let output = run(&["logout", "--data", data]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(!account.exists(), "it is wiped all the same");
    let said = stderr(&output);
    for part in [
        r"may still list the device DEV\u{1b}[31m of @alice:example.org",
        "remove it with another client",
        "cannot be reached",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("canary"), "{said}");
    let help = String::from_utf8(run(&["logout", "--help"]).stdout).unwrap();
    assert!(help.contains("  3  "), "{help}");
}
