//! A widget in a room, with the SDK's driver behind it.

use matrix_sdk::ruma::event_id;
use serde_json::json;
use widget_turn::TrustedOrigins;

use super::scene::{ORIGIN, READ, SEND, Scene, TURN, names, nobody};
use crate::capability::Group;
use crate::page::Decision;

#[tokio::test]
async fn p2_one_question_for_all_that_the_widget_wants_and_only_what_is_ticked_is_granted() {
    let scene = Scene::room(nobody()).await;
    let mut tab = scene.tab();
    let here = "org.matrix.msc2762.timeline:!room:example.org";
    let elsewhere = "org.matrix.msc2762.timeline:!other:example.org";
    tab.announce(&[SEND, TURN, READ, here, elsewhere]).await;
    let question = tab.question().await;
    assert_eq!(question.origin, ORIGIN);
    assert_eq!(names(&question.capabilities), [SEND, TURN, READ]);
    assert_eq!(names(&question.unavailable), [elsewhere]);
    assert_eq!(names(&question.held), [here]);
    assert_eq!(question.capabilities[0].group, Group::Send);
    assert_eq!(question.refused, 0);

    let chosen = vec![SEND.to_owned(), TURN.to_owned()];
    tab.decide(question.id, Decision::AllowOnce(chosen)).await;
    let mut approved = tab.notified().await;
    approved.sort();
    assert_eq!(approved, [SEND, TURN]);

    let server = scene.server.as_ref().unwrap();
    server.mock_room_send().ok(event_id!("$sent")).mount().await;
    let message =
        json!({ "type": "m.room.message", "content": { "msgtype": "m.text", "body": "hello" } });
    assert_eq!(
        tab.request("1", "send_event", message).await["event_id"],
        "$sent"
    );
    assert_eq!(
        tab.request("2", "watch_turn_servers", json!({})).await,
        json!({})
    );
    let update = tab.asked("update_turn_servers").await;
    assert_eq!(update["data"]["username"], "u");
    assert_eq!(scene.grants.list().unwrap(), [], "once is once");
    tab.close().await;
}

#[tokio::test]
async fn what_is_denied_is_refused_by_layer_and_driver() {
    let scene = Scene::room(nobody()).await;
    let mut tab = scene.tab();
    tab.announce(&[SEND, TURN]).await;
    let question = tab.question().await;
    tab.decide(question.id, Decision::Deny).await;
    assert!(tab.notified().await.is_empty());
    let message =
        json!({ "type": "m.room.message", "content": { "msgtype": "m.text", "body": "hello" } });
    for (id, action, data) in [
        ("1", "send_event", message),
        ("2", "watch_turn_servers", json!({})),
    ] {
        let response = tab.request(id, action, data).await;
        assert!(
            response["error"]["message"].is_string(),
            "{action}: {response}"
        );
    }
}

#[tokio::test]
async fn a_trusted_origin_has_all_that_it_wants_and_nobody_is_asked() {
    let scene = Scene::room(TrustedOrigins::new([ORIGIN]).unwrap()).await;
    let mut tab = scene.tab();
    tab.announce(&[SEND, TURN, READ]).await;
    let mut approved = tab.notified().await;
    approved.sort();
    assert_eq!(approved, [READ, SEND, TURN]);
}

#[tokio::test]
async fn a_reload_and_a_new_tab_have_a_driver_of_their_own() {
    let scene = Scene::room(nobody()).await;
    let mut first = scene.tab();
    for load in 0..2 {
        first.announce(&[READ]).await;
        let question = first.question().await;
        let read = Decision::AllowOnce(vec![READ.to_owned()]);
        first.decide(question.id, read).await;
        assert_eq!(first.notified().await, [READ], "load {load}");
    }
    let mut second = scene.tab();
    second.announce(&[SEND]).await;
    let question = second.question().await;
    second.decide(question.id, Decision::Deny).await;
    assert!(second.notified().await.is_empty());
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn a_widget_that_wants_what_this_host_has_not_is_not_asked_about() {
    let scene = Scene::room(nobody()).await;
    let mut tab = scene.tab();
    tab.announce(&["m.always_on_screen", "io.element.requires_client"])
        .await;
    assert_eq!(tab.notified().await, ["io.element.requires_client"]);
}
