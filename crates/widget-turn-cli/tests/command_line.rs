//! The command as a shell sees it: what it prints, and how it exits.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("widget-turn-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn widget_turn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_widget-turn"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    widget_turn(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What the demo says when it cannot start.
fn refused(arguments: &[&str]) -> String {
    let folder = Folder::new(&arguments.join("").replace(['/', ':'], ""));
    let grants = folder.0.join("grants.json");
    let mut all = vec!["demo", "--no-open"];
    if !arguments.contains(&"--grants") {
        all.extend(["--grants", grants.to_str().unwrap()]);
    }
    all.extend(arguments);
    let output = run(&all);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "nothing listens");
    stderr(&output)
}

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

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = refused(&["--listen", &address.to_string()]);
    let port = format!("port {} of 127.0.0.1 is in use", address.port());
    assert!(
        said.contains(&port) && said.contains("--listen 127.0.0.1:0"),
        "{said}"
    );
}

#[test]
fn only_loopback_is_listened_on() {
    let said = refused(&["--listen", "0.0.0.0:0"]);
    assert!(
        said.contains("0.0.0.0:0") && said.contains("loopback"),
        "{said}"
    );
}

#[test]
fn a_widget_that_no_policy_can_frame_is_told_before_anything_starts() {
    for url in ["http://a;b/", "http://[::1]:8080/"] {
        let said = refused(&["--listen", "127.0.0.1:0", "--widget", url]);
        assert!(
            said.contains(url) && said.contains("plain host name"),
            "{said}"
        );
    }
}

#[test]
fn an_unusable_grants_file_is_told_before_anything_starts() {
    let folder = Folder::new("grants");
    let broken = folder.file("broken.json", "{");
    let said = refused(&["--grants", &broken]);
    assert!(said.contains("broken.json"), "{said}");
    assert_eq!(
        fs::read_to_string(&broken).unwrap(),
        "{",
        "what is there stays"
    );

    let in_a_file = format!("{broken}/grants.json");
    let said = refused(&["--grants", &in_a_file]);
    assert!(said.contains("grants.json"), "{said}");
}

#[test]
fn what_was_granted_is_listed_in_words_and_taken_back() {
    let folder = Folder::new("granted");
    let grant = |origin: &str, capability: &str| {
        format!(
            r#"{{"origin":"{origin}","account":"@alice:example.org","room":"!r:example.org","capability":"{capability}"}}"#
        )
    };
    let list = [
        grant("https://a.example", "m.turn_servers"),
        grant("https://b.example", "org.example.\\u202eodd"),
        grant(
            "https://a.example",
            "org.matrix.msc2762.send.event:m.reaction",
        ),
    ];
    let text = format!(r#"{{"version":1,"grants":[{}]}}"#, list.join(","));
    let path = folder.file("grants.json", &text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let said = |arguments: &[&str]| {
        let output = run(&[&["grants", "--grants", &path], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        said(&[]),
        r"https://a.example  for @alice:example.org in !r:example.org
    use your homeserver’s relay servers (TURN) for its calls  (m.turn_servers)
    send reactions as you  (org.matrix.msc2762.send.event:m.reaction)
https://b.example  for @alice:example.org in !r:example.org
    org.example.\u{202e}odd
"
    );
    assert!(said(&["--revoke", "https://a.example"]).contains("ask again"));
    let left = said(&[]);
    assert!(
        !left.contains("a.example") && left.contains("b.example"),
        "{left}"
    );
}

#[test]
fn a_secret_file_that_is_missing_or_empty_is_told() {
    let folder = Folder::new("secret");
    let said = refused(&[
        "--turn-secret-file",
        folder.0.join("none").to_str().unwrap(),
    ]);
    assert!(said.contains("cannot read the TURN secret"), "{said}");
    let said = refused(&["--turn-secret-file", &folder.file("empty", "\n")]);
    assert!(said.contains("static-auth-secret"), "{said}");
}

#[test]
fn an_origin_that_is_none_is_told() {
    let said = refused(&["--trust-origin", "widget.example"]);
    assert!(said.contains("trusted origin 1 is not a URL"), "{said}");
}

#[test]
fn listening_is_the_first_line_of_json_and_no_secret_is_in_it() {
    let folder = Folder::new("json");
    let grants = folder.0.join("grants.json");
    let arguments = [
        "demo",
        "--no-open",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--grants",
        grants.to_str().unwrap(),
    ];
    let secret = folder.file("secret", "canary-secret");
    let mut child = widget_turn(&arguments)
        .args(["--turn-secret-file", &secret])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("WIDGET_TURN_LOG", "trace")
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["event"], "listening");
    assert!(
        event["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert!(!line.contains("canary") && !stderr(&output).contains("canary"));
}

#[test]
fn grants_lists_nothing_and_revokes_nothing_where_there_is_nothing() {
    let folder = Folder::new("list");
    let grants = folder.0.join("grants.json").to_str().unwrap().to_owned();
    let output = run(&["grants", "--grants", &grants]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Nothing is granted for always.\n"
    );
    assert_eq!(
        run(&["grants", "--grants", &grants, "--json"]).stdout,
        b"[]\n"
    );
    let output = run(&[
        "grants",
        "--grants",
        &grants,
        "--revoke",
        "https://widget.example",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nothing is granted to https://widget.example"));
}

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
        let mut child = Command::new(env!("CARGO_BIN_EXE_widget-turn"))
            .args(quick_check(&folder))
            .args(["--watch", "1s"])
            .args(extra)
            .stdin(Stdio::null())
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
    let output = Command::new(env!("CARGO_BIN_EXE_widget-turn"))
        .args(quick_check(&folder))
        .stdin(Stdio::null())
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
