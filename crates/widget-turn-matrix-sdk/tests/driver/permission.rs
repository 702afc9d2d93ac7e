//! One decision for all that a page wants.

use std::time::Duration;

use serde_json::json;

use crate::scene::{Place, RENEGOTIATE, SEND, TURN, request};

#[tokio::test]
async fn p2_the_app_is_asked_once_for_all_that_the_page_wants() {
    let place = Place::with_turn().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    let wanted = [SEND, TURN, "m.always_on_screen"];
    widget.announce(&wanted).await;
    let (request, answer) = person.recv().await.unwrap();
    assert_eq!(request.capabilities, wanted);
    assert_eq!(request.widget_id, "w");
    assert_eq!(request.origin.to_string(), "https://widget.example");
    assert_eq!(request.account, place.room.own_user_id().as_str());
    assert_eq!(request.room, "!room:example.org");
    let turn = request.turn().expect("TURN is among them");
    assert_eq!(turn.capability.names().collect::<Vec<_>>(), [TURN]);

    answer.send(request.capabilities).unwrap();
    assert_eq!(widget.notified().await["approved"], json!([SEND, TURN]));
    assert_eq!(
        widget.ask("1", "watch_turn_servers", &json!({})).await,
        json!({})
    );
    widget.updated().await;
    assert!(person.try_recv().is_err(), "nobody is asked twice");
}

#[tokio::test]
async fn p1_only_what_is_approved_is_granted() {
    for (approved, notified) in [
        (vec![SEND], vec![SEND]),
        (vec![TURN], vec![TURN]),
        (vec![], vec![]),
        // What was not asked for.
        (
            vec!["io.element.requires_client", "m.turn_servers"],
            vec![TURN],
        ),
    ] {
        let place = Place::with_turn().await;
        let (mut widget, mut person) = place.widget_of_a_person();
        widget.announce(&[SEND, TURN]).await;
        let (_, answer) = person.recv().await.unwrap();
        answer
            .send(approved.into_iter().map(str::to_owned).collect())
            .unwrap();
        let data = widget.notified().await;
        assert_eq!(data["requested"], json!([SEND, TURN]));
        assert_eq!(data["approved"], json!(notified));
    }
}

#[tokio::test]
async fn a_page_that_wants_nothing_is_not_asked_about() {
    let place = Place::new().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    assert_eq!(widget.negotiate(&[]).await, json!([]));
    assert!(person.try_recv().is_err());
}

#[tokio::test]
async fn a_page_that_answers_with_an_error_is_told_that_it_has_nothing() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.ask("1", "content_loaded", &json!({})).await;
    let question = widget.expect("capabilities").await;
    widget
        .answer(&question, &json!({ "error": { "message": "no" } }))
        .await;
    assert_eq!(
        widget.notified().await,
        json!({ "requested": [], "approved": [] })
    );
}

#[tokio::test]
async fn h4_a_person_may_take_15_s_and_everything_else_is_answered_meanwhile() {
    let place = Place::with_turn().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    widget.announce(&[SEND, TURN]).await;
    let (request, answer) = person.recv().await.unwrap();

    // Nothing is on its way over a socket: the clock can be turned.
    tokio::time::pause();
    for second in 0..15 {
        let id = second.to_string();
        let versions = widget.ask(&id, "supported_api_versions", &json!({})).await;
        assert!(versions["supported_versions"].is_array());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // Peers give up at 10 s, so a watch is answered, and supplied later.
    assert_eq!(
        widget.ask("w", "watch_turn_servers", &json!({})).await,
        json!({})
    );
    tokio::time::resume();

    answer.send(request.capabilities).unwrap();
    assert_eq!(widget.notified().await["approved"], json!([SEND, TURN]));
    assert_eq!(widget.updated().await["username"], "u");
    // The driver works, too.
    place
        .server
        .mock_room_send()
        .ok(matrix_sdk::ruma::event_id!("$sent"))
        .mount()
        .await;
    let message =
        json!({ "type": "m.room.message", "content": { "msgtype": "m.text", "body": "hello" } });
    assert_eq!(
        widget.ask("s", "send_event", &message).await["event_id"],
        "$sent"
    );
}

#[tokio::test]
async fn h5_a_page_that_wants_turn_later_on_is_asked_about_then() {
    let place = Place::with_turn().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    widget.announce(&[SEND]).await;
    let (request, answer) = person.recv().await.unwrap();
    assert_eq!(request.turn(), None);
    answer.send(request.capabilities).unwrap();
    widget.notified().await;

    let wanted = json!({ "capabilities": [SEND, TURN] });
    assert_eq!(widget.ask("1", RENEGOTIATE, &wanted).await, json!({}));
    let (request, answer) = person.recv().await.unwrap();
    assert_eq!(request.capabilities, [TURN]);
    answer.send(request.capabilities).unwrap();
    let data = widget.notified().await;
    assert_eq!(data["approved"], json!([SEND, TURN]));
    assert_eq!(
        widget.ask("2", "watch_turn_servers", &json!({})).await,
        json!({})
    );
    widget.updated().await;
}

#[tokio::test]
async fn h5_other_capabilities_later_on_are_refused_as_by_the_driver_alone() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[]).await;
    let refused = widget
        .ask("1", RENEGOTIATE, &json!({ "capabilities": [SEND] }))
        .await;
    assert!(refused["error"]["message"].is_string(), "{refused}");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_changes_nothing() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[]).await;
    for id in ["negotiation-0", "00000000-0000-0000-0000-000000000000"] {
        let question = format!(
            r#"{{"api":"toWidget","widgetId":"w","requestId":"{id}","action":"capabilities","data":{{}}}}"#
        );
        widget
            .answer(&question, &json!({ "capabilities": [TURN] }))
            .await;
    }
    let refused = widget.ask("1", "watch_turn_servers", &json!({})).await;
    assert_eq!(refused["error"]["message"], "Missing capability");
    widget
        .say(&request("2", "supported_api_versions", &json!({})))
        .await;
    widget.expect("supported_api_versions").await;
}
