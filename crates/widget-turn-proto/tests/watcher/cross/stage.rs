//! Both sides and all around them.

use std::time::Duration;

use widget_turn_proto::{
    AskToken, Consumer, FetchToken, HandshakeHost, LayerConfig, Output, RefreshConfig,
    RefreshOutput, Refresher, Supply, Timestamp, TurnLayer, TurnWatcher, WatchRefusal,
    WatcherConfig, WatcherOutput, WatcherSupply, read_response,
};

use super::wire::Wire;
use crate::harness::parsed;

/// What the homeserver does with a request.
#[derive(Clone, Copy)]
pub(super) enum Homeserver {
    Works,
    Fails(u16),
    HasNone,
}

/// Credentials live for so long, in seconds.
const TTL: u64 = 3600;

struct Holder {
    consumer: Consumer,
    /// What it was given last.
    holds: Option<WatcherSupply>,
    /// The number of the newest credentials it was given.
    newest: u64,
}

pub(super) struct Stage {
    watcher: TurnWatcher,
    layer: TurnLayer,
    host: HandshakeHost,
    refresher: Refresher,
    pub(super) homeserver: Homeserver,
    wire: Wire,
    now: Timestamp,
    seed: u64,
    holders: Vec<Holder>,
    fetch: Option<FetchToken>,
    fetches: u64,
    /// When the credentials of this number expire is `expiries[number - 1]`.
    expiries: Vec<Timestamp>,
    ask: Option<AskToken>,
    decision: Option<bool>,
    /// The layer watches the feed.
    fed: bool,
}

impl Stage {
    pub(super) fn new(seed: u64) -> Self {
        let mut config = LayerConfig::new("w");
        config.seed = seed;
        let refresh = RefreshConfig {
            seed,
            ..RefreshConfig::default()
        };
        let mut stage = Self {
            watcher: watcher(seed),
            layer: TurnLayer::new(config),
            host: HandshakeHost::new("w", seed),
            refresher: Refresher::new(refresh),
            homeserver: Homeserver::Works,
            wire: Wire::default(),
            now: Timestamp::from_secs(1),
            seed,
            holders: Vec::new(),
            fetch: None,
            fetches: 0,
            expiries: Vec::new(),
            ask: None,
            decision: None,
            fed: false,
        };
        stage.page_begins(true);
        stage
    }

    /// The page runs its script, and the client sees its load event; some clients see none.
    fn page_begins(&mut self, seen: bool) {
        self.watcher.handle_start(self.now);
        if seen {
            self.layer.handle_page_load(self.now);
            self.run();
            self.host.handle_page_load(self.now);
        }
        self.run();
    }

    pub(super) fn reload(&mut self, lost: bool, seen: bool) {
        self.seed = self.seed.wrapping_add(1);
        self.watcher = watcher(self.seed);
        self.wire.reload(lost);
        self.holders.clear();
        self.page_begins(seen);
    }

    pub(super) fn join(&mut self) {
        let consumer = self.watcher.handle_join(self.now);
        self.holders.push(Holder {
            consumer,
            holds: None,
            newest: 0,
        });
        // A new one gets at once what there is.
        self.look(self.holders.len() as u64 - 1);
        let held = self.holders.last().and_then(|holder| holder.holds.clone());
        assert_eq!(held.unwrap_or_default(), *self.watcher.supply());
        self.run();
    }

    pub(super) fn leave(&mut self, which: u64) {
        if let Some(at) = self.index(which) {
            let holder = self.holders.remove(at);
            self.watcher.handle_leave(self.now, holder.consumer);
            self.run();
        }
    }

    pub(super) fn everybody_leaves(&mut self) {
        while !self.holders.is_empty() {
            self.leave(0);
        }
    }

