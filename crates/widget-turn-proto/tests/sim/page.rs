//! What a widget's page does: one that behaves, and four that do not.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::TurnCapability;

use crate::random::Random;
use crate::watchman::{RENEGOTIATE, UNWATCH, UPDATE, WATCH};

pub(crate) const UNSTABLE: &str = TurnCapability::UNSTABLE;
const STABLE: &str = TurnCapability::STABLE;

/// How a page deals with what it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manners {
    /// Asks for TURN and nothing else, watches once it is granted, answers each update within half a second. Rule C3 is
    /// for this one.
    Prompt,
    /// Does anything in any order, and answers now and then, twice, or with errors.
    Wild,
    /// Never answers an update.
    Silent,
    /// Answers, but seconds or a minute later.
    Late,
    /// Answers with errors.
    Refusing,
}

impl Manners {
    pub(crate) fn any(random: &mut Random) -> Self {
        match random.below(8) {
            0..3 => Self::Wild,
            3..5 => Self::Prompt,
            5 => Self::Silent,
            6 => Self::Late,
            _ => Self::Refusing,
        }
    }

    pub(crate) fn is_prompt(self) -> bool {
        self == Self::Prompt
    }

    /// After how long it answers a request, each time that it does.
    pub(crate) fn answers_after(self, random: &mut Random, action: &str) -> Vec<Duration> {
        match self {
            Self::Prompt => vec![random.span(0.001, 0.5)],
            Self::Silent if action == UPDATE => Vec::new(),
            Self::Late => vec![random.log_span(0.1, 60.0)],
            Self::Silent | Self::Refusing => vec![random.log_span(0.001, 5.0)],
            Self::Wild => match random.below(8) {
                0..2 => Vec::new(),
                2 => vec![random.log_span(0.001, 20.0), random.log_span(0.001, 60.0)],
                _ => vec![random.log_span(0.001, 20.0)],
            },
        }
    }

    /// What it answers.
    pub(crate) fn response(self, random: &mut Random, action: &str) -> Value {
        let error = json!({ "error": { "message": "Unknown or unsupported to-widget action" } });
        let strange = match self {
            Self::Prompt => false,
            Self::Refusing => action == UPDATE || random.below(8) == 0,
            _ => random.below(8) == 0,
        };
        if strange {
            return match random.below(2) {
                0 => error,
                _ => json!(null),
            };
        }
        match (action, self) {
            ("capabilities", Self::Prompt) => json!({ "capabilities": [UNSTABLE] }),
            ("capabilities", _) => json!({ "capabilities": names(random) }),
            _ => json!({}),
        }
    }

    /// How long until it does something of its own accord.
    pub(crate) fn acts_after(self, random: &mut Random) -> Duration {
        match (self, random.below(3)) {
            (Self::Prompt, _) => random.log_span(3600.0, 1_000_000.0),
            (_, 0) => random.log_span(0.001, 0.1),
            (_, 1) => random.log_span(0.01, 20.0),
            _ => random.log_span(1.0, 3600.0),
        }
    }
}

/// A request of the widget's. `None` where the draw fell on one that comes too often.
pub(crate) fn any_request(random: &mut Random, id: &str) -> Option<String> {
    let actions = [
        WATCH,
        WATCH,
        WATCH,
        UNWATCH,
        RENEGOTIATE,
        "content_loaded",
        "supported_api_versions",
        "dance",
    ];
    let action = random.pick(&actions);
    // A reload is rarer than that.
    if action == "content_loaded" && random.below(4) > 0 {
        return None;
    }
    let data = match action {
        RENEGOTIATE => json!({ "capabilities": names(random) }),
        _ => json!({}),
    };
    let text = from_widget(id, action, &data);
    Some(match random.below(5) {
        0 => text.replace("requestId", "requestid"),
        _ => text,
    })
}

/// What no peer should say. The layer drops it or answers, and goes on.
pub(crate) fn nonsense(random: &mut Random) -> String {
    let texts = [
        "",
        "{}",
        "[[[[",
        r#"{"api":"fromWidget","widgetId":"v","requestId":"1","action":"watch_turn_servers"}"#,
        r#"{"api":"fromWidget","widgetId":"w","action":"watch_turn_servers"}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"x","action":"watch_turn_servers","data":nul}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"x","action":"watch_turn_servers","response":{}}"#,
        r#"{"api":"toWidget","widgetId":"w","requestId":"x","action":"capabilities","response":{"capabilities":["m.turn_servers"]}}"#,
        r#"{"api":"toWidget","widgetId":"w","requestId":"turn-0-1","action":"update_turn_servers","response":{}}"#,
        r#"{"api":"toWidget","widgetId":"w","requestId":"x","action":"update_turn_servers"}"#,
        "\u{feff}{}",
    ];
    random.pick(&texts).to_owned()
}

fn names(random: &mut Random) -> Vec<&'static str> {
    let some = ["a", "b", UNSTABLE, UNSTABLE, STABLE];
    let count = random.below(4);
    (0..count).map(|_| random.pick(&some)).collect()
}

pub(crate) fn from_widget(id: &str, action: &str, data: &Value) -> String {
    json!({ "api": "fromWidget", "widgetId": "w", "requestId": id, "action": action, "data": data })
        .to_string()
}

pub(crate) fn to_widget(id: &str, action: &str, data: &Value) -> String {
    json!({ "api": "toWidget", "widgetId": "w", "requestId": id, "action": action, "data": data })
        .to_string()
}

/// The request as it came plus `response`.
pub(crate) fn reply(request: &str, response: Value) -> String {
    let mut value: Value = serde_json::from_str(request).expect("requests are JSON");
    value["response"] = response;
    value.to_string()
}

impl Random {
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).expect("an index")]
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("an index")
    }
}
