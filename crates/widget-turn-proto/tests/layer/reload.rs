//! H6: another page takes the place of the one that was there.

use serde_json::json;
use widget_turn_proto::AskToken;

use crate::harness::{
    RENEGOTIATE, Scene, UNSTABLE, UNWATCH, WATCH, notify, ready, reply, request, widget_request,
};

/// The ways in which a reload shows.
const SIGNS: &[&[&str]] = &[
    &["content_loaded"],
    &["load"],
    &["content_loaded", "load"],
    &["load", "content_loaded"],
];

fn give(scene: &mut Scene, signs: &[&str]) {
    for sign in signs {
        match *sign {
            "load" => scene.page_load(),
            _ => scene.widget(&request("loaded", "content_loaded")),
        }
    }
}

type Reach = fn(&mut Scene);

/// Each state in which a page can be caught, after its signs of life.
fn states() -> Vec<(&'static str, Reach)> {
    vec![
        ("idle", |_| {}),
        ("deciding", |scene| {
            scene.negotiate(&[UNSTABLE]);
        }),
        ("deciding, notify held", |scene| {
            scene.negotiate(&[UNSTABLE]);
            scene.host(&notify("n", &["a"], &["a"]));
        }),
        ("deciding, watch parked", |scene| {
            scene.negotiate(&[UNSTABLE]);
            scene.widget(&request("1", WATCH));
        }),
        ("granted", |scene| scene.grant()),
        ("denied", |scene| {
            let token = scene.negotiate(&[UNSTABLE]);
            scene.decide(&token, false);
        }),
        ("starting", |scene| {
            scene.grant();
            scene.widget(&request("1", WATCH));
        }),
        ("update in flight", |scene| {
            scene.grant();
            scene.supply = Some(ready("old"));
            scene.widget(&request("1", WATCH));
        }),
        ("watching", |scene| {
            scene.grant();
            scene.supply = Some(ready("old"));
            scene.widget(&request("1", WATCH));
            let update = scene.update().expect("update");
            scene.widget(&reply(&update, &json!({})));
        }),
        ("renegotiating", |scene| {
            let names = json!({ "capabilities": [UNSTABLE, "z"] });
            scene.widget(&widget_request("r", RENEGOTIATE, &names));
        }),
    ]
}

