//! What is tried again, and what is not.

use std::collections::BTreeSet;

use serde_json::json;
use widget_turn_proto::{Timestamp, WatcherConfig};

use crate::harness::{SUPPORTED, Scene, UNSTABLE, VERSIONS, WATCH, api_error, error};

const AGAIN: &str = ">watch_turn_servers";

#[test]
fn b3_a_watch_that_failed_for_a_passing_cause_is_tried_again() {
    for passing in [
        error("TURN servers not available"),
        error("Request timed out"),
        json!({ "error": {} }),
        json!({ "error": "no object" }),
        api_error(429, &json!({}), "M_LIMIT_EXCEEDED"),
        api_error(502, &json!({}), "M_UNKNOWN"),
        api_error(404, &json!({}), "M_UNKNOWN"),
        api_error(200, &json!({}), "M_UNKNOWN"),
    ] {
        let mut scene = Scene::granted();
        let consumer = scene.join();
        scene.answer(WATCH, &passing);
        assert_eq!(
            scene.given(&consumer).as_deref(),
            Some("Outage"),
            "{passing}"
        );
        scene.forget();
        scene.run(10);
        assert_eq!(scene.story(), [AGAIN], "{passing}");
        scene.answer(WATCH, &json!({}));
        scene.update("a");
        assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    }
}

#[test]
fn b3_a_watch_that_was_refused_for_what_lasts_is_not_tried_until_a_renegotiation_grants_it() {
    for (lasting, why) in [
        (
            error("Missing capability"),
            "the widget was not granted them",
        ),
        (
            api_error(403, &json!({}), "M_FORBIDDEN"),
            "the homeserver refuses them (403 M_FORBIDDEN)",
        ),
        (
            api_error(401, &json!({}), "M_UNKNOWN_TOKEN"),
            "the session has ended (401 M_UNKNOWN_TOKEN)",
        ),
        (
            api_error(404, &json!({}), "M_NOT_FOUND"),
            "the homeserver answered that it has no TURN servers",
        ),
    ] {
        let mut scene = Scene::granted();
        let consumer = scene.join();
        scene.answer(WATCH, &lasting);
        let told = format!("TURN servers not available: {why}");
        assert_eq!(scene.given(&consumer), Some(told.clone()));
        scene.forget();
        scene.run(24 * 3600);
        let other = scene.join();
        assert_eq!(scene.given(&other), Some(told));
        scene.leave(consumer);
        scene.leave(other);
        let consumer = scene.join();
        assert_eq!(scene.story(), [""; 0], "{lasting}");
        scene.watcher.handle_wish(scene.now, []);
        scene.notify(&[UNSTABLE], &[UNSTABLE]);
        assert_eq!(
            scene.story().last().map(String::as_str),
            Some(AGAIN),
            "{lasting}"
        );
        scene.answer(WATCH, &json!({}));
        scene.update("a");
        assert_eq!(scene.given(&consumer).as_deref(), Some("a"));
    }
}

#[test]
fn the_waits_grow_and_come_from_the_seed() {
    let waits = |seed| {
        let mut config = WatcherConfig::new("w");
        config.seed = seed;
        let mut scene = Scene::configured(config);
        scene.start();
        scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
        scene.negotiate(&[UNSTABLE]);
        let _consumer = scene.join();
        let mut waits = Vec::new();
        for _ in 0..12 {
            scene.answer(WATCH, &error("TURN servers not available"));
            let due = scene.watcher.poll_timeout().expect("it is tried again");
            waits.push(due - scene.now);
            scene.run((due - scene.now).as_secs() + 1);
        }
        waits
    };
    let firsts: BTreeSet<_> = (0..20).map(|seed| waits(seed)[0]).collect();
    assert!(firsts.len() > 15, "clients do not try again in step");
    assert_eq!(waits(3), waits(3));
    let all: Vec<_> = (0..20).flat_map(waits).collect();
    assert!(
        all.iter().all(|wait| (1..=601).contains(&wait.as_secs())),
        "{all:?}"
    );
    let late = (0..20).flat_map(|seed| waits(seed).split_off(8));
    let late: u64 = late.map(|wait| wait.as_secs()).sum::<u64>() / 80;
    assert!(
        (150..450).contains(&late),
        "a mean of {late} s after many failures"
    );
}

#[test]
fn c5_the_homeservers_retry_after_is_kept() {
    for refusal in [
        api_error(429, &json!({ "Retry-After": "120" }), "M_LIMIT_EXCEEDED"),
        {
            let mut limited = api_error(429, &json!({}), "M_LIMIT_EXCEEDED");
            limited["error"]["matrix_api_error"]["response"]["retry_after_ms"] = json!(120_000);
            limited
        },
    ] {
        let mut scene = Scene::granted();
        let _consumer = scene.join();
        scene.answer(WATCH, &refusal);
        let due = scene.watcher.poll_timeout().expect("it is tried again");
        assert!(
            (120..=126).contains(&(due - scene.now).as_secs()),
            "{refusal}"
        );
    }
}

#[test]
fn a_back_off_is_not_cut_short_by_consumers_that_come_and_go() {
    let mut scene = Scene::granted();
    let mut consumer = scene.join();
    scene.answer(
        WATCH,
        &api_error(429, &json!({ "retry-after": "60" }), "M_LIMIT_EXCEEDED"),
    );
    scene.forget();
    for _ in 0..20 {
        scene.run(2);
        scene.leave(consumer);
        consumer = scene.join();
    }
    assert_eq!(scene.story(), [""; 0]);
    scene.run(30);
    assert_eq!(scene.story(), [AGAIN]);
}

#[test]
fn a_back_off_after_good_servers_is_not_cut_short_either_and_they_are_not_handed_on() {
    let (mut scene, mut consumer) = Scene::watching("a");
    scene.negotiate(&[UNSTABLE]);
    let limited = api_error(429, &json!({ "retry-after": "60" }), "M_LIMIT_EXCEEDED");
    scene.answer(WATCH, &limited);
    assert_eq!(scene.given(&consumer), None, "they may be good still");
    scene.forget();
    for _ in 0..20 {
        scene.run(2);
        scene.leave(consumer);
        consumer = scene.join();
        let given = scene.given(&consumer);
        assert_eq!(given.as_deref(), Some("Outage"), "nobody renews them");
    }
    assert_eq!(scene.story(), [""; 0]);
    scene.run(30);
    assert_eq!(scene.story(), [AGAIN]);
}

#[test]
fn a02_a_watch_without_an_answer_is_sent_again_and_a_late_answer_counts() {
    let mut scene = Scene::granted();
    let consumer = scene.join();
    scene.run(29);
    assert_eq!(
        scene.story(),
        [AGAIN],
        "a slow homeserver is no reason to begin a second poller"
    );
    scene.run(10);
    assert_eq!(scene.story(), ["changed", AGAIN]);
    assert_eq!(scene.given(&consumer).as_deref(), Some("Outage"));
    scene.answer(WATCH, &json!({}));
    scene.update("a");
    scene.forget();
    scene.run(24 * 3600);
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut scene = Scene::granted();
    let _consumer = scene.join();
    scene.answer(WATCH, &error("TURN servers not available"));
    scene.forget();
    let due = scene.watcher.poll_timeout();
    scene.now = Timestamp::ZERO;
    scene.watcher.handle_timeout(scene.now);
    assert_eq!(scene.watcher.poll_timeout(), due);
    assert_eq!(scene.story(), [""; 0]);
}
