//! `cargo bench -p widget-turn-matrix-sdk`: what TURN costs in front of the SDK's driver. Prints figures, one JSON object a
//! host, and asserts nothing about time.

use std::time::{Duration, Instant};

use matrix_sdk::Room;
use matrix_sdk::ruma::room_id;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, WidgetDriver, WidgetDriverHandle, WidgetSettings,
};
use serde_json::json;
use widget_turn::{
    FeedConfig, Fetched, InnerHost, LayerConfig, Secret, TrustedOrigins, TurnFeed, TurnLayer,
    TurnServer, TurnSource,
};
use widget_turn_matrix_sdk::{CapabilityRequest, TurnWidgetDriver};

const WIDGETS: usize = 500;
/// Requests of one widget, each after the answer to the one before.
const REQUESTS: usize = 20_000;
const ORIGIN: &str = "https://widget.example";
const WISH: &str = r#"{"capabilities":["town.robin.msc3846.turn_servers","org.matrix.msc2762.receive.event:m.room.message"]}"#;

/// What serves a widget.
enum Host {
    /// The SDK's driver alone.
    Driver(WidgetDriverHandle),
    /// With TURN.
    WithTurn(TurnWidgetDriver),
    /// The layer over the bare handshake.
    Layer(TurnLayer),
}

impl Host {
    async fn send(&mut self, text: String) {
        match self {
            Self::Driver(handle) => handle.send(text).await,
            Self::WithTurn(driver) => driver.send(text).await,
            Self::Layer(layer) => layer.send(text).await,
        };
    }

    async fn recv(&mut self) -> String {
        let text = match self {
            Self::Driver(handle) => handle.recv().await,
            Self::WithTurn(driver) => driver.recv().await,
            Self::Layer(layer) => layer.recv().await,
        };
        text.expect("the host runs")
    }

    async fn ask(&mut self, action: &str) {
        let request = json!({ "api": "fromWidget", "widgetId": "w", "requestId": "1", "action": action, "data": {} });
        self.send(request.to_string()).await;
    }

    async fn answer(&mut self, request: &str, response: &str) {
        let open = request.strip_suffix('}').expect("it is an object");
        self.send(format!(r#"{open},"response":{response}}}"#))
            .await;
    }

    /// The next message with this in it; requests on the way are answered.
    async fn find(&mut self, part: &str) -> String {
        loop {
            let text = self.recv().await;
            if text.contains(part) {
                return text;
            }
            if text.contains(r#""api":"toWidget""#) {
                self.answer(&text, "{}").await;
            }
        }
    }

    async fn shake_hands(&mut self) {
        self.ask("content_loaded").await;
        let question = self.find(r#""action":"capabilities""#).await;
        self.answer(&question, WISH).await;
        let notice = self.find("notify_capabilities").await;
        self.answer(&notice, "{}").await;
    }
}

struct Everything;

impl CapabilitiesProvider for Everything {
    async fn acquire_capabilities(&self, capabilities: Capabilities) -> Capabilities {
        capabilities
    }
}

struct Fixed;

impl TurnSource for Fixed {
    async fn fetch(&self) -> Fetched {
        let server = TurnServer::new(["turn:turn.example.com".into()], "u", Secret::new("p"));
        Fetched::Credentials {
            server: server.expect("it is complete"),
            ttl: Duration::from_secs(3600),
        }
    }
}

fn settings() -> WidgetSettings {
    WidgetSettings::new("w".to_owned(), true, ORIGIN).expect("it is a URL")
}

fn driver(room: &Room, _: &TurnFeed) -> Host {
    let (driver, handle) = WidgetDriver::new(settings());
    tokio::spawn(driver.run(room.clone(), Everything));
    Host::Driver(handle)
}

fn with_turn(room: &Room, feed: &TurnFeed) -> Host {
    let decide = |request: CapabilityRequest| async { request.capabilities };
    Host::WithTurn(TurnWidgetDriver::spawn(
        settings(),
        room.clone(),
        decide,
        feed,
    ))
}

fn layer(_: &Room, feed: &TurnFeed) -> Host {
    let policy = TrustedOrigins::new([ORIGIN]).expect("it is an origin");
    let origin = ORIGIN.parse().expect("it is a URL");
    let config = LayerConfig::new("w", origin, "@alice:example.org");
    Host::Layer(TurnLayer::spawn(
        InnerHost::handshake(),
        feed,
        policy,
        config,
    ))
}

type Make = fn(&Room, &TurnFeed) -> Host;

const HOSTS: [(&str, Make); 3] = [
    ("matrix-sdk's WidgetDriver", driver),
    ("TurnWidgetDriver", with_turn),
    ("TurnLayer over HandshakeHost", layer),
];

/// Each host in a process of its own, whose memory nobody used before; on one thread, as npm's is.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    if let Ok(number) = std::env::var("WIDGET_TURN_BENCH_HOST") {
        let number: usize = number.parse().expect("this program has set it");
        return measure(HOSTS[number].0, HOSTS[number].1).await;
    }
    let program = std::env::current_exe().expect("it is running");
    for number in 0..HOSTS.len() {
        let run = std::process::Command::new(&program)
            .env("WIDGET_TURN_BENCH_HOST", number.to_string())
            .status();
        assert!(run.is_ok_and(|status| status.success()));
    }
}

async fn measure(name: &str, make: Make) {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room = server
        .sync_joined_room(&client, room_id!("!r:example.org"))
        .await;
    let feed = TurnFeed::new(Fixed, FeedConfig::default());
    // What the first one alone takes is not the widget's.
    make(&room, &feed).shake_hands().await;
    let before = resident();
    let mut widgets = Vec::with_capacity(WIDGETS);
    for _ in 0..WIDGETS {
        let mut host = make(&room, &feed);
        host.shake_hands().await;
        widgets.push(host);
    }
    let memory = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before) / WIDGETS);

    let host = &mut widgets[0];
    let begun = Instant::now();
    for _ in 0..REQUESTS {
        host.ask("supported_api_versions").await;
        host.find(r#""response""#).await;
    }
    let per_second = REQUESTS as f64 / begun.elapsed().as_secs_f64();

    let mut to_update = Vec::new();
    if !matches!(host, Host::Driver(_)) {
        for host in &mut widgets {
            let begun = Instant::now();
            host.ask("watch_turn_servers").await;
            host.find("update_turn_servers").await;
            to_update.push(begun.elapsed());
        }
        to_update.sort();
    }
    let figures = json!({
        "host": name,
        "requests_per_second": per_second.round(),
        "bytes_per_widget": memory,
        "watch_to_update_us": to_update.get(to_update.len() / 2).map(Duration::as_micros),
    });
    println!("{figures}");
}

/// The process's memory in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
