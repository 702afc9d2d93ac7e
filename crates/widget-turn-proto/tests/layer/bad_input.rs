//! What widgets should not say, and what comes of it.

use serde_json::json;
use widget_turn_proto::{HandshakeHost, MessageError, Output, Timestamp};

use crate::harness::{
    RENEGOTIATE, Scene, UNSTABLE, UNWATCH, WATCH, host_request, parsed, ready, reply, request,
};

#[test]
fn watch_without_data_or_with_odd_data_is_a_watch() {
    for data in [
        "",
        r#","data":null"#,
        r#","data":[]"#,
        r#","data":{"x":{}}"#,
        r#","data":"x""#,
    ] {
        let mut scene = Scene::granted();
        scene.supply = Some(ready("a"));
        let text = format!(
            r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"watch_turn_servers"{data}}}"#
        );
        scene.widget(&text);
        let story = scene.story();
        assert_eq!(
            story[1..],
            [
                ">widget watch_turn_servers#1 {}",
                r#">widget update_turn_servers "a""#
            ]
        );
    }
}

#[test]
fn ids_of_any_kind_are_answered_as_they_came() {
    for id in [
        "17",
        "1.0",
        "true",
        "{}",
        r#"["a"]"#,
        r#""""#,
        r#""\ud800""#,
        r#""\"\\""#,
        "1e400",
    ] {
        let mut scene = Scene::granted();
        let text = format!(
            r#"{{"api":"fromWidget","widgetId":"w","requestId":{id},"action":"unwatch_turn_servers"}}"#
        );
        scene.widget(&text);
        let expected = format!(r#"{},"response":{{}}}}"#, &text[..text.len() - 1]);
        assert_eq!(scene.heard_by_widget(), [expected]);
    }
}

#[test]
fn keys_and_values_written_with_escapes_are_understood() {
    let mut scene = Scene::granted();
    scene.widget(r#"{"\u0061pi":"fromWidget","widgetId":"\u0077","request\u0049d":"1","action":"un\u0077atch_turn_servers"}"#);
    assert_eq!(scene.heard_by_widget().len(), 1);
    assert_eq!(scene.heard_by_host().len(), 0);
    scene.widget(r#"{"api":"from\u0057idget","widgetId":"w","requestId":"1","action":"unwatch_turn_servers"}"#);
    assert_eq!(scene.heard_by_widget().len(), 1, "the api too");
}

#[test]
fn a_watch_that_is_not_json_inside_is_dropped() {
    let mut scene = Scene::granted();
    for data in ["[}", "{]", "nul", r#"{"a"}"#, r#"{"a":1,}"#, "[1 2]", "01"] {
        scene.widget(&format!(
            r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"watch_turn_servers","data":{data}}}"#
        ));
        assert_eq!(scene.story(), ["dropped NotJson"], "{data}");
    }
}

#[test]
fn every_cut_of_a_watch_is_dropped() {
    let mut scene = Scene::granted();
    let text = request("é", WATCH);
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        scene.widget(&text[..cut]);
        assert_eq!(scene.story(), ["dropped NotJson"]);
    }
    for more in ["x", "{}", ",", "\u{feff}", "\0"] {
        scene.widget(&format!("{text}{more}"));
        assert_eq!(scene.story(), ["dropped NotJson"]);
    }
}

#[test]
fn answers_to_what_the_layer_was_never_asked_are_dropped() {
    let mut scene = Scene::granted();
    for action in [WATCH, UNWATCH] {
        scene.widget(&reply(&request("1", action), &json!({})));
        assert_eq!(scene.story(), ["dropped Unasked"]);
    }
    let update = host_request("turn-0-999", "update_turn_servers", &json!({}));
    scene.widget(&reply(&update, &json!({})));
    assert_eq!(scene.story(), ["dropped Unasked"]);
}

