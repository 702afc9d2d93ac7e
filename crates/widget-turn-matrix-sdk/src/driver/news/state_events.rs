//! State events in the timeline, held against what the widget hears of the room's state (`update_state`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// An `update_state` that belongs to an event comes with it or soon after, by another connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Notices where a page is not told that the room's state changed.
#[derive(Default)]
pub(super) struct StateEvents {
    /// Types of which a change came as an `update_state`, or was missed already.
    settled: BTreeSet<String>,
    /// Types of which a change came as an event, and until when its `update_state` is waited for.
    due: BTreeMap<String, Instant>,
}

impl StateEvents {
    /// The widget is given a state event of the timeline.
    pub(super) fn event(&mut self, kind: &str) {
        if !self.settled.contains(kind) {
            self.due
                .entry(kind.to_owned())
                .or_insert_with(|| Instant::now() + PATIENCE);
        }
    }

    /// The widget is given an `update_state` with an event of this type.
    pub(super) fn update(&mut self, kind: &str) {
        self.due.remove(kind);
        self.settled.insert(kind.to_owned());
    }

    /// Waits until an `update_state` is missed. Each type is told once.
    pub(super) async fn missed(&mut self) -> String {
        let Some((kind, end)) = self.due.iter().min_by_key(|(_, end)| **end) else {
            return std::future::pending().await;
        };
        let kind = kind.clone();
        sleep_until(*end).await;
        self.update(&kind);
        kind
    }
}
