//! A room on a mock homeserver with one widget in it, which the test plays.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use matrix_sdk::config::SyncSettings;
use matrix_sdk::ruma::events::AnySyncStateEvent;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::ruma::{RoomId, room_id};
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, WidgetDriver, WidgetDriverHandle, WidgetSettings,
};
use matrix_sdk::{Client, Room};
use matrix_sdk_test::{JoinedRoomBuilder, SyncResponseBuilder};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use widget_turn::{FeedConfig, TurnFeed};
use widget_turn_matrix_sdk::{
    CapabilityRequest, DriverConfig, LiveState, MatrixTurnSource, TurnWidgetDriver,
};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::account;

pub(crate) const TURN: &str = "town.robin.msc3846.turn_servers";
pub(crate) const SEND: &str = "org.matrix.msc2762.send.event:m.room.message";
pub(crate) const RECEIVE: &str = "org.matrix.msc2762.receive.event:m.room.message";
pub(crate) const RENEGOTIATE: &str = "org.matrix.msc2974.request_capabilities";

pub(crate) static ROOM: LazyLock<&RoomId> = LazyLock::new(|| room_id!("!room:example.org"));

/// Whatever a test waits for comes within this, or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account in a room.
pub(crate) struct Place {
    pub(crate) server: MatrixMockServer,
    pub(crate) room: Room,
    pub(crate) feed: TurnFeed,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let server = MatrixMockServer::new().await;
        let client = account::client(&server).await;
        server.mock_room_state_encryption().plain().mount().await;
        Self::of(server, client).await
    }

    /// One on this homeserver, which says whether its rooms are encrypted.
    pub(crate) async fn of(server: MatrixMockServer, client: Client) -> Self {
        let room = server.sync_joined_room(&client, &ROOM).await;
        let feed = TurnFeed::new(MatrixTurnSource::new(client), FeedConfig::default());
        Self { server, room, feed }
    }

    /// A sync of the client (`/sync` v2) that brings this.
    pub(crate) async fn sync(&self, bring: impl FnOnce(&mut SyncResponseBuilder)) {
        let sync = self.server.mock_sync();
        sync.ok_and_run(&self.room.client(), bring).await;
    }

    /// A sync that brings these messages to the device.
    pub(crate) async fn sync_to_device(&self, messages: impl IntoIterator<Item = Value>) {
        // `MatrixMockServer` would bring them again with the next sync.
        let events: Vec<_> = messages.into_iter().collect();
        // Nor does the SDK take the same sync twice.
        static SYNCS: AtomicU32 = AtomicU32::new(0);
        let batch = format!("t{}", SYNCS.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "next_batch": batch, "to_device": { "events": events } });
        let sync = Mock::given(method("GET"))
            .and(path("/_matrix/client/v3/sync"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount_as_scoped(self.server.server())
            .await;
        let client = self.room.client();
        client.sync_once(SyncSettings::default()).await.unwrap();
        drop(sync);
    }

    /// A sync that brings these events in the room's timeline.
    pub(crate) async fn sync_timeline(&self, events: impl IntoIterator<Item = Value>) {
        let events = events.into_iter().map(raw);
        self.sync(|builder| {
            let room = JoinedRoomBuilder::new(&ROOM).add_timeline_bulk(events);
            builder.add_joined_room(room);
        })
        .await;
    }

    /// A sync that brings this as the room's state after the timeline, which is empty.
    pub(crate) async fn sync_state(&self, events: impl IntoIterator<Item = Value>) {
        let events: Vec<Raw<AnySyncStateEvent>> = events.into_iter().map(raw).collect();
        self.sync(|builder| {
            let room = JoinedRoomBuilder::new(&ROOM).use_state_after();
            let room = events
                .into_iter()
                .fold(room, JoinedRoomBuilder::add_state_event);
            builder.add_joined_room(room);
        })
        .await;
    }

    /// One where the homeserver has TURN credentials to give.
    pub(crate) async fn with_turn() -> Self {
        let place = Self::new().await;
        let body = json!({ "username": "u", "password": "p", "uris": ["turn:turn.example.com"], "ttl": 3600 });
        place
            .turn_is(ResponseTemplate::new(200).set_body_json(body))
            .await;
        place
    }

    pub(crate) async fn turn_is(&self, answer: ResponseTemplate) {
        account::answering(&self.server, answer).await;
    }

    /// A widget that announces itself, whose host approves all that it asks for.
    pub(crate) fn widget(&self) -> Widget<TurnWidgetDriver> {
        self.widget_where(true, |request| async { request.capabilities })
    }

    pub(crate) fn widget_where<F: Future<Output = Vec<String>> + Send + 'static>(
        &self,
        init_on_content_load: bool,
        decide: impl Fn(CapabilityRequest) -> F + Send + Sync + 'static,
    ) -> Widget<TurnWidgetDriver> {
        let settings = settings(init_on_content_load);
        let driver = TurnWidgetDriver::spawn(settings, self.room.clone(), decide, &self.feed);
        Widget::new(driver)
    }

    /// A widget whose host approves all that it asks for, and gets the room's state thus.
    pub(crate) fn widget_with(&self, live_state: LiveState) -> Widget<TurnWidgetDriver> {
        self.spawn_with(live_state, |request| async { request.capabilities })
    }

    fn spawn_with<F: Future<Output = Vec<String>> + Send + 'static>(
        &self,
        live_state: LiveState,
        decide: impl Fn(CapabilityRequest) -> F + Send + Sync + 'static,
    ) -> Widget<TurnWidgetDriver> {
        let mut config = DriverConfig::default();
        config.live_state = live_state;
        let (settings, room) = (settings(true), self.room.clone());
        let driver = TurnWidgetDriver::spawn_with(settings, room, decide, &self.feed, config);
        Widget::new(driver)
    }

    /// A widget of which the test decides: it takes the requests out of the channel and answers them.
    pub(crate) fn widget_of_a_person(&self) -> (Widget<TurnWidgetDriver>, Person) {
        self.widget_of_a_person_with(LiveState::default())
    }

    /// The same, which gets the room's state thus.
    pub(crate) fn widget_of_a_person_with(
        &self,
        live_state: LiveState,
    ) -> (Widget<TurnWidgetDriver>, Person) {
        let (ask, person) = mpsc::unbounded_channel();
        let widget = self.spawn_with(live_state, move |request| {
            let (answer, answered) = oneshot::channel();
            let asked = ask.send((request, answer));
            async move {
                asked.unwrap();
                answered.await.unwrap_or_default()
            }
        });
        (widget, person)
    }

    /// A widget with the SDK's driver alone.
    pub(crate) fn bare_widget(&self) -> Widget<Bare> {
        let (driver, handle) = WidgetDriver::new(settings(true));
        let room = self.room.clone();
        let task = tokio::spawn(async move {
            let _ = driver.run(room, ApproveAll).await;
        });
        Widget::new(Bare { handle, task })
    }
}