#[test]
fn a_widget_that_never_answers_anything_is_no_burden() {
    let mut scene = Scene::scripted();
    for round in 0..1_000 {
        scene.host(&host_request(
            &format!("c{round}"),
            "capabilities",
            &json!({}),
        ));
    }
    scene.grant();
    scene.supply = Some(ready("0"));
    scene.widget(&request("1", WATCH));
    for round in 1..1_000 {
        scene.run(11_000);
        scene.supply(ready(&round.to_string()));
    }
    let updates = scene
        .heard_by_widget()
        .iter()
        .filter(|text| text.contains("update_turn"))
        .count();
    assert_eq!(updates, 1_000, "each refresh is one try");
    scene.widget(&request("2", UNWATCH));
    scene.run(11_000);
    assert_eq!(scene.layer.poll_timeout(), None);
}

#[test]
fn an_error_for_an_answer_to_capabilities_asks_for_nothing() {
    let mut scene = Scene::scripted();
    let question = host_request("c", "capabilities", &json!({}));
    for response in [
        json!({ "error": { "message": "no" } }),
        json!({}),
        json!({ "capabilities": UNSTABLE }),
        json!({ "capabilities": { "0": UNSTABLE } }),
        json!(null),
    ] {
        scene.host(&question);
        scene.forget();
        let answer = reply(&question, &response);
        scene.widget(&answer);
        assert_eq!(scene.news(), [Output::ToHost(answer)]);
    }
}

#[test]
fn over_the_bare_handshake_an_error_for_an_answer_still_ends_it() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "content_loaded"));
    let question = scene.heard_by_widget().pop().expect("the question");
    scene.widget(&reply(&question, &json!({ "error": { "message": "no" } })));
    assert_eq!(scene.story()[1], ">widget notify_capabilities [] []");
}

#[test]
fn the_bare_host_drops_what_it_did_not_ask_for() {
    let mut host = HandshakeHost::new("w", 0);
    let forged = host_request("host-0-0", "capabilities", &json!({}));
    let answer = reply(&forged, &json!({ "capabilities": ["a"] }));
    host.handle_message(Timestamp::ZERO, answer.clone())
        .expect("well formed");
    assert_eq!(host.poll_output(), None);
    assert_eq!(
        host.handle_message(Timestamp::ZERO, forged),
        Err(MessageError::Unasked)
    );
    let answered = reply(&request("1", "content_loaded"), &json!({}));
    assert_eq!(
        host.handle_message(Timestamp::ZERO, answered),
        Err(MessageError::Unasked)
    );
    host.handle_page_load(Timestamp::ZERO);
    assert!(host.poll_output().is_some());
    host.handle_message(Timestamp::ZERO, answer.clone())
        .expect("asked for this time");
    assert!(host.poll_output().is_some());
    host.handle_message(Timestamp::ZERO, answer)
        .expect("well formed");
    assert_eq!(host.poll_output(), None, "once");
}

#[test]
fn the_bare_host_answers_each_request_once_and_drops_what_has_no_id() {
    let mut host = HandshakeHost::new("w", 0);
    for action in ["supported_api_versions", "dance", WATCH, RENEGOTIATE, ""] {
        let text = request("1", action);
        host.handle_message(Timestamp::ZERO, text.clone())
            .expect("well formed");
        let told = host.poll_output().expect("a reply");
        assert_eq!(parsed(&told)["requestId"], "1");
        assert_eq!(parsed(&told)["action"], action);
        while host.poll_output().is_some() {}
        let nameless = text.replace("requestId", "id");
        assert_eq!(
            host.handle_message(Timestamp::ZERO, nameless),
            Err(MessageError::NoRequestId)
        );
        assert_eq!(host.poll_output(), None);
    }
}

#[test]
fn an_unknown_action_with_a_long_name_is_not_echoed_in_the_error() {
    let mut host = HandshakeHost::new("w", 0);
    let name = "é".repeat(10_000);
    host.handle_message(Timestamp::ZERO, request("1", &name))
        .expect("well formed");
    let told = parsed(&host.poll_output().expect("a reply"));
    let message = told["response"]["error"]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(message.len() < 300, "{}", message.len());
}

#[test]
fn at_the_end_of_time_nothing_panics_or_spins() {
    let mut scene = Scene::granted();
    scene.now = Timestamp::new(std::time::Duration::MAX);
    scene.widget(&request("1", WATCH));
    for _ in 0..3 {
        scene.layer.handle_timeout(scene.now);
        scene.supply(ready("a"));
    }
    assert!(scene.heard_by_widget().len() <= 4);
}
