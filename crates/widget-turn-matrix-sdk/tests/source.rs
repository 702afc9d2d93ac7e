//! What `MatrixTurnSource` makes of a homeserver's answers.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "mock/account.rs"]
mod account;

use std::time::Duration;

use account::{TURN_SERVER, answering, asked, client, refreshing_client};
use matrix_sdk::test_utils::client::MockClientBuilder;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::json;
use widget_turn::{ApiError, Fetched, NoTurn, TurnSource};
use widget_turn_matrix_sdk::MatrixTurnSource;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

/// What comes of an answer. It is asked for once.
async fn fetch(answer: ResponseTemplate) -> Fetched {
    let server = MatrixMockServer::new().await;
    answering(&server, answer).await;
    let fetched = MatrixTurnSource::new(client(&server).await).fetch().await;
    assert_eq!(asked(&server).await, 1, "one fetch is one request");
    fetched
}

fn json_answer(status: u16, body: serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

#[tokio::test]
async fn credentials_are_fetched_with_the_sessions_token() {
    let server = MatrixMockServer::new().await;
    let body =
        json!({ "username": "u", "password": "p", "uris": ["turn:turn.example.com"], "ttl": 60 });
    Mock::given(method("GET"))
        .and(path(TURN_SERVER))
        .and(header("authorization", "Bearer 1234"))
        .respond_with(json_answer(200, body))
        .mount(server.server())
        .await;
    let fetched = MatrixTurnSource::new(client(&server).await).fetch().await;
    let Fetched::Credentials { server, ttl } = fetched else {
        panic!("{fetched:?}")
    };
    assert_eq!(server.uris(), ["turn:turn.example.com"]);
    assert_eq!(ttl, Duration::from_secs(60));
}

#[tokio::test]
async fn an_answer_that_is_not_as_specified_is_read_all_the_same() {
    let body =
        json!({ "username": "u", "password": "p", "uris": "turn:turn.example.com", "ttl": "60" });
    let fetched = fetch(json_answer(200, body)).await;
    assert!(matches!(fetched, Fetched::Credentials { ttl, .. } if ttl == Duration::from_secs(60)));
}

#[tokio::test]
async fn an_empty_object_is_no_turn() {
    let fetched = fetch(json_answer(200, json!({}))).await;
    assert_eq!(fetched, Fetched::NoTurn(NoTurn::EmptyObject));
}

#[tokio::test]
async fn an_endpoint_that_is_not_found_is_no_turn() {
    let fetched = fetch(json_answer(
        404,
        json!({ "errcode": "M_UNRECOGNIZED", "error": "?" }),
    ))
    .await;
    assert_eq!(fetched, Fetched::NoTurn(NoTurn::NotFound));
}

#[tokio::test]
async fn a_403_is_told_with_its_code_and_text() {
    let body = json!({ "errcode": "M_GUEST_ACCESS_FORBIDDEN", "error": "no guests" });
    let error = ApiError {
        status: 403,
        errcode: Some("M_GUEST_ACCESS_FORBIDDEN".to_owned()),
        error: Some("no guests".to_owned()),
        retry_after: None,
    };
    assert_eq!(
        fetch(json_answer(403, body)).await,
        Fetched::Forbidden(error)
    );
}

#[tokio::test]
async fn c5_a_429_is_not_asked_again_by_the_sdk_and_its_header_counts_before_its_body() {
    let body = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slow down", "retry_after_ms": 1 });
    let fetched = fetch(json_answer(429, body).insert_header("Retry-After", "7")).await;
    assert!(
        matches!(fetched, Fetched::Failed(failure) if failure.retry_after == Some(Duration::from_secs(7)))
    );
}

#[tokio::test]
async fn a_proxys_error_page_is_a_failure_and_its_retry_after_counts() {
    let answer = ResponseTemplate::new(502)
        .set_body_string("<html>Bad gateway")
        .insert_header("Date", "Tue, 24 Nov 2026 18:00:00 GMT")
        .insert_header("Retry-After", "Tue, 24 Nov 2026 18:00:30 GMT");
    let Fetched::Failed(failure) = fetch(answer).await else {
        panic!("it may pass")
    };
    assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
    assert_eq!(failure.response.map(|response| response.status), Some(502));
}

#[tokio::test]
async fn a_200_with_a_page_in_it_is_a_failure() {
    let answer = ResponseTemplate::new(200).set_body_string("<html>Please log in");
    assert!(matches!(fetch(answer).await, Fetched::Failed(_)));
}

#[tokio::test]
async fn a_homeserver_that_is_not_there_is_a_failure() {
    // Nothing of a test listens there.
    let client = MockClientBuilder::new(Some("http://127.0.0.1:1"))
        .build()
        .await;
    let fetched = MatrixTurnSource::new(client).fetch().await;
    assert_eq!(fetched, Fetched::Failed(widget_turn::Failure::default()));
}

#[tokio::test]
async fn a_token_that_is_not_known_and_cannot_be_refreshed_is_unauthorized() {
    let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "signed out elsewhere" });
    let Fetched::Unauthorized(error) = fetch(json_answer(401, body)).await else {
        panic!("it lasts")
    };
    assert_eq!(error.errcode.as_deref(), Some("M_UNKNOWN_TOKEN"));
    assert_eq!(error.error.as_deref(), Some("signed out elsewhere"));
}

