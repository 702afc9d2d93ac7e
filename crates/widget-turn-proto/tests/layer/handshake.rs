//! H1 to H3, H7: the handshake as the widget sees it.

use serde_json::json;
use widget_turn_proto::{MessageError, Output, Peer};

use crate::harness::{
    MSC3846, STABLE, Scene, UNSTABLE, WATCH, host_request, notify, parsed, reply, request,
};

#[test]
fn h1_the_version_is_appended_to_what_the_inner_host_says() {
    let mut scene = Scene::scripted();
    let question = request("1", "supported_api_versions");
    scene.widget(&question);
    assert_eq!(scene.heard_by_host(), [question.as_str()]);
    scene.host(&reply(
        &question,
        &json!({ "supported_versions": ["0.0.2", "org.matrix.msc2871"], "x": 1.0 }),
    ));
    let versions =
        json!({ "supported_versions": ["0.0.2", "org.matrix.msc2871", MSC3846], "x": 1.0 });
    assert_eq!(parsed(&scene.heard_by_widget()[0])["response"], versions);
}

#[test]
fn h1_a_host_that_says_it_already_is_not_edited() {
    let mut scene = Scene::scripted();
    let answer = r#"{"api":"fromWidget", "widgetId":"w","requestId":"1","action":"supported_api_versions","data":{},"response":{"supported_versions":["town.robin.msc3846","0.0.1"]} }"#;
    scene.host(answer);
    assert_eq!(scene.heard_by_widget(), [answer]);
}

#[test]
fn h1_an_empty_list_an_error_and_a_list_that_is_none() {
    let mut scene = Scene::scripted();
    let question = request("1", "supported_api_versions");
    scene.host(&reply(&question, &json!({ "supported_versions": [] })));
    let answer = parsed(&scene.heard_by_widget()[0]);
    assert_eq!(answer["response"]["supported_versions"], json!([MSC3846]));
    for odd in [
        json!({ "error": { "message": "no" } }),
        json!({ "supported_versions": "0.0.1" }),
        json!({}),
        json!([]),
    ] {
        let answer = reply(&question, &odd);
        scene.host(&answer);
        assert_eq!(scene.heard_by_widget(), [answer]);
    }
}

#[test]
fn h1_the_bare_handshake_host_advertises_it_too() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "supported_api_versions"));
    let answer = parsed(&scene.heard_by_widget()[0]);
    let versions = answer["response"]["supported_versions"].to_string();
    for version in [MSC3846, "org.matrix.msc2871", "org.matrix.msc2974"] {
        assert!(versions.contains(version), "{versions}");
    }
}

#[test]
fn h2_each_name_is_echoed_as_it_was_asked_for_and_hidden_from_the_inner_host() {
    for asked in [vec![UNSTABLE], vec![STABLE], vec![UNSTABLE, STABLE]] {
        let mut scene = Scene::scripted();
        let question = host_request("c", "capabilities", &json!({}));
        scene.host(&question);
        let mut names = vec!["m.always_on_screen"];
        names.extend(&asked);
        names.push("org.example.other");
        scene.forget();
        scene.widget(&reply(&question, &json!({ "capabilities": names })));
        let news = scene.news();
        let Output::ToHost(seen) = &news[0] else {
            panic!("{news:?}")
        };
        let others = json!(["m.always_on_screen", "org.example.other"]);
        assert_eq!(parsed(seen)["response"]["capabilities"], others);
        let Output::Ask(token, capability) = &news[1] else {
            panic!("{news:?}")
        };
        assert_eq!(capability.names().collect::<Vec<_>>(), asked);
        scene.decide(token, true);
        scene.host(&notify("n", &["org.example.other"], &[]));
        let told = parsed(&scene.heard_by_widget()[0]);
        assert_eq!(told["data"]["approved"], json!(asked));
    }
}

