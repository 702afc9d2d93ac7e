//! What a panic prints shows no secret, whoever panics with one in hand (rule C8).

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fmt::Debug;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use widget_turn::{
    FeedConfig, Fetched, InnerHost, LayerConfig, PermissionPolicy, PermissionRequest, Secret,
    Supply, TurnFeed, TurnLayer, TurnSource, VerdictFuture, read_response,
};

const PASSWORD: &str = "canary-password";
const BODY: &[u8] =
    br#"{"username":"u","password":"canary-password","uris":["turn:turn.example.com"],"ttl":3600}"#;

/// As `unwrap` does with an error.
fn panic_with(it: impl Debug) -> ! {
    panic!("{it:?}")
}

struct Source {
    panics: bool,
}

impl TurnSource for Source {
    async fn fetch(&self) -> Fetched {
        let fetched = read_response(200, None, BODY);
        match self.panics {
            true => panic_with(fetched),
            false => fetched,
        }
    }
}

struct Policy(TurnFeed);

impl PermissionPolicy for Policy {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move { panic_with((request, self.0.supply(), &self.0)) })
    }
}

async fn find(layer: &mut TurnLayer, part: &str) -> String {
    loop {
        let text = layer.recv().await.unwrap();
        if text.contains(part) {
            return text;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c8_no_panic_shows_a_secret() {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let heard = printed.clone();
    panic::set_hook(Box::new(move |panic| {
        heard.lock().unwrap().push(panic.to_string());
    }));

    let broken = TurnFeed::new(Source { panics: true }, FeedConfig::default());
    assert!(matches!(broken.watch().changed().await, Supply::Outage));

    let feed = TurnFeed::new(Source { panics: false }, FeedConfig::default());
    assert!(matches!(feed.watch().changed().await, Supply::Ready { .. }));
    let url = "https://widget.example/".parse().unwrap();
    let config = LayerConfig::new("w", url, "@alice:example.org");
    let policy = Policy(feed.clone());
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, policy, config);
    layer.page_loaded().await;
    let question = find(&mut layer, r#""action":"capabilities""#).await;
    let wish = r#""response":{"capabilities":["m.turn_servers"]}}"#;
    let answer = format!("{},{wish}", question.strip_suffix('}').unwrap());
    layer.send(answer).await;
    let told = find(&mut layer, "notify_capabilities").await;
    assert!(told.contains(r#""approved":[]"#), "P1: {told}");

    let in_hand: [&dyn Debug; 4] = [&Secret::new(PASSWORD), &feed.supply(), &feed, &layer];
    for it in in_hand {
        panic::catch_unwind(AssertUnwindSafe(|| panic_with(it))).unwrap_err();
    }

    drop(panic::take_hook());
    let printed = printed.lock().unwrap();
    assert_eq!(printed.len(), 6, "{printed:#?}");
    assert!(printed[0].contains("turn.example.com"), "{printed:#?}");
    for words in &*printed {
        assert!(!words.contains(PASSWORD), "{words}");
    }
}
