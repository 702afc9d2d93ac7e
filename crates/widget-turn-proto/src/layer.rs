//! One widget's MSC3846: owns its three actions, edits the handshake, passes all else through.

mod config;
mod negotiation;
mod output;
mod renegotiation;
mod route;
mod watching;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::capability::TurnCapability;
use crate::message::{Marks, MessageError, Request, string};
use crate::page::{Page, Sign};
use crate::refusal::Refusal;
use crate::supply::Supply;
use crate::time::Timestamp;
use negotiation::{Grant, HostNotify, Notify};
use renegotiation::Renegotiation;
use route::{Host, Widget};
use watching::{InFlight, Watch};

pub use config::{LayerConfig, OutagePolicy};
pub use output::{AskToken, Output, Peer};

/// A request is answered by then, whatever the homeserver and the inner host do (rules W1 and W3).
const REPLY_PATIENCE: Duration = Duration::from_secs(2);
/// An update that is not answered by then did not arrive (rule W7).
const UPDATE_PATIENCE: Duration = Duration::from_secs(10);
/// Requests of one kind that are kept open for one widget (rule C9).
const MAX_OUTSTANDING: usize = 16;

/// How often somebody is asked about one page that is denied each time: a renegotiation is cheap for the widget.
const MAX_DENIALS: u8 = 3;

/// Stands between one widget and its inner host, and gives the widget TURN.
///
/// Where the inner host says itself that it does MSC3846, before the widget has asked for TURN, the layer steps aside:
/// everything goes through, both ways.
///
/// Facts go in by `handle_…` with the time, intentions come out of [`poll_output`](Self::poll_output). Late, repeated and
/// spurious calls are safe. See the [crate's documentation](crate) for the contract and a running example.
///
/// ```
/// use widget_turn_proto::{LayerConfig, Output, Timestamp, TurnLayer};
///
/// let mut layer = TurnLayer::new(LayerConfig::new("w"));
/// // What is not the layer's goes through as it came.
/// let text = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"send_event","data":{"n":1.0}}"#;
/// layer.handle_widget_message(Timestamp::ZERO, text.into());
/// assert_eq!(layer.poll_output(), Some(Output::ToHost(text.into())));
/// assert_eq!(layer.poll_output(), None);
/// ```
pub struct TurnLayer {
    config: LayerConfig,
    page: Page,
    /// The names by which this page asked for TURN.
    asked: TurnCapability,
    grant: Grant,
    denials: u8,
    notify: Notify,
    host_notify: HostNotify,
    /// Ids of the inner host's open questions for capabilities, as JSON text.
    questions: Vec<Box<str>>,
    renegotiations: Vec<Renegotiation>,
    /// The inner host does MSC3846 itself: all goes through.
    aside: bool,
    watch: Watch,
    supply: Supply,
    in_flight: Option<InFlight>,
    /// The clock never goes back.
    now: Timestamp,
    numbers: u64,
    outputs: VecDeque<Output>,
}

impl TurnLayer {
    /// A layer for a widget that has not shown any life yet.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, TurnLayer};
    /// let layer = TurnLayer::new(LayerConfig::new("w"));
    /// assert_eq!(layer.poll_timeout(), None);
    /// ```
    pub fn new(config: LayerConfig) -> Self {
        Self {
            config,
            page: Page::default(),
            asked: TurnCapability::default(),
            grant: Grant::Unasked,
            denials: 0,
            notify: Notify::ByHost,
            host_notify: HostNotify::None,
            questions: Vec::new(),
            renegotiations: Vec::new(),
            aside: false,
            watch: Watch::Idle,
            supply: Supply::Pending,
            in_flight: None,
            now: Timestamp::ZERO,
            numbers: 0,
            outputs: VecDeque::new(),
        }
    }

