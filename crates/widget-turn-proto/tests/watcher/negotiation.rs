//! What the widget asks for, and what it is granted.

use serde_json::json;
use widget_turn_proto::WatcherConfig;

use crate::harness::{STABLE, SUPPORTED, Scene, UNSTABLE, VERSIONS, WATCH};

const NOT_GRANTED: &str = "TURN servers not available: the widget was not granted them";

/// A widget that wants a sticker and an always-on screen too.
fn with_others() -> Scene {
    let mut config = WatcherConfig::new("w");
    config.capabilities = vec!["m.sticker".into(), "m.always_on_screen".into()];
    let mut scene = Scene::configured(config);
    scene.start();
    scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
    scene.forget();
    scene
}

#[test]
fn h2_turn_is_asked_for_by_the_unstable_name_and_granted_by_either() {
    for name in [UNSTABLE, STABLE] {
        let mut scene = with_others();
        let _consumer = scene.join();
        scene.host_asks("capabilities", &json!({}));
        let wish = r#">capabilities {"capabilities":["town.robin.msc3846.turn_servers","m.sticker","m.always_on_screen"]}"#;
        assert_eq!(scene.story(), [wish]);
        scene.notify(
            &[UNSTABLE, "m.sticker", "m.always_on_screen"],
            &[name, "m.sticker"],
        );
        assert_eq!(
            scene.story(),
            [
                ">notify_capabilities {}",
                "negotiated",
                ">watch_turn_servers"
            ]
        );
        assert!(scene.watcher.has_capability(UNSTABLE) && scene.watcher.has_capability(STABLE));
        assert!(scene.watcher.has_capability("m.sticker"));
        assert!(!scene.watcher.has_capability("m.always_on_screen"));
    }
}

#[test]
fn p1_a_widget_that_was_not_granted_turn_does_not_watch() {
    for requested in [&[UNSTABLE][..], &[]] {
        let mut scene = with_others();
        let consumer = scene.join();
        scene.host_asks("capabilities", &json!({}));
        scene.notify(requested, &[]);
        scene.run(24 * 3600);
        assert_eq!(scene.given(&consumer).as_deref(), Some(NOT_GRANTED));
        assert!(!scene.story().contains(&">watch_turn_servers".to_owned()));
    }
}

#[test]
fn h4_a_decision_may_take_as_long_as_it_takes() {
    let mut scene = with_others();
    let consumer = scene.join();
    scene.host_asks("capabilities", &json!({}));
    scene.forget();
    scene.run(3600);
    assert_eq!(scene.story(), [""; 0]);
    scene.notify(&[UNSTABLE], &[UNSTABLE]);
    scene.answer(WATCH, &json!({}));
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}

#[test]
fn a12_what_a_renegotiation_grants_is_known() {
    let mut scene = with_others();
    let consumer = scene.join();
    scene.host_asks("capabilities", &json!({}));
    scene.notify(
        &[UNSTABLE, "m.sticker", "m.always_on_screen"],
        &["m.sticker"],
    );
    assert_eq!(scene.given(&consumer).as_deref(), Some(NOT_GRANTED));
    scene.watcher.handle_wish(scene.now, ["m.send".to_owned()]);
    // Some hosts name what is new alone as requested, and tell twice.
    for _ in 0..2 {
        scene.notify(&["m.send"], &["m.sticker", "m.send", UNSTABLE]);
    }
    for (name, granted) in [
        ("m.sticker", true),
        ("m.send", true),
        (UNSTABLE, true),
        ("m.always_on_screen", false),
    ] {
        assert_eq!(scene.watcher.has_capability(name), granted, "{name}");
    }
    let story = scene.story();
    let watches = story.iter().filter(|line| *line == ">watch_turn_servers");
    assert_eq!(watches.count(), 1, "{story:?}");
    assert_eq!(scene.given(&consumer).as_deref(), Some("Pending"));
}

#[test]
fn a12_a_renegotiation_about_something_else_changes_nothing_about_turn() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.notify(&["m.send"], &[]);
    assert!(scene.watcher.has_capability(UNSTABLE));
    assert_eq!(scene.given(&consumer), None);
    assert_eq!(scene.story(), [">notify_capabilities {}", "negotiated"]);
}

#[test]
fn a12_what_a_renegotiation_takes_back_is_known() {
    let (mut scene, consumer) = Scene::watching("a");
    scene.notify(&[UNSTABLE], &[]);
    assert!(!scene.watcher.has_capability(UNSTABLE));
    assert_eq!(scene.given(&consumer).as_deref(), Some(NOT_GRANTED));
    scene.leave(consumer);
    assert_eq!(
        scene.story(),
        [">notify_capabilities {}", "changed", "negotiated"]
    );
}

#[test]
fn a_host_that_asks_twice_before_it_decides_is_answered_twice() {
    let mut scene = with_others();
    let _consumer = scene.join();
    scene.host_asks("capabilities", &json!({}));
    scene.host_asks("capabilities", &json!({}));
    scene.notify(&[UNSTABLE], &[UNSTABLE]);
    let story = scene.story();
    assert_eq!(
        story
            .iter()
            .filter(|line| line.starts_with(">capabilities {"))
            .count(),
        2
    );
    assert_eq!(
        story
            .iter()
            .filter(|line| *line == ">watch_turn_servers")
            .count(),
        1
    );
}

#[test]
fn a12_what_is_taken_back_and_granted_again_is_watched_again() {
    // Updates that were on their way when it was taken back are answered, and are no sign of a watch.
    for late in [0, 1] {
        let (mut scene, consumer) = Scene::watching("a");
        scene.notify(&[UNSTABLE], &[]);
        for _ in 0..late {
            scene.update("late");
        }
        scene.forget();
        scene.notify(&[UNSTABLE], &[UNSTABLE]);
        let story = scene.story();
        assert_eq!(
            story.last().map(String::as_str),
            Some(">watch_turn_servers")
        );
        assert!(scene.watcher.has_capability(UNSTABLE));
        scene.answer(WATCH, &json!({}));
        scene.update("b");
        assert_eq!(scene.given(&consumer).as_deref(), Some("b"));
        scene.forget();
        scene.notify(&[UNSTABLE], &[UNSTABLE]);
        assert_eq!(
            scene.story(),
            [">notify_capabilities {}", "negotiated"],
            "told twice, it is watched once"
        );
    }
}

#[test]
fn a_host_that_begins_anew_after_a_refusal_is_waited_for() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.notify(&[UNSTABLE], &[]);
    assert_eq!(scene.given(&consumer).as_deref(), Some(NOT_GRANTED));
    scene.host_asks("capabilities", &json!({}));
    assert_eq!(scene.given(&consumer).as_deref(), Some("Pending"));
}
