//! `cargo bench -p widget-turn`: one feed, ten thousand widgets. Prints figures, asserts nothing about time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use widget_turn::{
    FeedConfig, Fetched, InnerHost, LayerConfig, Secret, TrustedOrigins, TurnFeed, TurnLayer,
    TurnServer, TurnSource,
};

const WIDGETS: usize = 10_000;
const REFRESHES: usize = 5;

/// Other credentials each time; notes when each was given.
#[derive(Clone)]
struct Minting {
    asked: Arc<AtomicUsize>,
    answered: mpsc::UnboundedSender<Instant>,
}

impl TurnSource for Minting {
    async fn fetch(&self) -> Fetched {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let uris = ["turn:turn.example.com".to_owned()];
        let server = TurnServer::new(uris, format!("u{number}"), Secret::new("p"));
        let _ = self.answered.send(Instant::now());
        Fetched::Credentials {
            server: server.expect("it is complete"),
            // Refreshed after one to two seconds.
            ttl: Duration::from_secs(4),
        }
    }
}

#[tokio::main]
async fn main() {
    let (answered, mut answers) = mpsc::unbounded_channel();
    let source = Minting {
        asked: Arc::default(),
        answered,
    };
    let config = FeedConfig {
        min_interval: Duration::from_secs(1),
        ..FeedConfig::default()
    };
    let feed = TurnFeed::new(source.clone(), config);
    let (told, mut updates) = mpsc::unbounded_channel();
    let before = resident();
    for _ in 0..WIDGETS {
        let feed = feed.clone();
        let told = told.clone();
        tokio::spawn(async move { widget(&feed, &told).await });
    }
    println!("{WIDGETS} widgets on one feed");
    let mut rounds: Vec<usize> = Vec::new();
    let mut last = Vec::new();
    while rounds.iter().filter(|count| **count == WIDGETS).count() < REFRESHES {
        let Some((round, at)) = updates.recv().await else {
            break;
        };
        if rounds.len() <= round {
            rounds.resize(round + 1, 0);
            last.resize(round + 1, None);
        }
        rounds[round] += 1;
        last[round] = last[round].max(Some(at));
    }
    let mut round = 0;
    while let Ok(given) = answers.try_recv() {
        if let (1.., Some(Some(all)), Some(&WIDGETS)) = (round, last.get(round), rounds.get(round))
        {
            let late = (*all - given).as_secs_f64() * 1e3;
            println!("refresh {round}: all told {late:>6.1} ms after the answer");
        }
        round += 1;
    }
    println!(
        "requests to the homeserver: {}",
        source.asked.load(Ordering::SeqCst)
    );
    if let (Some(before), Some(after)) = (before, resident()) {
        println!(
            "memory for each widget, its channels and tasks included: {} bytes",
            (after - before) / WIDGETS
        );
    }
}

/// A widget that shakes hands, watches, and answers what it is told.
async fn widget(feed: &TurnFeed, told: &mpsc::UnboundedSender<(usize, Instant)>) {
    let origin = "https://widget.example/".parse().expect("it is a URL");
    let policy = TrustedOrigins::new(["https://widget.example"]).expect("it is an origin");
    let config = LayerConfig::new("w", origin, "@alice:example.org");
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), feed, policy, config);
    layer.page_loaded().await;
    while let Some(text) = layer.recv().await {
        let Some(open) = text.strip_suffix('}') else {
            return;
        };
        if text.contains("update_turn_servers") {
            let number = text
                .split(r#""username":"u"#)
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let number = number.and_then(|digits| digits.parse().ok());
            if let Some(number) = number {
                let _ = told.send((number, Instant::now()));
            }
            layer.send(format!(r#"{open},"response":{{}}}}"#)).await;
        } else if text.contains(r#""action":"capabilities""#) {
            let wish = r#"{"capabilities":["town.robin.msc3846.turn_servers"]}"#;
            layer.send(format!(r#"{open},"response":{wish}}}"#)).await;
        } else if text.contains("notify_capabilities") {
            layer.send(format!(r#"{open},"response":{{}}}}"#)).await;
            let watch = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"watch_turn_servers","data":{}}"#;
            layer.send(watch.to_owned()).await;
        }
    }
}

/// The process's memory in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
