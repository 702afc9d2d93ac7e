//! State events in the timeline, held against what the widget hears of the room's state (`update_state`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

/// An `update_state` that belongs to an event comes with it or soon after, by another connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// The SDK's driver reads the state of no more than so many kinds at once. It sends no `update_state` at all for a widget
/// that was granted more.
const MOST_KINDS: usize = 15;

/// What one page hears of the room's state.
pub(super) struct StateEvents {
    /// The driver's first `update_state`, with all that there is, has not come yet.
    first_is_due: bool,
    mode: Mode,
}

enum Mode {
    /// An `update_state` is missed where none comes.
    Watching {
        /// Types of which a change came as an `update_state`, or was missed already.
        settled: BTreeSet<String>,
        /// Types of which a change came as an event, and until when its `update_state` is waited for.
        due: BTreeMap<String, Instant>,
    },
    /// An `update_state` is made of each event.
    Making {
        /// What came before the driver's first, which may be older.
        early: Vec<String>,
    },
}

impl StateEvents {
    /// For a page that may read so many kinds of state.
    pub(super) fn new(kinds: usize) -> Self {
        if kinds > MOST_KINDS {
            tracing::warn!(
                "the widget was granted {kinds} kinds of state: the SDK's driver gives it none of more than {MOST_KINDS}"
            );
        }
        Self {
            first_is_due: (1..=MOST_KINDS).contains(&kinds),
            mode: Mode::Watching {
                settled: BTreeSet::new(),
                due: BTreeMap::new(),
            },
        }
    }

    /// From now on, `update_state` is made of events.
    pub(super) fn make_updates(&mut self) {
        self.mode = Mode::Making { early: Vec::new() };
    }

    /// The driver gives the widget an event of the timeline. The data of an `update_state` that is to come before it.
    pub(super) fn event(&mut self, send_event: &str) -> Option<String> {
        let event = data(send_event)?;
        let fields: Value = serde_json::from_str(event.get()).ok()?;
        // It is a state event if it has one, and one that the widget may read, or the driver would not give it.
        fields["state_key"].as_str()?;
        let kind = fields["type"].as_str()?;
        match &mut self.mode {
            Mode::Watching { settled, due } => {
                if !settled.contains(kind) {
                    due.entry(kind.to_owned())
                        .or_insert_with(|| Instant::now() + PATIENCE);
                }
                None
            }
            Mode::Making { early } => {
                let update = format!(r#"{{"state":[{event}]}}"#);
                if self.first_is_due {
                    early.push(update);
                    return None;
                }
                Some(update)
            }
        }
    }

    /// The driver gives the widget an `update_state`. The data of those that are to come after it.
    pub(super) fn update(&mut self, update_state: &str) -> Vec<String> {
        if std::mem::take(&mut self.first_is_due) {
            return match &mut self.mode {
                Mode::Watching { .. } => Vec::new(),
                Mode::Making { early } => std::mem::take(early),
            };
        }
        if let Mode::Watching { settled, due } = &mut self.mode {
            let update: Value = data(update_state)
                .and_then(|data| serde_json::from_str(data.get()).ok())
                .unwrap_or_default();
            for event in update["state"].as_array().into_iter().flatten() {
                if let Some(kind) = event["type"].as_str() {
                    due.remove(kind);
                    settled.insert(kind.to_owned());
                }
            }
        }
        Vec::new()
    }

    /// Waits until an `update_state` is missed. Each type is told once.
    pub(super) async fn missed(&mut self) -> String {
        let Mode::Watching { settled, due } = &mut self.mode else {
            return std::future::pending().await;
        };
        let Some((kind, end)) = due.iter().min_by_key(|(_, end)| **end) else {
            return std::future::pending().await;
        };
        let kind = kind.clone();
        sleep_until(*end).await;
        due.remove(&kind);
        settled.insert(kind.clone());
        kind
    }
}

/// A message's `data`, as it stands there.
fn data(message: &str) -> Option<Box<RawValue>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(message).ok()?;
    fields.remove("data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send_event(number: u32) -> String {
        format!(
            r#"{{"api":"toWidget","data":{{"type":"t","state_key":"","n":{number}}},"action":"send_event"}}"#
        )
    }

    const UPDATE: &str = r#"{"action":"update_state","data":{"state":[]}}"#;

    #[test]
    fn what_comes_before_the_first_update_is_told_after_it() {
        let mut events = StateEvents::new(2);
        events.make_updates();
        assert_eq!(events.event(&send_event(1)), None);
        assert_eq!(events.event(&send_event(2)), None);
        let early = events.update(UPDATE);
        assert_eq!(
            early,
            [
                r#"{"state":[{"type":"t","state_key":"","n":1}]}"#,
                r#"{"state":[{"type":"t","state_key":"","n":2}]}"#
            ]
        );
        let update = events.event(&send_event(3));
        assert_eq!(
            update.as_deref(),
            Some(r#"{"state":[{"type":"t","state_key":"","n":3}]}"#)
        );
        assert!(events.update(UPDATE).is_empty());
    }

    #[test]
    fn where_no_first_update_comes_nothing_waits_for_it() {
        for kinds in [0, 16] {
            let mut events = StateEvents::new(kinds);
            events.make_updates();
            assert!(events.event(&send_event(1)).is_some());
        }
    }

    #[test]
    fn an_event_that_is_no_state_event_is_left_alone() {
        let mut events = StateEvents::new(0);
        events.make_updates();
        for text in [
            r#"{"data":{"type":"t"}}"#,
            r#"{"data":{"type":"t","state_key":null}}"#,
            r#"{"data":{"state_key":""}}"#,
            r#"{"data":7}"#,
            "{}",
            "",
        ] {
            assert_eq!(events.event(text), None);
        }
    }
}