#[tokio::test]
async fn any_other_401_is_unauthorized_too() {
    let body = json!({ "errcode": "M_MISSING_TOKEN", "error": "?" });
    assert!(matches!(
        fetch(json_answer(401, body)).await,
        Fetched::Unauthorized(_)
    ));
}

#[tokio::test]
async fn where_nobody_is_logged_in_nothing_is_asked() {
    let server = MatrixMockServer::new().await;
    answering(&server, json_answer(200, json!({}))).await;
    let client = server.client_builder().unlogged().build().await;
    assert!(matches!(
        MatrixTurnSource::new(client).fetch().await,
        Fetched::Unauthorized(_)
    ));
    assert_eq!(asked(&server).await, 0);
}

/// A homeserver that knows the refreshed token, and answers a refresh with `refresh`.
async fn refreshing(refresh: ResponseTemplate) -> (MatrixMockServer, Fetched) {
    let server = MatrixMockServer::new().await;
    let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired", "soft_logout": true });
    Mock::given(method("GET"))
        .and(path(TURN_SERVER))
        .and(header("authorization", "Bearer old"))
        .respond_with(json_answer(401, body))
        .mount(server.server())
        .await;
    let body =
        json!({ "username": "u", "password": "p", "uris": ["turn:turn.example.com"], "ttl": 60 });
    Mock::given(method("GET"))
        .and(path(TURN_SERVER))
        .and(header("authorization", "Bearer new"))
        .respond_with(json_answer(200, body))
        .mount(server.server())
        .await;
    Mock::given(method("POST"))
        .and(path("/_matrix/client/v3/refresh"))
        .respond_with(refresh)
        .mount(server.server())
        .await;
    let source = MatrixTurnSource::new(refreshing_client(&server, "old", "r1").await);
    let fetched = source.fetch().await;
    (server, fetched)
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_the_request_made_again() {
    let answer = json!({ "access_token": "new", "refresh_token": "r2", "expires_in_ms": 60_000 });
    let (server, fetched) = refreshing(json_answer(200, answer)).await;
    assert!(
        matches!(fetched, Fetched::Credentials { .. }),
        "{fetched:?}"
    );
    assert_eq!(asked(&server).await, 2);
}

#[tokio::test]
async fn a_refresh_that_is_refused_is_unauthorized() {
    let answer = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "no such refresh token" });
    let (_, fetched) = refreshing(json_answer(401, answer)).await;
    assert!(matches!(fetched, Fetched::Unauthorized(_)), "{fetched:?}");
}

#[tokio::test]
async fn a_refresh_that_fails_for_a_cause_that_may_pass_is_a_failure() {
    let (_, fetched) = refreshing(ResponseTemplate::new(503)).await;
    assert!(matches!(fetched, Fetched::Failed(_)), "{fetched:?}");
}
