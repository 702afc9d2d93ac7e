use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::credentials::expiry_of;

const PATH: &str = "/_matrix/client/v3/voip/turnServer";
const TOKEN: &str = "syt_a_token";

fn config() -> HomeserverConfig {
    HomeserverConfig {
        access_token: Zeroizing::new(TOKEN.to_owned()),
        user_id: "@alice:demo.localhost".to_owned(),
        turn_uris: vec![
            "turn:127.0.0.1:3478?transport=udp".to_owned(),
            "turn:127.0.0.1:3478?transport=tcp".to_owned(),
        ],
        secret: SharedSecret::from_text("lab-turn-secret"),
        ttl: 30,
        clock: Arc::new(|| 1_795_440_520),
    }
}

/// Sends one request and returns the status, the header block and the body.
async fn ask(method: &str, path: &str, authorization: Option<&str>) -> (u16, String, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, config()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let authorization =
        authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(30), stream.read_to_string(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    server.abort();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (
        status,
        head.to_ascii_lowercase(),
        serde_json::from_str(body).unwrap(),
    )
}

#[tokio::test]
async fn the_answer_is_the_one_that_synapse_gives() {
    let (status, head, body) = ask("GET", PATH, Some("Bearer syt_a_token")).await;
    assert_eq!(status, 200);
    let expiry = 1_795_440_550;
    let minted = config().secret.mint(expiry, "@alice:demo.localhost");
    assert_eq!(
        body,
        json!({
            "username": minted.username,
            "password": *minted.password,
            "ttl": 30,
            "uris": ["turn:127.0.0.1:3478?transport=udp", "turn:127.0.0.1:3478?transport=tcp"],
        })
    );
    assert_eq!(expiry_of(body["username"].as_str().unwrap()), Some(expiry));
    assert!(head.contains("cache-control: no-store"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
}

#[tokio::test]
async fn the_scheme_is_read_without_regard_to_case() {
    assert_eq!(ask("GET", PATH, Some("bearer syt_a_token")).await.0, 200);
}

#[tokio::test]
async fn no_token_is_a_missing_token() {
    for authorization in [None, Some("Basic syt_a_token"), Some("syt_a_token")] {
        let (status, head, body) = ask("GET", PATH, authorization).await;
        assert_eq!(status, 401);
        assert_eq!(
            body,
            json!({"errcode": "M_MISSING_TOKEN", "error": "Missing access token"})
        );
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
}

#[tokio::test]
async fn another_token_is_an_unknown_token() {
    for token in [
        "syt_a_tokem",
        "syt_a_toke",
        "syt_a_token2",
        "x",
        "SYT_A_TOKEN",
    ] {
        let (status, _, body) = ask("GET", PATH, Some(&format!("Bearer {token}"))).await;
        assert_eq!(status, 401, "{token}");
        assert_eq!(
            body,
            json!({
                "errcode": "M_UNKNOWN_TOKEN",
                "error": "Invalid access token passed.",
                "soft_logout": false,
            })
        );
    }
}

#[tokio::test]
async fn other_paths_are_unrecognized() {
    for path in [
        "/",
        "/_matrix/client/versions",
        "/_matrix/client/v3/voip/turnServer/x",
    ] {
        let (status, _, body) = ask("GET", path, Some("Bearer syt_a_token")).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(
            body,
            json!({"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})
        );
    }
}

#[tokio::test]
async fn other_methods_are_unrecognized() {
    for method in ["POST", "PUT", "DELETE"] {
        let (status, _, body) = ask(method, PATH, Some("Bearer syt_a_token")).await;
        assert_eq!(status, 405, "{method}");
        assert_eq!(
            body,
            json!({"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})
        );
    }
}

#[test]
fn the_configuration_does_not_print_its_secrets() {
    let shown = format!("{:?}", config());
    assert!(
        !shown.contains(TOKEN) && !shown.contains("lab-turn-secret"),
        "{shown}"
    );
}