    /// A consumer looks for what is new.
    pub(super) fn look(&mut self, which: u64) {
        let Some(at) = self.index(which) else { return };
        let holder = &mut self.holders[at];
        if let Some(given) = self.watcher.poll_supply(&holder.consumer) {
            if let WatcherSupply::Ready(server) = &given {
                let number = server.username()[1..].parse().expect("a number");
                assert!(number >= holder.newest, "older servers after newer ones");
                holder.newest = number;
            }
            holder.holds = Some(given);
        }
        assert_eq!(self.watcher.poll_supply(&self.holders[at].consumer), None);
    }

    pub(super) fn wish(&mut self) {
        self.watcher.handle_wish(self.now, []);
        self.run();
    }

    pub(super) fn decide(&mut self, granted: bool) {
        if let Some(token) = self.ask.take() {
            self.layer.handle_decision(self.now, &token, granted);
            self.run();
        }
    }

    pub(super) fn decide_from_now_on(&mut self, granted: bool) {
        self.decision = Some(granted);
        self.decide(granted);
    }

    pub(super) fn homeserver_answers(&mut self) {
        let Some(token) = self.fetch.take() else {
            return;
        };
        let body = format!(
            r#"{{"username":"u{}","password":"p","uris":["turn:t.example.com"],"ttl":{TTL}}}"#,
            self.fetches + 1
        );
        let fetched = match self.homeserver {
            Homeserver::Works => {
                self.fetches += 1;
                self.expiries.push(self.now + Duration::from_secs(TTL));
                read_response(200, None, body.as_bytes())
            }
            Homeserver::Fails(status) => read_response(status, None, b"{}"),
            Homeserver::HasNone => read_response(200, None, b"{}"),
        };
        self.refresher.handle_fetched(self.now, &token, fetched);
        self.run();
    }

    pub(super) fn deliver_to_widget(&mut self) {
        let Some(text) = self.wire.at_widget() else {
            return;
        };
        let message = parsed(&text);
        let asks = message["api"] == "toWidget";
        let before = self.wire.to_host.len();
        self.watcher.handle_message(self.now, text);
        self.run_watcher();
        let replies = self.wire.to_host.iter().skip(before).filter(|text| {
            let said = parsed(text);
            said["api"] == "toWidget" && said["requestId"] == message["requestId"]
        });
        assert_eq!(
            replies.count(),
            usize::from(asks),
            "each request gets one answer"
        );
    }

    pub(super) fn deliver_to_host(&mut self) {
        if let Some(text) = self.wire.at_host() {
            self.layer.handle_widget_message(self.now, text);
            self.run();
        }
    }

