//! Nothing that is logged or shown holds a secret (rule C8).
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "mock/account.rs"]
mod account;

use std::io;
use std::sync::{Arc, Mutex};

use account::{TURN_SERVER, answering, refreshing_client};
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::{Value, json};
use widget_turn::{Fetched, TurnSource};
use widget_turn_matrix_sdk::MatrixTurnSource;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

const TOKEN: &str = "syt_canary_token";
const NEW_TOKEN: &str = "syt_canary_refreshed";
const REFRESH_TOKEN: &str = "syr_canary_refresh";
const PASSWORD: &str = "canary-password";

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
    tracing_subscriber::fmt()
        // The mock homeserver is in this process too, and logs what it is sent.
        .with_env_filter("trace,wiremock=off")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let json = |status, body: Value| ResponseTemplate::new(status).set_body_json(body);
    let good = json!({ "username": "u", "password": PASSWORD, "uris": ["turn:turn.example.com"], "ttl": 60 });
    let bad_ttl = json!({ "username": "u", "password": PASSWORD, "uris": [7], "ttl": {} });
    let half = format!(r#"{{"username":"u","password":"{PASSWORD}""#);
    let expired = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired" });
    let mut shown = String::new();
    for answer in [
        json(200, good.clone()),
        json(200, bad_ttl),
        ResponseTemplate::new(200).set_body_string(half.clone()),
        ResponseTemplate::new(500).set_body_string(half),
        json(401, expired),
    ] {
        let server = MatrixMockServer::new().await;
        answering(&server, answer).await;
        let refreshed = json!({ "access_token": NEW_TOKEN, "refresh_token": REFRESH_TOKEN });
        Mock::given(method("POST"))
            .and(path("/_matrix/client/v3/refresh"))
            .respond_with(json(200, refreshed))
            .mount(server.server())
            .await;
        let client = refreshing_client(&server, TOKEN, REFRESH_TOKEN).await;
        let source = MatrixTurnSource::new(client);
        let fetched: Fetched = source.fetch().await;
        shown.push_str(&format!("{source:?} {source:#?} {fetched:?} {fetched:#?}"));
        let requests = server.server().received_requests().await.unwrap();
        let sent = requests
            .iter()
            .filter(|request| request.url.path() == TURN_SERVER);
        let mut tokens = sent.map(|request| request.headers["authorization"].to_str().unwrap());
        assert_eq!(
            tokens.next(),
            Some("Bearer syt_canary_token"),
            "the canary was sent"
        );
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for library in ["hyper_util", "matrix_sdk"] {
        assert!(
            log.contains(&format!("{library}::")),
            "{library} says nothing: {log}"
        );
    }
    for secret in [TOKEN, NEW_TOKEN, REFRESH_TOKEN, PASSWORD] {
        assert!(!shown.contains(secret), "{shown}");
        if let Some(line) = log.lines().find(|line| line.contains(secret)) {
            panic!("{secret} is logged: {line}");
        }
    }
}
