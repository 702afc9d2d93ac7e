//! What published hosts do to a widget that others do not get over.

use serde_json::json;

use crate::harness::{Scene, UNSTABLE, UNWATCH, WATCH, api_error, error};

#[test]
fn a01_a_host_that_takes_the_watch_and_sends_nothing_is_asked_to_end_it_and_begin_anew() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.answer(WATCH, &json!({}));
    scene.forget();
    scene.run(60);
    assert_eq!(
        scene.story(),
        ["changed", ">unwatch_turn_servers", ">watch_turn_servers"]
    );
    assert_eq!(scene.given(&consumer).as_deref(), Some("Outage"));
    scene.answer(UNWATCH, &json!({}));
    scene.answer(WATCH, &json!({}));
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    scene.forget();
    scene.run(24 * 3600);
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn a03_an_unwatch_that_is_answered_hours_later_ends_no_later_watch() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.run(3600);
    let consumer = scene.join();
    assert_eq!(
        scene.given(&consumer).as_deref(),
        Some("a"),
        "the host has not ended the watch"
    );
    // It takes the watch for one that is in force, and ends it all the same when it comes to the unwatch.
    scene.answer(WATCH, &json!({}));
    scene.update("b");
    scene.forget();
    scene.answer(UNWATCH, &json!({}));
    assert_eq!(scene.story(), [">watch_turn_servers"]);
    scene.answer(WATCH, &json!({}));
    scene.update("c");
    assert_eq!(scene.given(&consumer).as_deref(), Some("c"));
}

#[test]
fn a03_servers_are_forgotten_once_the_unwatch_is_answered() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.answer(UNWATCH, &json!({}));
    let consumer = scene.join();
    assert_eq!(scene.given(&consumer), None, "they may have expired");
    assert_eq!(
        scene.story(),
        [">unwatch_turn_servers", ">watch_turn_servers"]
    );
}

#[test]
fn a05_a_watch_right_after_an_unwatch_is_one_watch() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    let _consumer = scene.join();
    scene.answer(UNWATCH, &json!({}));
    scene.answer(WATCH, &json!({}));
    assert_eq!(
        scene.story(),
        [">unwatch_turn_servers", ">watch_turn_servers"]
    );
}

#[test]
fn a07_a_host_that_goes_on_after_the_unwatch_is_told_again() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.update("b");
    scene.answer(UNWATCH, &json!({}));
    scene.forget();
    scene.update("c");
    assert_eq!(
        scene.story(),
        [">update_turn_servers {}", ">unwatch_turn_servers"]
    );
}

#[test]
fn a10_a_reloaded_page_takes_what_a_host_that_did_not_notice_sends() {
    let mut scene = Scene::new();
    scene.start();
    let consumer = scene.join();
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}

#[test]
fn a10_a_host_that_ends_the_watch_for_the_page_before_a_reload_is_asked_to_watch_again() {
    // It took the watch of this page for the one in force, and comes to the unwatch of the other page at its refresh: after
    // the update, or before it.
    for update_first in [true, false] {
        let mut scene = Scene::granted();
        let consumer = scene.join();
        scene.answer(WATCH, &json!({}));
        if update_first {
            scene.update("a");
        }
        scene.forget();
        let ended = json!({ "api": "fromWidget", "widgetId": "w", "requestId": "another-1", "action": UNWATCH, "data": {}, "response": {} });
        scene.host(&ended.to_string());
        let told = [r#"pass "unwatch_turn_servers""#, ">watch_turn_servers"];
        assert_eq!(scene.story(), told, "update first: {update_first}");
        scene.answer(WATCH, &json!({}));
        scene.update("b");
        assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
    }
}

#[test]
fn h6_a_host_that_begins_anew_is_asked_to_watch_again() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.negotiate(&[UNSTABLE]);
    assert_eq!(
        scene.story().last().map(String::as_str),
        Some(">watch_turn_servers")
    );
    scene.answer(WATCH, &json!({}));
    scene.update("b");
    assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
}

#[test]
fn a03_an_unwatch_that_is_never_answered_keeps_nobody_from_being_served() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.run(3600);
    let consumer = scene.join();
    assert_eq!(
        scene.story(),
        [">unwatch_turn_servers", ">watch_turn_servers"]
    );
    // It takes the watch for one that is in force. What the widget has is from before: that is no sign that it is.
    scene.answer(WATCH, &json!({}));
    scene.run(40);
    assert_eq!(
        scene.story(),
        [">unwatch_turn_servers", ">watch_turn_servers"]
    );
    scene.answer(WATCH, &json!({}));
    scene.update("b");
    assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
    scene.forget();
    scene.run(24 * 3600);
    assert_eq!(scene.story(), [""; 0]);
    // Two late answers cost two watches, and no servers.
    for _ in 0..2 {
        scene.answer(UNWATCH, &json!({}));
        assert_eq!(scene.story(), [">watch_turn_servers"]);
        scene.answer(WATCH, &json!({}));
        scene.update("b");
        scene.forget();
    }
    assert_eq!(scene.given(&consumer), None);
    scene.run(24 * 3600);
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn a03_servers_are_forgotten_though_an_older_unwatch_was_never_answered() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.asked.clear();
    let consumer = scene.join();
    scene.answer(WATCH, &json!({}));
    scene.update("b");
    scene.leave(consumer);
    scene.answer(UNWATCH, &json!({}));
    let consumer = scene.join();
    assert_eq!(scene.given(&consumer), None, "they may have expired");
}

