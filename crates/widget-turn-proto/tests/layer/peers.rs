//! The faults of other published hosts, each shown not to be ours.

use serde_json::json;
use widget_turn_proto::{MessageError, Output, Peer, Supply};

use crate::harness::{
    RENEGOTIATE, Scene, UNSTABLE, UNWATCH, WATCH, forbidden, notify, parsed, ready, reply, request,
    widget_request,
};

#[test]
fn a01_a_refused_or_unanswered_update_does_not_end_the_updates() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    let update = scene.update().expect("update");
    scene.widget(&reply(
        &update,
        &json!({ "error": { "message": "no listener" } }),
    ));
    scene.supply(ready("b"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
    scene.run(10_000);
    scene.supply(forbidden());
    scene.supply(ready("c"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "c""#]);
    scene.run(11_000);
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            r#">widget update_turn_servers "c""#
        ],
        "a later watch is no no-op where something is owed"
    );
}

#[test]
fn a02_a_homeserver_slower_than_the_widgets_patience_costs_it_nothing() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.run(2_500);
    assert_eq!(scene.story(), ["watch", ">widget watch_turn_servers#1 {}"]);
    scene.run(30_000);
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

#[test]
fn a03_unwatch_is_answered_at_once() {
    let mut scene = Scene::watching("a");
    let before = scene.now;
    scene.widget(&request("2", UNWATCH));
    assert_eq!(scene.now, before);
    assert_eq!(
        scene.story(),
        ["unwatch", ">widget unwatch_turn_servers#2 {}"]
    );
}

#[test]
fn a04_a_widget_that_never_sends_its_unwatch_is_ended_by_its_reload() {
    let mut scene = Scene::granted();
    scene.page_load();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    scene.forget();
    scene.page_load();
    assert_eq!(scene.story(), ["unwatch"]);
}

#[test]
fn a05_a_watch_right_after_an_unwatch_is_served() {
    let mut scene = Scene::watching("a");
    scene.widget(&request("2", UNWATCH));
    scene.widget(&request("3", WATCH));
    assert_eq!(
        scene.story(),
        [
            "unwatch",
            ">widget unwatch_turn_servers#2 {}",
            "watch",
            ">widget watch_turn_servers#3 {}",
            r#">widget update_turn_servers "a""#,
        ]
    );
}

#[test]
fn a06_two_watches_at_once_make_one_poller_and_one_unwatch_ends_it() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", WATCH));
    scene.supply(ready("a"));
    scene.widget(&request("3", UNWATCH));
    scene.supply(ready("b"));
    scene.run(60_000);
    let news = scene.news();
    let count = |what: &Output| news.iter().filter(|output| *output == what).count();
    assert_eq!((count(&Output::Watch), count(&Output::Unwatch)), (1, 1));
    let last = crate::harness::short(news.last().expect("news"));
    assert_eq!(last, ">widget unwatch_turn_servers#3 {}");
}

#[test]
fn a07_an_unwatch_during_the_first_fetch_ends_the_watch() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", UNWATCH));
    scene.forget();
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn a08_the_update_is_a_message_after_the_answer() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    let told = scene.heard_by_widget();
    assert_eq!(parsed(&told[0])["action"], WATCH);
    assert_eq!(parsed(&told[1])["action"], "update_turn_servers");
}

#[test]
fn a09_a_second_consumer_that_watches_after_the_first_left_gets_the_value_in_hand() {
    let mut scene = Scene::watching("a");
    scene.widget(&request("2", UNWATCH));
    scene.forget();
    scene.widget(&request("3", WATCH));
    assert!(scene.update().is_some());
    // And two answers to one update, as its two consumers give, are no trouble.
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    let update = scene.update().expect("update");
    scene.widget(&reply(&update, &json!({})));
    scene.widget(&reply(
        &update,
        &json!({ "error": { "message": "unknown" } }),
    ));
    scene.supply(ready("b"));
    assert!(scene.update().is_some());
}

