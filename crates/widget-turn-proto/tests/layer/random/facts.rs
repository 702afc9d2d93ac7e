//! What can happen to a layer, picked at random.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    AskToken, LayerConfig, OutagePolicy, Output, Supply, Timestamp, TurnLayer,
};

use super::Random;
use super::watchman::Watchman;
use crate::harness::{
    RENEGOTIATE, STABLE, UNSTABLE, UNWATCH, WATCH, forbidden, host_request, no_turn, notify,
    parsed, ready, reply, request, widget_request,
};

/// A layer, the peers' memories, and the one who watches over it.
pub(super) struct Walk {
    random: Random,
    layer: TurnLayer,
    now: Timestamp,
    eye: Watchman,
    numbers: u64,
    tokens: Vec<AskToken>,
    /// The requests that reached the widget.
    for_widget: Vec<String>,
    /// The renegotiations that reached the inner host.
    for_host: Vec<String>,
    said: Vec<String>,
}

impl Walk {
    pub(super) fn new(mut random: Random) -> Self {
        let mut config = LayerConfig::new("w");
        config.seed = random.below(3);
        if random.below(2) == 0 {
            config.outage = OutagePolicy::SendEmptyList;
        }
        Self {
            eye: Watchman::new(config.outage),
            layer: TurnLayer::new(config),
            random,
            now: Timestamp::from_secs(1),
            numbers: 0,
            tokens: Vec::new(),
            for_widget: Vec::new(),
            for_host: Vec::new(),
            said: Vec::new(),
        }
    }

    pub(super) fn step(&mut self) {
        // What is due comes before what is new, so that the eye need not guess which it was.
        self.layer.handle_timeout(self.now);
        self.look();
        match self.random.below(100) {
            0..25 => self.widget_asks(),
            25..50 => self.widget_answers(),
            50..62 => self.host_speaks(),
            62..72 => self.somebody_decides(),
            72..84 => self.feed_speaks(),
            84..86 => self.page_loads(),
            86..88 => self.peers_rave(),
            88..90 => self.clock_goes_back(),
            _ => self.time_passes(),
        }
    }

    /// Lets all that is due happen, and gives back all that was said.
    pub(super) fn end(mut self) -> Vec<String> {
        self.sleep(60_000);
        self.eye.nothing_is_owed();
        self.said
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.numbers += 1;
        format!("{prefix}{}", self.numbers)
    }

