//! What published hosts do to a widget that others do not get over.

use serde_json::json;

use crate::harness::{Scene, UNSTABLE, UNWATCH, WATCH};

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
