//! The room's events and its state, however many of them come and however slow the widget is.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use widget_turn_matrix_sdk::{LiveState, TurnWidgetDriver};

use crate::live_state::{CALL, numbers, with_sliding_sync};
use crate::log::Log;
use crate::scene::{Driver, Place, RECEIVE, ROOM, Widget, message, parsed, state};

/// As many as a widget is given before it answers.
const UNANSWERED: u32 = 15;
/// The oldest are dropped when so many wait.
const WAITING: u64 = 4096;
const DROPPED: u64 = 1024;

/// The state of one of three calls, the `number`th change.
fn call(number: u32) -> Value {
    state("org.example.call", &format!("call-{}", number % 3), number)
}

/// Hears as much as a widget is given that does not answer.
async fn hear_without_an_answer(widget: &mut Widget<TurnWidgetDriver>) -> Vec<String> {
    let mut requests = Vec::new();
    for _ in 0..UNANSWERED {
        requests.push(widget.hear().await);
    }
    for _ in 0..3 {
        widget.heard().await;
    }
    requests
}

async fn answer_all(widget: &mut Widget<TurnWidgetDriver>, requests: &[String]) {
    for request in requests {
        widget.answer(request, &json!({})).await;
    }
}

/// What each `update_state` brings, as far as a widget has heard of it: numbers by state key.
fn learn(known: &mut BTreeMap<String, u64>, update: &Value) {
    for event in update["state"].as_array().unwrap() {
        let key = event["state_key"].as_str().unwrap();
        let number = event["content"]["number"].as_u64().unwrap();
        known.insert(key.to_owned(), number);
    }
}

#[tokio::test]
async fn fifty_of_one_sync_arrive_in_order() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[RECEIVE]).await;
    place.sync_timeline((0..50).map(message)).await;
    place.sync_timeline([message(50)]).await;
    for number in 0..=50 {
        let mut expected = message(number);
        expected["room_id"] = json!(ROOM.as_str());
        assert_eq!(widget.take("send_event").await, expected);
    }
}

#[tokio::test]
async fn a_widget_that_did_not_answer_for_a_while_gets_all_of_them_and_the_last_state() {
    for live_state in [LiveState::FromSync, LiveState::FromEvents] {
        let place = Place::new().await;
        let mut widget = place.widget_with(live_state);
        widget.negotiate(&[RECEIVE, CALL]).await;
        widget.take("update_state").await;
        place.sync_timeline((0..50).map(message)).await;
        match live_state {
            LiveState::FromSync => place.sync_state([call(1)]).await,
            _ => place.sync_timeline([call(1)]).await,
        }
        place.sync_timeline((50..60).map(message)).await;
        let requests = hear_without_an_answer(&mut widget).await;
        answer_all(&mut widget, &requests).await;
        let mut next = 0;
        for request in requests {
            assert_eq!(parsed(&request)["data"]["content"]["number"], next);
            next += 1;
        }
        for number in next..50 {
            let event = widget.take("send_event").await;
            assert_eq!(event["content"]["number"], number);
        }
        assert_eq!(numbers(&widget.take("update_state").await), [1]);
        if live_state == LiveState::FromEvents {
            let event = widget.take("send_event").await;
            assert_eq!(event["type"], "org.example.call");
        }
        for number in 50..60 {
            let event = widget.take("send_event").await;
            assert_eq!(event["content"]["number"], number);
        }
        widget.heard().await;
    }
}

#[tokio::test]
async fn a_widget_that_never_answers_is_given_more_after_a_while() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[RECEIVE]).await;
    place.sync_timeline((0..20).map(message)).await;
    hear_without_an_answer(&mut widget).await;
    tokio::time::pause();
    let next = parsed(&widget.expect("send_event").await);
    assert_eq!(next["data"]["content"]["number"], 15);
}

