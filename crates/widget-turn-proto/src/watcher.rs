//! The widget's side of MSC3846: asks for TURN, watches for all parts of a widget, keeps the newest servers for each.

mod config;
mod negotiation;
mod output;
mod refused;
mod requests;
mod route;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use crate::capability::TurnCapability;
use crate::jitter::Jitter;
use crate::time::Timestamp;
use negotiation::{Grant, Versions};
use requests::{Asked, Open};
use watching::Watch;

pub use config::WatcherConfig;
pub use output::{Consumer, WatchRefusal, WatcherOutput, WatcherSupply};

/// An answer is not waited for any longer, as peers give up on one.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// The longest jitter between two tries.
const BACKOFF_CAP: Duration = Duration::from_secs(600);

/// The widget's side: the other end of a [`TurnLayer`](crate::TurnLayer), or of any host that does MSC3846.
///
/// It does the widget's part of the handshake, for other capabilities too, and gives any number of consumers what one
/// watch on the wire brings. A consumer that joins gets the current servers at once; one that is slow misses what is old
/// and never what is newest; when the last one leaves, the watch is ended at once.
///
/// Facts go in by `handle_…` with the time, intentions come out of [`poll_output`](Self::poll_output). Late, repeated and
/// spurious calls are safe. A reloaded page is a new watcher with another seed.
///
/// ```
/// use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherOutput, WatcherSupply, reply};
///
/// let now = Timestamp::ZERO;
/// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
/// let from_host = |action: &str, data: &str| format!(r#"{{"api":"toWidget","widgetId":"w","requestId":"1","action":"{action}","data":{data}}}"#);
/// let sent = |watcher: &mut TurnWatcher| -> Vec<String> {
///     std::iter::from_fn(|| watcher.poll_output())
///         .filter_map(|output| if let WatcherOutput::ToHost(text) = output { Some(text) } else { None })
///         .collect()
/// };
///
/// // The page tells of itself, and two parts of it want TURN servers.
/// watcher.handle_start(now);
/// let (call, whiteboard) = (watcher.handle_join(now), watcher.handle_join(now));
/// let [versions, _content_loaded] = &sent(&mut watcher)[..] else { panic!("nothing is watched before the host says that it can") };
///
/// // The handshake, as the host leads it.
/// watcher.handle_message(now, reply(versions.clone(), r#"{"supported_versions":["org.matrix.msc2871","town.robin.msc3846"]}"#)?);
/// watcher.handle_message(now, from_host("capabilities", "{}"));
/// let [wish] = &sent(&mut watcher)[..] else { panic!() };
/// assert!(wish.contains(r#""response":{"capabilities":["town.robin.msc3846.turn_servers"]}"#));
/// watcher.handle_message(now, from_host("notify_capabilities", r#"{"requested":[],"approved":["town.robin.msc3846.turn_servers"]}"#));
/// let [_, watch] = &sent(&mut watcher)[..] else { panic!("one watch for both") };
/// assert!(watch.contains("watch_turn_servers"));
/// watcher.handle_message(now, reply(watch.clone(), "{}")?);
///
/// // Two updates; the whiteboard looks in between, the call does not.
/// for user in ["u1", "u2"] {
///     let data = format!(r#"{{"uris":["turn:t.example.com"],"username":"{user}","password":"p"}}"#);
///     watcher.handle_message(now, from_host("update_turn_servers", &data));
///     assert_eq!(sent(&mut watcher).len(), 1, "one answer, however many consumers");
///     let Some(WatcherSupply::Ready(server)) = watcher.poll_supply(&whiteboard) else { panic!() };
///     assert_eq!(server.username(), user);
/// }
/// let Some(WatcherSupply::Ready(server)) = watcher.poll_supply(&call) else { panic!() };
/// assert_eq!(server.username(), "u2", "the newest, once");
/// assert_eq!(watcher.poll_supply(&call), None);
///
/// watcher.handle_leave(now, call);
/// assert_eq!(sent(&mut watcher), [""; 0]);
/// watcher.handle_leave(now, whiteboard);
/// assert!(sent(&mut watcher)[0].contains("unwatch_turn_servers"));
/// # Ok::<(), widget_turn_proto::MessageError>(())
/// ```
pub struct TurnWatcher {
    config: WatcherConfig,
    jitter: Jitter,
    /// `content_loaded` was sent.
    announced: bool,
    versions: Versions,
    grant: Grant,
    /// What was asked for and is granted.
    approved: BTreeSet<String>,
    watch: Watch,
    supply: WatcherSupply,
    /// Counts the changes of `supply`.
    revision: u64,
    /// The revision that each has seen.
    consumers: BTreeMap<u64, u64>,
    open: Open,
    /// The clock never goes back.
    now: Timestamp,
    numbers: u64,
    outputs: VecDeque<WatcherOutput>,
}

