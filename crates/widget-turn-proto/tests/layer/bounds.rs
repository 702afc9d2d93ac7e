//! C9: what one widget can make the layer keep, and how long it can make it think.

use serde_json::json;
use widget_turn_proto::{HandshakeHost, MessageError, Output, Timestamp};

use crate::harness::{
    RENEGOTIATE, Scene, UNSTABLE, UNWATCH, WATCH, host_request, notify, parsed, ready, reply,
    request, widget_request,
};

const LIMIT: usize = 64 * 1024;

fn watch_of(bytes: usize) -> String {
    let frame = request("1", WATCH).len() + 6;
    let data = format!(r#""data":{{"x":"{}"}}"#, "y".repeat(bytes - frame));
    let text = request("1", WATCH).replace(r#""data":{}"#, &data);
    assert_eq!(text.len(), bytes);
    text
}

#[test]
fn c9_an_owned_message_of_64_kib_is_answered_and_a_longer_one_refused() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    let text = watch_of(LIMIT);
    scene.widget(&text);
    assert_eq!(
        parsed(&scene.heard_by_widget()[0]),
        parsed(&reply(&text, &json!({})))
    );
    for bytes in [LIMIT + 1, 50 << 20] {
        scene.widget(&watch_of(bytes));
        let told = scene.heard_by_widget();
        assert_eq!(told.len(), 1);
        assert!(told[0].len() < 1_000, "the data is not echoed");
        let told = parsed(&told[0]);
        assert_eq!(told["requestId"], "1");
        assert!(told["response"]["error"]["message"].is_string());
    }
}

#[test]
fn c9_a_request_that_is_too_long_is_refused_by_the_spelling_of_its_id() {
    let mut scene = Scene::granted();
    scene.widget(&watch_of(LIMIT + 1).replace("requestId", "requestid"));
    let told = parsed(&scene.heard_by_widget()[0]);
    assert_eq!(told["requestid"], "1");
    assert_eq!(told.get("requestId"), None);
}

#[test]
fn c9_of_many_open_questions_the_last_one_can_be_answered() {
    let mut scene = Scene::scripted();
    let question = |number| host_request(&format!("c{number}"), "capabilities", &json!({}));
    for number in 0..1_000 {
        scene.host(&question(number));
    }
    let names = json!({ "capabilities": [UNSTABLE] });
    scene.widget(&reply(&question(0), &names));
    assert_eq!(scene.asked(), None, "long forgotten");
    scene.widget(&reply(&question(999), &names));
    assert!(scene.asked().is_some());
}

#[test]
fn c9_what_is_too_long_to_be_replied_to_is_dropped() {
    let mut scene = Scene::granted();
    scene.widget(&request(&"9".repeat(LIMIT), WATCH));
    assert_eq!(scene.story(), ["dropped TooLong"]);
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    scene.widget(&format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":{nested},"action":"watch_turn_servers"}}"#
    ));
    assert_eq!(scene.story(), ["dropped TooLong"]);
}

#[test]
fn c9_fifty_megabytes_pass_both_ways_as_they_came() {
    let mut scene = Scene::watching("a");
    let text = watch_of(50 << 20).replace(WATCH, "upload");
    scene.layer.handle_widget_message(scene.now, text.clone());
    let output = scene.layer.poll_output();
    let Some(Output::ToHost(passed)) = output else {
        panic!("{output:?}")
    };
    assert!(passed == text);
    scene.layer.handle_host_message(scene.now, passed);
    assert!(scene.layer.poll_output() == Some(Output::ToWidget(text)));
}

#[test]
fn c9_the_same_buffer_passes() {
    let mut scene = Scene::granted();
    let text = request("1", "send_event");
    let at = text.as_ptr();
    scene.layer.handle_widget_message(scene.now, text);
    let Some(Output::ToHost(passed)) = scene.layer.poll_output() else {
        panic!()
    };
    assert_eq!(passed.as_ptr(), at, "it is not copied");
    scene.layer.handle_host_message(scene.now, passed);
    let Some(Output::ToWidget(passed)) = scene.layer.poll_output() else {
        panic!()
    };
    assert_eq!(passed.as_ptr(), at, "it is not copied");
}