    /// So many milliseconds pass, in which messages may stay under way.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
        self.timeouts();
    }

    /// Everything under way arrives, whatever is due happens, and so many milliseconds pass.
    pub(super) fn settle(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        loop {
            while !self.wire.to_widget.is_empty()
                || !self.wire.to_host.is_empty()
                || self.fetch.is_some()
            {
                self.deliver_to_widget();
                self.deliver_to_host();
                self.homeserver_answers();
            }
            let due = self.due().filter(|due| *due <= end);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            self.timeouts();
            assert!(
                self.due().is_none_or(|next| next > self.now),
                "due in the past"
            );
        }
        self.now = end;
    }

    fn due(&self) -> Option<Timestamp> {
        let dues = [
            self.watcher.poll_timeout(),
            self.layer.poll_timeout(),
            self.host.poll_timeout(),
            self.refresher.poll_timeout(),
        ];
        dues.into_iter().flatten().min()
    }

    fn timeouts(&mut self) {
        self.watcher.handle_timeout(self.now);
        self.layer.handle_timeout(self.now);
        self.host.handle_timeout(self.now);
        self.refresher.handle_timeout(self.now);
        self.run();
    }

    fn run_watcher(&mut self) {
        while let Some(output) = self.watcher.poll_output() {
            if let WatcherOutput::ToHost(text) = output {
                self.wire.widget_says(text, self.holders.len());
            }
        }
    }

    /// Does all that the machines want done, but for what takes time.
    fn run(&mut self) {
        self.run_watcher();
        loop {
            if let Some(output) = self.layer.poll_output() {
                self.run_layer(output);
            } else if let Some(text) = self.host.poll_output() {
                self.layer.handle_host_message(self.now, text);
            } else if let Some(output) = self.refresher.poll_output() {
                match output {
                    RefreshOutput::Fetch(token) => self.fetch = Some(token),
                    RefreshOutput::Publish(supply) if self.fed => {
                        self.layer.handle_supply(self.now, supply);
                    }
                    _ => {}
                }
            } else {
                return;
            }
        }
    }

    fn run_layer(&mut self, output: Output) {
        match output {
            Output::ToWidget(text) => self.wire.host_says(text),
            // A message that it drops is only a log line.
            Output::ToHost(text) => drop(self.host.handle_message(self.now, text)),
            Output::Ask(token, _) => match self.decision {
                Some(granted) => self.layer.handle_decision(self.now, &token, granted),
                None => self.ask = Some(token),
            },
            Output::Withdraw(_) => self.ask = None,
            Output::Watch => {
                self.fed = true;
                self.refresher.handle_watch(self.now);
                self.layer
                    .handle_supply(self.now, self.refresher.supply().clone());
            }
            Output::Unwatch => {
                self.fed = false;
                self.refresher.handle_unwatch(self.now);
            }
            _ => {}
        }
    }

    fn index(&self, which: u64) -> Option<usize> {
        let which = usize::try_from(which).expect("small");
        (!self.holders.is_empty()).then(|| which % self.holders.len())
    }

    /// When all has come to rest while the homeserver works.
    pub(super) fn all_is_as_it_should_be(&mut self) {
        self.wire.nothing_is_owed();
        if self.holders.is_empty() {
            assert!(!self.fed, "the host watches for nobody");
            assert_eq!(self.refresher.poll_timeout(), None);
            assert_eq!(self.watcher.poll_timeout(), None);
            return;
        }
        match self.watcher.supply() {
            WatcherSupply::Ready(_)
                if self.fed && matches!(self.refresher.supply(), Supply::Ready { .. }) =>
            {
                self.everybody_has_the_newest();
            }
            // A host does not tell that it was refused in the midst of a watch; and what was on its way to the page
            // before a reload may have reached this one, about which nobody has decided yet.
            WatcherSupply::Ready(_) => assert!(self.fed || self.ask.is_some()),
            // A refusal that lasts stays until somebody asks anew.
            WatcherSupply::Unavailable(WatchRefusal::Homeserver(_) | WatchRefusal::NotGranted) => {
                assert!(!self.fed);
            }
            // Nobody has decided yet.
            WatcherSupply::Pending => assert!(self.ask.is_some()),
            other => panic!("{other:?} though all works"),
        }
    }

    pub(super) fn everybody_has_the_newest(&mut self) {
        let Supply::Ready { server, .. } = self.refresher.supply() else {
            panic!("the homeserver works and somebody watches");
        };
        let newest = WatcherSupply::Ready(server.clone());
        for which in 0..self.holders.len() {
            self.look(which as u64);
            assert_eq!(self.holders[which].holds.as_ref(), Some(&newest));
        }
    }

    /// What the watcher has for its consumers is valid at this moment.
    pub(super) fn holds_unexpired(&self) {
        let WatcherSupply::Ready(server) = self.watcher.supply() else {
            panic!("the homeserver works");
        };
        let number: usize = server.username()[1..].parse().expect("a number");
        assert!(self.expiries[number - 1] > self.now);
    }

    pub(super) fn fetches(&self) -> u64 {
        self.fetches
    }

    pub(super) fn said(mut self) -> Vec<String> {
        std::mem::take(&mut self.wire.said)
    }
}

fn watcher(seed: u64) -> TurnWatcher {
    let mut config = WatcherConfig::new("w");
    config.seed = seed;
    TurnWatcher::new(config)
}