impl TurnWatcher {
    /// A watcher that has not heard of its host yet.
    ///
    /// ```
    /// # use widget_turn_proto::{TurnWatcher, WatcherConfig};
    /// assert_eq!(TurnWatcher::new(WatcherConfig::new("w")).poll_timeout(), None);
    /// ```
    pub fn new(config: WatcherConfig) -> Self {
        Self {
            jitter: Jitter::new(config.seed),
            config,
            announced: false,
            versions: Versions::Unasked,
            grant: Grant::Unasked,
            approved: BTreeSet::new(),
            watch: Watch::Idle,
            supply: WatcherSupply::Pending,
            revision: 0,
            consumers: BTreeMap::new(),
            open: Open::default(),
            now: Timestamp::ZERO,
            numbers: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The page listens to its host now: it asks for the host's versions and says `content_loaded`, once. Hosts that begin
    /// at the frame's load event need neither, and take both.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherOutput};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// watcher.handle_start(Timestamp::ZERO);
    /// watcher.handle_start(Timestamp::ZERO);
    /// let Some(WatcherOutput::ToHost(versions)) = watcher.poll_output() else { panic!() };
    /// assert!(versions.contains("supported_api_versions"));
    /// let Some(WatcherOutput::ToHost(loaded)) = watcher.poll_output() else { panic!() };
    /// assert!(loaded.contains("content_loaded"));
    /// assert_eq!(watcher.poll_output(), None);
    /// ```
    pub fn handle_start(&mut self, now: Timestamp) {
        self.advance(now);
        if std::mem::replace(&mut self.announced, true) {
            return;
        }
        if let Versions::Unasked = self.versions {
            self.ask_versions(0);
        }
        self.send(Asked::ContentLoaded, "{}");
    }

    /// A message from the host. The caller has seen to it that it is from the host: by the `source` and the `origin` of the
    /// message event.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherOutput};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// let text = r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"theme_change","data":{}}"#;
    /// watcher.handle_message(Timestamp::ZERO, text.into());
    /// assert_eq!(watcher.poll_output(), Some(WatcherOutput::Pass(text.into())), "as it came");
    /// watcher.handle_message(Timestamp::ZERO, text.replace(r#""w""#, r#""other""#));
    /// assert!(matches!(watcher.poll_output(), Some(WatcherOutput::Dropped(_))));
    /// ```
    pub fn handle_message(&mut self, now: Timestamp, text: String) {
        self.advance(now);
        if let Err(why) = self.take(text) {
            self.outputs.push_back(WatcherOutput::Dropped(why));
        }
    }

    /// A part of the widget wants TURN servers. The first one starts the watch, as soon as the host can and grants it.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// let one = watcher.handle_join(Timestamp::ZERO);
    /// let other = watcher.handle_join(Timestamp::ZERO);
    /// assert_ne!(one, other);
    /// ```
    pub fn handle_join(&mut self, now: Timestamp) -> Consumer {
        self.advance(now);
        let id = self.next_number();
        // It has seen nothing, and nothing is what there is to see while all is pending.
        let seen = match self.supply {
            WatcherSupply::Pending => self.revision,
            _ => self.revision.wrapping_sub(1),
        };
        self.consumers.insert(id, seen);
        self.joined();
        Consumer(id)
    }

    /// A part of the widget no longer wants TURN servers. After the last one the watch is ended at once.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// let consumer = watcher.handle_join(Timestamp::ZERO);
    /// watcher.handle_leave(Timestamp::ZERO, consumer);
    /// assert_eq!(watcher.poll_output(), None, "nothing was being watched");
    /// ```
    pub fn handle_leave(&mut self, now: Timestamp, consumer: Consumer) {
        self.advance(now);
        let Consumer(id) = consumer;
        if self.consumers.remove(&id).is_some() && self.consumers.is_empty() {
            self.deserted();
        }
    }

    /// The widget wants more capabilities than it has asked for so far (MSC2974), or wants to be asked for TURN once more
    /// after it was refused: then the list may be empty.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherOutput};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// watcher.handle_wish(Timestamp::ZERO, ["m.sticker".to_owned()]);
    /// let Some(WatcherOutput::ToHost(request)) = watcher.poll_output() else { panic!() };
    /// assert!(request.ends_with(r#""data":{"capabilities":["town.robin.msc3846.turn_servers","m.sticker"]}}"#));
    /// ```
    pub fn handle_wish(&mut self, now: Timestamp, names: impl IntoIterator<Item = String>) {
        self.advance(now);
        self.wish(names);
    }

    /// Time has passed. Late, early and repeated calls are safe.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// watcher.handle_timeout(Timestamp::from_secs(5));
    /// assert_eq!(watcher.poll_output(), None);
    /// ```
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// What is to be done next; call until `None` after every `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{TurnWatcher, WatcherConfig};
    /// assert_eq!(TurnWatcher::new(WatcherConfig::new("w")).poll_output(), None);
    /// ```
    #[must_use]
    pub fn poll_output(&mut self) -> Option<WatcherOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next; `None` for never. May change with every
    /// `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
    /// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// watcher.handle_start(Timestamp::ZERO);
    /// assert!(watcher.poll_timeout() >= Some(Timestamp::from_secs(10)), "a host that does not answer is asked again");
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let versions = self.versions_due().map(|(due, _)| due);
        versions.into_iter().chain(self.watch_timeout()).min()
    }

    /// What this consumer has not been given yet: the newest, or `None` if it has it. Look after [`handle_join`](Self::handle_join)
    /// and at [`WatcherOutput::Changed`], or whenever the consumer is ready for more.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig, WatcherSupply, WatchRefusal};
    /// # let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// let consumer = watcher.handle_join(Timestamp::ZERO);
    /// let refusal = r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"notify_capabilities","data":{"requested":["m.turn_servers"],"approved":[]}}"#;
    /// watcher.handle_message(Timestamp::ZERO, refusal.into());
    /// let refused = WatcherSupply::Unavailable(WatchRefusal::NotGranted);
    /// assert_eq!(watcher.poll_supply(&consumer), Some(refused));
    /// assert_eq!(watcher.poll_supply(&consumer), None);
    /// ```
    #[must_use]
    pub fn poll_supply(&mut self, consumer: &Consumer) -> Option<WatcherSupply> {
        let seen = self.consumers.get_mut(&consumer.0)?;
        (std::mem::replace(seen, self.revision) != self.revision).then(|| self.supply.clone())
    }

    /// What is known now, whoever has been given it.
    ///
    /// ```
    /// # use widget_turn_proto::{TurnWatcher, WatcherConfig, WatcherSupply};
    /// assert_eq!(*TurnWatcher::new(WatcherConfig::new("w")).supply(), WatcherSupply::Pending);
    /// ```
    pub fn supply(&self) -> &WatcherSupply {
        &self.supply
    }

    /// Whether the host has granted a capability that the widget asked for; TURN by either of its names.
    ///
    /// ```
    /// # use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
    /// # let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    /// let grant = r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"notify_capabilities","data":{"requested":[],"approved":["m.turn_servers"]}}"#;
    /// watcher.handle_message(Timestamp::ZERO, grant.into());
    /// assert!(watcher.has_capability("town.robin.msc3846.turn_servers"));
    /// assert!(!watcher.has_capability("m.sticker"));
    /// ```
    pub fn has_capability(&self, name: &str) -> bool {
        if TurnCapability::is_name(name) {
            self.grant == Grant::Granted
        } else {
            self.approved.contains(name)
        }
    }

    /// Keeps what is new for the consumers, whenever they look.
    fn tell(&mut self, supply: WatcherSupply) {
        if self.supply == supply {
            return;
        }
        self.supply = supply;
        self.revision = self.revision.wrapping_add(1);
        if !self.consumers.is_empty() {
            self.outputs.push_back(WatcherOutput::Changed);
        }
    }

    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if let Some((due, failures)) = self.versions_due() {
            if due <= self.now {
                self.without_servers();
                self.ask_versions(failures);
            }
        }
        self.watch_timeouts();
    }

    /// The next try after so many failed ones.
    fn later(&mut self, least: Duration, failures: u32) -> Timestamp {
        self.now + least + self.jitter.back_off(failures, BACKOFF_CAP)
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl fmt::Debug for TurnWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnWatcher")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
