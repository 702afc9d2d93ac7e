//! How a refresher is set up, and what it wants done.

use std::time::Duration;

use crate::supply::Supply;

/// How a [`Refresher`](super::Refresher) keeps time.
///
/// ```
/// use std::time::Duration;
/// use widget_turn_proto::RefreshConfig;
///
/// assert_eq!(RefreshConfig::default().min_interval, Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshConfig {
    /// Where the jitter comes from. Give each account another one, or all clients refresh in step.
    pub seed: u64,
    /// The least time between two successful fetches. Lower it only where credentials live for less than a minute.
    pub min_interval: Duration,
}

impl Default for RefreshConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            min_interval: Duration::from_secs(30),
        }
    }
}

/// Names one fetch, so that an answer that is no longer waited for is known by its stale token.
///
/// ```
/// use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Timestamp};
///
/// let mut refresher = Refresher::new(RefreshConfig::default());
/// refresher.handle_watch(Timestamp::ZERO);
/// let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else { panic!() };
/// assert_eq!(token, token.clone());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FetchToken(pub(super) u64);

/// What a [`Refresher`](super::Refresher) wants done.
///
/// ```
/// use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Timestamp};
///
/// let mut refresher = Refresher::new(RefreshConfig::default());
/// refresher.handle_watch(Timestamp::ZERO);
/// assert!(matches!(refresher.poll_output(), Some(RefreshOutput::Fetch(_))));
/// assert_eq!(refresher.poll_output(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshOutput {
    /// Ask the homeserver now, and hand in what came of it by [`Refresher::handle_fetched`](super::Refresher::handle_fetched).
    Fetch(FetchToken),
    /// Tell every watcher.
    Publish(Supply),
}