#[test]
fn a10_a_reloaded_page_gets_credentials() {
    let mut scene = Scene::granted();
    scene.page_load();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    scene.page_load();
    scene.grant();
    scene.widget(&request("1", WATCH));
    assert_eq!(
        scene.story(),
        [
            "watch",
            ">widget watch_turn_servers#1 {}",
            r#">widget update_turn_servers "a""#
        ]
    );
}

#[test]
fn a11_a_widget_that_went_away_in_the_middle_of_an_update_leaves_no_timer() {
    let mut scene = Scene::granted();
    scene.page_load();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    scene.page_load();
    assert_eq!(scene.layer.poll_timeout(), None);
    assert_eq!(scene.news().last(), Some(&Output::Unwatch));
}

#[test]
fn a12_a_renegotiation_with_nothing_new_is_told_of_once() {
    let mut scene = Scene::granted();
    let names = json!({ "capabilities": [UNSTABLE] });
    scene.widget(&widget_request("r", RENEGOTIATE, &names));
    let told = scene.heard_by_widget();
    assert_eq!(told.len(), 2, "the answer and one notify");
    assert_eq!(parsed(&told[1])["data"]["approved"], json!([UNSTABLE]));
}

#[test]
fn a13_the_cause_of_a_refusal_is_told() {
    let mut scene = Scene::granted();
    scene.supply = Some(forbidden());
    scene.widget(&request("1", WATCH));
    let error = parsed(&scene.heard_by_widget()[0])["response"]["error"].clone();
    assert_eq!(
        error["matrix_api_error"]["response"]["errcode"],
        "M_FORBIDDEN"
    );
}

#[test]
fn a14_a_widget_that_did_not_look_at_the_versions_is_served() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    assert!(
        scene.update().is_some(),
        "nobody asked for `supported_api_versions`"
    );
}

#[test]
fn a15_what_a_log_would_show_has_no_secret() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    let update = scene.update().expect("update");
    assert!(update.contains("secret"));
    scene.widget(&reply(&update, &json!({})));
    scene.widget(&reply(&update, &json!({})));
    let shown = format!("{:?} {:?} {:?}", scene.record, scene.layer, scene.supply);
    assert!(!shown.contains("secret"), "{shown}");
    let to_host =
        |output: &Output| matches!(output, Output::ToHost(text) if text.contains("secret"));
    assert!(!scene.record.iter().any(|(_, output)| to_host(output)));
}

#[test]
fn a16_what_names_another_widget_is_not_served() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH).replace(r#""w""#, r#""W""#));
    assert_eq!(
        scene.news(),
        [Output::Dropped(Peer::Widget, MessageError::OtherWidget)]
    );
}

#[test]
fn a_js_sdk_widgets_session_as_recorded() {
    let mut scene = Scene::new();
    scene.supply = Some(ready("a"));
    scene.widget(&request("v", "supported_api_versions"));
    scene.widget(&request("l", "content_loaded"));
    let told = scene.heard_by_widget();
    assert_eq!(told.len(), 3);
    scene.widget(&reply(&told[2], &json!({ "capabilities": [UNSTABLE] })));
    let token = scene.asked().expect("asked");
    scene.decide(&token, true);
    let told = scene.heard_by_widget();
    scene.widget(&reply(&told[0], &json!({})));
    scene.widget(&request("w1", WATCH));
    let mut updates = 0;
    for name in ["b", "c", "d", "e"] {
        let update = scene.update().expect("update");
        updates += 1;
        scene.widget(&reply(&update, &json!({})));
        scene.run(30_000);
        scene.supply(ready(name));
    }
    assert_eq!(updates, 4);
    scene.widget(&request("u", UNWATCH));
    let story = scene.story();
    assert_eq!(
        story.last().map(String::as_str),
        Some(">widget unwatch_turn_servers#u {}")
    );
}

#[test]
fn a_js_sdk_widget_that_was_denied_asks_all_the_same_and_is_refused() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &[], &[]));
    scene.decide(&token, false);
    scene.supply(Supply::Outage);
    scene.forget();
    scene.widget(&request("1", WATCH));
    assert_eq!(
        scene.story(),
        [r#">widget watch_turn_servers#1 "Missing capability""#]
    );
}
