//! One widget with its layer, the host behind it, and the eye that watches over the layer.

use std::time::Duration;

use serde_json::{Value, json};
use widget_turn_proto::{
    AskToken, HandshakeHost, LayerConfig, OutagePolicy, Output, Supply, Timestamp, TurnCapability,
    TurnLayer,
};

use crate::account::Account;
use crate::clock::Machine;
use crate::page::{Manners, UNSTABLE, any_request, from_widget, nonsense, reply, to_widget};
use crate::random::Random;
use crate::tally::Tally;
use crate::watchman::{RENEGOTIATE, UPDATE, WATCH, Watchman};

/// So many of the last requests can still be answered a second time.
const REMEMBERED: usize = 16;
/// What one fact makes a layer say at most.
const MOST_OUTPUTS: usize = 64;
/// So many requests of one kind come at once, when they do.
const FLOOD: usize = 100;

pub(crate) struct Widget {
    pub(crate) manners: Manners,
    /// Which of the accounts it is for.
    pub(crate) account: usize,
    /// Counts the pages and the widgets: what was meant for another one is not done.
    pub(crate) page: u64,
    layer: TurnLayer,
    /// `None`: a host that says anything at any time.
    inner: Option<HandshakeHost>,
    eye: Watchman,
    /// The timer is late: it does not fire before this.
    not_before: Timestamp,
    /// What was published when the layer was told last.
    edition: usize,
    numbers: u64,
    tokens: Vec<AskToken>,
    for_widget: Vec<String>,
    for_host: Vec<String>,
    /// The user name of the last credentials that this page got.
    holds: Option<String>,
    /// The last notification said that it may have TURN.
    approved: bool,
}

/// What the world must see to.
pub(crate) enum Deed {
    Asks(AskToken),
    /// The page got a message.
    Said(String, Value),
}

/// What a widget's driver has at hand.
pub(crate) struct Around<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) account: &'a mut Account,
    pub(crate) up: bool,
    pub(crate) tally: &'a mut Tally,
    pub(crate) deeds: &'a mut Vec<Deed>,
}

impl Widget {
    pub(crate) fn new(random: &mut Random, account: usize, page: u64, manners: Manners) -> Self {
        let mut config = LayerConfig::new("w");
        config.seed = random.below(3);
        if random.below(2) == 0 {
            config.outage = OutagePolicy::SendEmptyList;
        }
        let bare = manners.is_prompt() || random.below(2) == 0;
        Self {
            manners,
            account,
            page,
            eye: Watchman::new(config.outage),
            layer: TurnLayer::new(config),
            inner: bare.then(|| HandshakeHost::new("w", 7)),
            not_before: Timestamp::ZERO,
            edition: 0,
            numbers: 0,
            tokens: Vec::new(),
            for_widget: Vec::new(),
            for_host: Vec::new(),
            holds: None,
            approved: false,
        }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        let host = self.inner.as_ref().and_then(HandshakeHost::poll_timeout);
        let due = self.layer.poll_timeout().into_iter().chain(host).min()?;
        Some(due.max(self.not_before))
    }

    /// The timer is called up to half a second late, and sometimes for nothing.
    pub(crate) fn timer(&mut self, random: &mut Random, around: &mut Around<'_>) {
        let now = around.machine.awake;
        if self.not_before < now && random.below(4) == 0 {
            self.not_before = now + random.span(0.001, 0.5);
            return;
        }
        self.time(around);
    }

    /// What is due comes before what is new, so that the eye need not guess which it was.
    fn time(&mut self, around: &mut Around<'_>) {
        self.layer.handle_timeout(around.machine.awake);
        self.look(around);
        if let Some(host) = &mut self.inner {
            host.handle_timeout(around.machine.awake);
        }
        self.look(around);
    }

    pub(crate) fn says(&mut self, text: String, around: &mut Around<'_>) {
        self.time(around);
        let now = around.machine.awake;
        self.eye.widget_says(&text, now);
        self.layer.handle_widget_message(now, text);
        self.look(around);
    }

    pub(crate) fn asks(&mut self, action: &str, around: &mut Around<'_>) {
        let id = self.fresh("w");
        self.says(from_widget(&id, action, &json!({})), around);
    }

