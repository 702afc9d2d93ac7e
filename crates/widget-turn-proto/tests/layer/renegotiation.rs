//! H5: MSC2974, whatever the inner host knows of it.

use serde_json::{Value, json};

use crate::harness::{
    RENEGOTIATE, STABLE, Scene, UNSTABLE, WATCH, host_request, notify, parsed, ready, reply,
    request, widget_request,
};

const REFUSAL: &str = "unknown variant `org.matrix.msc2974.request_capabilities`, expected one of";

/// The handshake is over; the inner host approved `a` and refused `b`, and TURN was not asked for.
fn without_turn() -> Scene {
    let mut scene = Scene::scripted();
    scene.answer_capabilities("c", &["a", "b"]);
    scene.host(&notify("n", &["a", "b"], &["a"]));
    scene.forget();
    scene
}

fn ask(id: &str, names: &[&str]) -> String {
    widget_request(id, RENEGOTIATE, &json!({ "capabilities": names }))
}

fn refused(request: &str) -> String {
    reply(request, &json!({ "error": { "message": REFUSAL } }))
}

fn lists(text: &str) -> (Value, Value) {
    let value = parsed(text);
    assert_eq!(value["action"], "notify_capabilities");
    (
        value["data"]["requested"].clone(),
        value["data"]["approved"].clone(),
    )
}

#[test]
fn h5_turn_alone_never_troubles_the_inner_host() {
    for granted in [true, false] {
        let mut scene = without_turn();
        scene.widget(&ask("r", &[UNSTABLE]));
        assert_eq!(
            scene.story(),
            [
                ">widget org.matrix.msc2974.request_capabilities#r {}",
                &format!("ask {UNSTABLE}"),
            ]
        );
        // As long as it takes.
        scene.run(120_000);
        scene.widget(&ask("ignored", &[]));
        scene.forget();
        let Some(token) = token_of(&scene) else {
            panic!()
        };
        scene.decide(&token, granted);
        let told = scene.heard_by_widget();
        let approved = if granted {
            json!(["a", UNSTABLE])
        } else {
            json!(["a"])
        };
        assert_eq!(lists(&told[0]), (json!(["a", "b", UNSTABLE]), approved));
        scene.widget(&reply(&told[0], &json!({})));
        assert_eq!(
            scene.story(),
            [""; 0],
            "the notify was the layer's, so is its answer"
        );
    }
}

fn token_of(scene: &Scene) -> Option<widget_turn_proto::AskToken> {
    scene
        .record
        .iter()
        .rev()
        .find_map(|(_, output)| match output {
            widget_turn_proto::Output::Ask(token, _) => Some(token.clone()),
            _ => None,
        })
}

#[test]
fn h5_what_the_inner_host_knows_already_beside_turn_does_not_trouble_it() {
    let mut scene = without_turn();
    scene.widget(&ask("r", &["b", UNSTABLE, "a"]));
    assert_eq!(
        scene.story(),
        [
            ">widget org.matrix.msc2974.request_capabilities#r {}",
            &format!("ask {UNSTABLE}"),
        ]
    );
}

#[test]
fn h5_a_renegotiation_without_turn_is_the_inner_hosts() {
    let mut scene = without_turn();
    let text = ask("r", &["z"]);
    scene.widget(&text);
    assert_eq!(scene.heard_by_host(), [text.as_str()]);
    scene.host(&refused(&text));
    assert_eq!(scene.heard_by_widget(), [refused(&text)]);
}

#[test]
fn h5_with_others_an_inner_host_that_refuses_it_is_stood_in_for() {
    for decided_first in [true, false] {
        let mut scene = without_turn();
        let text = ask("r", &[UNSTABLE, "z"]);
        scene.widget(&text);
        let news = scene.story();
        assert_eq!(news[0], ">host org.matrix.msc2974.request_capabilities#r");
        let passed = ask("r", &["z"]);
        let token = token_of(&scene).expect("asked");
        if decided_first {
            scene.decide(&token, true);
            assert_eq!(scene.story(), [""; 0], "the request is not answered yet");
            scene.host(&refused(&passed));
        } else {
            scene.host(&refused(&passed));
            let told = scene.heard_by_widget();
            assert_eq!(parsed(&told[0]), parsed(&reply(&text, &json!({}))));
            scene.decide(&token, true);
        }
        let told = scene.heard_by_widget().pop().expect("a notify");
        assert_eq!(
            lists(&told),
            (json!(["a", "b", "z", UNSTABLE]), json!(["a", UNSTABLE]))
        );
    }
}

