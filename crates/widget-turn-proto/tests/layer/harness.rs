//! A scene: the layer, what stands behind it, and a record of all that was said.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    AskToken, Fetched, HandshakeHost, LayerConfig, NoTurn, Output, Secret, Supply, Timestamp,
    TurnCapability, TurnLayer, TurnServer, Unavailable, read_response,
};

pub(crate) const UNSTABLE: &str = TurnCapability::UNSTABLE;
pub(crate) const STABLE: &str = TurnCapability::STABLE;
pub(crate) const MSC3846: &str = widget_turn_proto::API_VERSION;
pub(crate) const WATCH: &str = "watch_turn_servers";
pub(crate) const UNWATCH: &str = "unwatch_turn_servers";
pub(crate) const UPDATE: &str = "update_turn_servers";
pub(crate) const RENEGOTIATE: &str = "org.matrix.msc2974.request_capabilities";

/// What is behind the layer.
enum Inner {
    Handshake(HandshakeHost),
    /// The test itself; what reached it is in the record.
    Script,
}

/// One widget with its layer. The widget and, where it is scripted, the inner host are played by the test.
pub(crate) struct Scene {
    pub(crate) layer: TurnLayer,
    inner: Inner,
    pub(crate) now: Timestamp,
    /// All outputs in their order.
    pub(crate) record: Vec<(Timestamp, Output)>,
    read: usize,
    /// What the account's feed answers to `Output::Watch`; `None` while it has no result yet.
    pub(crate) supply: Option<Supply>,
}

impl Scene {
    /// A layer over the bare handshake.
    pub(crate) fn new() -> Self {
        Self::with(
            LayerConfig::new("w"),
            Inner::Handshake(HandshakeHost::new("w", 1)),
        )
    }

    /// A layer over a host that the test plays.
    pub(crate) fn scripted() -> Self {
        Self::with(LayerConfig::new("w"), Inner::Script)
    }

    /// A layer of this configuration over a host that the test plays.
    pub(crate) fn configured(config: LayerConfig) -> Self {
        Self::with(config, Inner::Script)
    }

    fn with(config: LayerConfig, inner: Inner) -> Self {
        Self {
            layer: TurnLayer::new(config),
            inner,
            now: Timestamp::from_secs(1000),
            record: Vec::new(),
            read: 0,
            supply: None,
        }
    }

    /// After the handshake over a scripted host: TURN is asked for and granted, nobody watches.
    pub(crate) fn granted() -> Self {
        let mut scene = Self::scripted();
        scene.grant();
        scene
    }

    /// After the answer to the first watch and the first update, which the widget acknowledged.
    pub(crate) fn watching(credentials: &str) -> Self {
        let mut scene = Self::granted();
        scene.supply = Some(ready(credentials));
        scene.widget(&request("first", WATCH));
        let update = scene.update().expect("the first update");
        scene.widget(&reply(&update, &json!({})));
        scene.forget();
        scene
    }

    /// Plays the handshake to its end: the widget asks for TURN and nothing else, and gets it.
    pub(crate) fn grant(&mut self) {
        let token = self.negotiate(&[UNSTABLE]);
        self.decide(&token, true);
        self.host(&notify("n1", &[], &[]));
        self.widget(&reply(&notify("n1", &[UNSTABLE], &[UNSTABLE]), &json!({})));
        self.forget();
    }

    /// The inner host asks, the widget answers with these names, and somebody is asked.
    pub(crate) fn negotiate(&mut self, names: &[&str]) -> AskToken {
        self.answer_capabilities("c1", names);
        self.asked().expect("somebody is asked")
    }

    /// The inner host asks and the widget answers with these names.
    pub(crate) fn answer_capabilities(&mut self, id: &str, names: &[&str]) {
        let question = host_request(id, "capabilities", &json!({}));
        self.host(&question);
        self.widget(&reply(&question, &json!({ "capabilities": names })));
    }

    pub(crate) fn widget(&mut self, text: &str) {
        self.layer.handle_widget_message(self.now, text.to_owned());
        self.drain();
    }

    pub(crate) fn host(&mut self, text: &str) {
        self.layer.handle_host_message(self.now, text.to_owned());
        self.drain();
    }

    pub(crate) fn decide(&mut self, token: &AskToken, granted: bool) {
        self.layer.handle_decision(self.now, token, granted);
        self.drain();
    }

    /// The feed's state changes.
    pub(crate) fn supply(&mut self, supply: Supply) {
        self.supply = Some(supply.clone());
        self.layer.handle_supply(self.now, supply);
        self.drain();
    }

    /// The client sees the frame's load event.
    pub(crate) fn page_load(&mut self) {
        self.layer.handle_page_load(self.now);
        self.drain();
        if let Inner::Handshake(host) = &mut self.inner {
            host.handle_page_load(self.now);
        }
        self.drain();
    }

