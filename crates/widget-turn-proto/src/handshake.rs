//! The bare handshake: what stands behind a [`TurnLayer`](crate::TurnLayer) where the host has no other part.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::capability::{
    CAPABILITIES, CONTENT_LOADED, NOTIFY_CAPABILITIES, REQUEST_CAPABILITIES, SUPPORTED_API_VERSIONS,
};
use crate::message::{Api, Head, Marks, MessageError, Request, names, request_to_widget, same_id};
use crate::page::{Page, Sign};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// MSC2871 is `notify_capabilities`, MSC2974 is `request_capabilities`.
const VERSIONS: &str =
    r#"{"supported_versions":["0.0.1","0.0.2","org.matrix.msc2871","org.matrix.msc2974"]}"#;

/// A page that was asked at its load event and announces itself afterwards may not have listened yet. It is asked anew if
/// it does not answer by then: not at once, for npm's `matrix-widget-api` starts twice if it is asked twice.
const SECOND_QUESTION: Duration = Duration::from_secs(1);

/// "I only work in a client": gives access to nothing, and a host is a client. Element approves it unasked, and widgets on
/// `@matrix-widget-toolkit` ask for it.
const REQUIRES_CLIENT: &str = "io.element.requires_client";

/// A host that can do the handshake and nothing else: it asks for the widget's capabilities and approves none that gives
/// access to anything, answers the versions, and refuses every other action.
///
/// It begins at the page's first sign of life, be it `content_loaded` or the frame's load event, and again at each reload
/// (rule H6).
///
/// ```
/// use widget_turn_proto::{HandshakeHost, Timestamp};
///
/// let now = Timestamp::ZERO;
/// let mut host = HandshakeHost::new("w", 7);
/// host.handle_message(now, r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{}}"#.into())?;
/// let reply = host.poll_output().expect("every request gets a reply");
/// assert!(reply.ends_with(r#""response":{}}"#));
/// let question = host.poll_output().expect("the negotiation begins");
/// assert!(question.contains(r#""action":"capabilities""#));
/// assert_eq!(host.poll_output(), None);
/// # Ok::<(), widget_turn_proto::MessageError>(())
/// ```
pub struct HandshakeHost {
    widget_id: String,
    seed: u64,
    next_id: u64,
    page: Page,
    negotiation: Negotiation,
    outputs: VecDeque<String>,
}

enum Negotiation {
    /// No page yet.
    Waiting,
    /// The widget was asked, by the requests with these ids.
    Asked {
        ids: Vec<String>,
        /// When it is asked anew.
        again_at: Option<Timestamp>,
    },
    /// The widget answered.
    Done,
}

impl HandshakeHost {
    /// A host for the widget of this id. The seed tells its request ids from those of other hosts.
    ///
    /// ```
    /// # use widget_turn_proto::HandshakeHost;
    /// assert_eq!(HandshakeHost::new("w", 0).poll_output(), None, "nothing happens before there is a page");
    /// ```
    pub fn new(widget_id: impl Into<String>, seed: u64) -> Self {
        Self {
            widget_id: widget_id.into(),
            seed,
            next_id: 0,
            page: Page::default(),
            negotiation: Negotiation::Waiting,
            outputs: VecDeque::new(),
        }
    }

    /// A message from the widget.
    ///
    /// # Errors
    ///
    /// Why it was dropped, for a log line; nothing else comes of it (rule H7).
    ///
    /// ```
    /// # use widget_turn_proto::{HandshakeHost, MessageError, Timestamp};
    /// let mut host = HandshakeHost::new("w", 0);
    /// assert_eq!(host.handle_message(Timestamp::ZERO, "{}".into()), Err(MessageError::NoApi));
    /// let dance = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"dance","data":{}}"#;
    /// host.handle_message(Timestamp::ZERO, dance.into())?;
    /// assert!(host.poll_output().is_some_and(|reply| reply.contains("Unknown or unsupported from-widget action: dance")));
    /// # Ok::<(), MessageError>(())
    /// ```
    pub fn handle_message(&mut self, now: Timestamp, text: String) -> Result<(), MessageError> {
        self.handle_timeout(now);
        let head = Head::read(&text)?;
        if head.widget_id != self.widget_id {
            return Err(MessageError::OtherWidget);
        }
        let action = head.action.clone().into_owned();
        match (head.api, head.is_response) {
            (Api::ToWidget, false) | (Api::FromWidget, true) => Err(MessageError::Unasked),
            (Api::ToWidget, true) => {
                let id = head.request_id.unwrap_or_default().to_owned();
                self.answered(&action, &id, &text);
                Ok(())
            }
            (Api::FromWidget, false) => {
                let marks = head.marks();
                self.asked(now, &action, text, marks)
            }
        }
    }