#[test]
fn c9_deep_nesting_neither_overflows_the_stack_nor_hangs() {
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let values = [
        deep("[", "]"),
        format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000)),
        "[".repeat(100_000),
    ];
    let actions = [
        ("fromWidget", "a", "data"),
        ("fromWidget", WATCH, "data"),
        ("fromWidget", UNWATCH, "response"),
        ("fromWidget", RENEGOTIATE, "data"),
        ("fromWidget", "supported_api_versions", "response"),
        ("toWidget", "capabilities", "response"),
        ("toWidget", "notify_capabilities", "response"),
        ("toWidget", "notify_capabilities", "data"),
        ("toWidget", "update_turn_servers", "response"),
    ];
    let mut scene = Scene::granted();
    let mut host = HandshakeHost::new("w", 0);
    for value in &values {
        for (api, action, key) in actions {
            let text = format!(
                r#"{{"api":"{api}","widgetId":"w","requestId":"1","action":"{action}","{key}":{value}}}"#
            );
            scene.layer.handle_widget_message(scene.now, text.clone());
            scene.layer.handle_host_message(scene.now, text.clone());
            let _ = host.handle_message(Timestamp::ZERO, text);
        }
    }
    // Just below the limit for what is owned, where the reply is the message.
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let text = format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"unwatch_turn_servers","response":null,"data":{deep}}}"#
    );
    while scene.layer.poll_output().is_some() {}
    scene.widget(&text);
    assert_eq!(scene.heard_by_widget().len(), 1);
}

#[test]
fn c9_a_hundred_thousand_watches_in_a_row_each_get_one_reply() {
    let mut scene = Scene::granted();
    let mut replies = 0;
    let text = request("1", WATCH);
    for _ in 0..100_000 {
        scene.layer.handle_widget_message(scene.now, text.clone());
        while let Some(output) = scene.layer.poll_output() {
            replies += usize::from(matches!(output, Output::ToWidget(_)));
        }
    }
    assert!(
        100_000 - replies <= 16,
        "{replies}: those that wait are few"
    );
    scene.run(2_000);
    replies += scene.heard_by_widget().len();
    assert_eq!(replies, 100_000);
}

#[test]
fn c9_watch_and_unwatch_twenty_thousand_times() {
    let mut scene = Scene::granted();
    let mut balance = 0_i32;
    let mut replies = 0;
    let requests = [request("1", WATCH), request("1", UNWATCH)];
    for _ in 0..20_000 {
        for text in &requests {
            scene.layer.handle_widget_message(scene.now, text.clone());
        }
        while let Some(output) = scene.layer.poll_output() {
            match output {
                Output::Watch => balance += 1,
                Output::Unwatch => balance -= 1,
                Output::ToWidget(_) => replies += 1,
                other => panic!("{other:?}"),
            }
            assert!((0..=1).contains(&balance));
        }
    }
    assert_eq!((balance, replies), (0, 40_000));
}

/// A renegotiation of about 60 KiB that names TURN and what no host has heard of.
fn wordy(round: usize) -> (String, String) {
    let mut names: Vec<String> = (0..3_000).map(|n| format!("x.{round}.{n}.name")).collect();
    let host = widget_request(
        &round.to_string(),
        RENEGOTIATE,
        &json!({ "capabilities": names }),
    );
    names.push(UNSTABLE.to_owned());
    let text = widget_request(
        &round.to_string(),
        RENEGOTIATE,
        &json!({ "capabilities": names }),
    );
    assert!(text.len() < LIMIT);
    (text, host)
}

#[test]
fn c9_a_widget_that_renegotiates_for_ever_does_not_fill_the_memory() {
    let mut scene = Scene::granted();
    let mut longest = 0;
    for round in 0..12 {
        let (text, host) = wordy(round);
        scene.widget(&text);
        scene.host(&reply(
            &host,
            &json!({ "error": { "message": "unknown variant" } }),
        ));
        for told in scene.heard_by_widget() {
            longest = longest.max(told.len());
        }
    }
    assert!(longest < 4 * LIMIT, "{longest} bytes for one notify");
}