    /// Jumps from deadline to deadline for so many milliseconds.
    pub(crate) fn run(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.layer.handle_timeout(self.now);
            if let Inner::Handshake(host) = &mut self.inner {
                host.handle_timeout(self.now);
            }
            self.drain();
            let next = self.due();
            assert!(next.is_none_or(|next| next > self.now), "due in the past");
        }
        self.now = end;
    }

    /// When something happens by itself.
    fn due(&self) -> Option<Timestamp> {
        let host = match &self.inner {
            Inner::Handshake(host) => host.poll_timeout(),
            _ => None,
        };
        self.layer.poll_timeout().into_iter().chain(host).min()
    }

    fn drain(&mut self) {
        loop {
            while let Some(output) = self.layer.poll_output() {
                let watch = output == Output::Watch;
                if let (Inner::Handshake(host), Output::ToHost(text)) = (&mut self.inner, &output) {
                    // A message that it drops is only a log line.
                    let _ = host.handle_message(self.now, text.clone());
                }
                self.record.push((self.now, output));
                if let (true, Some(supply)) = (watch, &self.supply) {
                    self.layer.handle_supply(self.now, supply.clone());
                }
            }
            let Inner::Handshake(host) = &mut self.inner else {
                return;
            };
            let Some(text) = host.poll_output() else {
                return;
            };
            self.layer.handle_host_message(self.now, text);
        }
    }

    /// What is new in the record since the last call.
    pub(crate) fn news(&mut self) -> Vec<Output> {
        let new = self.record[self.read..]
            .iter()
            .map(|(_, output)| output.clone())
            .collect();
        self.read = self.record.len();
        new
    }

    /// Passes over what is new in the record.
    pub(crate) fn forget(&mut self) {
        self.read = self.record.len();
    }

    /// The texts that are new for the widget.
    pub(crate) fn heard_by_widget(&mut self) -> Vec<String> {
        let text = |output| match output {
            Output::ToWidget(text) => Some(text),
            _ => None,
        };
        self.news().into_iter().filter_map(text).collect()
    }

    /// The texts that are new for the inner host.
    pub(crate) fn heard_by_host(&mut self) -> Vec<String> {
        let text = |output| match output {
            Output::ToHost(text) => Some(text),
            _ => None,
        };
        self.news().into_iter().filter_map(text).collect()
    }

    /// The question about permission among what is new.
    pub(crate) fn asked(&mut self) -> Option<AskToken> {
        self.news().into_iter().find_map(|output| match output {
            Output::Ask(token, _) => Some(token),
            _ => None,
        })
    }

    /// The first update among what is new.
    pub(crate) fn update(&mut self) -> Option<String> {
        let mut texts = self.heard_by_widget().into_iter();
        texts.find(|text| parsed(text)["action"] == UPDATE)
    }

    /// In short what is new, in its order: see [`short`].
    pub(crate) fn story(&mut self) -> Vec<String> {
        self.news().iter().map(short).collect()
    }
}

/// An output in a few words: `>widget watch_turn_servers#1 {}`, `>host content_loaded#2`, `ask`, `watch`.
pub(crate) fn short(output: &Output) -> String {
    match output {
        Output::ToWidget(text) => format!(">widget {}", message(text)),
        Output::ToHost(text) => format!(">host {}", message(text)),
        Output::Ask(_, names) => {
            format!("ask {}", names.names().collect::<Vec<_>>().join(" "))
        }
        Output::Withdraw(_) => "withdraw".to_owned(),
        Output::Watch => "watch".to_owned(),
        Output::Unwatch => "unwatch".to_owned(),
        Output::Dropped(_, why) => format!("dropped {why:?}"),
        _ => "unknown".to_owned(),
    }
}

/// The action, and what tells one such message from another.
fn message(text: &str) -> String {
    let value = parsed(text);
    let action = value["action"].as_str().unwrap_or_default();
    let id = value["requestId"].as_str().unwrap_or_default();
    match (action, value.get("response")) {
        (UPDATE, None) => format!("{action} {}", value["data"]["username"]),
        ("notify_capabilities", None) => format!(
            "{action} {} {}",
            value["data"]["requested"], value["data"]["approved"]
        ),
        (_, None) => format!("{action}#{id}"),
        (_, Some(response)) => match response["error"].get("message") {
            Some(error) => format!("{action}#{id} {error}"),
            None => format!("{action}#{id} {response}"),
        },
    }
}

/// A request of the widget's without data.
pub(crate) fn request(id: &str, action: &str) -> String {
    widget_request(id, action, &json!({}))
}

pub(crate) fn widget_request(id: &str, action: &str, data: &Value) -> String {
    json!({ "api": "fromWidget", "widgetId": "w", "requestId": id, "action": action, "data": data })
        .to_string()
}

pub(crate) fn host_request(id: &str, action: &str, data: &Value) -> String {
    json!({ "api": "toWidget", "widgetId": "w", "requestId": id, "action": action, "data": data })
        .to_string()
}

/// The inner host's `notify_capabilities`.
pub(crate) fn notify(id: &str, requested: &[&str], approved: &[&str]) -> String {
    let data = json!({ "requested": requested, "approved": approved });
    host_request(id, "notify_capabilities", &data)
}

/// The request as it came plus `response`.
pub(crate) fn reply(request: &str, response: &Value) -> String {
    let mut value = parsed(request);
    value["response"] = response.clone();
    value.to_string()
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("messages are JSON")
}

/// Credentials that the user name tells apart.
pub(crate) fn ready(name: &str) -> Supply {
    let uris = ["turn:turn.example.com:3478?transport=udp".to_owned()];
    let server = TurnServer::new(uris, name, Secret::new("secret")).expect("usable");
    Supply::Ready {
        server,
        expires_at: Timestamp::from_secs(u64::MAX),
    }
}

/// A cause that lasts: the homeserver answers 403.
pub(crate) fn forbidden() -> Supply {
    let body = br#"{"errcode":"M_FORBIDDEN","error":"Not for you"}"#;
    let Fetched::Forbidden(error) = read_response(403, Some(Duration::from_secs(7)), body) else {
        panic!("403 is Forbidden");
    };
    Supply::Unavailable(Unavailable::Forbidden(error))
}

pub(crate) fn no_turn() -> Supply {
    Supply::Unavailable(Unavailable::NoTurn(NoTurn::EmptyObject))
}
