//! What a feed can tell its watchers at a moment.

use crate::refusal::Unavailable;
use crate::time::Timestamp;
use crate::turn_server::TurnServer;

/// The state of an account's TURN credentials: what [`Refresher`](crate::Refresher) publishes and
/// [`TurnLayer`](crate::TurnLayer) turns into messages.
///
/// ```
/// use widget_turn_proto::{RefreshConfig, Refresher, Supply};
///
/// let refresher = Refresher::new(RefreshConfig::default());
/// assert_eq!(*refresher.supply(), Supply::Pending);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Supply {
    /// No result yet.
    #[default]
    Pending,
    /// Credentials that are valid now.
    Ready {
        /// The servers and their credentials.
        server: TurnServer,
        /// When they expire, on the clock of the refresher.
        expires_at: Timestamp,
    },
    /// Nothing valid in hand, for a cause that may pass.
    Outage,
    /// Nothing valid in hand, for a cause that lasts.
    Unavailable(Unavailable),
}
