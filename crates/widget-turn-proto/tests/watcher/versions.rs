//! Whether the host can, before it is asked.

use serde_json::json;
use widget_turn_proto::WatcherConfig;

use crate::harness::{SUPPORTED, Scene, UNSTABLE, VERSIONS, WATCH, api_error, error};

const WATCHES: &str = ">watch_turn_servers";

#[test]
fn a14_a_host_that_does_not_list_msc3846_is_not_asked_to_watch() {
    let mut scene = Scene::new();
    scene.start();
    let consumer = scene.join();
    scene.answer(
        VERSIONS,
        &json!({ "supported_versions": ["0.0.2", "org.matrix.msc2871"] }),
    );
    scene.negotiate(&[UNSTABLE]);
    scene.run(24 * 3600);
    let why = "TURN servers not available: the host does not list town.robin.msc3846";
    assert_eq!(scene.given(&consumer).as_deref(), Some(why));
    assert!(!scene.story().contains(&WATCHES.to_owned()));
}

#[test]
fn a14_nothing_is_watched_before_the_host_has_told_its_versions() {
    let mut scene = Scene::new();
    scene.start();
    let _consumer = scene.join();
    scene.negotiate(&[UNSTABLE]);
    assert!(!scene.story().contains(&WATCHES.to_owned()));
    scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
    assert_eq!(scene.story(), [WATCHES]);
}

#[test]
fn a14_a_host_that_learns_msc3846_and_negotiates_again_is_asked_to_watch() {
    let mut scene = Scene::new();
    scene.start();
    let consumer = scene.join();
    scene.answer(
        VERSIONS,
        &json!({ "supported_versions": ["org.matrix.msc2871"] }),
    );
    scene.negotiate(&[UNSTABLE]);
    scene.negotiate(&[UNSTABLE]);
    scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
    scene.answer(WATCH, &json!({}));
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}

#[test]
fn a_host_that_does_not_tell_its_versions_is_asked_again() {
    for silent in [true, false] {
        let mut scene = Scene::new();
        scene.start();
        if !silent {
            scene.answer(VERSIONS, &error("not ready"));
        }
        scene.forget();
        scene.run(15);
        assert_eq!(
            scene.story(),
            [">supported_api_versions"],
            "silent: {silent}"
        );
        scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
        scene.run(24 * 3600);
        assert_eq!(scene.story(), [""; 0]);
    }
}

#[test]
fn a_page_that_does_not_announce_itself_asks_for_the_versions_when_it_is_asked() {
    let mut scene = Scene::new();
    scene.host_asks("capabilities", &json!({}));
    assert_eq!(
        scene.story(),
        [
            r#">capabilities {"capabilities":["town.robin.msc3846.turn_servers"]}"#,
            ">supported_api_versions"
        ]
    );
}

#[test]
fn the_host_is_told_what_the_widget_can_do() {
    let mut config = WatcherConfig::new("w");
    config.versions = vec!["org.matrix.msc2762_update_state".into(), "0.0.2".into()];
    let mut scene = Scene::configured(config);
    scene.host_asks(VERSIONS, &json!({}));
    let told = concat!(
        r#">supported_api_versions {"supported_versions":["0.0.1","0.0.2","org.matrix.msc2871","#,
        r#""org.matrix.msc2974","town.robin.msc3846","org.matrix.msc2762_update_state"]}"#
    );
    assert_eq!(scene.story(), [told]);
}

#[test]
fn a_host_without_msc2871_tells_by_its_answer_to_the_watch() {
    let mut scene = Scene::new();
    scene.start();
    let consumer = scene.join();
    scene.answer(
        VERSIONS,
        &json!({ "supported_versions": ["town.robin.msc3846"] }),
    );
    scene.host_asks("capabilities", &json!({}));
    assert_eq!(scene.story().last().map(String::as_str), Some(WATCHES));
    scene.answer(WATCH, &error("Missing capability"));
    let why = "TURN servers not available: the widget was not granted them";
    assert_eq!(scene.given(&consumer).as_deref(), Some(why));
    scene.forget();
    scene.run(10);
    assert_eq!(scene.story(), [WATCHES], "somebody may have decided since");
    assert!(!scene.watcher.has_capability(UNSTABLE));
    scene.answer(WATCH, &json!({}));
    assert!(scene.watcher.has_capability(UNSTABLE));
    assert_eq!(scene.story(), ["changed", "negotiated"]);
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}

#[test]
fn h6_a_host_without_msc2871_that_begins_anew_is_asked_to_watch_again() {
    // It begins anew: before it answers, after that, while it serves, after it refused for what lasts.
    for after in ["asked", "answered", "served", "refused"] {
        let mut scene = Scene::new();
        scene.start();
        let consumer = scene.join();
        scene.answer(
            VERSIONS,
            &json!({ "supported_versions": ["town.robin.msc3846"] }),
        );
        scene.host_asks("capabilities", &json!({}));
        match after {
            "answered" => scene.answer(WATCH, &json!({})),
            "served" => {
                scene.answer(WATCH, &json!({}));
                scene.update("a");
            }
            "refused" => scene.answer(WATCH, &api_error(403, &json!({}), "M_FORBIDDEN")),
            _ => scene.asked.clear(),
        }
        scene.forget();
        scene.host_asks("capabilities", &json!({}));
        let story = scene.story();
        assert_eq!(story.last().map(String::as_str), Some(WATCHES), "{after}");
        assert_eq!(
            story.len(),
            if after == "refused" { 3 } else { 2 },
            "{story:?}"
        );
        scene.answer(WATCH, &json!({}));
        scene.update("b");
        assert_eq!(scene.given(&consumer).as_deref(), Some("b"), "{after}");
        scene.forget();
        scene.run(24 * 3600);
        assert_eq!(scene.story(), [""; 0], "{after}");
    }
}

#[test]
fn who_waits_for_a_host_that_does_not_tell_its_versions_hears_so_and_is_served_when_it_does() {
    let mut scene = Scene::new();
    scene.start();
    let consumer = scene.join();
    assert_eq!(scene.given(&consumer), None);
    scene.run(3600);
    assert_eq!(scene.given(&consumer).as_deref(), Some("Outage"));
    let asked = scene.story();
    let asked = asked
        .iter()
        .filter(|line| *line == ">supported_api_versions");
    assert!((6..40).contains(&asked.count()), "more and more rarely");
    // A host that begins is asked at once, whenever it would have been.
    scene.negotiate(&[UNSTABLE]);
    let story = scene.story();
    assert_eq!(story[1], ">supported_api_versions");
    scene.asked.retain(|asked| asked["action"] != VERSIONS);
    scene.host_asks("capabilities", &json!({}));
    assert_eq!(scene.story().len(), 1, "it was asked just now");
    scene.run(15);
    scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
    assert_eq!(scene.given(&consumer).as_deref(), Some("Pending"));
    scene.notify(&[UNSTABLE], &[UNSTABLE]);
    scene.answer(WATCH, &json!({}));
    scene.update("a");
    assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
}
