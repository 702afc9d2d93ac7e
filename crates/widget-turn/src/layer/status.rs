//! How far a widget is with its credentials.

use tokio::sync::watch;

/// How far a widget is with its credentials; see [`TurnLayer::status`](super::TurnLayer::status).
///
/// ```
/// assert_eq!(widget_turn::LayerStatus::default(), widget_turn::LayerStatus::NotAsked);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerStatus {
    /// The page has not asked for TURN.
    #[default]
    NotAsked,
    /// It has, and the policy has not decided yet.
    Asking,
    /// It may not have it.
    Denied,
    /// It may have it, and does not watch now.
    Granted,
    /// It watches: it has the credentials in hand, if there are any, and is told of new ones. Whether there are any is the
    /// feed's to say, by [`TurnFeed::supply`](crate::TurnFeed::supply).
    Watching,
}

/// Tells what comes of the newest decision and of the widget's watch.
pub(super) struct Teller {
    decided: LayerStatus,
    told: watch::Sender<LayerStatus>,
}

impl Teller {
    pub(super) fn new(told: watch::Sender<LayerStatus>) -> Self {
        Self {
            decided: LayerStatus::NotAsked,
            told,
        }
    }

    pub(super) fn decided(&mut self, granted: bool) {
        self.decided = if granted {
            LayerStatus::Granted
        } else {
            LayerStatus::Denied
        };
    }

    pub(super) fn page_loaded(&mut self) {
        self.decided = LayerStatus::NotAsked;
    }

    pub(super) fn tell(&self, asking: bool, watching: bool) {
        let status = match (asking, watching) {
            (true, _) => LayerStatus::Asking,
            (false, true) => LayerStatus::Watching,
            (false, false) => self.decided,
        };
        self.told
            .send_if_modified(|told| std::mem::replace(told, status) != status);
    }
}
