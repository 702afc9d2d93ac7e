//! What the homeserver says of TURN, and how the widget hears of it.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use crate::scene::{Place, TURN};

/// What a widget's first watch is answered with.
async fn watched(place: &Place) -> Value {
    let mut widget = place.widget();
    widget.negotiate(&[TURN]).await;
    widget.ask("w", "watch_turn_servers", &json!({})).await
}

#[tokio::test]
async fn w4_a_403_reaches_the_widget_with_the_homeservers_error() {
    let place = Place::new().await;
    let body = json!({ "errcode": "M_GUEST_ACCESS_FORBIDDEN", "error": "no guests" });
    place
        .turn_is(ResponseTemplate::new(403).set_body_json(&body))
        .await;
    let error = &watched(&place).await["error"];
    assert!(error["message"].is_string());
    assert_eq!(error["matrix_api_error"]["http_status"], 403);
    assert_eq!(error["matrix_api_error"]["response"], body);
}

#[tokio::test]
async fn w3_a_homeserver_without_turn_is_an_error_at_once() {
    let place = Place::new().await;
    place
        .turn_is(ResponseTemplate::new(200).set_body_json(json!({})))
        .await;
    assert!(watched(&place).await["error"]["message"].is_string());
}

#[tokio::test]
async fn w3_a_failure_that_may_pass_is_no_error() {
    let place = Place::new().await;
    place.turn_is(ResponseTemplate::new(500)).await;
    assert_eq!(watched(&place).await, json!({}));
}

#[tokio::test]
async fn a_session_that_ended_is_an_error() {
    let place = Place::new().await;
    let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "signed out elsewhere" });
    place
        .turn_is(ResponseTemplate::new(401).set_body_json(&body))
        .await;
    let error = &watched(&place).await["error"];
    assert_eq!(error["matrix_api_error"]["response"], body);
}

#[tokio::test]
async fn after_signing_out_there_are_no_credentials() {
    let place = Place::with_turn().await;
    place.feed.sign_out();
    assert!(watched(&place).await["error"]["message"].is_string());
    assert_eq!(crate::account::asked(&place.server).await, 0);
}

/// Answers once the test says so.
struct Slow(&'static Gate);

struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Respond for Slow {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let open = self.0.open.lock().unwrap();
        let patience = Duration::from_secs(60);
        let waited = self
            .0
            .opened
            .wait_timeout_while(open, patience, |open| !*open);
        drop(waited.unwrap());
        let body = json!({ "username": "late", "password": "p", "uris": ["turn:turn.example.com"], "ttl": 3600 });
        ResponseTemplate::new(200).set_body_json(body)
    }
}

#[tokio::test]
async fn w3_a_slow_homeserver_delays_the_credentials_and_not_the_answer() {
    static GATE: Gate = Gate {
        open: Mutex::new(false),
        opened: Condvar::new(),
    };
    let place = Place::new().await;
    wiremock::Mock::given(wiremock::matchers::path(crate::account::TURN_SERVER))
        .respond_with(Slow(&GATE))
        .mount(place.server.server())
        .await;
    let mut widget = place.widget();
    widget.negotiate(&[TURN]).await;
    // After 2 s, while the request hangs.
    assert_eq!(
        widget.ask("w", "watch_turn_servers", &json!({})).await,
        json!({})
    );
    *GATE.open.lock().unwrap() = true;
    GATE.opened.notify_all();
    assert_eq!(widget.updated().await["username"], "late");
}
