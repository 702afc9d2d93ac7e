//! A driver that does MSC3846 itself, as the SDK's may one day.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

use std::sync::Arc;

use matrix_sdk::ruma::room_id;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use widget_turn::{FeedConfig, Fetched, TurnSource};
use widget_turn_proto::reply;

use super::*;
use crate::driver::granted::Approved;
use crate::driver::host::Driver;

const TURN: &str = "town.robin.msc3846.turn_servers";

/// The test plays it.
struct StandIn {
    heard: mpsc::UnboundedSender<String>,
    says: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Driver for StandIn {
    async fn recv(&self) -> Option<String> {
        self.says.lock().await.recv().await
    }

    async fn send(&self, text: String) -> bool {
        self.heard.send(text).is_ok()
    }
}

/// Nobody may ask the homeserver: the driver does.
struct Unasked;

impl TurnSource for Unasked {
    async fn fetch(&self) -> Fetched {
        panic!("the layer asks for credentials");
    }
}

fn request(api: &str, id: &str, action: &str, data: Value) -> String {
    format!(
        r#"{{"api":"{api}","widgetId":"w","requestId":"{id}","action":"{action}","data":{data}}}"#
    )
}

fn answered(request: &str, response: Value) -> String {
    reply(request.to_owned(), &response.to_string()).unwrap()
}

#[tokio::test]
async fn the_layer_steps_aside_behind_the_negotiation_too() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room = server
        .sync_joined_room(&client, room_id!("!room:example.org"))
        .await;
    let (asked, mut requests) = mpsc::unbounded_channel();
    let decide: Decide = Arc::new(move |request| {
        asked.send(request.capabilities.clone()).unwrap();
        Box::pin(async { request.capabilities })
    });
    let settings = WidgetSettings::new("w".to_owned(), true, "https://widget.example/").unwrap();
    let feed = TurnFeed::new(Unasked, FeedConfig::default());
    let front = Front::new(settings, room, decide, feed, DriverConfig::default());
    let (mut page, host) = front.connect();
    let (heard, mut driver) = mpsc::unbounded_channel();
    let (say, says) = mpsc::unbounded_channel();
    let stand_in = StandIn {
        heard,
        says: Mutex::new(says),
    };
    tokio::spawn(host.serve(stand_in, Approved::default()));

    // The driver says that it does MSC3846.
    let versions = request("fromWidget", "1", "supported_api_versions", json!({}));
    page.hand_in(versions.clone()).await;
    assert_eq!(driver.recv().await.unwrap(), versions);
    let versions = answered(
        &versions,
        json!({ "supported_versions": ["town.robin.msc3846"] }),
    );
    say.send(versions.clone()).unwrap();
    assert_eq!(page.layer.recv().await.unwrap(), versions);

    // The person is asked once, for TURN too, and the driver hears that it is wanted.
    let loaded = request("fromWidget", "2", "content_loaded", json!({}));
    page.hand_in(loaded.clone()).await;
    assert_eq!(
        page.layer.recv().await.unwrap(),
        answered(&loaded, json!({}))
    );
    let question = page.layer.recv().await.unwrap();
    let wanted = json!({ "capabilities": [TURN, "m.other"] });
    page.hand_in(answered(&question, wanted.clone())).await;
    assert_eq!(requests.recv().await.unwrap(), [TURN, "m.other"]);
    let played = driver.recv().await.unwrap();
    say.send(answered(&played, json!({}))).unwrap();
    let question = request("toWidget", "a", "capabilities", json!({}));
    say.send(question.clone()).unwrap();
    assert_eq!(driver.recv().await.unwrap(), answered(&question, wanted));

    // What it approves is told as it says, and what it is asked for is its own.
    let data = json!({ "requested": [TURN, "m.other"], "approved": [] });
    let notify = request("toWidget", "b", "notify_capabilities", data);
    say.send(notify.clone()).unwrap();
    assert_eq!(page.layer.recv().await.unwrap(), notify);
    let watch = request("fromWidget", "3", "watch_turn_servers", json!({}));
    page.hand_in(watch.clone()).await;
    assert_eq!(driver.recv().await.unwrap(), watch);
    let watching = answered(&watch, json!({}));
    let update = request(
        "toWidget",
        "c",
        "update_turn_servers",
        json!({ "uris": [] }),
    );
    for text in [watching, update.clone()] {
        say.send(text.clone()).unwrap();
        assert_eq!(page.layer.recv().await.unwrap(), text);
    }
    page.hand_in(answered(&update, json!({}))).await;
    assert_eq!(driver.recv().await.unwrap(), answered(&update, json!({})));
    assert!(requests.try_recv().is_err(), "nobody is asked twice");
}
