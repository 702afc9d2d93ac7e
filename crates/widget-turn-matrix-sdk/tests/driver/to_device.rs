//! Messages to the device.

use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::{Value, json};

use crate::log::Log;
use crate::scene::{Driver, Place, SEND, Widget, parsed};

const CANDIDATES: &str = "org.matrix.msc3819.receive.to_device:m.call.candidates";

fn candidates(number: u64) -> Value {
    json!({ "type": "m.call.candidates", "sender": "@bob:example.org", "content": { "number": number } })
}

#[tokio::test]
async fn fifty_of_one_sync_arrive_in_order() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[CANDIDATES]).await;
    place.sync_to_device((0..50).map(candidates)).await;
    place.sync_to_device([candidates(50)]).await;
    for number in 0..=50 {
        assert_eq!(widget.take("send_to_device").await, candidates(number));
    }
}

#[tokio::test]
async fn a_widget_that_does_not_answer_is_given_no_more_for_a_while() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[CANDIDATES]).await;
    place.sync_to_device((0..20).map(candidates)).await;
    let mut unanswered = Vec::new();
    for _ in 0..15 {
        unanswered.push(widget.expect("send_to_device").await);
    }
    // It is served in everything else.
    for _ in 0..3 {
        widget.heard().await;
    }
    // An answer makes room for one, be it an error.
    let no = json!({ "error": { "message": "no" } });
    widget.answer(&unanswered[7], &no).await;
    assert_eq!(widget.take("send_to_device").await, candidates(15));
    assert_eq!(widget.take("send_to_device").await, candidates(16));
    widget.answer(&unanswered[7], &no).await;
    assert_eq!(widget.take("send_to_device").await, candidates(17));
    // So does time: it may have lost them.
    widget.expect("send_to_device").await;
    tokio::time::pause();
    widget.expect("send_to_device").await;
}

#[tokio::test]
async fn more_than_a_slow_widget_can_catch_up_with_are_dropped_and_logged() {
    let log = Log::new();
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[CANDIDATES]).await;
    // One is taken out of the queue and given to the widget now and then.
    place.sync_to_device((0..1100).map(candidates)).await;
    log.has("1024 others wait").await;
    for number in 0..1024 {
        assert_eq!(widget.take("send_to_device").await, candidates(number));
    }
}

#[tokio::test]
async fn only_granted_types_come_and_none_of_encryptions_own() {
    let place = Place::new().await;
    let mut widget = place.widget_where(true, |mut request| async move {
        request
            .capabilities
            .retain(|name| !name.ends_with("m.denied"));
        request.capabilities
    });
    let approved = widget.negotiate(&[
        "org.matrix.msc3819.receive.to_device:m.denied",
        "org.matrix.msc3819.receive.to_device:m.room_key",
        "org.matrix.msc3819.send.to_device:m.unasked",
        CANDIDATES,
    ]);
    assert_eq!(
        approved.await,
        json!([
            "org.matrix.msc3819.receive.to_device:m.room_key",
            CANDIDATES,
            "org.matrix.msc3819.send.to_device:m.unasked",
        ])
    );
    let other = |kind| json!({ "type": kind, "sender": "@bob:example.org", "content": {} });
    let others = ["m.denied", "m.unasked", "m.room_key", "m.call.candidates2"].map(other);
    place.sync_to_device(others).await;
    place.sync_to_device([candidates(1)]).await;
    assert_eq!(widget.take("send_to_device").await, candidates(1));
}

#[tokio::test]
async fn they_wait_for_the_widget_to_be_told_of_its_capabilities() {
    let place = Place::new().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    widget.announce(&[CANDIDATES]).await;
    let (request, answer) = person.recv().await.unwrap();
    // Nothing is granted yet: the next page's, or nobody's.
    place.sync_to_device([candidates(1)]).await;
    answer.send(request.capabilities).unwrap();
    assert_eq!(widget.notified().await["approved"], json!([CANDIDATES]));
    place.sync_to_device([candidates(2)]).await;
    assert_eq!(widget.take("send_to_device").await, candidates(2));
}

#[tokio::test]
async fn a_reloaded_page_is_given_each_once() {
    let place = Place::new().await;
    let mut widget = place.widget();
    for number in 0..3 {
        widget.negotiate(&[SEND, CANDIDATES]).await;
        place.sync_to_device([candidates(number)]).await;
        assert_eq!(widget.take("send_to_device").await, candidates(number));
        widget.heard().await;
    }
}

/// Hears one message, which is the encrypted one.
async fn heard_encrypted<D: Driver>(mut widget: Widget<D>) -> Vec<String> {
    let message = widget.expect("send_to_device").await;
    let expected = json!({ "type": "m.call.candidates", "content": { "z": 1.0, "a": "é" }, "sender": "@bob:example.org" });
    assert_eq!(parsed(&message)["data"], expected);
    widget.answer(&message, &json!({})).await;
    // After the handshake, which is not the same.
    widget.transcript.split_off(6)
}

#[tokio::test]
async fn of_an_encrypted_room_only_encrypted_ones_come_word_for_word_as_from_the_driver_alone() {
    let server = MatrixMockServer::new().await;
    server.mock_crypto_endpoints_preset().await;
    let (alice, bob) = server.set_up_alice_and_bob_for_encryption().await;
    let encryption = server.mock_room_state_encryption();
    encryption.encrypted().mount().await;
    let place = Place::of(server, alice.clone()).await;
    let (mut ours, mut bare) = (place.widget(), place.bare_widget());
    ours.negotiate(&[CANDIDATES]).await;
    bare.negotiate(&[CANDIDATES]).await;
    place.sync_to_device([candidates(1)]).await;

    let place = Place::of(place.server, bob.clone()).await;
    let mut sender = place.bare_widget();
    sender
        .negotiate(&["org.matrix.msc3819.send.to_device:m.call.candidates"])
        .await;
    let server = &place.server;
    let sent = server.mock_capture_put_to_device_then_sync_back(bob.user_id().unwrap(), &alice);
    let sent = sent.await;
    let messages = json!({ "@alice:example.org": { "4L1C3": { "z": 1.0, "a": "é" } } });
    let data = json!({ "type": "m.call.candidates", "encrypted": true, "messages": messages });
    let answer = sender.ask("1", "send_to_device", &data).await;
    assert!(answer["error"].is_null(), "{answer}");
    sent.await;
    assert_eq!(heard_encrypted(ours).await, heard_encrypted(bare).await);
}