    /// The frame's load event: for pages that do not send `content_loaded`.
    ///
    /// ```
    /// # use widget_turn_proto::{HandshakeHost, Timestamp};
    /// let mut host = HandshakeHost::new("w", 0);
    /// host.handle_page_load(Timestamp::ZERO);
    /// assert!(host.poll_output().is_some_and(|question| question.contains("capabilities")));
    /// ```
    pub fn handle_page_load(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        match self.page.load() {
            Sign::First | Sign::Reloaded => self.negotiate(),
            Sign::Same => {}
        }
    }

    /// Time has passed. Late, early and repeated calls are safe.
    ///
    /// ```
    /// # use widget_turn_proto::{HandshakeHost, Timestamp};
    /// let mut host = HandshakeHost::new("w", 0);
    /// host.handle_timeout(Timestamp::from_secs(5));
    /// assert_eq!(host.poll_output(), None);
    /// ```
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if let Negotiation::Asked { again_at, .. } = &mut self.negotiation {
            if again_at.take_if(|due| *due <= now).is_some() {
                self.ask();
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next; `None` for never. May change with every
    /// `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::HandshakeHost;
    /// assert_eq!(HandshakeHost::new("w", 0).poll_timeout(), None);
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.negotiation {
            Negotiation::Asked { again_at, .. } => again_at,
            Negotiation::Waiting | Negotiation::Done => None,
        }
    }

    /// The next message to the widget; call until `None` after every `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::HandshakeHost;
    /// assert_eq!(HandshakeHost::new("w", 0).poll_output(), None);
    /// ```
    #[must_use]
    pub fn poll_output(&mut self) -> Option<String> {
        self.outputs.pop_front()
    }

    fn asked(
        &mut self,
        now: Timestamp,
        action: &str,
        text: String,
        marks: Marks,
    ) -> Result<(), MessageError> {
        let request = match Request::take(text, marks)? {
            Ok(request) => request,
            Err(too_large) => {
                self.outputs
                    .push_back(too_large.reply(&Refusal::TooLarge.response()));
                return Ok(());
            }
        };
        match action {
            SUPPORTED_API_VERSIONS => self.outputs.push_back(request.reply(VERSIONS)),
            CONTENT_LOADED => {
                self.outputs.push_back(request.reply("{}"));
                match (self.page.content_loaded(), &mut self.negotiation) {
                    (Sign::First | Sign::Reloaded, _) => self.negotiate(),
                    (Sign::Same, Negotiation::Asked { again_at, .. }) => {
                        *again_at = Some(now + SECOND_QUESTION);
                    }
                    (Sign::Same, Negotiation::Waiting | Negotiation::Done) => {}
                }
            }
            REQUEST_CAPABILITIES => {
                self.outputs.push_back(request.reply("{}"));
                // MSC2974: the list is the whole of what the widget wants, not what is new in it.
                self.notify(names(request.text(), &["data", "capabilities"]));
            }
            _ => self
                .outputs
                .push_back(request.reply(&Refusal::UnknownAction(action).response())),
        }
        Ok(())
    }

    fn answered(&mut self, action: &str, id: &str, text: &str) {
        let awaited = matches!(&self.negotiation, Negotiation::Asked { ids, .. } if ids.iter().any(|asked| same_id(asked, id)));
        if action == CAPABILITIES && awaited {
            self.negotiation = Negotiation::Done;
            // An error counts as "none", so that the widget is told where it stands.
            self.notify(names(text, &["response", "capabilities"]));
        }
    }

    fn negotiate(&mut self) {
        self.negotiation = Negotiation::Waiting;
        self.ask();
    }

    fn ask(&mut self) {
        let id = self.send(CAPABILITIES, "{}");
        match &mut self.negotiation {
            Negotiation::Asked { ids, .. } => ids.push(id),
            Negotiation::Waiting | Negotiation::Done => {
                self.negotiation = Negotiation::Asked {
                    ids: vec![id],
                    again_at: None,
                };
            }
        }
    }

    fn notify(&mut self, requested: Vec<String>) {
        let approved = requested.iter().filter(|name| *name == REQUIRES_CLIENT);
        let approved: Vec<_> = approved.collect();
        let data = serde_json::json!({ "requested": requested, "approved": approved }).to_string();
        self.send(NOTIFY_CAPABILITIES, &data);
    }

    /// Sends a request and gives its id as it stands in the JSON text.
    fn send(&mut self, action: &str, data: &str) -> String {
        let id = format!("host-{:x}-{}", self.seed, self.next_id);
        self.next_id += 1;
        self.outputs
            .push_back(request_to_widget(&self.widget_id, &id, action, data));
        format!("\"{id}\"")
    }
}

impl fmt::Debug for HandshakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeHost")
            .field("widget_id", &self.widget_id)
            .finish_non_exhaustive()
    }
}
