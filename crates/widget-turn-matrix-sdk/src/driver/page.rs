//! What stands before the layer: it notices the pages, and gives each a layer and a driver of its own (rule H6).

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use matrix_sdk::Room;
use matrix_sdk::widget::WidgetSettings;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use widget_turn::{InnerHost, LayerConfig, Origin, TurnFeed, TurnLayer};
use widget_turn_proto::{Api, Head, Page as Signs, Sign};

use super::config::DriverConfig;
use super::host::{Host, Note};
use super::permission::{CapabilityRequest, Decide, TurnPermission};

/// What the client hands in.
#[derive(Debug)]
pub(super) enum FromWidget {
    Message(String),
    PageLoad,
}

pub(super) struct Front {
    settings: WidgetSettings,
    room: Room,
    decide: Decide,
    feed: TurnFeed,
    config: DriverConfig,
    connection: Arc<Connection>,
    signs: Signs,
}

/// One page's layer and the host behind it. Dropping it ends both.
struct Page {
    layer: TurnLayer,
    notes: mpsc::UnboundedSender<Note>,
    /// The id of the question for the page's capabilities, as JSON text.
    question: String,
}

/// The name of a widget's sliding sync connection, free again when it is dropped. Not two at once by one name, nor ever new
/// ones: the SDK's store and the homeserver keep something for each.
pub(super) struct Connection(u32);

/// The numbers of widgets that there are.
static CONNECTIONS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

impl Connection {
    fn new() -> Self {
        let mut taken = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        let free = (0..).find(|number| taken.insert(*number));
        Self(free.expect("there are not so many widgets"))
    }

    pub(super) fn name(&self) -> String {
        format!("widget-{:x}", self.0)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut taken = CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.0);
    }
}

impl Front {
    pub(super) fn new(
        settings: WidgetSettings,
        room: Room,
        decide: Decide,
        feed: TurnFeed,
        config: DriverConfig,
    ) -> Self {
        Self {
            settings,
            room,
            decide,
            feed,
            config,
            connection: Arc::new(Connection::new()),
            signs: Signs::default(),
        }
    }

    pub(super) async fn run(
        mut self,
        mut from_widget: mpsc::Receiver<FromWidget>,
        to_widget: mpsc::UnboundedSender<String>,
    ) {
        let mut page = self.new_page();
        loop {
            tokio::select! {
                () = to_widget.closed() => return,
                text = page.layer.recv() => {
                    let Some(text) = text else { return };
                    if to_widget.send(text).is_err() {
                        return;
                    }
                }
                input = from_widget.recv() => {
                    let sign = match &input {
                        Some(FromWidget::Message(text)) => self.sign_in(text),
                        Some(FromWidget::PageLoad) => Some(self.signs.load()),
                        None => return,
                    };
                    if sign == Some(Sign::Reloaded) {
                        page = self.new_page();
                    }
                    match input {
                        Some(FromWidget::Message(text)) => page.hand_in(text).await,
                        _ => page.note(Note::PageLoaded),
                    }
                }
            }
        }
    }

    /// The sign of life that the widget's message is, if it is one.
    fn sign_in(&mut self, text: &str) -> Option<Sign> {
        let head = Head::read(text).ok()?;
        let announces = head.api == Api::FromWidget
            && !head.is_response
            && head.action == "content_loaded"
            && head.widget_id == self.settings.widget_id();
        announces.then(|| self.signs.content_loaded())
    }

    fn new_page(&self) -> Page {
        let (page, host) = self.connect();
        tokio::spawn(host.run());
        page
    }

    /// A page, and the host that is to run behind it.
    fn connect(&self) -> (Page, Host) {
        let widget_id = self.settings.widget_id();
        let subject = CapabilityRequest {
            widget_id: widget_id.to_owned(),
            origin: Origin::from(self.settings.raw_url()),
            account: self.room.own_user_id().to_string(),
            room: self.room.room_id().to_string(),
            capabilities: Vec::new(),
        };
        let mut config = LayerConfig::new(widget_id, subject.origin.clone(), &*subject.account);
        config.room = Some(subject.room.clone());

        // Another one for each page: an answer of the page before is not taken for this one's.
        let question = format!("negotiation-{:x}", RandomState::new().hash_one(()));
        let (verdict, first) = oneshot::channel();
        let policy = TurnPermission::new(first, self.decide.clone(), subject.clone());
        let (inner, end) = InnerHost::channels();
        let layer = TurnLayer::spawn(inner, &self.feed, policy, config);

        let (notes, noted) = mpsc::unbounded_channel();
        let host = Host {
            end,
            notes: noted,
            question: question.clone(),
            on_content_load: self.settings.init_on_content_load(),
            decide: self.decide.clone(),
            subject,
            verdict: Some(verdict),
            room: self.room.clone(),
            live_state: self.config.live_state,
            connection: self.connection.clone(),
        };
        let page = Page {
            layer,
            notes,
            question: Value::from(question).to_string(),
        };
        (page, host)
    }
}

impl Page {
    async fn hand_in(&mut self, text: String) {
        // The host must know of TURN too, which the layer takes out of what it passes on.
        if let Some(wanted) = self.wanted(&text) {
            self.note(Note::Wanted(wanted));
        }
        // `false` is told by `recv` too.
        self.layer.send(text).await;
    }

    /// The names in the page's answer to the question for its capabilities.
    fn wanted(&self, text: &str) -> Option<Vec<String>> {
        let head = Head::read(text).ok()?;
        let answers = head.api == Api::ToWidget
            && head.is_response
            && head.action == "capabilities"
            && head.request_id == Some(&self.question);
        answers.then(|| super::host::capabilities(text))
    }

    fn note(&self, note: Note) {
        // A host that is gone has ended the layer too.
        let _ = self.notes.send(note);
    }
}

#[cfg(test)]
mod tests;
