//! What `host` and `logout` say before there is an account.

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
