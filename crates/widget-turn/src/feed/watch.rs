//! Somebody's interest in an account's credentials.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use widget_turn_proto::{Refresher, Supply};

use super::Handle;

/// Somebody's interest in a [`TurnFeed`](super::TurnFeed); dropping it ends it.
///
/// ```
/// # use widget_turn::{FeedConfig, Failure, Fetched, Supply, TurnFeed, TurnSource};
/// # struct Broken;
/// # impl TurnSource for Broken {
/// #     async fn fetch(&self) -> Fetched { Fetched::Failed(Failure::default()) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let feed = TurnFeed::new(Broken, FeedConfig::default());
/// let mut watch = feed.watch();
/// assert_eq!(watch.changed().await, Supply::Outage);
/// # }
/// ```
pub struct FeedWatch {
    pub(super) handle: Arc<Handle>,
    pub(super) supply: watch::Receiver<Supply>,
}

impl FeedWatch {
    /// What is known now. [`changed`](Self::changed) gives what comes after it.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, Supply, TurnFeed, TurnSource};
    /// # struct Slow;
    /// # impl TurnSource for Slow {
    /// #     async fn fetch(&self) -> Fetched { std::future::pending().await }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Slow, FeedConfig::default());
    /// assert_eq!(feed.watch().current(), Supply::Pending);
    /// # }
    /// ```
    pub fn current(&mut self) -> Supply {
        self.handle.shared.tell(Refresher::handle_timeout);
        self.supply.borrow_and_update().clone()
    }

    /// Waits for the next change, and gives it. What changed twice meanwhile is seen once, with its last value.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Failure, Fetched, Supply, TurnFeed, TurnSource};
    /// # struct Broken;
    /// # impl TurnSource for Broken {
    /// #     async fn fetch(&self) -> Fetched { Fetched::Failed(Failure::default()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Broken, FeedConfig::default());
    /// assert_eq!(feed.watch().changed().await, Supply::Outage);
    /// # }
    /// ```
    pub async fn changed(&mut self) -> Supply {
        let changed = self.supply.changed().await;
        changed.expect("the sender lives in `handle`, which lives in `self`");
        self.supply.borrow_and_update().clone()
    }
}

impl Drop for FeedWatch {
    fn drop(&mut self) {
        self.handle.shared.tell(Refresher::handle_unwatch);
    }
}

impl fmt::Debug for FeedWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedWatch").finish_non_exhaustive()
    }
}
