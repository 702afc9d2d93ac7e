//! What is not TURN's is the same as with the SDK's driver alone, byte for byte.

use matrix_sdk::ruma::{event_id, room_id, user_id};
use matrix_sdk_test::JoinedRoomBuilder;
use matrix_sdk_test::event_factory::EventFactory;
use serde_json::json;

use crate::scene::{Driver, Place, RECEIVE, SEND, Widget, request};

const STATE: &str = "org.matrix.msc2762.receive.state_event:m.room.topic";

/// All kinds of things that a widget says and hears.
async fn script<D: Driver>(place: &Place, mut widget: Widget<D>) -> Vec<String> {
    let versions = widget.ask("1", "supported_api_versions", &json!({})).await;
    assert!(versions["supported_versions"].is_array());
    widget
        .negotiate(&[
            SEND,
            RECEIVE,
            "org.matrix.msc3819.send.to_device:m.call.invite",
            "org.matrix.msc3819.receive.to_device:m.call.invite",
            STATE,
            "m.always_on_screen",
        ])
        .await;
    let update = widget.expect("update_state").await;
    widget.answer(&update, &json!({})).await;

    let message = json!({ "type": "m.room.message", "content": { "msgtype": "m.text", "body": "é \u{1F600}", "n": 1.0 } });
    widget.ask("2", "send_event", &message).await;
    let topic = json!({ "type": "m.room.topic", "content": {} });
    widget.ask("3", "send_event", &topic).await;
    widget
        .ask("4", "dance", &json!({ "b": 1, "a": [1.50, null] }))
        .await;
    widget
        .ask(
            "5",
            "org.matrix.msc2974.request_capabilities",
            &json!({ "capabilities": [SEND] }),
        )
        .await;
    widget.say(&request("6", "send_event", &json!(null))).await;
    widget.hear().await;
    widget.say("{\"requestId\":\"7\",\"action\":\"send_event\", \"widgetId\":\"w\", \"api\":\"fromWidget\"}").await;
    widget.hear().await;

    let event = EventFactory::new()
        .text_msg("hello")
        .event_id(event_id!("$1"))
        .sender(user_id!("@bob:example.org"))
        .into_raw_sync();
    place
        .server
        .mock_sync()
        .ok_and_run(&place.room.client(), |builder| {
            let room = JoinedRoomBuilder::new(room_id!("!room:example.org"));
            builder.add_joined_room(room.add_timeline_event(event));
        })
        .await;
    let event = widget.expect("send_event").await;
    widget.answer(&event, &json!({})).await;

    let topic = json!({
        "type": "m.room.topic",
        "state_key": "",
        "sender": "@bob:example.org",
        "event_id": "$2",
        "origin_server_ts": 2,
        "content": { "topic": "é", "n": 1.0 },
    });
    place.sync_timeline([topic]).await;
    widget.take("send_event").await;

    let invite = json!({
        "type": "m.call.invite",
        "sender": "@bob:example.org",
        "content": { "z": 1.0, "a": "é" },
        "extra": null,
    });
    place.sync_to_device([invite]).await;
    widget.take("send_to_device").await;
    widget.transcript
}

#[tokio::test]
async fn a_widget_without_turn_hears_the_same_bytes_as_from_the_driver_alone() {
    let mut transcripts = Vec::new();
    for ours in [true, false] {
        let place = Place::new().await;
        place
            .server
            .mock_room_send()
            .ok(event_id!("$sent"))
            .mount()
            .await;
        transcripts.push(if ours {
            script(&place, place.widget()).await
        } else {
            script(&place, place.bare_widget()).await
        });
    }
    let [ours, bare] = &transcripts[..] else {
        panic!()
    };
    for (ours, bare) in ours.iter().zip(bare) {
        // The version that the layer adds, and the question that is its own.
        let ours = ours.replace(",\"town.robin.msc3846\"", "");
        if !ours.contains(r#""action":"capabilities""#) {
            assert_eq!(&ours, bare);
        }
    }
    assert_eq!(ours.len(), bare.len());
}
