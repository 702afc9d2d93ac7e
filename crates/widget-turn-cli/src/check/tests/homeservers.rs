//! A homeserver that says what the test tells it to.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::{Router, routing::get};
use tokio::net::TcpListener;

use super::*;

pub(super) struct Stub {
    pub(super) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn stub(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: String,
) -> Stub {
    let headers = headers.to_vec();
    let answer = move || {
        let status = StatusCode::from_u16(status).unwrap();
        let mut response = (status, body.clone()).into_response();
        for (name, value) in &headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        async move { response }
    };
    let app = Router::new().route("/_matrix/client/v3/voip/turnServer", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Stub {
        address: listener.local_addr().unwrap(),
        task: tokio::spawn(async { axum::serve(listener, app).await.unwrap() }).abort_handle(),
    }
}

pub(super) async fn ask(address: SocketAddr) -> Report {
    let mut settings = settings(&[], GENEROUS);
    let token = Secret::new("syt_canary");
    let homeserver = Homeserver::new(&format!("http://{address}"), token).unwrap();
    settings.source = Source::Homeserver(homeserver);
    let report = settings.round().await;
    let json = serde_json::to_string(&report).unwrap();
    assert!(
        !json.contains("syt_canary") && !json.contains("hunter2"),
        "{json}"
    );
    report
}

#[tokio::test]
async fn what_a_homeserver_gives_is_tried() {
    let server = Embedded::start("127.0.0.1:0").await;
    let password = SharedSecret::from_text(SECRET).password_of(USERNAME);
    let body = serde_json::json!({
        "username": USERNAME,
        "password": *password,
        "uris": [format!("turn:{}?transport=udp", server.address), 5, "stuns:x", null],
        "ttl": 0,
    });
    let stub = stub(
        200,
        &[("date", "Mon, 23 Nov 2015 12:00:00 GMT")],
        body.to_string(),
    )
    .await;
    let mut report = ask(stub.address).await;
    assert_eq!(report.exit_code, 1);
    let homeserver = report.homeserver.as_mut().unwrap();
    assert!(homeserver.clock_skew_seconds.unwrap() < -300_000_000);
    let clock = homeserver.steps.pop().unwrap();
    assert!(
        clock
            .detail
            .unwrap()
            .ends_with("days behind this machine's")
    );
    report.credentials.as_mut().unwrap().steps.clear();
    assert_snapshot("homeserver-well", &report);
}

#[tokio::test]
async fn every_other_answer_is_told_apart() {
    let guest = r#"{"errcode":"M_GUEST_ACCESS_FORBIDDEN","error":"Guest access not allowed"}"#;
    let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"\u001b[31mslow"}"#;
    let unknown = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed."}"#;
    let none = r#"{"errcode":"M_NOT_FOUND","error":"No TURN config set"}"#;
    let empty = r#"{"username":"","password":"","uris":[],"ttl":86400}"#;
    let nobody = r#"{"username":"","password":"hunter2","uris":["turn:a.example"],"ttl":86400}"#;
    let page = &[("content-type", "text/html; charset=utf-8")][..];
    let bad = r#"{"username":5,"password":["hunter2"],"uris":[null,7],"ttl":"soon"}"#;
    let too_long = " ".repeat(70_000);
    for (name, status, headers, body, exit_code) in [
        ("empty-object", 200, &[][..], "{}", 2),
        ("no-uris", 200, &[], empty, 2),
        ("no-credentials", 200, &[], nobody, 2),
        ("not-found", 404, &[], none, 2),
        ("guest", 403, &[], guest, 3),
        ("unknown-token", 401, &[], unknown, 3),
        ("limited", 429, &[("retry-after", "300")], limited, 3),
        ("proxy", 502, &[], "<html>", 3),
        (
            "redirect",
            302,
            &[(
                "location",
                "https://alice:hunter2@elsewhere.example/x?token=hunter2#hunter2",
            )],
            "",
            3,
        ),
        ("no-homeserver", 404, &[], "<html>", 3),
        ("html", 200, page, "<html>hunter2", 3),
        ("empty", 200, &[], "", 3),
        ("list", 200, &[], "[5]", 3),
        ("too-long", 200, &[], &too_long, 3),
        ("bad-members", 200, &[], bad, 2),
    ] {
        let stub = stub(status, headers, body.to_owned()).await;
        let report = ask(stub.address).await;
        assert_eq!(report.exit_code, exit_code, "{name}");
        assert_snapshot(&format!("homeserver-{name}"), &report);
    }
}

#[tokio::test]
async fn a_homeserver_that_sends_the_token_or_the_password_back_does_not_have_them_printed() {
    let error = r#"{"errcode":"M_X syt_canary","error":"Authorization: Bearer syt_canary"}"#;
    let uris = serde_json::json!({
        "uris": [
            "turn:127.0.0.1:1000?syt_canary",
            "turn:alice:hunter2%40127.0.0.1:3478",
            "turn:127.0.0.1:3478?transport=udp&credential=hunter2",
            "turn:hunter2:x",
            "turn:syt_canary:x",
        ],
        "username": "alice syt_canary",
        "password": "hunter2",
        "ttl": "syt_canary",
    });
    let there = &[("location", "/syt_canary/syt_canary?x")][..];
    for (status, headers, body) in [
        (401, &[][..], error),
        (500, &[], error),
        (302, there, ""),
        (200, &[], &uris.to_string()),
    ] {
        let stub = stub(status, headers, body.to_owned()).await;
        // Which looks for both.
        let report = ask(stub.address).await;
        let text = report::text::render(&report);
        assert!(text.contains("***"), "{text}");
        assert!(
            !text.contains("canary") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_wait_that_nobody_can_keep_or_read_is_told() {
    let for_ever = &[("retry-after", "99999999999999999999999")][..];
    let soon = &[("retry-after", "soon")][..];
    let negative = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":-5}"#;
    for (headers, body, told) in [
        (for_ever, "{}", "a pause of more than a year"),
        (soon, "{}", "cannot be read"),
        (&[], negative, "cannot be read"),
        (&[], "{}", "Wait a minute"),
    ] {
        let stub = stub(429, headers, body.to_owned()).await;
        let report = ask(stub.address).await;
        schema::assert_valid(&report);
        let text = report::text::render(&report);
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn a_homeserver_that_is_not_there_could_not_be_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut report = ask(address).await;
    assert_eq!(report.exit_code, 3);
    // In the operating system's words.
    let step = &mut report.homeserver.as_mut().unwrap().steps[0];
    assert!(
        step.detail
            .take()
            .unwrap()
            .to_lowercase()
            .contains("refused")
    );
    assert_snapshot("homeserver-closed", &report);
}

#[tokio::test]
async fn a_token_that_its_process_renews_meanwhile_is_asked_with_again() {
    use crate::account::tests::{Folder, homeserver, log_in};
    use wiremock::matchers::{header, path};
    use wiremock::{Mock, Request, ResponseTemplate};

    let (there, folder) = (homeserver::Homeserver::start().await, Folder::new());
    let login = folder.by_password(&there);
    let _in_use = log_in(&login).await.unwrap();
    let file = folder
        .0
        .join("accounts/%40alice%3Aexample.org/session.json");
    let turn = || path("/_matrix/client/v3/voip/turnServer");
    // As `host` does once it is told the same.
    let renew = move |_: &Request| {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut session: serde_json::Value = serde_json::from_str(&text).unwrap();
        session["access_token"] = "renewed".into();
        std::fs::write(&file, session.to_string()).unwrap();
        let unknown = serde_json::json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired" });
        ResponseTemplate::new(401).set_body_json(unknown)
    };
    let well = ResponseTemplate::new(200).set_body_json(serde_json::json!({}));
    let renewed = Mock::given(turn()).and(header("authorization", "Bearer renewed"));
    renewed
        .respond_with(well)
        .with_priority(1)
        .mount(&there.server)
        .await;
    Mock::given(turn())
        .respond_with(renew)
        .with_priority(2)
        .mount(&there.server)
        .await;

    let borrowed = account::borrow(&login).map_err(|error| error.to_string());
    let mut settings = settings(&[], GENEROUS);
    settings.source = Source::Homeserver(Homeserver::borrowed(borrowed.unwrap()));
    let homeserver = settings.round().await.homeserver.unwrap();
    assert_eq!(
        (homeserver.status, homeserver.no_turn),
        (Some(200), Some("empty_object"))
    );
}
