//! A scene: the watcher, the host as the test plays it, and what was said.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    Consumer, Secret, Timestamp, TurnCapability, TurnServer, TurnWatcher, WatcherConfig,
    WatcherOutput, WatcherSupply,
};

pub(crate) const UNSTABLE: &str = TurnCapability::UNSTABLE;
pub(crate) const STABLE: &str = TurnCapability::STABLE;
pub(crate) const WATCH: &str = "watch_turn_servers";
pub(crate) const UNWATCH: &str = "unwatch_turn_servers";
pub(crate) const UPDATE: &str = "update_turn_servers";
pub(crate) const VERSIONS: &str = "supported_api_versions";
pub(crate) const NOTIFY: &str = "notify_capabilities";
/// What a host with MSC3846 and MSC2871 says that it supports.
pub(crate) const SUPPORTED: [&str; 3] = ["0.0.2", "org.matrix.msc2871", "town.robin.msc3846"];

pub(crate) struct Scene {
    pub(crate) watcher: TurnWatcher,
    pub(crate) now: Timestamp,
    /// What the watcher said to the host and has not been answered, by the order.
    pub(crate) asked: Vec<Value>,
    outputs: Vec<WatcherOutput>,
    numbers: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::configured(WatcherConfig::new("w"))
    }

    pub(crate) fn configured(config: WatcherConfig) -> Self {
        Self {
            watcher: TurnWatcher::new(config),
            now: Timestamp::from_secs(1000),
            asked: Vec::new(),
            outputs: Vec::new(),
            numbers: 0,
        }
    }

    /// After the handshake: TURN is granted, nobody watches.
    pub(crate) fn granted() -> Self {
        let mut scene = Self::new();
        scene.start();
        scene.answer(VERSIONS, &json!({ "supported_versions": SUPPORTED }));
        scene.negotiate(&[UNSTABLE]);
        scene.forget();
        scene
    }

    /// One consumer, which holds these credentials.
    pub(crate) fn watching(name: &str) -> (Self, Consumer) {
        let mut scene = Self::granted();
        let consumer = scene.join();
        scene.answer(WATCH, &json!({}));
        scene.update(name);
        assert_eq!(scene.given(&consumer), Some(name.to_owned()));
        scene.forget();
        (scene, consumer)
    }

    pub(crate) fn start(&mut self) {
        self.watcher.handle_start(self.now);
        self.drain();
    }

    pub(crate) fn join(&mut self) -> Consumer {
        let consumer = self.watcher.handle_join(self.now);
        self.drain();
        consumer
    }

    pub(crate) fn leave(&mut self, consumer: Consumer) {
        self.watcher.handle_leave(self.now, consumer);
        self.drain();
    }

    /// The host says this.
    pub(crate) fn host(&mut self, text: &str) {
        self.watcher.handle_message(self.now, text.to_owned());
        self.drain();
    }

    /// The host asks this.
    pub(crate) fn host_asks(&mut self, action: &str, data: &Value) {
        self.numbers += 1;
        let id = format!("h{}", self.numbers);
        let request = json!({ "api": "toWidget", "widgetId": "w", "requestId": id, "action": action, "data": data });
        self.host(&request.to_string());
    }

    pub(crate) fn update(&mut self, name: &str) {
        self.host_asks(UPDATE, &data(name));
    }

    /// The host asks for the widget's capabilities, and tells that it grants these.
    pub(crate) fn negotiate(&mut self, granted: &[&str]) {
        self.host_asks("capabilities", &json!({}));
        self.notify(&[UNSTABLE], granted);
    }

    pub(crate) fn notify(&mut self, requested: &[&str], approved: &[&str]) {
        let data = json!({ "requested": requested, "approved": approved });
        self.host_asks(NOTIFY, &data);
    }

    /// The host answers the oldest open request for this.
    pub(crate) fn answer(&mut self, action: &str, response: &Value) {
        let of_action = |asked: &Value| asked["action"] == action;
        let at = self.asked.iter().position(of_action);
        let mut request = self
            .asked
            .remove(at.unwrap_or_else(|| panic!("{action} was not asked")));
        request["response"] = response.clone();
        self.host(&request.to_string());
    }

    /// Jumps from deadline to deadline for so many seconds.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(due) = self.watcher.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.watcher.handle_timeout(self.now);
            self.drain();
            let next = self.watcher.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "due in the past");
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.watcher.poll_output() {
            if let WatcherOutput::ToHost(text) = &output {
                let message = parsed(text);
                if message.get("response").is_none() {
                    self.asked.push(message);
                }
            }
            self.outputs.push(output);
        }
    }

    /// In short what is new: `>watch_turn_servers`, `>update_turn_servers {}`, `changed`.
    pub(crate) fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outputs)
            .iter()
            .map(short)
            .collect()
    }

    /// Passes over what is new.
    pub(crate) fn forget(&mut self) {
        self.outputs.clear();
    }

    /// What a consumer is given, in short: the name, or what there is in place of credentials.
    pub(crate) fn given(&mut self, consumer: &Consumer) -> Option<String> {
        self.watcher
            .poll_supply(consumer)
            .map(|supply| match supply {
                WatcherSupply::Ready(server) => server.username().to_owned(),
                WatcherSupply::Unavailable(why) => why.to_string(),
                other => format!("{other:?}"),
            })
    }
}

fn short(output: &WatcherOutput) -> String {
    match output {
        WatcherOutput::ToHost(text) => {
            let message = parsed(text);
            let action = message["action"].as_str().unwrap_or_default();
            match message.get("response") {
                None => format!(">{action}"),
                Some(response) => format!(">{action} {response}"),
            }
        }
        WatcherOutput::Pass(text) => format!("pass {}", parsed(text)["action"]),
        WatcherOutput::Changed => "changed".to_owned(),
        WatcherOutput::Negotiated => "negotiated".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The `data` of an update whose credentials are known by this name.
pub(crate) fn data(name: &str) -> Value {
    json!({ "uris": ["turn:turn.example.com:3478?transport=udp"], "username": name, "password": "secret" })
}

pub(crate) fn server(name: &str) -> TurnServer {
    let uris = ["turn:turn.example.com:3478?transport=udp".to_owned()];
    TurnServer::new(uris, name, Secret::new("secret")).expect("usable")
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("messages are JSON")
}

pub(crate) fn error(message: &str) -> Value {
    json!({ "error": { "message": message } })
}

/// The error of a host whose homeserver answered so.
pub(crate) fn api_error(status: u16, headers: &Value, errcode: &str) -> Value {
    json!({ "error": {
        "message": "TURN servers not available",
        "matrix_api_error": {
            "http_status": status, "http_headers": headers, "url": "",
            "response": { "errcode": errcode, "error": "" },
        },
    } })
}