#[test]
fn h6_in_every_state_and_by_every_sign_the_page_is_forgotten_and_the_next_one_served() {
    for (name, reach) in states() {
        for signs in SIGNS {
            let mut scene = Scene::scripted();
            give(&mut scene, signs);
            reach(&mut scene);
            let watching = name == "starting" || name == "update in flight" || name == "watching";
            let deciding = name.starts_with("deciding") || name == "renegotiating";
            scene.forget();
            give(&mut scene, signs);
            let story = scene.story();
            let why = format!("{name}, {signs:?}: {story:?}");
            let count = |what: &str| story.iter().filter(|said| *said == what).count();
            assert_eq!(count("unwatch"), usize::from(watching), "{why}");
            assert_eq!(count("withdraw"), usize::from(deciding), "{why}");
            assert!(
                !story.iter().any(|said| said.starts_with(">widget")),
                "{why}"
            );

            // Nothing is left of it.
            scene.supply(ready("stale"));
            scene.run(20_000);
            scene.widget(&request("early", WATCH));
            assert_eq!(
                scene.story(),
                [r#">widget watch_turn_servers#early "Missing capability""#],
                "{why}"
            );
            assert_eq!(scene.layer.poll_timeout(), None, "{why}");

            // The next page gets the same credentials anew.
            scene.supply = Some(ready("old"));
            scene.grant();
            scene.widget(&request("1", WATCH));
            assert_eq!(
                scene.story(),
                [
                    "watch",
                    ">widget watch_turn_servers#1 {}",
                    r#">widget update_turn_servers "old""#
                ],
                "{why}"
            );
        }
    }
}

#[test]
fn h6_both_signs_of_the_first_page_in_either_order_forget_nothing() {
    for signs in [["content_loaded", "load"], ["load", "content_loaded"]] {
        let mut scene = Scene::scripted();
        scene.supply = Some(ready("a"));
        give(&mut scene, &signs[..1]);
        let token = scene.negotiate(&[UNSTABLE]);
        give(&mut scene, &signs[1..]);
        scene.forget();
        scene.decide(&token, true);
        scene.widget(&request("1", WATCH));
        assert_eq!(scene.story().len(), 3, "{signs:?}");
    }
}

#[test]
fn h6_a_question_asked_before_there_was_a_page_stays_good() {
    // matrix-sdk without `init_on_content_load` asks at once.
    for sign in ["content_loaded", "load"] {
        let mut scene = Scene::scripted();
        let question = crate::harness::host_request("q", "capabilities", &json!({}));
        scene.host(&question);
        give(&mut scene, &[sign]);
        scene.forget();
        scene.widget(&reply(&question, &json!({ "capabilities": [UNSTABLE] })));
        assert!(scene.asked().is_some());
    }
}

#[test]
fn h6_the_old_pages_decision_and_acknowledgement_come_too_late() {
    let mut scene = Scene::scripted();
    give(&mut scene, &["load"]);
    let old: AskToken = scene.negotiate(&[UNSTABLE]);
    give(&mut scene, &["load"]);
    scene.decide(&old, true);
    let new = scene.negotiate(&[UNSTABLE]);
    scene.decide(&old, true);
    scene.widget(&request("1", WATCH));
    assert_eq!(scene.story(), [""; 0], "parked");
    scene.supply = Some(ready("a"));
    scene.decide(&new, true);
    let update = scene.update().expect("update");
    give(&mut scene, &["load"]);
    scene.forget();
    scene.widget(&reply(&update, &json!({})));
    assert_eq!(scene.story(), ["dropped Unasked"]);
}

#[test]
fn h6_over_the_bare_handshake_a_reloaded_page_gets_credentials() {
    for signs in SIGNS {
        let mut scene = Scene::new();
        scene.supply = Some(ready("a"));
        for _ in 0..3 {
            scene.forget();
            give(&mut scene, signs);
            let questions: Vec<String> = scene
                .heard_by_widget()
                .into_iter()
                .filter(|text| text.contains(r#""action":"capabilities""#))
                .collect();
            // A page that heard two questions answers the second as matrix-widget-api does.
            scene.widget(&reply(
                &questions[0],
                &json!({ "capabilities": [UNSTABLE] }),
            ));
            let token = scene.asked().expect("asked");
            let error =
                json!({ "error": { "message": "Capability negotiation already completed" } });
            for question in &questions[1..] {
                scene.widget(&reply(question, &error));
            }
            scene.decide(&token, true);
            scene.widget(&request("1", WATCH));
            let story = scene.story();
            let told = story
                .iter()
                .filter(|said| said.starts_with(">widget"))
                .collect::<Vec<_>>();
            assert_eq!(
                told,
                [
                    &format!(r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#),
                    ">widget watch_turn_servers#1 {}",
                    r#">widget update_turn_servers "a""#,
                ],
                "{signs:?}"
            );
        }
    }
}

#[test]
fn h6_a_content_loaded_that_cannot_be_answered_is_no_sign_of_a_page() {
    let mut scene = Scene::scripted();
    give(&mut scene, &["content_loaded"]);
    scene.supply = Some(ready("a"));
    scene.grant();
    scene.widget(&request("1", WATCH));
    scene.forget();
    scene.widget(r#"{"api":"fromWidget","widgetId":"w","action":"content_loaded","data":{}}"#);
    assert!(!scene.story().contains(&"unwatch".to_owned()));
}

#[test]
fn h6_what_was_held_for_the_old_page_is_not_said_to_the_new_one() {
    let mut scene = Scene::scripted();
    give(&mut scene, &["load"]);
    scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &["old"], &["old"]));
    scene.host(&crate::harness::host_request("s", "send_event", &json!({})));
    give(&mut scene, &["load"]);
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n2", &["new"], &["new"]));
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["new","{UNSTABLE}"] ["new","{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h6_the_layers_own_notify_does_not_tell_the_new_page_what_the_old_one_was_told() {
    let mut scene = Scene::scripted();
    give(&mut scene, &["load"]);
    scene.host(&notify("n", &["old"], &["old"]));
    give(&mut scene, &["load"]);
    let names = json!({ "capabilities": [UNSTABLE] });
    scene.widget(&widget_request("r", RENEGOTIATE, &names));
    let token = scene.asked().expect("asked");
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h6_a_host_that_negotiates_anew_without_a_sign_of_reload_serves_the_page_again() {
    // As ClientWidgetApi does at each load: the client did not tell the layer, but the page asks for TURN again.
    let mut scene = Scene::watching("a");
    scene.answer_capabilities("c2", &[UNSTABLE]);
    scene.host(&notify("n2", &[], &[]));
    assert_eq!(
        scene.story().last().map(String::as_str),
        Some(format!(r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#).as_str())
    );
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            r#">widget update_turn_servers "a""#
        ]
    );
}

#[test]
fn h6_reloading_twice_in_a_row_says_nothing_twice() {
    let mut scene = Scene::watching("a");
    give(
        &mut scene,
        &["load", "load", "load", "content_loaded", "content_loaded"],
    );
    let story = scene.story();
    assert_eq!(
        story.iter().filter(|said| *said == "unwatch").count(),
        1,
        "{story:?}"
    );
    scene.widget(&request("u", UNWATCH));
    assert_eq!(scene.story(), [">widget unwatch_turn_servers#u {}"]);
}