#[tokio::test]
async fn a_busy_widget_hears_the_last_of_sixty_changes_of_the_state() {
    let last = [57_u64, 58, 59].map(|number| (format!("call-{}", number % 3), number));
    let last = BTreeMap::from(last);
    for live_state in [
        LiveState::FromSync,
        LiveState::FromEvents,
        LiveState::Subscribe,
    ] {
        let (place, sliding_sync) = with_sliding_sync().await;
        let mut widget = place.widget_with(live_state);
        widget.negotiate(&[CALL]).await;
        widget.take("update_state").await;
        match live_state {
            LiveState::FromSync => {
                for number in 0..60 {
                    place.sync_state([call(number)]).await;
                }
            }
            LiveState::FromEvents => place.sync_timeline((0..60).map(call)).await,
            _ => (0..60).for_each(|number| sliding_sync.bring(&[call(number)])),
        }
        let mut requests = Vec::new();
        for _ in 0..UNANSWERED {
            requests.push(widget.hear().await);
        }
        answer_all(&mut widget, &requests).await;
        let mut known = BTreeMap::new();
        let first = requests.iter().map(|request| parsed(request));
        for request in first.filter(|request| request["action"] == "update_state") {
            learn(&mut known, &request["data"]);
        }
        assert_ne!(known, last);
        while known != last {
            let request = widget.hear().await;
            widget.answer(&request, &json!({})).await;
            let request = parsed(&request);
            if request["action"] == "update_state" {
                learn(&mut known, &request["data"]);
            }
        }
    }
}

