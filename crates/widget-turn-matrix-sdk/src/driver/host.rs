//! What stands behind the layer: the SDK's driver, and the negotiation in front of it (rule H4).
//!
//! The driver forgets a question for capabilities after 10 s, be it the widget's or the app's to answer, and hears nothing
//! while the app decides. So it learns of the page only when all is decided, and has its answers at once.

mod stage;

use std::sync::Arc;
use std::time::Duration;

use matrix_sdk::Room;
use matrix_sdk::widget::{WidgetDriver, WidgetDriverHandle, WidgetSettings};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use widget_turn::HostEnd;
use widget_turn_proto::{Api, Head, reply};

use super::config::LiveState;
use super::granted::{Approved, Granted};
use super::news::{Item, News};
use super::page::Connection;
use super::permission::{CapabilityRequest, Decide, Decision, has_turn};
use stage::{Done, Stage, done};

/// A page that was asked before it said anything may not have listened yet. It is asked anew if it has not answered so long
/// after its first word: not at once, for npm's `matrix-widget-api` starts twice if it is asked twice.
const SECOND_QUESTION: Duration = Duration::from_secs(1);

/// The id of the `content_loaded` that is played to the driver, whose reply is not for the widget.
const PLAYED: &str = "played";

/// What the host does not hear through the layer.
#[derive(Debug)]
pub(super) enum Note {
    /// The frame has loaded the page.
    PageLoaded,
    /// All that the page wants, TURN included.
    Wanted(Vec<String>),
}

/// One page's host, not running yet.
pub(super) struct Host {
    pub(super) end: HostEnd,
    pub(super) notes: mpsc::UnboundedReceiver<Note>,
    /// The id of the question for the page's capabilities.
    pub(super) question: String,
    /// Whether the page begins with `content_loaded`, rather than with anything.
    pub(super) on_content_load: bool,
    pub(super) decide: Decide,
    /// Whose capabilities are decided on, without names.
    pub(super) subject: CapabilityRequest,
    /// Takes whether TURN is granted, if the page wants it from the first.
    pub(super) verdict: Option<oneshot::Sender<bool>>,
    pub(super) room: Room,
    pub(super) live_state: LiveState,
    /// The widget's, held for as long as anything syncs by it.
    pub(super) connection: Arc<Connection>,
}

impl Host {
    /// Runs until the layer ends, which ends the driver.
    pub(super) async fn run(self) {
        // The driver never begins by itself, and does not look at the URL.
        let settings = WidgetSettings::new(self.subject.widget_id.clone(), true, "about:blank");
        let settings = settings.expect("`about:blank` is a URL");
        let (driver, handle) = WidgetDriver::new(settings);
        let approved = Approved::default();
        let (room, provider) = (self.room.clone(), approved.clone());
        tokio::select! {
            _ = driver.run(room, provider) => {}
            () = self.serve(handle, approved) => {}
        }
    }

    /// Runs until the layer or the driver ends.
    pub(super) async fn serve(self, driver: impl Driver, approved: Approved) {
        let running = Running {
            host: self,
            driver,
            approved,
            wanted: Vec::new(),
            stage: Stage::Waiting,
            granted: Granted::default(),
            news: None,
            asked: 0,
        };
        running.run().await;
    }
}

/// The driver's end: the SDK's handle, or what stands in for it in a test.
pub(super) trait Driver: Send + Sync {
    fn recv(&self) -> impl Future<Output = Option<String>> + Send;
    fn send(&self, text: String) -> impl Future<Output = bool> + Send;
}

impl Driver for WidgetDriverHandle {
    async fn recv(&self) -> Option<String> {
        self.recv().await
    }

    async fn send(&self, text: String) -> bool {
        self.send(text).await
    }
}

struct Running<D> {
    host: Host,
    driver: D,
    approved: Approved,
    /// All that the page wants, once it has said so.
    wanted: Vec<String>,
    stage: Stage,
    /// What it got of it.
    granted: Granted,
    news: Option<News>,
    /// How many requests of the host's own the page was sent, besides the question for its capabilities.
    asked: u64,
}

