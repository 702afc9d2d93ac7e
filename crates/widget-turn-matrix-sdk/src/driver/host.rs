//! What stands behind the layer: the SDK's driver, and the negotiation in front of it (rule H4).
//!
//! The driver forgets a question for capabilities after 10 s, be it the widget's or the app's to answer, and hears nothing
//! while the app decides. So it learns of the page only when all is decided, and has its answers at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use matrix_sdk::Room;
use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, WidgetDriver, WidgetDriverHandle, WidgetSettings,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use widget_turn::HostEnd;
use widget_turn_proto::{Api, Head, reply};

use super::permission::{CapabilityRequest, Decide, Decision, has_turn};

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
}

impl Host {
    /// Runs until the layer ends, which ends the driver.
    pub(super) async fn run(self, room: Room) {
        // The driver never begins by itself, and does not look at the URL.
        let settings = WidgetSettings::new(self.subject.widget_id.clone(), true, "about:blank");
        let settings = settings.expect("`about:blank` is a URL");
        let (driver, handle) = WidgetDriver::new(settings);
        let approved = Approved::default();
        let provider = approved.clone();
        let running = Running {
            host: self,
            handle,
            approved,
            wanted: Vec::new(),
            stage: Stage::Waiting,
        };
        tokio::select! {
            _ = driver.run(room, provider) => {}
            () = running.run() => {}
        }
    }
}

/// What the driver is told when it asks the app.
#[derive(Clone, Default)]
struct Approved(Arc<OnceLock<Capabilities>>);

impl CapabilitiesProvider for Approved {
    async fn acquire_capabilities(&self, _: Capabilities) -> Capabilities {
        self.0.get().cloned().unwrap_or_default()
    }
}

struct Running {
    host: Host,
    handle: WidgetDriverHandle,
    approved: Approved,
    /// All that the page wants, once it has said so.
    wanted: Vec<String>,
    stage: Stage,
}

enum Stage {
    /// There is no page yet.
    Waiting,
    /// The page was asked what it wants.
    Asked {
        /// Whether it has spoken, so that it listens.
        spoke: bool,
        again_at: Option<Instant>,
    },
    /// The app decides, for as long as it takes.
    Deciding {
        /// What the layer leaves of the wanted for the driver.
        for_driver: Vec<String>,
        decision: Decision,
    },
    /// The handshake is played to the driver, which will ask for these.
    Playing { for_driver: Vec<String> },
    /// The driver and the page speak with each other.
    Negotiated,
}

impl Running {
    async fn run(mut self) {
        loop {
            let again_at = match self.stage {
                Stage::Asked { again_at, .. } => again_at,
                _ => None,
            };
            tokio::select! {
                text = self.host.end.recv() => match text {
                    Some(text) => self.hear_page(text).await,
                    None => return,
                },
                text = self.handle.recv() => match text {
                    Some(text) => self.hear_driver(text).await,
                    None => return,
                },
                Some(note) = self.host.notes.recv() => self.take(note).await,
                approved = decided(&mut self.stage) => self.decided(&approved).await,
                () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {
                    self.ask(true).await;
                }
            }
        }
    }
}

impl Running {
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
            _ => {
                if !self.host.on_content_load {
                    self.begin(true).await;
                }
                self.handle.send(text).await;
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
        let question = self.request("toWidget", &self.host.question, "capabilities");
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
        let granted = serde_json::from_value(json!(granted)).unwrap_or_else(|error| {
            tracing::error!("the SDK does not read a list of capabilities: {error}");
            Capabilities::default()
        });
        // It is decided once a page.
        let _ = self.approved.0.set(granted);

        self.stage = Stage::Playing { for_driver };
        let played = self.request("fromWidget", PLAYED, "content_loaded");
        self.handle.send(played).await;
    }

    async fn hear_driver(&mut self, text: String) {
        if let Stage::Playing { for_driver } = &self.stage
            && let Ok(head) = Head::read(&text)
        {
            match (head.api, head.is_response, &*head.action) {
                (Api::FromWidget, true, "content_loaded")
                    if head.request_id == Some(&*quoted(PLAYED)) =>
                {
                    return;
                }
                (Api::ToWidget, false, "capabilities") => {
                    let response = json!({ "capabilities": for_driver }).to_string();
                    self.stage = Stage::Negotiated;
                    if let Ok(answer) = reply(text, &response) {
                        self.handle.send(answer).await;
                    }
                    return;
                }
                _ => {}
            }
        }
        self.say(text).await;
    }

    fn request(&self, api: &str, id: &str, action: &str) -> String {
        format!(
            r#"{{"api":"{api}","widgetId":{},"requestId":"{id}","action":"{action}","data":{{}}}}"#,
            quoted(&self.host.subject.widget_id),
        )
    }

    /// To the page, through the layer.
    async fn say(&mut self, text: String) {
        // `false` is told by `recv` too.
        self.host.end.send(text).await;
    }
}

async fn decided(stage: &mut Stage) -> Vec<String> {
    match stage {
        Stage::Deciding { decision, .. } => decision.await,
        _ => std::future::pending().await,
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
