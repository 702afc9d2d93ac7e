//! What a settings screen sees of a running layer and of its feed, on tokio's paused clock.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use widget_turn::{
    Answer, Ask, FeedConfig, Fetched, InnerHost, LayerConfig, LayerStatus, Secret, Supply,
    TurnFeed, TurnLayer, TurnServer, TurnSource,
};

struct Fixed;

impl TurnSource for Fixed {
    async fn fetch(&self) -> Fetched {
        let uris = ["turn:turn.example.com".to_owned()];
        Fetched::Credentials {
            server: TurnServer::new(uris, "u", Secret::new("p")).unwrap(),
            ttl: Duration::from_secs(3600),
        }
    }
}

async fn find(layer: &mut TurnLayer, action: &str) -> Value {
    loop {
        let text = timeout(Duration::from_secs(60), layer.recv()).await;
        let message: Value = serde_json::from_str(&text.unwrap().unwrap()).unwrap();
        if message["action"] == action {
            return message;
        }
    }
}

async fn answer(layer: &mut TurnLayer, mut message: Value, response: Value) {
    message["response"] = response;
    layer.send(message.to_string()).await;
}

async fn request(layer: &mut TurnLayer, action: &str) {
    let text =
        json!({"api":"fromWidget","widgetId":"w","requestId":action,"action":action,"data":{}});
    layer.send(text.to_string()).await;
    find(layer, action).await;
}

async fn becomes(status: &mut watch::Receiver<LayerStatus>, wanted: LayerStatus) {
    let seen = status.wait_for(|status| *status == wanted);
    timeout(Duration::from_secs(60), seen)
        .await
        .unwrap_or_else(|_| panic!("never {wanted:?}"))
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_screen_sees_the_question_the_decision_the_watch_and_the_reload() {
    let (to_person, mut person) = mpsc::channel(1);
    let feed = TurnFeed::new(Fixed, FeedConfig::default());
    let config = LayerConfig::new("w", "https://widget.example/".parse().unwrap(), "@a:b.c");
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Ask::new(to_person), config);
    let (mut status, supply) = (layer.status(), feed.subscribe());
    assert_eq!(*status.borrow(), LayerStatus::NotAsked);

    for verdict in [Answer::Once, Answer::Deny] {
        layer.page_loaded().await;
        let question = find(&mut layer, "capabilities").await;
        let wanted = json!({"capabilities":["m.turn_servers"]});
        answer(&mut layer, question, wanted).await;
        becomes(&mut status, LayerStatus::Asking).await;
        person.recv().await.unwrap().answer(verdict);
        let notice = find(&mut layer, "notify_capabilities").await;
        answer(&mut layer, notice, json!({})).await;
        if verdict == Answer::Deny {
            becomes(&mut status, LayerStatus::Denied).await;
            continue;
        }
        becomes(&mut status, LayerStatus::Granted).await;
        request(&mut layer, "watch_turn_servers").await;
        becomes(&mut status, LayerStatus::Watching).await;
        assert!(matches!(*supply.borrow(), Supply::Ready { .. }));
        request(&mut layer, "unwatch_turn_servers").await;
        becomes(&mut status, LayerStatus::Granted).await;
        request(&mut layer, "watch_turn_servers").await;
        becomes(&mut status, LayerStatus::Watching).await;
    }

    drop(layer);
    assert!(
        timeout(Duration::from_secs(60), status.changed())
            .await
            .unwrap()
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_screen_does_not_make_a_feed_fetch() {
    let feed = TurnFeed::new(Fixed, FeedConfig::default());
    let mut supply = feed.subscribe();
    let changed = timeout(Duration::from_secs(24 * 3600), supply.changed()).await;
    assert!(changed.is_err(), "nothing happens");
    assert_eq!(*supply.borrow(), Supply::Pending);
}