#[tokio::test]
async fn more_than_a_slow_widget_can_catch_up_with_are_dropped_and_its_state_is_told_anew() {
    let log = Log::new();
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[RECEIVE, CALL]).await;
    widget.take("update_state").await;
    // The state waits behind the first messages, and is among the first that are dropped.
    let first = u64::from(UNANSWERED);
    place.sync_timeline((0..first).map(message)).await;
    place.sync_state([call(1)]).await;
    let last = first + WAITING + 100;
    place.sync_timeline((first..=last).map(message)).await;
    log.has("dropped 1024 of the room's events: 4096 wait for the widget's answers")
        .await;
    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        let request = widget.hear().await;
        widget.answer(&request, &json!({})).await;
        let request = parsed(&request);
        if request["action"] == "send_event" {
            heard.push(request["data"]["content"]["number"].as_u64().unwrap());
        }
    }
    assert!(heard.is_sorted());
    let missing = last + 1 - heard.len() as u64;
    assert!((DROPPED - 1..=DROPPED).contains(&missing), "{missing}");
    assert_eq!(numbers(&widget.take("update_state").await), [1]);
    widget.heard().await;
    assert_eq!(log.text().lines().count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_widget_that_may_read_twenty_kinds_of_state_is_told_of_all() {
    let receive = |kind| format!("org.matrix.msc2762.receive.state_event:org.example.{kind}");
    let wanted: Vec<_> = (0..20).map(receive).collect();
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    for live_state in [
        LiveState::FromSync,
        LiveState::FromEvents,
        LiveState::Subscribe,
    ] {
        let (place, _) = with_sliding_sync().await;
        let there = (0..25).map(|kind| state(&format!("org.example.{kind}"), "", kind));
        place.sync_state(there).await;
        let mut widget = place.widget_with(live_state);
        widget.negotiate(&wanted).await;
        let first = widget.take("update_state").await;
        assert_eq!(numbers(&first), (0..20).collect::<Vec<_>>());
        place.sync_state([state("org.example.19", "", 77)]).await;
        assert_eq!(numbers(&widget.take("update_state").await), [77]);
    }
}

/// The `data` of what a widget is given of these events, and of this state, up to the message that is the last.
async fn given<D: Driver>(mut widget: Widget<D>, place: &Place, wanted: &[&str]) -> Vec<Value> {
    let of = |kind: &str, content: Value| {
        let mut event = message(0);
        event["type"] = json!(kind);
        event["content"] = content;
        event
    };
    let text = |msgtype: Value| of("m.room.message", json!({ "msgtype": msgtype }));
    let mut with_null_key = text(json!("m.text"));
    with_null_key["state_key"] = Value::Null;
    let mut with_key = text(json!("m.text"));
    with_key["state_key"] = json!("");
    widget.negotiate(wanted).await;
    place
        .sync_timeline([
            text(json!("m.text")),
            text(json!("m.image")),
            text(json!(7)),
            of("m.room.message", json!({})),
            of("m.reaction", json!({})),
            of("org.example.other", json!({ "msgtype": "m.text" })),
            with_null_key,
            with_key,
            state("org.example.call", "a", 1),
            state("org.example.call", "b", 2),
            state("org.example.call", "", 3),
            state("org.example.one", "a", 4),
            state("org.example.one", "b", 5),
            of("org.example.last", json!({})),
        ])
        .await;
    let mut given = Vec::new();
    loop {
        let request = widget.hear().await;
        widget.answer(&request, &json!({})).await;
        let request = parsed(&request);
        let data = request["data"].clone();
        given.push(json!([request["action"], data]));
        if data["type"] == "org.example.last" {
            return given;
        }
    }
}

#[tokio::test]
async fn what_was_not_granted_is_not_given_and_all_else_is_as_by_the_driver_alone() {
    let last = "org.matrix.msc2762.receive.event:org.example.last";
    for (granted, number) in [
        ("org.matrix.msc2762.receive.event:m.room.message", 5),
        ("org.matrix.msc2762.receive.event:m.room.message#m.text", 3),
        ("org.matrix.msc2762.receive.event:m.room.message#m.image", 2),
        ("org.matrix.msc2762.receive.event:m.reaction", 2),
        ("org.matrix.msc2762.receive.event:org.example.call", 1),
        ("org.matrix.msc2762.receive.event:m.reaction#m.text", 1),
        ("org.matrix.msc2762.send.event:m.reaction", 1),
        ("org.matrix.msc3819.receive.to_device:m.reaction", 1),
        // With the first `update_state`.
        ("org.matrix.msc2762.receive.state_event:m.reaction", 2),
        ("org.matrix.msc2762.receive.state_event:org.example.call", 5),
        (
            "org.matrix.msc2762.receive.state_event:org.example.one#a",
            3,
        ),
        ("org.matrix.msc2762.receive.state_event:org.example.one#", 2),
        ("org.matrix.msc2762.receive.state_event:m.room.message", 3),
    ] {
        let place = Place::new().await;
        let ours = given(place.widget(), &place, &[granted, last]).await;
        let place = Place::new().await;
        let bare = given(place.bare_widget(), &place, &[granted, last]).await;
        assert_eq!(ours, bare, "{granted}");
        assert_eq!(ours.len(), number, "{granted}");
    }
}

#[tokio::test]
async fn of_the_state_too_only_what_was_granted_is_given() {
    let place = Place::new().await;
    let of = |key, number| state("org.example.call", key, number);
    place
        .sync_state([of("a", 1), of("b", 2), state("org.example.other", "a", 3)])
        .await;
    let mut widget = place.widget();
    let call_a = format!("{CALL}#a");
    widget.negotiate(&[RECEIVE, &call_a]).await;
    assert_eq!(numbers(&widget.take("update_state").await), [1]);
    let other = state("org.example.other", "a", 4);
    place.sync_state([of("b", 5), other.clone()]).await;
    place.sync_state([of("b", 6), of("a", 7), other]).await;
    assert_eq!(numbers(&widget.take("update_state").await), [7]);
}

#[tokio::test]
async fn nothing_of_the_page_before_comes_to_the_next() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[RECEIVE]).await;
    place.sync_timeline((0..50).map(message)).await;
    let requests = hear_without_an_answer(&mut widget).await;
    widget.negotiate(&[RECEIVE]).await;
    answer_all(&mut widget, &requests).await;
    place.sync_timeline([message(50)]).await;
    let event = widget.take("send_event").await;
    assert_eq!(event["content"]["number"], 50);
    widget.heard().await;
}
