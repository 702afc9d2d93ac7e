//! The log lines about dropped messages (rule H7). Not one for each: a widget could fill a disk by them.

use std::time::Duration;

use widget_turn_proto::{MessageError, Peer, Timestamp};

/// Between two lines of one widget. What is dropped meanwhile is counted.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Dropped {
    widget: String,
    told: Option<Timestamp>,
    untold: u64,
}

impl Dropped {
    pub(super) fn new(widget: &str) -> Self {
        Self {
            widget: widget.to_owned(),
            told: None,
            untold: 0,
        }
    }

    pub(super) fn note(&mut self, now: Timestamp, peer: Peer, why: &MessageError) {
        if let Some(line) = self.line(now, peer, why) {
            tracing::warn!(widget = self.widget, "{line}");
        }
    }

    fn line(&mut self, now: Timestamp, peer: Peer, why: &MessageError) -> Option<String> {
        if self.told.is_some_and(|told| now - told < PAUSE) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        let from = match peer {
            Peer::Widget => "widget",
            Peer::Host => "inner host",
        };
        let before = match std::mem::take(&mut self.untold) {
            0 => String::new(),
            count => format!(", after {count} others"),
        };
        Some(format!("dropped a message from the {from}{before}: {why}"))
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        if self.untold > 0 {
            tracing::warn!(
                widget = self.widget,
                "dropped {} messages more",
                self.untold
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_dropped_messages_the_first_is_told_and_then_their_number() {
        let mut dropped = Dropped::new("w");
        let mut at = |seconds| {
            let now = Timestamp::new(Duration::from_secs(seconds));
            dropped.line(now, Peer::Widget, &MessageError::NotJson)
        };
        let first = at(1).unwrap();
        assert!(
            first.starts_with("dropped a message from the widget: "),
            "{first}"
        );
        for _ in 0..100_000 {
            assert_eq!(at(10), None);
        }
        let next = at(11).unwrap();
        assert!(next.contains(", after 100000 others: "), "{next}");
        assert_eq!(at(12), None);
        let last = at(3600).unwrap();
        assert!(last.contains(", after 1 others: "), "{last}");
    }
}