impl<D: Driver> Running<D> {
    async fn run(mut self) {
        loop {
            let again_at = match self.stage {
                Stage::Asked { again_at, .. } => again_at,
                _ => None,
            };
            let negotiated = matches!(self.stage, Stage::Negotiated);
            tokio::select! {
                text = self.host.end.recv() => match text {
                    Some(text) => self.hear_page(text).await,
                    None => return,
                },
                text = self.driver.recv() => match text {
                    Some(text) => self.hear_driver(text).await,
                    None => return,
                },
                Some(note) = self.host.notes.recv() => self.take(note).await,
                done = done(&mut self.stage) => match done {
                    Done::Decided(approved) => self.decided(&approved).await,
                    Done::Subscribed => self.play().await,
                },
                item = next_item(&mut self.news, negotiated) => self.give(item).await,
                () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {
                    self.ask(true).await;
                }
            }
        }
    }
}

impl<D: Driver> Running<D> {
    async fn take(&mut self, note: Note) {
        match note {
            Note::PageLoaded if !self.host.on_content_load => self.begin(false).await,
            Note::PageLoaded => {}
            Note::Wanted(wanted) => self.wanted = wanted,
        }
    }

    async fn hear_page(&mut self, text: String) {
        // The layer passes on nothing without one.
        let Ok(head) = Head::read(&text) else { return };
        match (head.api, head.is_response, &*head.action) {
            (Api::FromWidget, false, "content_loaded") => {
                match reply(text, "{}") {
                    Ok(reply) => self.say(reply).await,
                    Err(why) => tracing::warn!(
                        widget = self.host.subject.widget_id,
                        "dropped a message from the widget: {why}"
                    ),
                }
                self.begin(true).await;
            }
            (Api::ToWidget, true, "capabilities") if self.is_answered(&head) => {
                self.answered(&text).await;
            }
            // The answer to a request of the host's own.
            (Api::ToWidget, true, _)
                if head
                    .request_id
                    .is_some_and(|id| id.starts_with(&self.own_ids())) =>
            {
                if let Some(news) = &mut self.news {
                    news.answered(head.request_id.unwrap_or_default());
                }
            }
            _ => {
                if !self.host.on_content_load {
                    self.begin(true).await;
                }
                self.driver.send(text).await;
            }
        }
    }

    fn is_answered(&self, head: &Head<'_>) -> bool {
        head.request_id == Some(&*quoted(&self.host.question))
    }

    /// A sign of life, which is a word of the page's if it `spoke`.
    async fn begin(&mut self, spoke: bool) {
        match &mut self.stage {
            Stage::Waiting => self.ask(spoke).await,
            Stage::Asked {
                spoke: before @ false,
                again_at,
            } if spoke => {
                *before = true;
                *again_at = Some(Instant::now() + SECOND_QUESTION);
            }
            _ => {}
        }
    }

    async fn ask(&mut self, spoke: bool) {
        self.stage = Stage::Asked {
            spoke,
            again_at: None,
        };
        let question = self.request("toWidget", &self.host.question, "capabilities", "{}");
        self.say(question).await;
    }

    /// The page says what it wants. An error counts as "nothing", so that it is told where it stands.
    async fn answered(&mut self, text: &str) {
        // The note was given before the layer had the answer.
        while let Ok(note) = self.host.notes.try_recv() {
            self.take(note).await;
        }
        let Stage::Asked { .. } = self.stage else {
            return;
        };
        let for_driver = capabilities(text);
        let mut request = self.host.subject.clone();
        request.capabilities.clone_from(&self.wanted);
        let decision: Decision = if request.capabilities.is_empty() {
            Box::pin(async { Vec::new() })
        } else {
            (self.host.decide)(request)
        };
        self.stage = Stage::Deciding {
            for_driver,
            decision,
        };
    }

