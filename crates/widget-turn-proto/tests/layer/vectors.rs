//! The JSON blocks of MSC3846, as they stand there.

use serde_json::{Value, json};
use widget_turn_proto::{LayerConfig, Secret, Supply, Timestamp, TurnServer};

use crate::harness::{Scene, UNSTABLE, parsed, reply};

const WATCH: &str = r#"{
// This is a standardized widget API request.
"api": "fromWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "watch_turn_servers", // value defined by this proposal
"data": {} // nothing
}"#;

const WATCH_REPLY: &str = r#"{
// This is a standardized widget API request.
"api": "fromWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "watch_turn_servers",
"data": {},
"response": {} // nothing
}"#;

const UNWATCH: &str = r#"{
// This is a standardized widget API request.
"api": "fromWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "unwatch_turn_servers", // value defined by this proposal
"data": {} // nothing
}"#;

const UNWATCH_REPLY: &str = r#"{
// This is a standardized widget API request.
"api": "fromWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "unwatch_turn_servers",
"data": {},
"response": {} // nothing
}"#;

const UPDATE: &str = r#"{
// This is a standardized widget API request.
"api": "toWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "update_turn_servers", // value defined by this proposal
"data": {
"uris": [
"turn:turn.example.com:3478?transport=udp",
"turn:10.20.30.40:3478?transport=tcp",
"turns:10.20.30.40:443?transport=tcp"
],
"username": "1443779631:@user:example.com",
"password": "JlKfBy1QwLrO20385QyAtEyIv0="
}
}"#;

const UPDATE_ACK: &str = r#"{
// This is a standardized widget API request.
"api": "toWidget",
"widgetId": "20220712_WidgetExample",
"requestid": "generated-id-1234",
"action": "update_turn_servers",
"data": {
"uris": [
"turn:turn.example.com:3478?transport=udp",
"turn:10.20.30.40:3478?transport=tcp",
"turns:10.20.30.40:443?transport=tcp"
],
"username": "1443779631:@user:example.com",
"password": "JlKfBy1QwLrO20385QyAtEyIv0="
},
"response": {} // nothing
}"#;

/// JSON5's line comments taken away; no string in the blocks has ` //` or begins a line with `//`.
fn json(block: &str) -> String {
    block
        .lines()
        .filter(|line| !line.starts_with("//"))
        .map(|line| line.split(" //").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn msc_credentials() -> Supply {
    let uris = [
        "turn:turn.example.com:3478?transport=udp",
        "turn:10.20.30.40:3478?transport=tcp",
        "turns:10.20.30.40:443?transport=tcp",
    ];
    let server = TurnServer::new(
        uris.map(String::from),
        "1443779631:@user:example.com",
        Secret::new("JlKfBy1QwLrO20385QyAtEyIv0="),
    );
    Supply::Ready {
        server: server.expect("usable"),
        expires_at: Timestamp::from_secs(1_000_000),
    }
}

fn granted() -> Scene {
    let mut scene = Scene::configured(LayerConfig::new("20220712_WidgetExample"));
    let question = r#"{"api":"toWidget","widgetId":"20220712_WidgetExample","requestId":"c","action":"capabilities","data":{}}"#;
    scene.host(question);
    scene.widget(&reply(question, &json!({ "capabilities": [UNSTABLE] })));
    let token = scene.asked().expect("asked");
    scene.decide(&token, true);
    scene.supply = Some(msc_credentials());
    scene
}

#[test]
fn h7_the_mscs_exchange_with_its_own_spelling_of_the_id() {
    let mut scene = granted();
    scene.widget(&json(WATCH));
    let told = scene.heard_by_widget();
    assert_eq!(parsed(&told[0]), parsed(&json(WATCH_REPLY)));

    let update = parsed(&told[1]);
    let id = update["requestId"]
        .as_str()
        .expect("peers read `requestId` only");
    let mut expected = parsed(&json(UPDATE));
    let object = expected.as_object_mut().expect("an object");
    object.remove("requestid");
    object.insert("requestId".to_owned(), id.into());
    assert_eq!(update, expected);

    // The acknowledgement in the MSC's spelling counts too.
    let ack = json(UPDATE_ACK).replace("generated-id-1234", id);
    scene.widget(&ack);
    assert_eq!(scene.story(), [""; 0]);
    scene.widget(&ack);
    assert_eq!(
        scene.story(),
        ["dropped Unasked"],
        "it was taken the first time"
    );

    scene.widget(&json(UNWATCH));
    assert_eq!(
        parsed(&scene.heard_by_widget()[0]),
        parsed(&json(UNWATCH_REPLY))
    );
}

#[test]
fn h7_the_mscs_exchange_with_the_spelling_that_peers_use() {
    let peers = |block: &str| json(block).replace("requestid", "requestId");
    let mut scene = granted();
    scene.widget(&peers(WATCH));
    let told = scene.heard_by_widget();
    assert_eq!(parsed(&told[0]), parsed(&peers(WATCH_REPLY)));
    let id = parsed(&told[1])["requestId"]
        .as_str()
        .expect("an id")
        .to_owned();
    scene.widget(&peers(UPDATE_ACK).replace("generated-id-1234", &id));
    scene.widget(&peers(UNWATCH));
    let told = scene.heard_by_widget();
    assert_eq!(told.len(), 1);
    assert_eq!(parsed(&told[0]), parsed(&peers(UNWATCH_REPLY)));
}

#[test]
fn a_reply_is_the_request_as_it_came_plus_the_response() {
    let mut scene = granted();
    scene.supply = Some(Supply::Outage);
    let text = " {\"x\" : 1.0, \"api\":\"fromWidget\",\"requestid\":\"\\u0031\",\"big\":12345678901234567890123,\n\"widgetId\":\"20220712_WidgetExample\",\"action\":\"watch_turn_servers\" } ";
    scene.widget(text);
    let told = scene.heard_by_widget();
    let kept = text.trim_end().trim_end_matches('}');
    assert!(told[0].starts_with(kept), "{}", told[0]);
    assert_eq!(parsed(&told[0])["response"], json!({}));
}

#[test]
fn a_request_with_a_response_of_null_is_answered_and_keeps_the_rest() {
    let mut scene = granted();
    scene.supply = Some(Supply::Outage);
    let text = r#"{"z":1.0,"api":"fromWidget","big":12345678901234567890123,"response":null,"requestId":"1","widgetId":"20220712_WidgetExample","action":"watch_turn_servers","data":{"n":[[]]}}"#;
    scene.widget(text);
    assert_eq!(scene.heard_by_widget(), [text.replace("null", "{}")]);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let text = text.replace("[[]]", &deep);
    scene.widget(&text);
    let told = scene.heard_by_widget();
    assert_eq!(told[0].matches("response").count(), 1, "one response");
}

#[test]
fn the_mscs_names_are_ours() {
    let caps: Value = json!(["town.robin.msc3846.turn_servers", "m.turn_servers"]);
    assert_eq!(caps, json!([UNSTABLE, crate::harness::STABLE]));
    assert_eq!(crate::harness::MSC3846, "town.robin.msc3846");
}
