//! What is not for the watcher, and what is for nobody.

use serde_json::json;

use crate::harness::{NOTIFY, Scene, UNSTABLE, UPDATE, WATCH, data, parsed};
use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherOutput};

fn said(text: &str) -> Vec<WatcherOutput> {
    let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    watcher.handle_message(Timestamp::ZERO, text.to_owned());
    std::iter::from_fn(|| watcher.poll_output()).collect()
}

#[test]
fn h7_what_is_not_a_message_to_this_widget_is_dropped() {
    let update = json!({ "api": "toWidget", "widgetId": "w", "requestId": "1", "action": UPDATE, "data": data("a") });
    let mut table = vec![
        ("NotJson", "nonsense".to_owned()),
        ("NotJson", "[]".to_owned()),
        ("NoApi", "{}".to_owned()),
    ];
    for (why, key, value) in [
        ("OtherWidget", "widgetId", json!("other")),
        ("NoWidgetId", "widgetId", json!(7)),
        ("NoRequestId", "requestId", json!(null)),
        ("NoApi", "api", json!("someWidget")),
        ("NoAction", "action", json!(null)),
        ("Unasked", "api", json!("fromWidget")),
        ("Unasked", "response", json!({})),
    ] {
        let mut changed = update.clone();
        changed[key] = value;
        table.push((why, changed.to_string()));
    }
    for (why, text) in table {
        let dropped = format!("[Dropped({why})]");
        assert_eq!(format!("{:?}", said(&text)), dropped, "{text}");
    }
}

#[test]
fn what_is_not_the_watchers_is_passed_on_as_it_came() {
    for text in [
        r#" {"api" : "toWidget","widgetId":"w","requestId":"1","action":"theme_change","data":{"n":1.0}}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"mine-1","action":"send_event","data":{},"response":{"event_id":"$1"}}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"mine-2","action":"watch_turn_servers","data":{},"response":{}}"#,
    ] {
        assert_eq!(said(text), [WatcherOutput::Pass(text.to_owned())]);
    }
}

#[test]
fn an_answer_counts_once() {
    let mut scene = Scene::granted();
    let _consumer = scene.join();
    let mut answer = scene.asked.last().expect("it watches").clone();
    assert_eq!(answer["action"], WATCH);
    answer["response"] = json!({});
    scene.host(&answer.to_string());
    scene.forget();
    scene.host(&answer.to_string());
    answer["response"] = json!({ "error": { "message": "Missing capability" } });
    scene.host(&answer.to_string());
    assert_eq!(scene.story(), ["Dropped(Unasked)", "Dropped(Unasked)"]);
}

#[test]
fn h7_both_spellings_of_the_id_are_read() {
    let (mut scene, consumer) = Scene::watching("a");
    let text = json!({ "api": "toWidget", "widgetId": "w", "requestid": "1", "action": UPDATE, "data": data("b") });
    scene.host(&text.to_string());
    assert_eq!(scene.story(), [">update_turn_servers {}", "changed"]);
    assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
}

#[test]
fn c9_what_is_too_long_gets_an_error_and_is_not_kept() {
    for action in [UPDATE, NOTIFY, "capabilities", "supported_api_versions"] {
        let data = json!({ "uris": [], "approved": [UNSTABLE], "x": "x".repeat(70_000) });
        let text = json!({ "api": "toWidget", "widgetId": "w", "requestId": "1", "action": action, "data": data });
        let [WatcherOutput::ToHost(reply)] = &said(&text.to_string())[..] else {
            panic!("{action} is answered once")
        };
        assert!(reply.len() < 1000);
        let message = &parsed(reply)["response"]["error"]["message"];
        assert_eq!(message, "Message too large: expected at most 65536 bytes");
    }
}

#[test]
fn c9_many_uris_are_cut_to_sixteen() {
    let (mut scene, consumer) = Scene::watching("a");
    let mut many = data("b");
    let uris: Vec<_> = (0..100).map(|n| format!("turn:t{n}.example.com")).collect();
    many["uris"] = json!(uris);
    scene.host_asks(UPDATE, &many);
    let Some(widget_turn_proto::WatcherSupply::Ready(server)) =
        scene.watcher.poll_supply(&consumer)
    else {
        panic!("usable")
    };
    assert_eq!(server.uris(), &uris[..16]);
}

#[test]
fn c9_a_host_that_never_answers_is_owed_nothing_that_grows() {
    let mut scene = Scene::granted();
    for _ in 0..1000 {
        let consumer = scene.join();
        scene.run(10);
        scene.leave(consumer);
    }
    // Of 1000 unwatches the last few are remembered: an older answer is nobody's.
    let oldest = scene.asked.remove(1);
    scene.forget();
    let mut answer = oldest;
    answer["response"] = json!({});
    scene.host(&answer.to_string());
    assert_eq!(scene.story(), ["Dropped(Unasked)"]);
}
