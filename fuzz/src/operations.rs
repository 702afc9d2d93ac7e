//! Lists of operations over a layer and what is behind it, under the eyes of the simulation's watchman: two bytes each,
//! what happens and how.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    AskToken, HandshakeHost, LayerConfig, NoTurn, OutagePolicy, Output, Secret, Supply, Timestamp,
    TurnCapability, TurnLayer, TurnServer, Unavailable,
};

use crate::watchman::{PASSWORD, RENEGOTIATE, UNWATCH, WATCH, Watchman};

/// More tell nothing new, and take long.
const MOST: usize = 400;

struct Stage {
    layer: TurnLayer,
    /// `None`: a host that says what the operations say.
    inner: Option<HandshakeHost>,
    eye: Watchman,
    now: Timestamp,
    numbers: u64,
    tokens: Vec<AskToken>,
    for_widget: Vec<String>,
    for_host: Vec<String>,
}

/// The first byte is how the layer is set up, the rest what happens to it.
pub fn operations(data: &[u8]) {
    let Some((setup, rest)) = data.split_first() else {
        return;
    };
    let mut config = LayerConfig::new("w");
    config.seed = u64::from(setup >> 2);
    if setup & 1 == 1 {
        config.outage = OutagePolicy::SendEmptyList;
    }
    let mut stage = Stage {
        eye: Watchman::new(config.outage),
        layer: TurnLayer::new(config),
        inner: (setup & 2 == 2).then(|| HandshakeHost::new("w", 7)),
        now: Timestamp::from_secs(1),
        numbers: 0,
        tokens: Vec::new(),
        for_widget: Vec::new(),
        for_host: Vec::new(),
    };
    for operation in rest.chunks_exact(2).take(MOST) {
        // What is due comes before what is new, so that the eye need not guess which it was.
        stage.time();
        stage.happens(operation[0], operation[1]);
    }
    stage.sleep(Duration::from_secs(60));
    stage.eye.nothing_is_owed();
}

impl Stage {
    fn happens(&mut self, what: u8, how: u8) {
        match what % 16 {
            0 | 1 => self.asks(WATCH, json!({})),
            2 => self.asks(UNWATCH, json!({})),
            3 => self.asks(RENEGOTIATE, json!({ "capabilities": names(how) })),
            4 => self.asks("content_loaded", json!({})),
            5 => self.asks("supported_api_versions", json!({})),
            6 | 7 => self.answers(how),
            8 => self.host_asks("capabilities", json!({})),
            9 => self.host_asks(
                "notify_capabilities",
                json!({ "requested": ["a"], "approved": ["a"] }),
            ),
            10 => self.host_answers(how),
            11 => self.decides(how),
            12 => self.supply(how),
            13 => {
                self.eye.page_loads();
                self.layer.handle_page_load(self.now);
                self.look();
                if let Some(host) = &mut self.inner {
                    host.handle_page_load(self.now);
                }
                self.look();
            }
            14 => self.sleep(Duration::from_millis(u64::from(how).pow(2) / 4)),
            _ => {
                let back = Duration::from_millis(u64::from(how) * 20);
                let then = self.now.since_origin().saturating_sub(back);
                self.layer.handle_timeout(Timestamp::new(then));
                self.look();
            }
        }
    }

    fn asks(&mut self, action: &str, data: Value) {
        self.numbers += 1;
        let text = message("fromWidget", &format!("w{}", self.numbers), action, &data);
        self.widget_says(text);
    }

    /// The page answers one of the last requests, some of them twice.
    fn answers(&mut self, how: u8) {
        let back = usize::from(how >> 6);
        let Some(at) = self.for_widget.len().checked_sub(back + 1) else {
            return;
        };
        let request = self.for_widget[at].clone();
        if how & 1 == 0 {
            self.for_widget.remove(at);
        }
        let response = match (how >> 1) % 8 {
            0 => json!({ "error": { "message": "Unknown or unsupported to-widget action" } }),
            1 => json!(null),
            _ if parsed(&request)["action"] == "capabilities" => {
                json!({ "capabilities": names(how >> 1) })
            }
            _ => json!({}),
        };
        self.widget_says(reply(&request, response));
    }

