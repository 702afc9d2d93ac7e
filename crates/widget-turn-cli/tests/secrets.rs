//! Nothing that the command says of an account holds a secret, even where it says all.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PASSWORD: &str = "canary-password";
const TOKEN: &str = "syt_canary_token";
const REFRESH_TOKEN: &str = "syr_canary_refresh";
const GIVEN_TOKEN: &str = "syt_canary_given";

async fn answer(server: &MockServer, verb: &str, at: &str, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("/_matrix/client/{at}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

/// Runs the command, with all that it can log. Gives what it said, without the page's own secrets.
async fn said(arguments: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_widget-turn"));
    command
        .args(arguments)
        .env("WIDGET_TURN_LOG", "trace")
        .env_remove("WIDGET_TURN_ACCESS_TOKEN")
        .kill_on_drop(true);
    if let Some(token) = token {
        command.env("WIDGET_TURN_ACCESS_TOKEN", token);
    }
    command.output().await.unwrap()
}

#[tokio::test]
async fn no_secret_of_an_account_is_said_at_trace() {
    let server = MockServer::start().await;
    let who = json!({ "user_id": "@alice:example.org", "device_id": "DEVICE" });
    let mut session = who.clone();
    session["access_token"] = TOKEN.into();
    session["refresh_token"] = REFRESH_TOKEN.into();
    answer(&server, "GET", "versions", json!({ "versions": ["v1.13"] })).await;
    let ways = json!({ "flows": [{ "type": "m.login.password" }] });
    answer(&server, "GET", "v3/login", ways).await;
    answer(&server, "POST", "v3/login", session).await;
    answer(&server, "GET", "v3/account/whoami", who).await;
    answer(
        &server,
        "GET",
        "v3/joined_rooms",
        json!({ "joined_rooms": [] }),
    )
    .await;
    answer(&server, "POST", "v3/logout", json!({})).await;
    let nothing = json!({ "errcode": "M_NOT_FOUND", "error": "nothing" });
    Mock::given(any())
        .respond_with(ResponseTemplate::new(404).set_body_json(nothing))
        .mount(&server)
        .await;

    let folder = std::env::temp_dir().join(format!("widget-turn-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let (data, uri) = (folder.to_str().unwrap(), server.uri());
    let grants = folder.join("grants.json");
    let host = [
        "host",
        "--no-open",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--homeserver",
        &uri,
        "--data",
        data,
    ];
    let host = [
        &host[..],
        &[
            "--grants",
            grants.to_str().unwrap(),
            "--user",
            "@alice:example.org",
        ],
    ]
    .concat();
    let by_password = [&host[..], &["--password-file", password.to_str().unwrap()]].concat();
    let logout = ["logout", "--data", data];
    let outputs = [
        said(&by_password, None).await,
        said(&host, None).await,
        said(&logout, None).await,
        said(&host, Some(GIVEN_TOKEN)).await,
        said(&logout, None).await,
    ];
    std::fs::remove_dir_all(&folder).unwrap();

    let requests = server.received_requests().await.unwrap();
    let sent: String = requests
        .iter()
        .map(|request| {
            format!(
                "{:?} {}",
                request.headers,
                String::from_utf8_lossy(&request.body)
            )
        })
        .collect();
    for canary in [PASSWORD, TOKEN, GIVEN_TOKEN] {
        assert!(sent.contains(canary), "{canary} was sent");
    }
    for (number, output) in outputs.iter().enumerate() {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text);
        for library in ["hyper_util::", "matrix_sdk::"] {
            assert!(text.contains(library), "{library} says nothing: {text}");
        }
        let host_says = text.contains("is in no room");
        assert_eq!(
            host_says,
            [true, true, false, true, false][number],
            "{text}"
        );
        for canary in [PASSWORD, TOKEN, REFRESH_TOKEN, GIVEN_TOKEN] {
            if let Some(line) = text.lines().find(|line| line.contains(canary)) {
                panic!("{canary} is said by run {number}: {line}");
            }
        }
    }
}