    pub(crate) fn answers(
        &mut self,
        request: &str,
        random: &mut Random,
        action: &str,
        around: &mut Around<'_>,
    ) {
        self.says(
            reply(request, self.manners.response(random, action)),
            around,
        );
    }

    fn host_says(&mut self, text: String, around: &mut Around<'_>) {
        self.time(around);
        self.eye.host_says(&text);
        self.layer.handle_host_message(around.machine.awake, text);
        self.look(around);
    }

    pub(crate) fn decided(&mut self, token: &AskToken, granted: bool, around: &mut Around<'_>) {
        self.time(around);
        self.eye.decided(token, granted);
        self.approved = false;
        if granted {
            around.account.prefetch(around.machine, around.up);
        }
        self.layer
            .handle_decision(around.machine.awake, token, granted);
        self.look(around);
        if self.manners.is_prompt() {
            assert!(self.approved, "h3: granted, and the page is not told");
        }
    }

    pub(crate) fn loads(&mut self, around: &mut Around<'_>) {
        self.time(around);
        self.holds = None;
        self.eye.page_loads();
        self.layer.handle_page_load(around.machine.awake);
        self.look(around);
        if let Some(host) = &mut self.inner {
            host.handle_page_load(around.machine.awake);
        }
        self.look(around);
    }

    /// What is new in its account's feed.
    pub(crate) fn hears_of_feed(&mut self, around: &mut Around<'_>) {
        if !self.eye.is_supplied() || self.edition == around.account.edition() {
            return;
        }
        self.time(around);
        if self.eye.is_supplied() {
            self.supplied(around);
            self.look(around);
        }
    }

    /// The driver goes away, as it does when a client closes the widget.
    pub(crate) fn close(self, around: &mut Around<'_>) -> TurnLayer {
        around.tally.count("closed");
        if self.eye.is_supplied() {
            around.tally.count("closed while watching");
            around.account.unwatch(around.machine, around.up);
        }
        self.layer
    }

    /// Whatever comes to the mind of a page or host that does not behave.
    pub(crate) fn acts(&mut self, random: &mut Random, around: &mut Around<'_>) {
        match random.below(40) {
            0..16 => {
                let id = self.fresh("w");
                if let Some(text) = any_request(random, &id) {
                    self.says(text, around);
                }
            }
            16..24 if !self.for_widget.is_empty() => {
                let at = random.index(self.for_widget.len());
                let request = self.for_widget[at].clone();
                let action = parsed(&request)["action"].as_str().map(str::to_owned);
                self.answers(&request, random, &action.unwrap_or_default(), around);
            }
            24..34 if self.inner.is_none() => self.host_acts(random, around),
            34..36 if !self.tokens.is_empty() => {
                let token = self.tokens[random.index(self.tokens.len())].clone();
                self.decided(&token, random.below(4) > 0, around);
            }
            36 => match random.below(16) {
                0 => self.floods(random, around),
                _ => self.loads(around),
            },
            37 => {
                let text = nonsense(random);
                self.says(text, around);
            }
            38 if self.inner.is_none() => {
                // An inner host is not suspected of TURN.
                let text = nonsense(random).replace("_turn_servers", "_x");
                self.host_says(text.replace("nul}", "null}"), around);
            }
            _ => self.clock_goes_back(random, around),
        }
    }

    /// More of one kind at once than is kept (rule C9).
    fn floods(&mut self, random: &mut Random, around: &mut Around<'_>) {
        let action = random.pick(&[WATCH, RENEGOTIATE, "capabilities"]);
        for _ in 0..FLOOD {
            if action == "capabilities" {
                if self.inner.is_none() {
                    let id = self.fresh("h");
                    self.host_says(to_widget(&id, action, &json!({})), around);
                }
                continue;
            }
            let id = self.fresh("w");
            let name = format!("{id}{}", "x".repeat(4000));
            let data = json!({ "capabilities": [UNSTABLE, name] });
            self.says(from_widget(&id, action, &data), around);
        }
    }

    fn host_acts(&mut self, random: &mut Random, around: &mut Around<'_>) {
        let id = self.fresh("h");
        let text = match random.below(7) {
            0..3 => to_widget(&id, "capabilities", &json!({})),
            3 => {
                let told = json!({ "requested": ["a"], "approved": ["a"] });
                to_widget(&id, "notify_capabilities", &told)
            }
            4 => to_widget(&id, "send_event", &json!({ "x": 1.0 })),
            _ => {
                let Some(asked) = self.for_host.pop() else {
                    return;
                };
                let response = match random.below(3) {
                    0 => json!({}),
                    _ => json!({ "error": { "message": "unknown variant" } }),
                };
                reply(&asked, response)
            }
        };
        self.host_says(text, around);
    }

