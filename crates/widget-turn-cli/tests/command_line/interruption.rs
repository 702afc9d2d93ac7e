//! Ctrl-C, wherever it comes.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
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
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
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
    for arguments in [
        [&["host", "--no-open", "--listen", "127.0.0.1:0"][..], &host].concat(),
        vec!["demo", "--no-open", "--turn-secret-file", &pipe],
    ] {
        let mut running = Running::start(&arguments);
        // Opened when the other end is.
        let (writer, opened) = channel();
        let path = pipe.clone();
        thread::spawn(move || {
            let _ = writer.send(std::fs::OpenOptions::new().write(true).open(path));
        });
        let writer = opened.recv_timeout(PATIENCE).unwrap().unwrap();
        running.interrupt();
        assert_eq!(running.exit_code(), Some(0), "{arguments:?}");
        drop(writer);
    }
}
