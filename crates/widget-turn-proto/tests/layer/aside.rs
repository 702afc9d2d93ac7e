//! Over an inner host that does MSC3846 itself.

use serde_json::json;
use widget_turn_proto::Output;

use crate::harness::{
    MSC3846, RENEGOTIATE, STABLE, Scene, UNSTABLE, UNWATCH, UPDATE, WATCH, host_request, notify,
    reply, request, widget_request,
};

/// The versions of a host that does MSC3846.
fn versions() -> String {
    let versions = json!({ "supported_versions": ["0.0.2", MSC3846] });
    reply(&request("v", "supported_api_versions"), &versions)
}

#[test]
fn a_host_that_does_msc3846_itself_gets_and_says_everything() {
    let mut scene = Scene::scripted();
    scene.host(&versions());
    assert_eq!(scene.heard_by_widget(), [versions()]);

    let question = host_request("c", "capabilities", &json!({}));
    let update = host_request("u", UPDATE, &json!({ "uris": ["turn:t.example.com"] }));
    let told = notify("n", &[UNSTABLE], &[UNSTABLE]);
    for text in [&question, &told, &update] {
        scene.host(text);
        assert_eq!(scene.news(), [Output::ToWidget(text.clone())]);
    }
    let wanted = json!({ "capabilities": [UNSTABLE, STABLE] });
    for text in [
        reply(&question, &wanted),
        reply(&told, &json!({})),
        request("1", WATCH),
        reply(&update, &json!({})),
        request("2", UNWATCH),
        widget_request("3", RENEGOTIATE, &wanted),
        request("4", "content_loaded"),
        request("5", "content_loaded"),
    ] {
        scene.widget(&text);
        assert_eq!(scene.news(), [Output::ToHost(text)]);
    }
    let answered = reply(&request("1", WATCH), &json!({}));
    scene.host(&answered);
    assert_eq!(scene.news(), [Output::ToWidget(answered)]);
}

#[test]
fn a_host_that_says_so_after_the_widget_was_granted_turn_does_not_take_it_over() {
    let mut scene = Scene::watching("u1");
    scene.host(&versions());
    scene.forget();
    scene.widget(&request("w", UNWATCH));
    assert_eq!(
        scene.story(),
        ["unwatch", ">widget unwatch_turn_servers#w {}"]
    );
}

#[test]
fn messages_of_another_widget_are_dropped_all_the_same() {
    let mut scene = Scene::scripted();
    scene.host(&versions());
    scene.forget();
    scene.widget(&request("1", WATCH).replace("\"w\"", "\"other\""));
    assert_eq!(scene.story(), ["dropped OtherWidget"]);
}
