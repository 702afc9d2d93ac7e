//! Lists of operations over the widget's side, and a host that does anything: two bytes each, what happens and how.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    Consumer, MessageError, Timestamp, TurnCapability, TurnServer, TurnWatcher, WatcherConfig,
    WatcherOutput, WatcherSupply,
};

use crate::operations::{names, parsed};
use crate::watchman::{PASSWORD, UNWATCH, UPDATE, WATCH};

const CAPABILITIES: &str = "capabilities";
const NOTIFY: &str = "notify_capabilities";
const VERSIONS: &str = "supported_api_versions";
/// What a host can say that it does.
const SUPPORTED: [&str; 2] = [TURN, NOTIFIES];
const TURN: &str = "town.robin.msc3846";
const NOTIFIES: &str = "org.matrix.msc2871";

/// More tell nothing new, and take long.
const MOST: usize = 200;
/// A watch that is not answered, or that brings nothing, may be sent again after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first byte is the seed, the rest is what happens. In the end the host is one that works, and each consumer has what
/// it gives.
pub fn watcher_operations(data: &[u8]) {
    let Some((seed, rest)) = data.split_first() else {
        return;
    };
    let mut stage = Stage::new(u64::from(*seed));
    for operation in rest.chunks_exact(2).take(MOST) {
        stage.happens(operation[0], operation[1]);
    }
    stage.the_host_works();
}

/// Whether the host was asked to watch, as it shows from outside.
#[derive(Clone, Copy, PartialEq)]
enum Watch {
    /// Not, or it ended or was refused since.
    No,
    Asked(Timestamp),
    /// The host has negotiated anew since.
    Renewed,
}

/// What the host said last of the wish for TURN.
#[derive(Clone, Copy, PartialEq)]
enum Grant {
    Nothing,
    Asked,
    Granted,
    Refused,
}

/// A part of the widget, and what it was given last.
struct Holder(Consumer, WatcherSupply);