    /// A caller whose clock goes back: the layer takes it to stand still.
    fn clock_goes_back(&mut self, random: &mut Random, around: &mut Around<'_>) {
        self.time(around);
        let now = around.machine.awake;
        let back = Duration::from_millis(random.below(5_000));
        let then = Timestamp::new(now.since_origin().saturating_sub(back));
        self.layer.handle_timeout(then);
        self.look(around);
        let id = self.fresh("w");
        let text = from_widget(&id, WATCH, &json!({}));
        self.eye.widget_says(&text, now);
        self.layer.handle_widget_message(then, text);
        self.look(around);
    }

    /// C3 and W7, for a page that behaves: what the feed has, it has.
    pub(crate) fn holds_what_the_feed_has(&self, account: &Account) {
        let Supply::Ready { server, .. } = account.supply() else {
            return;
        };
        if self.manners.is_prompt() && self.eye.is_settled() && account.is_ready() {
            assert_eq!(self.holds.as_deref(), Some(server.username()), "c3");
        }
    }

    /// W1: when nothing more happens, every request has been answered.
    pub(crate) fn comes_to_rest(&mut self, around: &mut Around<'_>) {
        self.time(around);
        self.eye.nothing_is_owed();
    }

    fn supplied(&mut self, around: &mut Around<'_>) {
        self.edition = around.account.edition();
        let supply = around.account.supply().clone();
        self.eye.supplied(&supply);
        self.layer.handle_supply(around.machine.awake, supply);
    }

    /// Does what the layer wants done, and lets the eye judge it.
    fn look(&mut self, around: &mut Around<'_>) {
        let now = around.machine.awake;
        let mut outputs = 0;
        loop {
            while let Some(output) = self.layer.poll_output() {
                outputs += 1;
                self.sees(output, around);
            }
            let Some(text) = self.inner.as_mut().and_then(HandshakeHost::poll_output) else {
                break;
            };
            self.eye.host_says(&text);
            self.layer.handle_host_message(now, text);
        }
        assert!(outputs <= MOST_OUTPUTS, "c9: {outputs} outputs at once");
        // Facts that come with an earlier time do not turn the layer's clock back.
        self.eye.rests(self.layer.poll_timeout(), now);
    }

    fn sees(&mut self, output: Output, around: &mut Around<'_>) {
        let now = around.machine.awake;
        let message = match &output {
            Output::ToWidget(text) | Output::ToHost(text) => parsed(text),
            _ => Value::Null,
        };
        self.eye.sees(&output, &message, now);
        match output {
            Output::ToWidget(text) => {
                if message.get("response").is_none() {
                    remember(&mut self.for_widget, text.clone());
                }
                let names = message["data"]["approved"].as_array();
                let mut names = names.into_iter().flatten().filter_map(Value::as_str);
                self.approved |= names.any(TurnCapability::is_name);
                if message["action"] == UPDATE {
                    around.tally.count("updates");
                    self.holds = message["data"]["username"].as_str().map(str::to_owned);
                }
                around.deeds.push(Deed::Said(text, message));
            }
            Output::ToHost(text) => match &mut self.inner {
                // What it drops is a log line.
                Some(host) => drop(host.handle_message(now, text)),
                None if message["action"] == RENEGOTIATE => remember(&mut self.for_host, text),
                None => {}
            },
            Output::Ask(token, _) => {
                remember(&mut self.tokens, token.clone());
                around.deeds.push(Deed::Asks(token));
            }
            Output::Watch => {
                around.account.watch(around.machine, around.up);
                self.supplied(around);
            }
            Output::Unwatch => around.account.unwatch(around.machine, around.up),
            _ => {}
        }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.numbers += 1;
        format!("{prefix}{}", self.numbers)
    }
}

fn remember<T>(list: &mut Vec<T>, what: T) {
    if list.len() == REMEMBERED {
        list.remove(0);
    }
    list.push(what);
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("messages are JSON")
}
