//! What is not the layer's goes through as it came.

use std::borrow::Cow;

use serde_json::json;
use widget_turn_proto::Output;

use crate::harness::{Scene, UNSTABLE, notify, request};

/// Messages of others, with all that a rewrite would lose.
fn oddities() -> Vec<Cow<'static, str>> {
    let big = format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"upload","data":{{"file":"{}"}}}}"#,
        "x".repeat(1 << 20)
    );
    let nested = format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"deep","data":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    vec![
        " \n\t{ \"api\" : \"fromWidget\" ,\r\n \"widgetId\":\"w\",\"requestId\":\"1\", \"action\":\"a\" , \"data\" : { } }\n ".into(),
        r#"{"data":{"z":1,"a":2},"action":"a","requestId":"1","widgetId":"w","api":"fromWidget"}"#.into(),
        r#"{"api":"toWidget","api":"fromWidget","widgetId":"v","widgetId":"w","requestId":"0","requestId":"1","action":"b","action":"a","data":1,"data":2}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":{"s":"\u0000\u00e9\/\ud83d\ude00\ud800"}}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":[1.0,1e400,-0,0.1000000000000000055,12345678901234567890123]}"#.into(),
        r#"{"\u0061pi":"fromWidget","widget\u0049d":"\u0077","requestId":"1","action":"\u0061","data":{}}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":17,"action":"a"}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":null,"é":"😀\u2028"}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":{},"\ud800":1}"#.into(),
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"","data":{}}"#.into(),
        r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"openid_credentials","data":{},"response":{}}"#.into(),
        big.into(),
        nested.into(),
    ]
}

#[test]
fn messages_of_others_go_through_byte_for_byte_both_ways() {
    for mut scene in [Scene::scripted(), Scene::granted(), Scene::watching("a")] {
        for text in oddities() {
            scene.widget(&text);
            assert!(
                scene.news() == [Output::ToHost(text.to_string())],
                "{text:.200}"
            );
            scene.host(&text);
            assert!(
                scene.news() == [Output::ToWidget(text.to_string())],
                "{text:.200}"
            );
        }
    }
}

#[test]
fn handshake_messages_without_turn_go_through_byte_for_byte() {
    let mut scene = Scene::scripted();
    let question =
        r#" {"api":"toWidget","widgetId":"w","requestId":"q","action":"capabilities", "data":{} }"#;
    scene.host(question);
    assert_eq!(scene.heard_by_widget(), [question]);
    let answer = r#"{"api":"toWidget","widgetId":"w","requestId":"q","action":"capabilities","data":{},"response":{"capabilities":[ "a","\u0062" , 1.0 ]} }"#;
    scene.widget(answer);
    assert_eq!(scene.news(), [Output::ToHost(answer.into())]);
    let told = r#"{"api":"toWidget","widgetId":"w","requestId":"n","action":"notify_capabilities","data":{"requested":[ "a" ],"approved":[ ]}}"#;
    scene.host(told);
    assert_eq!(scene.heard_by_widget(), [told]);
    for action in ["content_loaded", "supported_api_versions"] {
        let text = format!(" {} ", request("1", action));
        scene.widget(&text);
        assert_eq!(scene.heard_by_host(), [text]);
    }
}

#[test]
fn an_edited_message_keeps_all_but_the_list() {
    let mut scene = Scene::scripted();
    scene.host(r#"{"api":"fromWidget", "z":1.0,"widgetId":"w","requestId":"\u0031","action":"supported_api_versions","data":{ },"response":{"x":1e3,"supported_versions":["a"],"y":[ ]}}"#);
    assert_eq!(
        scene.heard_by_widget(),
        [
            r#"{"api":"fromWidget", "z":1.0,"widgetId":"w","requestId":"\u0031","action":"supported_api_versions","data":{ },"response":{"x":1e3,"supported_versions":["a","town.robin.msc3846"],"y":[ ]}}"#
        ]
    );
    let token = scene.negotiate(&[UNSTABLE]);
    scene.decide(&token, true);
    scene.host(r#"{"api":"toWidget","widgetId":"w","requestId":"n","action":"notify_capabilities","data":{"approved":[],"extra":1.50,"requested":[]}, "q":[1.0]}"#);
    let told = scene.heard_by_widget();
    assert_eq!(
        told,
        [format!(
            r#"{{"api":"toWidget","widgetId":"w","requestId":"n","action":"notify_capabilities","data":{{"approved":["{UNSTABLE}"],"extra":1.50,"requested":["{UNSTABLE}"]}}, "q":[1.0]}}"#
        )]
    );
}

#[test]
fn names_that_are_no_strings_stay_in_an_edited_list() {
    let mut scene = Scene::scripted();
    scene.host(&crate::harness::host_request(
        "c",
        "capabilities",
        &json!({}),
    ));
    scene.forget();
    scene.widget(r#"{"api":"toWidget","widgetId":"w","requestId":"c","action":"capabilities","data":{},"response":{"capabilities":[1,null,"m.turn_servers",{"a":[]},"b"]}}"#);
    assert_eq!(
        scene.story()[0],
        r#">host capabilities#c {"capabilities":[1,null,{"a":[]},"b"]}"#
    );
}

#[test]
fn a_notify_that_lacks_a_list_is_passed_on_with_what_it_has() {
    let mut scene = Scene::granted();
    let odd = r#"{"api":"toWidget","widgetId":"w","requestId":"n","action":"notify_capabilities","data":{}}"#;
    scene.host(odd);
    assert_eq!(scene.heard_by_widget(), [odd]);
    let text = notify("n", &["a"], &["a"]).replace("requested", "others");
    scene.host(&text);
    assert!(
        scene.heard_by_widget()[0].contains(UNSTABLE),
        "approved is what widgets go by"
    );
}
