//! A host that does anything in any order: answers or not, twice, with errors, begins anew, takes back what it granted,
//! sends nonsense. Whatever it did, it is served well as soon as it behaves.

use serde_json::{Value, json};
use widget_turn_proto::{Consumer, WatcherSupply};

use crate::cross::{Random, Seed};
use crate::harness::{
    NOTIFY, SUPPORTED, Scene, UNSTABLE, UNWATCH, UPDATE, VERSIONS, WATCH, api_error, data, error,
    server,
};

struct Erratic {
    scene: Scene,
    random: Random,
    consumers: Vec<Consumer>,
    /// The host takes itself for watching.
    watches: bool,
    /// The widget has asked it to, and has not been refused since.
    asked: bool,
    /// The host has said once that it can; and that it grants it, or that it cannot tell.
    can: bool,
    may: bool,
    answered: Option<Value>,
    updates: u64,
}

impl Erratic {
    fn new(seed: u64) -> Self {
        let mut scene = Scene::new();
        scene.start();
        scene.forget();
        Self {
            scene,
            random: Random::new(seed),
            consumers: Vec::new(),
            watches: false,
            asked: false,
            can: false,
            may: false,
            answered: None,
            updates: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..18 => self.join(),
            18..34 => self.leave(),
            34..54 => self.answer(),
            54..58 => drop(self.take_asked()),
            58..60 => {
                if let Some(again) = self.answered.clone() {
                    self.scene.host(&again.to_string());
                }
            }
            60..72 => self.update(),
            72..75 => {
                let nothing = [
                    json!({ "uris": [] }),
                    json!("nonsense"),
                    json!({ "uris": ["x"] }),
                ];
                let nothing = &nothing[self.random.below(3) as usize];
                self.watches = true;
                self.ask(UPDATE, nothing);
            }
            75..79 => self.begin_anew(),
            79..84 => self.notify(true),
            84..86 => self.notify(false),
            86..88 => {
                let other = json!({ "api": "toWidget", "widgetId": "v", "requestId": "1", "action": UPDATE, "data": data("other") });
                self.scene.host(&other.to_string());
                assert!(self.scene.story()[0].starts_with("Dropped"));
            }
            _ => {
                let seconds = self.random.below(100);
                self.scene.run(seconds);
            }
        }
        self.check();
    }

    fn join(&mut self) {
        if self.consumers.len() < 4 {
            let consumer = self.scene.join();
            let given = self.scene.watcher.poll_supply(&consumer);
            assert_eq!(given.unwrap_or_default(), *self.scene.watcher.supply());
            self.consumers.push(consumer);
        }
    }

    fn leave(&mut self) {
        if !self.consumers.is_empty() {
            let at = self.random.below(self.consumers.len() as u64) as usize;
            let consumer = self.consumers.remove(at);
            self.scene.leave(consumer);
        }
    }

    fn take_asked(&mut self) -> Option<Value> {
        let many = self.scene.asked.len() as u64;
        (many > 0).then(|| {
            let at = self.random.below(many) as usize;
            self.scene.asked.remove(at)
        })
    }

    fn answer(&mut self) {
        let Some(request) = self.take_asked() else {
            return;
        };
        let action = request["action"].as_str().unwrap_or_default().to_owned();
        let which = self.random.below(10);
        let response = match (&*action, which) {
            (VERSIONS, 0) => json!({ "supported_versions": ["0.0.2"] }),
            (VERSIONS, 1..4) => json!({ "supported_versions": ["town.robin.msc3846"] }),
            (VERSIONS, 5..) => json!({ "supported_versions": SUPPORTED }),
            (WATCH, 0..2) => error("TURN servers not available"),
            (WATCH, 2) => error("Missing capability"),
            (WATCH, 3) => api_error(403, &json!({}), "M_FORBIDDEN"),
            (_, 4) => error("no"),
            _ => json!({}),
        };
        self.reply(request, response);
    }

    fn reply(&mut self, mut request: Value, response: Value) {
        let fine = response.get("error").is_none();
        match request["action"].as_str().unwrap_or_default() {
            WATCH => {
                self.watches |= fine;
                self.asked &= fine;
            }
            UNWATCH => self.watches = false,
            VERSIONS if fine => {
                let said = response.to_string();
                self.can |= said.contains("msc3846");
                self.may |= !said.contains("msc2871");
            }
            _ => {}
        }
        request["response"] = response;
        self.scene.host(&request.to_string());
        self.answered = Some(request);
    }

    fn update(&mut self) {
        self.updates += 1;
        self.watches = true;
        let name = format!("u{}", self.updates);
        self.ask(UPDATE, &data(&name));
    }