#[test]
fn h2_a_name_written_with_escapes_is_the_same_name() {
    let mut scene = Scene::scripted();
    scene.host(&host_request("c", "capabilities", &json!({})));
    scene.forget();
    scene.widget(r#"{"api":"toWidget","widgetId":"w","requestId":"c","action":"capabilities","data":{},"response":{"capabilities":["m.turn\u005fservers"]}}"#);
    assert_eq!(
        scene.story(),
        [
            r#">host capabilities#c {"capabilities":[]}"#,
            "ask m.turn_servers"
        ]
    );
}

#[test]
fn h3_a_decision_before_the_inner_hosts_notify_is_in_it() {
    for granted in [true, false] {
        let mut scene = Scene::scripted();
        let token = scene.negotiate(&[UNSTABLE, "a"]);
        scene.decide(&token, granted);
        assert_eq!(scene.story(), [""; 0], "nothing is told before the notify");
        scene.host(&notify("n", &["a"], &["a"]));
        let told = parsed(&scene.heard_by_widget()[0]);
        assert_eq!(told["data"]["requested"], json!(["a", UNSTABLE]));
        let approved = if granted {
            json!(["a", UNSTABLE])
        } else {
            json!(["a"])
        };
        assert_eq!(told["data"]["approved"], approved);
    }
}

#[test]
fn h3_a_notify_before_the_decision_waits_for_it_and_what_follows_waits_behind_it() {
    for granted in [true, false] {
        let mut scene = Scene::scripted();
        let token = scene.negotiate(&[UNSTABLE, "a"]);
        scene.host(&notify("n", &["a"], &["a"]));
        let state = host_request("s1", "update_state", &json!({ "state": [] }));
        let event = host_request("s2", "send_event", &json!({}));
        scene.host(&state);
        scene.host(&event);
        scene.run(300_000);
        assert_eq!(scene.story(), [""; 0]);
        scene.decide(&token, granted);
        let told = scene.heard_by_widget();
        assert_eq!(told.len(), 3);
        assert_eq!(
            parsed(&told[0])["data"]["requested"],
            json!(["a", UNSTABLE])
        );
        assert_eq!(told[1..], [state, event]);
        let ack = reply(&told[0], &json!({}));
        scene.widget(&ack);
        assert_eq!(
            scene.heard_by_host(),
            [ack],
            "the inner host's own exchange"
        );
    }
}

#[test]
fn h3_two_notifies_that_waited_both_tell_of_turn() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.host(&notify("n1", &["a"], &[]));
    scene.host(&notify("n2", &["a", "b"], &["b"]));
    scene.decide(&token, true);
    assert_eq!(
        scene.story(),
        [
            format!(r#">widget notify_capabilities ["a","{UNSTABLE}"] ["{UNSTABLE}"]"#),
            format!(r#">widget notify_capabilities ["a","b","{UNSTABLE}"] ["b","{UNSTABLE}"]"#),
        ]
    );
}

#[test]
fn h3_with_a_host_that_drops_what_it_does_not_know_and_changes_the_order() {
    // As matrix-sdk does, which asks at `content_loaded` or, by its setting, before there is any page.
    for on_content_load in [true, false] {
        let mut scene = Scene::scripted();
        let loaded = request("2", "content_loaded");
        if on_content_load {
            scene.widget(&loaded);
            scene.host(&reply(&loaded, &json!({})));
        }
        let question = host_request("7337f586", "capabilities", &json!({}));
        scene.host(&question);
        if !on_content_load {
            scene.page_load();
            scene.widget(&loaded);
            scene.host(&reply(&loaded, &json!({})));
        }
        scene.forget();
        let wanted = [
            UNSTABLE,
            "m.always_on_screen",
            "send.event:m.room.message",
            "requires_client",
        ];
        scene.widget(&reply(&question, &json!({ "capabilities": wanted })));
        let token = scene.asked().expect("asked");
        let known = ["requires_client", "send.event:m.room.message"];
        scene.host(&notify("905f81a", &known, &known));
        scene.decide(&token, true);
        let both = json!(["requires_client", "send.event:m.room.message", UNSTABLE]);
        let told = parsed(&scene.heard_by_widget()[0]);
        assert_eq!(told["data"], json!({ "requested": both, "approved": both }));
    }
}

#[test]
fn h3_names_the_inner_host_lists_itself_are_not_listed_twice() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    scene.decide(&token, true);
    let odd = notify("n", &[UNSTABLE], &[UNSTABLE]);
    scene.host(&odd);
    assert_eq!(scene.heard_by_widget(), [odd]);
}

#[test]
fn h3_an_inner_host_that_approves_turn_of_itself_grants_nothing() {
    // As ClientWidgetApi does with whatever its driver returns.
    for asked in [true, false] {
        let mut scene = Scene::scripted();
        if asked {
            let token = scene.negotiate(&[UNSTABLE]);
            scene.decide(&token, false);
        }
        scene.host(&notify("n", &["a"], &["a", UNSTABLE, STABLE]));
        let told = parsed(&scene.heard_by_widget()[0]);
        assert_eq!(told["data"]["approved"], json!(["a"]));
    }
}

#[test]
fn h3_a_widget_that_does_not_ask_hears_of_nothing() {
    let mut scene = Scene::scripted();
    scene.answer_capabilities("c", &["a"]);
    assert_eq!(scene.asked(), None);
    let told = notify("n", &["a"], &["a"]);
    scene.host(&told);
    assert_eq!(scene.heard_by_widget(), [told]);
}

#[test]
fn h7_what_is_for_another_widget_or_no_message_is_dropped_both_ways() {
    let foreign = request("1", WATCH).replace(r#""w""#, r#""v""#);
    let cases = [
        ("", MessageError::NotJson),
        ("null", MessageError::NotJson),
        ("[]", MessageError::NotJson),
        ("{}", MessageError::NoApi),
        (
            r#"{"api":"sideways","widgetId":"w","action":"a"}"#,
            MessageError::NoApi,
        ),
        (
            r#"{"api":"fromWidget","widgetId":"w","requestId":"1"}"#,
            MessageError::NoAction,
        ),
        (
            r#"{"api":"fromWidget","widgetId":"w","action":5}"#,
            MessageError::NoAction,
        ),
        (
            r#"{"api":"fromWidget","requestId":"1","action":"a"}"#,
            MessageError::NoWidgetId,
        ),
        (
            r#"{"api":"fromWidget","widgetId":5,"action":"a"}"#,
            MessageError::NoWidgetId,
        ),
        (&foreign, MessageError::OtherWidget),
    ];
    let mut scene = Scene::granted();
    for (text, why) in cases {
        scene.widget(text);
        assert_eq!(scene.news(), [Output::Dropped(Peer::Widget, why)], "{text}");
        scene.host(text);
        assert_eq!(scene.news(), [Output::Dropped(Peer::Host, why)], "{text}");
    }
}

#[test]
fn h7_a_watch_that_cannot_be_answered_is_dropped() {
    let mut scene = Scene::granted();
    for text in [
        r#"{"api":"fromWidget","widgetId":"w","action":"watch_turn_servers","data":{}}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":null,"action":"watch_turn_servers","data":{}}"#,
    ] {
        scene.widget(text);
        assert_eq!(scene.story(), ["dropped NoRequestId"]);
    }
}

#[test]
fn h7_both_spellings_of_the_id_are_read_and_the_reply_keeps_the_one_that_came() {
    let mut scene = Scene::granted();
    scene.supply = Some(no_credentials());
    for spelling in ["requestId", "requestid"] {
        let text = request("1", WATCH).replace("requestId", spelling);
        scene.widget(&text);
        let told = scene.heard_by_widget();
        assert_eq!(parsed(&told[0]), parsed(&reply(&text, &json!({}))));
    }
    // A null beside the other spelling is no id.
    scene.widget(r#"{"requestId":null,"requestid":"1","api":"fromWidget","widgetId":"w","action":"unwatch_turn_servers"}"#);
    assert_eq!(scene.heard_by_widget().len(), 1);
}

fn no_credentials() -> widget_turn_proto::Supply {
    widget_turn_proto::Supply::Outage
}

#[test]
fn h7_an_unknown_action_gets_an_error_reply_of_the_bare_host() {
    let mut scene = Scene::new();
    scene.widget(&request("1", "dance"));
    let told = scene.heard_by_widget();
    let error = "Unknown or unsupported from-widget action: dance";
    let expected = reply(
        &request("1", "dance"),
        &json!({ "error": { "message": error } }),
    );
    assert_eq!(parsed(&told[0]), parsed(&expected));
    assert_eq!(told.len(), 1);
}

#[test]
fn h6_a_page_that_missed_the_question_at_its_load_event_is_asked_again_a_second_later() {
    let mut scene = Scene::new();
    let questions = |scene: &mut Scene| {
        let heard = scene.heard_by_widget();
        heard
            .iter()
            .filter(|text| parsed(text)["action"] == "capabilities")
            .count()
    };
    scene.page_load();
    assert_eq!(questions(&mut scene), 1);
    scene.widget(&request("1", "content_loaded"));
    scene.run(999);
    assert_eq!(questions(&mut scene), 0, "the answer may be on its way");
    scene.run(1);
    assert_eq!(questions(&mut scene), 1);
    scene.run(60_000);
    assert_eq!(questions(&mut scene), 0, "once");
}

#[test]
fn h6_a_page_that_answers_the_first_question_is_not_asked_twice() {
    let mut scene = Scene::new();
    scene.page_load();
    let question = scene.heard_by_widget().remove(0);
    scene.widget(&request("1", "content_loaded"));
    scene.widget(&reply(&question, &json!({ "capabilities": [] })));
    scene.run(60_000);
    let heard = scene.heard_by_widget();
    assert!(
        heard
            .iter()
            .all(|text| parsed(text)["action"] != "capabilities"),
        "{heard:?}"
    );
}

#[test]
fn the_bare_host_approves_what_gives_access_to_nothing_and_only_that() {
    let mut scene = Scene::new();
    scene.page_load();
    let question = scene.heard_by_widget().remove(0);
    let wish = json!({ "capabilities": ["io.element.requires_client", "m.always_on_screen"] });
    scene.widget(&reply(&question, &wish));
    let told = parsed(&scene.heard_by_widget()[0]);
    assert_eq!(told["data"]["requested"], wish["capabilities"]);
    assert_eq!(
        told["data"]["approved"],
        json!(["io.element.requires_client"])
    );
}