    fn widget_says(&mut self, text: String) {
        self.eye.widget_says(&text, self.now);
        self.layer.handle_widget_message(self.now, text);
        self.look();
    }

    fn host_asks(&mut self, action: &str, data: Value) {
        self.numbers += 1;
        let text = message("toWidget", &format!("h{}", self.numbers), action, &data);
        self.host_says(text);
    }

    fn host_answers(&mut self, how: u8) {
        let Some(request) = self.for_host.pop() else {
            return;
        };
        let response = match how & 1 {
            0 => json!({}),
            _ => json!({ "error": { "message": "unknown variant" } }),
        };
        self.host_says(reply(&request, response));
    }

    fn host_says(&mut self, text: String) {
        if self.inner.is_none() {
            self.eye.host_says(&text);
            self.layer.handle_host_message(self.now, text);
            self.look();
        }
    }

    fn decides(&mut self, how: u8) {
        let back = usize::from(how >> 6);
        let Some(at) = self.tokens.len().checked_sub(back + 1) else {
            return;
        };
        let token = self.tokens[at].clone();
        self.eye.decided(&token, how & 3 > 0);
        self.layer.handle_decision(self.now, &token, how & 3 > 0);
        self.look();
    }

    fn supply(&mut self, how: u8) {
        let supply = match how % 8 {
            0 => Supply::Pending,
            1 => Supply::Outage,
            2 => Supply::Unavailable(Unavailable::NoTurn(NoTurn::EmptyObject)),
            3 => Supply::Unavailable(Unavailable::SignedOut),
            name => {
                let uris = ["turn:turn.example.com".to_owned()];
                let server = TurnServer::new(uris, format!("u{name}"), Secret::new(PASSWORD));
                Supply::Ready {
                    server: server.expect("usable"),
                    expires_at: Timestamp::from_secs(1 << 40),
                }
            }
        };
        self.eye.supplied(&supply);
        self.layer.handle_supply(self.now, supply);
        self.look();
    }

    fn sleep(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let host = self.inner.as_ref().and_then(HandshakeHost::poll_timeout);
            let due = self.layer.poll_timeout().into_iter().chain(host).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            assert!(
                due > self.now,
                "a deadline that has passed makes a hot loop"
            );
            self.now = due;
            self.time();
        }
        self.now = end;
    }

    fn time(&mut self) {
        self.layer.handle_timeout(self.now);
        self.look();
        if let Some(host) = &mut self.inner {
            host.handle_timeout(self.now);
        }
        self.look();
    }

    fn look(&mut self) {
        loop {
            while let Some(output) = self.layer.poll_output() {
                let said = match &output {
                    Output::ToWidget(text) | Output::ToHost(text) => parsed(text),
                    _ => Value::Null,
                };
                self.eye.sees(&output, &said, self.now);
                match output {
                    Output::ToWidget(text) if said.get("response").is_none() => {
                        self.for_widget.push(text);
                    }
                    Output::ToHost(text) => match &mut self.inner {
                        Some(host) => drop(host.handle_message(self.now, text)),
                        None if said["action"] == RENEGOTIATE => self.for_host.push(text),
                        None => {}
                    },
                    Output::Ask(token, _) => self.tokens.push(token),
                    _ => {}
                }
            }
            let Some(text) = self.inner.as_mut().and_then(HandshakeHost::poll_output) else {
                break;
            };
            self.eye.host_says(&text);
            self.layer.handle_host_message(self.now, text);
        }
        self.eye.rests(self.layer.poll_timeout(), self.now);
    }
}

pub(crate) fn names(how: u8) -> Vec<&'static str> {
    let all = ["a", "b", TurnCapability::UNSTABLE, TurnCapability::STABLE];
    let picked = all.iter().enumerate();
    picked
        .filter(|(at, _)| how >> at & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}

fn message(api: &str, id: &str, action: &str, data: &Value) -> String {
    json!({ "api": api, "widgetId": "w", "requestId": id, "action": action, "data": data })
        .to_string()
}

fn reply(request: &str, response: Value) -> String {
    let mut value = parsed(request);
    value["response"] = response;
    value.to_string()
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("messages are JSON")
}