    fn begin_anew(&mut self) {
        self.watches = false;
        self.ask("capabilities", &json!({}));
    }

    fn notify(&mut self, granted: bool) {
        self.may |= granted;
        self.watches &= granted;
        self.asked &= granted;
        let approved: &[&str] = if granted { &[UNSTABLE] } else { &[] };
        self.ask(
            NOTIFY,
            &json!({ "requested": [UNSTABLE], "approved": approved }),
        );
    }

    /// What the host asks is answered at once, and once.
    fn ask(&mut self, action: &str, data: &Value) {
        self.check();
        self.scene.host_asks(action, data);
        let story = self.scene.story();
        let reply = format!(">{action} ");
        let replies = story.iter().filter(|line| line.starts_with(&reply));
        assert_eq!(replies.count(), 1, "{story:?}");
        self.hear(&story);
    }

    fn check(&mut self) {
        let story = self.scene.story();
        self.hear(&story);
        let waits = self.scene.watcher.poll_timeout();
        assert!(
            waits.is_none_or(|due| due > self.scene.now),
            "due in the past"
        );
    }

    fn hear(&mut self, story: &[String]) {
        for line in story {
            match line.as_str() {
                ">watch_turn_servers" => {
                    assert!(self.can && self.may, "asked too early: {story:?}");
                    assert!(!self.consumers.is_empty(), "for nobody: {story:?}");
                    self.asked = true;
                }
                ">unwatch_turn_servers" => self.asked = false,
                _ => {}
            }
        }
        assert!(
            !self.asked || !self.consumers.is_empty(),
            "nobody is left, and the host was not told"
        );
    }

    /// From now on the host answers everything at once, and does what it says.
    fn behave(&mut self, seconds: u64) {
        let end = self.scene.now.since_origin().as_secs() + seconds;
        loop {
            while !self.scene.asked.is_empty() {
                let request = self.scene.asked.remove(0);
                let watch = request["action"] == WATCH;
                let response = if request["action"] == VERSIONS {
                    json!({ "supported_versions": SUPPORTED })
                } else {
                    json!({})
                };
                self.reply(request, response);
                if watch {
                    self.ask(UPDATE, &data("now"));
                }
                self.check();
            }
            if self.scene.now.since_origin().as_secs() >= end {
                return;
            }
            self.scene.run(10);
            self.check();
        }
    }

    fn everybody_has(&mut self, name: &str) {
        let expected = WatcherSupply::Ready(server(name));
        assert_eq!(*self.scene.watcher.supply(), expected);
        for consumer in &self.consumers {
            let news = self.scene.watcher.poll_supply(consumer);
            assert!(news.is_none_or(|news| news == expected));
        }
    }
}

fn after_a_walk(seed: u64) -> Erratic {
    let mut erratic = Erratic::new(seed);
    for _ in 0..120 {
        erratic.step();
    }
    erratic
}

#[test]
fn whatever_a_host_did_it_serves_everybody_once_it_begins_anew_and_behaves() {
    for seed in 0..200 {
        let _told = Seed(seed);
        let mut host = after_a_walk(seed);
        host.join();
        host.begin_anew();
        host.notify(true);
        host.behave(3600);
        host.everybody_has("now");
        host.ask(UPDATE, &data("new"));
        host.everybody_has("new");
        while !host.consumers.is_empty() {
            host.leave();
            host.check();
        }
        host.behave(60);
        assert!(!host.watches, "nobody is there");
        assert_eq!(host.scene.watcher.poll_timeout(), None);
        host.join();
        host.behave(60);
        host.everybody_has("now");
    }
}

#[test]
fn whatever_a_host_did_it_serves_those_whom_it_granted_it_once_it_behaves() {
    let mut granted = 0;
    for seed in 0..200 {
        let _told = Seed(seed);
        let mut host = after_a_walk(seed);
        host.join();
        host.behave(4 * 3600);
        let lasting = matches!(host.scene.watcher.supply(), WatcherSupply::Unavailable(_));
        if lasting || !host.scene.watcher.has_capability(UNSTABLE) {
            continue;
        }
        granted += 1;
        assert!(host.watches, "it was not asked");
        host.update();
        let newest = format!("u{}", host.updates);
        host.everybody_has(&newest);
    }
    assert!(granted > 50, "{granted} came to the point");
}

#[test]
fn a_host_that_is_silent_is_not_asked_often() {
    for seed in 0..100 {
        let _told = Seed(seed);
        let mut host = after_a_walk(seed);
        host.join();
        host.check();
        host.scene.run(24 * 3600);
        let asked = host.scene.story();
        let asked = asked.iter().filter(|line| line.starts_with('>')).count();
        assert!(asked < 24 * 60, "{asked} messages in a day");
    }
}
