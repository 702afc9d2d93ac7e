//! Whole conversations, word for word.

use serde_json::json;

use crate::scene::{Place, SEND, TURN, request};

#[tokio::test]
async fn a_widget_that_wants_turn_and_more() {
    let place = Place::with_turn().await;
    let mut widget = place.widget();
    widget.ask("1", "supported_api_versions", &json!({})).await;
    widget.negotiate(&[SEND, TURN]).await;
    widget.ask("2", "watch_turn_servers", &json!({})).await;
    widget.updated().await;
    widget.ask("3", "unwatch_turn_servers", &json!({})).await;
    let expected = r#"
widget: {"api":"fromWidget","widgetId":"w","requestId":"1","action":"supported_api_versions","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"1","action":"supported_api_versions","data":{},"response":{"supported_versions":["0.0.1","0.0.2","org.matrix.msc2762","org.matrix.msc2762_update_state","org.matrix.msc2871","org.matrix.msc3819","org.matrix.msc4039","town.robin.msc3846"]}}
widget: {"api":"fromWidget","widgetId":"w","requestId":"loaded","action":"content_loaded","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"loaded","action":"content_loaded","data":{},"response":{}}
host: {"api":"toWidget","widgetId":"w","requestId":"id-0","action":"capabilities","data":{}}
widget: {"api":"toWidget","widgetId":"w","requestId":"id-0","action":"capabilities","data":{},"response":{"capabilities":["org.matrix.msc2762.send.event:m.room.message","town.robin.msc3846.turn_servers"]}}
host: {"api":"toWidget","widgetId":"w","requestId":"id-1","action":"notify_capabilities","data":{"requested":["org.matrix.msc2762.send.event:m.room.message","town.robin.msc3846.turn_servers"],"approved":["org.matrix.msc2762.send.event:m.room.message","town.robin.msc3846.turn_servers"]}}
widget: {"api":"toWidget","widgetId":"w","requestId":"id-1","action":"notify_capabilities","data":{"requested":["org.matrix.msc2762.send.event:m.room.message","town.robin.msc3846.turn_servers"],"approved":["org.matrix.msc2762.send.event:m.room.message","town.robin.msc3846.turn_servers"]},"response":{}}
widget: {"api":"fromWidget","widgetId":"w","requestId":"2","action":"watch_turn_servers","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"2","action":"watch_turn_servers","data":{},"response":{}}
host: {"api":"toWidget","widgetId":"w","requestId":"id-2","action":"update_turn_servers","data":{"password":"p","uris":["turn:turn.example.com"],"username":"u"}}
widget: {"api":"toWidget","widgetId":"w","requestId":"id-2","action":"update_turn_servers","data":{"password":"p","uris":["turn:turn.example.com"],"username":"u"},"response":{}}
widget: {"api":"fromWidget","widgetId":"w","requestId":"3","action":"unwatch_turn_servers","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"3","action":"unwatch_turn_servers","data":{},"response":{}}
"#;
    assert_eq!(widget.transcript.join("\n"), expected.trim());
}

#[tokio::test]
async fn a_widget_that_does_not_want_turn() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[SEND, "m.always_on_screen"]).await;
    widget.ask("2", "watch_turn_servers", &json!({})).await;
    let expected = r#"
widget: {"api":"fromWidget","widgetId":"w","requestId":"loaded","action":"content_loaded","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"loaded","action":"content_loaded","data":{},"response":{}}
host: {"api":"toWidget","widgetId":"w","requestId":"id-0","action":"capabilities","data":{}}
widget: {"api":"toWidget","widgetId":"w","requestId":"id-0","action":"capabilities","data":{},"response":{"capabilities":["org.matrix.msc2762.send.event:m.room.message","m.always_on_screen"]}}
host: {"api":"toWidget","widgetId":"w","requestId":"id-1","action":"notify_capabilities","data":{"requested":["org.matrix.msc2762.send.event:m.room.message"],"approved":["org.matrix.msc2762.send.event:m.room.message"]}}
widget: {"api":"toWidget","widgetId":"w","requestId":"id-1","action":"notify_capabilities","data":{"requested":["org.matrix.msc2762.send.event:m.room.message"],"approved":["org.matrix.msc2762.send.event:m.room.message"]},"response":{}}
widget: {"api":"fromWidget","widgetId":"w","requestId":"2","action":"watch_turn_servers","data":{}}
host: {"api":"fromWidget","widgetId":"w","requestId":"2","action":"watch_turn_servers","data":{},"response":{"error":{"message":"Missing capability"}}}
"#;
    assert_eq!(widget.transcript.join("\n"), expected.trim());
}

#[tokio::test]
async fn a_widget_that_does_not_wait_to_be_asked() {
    let place = Place::new().await;
    let mut widget = place.widget_where(false, |request| async { request.capabilities });
    widget
        .say(&request("1", "supported_api_versions", &json!({})))
        .await;
    let question = widget.expect("capabilities").await;
    widget.expect("supported_api_versions").await;
    widget
        .answer(&question, &json!({ "capabilities": [TURN] }))
        .await;
    assert_eq!(widget.notified().await["approved"], json!([TURN]));
    assert_eq!(
        widget.ask("2", "content_loaded", &json!({})).await,
        json!({})
    );
}
