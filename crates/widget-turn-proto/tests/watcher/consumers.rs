//! Any number of consumers, one watch on the wire.

use serde_json::json;
use widget_turn_proto::WatcherSupply;

use crate::harness::{Scene, UNWATCH, UPDATE, WATCH, data, server};

#[test]
fn a04_unwatch_is_sent_the_moment_the_last_consumer_leaves() {
    let (mut scene, one) = Scene::watching("a");
    let other = scene.join();
    scene.leave(one);
    assert_eq!(scene.story(), [""; 0], "one is left");
    scene.leave(other);
    assert_eq!(scene.story(), [">unwatch_turn_servers"]);
    assert_eq!(scene.watcher.poll_timeout(), None, "nothing is to be done");
}

#[test]
fn a04_unwatch_does_not_wait_for_the_answer_to_the_watch() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.leave(consumer);
    assert_eq!(
        scene.story(),
        [">watch_turn_servers", ">unwatch_turn_servers"]
    );
    scene.answer(WATCH, &json!({}));
    scene.answer(UNWATCH, &json!({}));
    assert_eq!(scene.watcher.poll_timeout(), None);
}

#[test]
fn a06_any_number_of_consumers_make_one_watch() {
    let mut scene = Scene::granted();
    let first = scene.join();
    let second = scene.join();
    scene.answer(WATCH, &json!({}));
    let third = scene.join();
    assert_eq!(scene.story(), [">watch_turn_servers"]);
    scene.update("a");
    for consumer in [&first, &second, &third] {
        assert_eq!(scene.given(consumer).as_deref(), Some("a"));
    }
}

#[test]
fn a08_an_update_before_the_answer_to_the_watch_is_taken() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.forget();
    scene.update("a");
    assert_eq!(scene.story(), [">update_turn_servers {}", "changed"]);
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    scene.answer(WATCH, &json!({}));
    scene.run(3600);
    assert_eq!(scene.story(), [""; 0], "the watch is in force");
}

#[test]
fn a08_a_slow_consumer_misses_what_is_old_and_never_what_is_newest() {
    let (mut scene, slow) = Scene::watching("a");
    let quick = scene.join();
    for name in ["b", "c", "d"] {
        scene.update(name);
        assert_eq!(scene.given(&quick).as_deref(), Some(name));
    }
    assert_eq!(scene.given(&slow).as_deref(), Some("d"));
    assert_eq!(scene.given(&slow), None);
    assert_eq!(scene.given(&quick), None);
}

#[test]
fn a09_a_new_consumer_gets_the_current_servers_at_once() {
    let (mut scene, _first) = Scene::watching("a");
    let second = scene.join();
    assert_eq!(scene.given(&second).as_deref(), Some("a"));
    assert_eq!(scene.given(&second), None, "once");
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn a09_each_update_is_answered_once_however_many_consumers_there_are() {
    let (mut scene, _first) = Scene::watching("a");
    let _others = [scene.join(), scene.join()];
    scene.forget();
    scene.update("b");
    assert_eq!(scene.story(), [">update_turn_servers {}", "changed"]);
}

#[test]
fn an_update_without_a_consumer_is_answered_like_any_other() {
    let mut scene = Scene::granted();
    scene.update("a");
    assert_eq!(scene.story(), [">update_turn_servers {}"]);
    let consumer = scene.join();
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}

#[test]
fn the_same_servers_again_are_no_news() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.update("a");
    assert_eq!(scene.story(), [">update_turn_servers {}"]);
    assert_eq!(scene.given(&consumer), None);
}

#[test]
fn an_empty_list_means_none_at_present_and_is_no_server() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.host_asks(
        UPDATE,
        &json!({ "uris": [], "username": "", "password": "" }),
    );
    assert_eq!(scene.story(), [">update_turn_servers {}", "changed"]);
    assert_eq!(
        scene.watcher.poll_supply(&consumer),
        Some(WatcherSupply::Outage)
    );
    scene.run(24 * 3600);
    assert_eq!(
        scene.story(),
        [""; 0],
        "the host is watching, and will say so"
    );
    scene.update("b");
    assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
}

#[test]
fn what_is_given_is_what_a_browser_takes() {
    let (mut scene, consumer) = Scene::watching("a");
    let mut some = data("b");
    some["uris"] = json!([
        "bogus:1",
        "stun:s.example.com?transport=udp",
        "turn:t.example.com",
        7,
        ""
    ]);
    some["ttl"] = json!(86400);
    scene.host_asks(UPDATE, &some);
    let Some(WatcherSupply::Ready(given)) = scene.watcher.poll_supply(&consumer) else {
        panic!("one is usable")
    };
    let expected = r#"{"credential":"secret","urls":["turn:t.example.com"],"username":"b"}"#;
    assert_eq!(given.ice_server().expose(), expected);
    for (unusable, why) in [
        (
            json!({ "uris": ["turn:t.example.com"], "username": "", "password": "p" }),
            "NoCredentials",
        ),
        (
            json!({ "uris": ["turn:t.example.com"], "username": "u" }),
            "NoCredentials",
        ),
        (
            json!({ "uris": ["turn:t.example.com"], "username": "u".repeat(510), "password": "p" }),
            "UsernameTooLong",
        ),
        (
            json!({ "uris": ["bogus:1"], "username": "u", "password": "p" }),
            "NoUsableUri",
        ),
        (
            json!({ "uris": null, "username": "u", "password": "p" }),
            "NoUris",
        ),
        (json!("nonsense"), "NoUris"),
    ] {
        scene.update("c");
        scene.forget();
        scene.host_asks(UPDATE, &unusable);
        let told = format!("Unusable({why})");
        assert_eq!(
            scene.story(),
            [">update_turn_servers {}", &told, "changed"],
            "{unusable}"
        );
        assert_eq!(*scene.watcher.supply(), WatcherSupply::Outage, "{unusable}");
    }
}

#[test]
fn c8_passwords_show_in_no_debug_text() {
    let (scene, _consumer) = Scene::watching("a");
    let ready = WatcherSupply::Ready(server("a"));
    let shown = format!("{:?} {ready:?} {:?}", scene.watcher, scene.watcher.supply());
    assert!(
        shown.contains("Secret(…)") && !shown.contains("\"secret\""),
        "{shown}"
    );
}
