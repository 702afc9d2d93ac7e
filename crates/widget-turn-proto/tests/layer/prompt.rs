//! H4 and P1: permission, for as long as a person takes.

use serde_json::json;

use crate::harness::{
    MSC3846, Scene, UNSTABLE, UNWATCH, WATCH, host_request, notify, parsed, ready, reply, request,
};

#[test]
fn h4_while_a_person_decides_all_else_is_answered() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "content_loaded"));
    let question = scene.heard_by_widget().pop().expect("the question");
    scene.widget(&reply(&question, &json!({ "capabilities": [UNSTABLE] })));
    let token = scene.asked().expect("asked");
    for minute in 0..30 {
        scene.run(60_000);
        scene.widget(&request(&format!("v{minute}"), "supported_api_versions"));
        let told = scene.heard_by_widget();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains(MSC3846));
        scene.widget(&request("x", "dance"));
        assert_eq!(scene.heard_by_widget().len(), 1);
    }
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [format!(
            r#">widget notify_capabilities ["{UNSTABLE}"] ["{UNSTABLE}"]"#
        )]
    );
}

#[test]
fn h4_replies_of_a_scripted_host_pass_the_notify_that_waits() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &[], &[]));
    let answer = reply(&request("o", "get_openid"), &json!({ "state": "request" }));
    scene.host(&answer);
    assert_eq!(scene.heard_by_widget(), [answer]);
    scene.decide(&token, false);
    assert_eq!(scene.heard_by_widget().len(), 1);
}

#[test]
fn h4_a_watch_is_parked_while_a_person_decides_and_granted() {
    let mut scene = Scene::scripted();
    scene.supply = Some(ready("a"));
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &[], &[]));
    scene.widget(&request("1", WATCH));
    scene.run(1_900);
    assert_eq!(
        scene.story(),
        [""; 0],
        "nothing is fetched before the grant"
    );
    scene.decide(&token, true);
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
fn h4_a_parked_watch_is_refused_with_the_decision() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", WATCH));
    scene.decide(&token, false);
    assert_eq!(
        scene.story(),
        [
            r#">widget watch_turn_servers#1 "Missing capability""#,
            r#">widget watch_turn_servers#2 "Missing capability""#,
        ]
    );
    scene.run(60_000);
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn h4_a_parked_watch_is_answered_after_two_seconds_and_served_after_the_decision() {
    let mut scene = Scene::scripted();
    scene.supply = Some(ready("a"));
    let token = scene.negotiate(&[UNSTABLE]);
    scene.widget(&request("1", WATCH));
    scene.run(2_000);
    assert_eq!(scene.story(), [">widget watch_turn_servers#1 {}"]);
    scene.run(600_000);
    scene.widget(&request("2", WATCH));
    assert_eq!(scene.story(), [">widget watch_turn_servers#2 {}"]);
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        ["watch", r#">widget update_turn_servers "a""#]
    );
}

#[test]
fn h4_a_denial_after_the_two_seconds_leaves_nothing_behind() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.widget(&request("1", WATCH));
    scene.run(5_000);
    scene.forget();
    scene.decide(&token, false);
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [""; 0]);
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [r#">widget watch_turn_servers#2 "Missing capability""#]
    );
}

#[test]
fn h4_an_unwatch_while_a_person_decides_ends_the_parked_watch() {
    let mut scene = Scene::scripted();
    scene.supply = Some(ready("a"));
    let token = scene.negotiate(&[UNSTABLE]);
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", UNWATCH));
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#1 {}",
            ">widget unwatch_turn_servers#2 {}"
        ]
    );
    scene.decide(&token, true);
    scene.run(60_000);
    assert_eq!(scene.story(), [""; 0], "nobody watches");
}

#[test]
fn p1_nothing_is_given_to_a_widget_that_nobody_granted_it() {
    let mut scene = Scene::scripted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    scene.supply(ready("b"));
    scene.answer_capabilities("c", &["m.always_on_screen"]);
    scene.forget();
    scene.widget(&request("2", WATCH));
    scene.widget(&request("3", UNWATCH));
    scene.supply(ready("c"));
    assert_eq!(
        scene.story(),
        [
            r#">widget watch_turn_servers#2 "Missing capability""#,
            ">widget unwatch_turn_servers#3 {}",
        ]
    );
}