#[test]
fn a06_who_leaves_and_returns_before_the_answer_makes_no_second_watch() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.leave(consumer);
    for _ in 0..3 {
        let consumer = scene.join();
        scene.leave(consumer);
    }
    let consumer = scene.join();
    let told = [">watch_turn_servers", ">unwatch_turn_servers"];
    assert_eq!(scene.story(), told);
    // A host that fetches first has nothing to end yet, and watches afterwards.
    scene.answer(UNWATCH, &json!({}));
    assert_eq!(scene.story(), [""; 0]);
    scene.answer(WATCH, &json!({}));
    assert_eq!(scene.story(), [">watch_turn_servers"]);
    scene.update("a");
    scene.answer(WATCH, &json!({}));
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    scene.forget();
    scene.run(24 * 3600);
    assert_eq!(scene.story(), [""; 0], "the watch is in force");
    scene.leave(consumer);
    assert_eq!(scene.story(), [">unwatch_turn_servers"]);
}

#[test]
fn a06_who_returns_does_not_wait_for_ever_for_the_answer_to_the_watch_before() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.leave(consumer);
    let consumer = scene.join();
    scene.forget();
    scene.run(9);
    assert_eq!(scene.story(), [""; 0]);
    scene.run(1);
    assert_eq!(scene.story(), [">watch_turn_servers"]);
    scene.asked.clear();
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    scene.leave(consumer);
    let consumer = scene.join();
    scene.leave(consumer);
    scene.run(24 * 3600);
    assert_eq!(scene.watcher.poll_timeout(), None, "nobody is there");
}

#[test]
fn a06_the_answer_to_the_watch_before_counts_for_who_returned() {
    for (refusal, given) in [
        (error("TURN servers not available"), "Outage"),
        (
            error("Missing capability"),
            "TURN servers not available: the widget was not granted them",
        ),
    ] {
        let mut scene = Scene::granted();
        let consumer = scene.join();
        scene.leave(consumer);
        let consumer = scene.join();
        scene.answer(WATCH, &refusal);
        assert_eq!(scene.given(&consumer).as_deref(), Some(given));
        scene.forget();
        scene.run(60);
        let again: &[&str] = if given == "Outage" {
            &[">watch_turn_servers", ">watch_turn_servers"]
        } else {
            &[]
        };
        assert_eq!(scene.story(), again, "the second is not answered");
    }
}

#[test]
fn a07_a_host_that_goes_on_and_does_not_answer_the_unwatch_is_told_again() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    scene.forget();
    scene.run(9);
    scene.update("b");
    assert_eq!(scene.story(), [">update_turn_servers {}"]);
    for name in ["c", "d"] {
        scene.run(10);
        scene.update(name);
        let told = [">update_turn_servers {}", ">unwatch_turn_servers"];
        assert_eq!(scene.story(), told);
    }
}

#[test]
fn a07_a_host_that_goes_on_though_it_refused_is_told_to_end_when_nobody_is_there() {
    for refusal in [
        error("TURN servers not available"),
        api_error(403, &json!({}), "M_FORBIDDEN"),
    ] {
        let mut scene = Scene::granted();
        let consumer = scene.join();
        scene.answer(WATCH, &refusal);
        scene.leave(consumer);
        scene.forget();
        scene.update("a");
        let told = [">update_turn_servers {}", ">unwatch_turn_servers"];
        assert_eq!(scene.story(), told, "{refusal}");
        scene.answer(UNWATCH, &json!({}));
        let _consumer = scene.join();
        assert_eq!(scene.story(), [">watch_turn_servers"], "{refusal}");
    }
}

#[test]
fn a05_an_update_of_the_watch_that_is_being_ended_is_no_sign_of_the_next_one() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.leave(consumer);
    let consumer = scene.join();
    scene.update("b");
    scene.answer(UNWATCH, &json!({}));
    scene.forget();
    scene.run(40);
    assert_eq!(
        scene.story(),
        [">watch_turn_servers"],
        "it was not answered"
    );
    scene.answer(WATCH, &json!({}));
    scene.update("c");
    assert_eq!(scene.given(&consumer).as_deref(), Some("c"));
}
