//! Nothing that is logged, shown or returned as an error holds a secret (rule C8).
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "http_source/server.rs"]
mod server;

use std::io;
use std::sync::{Arc, Mutex};

use server::{Server, answer};
use tracing_subscriber::filter::LevelFilter;
use widget_turn::{Fetched, HttpTurnSource, Secret, TurnSource};

const TOKEN: &str = "syt_canary_token";
const PASSWORD: &str = "canary-password";
const GOOD: &str = r#"{"username":"alice","password":"canary-password","uris":["turn:turn.example.com"],"ttl":60}"#;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_at_trace() {
    let log = Log::default();
    let writer = log.clone();
    // For `tracing` and, by its bridge, for `log`: hyper uses the one, reqwest the other.
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let elsewhere = Server::answering(answer("200 OK", "", GOOD)).await;
    let location = format!("Location: {}\r\n", elsewhere.url);
    let echo = format!(r#"{{"errcode":"M_UNKNOWN_TOKEN","error":"{TOKEN} {PASSWORD}"}}"#);
    let answers = [
        answer("200 OK", "", GOOD),
        answer("200 OK", "", &GOOD[..GOOD.len() - 1]),
        answer("200 OK", "Content-Length: 999\r\n", GOOD),
        answer("302 Found", &location, GOOD),
        answer("401 Unauthorized", "", &echo),
        answer(
            "500 Oops",
            &format!("X-Header: {TOKEN} {PASSWORD}\r\n"),
            &echo,
        ),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{GOOD}"),
        format!("{TOKEN} {PASSWORD}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{TOKEN} {PASSWORD}\r\n\r\n"),
        format!("HTTP/1.1 {TOKEN} {PASSWORD}\r\n\r\n"),
        String::new(),
    ];
    let mut shown = String::new();
    for answer in answers {
        let server = Server::answering(answer).await;
        let source = HttpTurnSource::new(server.url.clone(), Secret::new(TOKEN)).unwrap();
        shown += &format!("{source:?} {source:#?}");
        let fetched = source.fetch().await;
        assert!(server.requests()[0].contains(TOKEN), "the canary was sent");
        // A homeserver's own text goes on to the widget, whatever is in it.
        if !matches!(fetched, Fetched::Unauthorized(_) | Fetched::Failed(_)) {
            shown += &format!("{fetched:?} {fetched:#?}");
        }
    }
    let refused = format!("{TOKEN}\n");
    let error = HttpTurnSource::new(elsewhere.url.clone(), Secret::new(refused)).unwrap_err();
    shown += &format!("{error} {error:?}");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for library in ["hyper_util", "reqwest", "widget_turn"] {
        assert!(
            log.contains(&format!(" {library}::")),
            "{library} says nothing: {log}"
        );
    }
    for secret in [TOKEN, PASSWORD] {
        assert!(!log.contains(secret), "{log}");
        assert!(!shown.contains(secret), "{shown}");
    }
}
