//! What `demo` says when it cannot start, and first when it can.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use crate::{Folder, run, stderr, widget_turn};

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

#[cfg(unix)]
#[test]
fn a_browser_inherits_no_token() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    let folder = Folder::new("browser");
    let (seen, grants) = (folder.0.join("seen"), folder.0.join("grants.json"));
    let script = format!("#!/bin/sh\nenv > {0}.new\nmv {0}.new {0}\n", seen.display());
    let browser = folder.file("browser", &script);
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).unwrap();
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--grants"];
    let mut child = widget_turn(&arguments)
        .arg(&grants)
        .stdout(Stdio::null())
        .env("BROWSER", &browser)
        .env("WIDGET_TURN_ACCESS_TOKEN", "canary")
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !seen.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let environment = fs::read_to_string(&seen).unwrap();
    assert!(environment.contains("BROWSER="), "{environment}");
    assert!(!environment.contains("canary"), "{environment}");
}
