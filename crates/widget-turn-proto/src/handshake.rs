//! The bare handshake: what stands behind a [`TurnLayer`](crate::TurnLayer) where the host has no other part.

use std::collections::VecDeque;
use std::fmt;

use crate::capability::{
    CAPABILITIES, CONTENT_LOADED, NOTIFY_CAPABILITIES, REQUEST_CAPABILITIES, SUPPORTED_API_VERSIONS,
};
use crate::message::{Api, Head, MessageError, Request, names, request_to_widget, same_id};
use crate::page::{Page, Sign};
use crate::refusal::Refusal;

/// MSC2871 is `notify_capabilities`, MSC2974 is `request_capabilities`.
const VERSIONS: &str =
    r#"{"supported_versions":["0.0.1","0.0.2","org.matrix.msc2871","org.matrix.msc2974"]}"#;

/// A host that can do the handshake and nothing else: it asks for the widget's capabilities and approves none, answers
/// the versions, and refuses every other action.
///
/// Text in, text out, no clock. It begins at the page's first sign of life, be it `content_loaded` or the frame's load
/// event, and again at each reload (rule H6).
///
/// ```
/// use widget_turn_proto::HandshakeHost;
///
/// let mut host = HandshakeHost::new("w", 7);
/// host.handle_message(r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{}}"#.into())?;
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
    /// The widget was asked, by the requests with these ids: a page that was not listening is asked again.
    Asked(Vec<String>),
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
    /// # use widget_turn_proto::{HandshakeHost, MessageError};
    /// let mut host = HandshakeHost::new("w", 0);
    /// assert_eq!(host.handle_message("{}".into()), Err(MessageError::NoApi));
    /// let dance = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"dance","data":{}}"#;
    /// host.handle_message(dance.into())?;
    /// assert!(host.poll_output().is_some_and(|reply| reply.contains("Unknown or unsupported from-widget action: dance")));
    /// # Ok::<(), MessageError>(())
    /// ```
    pub fn handle_message(&mut self, text: String) -> Result<(), MessageError> {
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
            (Api::FromWidget, false) => self.asked(&action, text),
        }
    }

    /// The frame's load event: for pages that do not send `content_loaded`.
    ///
    /// ```
    /// # use widget_turn_proto::HandshakeHost;
    /// let mut host = HandshakeHost::new("w", 0);
    /// host.handle_page_load();
    /// assert!(host.poll_output().is_some_and(|question| question.contains("capabilities")));
    /// ```
    pub fn handle_page_load(&mut self) {
        match self.page.load() {
            Sign::First | Sign::Reloaded => self.negotiate(),
            Sign::Same => {}
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

    fn asked(&mut self, action: &str, text: String) -> Result<(), MessageError> {
        let request = match Request::take(text)? {
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
                let unanswered = matches!(self.negotiation, Negotiation::Asked(_));
                match self.page.content_loaded() {
                    Sign::First | Sign::Reloaded => self.negotiate(),
                    // It was asked at the load event, perhaps before it listened.
                    Sign::Same if unanswered => self.ask(),
                    Sign::Same => {}
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
        let awaited = matches!(&self.negotiation, Negotiation::Asked(ids) if ids.iter().any(|asked| same_id(asked, id)));
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
            Negotiation::Asked(ids) => ids.push(id),
            Negotiation::Waiting | Negotiation::Done => {
                self.negotiation = Negotiation::Asked(vec![id])
            }
        }
    }

    fn notify(&mut self, requested: Vec<String>) {
        let data = serde_json::json!({ "requested": requested, "approved": [] }).to_string();
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