/// The questions that a person has on the screen, with where the answers go.
pub(crate) type Person = mpsc::UnboundedReceiver<(CapabilityRequest, oneshot::Sender<Vec<String>>)>;

fn settings(init_on_content_load: bool) -> WidgetSettings {
    let url = "https://widget.example/?id=$matrix_widget_id";
    WidgetSettings::new("w".to_owned(), init_on_content_load, url).unwrap()
}

struct ApproveAll;

impl CapabilitiesProvider for ApproveAll {
    async fn acquire_capabilities(&self, wanted: Capabilities) -> Capabilities {
        wanted
    }
}

/// What serves a widget.
pub(crate) trait Driver {
    async fn take(&mut self, text: String);
    async fn give(&mut self) -> Option<String>;
}

impl Driver for TurnWidgetDriver {
    async fn take(&mut self, text: String) {
        assert!(self.send(text).await);
    }

    async fn give(&mut self) -> Option<String> {
        self.recv().await
    }
}

/// The SDK's driver alone.
pub(crate) struct Bare {
    handle: WidgetDriverHandle,
    task: JoinHandle<()>,
}

impl Driver for Bare {
    async fn take(&mut self, text: String) {
        assert!(self.handle.send(text).await);
    }

    async fn give(&mut self) -> Option<String> {
        self.handle.recv().await
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The widget, played by the test, with all that was said.
pub(crate) struct Widget<D> {
    pub(crate) driver: D,
    pub(crate) transcript: Vec<String>,
    /// Ids that the host made up, in the order of their appearance.
    ids: Vec<String>,
}

impl<D: Driver> Widget<D> {
    fn new(driver: D) -> Self {
        Self {
            driver,
            transcript: Vec::new(),
            ids: Vec::new(),
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.note("widget", text);
        self.driver.take(text.to_owned()).await;
    }

    pub(crate) async fn hear(&mut self) -> String {
        let text = tokio::time::timeout(PATIENCE, self.driver.give()).await;
        let text = text.expect("something comes").expect("the driver runs");
        self.note("host", &text);
        text
    }

    /// The next message with this action; it is the next at all.
    pub(crate) async fn expect(&mut self, action: &str) -> String {
        let text = self.hear().await;
        assert_eq!(parsed(&text)["action"], action, "{text}");
        text
    }

    /// A request, and the response to it, which is what comes next.
    pub(crate) async fn ask(&mut self, id: &str, action: &str, data: &Value) -> Value {
        self.say(&request(id, action, data)).await;
        let reply = parsed(&self.expect(action).await);
        assert_eq!(reply["requestId"], id);
        reply["response"].clone()
    }

    /// Comes back when the driver has heard all that the widget said.
    pub(crate) async fn heard(&mut self) {
        self.ask("heard", "supported_api_versions", &json!({}))
            .await;
    }

    /// The next message, which is a request of the host's with this action: its data. It is answered.
    pub(crate) async fn take(&mut self, action: &str) -> Value {
        let request = self.expect(action).await;
        self.answer(&request, &json!({})).await;
        parsed(&request)["data"].clone()
    }

    /// Answers the host.
    pub(crate) async fn answer(&mut self, request: &str, response: &Value) {
        let open = request.strip_suffix('}').unwrap();
        self.say(&format!(r#"{open},"response":{response}}}"#))
            .await;
    }

    /// Announces the page, and says what it wants.
    pub(crate) async fn announce(&mut self, wanted: &[&str]) {
        self.say(&request("loaded", "content_loaded", &json!({})))
            .await;
        self.expect("content_loaded").await;
        let question = self.expect("capabilities").await;
        self.answer(&question, &json!({ "capabilities": wanted }))
            .await;
    }

    /// The whole handshake; what was approved.
    pub(crate) async fn negotiate(&mut self, wanted: &[&str]) -> Value {
        self.announce(wanted).await;
        self.notified().await["approved"].clone()
    }

    /// Hears `notify_capabilities`, and acknowledges it.
    pub(crate) async fn notified(&mut self) -> Value {
        let notify = self.expect("notify_capabilities").await;
        self.answer(&notify, &json!({})).await;
        parsed(&notify)["data"].clone()
    }

    /// Hears `update_turn_servers`, and acknowledges it.
    pub(crate) async fn updated(&mut self) -> Value {
        let update = self.expect("update_turn_servers").await;
        self.answer(&update, &json!({})).await;
        parsed(&update)["data"].clone()
    }

    fn note(&mut self, who: &str, text: &str) {
        let value = parsed(text);
        let mut line = text.to_owned();
        if value["api"] == "toWidget"
            && let Some(id) = value["requestId"].as_str()
        {
            let known = self.ids.iter().position(|known| known == id);
            let number = known.unwrap_or_else(|| {
                self.ids.push(id.to_owned());
                self.ids.len() - 1
            });
            line = line.replace(id, &format!("id-{number}"));
        }
        self.transcript.push(format!("{who}: {line}"));
    }
}

pub(crate) fn request(id: &str, action: &str, data: &Value) -> String {
    format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":"{id}","action":"{action}","data":{data}}}"#
    )
}

/// An event as a sync brings it.
pub(crate) fn raw<T>(event: Value) -> Raw<T> {
    Raw::new(&event).unwrap().cast_unchecked()
}

/// A message in the room, the `number`th.
pub(crate) fn message(number: u64) -> Value {
    json!({
        "type": "m.room.message",
        "sender": "@bob:example.org",
        "event_id": format!("${number}"),
        "origin_server_ts": number,
        "content": { "msgtype": "m.text", "body": "hello", "number": number },
    })
}

/// A state event, the `number`th.
pub(crate) fn state(kind: &str, key: &str, number: u32) -> Value {
    json!({
        "type": kind,
        "state_key": key,
        "sender": "@bob:example.org",
        "event_id": format!("$state-{number}"),
        "origin_server_ts": number,
        "content": { "number": number },
    })
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
