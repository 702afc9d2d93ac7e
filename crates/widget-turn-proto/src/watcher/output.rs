//! What a watcher wants done, and what it tells the consumers.

use std::fmt;

use crate::message::MessageError;
use crate::refusal::Unavailable;
use crate::turn_server::{NoTurn, TurnServer};

/// One part of the widget that uses TURN servers. To drop it is not to leave: hand it to
/// [`TurnWatcher::handle_leave`](super::TurnWatcher::handle_leave).
///
/// ```
/// use widget_turn_proto::{Timestamp, TurnWatcher, WatcherConfig};
///
/// let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
/// let consumer = watcher.handle_join(Timestamp::ZERO);
/// assert_eq!(watcher.poll_supply(&consumer), None, "nothing is known yet");
/// watcher.handle_leave(Timestamp::ZERO, consumer);
/// ```
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Consumer(pub(super) u64);

/// What a widget knows of its TURN servers: the other end of the host's [`Supply`](crate::Supply).
///
/// ```
/// use widget_turn_proto::{TurnWatcher, WatcherConfig, WatcherSupply};
///
/// let watcher = TurnWatcher::new(WatcherConfig::new("w"));
/// assert_eq!(*watcher.supply(), WatcherSupply::Pending);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatcherSupply {
    /// Nothing yet.
    #[default]
    Pending,
    /// Servers, for the next connection or ICE restart; [`TurnServer::ice_server`] is what a browser takes.
    Ready(TurnServer),
    /// None at present, for a cause that may pass: the host has none to give, or does not answer. The watcher goes on
    /// by itself.
    Outage,
    /// None, for a cause that lasts, until the host negotiates again.
    Unavailable(WatchRefusal),
}

/// Why a widget gets no TURN servers, for a cause that lasts.
///
/// ```
/// use widget_turn_proto::WatchRefusal;
///
/// let why = WatchRefusal::Unsupported;
/// assert_eq!(why.to_string(), "TURN servers not available: the host does not list town.robin.msc3846");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchRefusal {
    /// The host does not advertise MSC3846, so it is not asked.
    Unsupported,
    /// The capability was not granted.
    NotGranted,
    /// What the homeserver answered to the host.
    Homeserver(Unavailable),
}

impl fmt::Display for WatchRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => {
                f.write_str("TURN servers not available: the host does not list town.robin.msc3846")
            }
            Self::NotGranted => {
                f.write_str("TURN servers not available: the widget was not granted them")
            }
            Self::Homeserver(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for WatchRefusal {}

/// What a [`TurnWatcher`](super::TurnWatcher) wants done, in this order.
///
/// ```
/// # use widget_turn_proto::WatcherOutput;
/// let message = WatcherOutput::ToHost(r#"{"data":{"password":"JlKf"}}"#.into());
/// assert!(!format!("{message:?}").contains("JlKf"), "messages are not shown: they carry credentials");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatcherOutput {
    /// Send this text to the host, as a message of its own.
    ToHost(String),
    /// The host said this, and it is not the watcher's business: it is for the other parts of the widget, which answer it
    /// if it is a request, for instance by [`reply`](crate::reply).
    Pass(String),
    /// There is something new for the consumers: see [`TurnWatcher::poll_supply`](super::TurnWatcher::poll_supply).
    Changed,
    /// The host told what it grants: see [`TurnWatcher::has_capability`](super::TurnWatcher::has_capability).
    Negotiated,
    /// The host refused this action in these words: for a log line.
    Refused(&'static str, String),
    /// An update held nothing that a browser takes: for a log line.
    Unusable(NoTurn),
    /// A message was dropped: for a log line.
    Dropped(MessageError),
}

impl fmt::Debug for WatcherOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToHost(text) => write!(f, "ToHost({} bytes)", text.len()),
            Self::Pass(text) => write!(f, "Pass({} bytes)", text.len()),
            Self::Changed => f.write_str("Changed"),
            Self::Negotiated => f.write_str("Negotiated"),
            Self::Refused(action, words) => {
                f.debug_tuple("Refused").field(action).field(words).finish()
            }
            Self::Unusable(why) => f.debug_tuple("Unusable").field(why).finish(),
            Self::Dropped(why) => f.debug_tuple("Dropped").field(why).finish(),
        }
    }
}
