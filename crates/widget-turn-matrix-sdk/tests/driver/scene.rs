//! A room on a mock homeserver with one widget in it, which the test plays.

use std::time::Duration;

use matrix_sdk::Room;
use matrix_sdk::ruma::room_id;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, WidgetDriver, WidgetDriverHandle, WidgetSettings,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use widget_turn::{FeedConfig, TurnFeed};
use widget_turn_matrix_sdk::{CapabilityRequest, MatrixTurnSource, TurnWidgetDriver};
use wiremock::ResponseTemplate;

use crate::account;

pub(crate) const TURN: &str = "town.robin.msc3846.turn_servers";
pub(crate) const SEND: &str = "org.matrix.msc2762.send.event:m.room.message";
pub(crate) const RENEGOTIATE: &str = "org.matrix.msc2974.request_capabilities";

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
        let room = server
            .sync_joined_room(&client, room_id!("!room:example.org"))
            .await;
        server.mock_room_state_encryption().plain().mount().await;
        let feed = TurnFeed::new(MatrixTurnSource::new(client), FeedConfig::default());
        Self { server, room, feed }
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
        Widget::new(TurnWidgetDriver::spawn(
            settings,
            self.room.clone(),
            decide,
            &self.feed,
        ))
    }

    /// A widget of which the test decides: it takes the requests out of the channel and answers them.
    pub(crate) fn widget_of_a_person(&self) -> (Widget<TurnWidgetDriver>, Person) {
        let (ask, person) = mpsc::unbounded_channel();
        let widget = self.widget_where(true, move |request| {
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

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