    /// A message from the widget.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Output, Timestamp, TurnLayer};
    /// # let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// let watch = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"watch_turn_servers","data":{}}"#;
    /// layer.handle_widget_message(Timestamp::ZERO, watch.into());
    /// let Some(Output::ToWidget(reply)) = layer.poll_output() else { panic!() };
    /// assert!(reply.contains("Missing capability"), "nothing is granted unless somebody says so");
    /// ```
    pub fn handle_widget_message(&mut self, now: Timestamp, text: String) {
        let now = self.advance(now);
        if let Err(why) = self.take_from_widget(now, text) {
            self.outputs.push_back(Output::Dropped(Peer::Widget, why));
        }
    }

    /// A message from the inner host.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Output, Timestamp, TurnLayer};
    /// # let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// let versions = concat!(
    ///     r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"supported_api_versions","data":{},"#,
    ///     r#""response":{"supported_versions":["0.0.2"]}}"#
    /// );
    /// layer.handle_host_message(Timestamp::ZERO, versions.into());
    /// let Some(Output::ToWidget(reply)) = layer.poll_output() else { panic!() };
    /// assert!(reply.ends_with(r#""response":{"supported_versions":["0.0.2","town.robin.msc3846"]}}"#));
    /// ```
    pub fn handle_host_message(&mut self, now: Timestamp, text: String) {
        self.advance(now);
        self.hear_host(text);
    }

    /// The client says that the widget's frame has loaded a page. The second time, or with a second `content_loaded`, it
    /// is a reload: the watch and the grant are forgotten (rule H6). An inner host that asks the new page for its
    /// capabilities must do so after this call: what it asked before it was for the old one.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Timestamp, TurnLayer};
    /// let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// layer.handle_page_load(Timestamp::ZERO);
    /// layer.handle_page_load(Timestamp::from_secs(60));
    /// assert_eq!(layer.poll_output(), None, "there was nothing to forget");
    /// ```
    pub fn handle_page_load(&mut self, now: Timestamp) {
        self.advance(now);
        if self.page.load() == Sign::Reloaded {
            self.forget_page();
        }
    }

    /// Somebody decided whether the widget may have TURN. A decision that is not waited for is ignored.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Output, Timestamp, TurnLayer};
    /// # let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// let now = Timestamp::ZERO;
    /// let ask = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"org.matrix.msc2974.request_capabilities","data":{"capabilities":["m.turn_servers"]}}"#;
    /// layer.handle_widget_message(now, ask.into());
    /// let Some(Output::ToWidget(_)) = layer.poll_output() else { panic!("it is answered at once") };
    /// let Some(Output::Ask(token, _)) = layer.poll_output() else { panic!("somebody is asked") };
    /// layer.handle_decision(now, &token, true);
    /// let Some(Output::ToWidget(notify)) = layer.poll_output() else { panic!("the widget is told") };
    /// assert!(notify.contains(r#""approved":["m.turn_servers"]"#));
    /// layer.handle_decision(now, &token, false);
    /// assert_eq!(layer.poll_output(), None);
    /// ```
    pub fn handle_decision(&mut self, now: Timestamp, token: &AskToken, granted: bool) {
        self.advance(now);
        self.decided(token, granted);
    }

    /// What is known of the account's credentials: once after [`Output::Watch`], and again whenever it changes.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Supply, Timestamp, TurnLayer};
    /// let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// layer.handle_supply(Timestamp::ZERO, Supply::Outage);
    /// assert_eq!(layer.poll_output(), None, "nobody watches");
    /// ```
    pub fn handle_supply(&mut self, now: Timestamp, supply: Supply) {
        let now = self.advance(now);
        self.supplied(now, supply);
    }