#[test]
fn c9_renegotiations_that_the_inner_host_leaves_open_are_few() {
    let mut scene = Scene::granted();
    scene.host(&notify("n", &[], &[]));
    scene.forget();
    let mut replies = 0;
    for round in 0..200 {
        let names = json!({ "capabilities": [UNSTABLE, format!("x{round}")] });
        scene.widget(&widget_request(&format!("r{round}"), RENEGOTIATE, &names));
    }
    scene.run(60_000);
    let mut open = 0;
    for output in scene.news() {
        match output {
            Output::ToWidget(told) => {
                replies += usize::from(parsed(&told).get("response").is_some());
            }
            Output::ToHost(_) => open += 1,
            _ => {}
        }
    }
    assert_eq!(open, 16);
    assert_eq!(
        replies, 200,
        "each has its reply, whether the inner host gave one or not"
    );
}

#[test]
fn c9_many_names_take_no_more_than_linear_time() {
    // As many as go into 64 KiB: with each compared to each, this would run for minutes.
    let names: Vec<String> = (0..8_000).map(|n| n.to_string()).collect();
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scene = Scene::granted();
    scene.host(&notify("n", &borrowed, &[]));
    let mut wanted = borrowed;
    wanted.push(UNSTABLE);
    let text = widget_request("r", RENEGOTIATE, &json!({ "capabilities": wanted }));
    assert!(text.len() <= LIMIT);
    scene.forget();
    for _ in 0..8 {
        scene.widget(&text);
    }
    assert_eq!(
        scene.heard_by_widget().len(),
        16,
        "a reply and a notify each"
    );
}

#[test]
fn c9_the_bare_host_refuses_what_is_too_long_and_goes_on() {
    let mut host = HandshakeHost::new("w", 0);
    let text = watch_of(50 << 20).replace(WATCH, "content_loaded");
    host.handle_message(Timestamp::ZERO, text)
        .expect("well formed");
    let told = host.poll_output().expect("a reply");
    assert!(told.len() < 1_000);
    assert_eq!(
        host.handle_message(Timestamp::ZERO, request(&"9".repeat(LIMIT), "dance")),
        Err(MessageError::TooLong)
    );
}

#[test]
fn c9_of_many_notifications_that_wait_for_a_person_the_last_ones_are_kept_and_all_are_answered() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    let id = |n: usize| format!("n{n}");
    for n in 0..1000 {
        scene.host(&notify(&id(n), &["a"], &[]));
    }
    let answered = scene.heard_by_host();
    scene.decide(&token, true);
    let told: Vec<_> = scene.heard_by_widget();
    assert_eq!(told.len(), 16);
    assert_eq!(answered.len() + told.len(), 1000);
    let expected = reply(&notify(&id(15), &["a"], &[]), &json!({}));
    assert_eq!(parsed(&answered[0]), parsed(&expected));
    let last = parsed(told.last().expect("there are 16"));
    assert_eq!(last["requestId"], "n999");
    assert_eq!(last["data"]["approved"], json!([UNSTABLE]));
}

#[test]
fn c9_a_notification_that_waits_takes_the_place_of_no_other_request() {
    let mut scene = Scene::scripted();
    let token = scene.negotiate(&[UNSTABLE]);
    for n in 0..16 {
        scene.host(&notify(&format!("n{n}"), &["a"], &[]));
    }
    let other = host_request("e1", "send_event", &json!({}));
    scene.host(&other);
    scene.forget();
    scene.host(&notify("n16", &["a"], &[]));
    let [superseded] = &scene.heard_by_host()[..] else {
        panic!("one is answered for the widget");
    };
    assert_eq!(parsed(superseded)["requestId"], "n15");
    scene.decide(&token, true);
    let told = scene.heard_by_widget();
    assert_eq!(told.last(), Some(&other), "in its place, and as it came");
}