    fn names(&mut self) -> Vec<&'static str> {
        let some = ["a", "b", UNSTABLE, UNSTABLE, STABLE];
        let count = self.random.below(4);
        (0..count).map(|_| self.random.pick(&some)).collect()
    }

    fn widget_asks(&mut self) {
        let id = self.fresh("w");
        let action = self.random.pick(&[
            WATCH,
            WATCH,
            WATCH,
            WATCH,
            UNWATCH,
            UNWATCH,
            RENEGOTIATE,
            "content_loaded",
            "supported_api_versions",
            "dance",
        ]);
        // A reload is rarer than that.
        if action == "content_loaded" && self.random.below(4) > 0 {
            return;
        }
        let text = if action == RENEGOTIATE {
            widget_request(&id, action, &json!({ "capabilities": self.names() }))
        } else {
            request(&id, action)
        };
        let spelled = match self.random.below(5) {
            0 => text.replace("requestId", "requestid"),
            _ => text,
        };
        self.widget(spelled);
    }

    fn widget_answers(&mut self) {
        if self.for_widget.is_empty() {
            return;
        }
        let at = self.random.below(self.for_widget.len() as u64);
        // Mostly the last one, and mostly once.
        let at = match self.random.below(3) {
            0 => usize::try_from(at).expect("an index"),
            _ => self.for_widget.len() - 1,
        };
        let asked = match self.random.below(4) {
            0 => self.for_widget[at].clone(),
            _ => self.for_widget.remove(at),
        };
        let error = json!({ "error": { "message": "Unknown or unsupported to-widget action" } });
        let response = match self.random.below(8) {
            0 => error,
            1 => json!(null),
            _ if parsed(&asked)["action"] == "capabilities" => {
                json!({ "capabilities": self.names() })
            }
            _ => json!({}),
        };
        self.widget(reply(&asked, &response));
    }

    fn host_speaks(&mut self) {
        let id = self.fresh("h");
        match self.random.below(7) {
            0..3 => self.host(host_request(&id, "capabilities", &json!({}))),
            3 => self.host(notify(&id, &["a"], &["a"])),
            4 => self.host(host_request(&id, "send_event", &json!({ "x": 1.0 }))),
            _ => {
                let Some(asked) = self.for_host.pop() else {
                    return;
                };
                let response = match self.random.below(3) {
                    0 => json!({}),
                    _ => json!({ "error": { "message": "unknown variant" } }),
                };
                self.host(reply(&asked, &response));
            }
        }
    }

    fn somebody_decides(&mut self) {
        if self.tokens.is_empty() {
            return;
        }
        let at = match self.random.below(4) {
            0 => self.random.below(self.tokens.len() as u64),
            _ => self.tokens.len() as u64 - 1,
        };
        let token = self.tokens[usize::try_from(at).expect("an index")].clone();
        let granted = self.random.below(4) > 0;
        self.eye.decided(&token, granted);
        self.layer.handle_decision(self.now, &token, granted);
        self.look();
    }

    fn feed_speaks(&mut self) {
        let name = self.random.pick(&["a", "b", "c"]);
        let supply = match self.random.below(10) {
            0 => Supply::Pending,
            1..3 => Supply::Outage,
            3 => no_turn(),
            4 => forbidden(),
            _ => ready(name),
        };
        let server = match &supply {
            Supply::Ready { server, .. } => Some(server.username()),
            _ => None,
        };
        self.eye.supplied(server);
        self.layer.handle_supply(self.now, supply.clone());
        self.look();
    }

    fn page_loads(&mut self) {
        self.eye.page_loads();
        self.layer.handle_page_load(self.now);
        self.look();
    }

    fn peers_rave(&mut self) {
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
        let text = self.random.pick(&texts).to_owned();
        if self.random.below(4) == 0 {
            // An inner host is not suspected of TURN.
            let text = text.replace("_turn_servers", "_x").replace("nul}", "null}");
            self.layer.handle_host_message(self.now, text);
            self.look();
        } else {
            self.widget(text);
        }
    }

    fn clock_goes_back(&mut self) {
        let back = Duration::from_millis(self.random.below(5_000));
        let then = Timestamp::new(self.now.since_origin().saturating_sub(back));
        self.layer.handle_timeout(then);
        self.look();
        let id = self.fresh("w");
        let text = request(&id, WATCH);
        self.eye.widget_says(&text, self.now);
        self.layer.handle_widget_message(then, text);
        self.look();
    }

    fn time_passes(&mut self) {
        let milliseconds = match self.random.below(4) {
            0 => self.random.below(100),
            1 => self.random.below(1_000),
            _ => self.random.below(12_000),
        };
        self.sleep(milliseconds);
    }

    /// The timer is called up to half a second late, and sometimes for nothing.
    fn sleep(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.layer.poll_timeout().filter(|due| *due <= end) {
            let late = Duration::from_millis(self.random.below(500));
            self.now = self.now.max(due + late);
            self.layer.handle_timeout(self.now);
            self.look();
        }
        self.now = self.now.max(end);
        if self.random.below(2) == 0 {
            self.layer.handle_timeout(self.now);
            self.look();
        }
    }

    fn widget(&mut self, text: String) {
        self.eye.widget_says(&text, self.now);
        self.layer.handle_widget_message(self.now, text);
        self.look();
    }

    fn host(&mut self, text: String) {
        self.eye.host_says(&text);
        self.layer.handle_host_message(self.now, text);
        self.look();
    }

    /// Takes what the layer wants done, and lets the eye judge it.
    fn look(&mut self) {
        while let Some(output) = self.layer.poll_output() {
            let message = match &output {
                Output::ToWidget(text) | Output::ToHost(text) => parsed(text),
                _ => Value::Null,
            };
            self.eye.sees(&output, &message, self.now);
            self.said.push(match output {
                Output::ToWidget(text) => {
                    if message.get("response").is_none() {
                        self.for_widget.push(text.clone());
                    }
                    text
                }
                Output::ToHost(text) => {
                    if message["action"] == RENEGOTIATE {
                        self.for_host.push(text.clone());
                    }
                    text
                }
                Output::Ask(token, _) => {
                    self.tokens.push(token);
                    "ask".to_owned()
                }
                other => format!("{other:?}"),
            });
        }
        // Facts that come with an earlier time do not turn the layer's clock back.
        let due = self.layer.poll_timeout();
        self.eye.rests(due, self.now);
    }
}
