//! What the SDK's driver loses: to be noticed if that changes, for the better or the worse.

use serde_json::{Value, json};

use crate::scene::{Place, RECEIVE, message, state};

const TO_DEVICE: &str = "org.matrix.msc3819.receive.to_device:m.call.candidates";

/// As many as it leaves unanswered.
const KEPT: u64 = 15;

fn to_device(number: u64) -> Value {
    json!({ "type": "m.call.candidates", "sender": "@bob:example.org", "content": { "number": number } })
}

#[tokio::test]
async fn the_driver_alone_gives_15_messages_to_the_device_of_one_sync() {
    let place = Place::new().await;
    let mut widget = place.bare_widget();
    widget.negotiate(&[TO_DEVICE]).await;
    place.sync_to_device((0..50).map(to_device)).await;
    for number in 0..KEPT {
        let data = widget.take("send_to_device").await;
        assert_eq!(data["content"]["number"], number);
    }
    widget.heard().await;
    place.sync_to_device([to_device(50)]).await;
    let next = widget.take("send_to_device").await;
    assert_eq!(next["content"]["number"], 50, "35 are lost");
}

#[tokio::test]
async fn so_it_does_with_the_rooms_events() {
    let place = Place::new().await;
    let mut widget = place.bare_widget();
    widget.negotiate(&[RECEIVE]).await;
    place.sync_timeline((0..50).map(message)).await;
    for number in 0..KEPT {
        assert_eq!(widget.take("send_event").await["content"]["number"], number);
    }
    widget.heard().await;
    place.sync_timeline([message(50)]).await;
    assert_eq!(widget.take("send_event").await["content"]["number"], 50);
}

#[tokio::test]
async fn it_gives_no_state_at_all_to_a_widget_that_may_read_more_than_15_kinds() {
    let place = Place::new().await;
    for (kinds, told) in [(15, true), (16, false)] {
        let wanted: Vec<_> = (0..kinds)
            .map(|kind| format!("org.matrix.msc2762.receive.state_event:org.example.{kind}"))
            .collect();
        let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
        let mut widget = place.bare_widget();
        widget.negotiate(&wanted).await;
        place
            .sync_timeline([state("org.example.0", "", kinds)])
            .await;
        // The state that there is comes before any event, if it comes.
        let next = if told { "update_state" } else { "send_event" };
        widget.take(next).await;
    }
}