#[test]
fn h5_with_others_an_inner_host_that_takes_it_tells_in_one_message() {
    let mut scene = without_turn();
    let text = ask("r", &["z", STABLE]);
    scene.widget(&text);
    let passed = scene.heard_by_host().pop().expect("passed on");
    assert_eq!(parsed(&passed)["data"]["capabilities"], json!(["z"]));
    scene.host(&reply(&passed, &json!({})));
    assert_eq!(
        parsed(&scene.heard_by_widget()[0]),
        parsed(&reply(&text, &json!({}))),
        "the object as the widget sent it"
    );
    scene.host(&notify("n2", &["a", "b", "z"], &["a", "z"]));
    assert_eq!(scene.story(), [""; 0]);
    let token = token_of(&scene).expect("asked");
    scene.decide(&token, true);
    let told = scene.heard_by_widget();
    assert_eq!(told.len(), 1);
    assert_eq!(
        lists(&told[0]),
        (json!(["a", "b", "z", STABLE]), json!(["a", "z", STABLE]))
    );
}

#[test]
fn h5_an_inner_host_that_never_answers_does_not_keep_the_widget_from_turn() {
    let mut scene = without_turn();
    scene.widget(&ask("r", &[UNSTABLE, "z"]));
    let token = scene.asked().expect("asked");
    scene.run(3_000);
    assert_eq!(
        scene.story(),
        [">widget org.matrix.msc2974.request_capabilities#r {}"]
    );
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["a","b","z","{UNSTABLE}"] ["a","{UNSTABLE}"]"#
        )]
    );
    scene.host(&refused(&ask("r", &["z"])));
    assert_eq!(
        scene.story(),
        ["dropped Unasked"],
        "a request gets one reply"
    );
}

#[test]
fn h5_asked_for_again_when_granted_nobody_is_asked() {
    let mut scene = Scene::watching("a");
    scene.widget(&ask("r", &[UNSTABLE]));
    assert_eq!(
        scene.story(),
        [
            ">widget org.matrix.msc2974.request_capabilities#r {}".to_owned(),
            format!(r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#),
        ]
    );
    scene.supply(ready("b"));
    assert_eq!(
        scene.story(),
        [r#">widget update_turn_servers "b""#],
        "the watch goes on"
    );
}

#[test]
fn h5_the_other_name_when_granted_is_granted_with_it() {
    let mut scene = Scene::granted();
    scene.widget(&ask("r", &[STABLE]));
    let told = scene.heard_by_widget();
    let both = json!([UNSTABLE, STABLE]);
    assert_eq!(lists(&told[1]), (both.clone(), both));
}

#[test]
fn h5_denied_before_somebody_is_asked_again() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.decide(&token, false);
    scene.host(&notify("n", &[], &[]));
    scene.supply = Some(ready("a"));
    scene.widget(&ask("r", &[UNSTABLE]));
    let second = scene.asked().expect("asked again");
    scene.widget(&request("1", WATCH));
    scene.decide(&second, true);
    assert_eq!(
        scene.story(),
        [
            &format!(r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#),
            "watch",
            ">widget watch_turn_servers#1 {}",
            r#">widget update_turn_servers "a""#,
        ]
    );
}

#[test]
fn h5_while_deciding_nobody_is_asked_twice() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &["a"], &["a"]));
    for id in ["r1", "r2"] {
        scene.widget(&ask(id, &[STABLE]));
    }
    assert_eq!(
        scene.story(),
        [
            ">widget org.matrix.msc2974.request_capabilities#r1 {}",
            ">widget org.matrix.msc2974.request_capabilities#r2 {}",
        ]
    );
    scene.decide(&token, true);
    let told = scene.heard_by_widget();
    assert_eq!(told.len(), 1);
    assert_eq!(lists(&told[0]).1, json!(["a", UNSTABLE, STABLE]));
}

