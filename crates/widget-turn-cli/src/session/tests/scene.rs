//! A session with the test as its page: the widget in it, and the person before it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use matrix_sdk::ruma::room_id;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk::widget::WidgetSettings;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use widget_turn::{
    FeedConfig, Fetched, Grants, LayerConfig, TrustedOrigins, TurnFeed, TurnSource, read_response,
};
use widget_turn_matrix_sdk::LiveState;

use crate::capability::Capability;
use crate::event::Reporter;
use crate::page::{Decision, FromPage, PageSession, ToPage};
use crate::session::{Host, Shared, run};

pub(super) const TURN: &str = "town.robin.msc3846.turn_servers";
pub(super) const TURN_STABLE: &str = "m.turn_servers";
pub(super) const READ: &str = "org.matrix.msc2762.receive.event:m.room.message";
pub(super) const SEND: &str = "org.matrix.msc2762.send.event:m.room.message";
pub(super) const ORIGIN: &str = "https://widget.example";

/// Whatever a test waits for comes within this, or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

struct Credentials;

impl TurnSource for Credentials {
    async fn fetch(&self) -> Fetched {
        let answer = br#"{"username":"u","password":"p","uris":["turn:turn.example"],"ttl":3600}"#;
        read_response(200, None, answer)
    }
}

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("widget-turn-session-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) struct Scene {
    shared: Arc<Shared>,
    pub(super) grants: Grants,
    pub(super) outage: watch::Sender<Option<String>>,
    pub(super) folder: Folder,
    /// Only with a room.
    pub(super) server: Option<MatrixMockServer>,
}

impl Scene {
    fn new(host: Host, trusted: TrustedOrigins, server: Option<MatrixMockServer>) -> Self {
        let folder = Folder::new();
        let grants = Grants::open(folder.0.join("grants.json")).unwrap();
        let outage = watch::Sender::new(None);
        let shared = Shared {
            feed: TurnFeed::new(Credentials, FeedConfig::default()),
            host,
            trusted,
            grants: grants.clone(),
            fetches: watch::channel(None).1,
            outage: outage.subscribe(),
            reporter: Arc::new(Reporter::to_nobody()),
        };
        Self {
            shared: Arc::new(shared),
            grants,
            outage,
            folder,
            server,
        }
    }

    pub(super) fn handshake() -> Self {
        let config = LayerConfig::new("w", ORIGIN.parse().unwrap(), "@alice:example.org");
        Self::new(Host::Handshake(config), nobody(), None)
    }

    /// With a room of a real client on a homeserver that is played.
    pub(super) async fn room(trusted: TrustedOrigins) -> Self {
        let server = MatrixMockServer::new().await;
        let client = server.client_builder().build().await;
        let room = room_id!("!room:example.org");
        let room = server.sync_joined_room(&client, room).await;
        server.mock_room_state_encryption().plain().mount().await;
        let url = format!("{ORIGIN}/?id=$matrix_widget_id");
        let settings = WidgetSettings::new("w".to_owned(), true, &url).unwrap();
        let live_state = LiveState::FromSync;
        Self::new(
            Host::Room {
                settings,
                room,
                live_state,
            },
            trusted,
            Some(server),
        )
    }

    /// Opens the page.
    pub(super) fn tab(&self) -> Tab {
        let (to_session, incoming) = mpsc::channel(32);
        let (outgoing, from_session) = mpsc::channel(32);
        let page = PageSession { incoming, outgoing };
        Tab {
            to_session,
            from_session,
            session: tokio::spawn(run(page, 1, self.shared.clone())),
        }
    }
}

pub(super) fn nobody() -> TrustedOrigins {
    TrustedOrigins::new([] as [&str; 0]).unwrap()
}

pub(super) fn names(capabilities: &[Capability]) -> Vec<&str> {
    let names = capabilities.iter().map(|capability| &*capability.name);
    names.collect()
}

/// What the person is asked.
pub(super) struct Question {
    pub(super) id: u64,
    pub(super) origin: String,
    pub(super) capabilities: Vec<Capability>,
    pub(super) held: Vec<Capability>,
    pub(super) unavailable: Vec<Capability>,
    pub(super) refused: usize,
}

pub(super) struct Tab {
    to_session: mpsc::Sender<FromPage>,
    from_session: mpsc::Receiver<ToPage>,
    session: JoinHandle<()>,
}

impl Tab {
    /// The next of what the page is told that `look` knows; the rest is passed over.
    pub(super) async fn next<T>(&mut self, mut look: impl FnMut(ToPage) -> Option<T>) -> T {
        let found = async {
            loop {
                let told = self.from_session.recv().await;
                if let Some(found) = look(told.expect("the session goes on")) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.expect("it comes")
    }

    pub(super) async fn question(&mut self) -> Question {
        self.next(|told| match told {
            ToPage::AskPermission {
                id,
                origin,
                capabilities,
                held,
                unavailable,
                refused,
            } => Some(Question {
                id,
                origin,
                capabilities,
                held,
                unavailable,
                refused,
            }),
            _ => None,
        })
        .await
    }

    pub(super) async fn decide(&self, id: u64, decision: Decision) {
        self.send(FromPage::Decision { id, decision }).await;
    }

    async fn send(&self, said: FromPage) {
        assert!(self.to_session.send(said).await.is_ok());
    }

    pub(super) async fn say(&self, api: &str, id: &str, action: &str, data: Value) {
        let message =
            json!({ "api": api, "widgetId": "w", "requestId": id, "action": action, "data": data });
        self.send(FromPage::Message(message.to_string())).await;
    }

    /// The next message to the widget that is a request of this action; nobody may be asked before it.
    pub(super) async fn asked(&mut self, action: &str) -> Value {
        self.message(|message| message["action"] == action && message.get("response").is_none())
            .await
    }

    async fn message(&mut self, look: impl Fn(&Value) -> bool) -> Value {
        self.next(|told| match told {
            ToPage::Message(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                look(&message).then_some(message)
            }
            ToPage::AskPermission { .. } => panic!("nobody should be asked"),
            _ => None,
        })
        .await
    }

    pub(super) async fn answer(&self, mut request: Value, response: Value) {
        request["response"] = response;
        self.send(FromPage::Message(request.to_string())).await;
    }

    /// A request of the widget's, and the response to it.
    pub(super) async fn request(&mut self, id: &str, action: &str, data: Value) -> Value {
        self.say("fromWidget", id, action, data).await;
        let reply =
            |message: &Value| message["requestId"] == id && message.get("response").is_some();
        self.message(reply).await["response"].clone()
    }

    /// Announces the widget, and says what it wants.
    pub(super) async fn announce(&mut self, wanted: &[&str]) {
        self.request("loaded", "content_loaded", json!({})).await;
        let asked = self.asked("capabilities").await;
        self.answer(asked, json!({ "capabilities": wanted })).await;
    }

    /// What the widget is told that it may.
    pub(super) async fn notified(&mut self) -> Vec<String> {
        let notify = self.asked("notify_capabilities").await;
        let approved = serde_json::from_value(notify["data"]["approved"].clone()).unwrap();
        self.answer(notify, json!({})).await;
        approved
    }

    /// Closes the page, and waits for its session to end.
    pub(super) async fn close(self) {
        drop(self.to_session);
        drop(self.from_session);
        tokio::time::timeout(PATIENCE, self.session)
            .await
            .expect("a session ends with its tab")
            .unwrap();
    }
}