    /// Time has passed. Late, early and repeated calls are safe.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, Timestamp, TurnLayer};
    /// let mut layer = TurnLayer::new(LayerConfig::new("w"));
    /// layer.handle_timeout(Timestamp::from_secs(5));
    /// assert_eq!(layer.poll_output(), None);
    /// ```
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// What is to be done next; call until `None` after every `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, TurnLayer};
    /// assert_eq!(TurnLayer::new(LayerConfig::new("w")).poll_output(), None);
    /// ```
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next; `None` for never. May change with every
    /// `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{LayerConfig, TurnLayer};
    /// assert_eq!(TurnLayer::new(LayerConfig::new("w")).poll_timeout(), None);
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let dues = [self.watch_timeout(), self.renegotiation_timeout()];
        dues.into_iter().flatten().min()
    }

    fn take_from_widget(&mut self, now: Timestamp, text: String) -> Result<(), MessageError> {
        let (role, marks) = route::from_widget(&text, &self.config.widget_id)?;
        if self.aside {
            self.outputs.push_back(Output::ToHost(text));
            return Ok(());
        }
        match role {
            Widget::Watch => {
                if let Some(request) = self.own(text, marks)? {
                    self.watch(now, request);
                }
            }
            Widget::Unwatch => {
                if let Some(request) = self.own(text, marks)? {
                    self.unwatch(&request);
                }
            }
            Widget::UpdateAnswered => self.update_answered(now, &text)?,
            Widget::CapabilitiesAnswered => self.capabilities_answered(text),
            Widget::NotifyAnswered => self.notify_answered(text),
            Widget::Renegotiate => self.renegotiate(text, marks)?,
            Widget::ContentLoaded => {
                if self.page.content_loaded() == Sign::Reloaded {
                    self.forget_page();
                }
                self.outputs.push_back(Output::ToHost(text));
            }
            Widget::Other => self.outputs.push_back(Output::ToHost(text)),
        }
        Ok(())
    }

    fn hear_host(&mut self, text: String) {
        if let Err(why) = self.take_from_host(text) {
            self.outputs.push_back(Output::Dropped(Peer::Host, why));
        }
    }

    fn take_from_host(&mut self, text: String) -> Result<(), MessageError> {
        let role = route::from_host(&text, &self.config.widget_id)?;
        if self.aside {
            self.outputs.push_back(Output::ToWidget(text));
            return Ok(());
        }
        match role {
            Host::VersionsAnswered => self.versions_answered(text),
            Host::AskCapabilities => self.capabilities_asked(text),
            Host::NotifyCapabilities => self.notified(text),
            Host::RenegotiationAnswered => self.renegotiation_answered(text)?,
            Host::OtherRequest => self.requested_by_host(text),
            Host::Other => self.outputs.push_back(Output::ToWidget(text)),
        }
        Ok(())
    }

    /// Takes a request that the layer answers; one that is too large is answered here.
    fn own(&mut self, text: String, marks: Marks) -> Result<Option<Request>, MessageError> {
        Ok(match Request::take(text, marks)? {
            Ok(request) => Some(request),
            Err(too_large) => {
                let reply = too_large.reply(&Refusal::TooLarge.response());
                self.outputs.push_back(Output::ToWidget(reply));
                None
            }
        })
    }

    fn reply(&mut self, request: &Request, response: &str) {
        self.outputs
            .push_back(Output::ToWidget(request.reply(response)));
    }

    /// Rule H6: nothing of the page that went away is left, nor is anything said to it.
    fn forget_page(&mut self) {
        drop(self.forget_grant());
        self.denials = 0;
        self.notify = Notify::ByHost;
        self.host_notify = HostNotify::None;
        self.questions.clear();
        self.renegotiations.clear();
        self.in_flight = None;
    }

    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.watch_timeouts(self.now);
        self.renegotiation_timeouts(self.now);
        self.now
    }

    /// Unlike those of any host, which are UUIDs or counted by it.
    fn next_id(&mut self) -> String {
        let number = self.next_number();
        format!("turn-{:x}-{number}", self.config.seed)
    }

    /// Whether `id`, as JSON text, is of [`next_id`](Self::next_id).
    fn is_own_id(&self, id: &str) -> bool {
        string(id).is_some_and(|id| id.starts_with(&format!("turn-{:x}-", self.config.seed)))
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl fmt::Debug for TurnLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnLayer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
