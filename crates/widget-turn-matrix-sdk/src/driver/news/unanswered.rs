//! What the widget has not answered yet, for it is given no more than it can take.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// As many as the SDK's driver leaves unanswered.
const MOST: usize = 15;
/// So long the answer of a widget is waited for, as by the SDK's driver.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ids of requests to the widget, with the end of patience, which is the first one's first.
#[derive(Default)]
pub(super) struct Unanswered(VecDeque<(String, Instant)>);

impl Unanswered {
    /// Whether the widget may be sent one more.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    /// The widget was sent one.
    pub(super) fn asked(&mut self, id: String) {
        self.0.push_back((id, Instant::now() + PATIENCE));
    }

    /// The widget answered one.
    pub(super) fn answered(&mut self, id: &str) {
        self.0.retain(|(asked, _)| asked != id);
    }

    /// Waits until the next is given up.
    pub(super) async fn expire(&mut self) {
        let Some((_, end)) = self.0.front() else {
            return std::future::pending().await;
        };
        sleep_until(*end).await;
        self.0.pop_front();
    }
}
