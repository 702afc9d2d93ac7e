//! How much of what a widget says may be under way to its host.
//!
//! The queues on that way, matrix-sdk's own among them, count messages at best, and a message may be long. So whenever a
//! widget has said much, its host is asked something that every host answers in its turn, and the widget is not listened to
//! until the answer is there.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use widget_turn_proto::{Api, Head};

/// What may be under way, in bytes, besides the message that goes beyond it.
const MOST: usize = 4 << 20;

/// What a short message takes, in bytes.
const LEAST: usize = 256;

/// An answer that has not come by then does not: the page was loaded anew, and its host with it.
const PATIENCE: Duration = Duration::from_secs(10);

/// One widget's window.
pub(super) struct Window {
    widget_id: String,
    /// Of the question. No widget can know it beforehand.
    id: String,
    under_way: usize,
    /// Until when the answer is waited for.
    closed_until: Option<Instant>,
}

impl Window {
    pub(super) fn new(widget_id: &str) -> Self {
        Self {
            widget_id: widget_id.to_owned(),
            id: format!("window-{:x}", RandomState::new().hash_one(())),
            under_way: 0,
            closed_until: None,
        }
    }

    /// Notes so many bytes of the widget's. Gives what its host is to be asked after them, if the window is closed by them.
    pub(super) fn pass(&mut self, length: usize) -> Option<String> {
        self.under_way += length.max(LEAST);
        if self.under_way <= MOST {
            return None;
        }
        self.closed_until = Some(Instant::now() + PATIENCE);
        let question = json!({
            "api": "fromWidget",
            "widgetId": self.widget_id,
            "requestId": self.id,
            "action": "supported_api_versions",
            "data": {},
        });
        Some(question.to_string())
    }

    /// Whether this is the answer, which is not for the widget. It opens the window.
    pub(super) fn is_answer(&mut self, head: &Head<'_>) -> bool {
        let is_answer = head.api == Api::FromWidget
            && head.is_response
            && head
                .request_id
                .and_then(|id| id.strip_prefix('"')?.strip_suffix('"'))
                == Some(&self.id);
        if is_answer && self.closed_until.is_some() {
            self.open();
        }
        is_answer
    }

    /// Until when the widget is not listened to, if the answer does not come before.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        self.closed_until
    }

    pub(super) fn open(&mut self) {
        self.under_way = 0;
        self.closed_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window that is just closed, and the question.
    fn closed() -> (Window, String) {
        let mut window = Window::new("w");
        assert_eq!(window.pass(MOST), None);
        let question = window.pass(1).expect("it is too much");
        (window, question)
    }

    fn answers(window: &mut Window, text: &str) -> bool {
        window.is_answer(&Head::read(text).unwrap())
    }

    #[test]
    fn a_window_is_closed_by_much_and_opened_by_the_answer() {
        let (mut window, question) = closed();
        assert!(window.closed_until().is_some());
        assert!(!answers(&mut window, &question), "a question is none");
        let answer = widget_turn_proto::reply(question, r#"{"supported_versions":[]}"#).unwrap();
        assert!(!answers(&mut window, &answer.replace("window-", "other-")));
        assert!(window.closed_until().is_some());
        assert!(answers(&mut window, &answer));
        assert!(window.closed_until().is_none());
        assert_eq!(window.pass(MOST), None);
        // One that comes late is not for the widget either.
        assert!(answers(&mut window, &answer));
        assert!(window.pass(1).is_some());
    }

    #[test]
    fn many_short_messages_are_much() {
        let mut window = Window::new("w");
        let passed = (0..).take_while(|_| window.pass(0).is_none()).count();
        assert_eq!(passed, MOST / LEAST);
    }
}