struct Stage {
    watcher: TurnWatcher,
    now: Timestamp,
    holders: Vec<Holder>,
    /// The requests of the widget's side that the host may answer.
    asked: Vec<Value>,
    numbers: u64,
    /// The number of the credentials in the last update, if a browser takes them.
    newest: Option<u64>,
    watch: Watch,
    grant: Grant,
    /// What the host said that it does.
    versions: Vec<&'static str>,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mut config = WatcherConfig::new("w");
        config.seed = seed;
        Self {
            watcher: TurnWatcher::new(config),
            now: Timestamp::from_secs(1),
            holders: Vec::new(),
            asked: Vec::new(),
            numbers: 0,
            newest: None,
            watch: Watch::No,
            grant: Grant::Nothing,
            versions: Vec::new(),
        }
    }

    fn happens(&mut self, what: u8, how: u8) {
        match what % 16 {
            0 | 1 => self.join(),
            2 => self.leave(how),
            3 => self.look(how),
            4 => self.does(|watcher, now| watcher.handle_start(now)),
            5 => {
                let name = (how & 1 == 1).then(|| format!("org.example.{}", how >> 6));
                self.does(|watcher, now| watcher.handle_wish(now, name));
            }
            6 => self.begins_anew(),
            7 => self.notifies(&names(how), &names(how >> 4)),
            8 | 9 => self.updates(how),
            10 => self.asks_for_something(how),
            11..=13 => self.answers(how),
            14 => self.sleep(Duration::from_millis(u64::from(how).pow(2) * 4)),
            _ => {
                let back = Duration::from_millis(u64::from(how) * 100);
                let then = self.now.since_origin().saturating_sub(back);
                self.does(|watcher, _| watcher.handle_timeout(Timestamp::new(then)));
            }
        }
    }

    fn join(&mut self) {
        let mut joined = None;
        let outputs = self.fact(|watcher, now| joined = Some(watcher.handle_join(now)));
        let consumer = joined.expect("one has joined");
        self.holders.push(Holder(consumer, WatcherSupply::Pending));
        self.sees(&outputs);
        // It is given at once what there is.
        self.look(u8::MAX);
    }

    fn leave(&mut self, which: u8) {
        if let Some(at) = self.index(which) {
            let Holder(consumer, _) = self.holders.remove(at);
            self.does(|watcher, now| watcher.handle_leave(now, consumer));
            let watching = matches!(self.watch, Watch::Asked(_));
            assert!(!watching || !self.holders.is_empty(), "for nobody");
        }
    }

    fn look(&mut self, which: u8) {
        let Some(at) = self.index(which) else { return };
        let Holder(consumer, held) = &mut self.holders[at];
        if let Some(given) = self.watcher.poll_supply(consumer) {
            if let (WatcherSupply::Ready(old), WatcherSupply::Ready(new)) = (&*held, &given) {
                assert!(number(old) <= number(new), "older servers after newer ones");
            }
            *held = given;
        }
        assert_eq!(self.watcher.poll_supply(consumer), None, "once");
        assert_eq!(*held, *self.watcher.supply());
    }

    fn begins_anew(&mut self) {
        let outputs = self.asks(CAPABILITIES, &json!({}));
        self.grant = Grant::Asked;
        if self.watch != Watch::No {
            self.watch = Watch::Renewed;
        }
        self.sees(&outputs);
    }

    fn notifies(&mut self, requested: &[&str], approved: &[&str]) {
        let data = json!({ "requested": requested, "approved": approved });
        let outputs = self.asks(NOTIFY, &data);
        assert!(outputs.contains(&WatcherOutput::Negotiated));
        let named = |names: &[&str]| names.iter().any(|name| TurnCapability::is_name(name));
        if named(approved) {
            self.grant = Grant::Granted;
        } else if self.grant == Grant::Asked || named(requested) {
            self.grant = Grant::Refused;
            self.watch = Watch::No;
        }
        self.sees(&outputs);
    }

    fn updates(&mut self, how: u8) {
        self.numbers += 1;
        let number = self.numbers;
        let mut data = json!({ "uris": ["turn:t.example.com"], "username": format!("u{number}"), "password": PASSWORD });
        match how % 8 {
            0 => data["uris"] = json!([]),
            1 => data["uris"] = json!(["bogus:1", 7]),
            2 => data["username"] = json!(""),
            3 => data = json!(null),
            _ => {}
        }
        let outputs = self.asks(UPDATE, &data);
        self.newest = (how % 8 > 3).then_some(number);
        self.sees(&outputs);
    }

    fn asks_for_something(&mut self, how: u8) {
        if how & 1 == 0 {
            let outputs = self.asks(VERSIONS, &json!({}));
            self.sees(&outputs);
            return;
        }
        let request = self.request("theme_change", &json!({ "name": "light" }));
        let outputs = self.hears(&request);
        assert_eq!(outputs, [WatcherOutput::Pass(request.to_string())]);
    }

    /// The host answers one of the last requests, some of them twice.
    fn answers(&mut self, how: u8) {
        let Some(at) = self.asked.len().checked_sub(1 + usize::from(how >> 6)) else {
            return;
        };
        let request = self.asked[at].clone();
        if how & 1 == 0 {
            self.asked.remove(at);
        }
        let error = |status: u16, headers: Value| {
            json!({ "error": { "message": "TURN servers not available", "matrix_api_error": {
                "http_status": status, "http_headers": headers, "url": "", "response": { "errcode": "M_FORBIDDEN", "error": "" },
            } } })
        };
        let versions = &SUPPORTED[..usize::from(how >> 4) % 3];
        let response = match (how >> 1) % 8 {
            0 => json!({ "error": { "message": "Unknown or unsupported from-widget action" } }),
            1 => json!({ "error": { "message": "Missing capability" } }),
            2 => error(503, json!({ "Retry-After": (how >> 4).to_string() })),
            3 => error(403, json!({})),
            4 => json!(null),
            _ => json!({ "supported_versions": versions }),
        };
        self.says(request, response, versions);
    }

    /// Answers a request: if it asked for the versions, with these.
    fn says(&mut self, mut request: Value, response: Value, versions: &[&'static str]) {
        let refused = response.get("error").is_some();
        let action = request["action"].clone();
        request["response"] = response;
        let outputs = self.hears(&request);
        let dropped = WatcherOutput::Dropped(MessageError::Unasked);
        if outputs.contains(&dropped) {
            assert_eq!(outputs, [dropped], "what nobody asked has no effect");
            return;
        }
        if action == VERSIONS && !refused {
            self.versions = versions.to_vec();
        }
        if action == UNWATCH || (action == WATCH && refused) {
            self.watch = Watch::No;
        }
        // A host without MSC2871 tells its decision so.
        if action == WATCH && !refused && self.grant == Grant::Asked {
            self.grant = Grant::Granted;
        }
        self.sees(&outputs);
    }

    /// From now on: it grants what is asked for, and answers at once.
    fn the_host_works(&mut self) {
        self.join();
        let turn = [TurnCapability::UNSTABLE];
        self.notifies(&turn, &turn);
        self.begins_anew();
        self.notifies(&turn, &turn);
        let end = self.now + Duration::from_secs(2 * 3600);
        loop {
            while !self.asked.is_empty() {
                let request = self.asked.remove(0);
                let watch = request["action"] == WATCH;
                let response = json!({ "supported_versions": SUPPORTED });
                self.says(request, response, &SUPPORTED);
                let ended = self.asked.iter().any(|later| later["action"] == UNWATCH);
                if watch && !ended {
                    self.updates(u8::MAX);
                }
            }
            let due = self.watcher.poll_timeout().filter(|due| *due <= end);
            let Some(due) = due else { break };
            self.now = due;
            self.does(|watcher, now| watcher.handle_timeout(now));
        }
        for which in 0..self.holders.len() {
            self.look(u8::try_from(which).expect("so many operations at most"));
            let Holder(_, WatcherSupply::Ready(server)) = &self.holders[which] else {
                panic!("{:?} though all works", self.watcher.supply());
            };
            assert_eq!(Some(number(server)), self.newest, "not the newest");
        }
    }

    fn sleep(&mut self, span: Duration) {
        let end = self.now + span;
        let mut times = 0;
        while let Some(due) = self.watcher.poll_timeout().filter(|due| *due <= end) {
            times += 1;
            self.now = due;
            self.does(|watcher, now| watcher.handle_timeout(now));
        }
        assert!(times <= 3 + span.as_secs() / 5, "a host that is silent");
        self.now = end;
    }

    /// Something happens that tells nothing of the host.
    fn does(&mut self, fact: impl FnOnce(&mut TurnWatcher, Timestamp)) {
        let outputs = self.fact(fact);
        self.sees(&outputs);
    }

    /// The host asks, and gets one answer; what else is said is for [`sees`](Self::sees).
    fn asks(&mut self, action: &str, data: &Value) -> Vec<WatcherOutput> {
        let mut request = self.request(action, data);
        let mut outputs = self.hears(&request);
        let WatcherOutput::ToHost(reply) = outputs.remove(0) else {
            panic!("{action} is answered first of all");
        };
        let mut reply = parsed(&reply);
        let response = std::mem::take(&mut reply["response"]);
        request["response"] = Value::Null;
        assert_eq!(reply, request, "the request as it came");
        assert_eq!(response.get("error"), None);
        outputs
    }

    fn request(&mut self, action: &str, data: &Value) -> Value {
        self.numbers += 1;
        let id = format!("h{}", self.numbers);
        json!({ "api": "toWidget", "widgetId": "w", "requestId": id, "action": action, "data": data })
    }

    fn hears(&mut self, message: &Value) -> Vec<WatcherOutput> {
        let text = message.to_string();
        self.fact(|watcher, now| watcher.handle_message(now, text))
    }

    fn fact(&mut self, fact: impl FnOnce(&mut TurnWatcher, Timestamp)) -> Vec<WatcherOutput> {
        let before = self.watcher.supply().clone();
        fact(&mut self.watcher, self.now);
        let outputs: Vec<_> = std::iter::from_fn(|| self.watcher.poll_output()).collect();
        let changed = outputs.contains(&WatcherOutput::Changed);
        let same = before == *self.watcher.supply();
        assert!(changed || same || self.holders.is_empty(), "nobody is told");
        let due = self.watcher.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now), "a hot loop");
        outputs
    }

    fn sees(&mut self, outputs: &[WatcherOutput]) {
        for output in outputs {
            let WatcherOutput::ToHost(text) = output else {
                continue;
            };
            assert!(!text.contains(PASSWORD));
            let request = parsed(text);
            assert_eq!(request.get("response"), None, "nothing was asked");
            match request["action"].as_str() {
                Some(WATCH) => self.sees_watch(),
                Some(UNWATCH) => self.watch = Watch::No,
                _ => {}
            }
            self.asked.push(request);
        }
        if let WatcherSupply::Ready(server) = self.watcher.supply() {
            assert_eq!(Some(number(server)), self.newest, "not the newest");
        }
        let granted = self.watcher.has_capability(TurnCapability::STABLE);
        assert!(
            !granted || self.grant == Grant::Granted,
            "nobody granted it"
        );
    }

    fn sees_watch(&mut self) {
        let lists = |version| self.versions.contains(&version);
        assert!(!self.holders.is_empty(), "for nobody");
        assert!(lists(TURN), "the host does not say that it can");
        assert!(self.grant == Grant::Granted || (self.grant == Grant::Asked && !lists(NOTIFIES)));
        let over = |since| self.now >= since + PATIENCE;
        assert!(
            !matches!(self.watch, Watch::Asked(since) if !over(since)),
            "a second watch"
        );
        self.watch = Watch::Asked(self.now);
    }

    fn index(&self, which: u8) -> Option<usize> {
        match which {
            u8::MAX => self.holders.len().checked_sub(1),
            _ => usize::from(which).checked_rem(self.holders.len()),
        }
    }
}

fn number(server: &TurnServer) -> u64 {
    server.username()[1..].parse().expect("a number")
}
