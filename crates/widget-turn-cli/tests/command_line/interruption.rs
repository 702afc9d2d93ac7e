//! Ctrl-C, wherever it comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Folder, widget_turn};

/// Longer than anything may take on a busy machine: only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with the test, whatever becomes of it.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = widget_turn(arguments);
        command
            .env_remove("WIDGET_TURN_ACCESS_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it goes on after Ctrl-C");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_does_not_hold_up_the_end() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe").to_str().unwrap().to_owned();
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let data = folder.0.to_str().unwrap();
    let host = ["--user", "@a:b", "--data", data, "--password-file", &pipe];
    for (arguments, signal) in [
        (
            [&["host", "--no-open", "--listen", "127.0.0.1:0"][..], &host].concat(),
            "-INT",
        ),
        (
            vec!["demo", "--no-open", "--turn-secret-file", &pipe],
            "-TERM",
        ),
    ] {
        let mut running = Running::start(&arguments);
        // Opened when the other end is.
        let (writer, opened) = channel();
        let path = pipe.clone();
        thread::spawn(move || {
            let _ = writer.send(std::fs::OpenOptions::new().write(true).open(path));
        });
        let writer = opened.recv_timeout(PATIENCE).unwrap().unwrap();
        running.signal(signal);
        assert_eq!(running.exit_code(), Some(0), "{arguments:?}");
        drop(writer);
    }
}

/// A homeserver that takes its time for a log-in: the first channel hears of it, and it answers when told by the second.
fn homeserver() -> (String, Receiver<()>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, asks) = channel();
    let (go, goes) = channel::<()>();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let _ = answer(stream, &asked, &goes);
        }
    });
    (url, asks, go)
}

fn answer(mut stream: TcpStream, asked: &Sender<()>, go: &Receiver<()>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if header.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let body = if request.starts_with("POST") {
        let _ = asked.send(());
        let _ = go.recv();
        r#"{"user_id":"@alice:example.org","access_token":"syt","device_id":"DEVICE"}"#
    } else if request.contains("/versions") {
        r#"{"versions":["v1.13"]}"#
    } else {
        r#"{"flows":[{"type":"m.login.password"}]}"#
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_log_in_that_is_under_way_is_kept() {
    let folder = Folder::new("log-in");
    let (url, asked, go) = homeserver();
    let password = folder.file("password", "secret");
    let data = folder.0.to_str().unwrap();
    let mut running = Running::start(&[
        "host",
        "--no-open",
        "--listen",
        "127.0.0.1:0",
        "--homeserver",
        &url,
        "--user",
        "@alice:example.org",
        "--password-file",
        &password,
        "--data",
        data,
    ]);
    asked.recv_timeout(PATIENCE).unwrap();
    running.interrupt();
    let said = BufReader::new(running.0.stderr.take().unwrap());
    let heard = said.lines().map_while(Result::ok);
    let told = heard
        .into_iter()
        .find(|line| line.contains("ending the log-in"));
    assert!(
        told.is_some(),
        "it ended, and left the homeserver with a session"
    );
    go.send(()).unwrap();
    assert_eq!(running.exit_code(), Some(0));
    let kept = folder
        .0
        .join("accounts/%40alice%3Aexample.org/session.json");
    assert!(kept.is_file(), "whose next start needs no password");
}
