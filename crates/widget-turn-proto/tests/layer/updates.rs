//! W7 to W9: updates that arrive and updates that do not.

use serde_json::{Value, json};
use widget_turn_proto::{LayerConfig, OutagePolicy, Secret, Supply, Timestamp, TurnServer};

use crate::harness::{
    Scene, UNSTABLE, UNWATCH, WATCH, forbidden, no_turn, parsed, ready, reply, request,
};

fn error() -> Value {
    json!({ "error": { "message": "Unknown or unsupported to-widget action: update_turn_servers" } })
}

/// A watch whose first update, with credentials `a`, is not answered yet.
fn in_flight() -> (Scene, String) {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    let update = scene.update().expect("update");
    (scene, update)
}

#[test]
fn w7_one_update_at_a_time_and_the_newest_replaces_those_that_wait() {
    let (mut scene, update) = in_flight();
    for name in ["b", "c", "d"] {
        scene.supply(ready(name));
    }
    assert_eq!(scene.story(), [""; 0]);
    scene.widget(&reply(&update, &json!({})));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "d""#]);
}

#[test]
fn w7_an_unanswered_update_does_not_hold_up_the_newer_for_longer_than_ten_seconds() {
    let (mut scene, _) = in_flight();
    scene.supply(ready("b"));
    scene.run(9_999);
    assert_eq!(scene.story(), [""; 0]);
    scene.run(1);
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
}

#[test]
fn w7_a_refused_update_does_not_end_the_watch() {
    for lose in [true, false] {
        let (mut scene, update) = in_flight();
        if lose {
            scene.run(10_000);
        } else {
            scene.widget(&reply(&update, &error()));
        }
        scene.run(3_600_000);
        assert_eq!(scene.story(), [""; 0], "it is not sent again of itself");
        scene.supply(ready("a"));
        assert_eq!(
            scene.story(),
            [r#">widget update_turn_servers "a""#],
            "a refresh"
        );
        scene.run(10_000);
        scene.widget(&request("2", WATCH));
        assert_eq!(
            scene.story(),
            [
                ">widget watch_turn_servers#2 {}",
                r#">widget update_turn_servers "a""#
            ]
        );
        scene.run(10_000);
        scene.supply(ready("b"));
        assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
    }
}

#[test]
fn w7_a_watch_during_a_flight_that_fails_sends_it_again_at_once() {
    for lose in [true, false] {
        let (mut scene, update) = in_flight();
        scene.widget(&request("2", WATCH));
        assert_eq!(scene.story(), [">widget watch_turn_servers#2 {}"]);
        if lose {
            scene.run(10_000);
        } else {
            scene.widget(&reply(&update, &error()));
        }
        assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
    }
}

#[test]
fn w7_a_late_answer_and_a_second_answer_change_nothing() {
    let (mut scene, update) = in_flight();
    scene.run(10_000);
    for answer in [json!({}), error(), json!({})] {
        scene.widget(&reply(&update, &answer));
        assert_eq!(scene.story(), ["dropped Unasked"]);
    }
    let (mut scene, update) = in_flight();
    scene.widget(&reply(&update, &json!({})));
    scene.widget(&reply(&update, &error()));
    assert_eq!(scene.story(), ["dropped Unasked"]);
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [">widget watch_turn_servers#2 {}"],
        "it did arrive"
    );
}

#[test]
fn w7_a_late_answer_to_the_first_is_not_one_to_the_second() {
    let (mut scene, first) = in_flight();
    scene.supply(ready("b"));
    scene.run(10_000);
    let second = scene.update().expect("update");
    assert_ne!(parsed(&first)["requestId"], parsed(&second)["requestId"]);
    scene.supply(ready("c"));
    scene.widget(&reply(&first, &json!({})));
    assert_eq!(scene.story(), ["dropped Unasked"]);
    scene.widget(&reply(&second, &json!({})));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "c""#]);
}

#[test]
fn w7_an_id_with_other_escapes_is_the_same_id() {
    let (mut scene, update) = in_flight();
    scene.supply(ready("b"));
    let answer = reply(&update, &json!({})).replace("turn-", r"turn\u002d");
    scene.widget(&answer);
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
}

#[test]
fn w7_an_answer_of_null_is_none_and_does_not_reach_the_inner_host() {
    let (mut scene, update) = in_flight();
    scene.widget(&reply(&update, &Value::Null));
    scene.widget(&update);
    let story = scene.story();
    assert!(
        !story.iter().any(|said| said.starts_with(">host")),
        "credentials: {story:?}"
    );
    scene.supply(ready("b"));
    scene.run(10_000);
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
}