#[test]
fn h5_before_the_inner_hosts_first_notify_the_layer_does_not_tell_in_its_stead() {
    // matrix-widget-api takes the first notify for the whole, and does not listen for another.
    let mut scene = Scene::scripted();
    scene.answer_capabilities("c", &["a"]);
    scene.forget();
    scene.widget(&ask("r", &[UNSTABLE]));
    let token = scene.asked().expect("asked");
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [""; 0],
        "the inner host is still to tell of `a`"
    );
    scene.host(&notify("n", &["a"], &["a"]));
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["a","{UNSTABLE}"] ["a","{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h5_after_an_answer_that_ended_the_inner_hosts_negotiation_the_layer_tells() {
    let mut scene = Scene::scripted();
    let question = host_request("c", "capabilities", &json!({}));
    scene.host(&question);
    scene.widget(&reply(&question, &json!({ "error": { "message": "no" } })));
    scene.forget();
    scene.widget(&ask("r", &[UNSTABLE]));
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
fn h5_an_id_that_the_inner_host_writes_with_other_escapes_is_the_same_id() {
    let mut scene = without_turn();
    let text = ask("é", &[UNSTABLE, "z"]);
    scene.widget(&text);
    scene.forget();
    // As Python's json does.
    let refusal = refused(&ask("é", &["z"])).replace('é', r"\u00e9");
    scene.host(&refusal);
    assert_eq!(
        scene.story(),
        [">widget org.matrix.msc2974.request_capabilities#é {}"]
    );
}

#[test]
fn h5_over_the_bare_handshake() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "content_loaded"));
    let question = scene.heard_by_widget().pop().expect("the question");
    scene.widget(&reply(&question, &json!({ "capabilities": ["a"] })));
    assert_eq!(scene.story()[1], r#">widget notify_capabilities ["a"] []"#);
    scene.widget(&ask("r", &["a", "z", UNSTABLE]));
    assert_eq!(
        scene.story(),
        [
            ">host org.matrix.msc2974.request_capabilities#r",
            &format!("ask {UNSTABLE}"),
            ">widget org.matrix.msc2974.request_capabilities#r {}",
        ]
    );
    let token = token_of(&scene).expect("asked");
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["a","z","{UNSTABLE}"] ["{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h5_over_the_bare_handshake_before_the_first_answer_both_are_told_of() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "content_loaded"));
    let question = scene.heard_by_widget().pop().expect("the question");
    scene.widget(&ask("r", &["z"]));
    scene.forget();
    scene.widget(&reply(
        &question,
        &json!({ "capabilities": ["a", UNSTABLE] }),
    ));
    let token = scene.asked().expect("asked");
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["a","{UNSTABLE}"] ["{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h5_a_question_in_the_middle_of_a_watch_does_not_disturb_it() {
    let mut scene = Scene::watching("a");
    scene.host(&host_request("s", "send_event", &json!({})));
    scene.widget(&ask("r", &[UNSTABLE, "z"]));
    scene.forget();
    scene.supply(ready("b"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
}

#[test]
fn h5_whoever_said_no_three_times_is_not_asked_again_until_a_reload() {
    let mut scene = without_turn();
    scene.page_load();
    for round in 1..=3 {
        scene.widget(&ask(&round.to_string(), &[UNSTABLE]));
        let token = scene.asked().expect("somebody is asked");
        scene.decide(&token, false);
        scene.forget();
    }
    scene.widget(&ask("4", &[UNSTABLE]));
    let story = scene.story();
    assert!(!story.iter().any(|line| line.contains("ask")), "{story:?}");
    assert_eq!(story.len(), 2, "an answer and a notification: {story:?}");
    scene.page_load();
    scene.widget(&ask("9", &[UNSTABLE]));
    assert!(scene.asked().is_some(), "another page");
}
