//! What a layer wants done.

use std::fmt;

use crate::capability::TurnCapability;
use crate::message::MessageError;

/// Names one question about permission, so that a late answer is known by its stale token.
///
/// ```
/// # use widget_turn_proto::{LayerConfig, TurnLayer, Output, Timestamp};
/// # let mut layer = TurnLayer::new(LayerConfig::new("w"));
/// # for text in [r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"capabilities","data":{}}"#] {
/// #     layer.handle_host_message(Timestamp::ZERO, text.into());
/// # }
/// # let answer = r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"capabilities","data":{},"response":{"capabilities":["m.turn_servers"]}}"#;
/// # layer.handle_widget_message(Timestamp::ZERO, answer.into());
/// let ask = std::iter::from_fn(|| layer.poll_output())
///     .find_map(|output| match output {
///         Output::Ask(token, _) => Some(token),
///         _ => None,
///     })
///     .expect("the widget asked for TURN");
/// layer.handle_decision(Timestamp::ZERO, &ask, true);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AskToken(pub(super) u64);

/// Where a message came from.
///
/// ```
/// # use widget_turn_proto::{LayerConfig, MessageError, Output, Peer, Timestamp, TurnLayer};
/// let mut layer = TurnLayer::new(LayerConfig::new("w"));
/// layer.handle_widget_message(Timestamp::ZERO, "nonsense".into());
/// assert_eq!(layer.poll_output(), Some(Output::Dropped(Peer::Widget, MessageError::NotJson)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The widget.
    Widget,
    /// The inner host.
    Host,
}

/// What a [`TurnLayer`](super::TurnLayer) wants done, in this order.
///
/// ```
/// # use widget_turn_proto::Output;
/// let message = Output::ToWidget(r#"{"data":{"password":"JlKf"}}"#.into());
/// assert!(!format!("{message:?}").contains("JlKf"), "messages are not shown: they carry credentials");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this text to the widget, as a message of its own (rule W2).
    ToWidget(String),
    /// Send this text to the inner host.
    ToHost(String),
    /// Find out whether the widget may have TURN, and tell by [`TurnLayer::handle_decision`](super::TurnLayer::handle_decision). It may take as long as it
    /// takes (rule H4).
    Ask(AskToken, TurnCapability),
    /// The answer to this question is no longer needed.
    Withdraw(AskToken),
    /// Begin to watch the account's credentials, and hand in what is known and what changes by
    /// [`TurnLayer::handle_supply`](super::TurnLayer::handle_supply).
    Watch,
    /// Watch no longer.
    Unwatch,
    /// A message was dropped: for a log line (rule H7).
    Dropped(Peer, MessageError),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToWidget(text) => write!(f, "ToWidget({} bytes)", text.len()),
            Self::ToHost(text) => write!(f, "ToHost({} bytes)", text.len()),
            Self::Ask(token, capability) => {
                f.debug_tuple("Ask").field(token).field(capability).finish()
            }
            Self::Withdraw(token) => f.debug_tuple("Withdraw").field(token).finish(),
            Self::Watch => f.write_str("Watch"),
            Self::Unwatch => f.write_str("Unwatch"),
            Self::Dropped(peer, why) => f.debug_tuple("Dropped").field(peer).field(why).finish(),
        }
    }
}