    async fn decided(&mut self, approved: &[String]) {
        let Stage::Deciding { for_driver, .. } = &mut self.stage else {
            return;
        };
        let for_driver = std::mem::take(for_driver);
        // Dropped where TURN is not wanted yet: the layer's first question is then another one.
        if let Some(verdict) = self.host.verdict.take()
            && has_turn(&self.wanted)
        {
            // A layer that does not wait for it has ended, or its inner host does MSC3846 itself.
            let _ = verdict.send(has_turn(approved));
        }
        let granted: Vec<_> = for_driver
            .iter()
            .filter(|name| approved.contains(name))
            .collect();
        self.granted = Granted::read(&granted);
        self.granted.tell(&self.approved);
        let (news, subscribed) = News::start(
            self.host.subject.widget_id.clone(),
            &self.host.room,
            &self.granted,
            self.host.live_state,
            &self.host.connection.name(),
        );
        self.news = Some(news);
        self.stage = Stage::Subscribing {
            for_driver,
            subscribed,
        };
    }

    /// Plays the handshake to the driver, which will know of the page then.
    async fn play(&mut self) {
        let Stage::Subscribing { for_driver, .. } = &mut self.stage else {
            return;
        };
        let for_driver = std::mem::take(for_driver);
        self.stage = Stage::Playing { for_driver };
        if let Some(news) = &mut self.news {
            news.listen(&self.host.room, &self.granted);
        }
        let played = self.request("fromWidget", PLAYED, "content_loaded", "{}");
        self.driver.send(played).await;
    }

    async fn hear_driver(&mut self, text: String) {
        let Ok(head) = Head::read(&text) else {
            return self.say(text).await;
        };
        match (&self.stage, head.api, head.is_response, &*head.action) {
            (Stage::Playing { .. }, Api::FromWidget, true, "content_loaded")
                if head.request_id == Some(&*quoted(PLAYED)) => {}
            (Stage::Playing { for_driver }, Api::ToWidget, false, "capabilities") => {
                let response = json!({ "capabilities": for_driver }).to_string();
                self.stage = Stage::Approving;
                if let Ok(answer) = reply(text, &response) {
                    self.driver.send(answer).await;
                }
            }
            (Stage::Approving, Api::ToWidget, false, "notify_capabilities") => {
                self.stage = Stage::Negotiated;
                self.say(self.granted.complete(text)).await;
            }
            // The page has these from the news. The driver would lose some of them, if it had to wait for the page.
            (_, Api::ToWidget, false, "send_event" | "update_state") => {
                if let Ok(answer) = reply(text, "{}") {
                    self.driver.send(answer).await;
                }
            }
            _ => self.say(text).await,
        }
    }

    /// What the page is to be told, which it is to answer.
    async fn give(&mut self, item: Item) {
        let id = self.ask_page(item.action, &item.data).await;
        if let Some(news) = &mut self.news {
            news.asked(quoted(&id));
        }
    }

    /// Sends the page a request of the host's own. Its id.
    async fn ask_page(&mut self, action: &str, data: &str) -> String {
        self.asked += 1;
        let id = format!("{}-{}", self.host.question, self.asked);
        let request = self.request("toWidget", &id, action, data);
        self.say(request).await;
        id
    }

    /// How ids of [`ask_page`](Self::ask_page) begin, as JSON text.
    fn own_ids(&self) -> String {
        format!("\"{}-", self.host.question)
    }

    fn request(&self, api: &str, id: &str, action: &str, data: &str) -> String {
        format!(
            r#"{{"api":"{api}","widgetId":{},"requestId":"{id}","action":"{action}","data":{data}}}"#,
            quoted(&self.host.subject.widget_id),
        )
    }

    /// To the page, through the layer.
    async fn say(&mut self, text: String) {
        // `false` is told by `recv` too.
        self.host.end.send(text).await;
    }
}

async fn next_item(news: &mut Option<News>, negotiated: bool) -> Item {
    match news {
        Some(news) => news.next(negotiated).await,
        None => std::future::pending().await,
    }
}

/// The names in an answer to `capabilities`.
pub(super) fn capabilities(answer: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let names = answer.pointer("/response/capabilities");
    let names = names.and_then(Value::as_array).into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// An id as JSON text.
fn quoted(id: &str) -> String {
    Value::from(id).to_string()
}