#[test]
fn p1_supplies_before_the_decision_do_not_reach_the_widget() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.widget(&request("1", WATCH));
    scene.supply(ready("early"));
    scene.run(10_000);
    assert_eq!(scene.story(), [">widget watch_turn_servers#1 {}"]);
    scene.supply = Some(ready("late"));
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        ["watch", r#">widget update_turn_servers "late""#]
    );
}

#[test]
fn p1_an_answer_that_nobody_asked_for_makes_no_prompt() {
    let mut scene = Scene::scripted();
    let forged = reply(
        &host_request("f", "capabilities", &json!({})),
        &json!({ "capabilities": [UNSTABLE] }),
    );
    scene.widget(&forged);
    assert_eq!(scene.asked(), None);
    // Nor does one with the id of another question, nor a second answer.
    let question = host_request("c", "capabilities", &json!({}));
    scene.host(&question);
    scene.widget(&forged);
    assert_eq!(scene.asked(), None);
    let answer = reply(&question, &json!({ "capabilities": [UNSTABLE] }));
    scene.widget(&answer);
    let token = scene.asked().expect("this one was asked for");
    scene.decide(&token, false);
    for _ in 0..100 {
        scene.widget(&answer);
    }
    assert_eq!(scene.asked(), None);
}

#[test]
fn p1_a_grant_that_the_widget_gave_itself_counts_for_nothing() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    // The widget plays the host, and acknowledges a notify that never was.
    let forged = notify("n", &[UNSTABLE], &[UNSTABLE]);
    scene.widget(&forged);
    scene.widget(&reply(&forged, &json!({})));
    scene.decide(&token, false);
    scene.forget();
    scene.widget(&request("1", WATCH));
    assert_eq!(
        scene.story(),
        [r#">widget watch_turn_servers#1 "Missing capability""#]
    );
}

#[test]
fn p1_a_decision_counts_once_and_only_for_its_own_question() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.decide(&token, false);
    scene.decide(&token, true);
    scene.widget(&request("1", WATCH));
    assert_eq!(
        scene.story(),
        [r#">widget watch_turn_servers#1 "Missing capability""#]
    );
    scene.answer_capabilities("again", &[UNSTABLE]);
    let second = scene
        .asked()
        .expect("a new question of the inner host is a new prompt");
    assert_ne!(second, token);
    scene.decide(&token, true);
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [""; 0],
        "parked: the second question is still open"
    );
}

#[test]
fn p1_a_page_that_answers_again_without_turn_loses_it() {
    let mut scene = Scene::watching("a");
    scene.answer_capabilities("again", &["m.always_on_screen"]);
    let story = scene.story();
    assert_eq!(
        story.last().map(String::as_str),
        Some("unwatch"),
        "{story:?}"
    );
    scene.supply(ready("b"));
    assert_eq!(scene.story(), [""; 0]);
    scene.host(&notify("n", &[], &[]));
    assert_eq!(scene.story(), [">widget notify_capabilities [] []"]);
}

#[test]
fn p1_a_question_open_when_the_page_answers_without_turn_is_withdrawn_and_its_notify_released() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n", &["a"], &["a"]));
    scene.widget(&request("1", WATCH));
    scene.answer_capabilities("again", &["a"]);
    let story = scene.story();
    assert_eq!(
        story[2..],
        [
            "withdraw",
            r#">widget watch_turn_servers#1 "Missing capability""#,
            r#">widget notify_capabilities ["a"] ["a"]"#,
        ]
    );
    scene.decide(&token, true);
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [r#">widget watch_turn_servers#2 "Missing capability""#]
    );
}

#[test]
fn h4_the_notify_of_the_person_who_took_an_hour_has_what_the_host_said_an_hour_ago() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE, "a"]);
    scene.host(&notify("n", &["a"], &["a"]));
    scene.run(3_600_000);
    scene.decide(&token, true);
    let told = parsed(&scene.heard_by_widget()[0]);
    assert_eq!(told["requestId"], "n");
    assert_eq!(told["data"]["approved"], json!(["a", UNSTABLE]));
}