#[test]
fn w7_an_unwatch_during_a_flight_and_a_watch_after_it() {
    for answer in [Some(json!({})), Some(error()), None] {
        let (mut scene, update) = in_flight();
        scene.widget(&request("2", UNWATCH));
        scene.widget(&request("3", WATCH));
        scene.forget();
        match &answer {
            Some(answer) => scene.widget(&reply(&update, answer)),
            None => scene.run(10_000),
        }
        assert_eq!(
            scene.story(),
            [r#">widget update_turn_servers "a""#],
            "{answer:?}"
        );
    }
}

#[test]
fn w8_the_same_credentials_are_not_sent_twice_in_a_watch() {
    let mut scene = Scene::watching("a");
    for supply in [
        ready("a"),
        Supply::Outage,
        ready("a"),
        no_turn(),
        forbidden(),
        ready("a"),
    ] {
        scene.supply(supply);
    }
    assert_eq!(scene.story(), [""; 0]);
    scene.supply(ready("b"));
    let update = scene.update().expect("update");
    scene.widget(&reply(&update, &json!({})));
    scene.supply(ready("a"));
    assert_eq!(
        scene.story(),
        [r#">widget update_turn_servers "a""#],
        "they are others again"
    );
}

#[test]
fn w8_credentials_that_came_and_went_while_another_was_in_flight_are_not_sent() {
    let (mut scene, update) = in_flight();
    scene.supply(ready("b"));
    scene.supply(ready("a"));
    scene.widget(&reply(&update, &json!({})));
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn w8_an_update_under_way_while_the_page_negotiates_again_is_not_sent_twice() {
    let (mut scene, update) = in_flight();
    scene.answer_capabilities("c2", &[UNSTABLE]);
    scene.forget();
    scene.widget(&reply(&update, &json!({})));
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn w8_a_new_password_for_the_same_name_is_other_credentials() {
    let mut scene = Scene::watching("a");
    let uris = ["turn:turn.example.com:3478?transport=udp".to_owned()];
    let server = TurnServer::new(uris, "a", Secret::new("changed")).expect("usable");
    scene.supply(Supply::Ready {
        server,
        expires_at: Timestamp::ZERO,
    });
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

fn with_empty_lists() -> Scene {
    let mut config = LayerConfig::new("w");
    config.outage = OutagePolicy::SendEmptyList;
    let mut scene = Scene::configured(config);
    scene.grant();
    scene
}

fn acknowledge(scene: &mut Scene) -> Value {
    let update = scene.update().expect("update");
    scene.widget(&reply(&update, &json!({})));
    parsed(&update)["data"].clone()
}

/// What is new for the widget, in short.
fn told(scene: &mut Scene) -> Vec<String> {
    let mut story = scene.story();
    story.retain(|line| line.starts_with(">widget"));
    story
}

#[test]
fn w9_by_default_no_outage_sends_an_empty_list() {
    let mut scene = Scene::watching("a");
    for outage in [Supply::Outage, no_turn(), forbidden(), Supply::Pending] {
        scene.supply(outage);
        scene.run(60_000);
        scene.widget(&request("2", WATCH));
        assert_eq!(told(&mut scene), [">widget watch_turn_servers#2 {}"]);
    }
}

#[test]
fn w9_a_host_that_wants_the_empty_list_gets_it_once_and_then_what_comes() {
    let mut scene = with_empty_lists();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    acknowledge(&mut scene);
    scene.supply(Supply::Outage);
    let data = acknowledge(&mut scene);
    assert_eq!(data, json!({ "uris": [], "username": "", "password": "" }));
    for outage in [Supply::Outage, no_turn(), forbidden()] {
        scene.supply(outage);
    }
    scene.widget(&request("2", WATCH));
    assert_eq!(told(&mut scene), [">widget watch_turn_servers#2 {}"]);
    scene.supply(ready("a"));
    assert_eq!(
        scene.story(),
        [r#">widget update_turn_servers "a""#],
        "they are good again"
    );
}

#[test]
fn w9_a_widget_that_had_no_credentials_gets_no_empty_list() {
    let mut scene = with_empty_lists();
    scene.widget(&request("1", WATCH));
    scene.supply(Supply::Outage);
    scene.supply(no_turn());
    scene.run(60_000);
    assert_eq!(scene.story(), ["watch", ">widget watch_turn_servers#1 {}"]);
    scene.answer_capabilities("c2", &[UNSTABLE]);
    scene.forget();
    scene.supply(Supply::Outage);
    assert_eq!(scene.story(), [""; 0], "nor after another negotiation");
}

#[test]
fn w9_the_empty_list_waits_its_turn_and_is_spared_if_the_outage_is_over_by_then() {
    for over in [true, false] {
        let mut scene = with_empty_lists();
        scene.supply = Some(ready("a"));
        scene.widget(&request("1", WATCH));
        let update = scene.update().expect("update");
        scene.supply(Supply::Outage);
        if over {
            scene.supply(ready("a"));
        }
        assert_eq!(scene.story(), [""; 0]);
        scene.widget(&reply(&update, &json!({})));
        let empty = r#">widget update_turn_servers """#;
        assert_eq!(scene.story(), if over { vec![] } else { vec![empty] });
    }
}

#[test]
fn w9_an_empty_list_that_did_not_arrive_is_sent_again_at_the_next_watch() {
    let mut scene = with_empty_lists();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    acknowledge(&mut scene);
    scene.supply(Supply::Outage);
    scene.run(10_000);
    scene.forget();
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            r#">widget update_turn_servers """#
        ]
    );
}

#[test]
fn w9_credentials_that_ran_out_after_a_later_update_was_lost_are_taken_back_too() {
    let mut scene = with_empty_lists();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    acknowledge(&mut scene);
    scene.supply(ready("b"));
    scene.run(10_000);
    scene.forget();
    scene.supply(Supply::Outage);
    assert_eq!(
        scene.story(),
        [r#">widget update_turn_servers """#],
        "`a` ran out long ago"
    );
}

#[test]
fn w9_what_is_sent_has_the_three_fields_of_the_msc_and_no_lifetime() {
    let (_, update) = in_flight();
    let data = parsed(&update)["data"].clone();
    let expected = json!({
        "uris": ["turn:turn.example.com:3478?transport=udp"],
        "username": "a",
        "password": "secret",
    });
    assert_eq!(data, expected);
}
