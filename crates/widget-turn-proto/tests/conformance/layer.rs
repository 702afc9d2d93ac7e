//! `TurnLayer` over `HandshakeHost`, supplied by a `Refresher`, on a clock that is a variable.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use widget_turn_proto::{
    AskToken, Failure, FetchToken, Fetched, HandshakeHost, LayerConfig, Output, RefreshConfig,
    RefreshOutput, Refresher, Timestamp, TurnCapability, TurnLayer, read_response,
};

use crate::player::{Host, WIDGET_ID};
use crate::script::{Answer, Grant};

/// After this a request to the homeserver is given up, as what fetches must.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Layer {
    now: Timestamp,
    layer: TurnLayer,
    host: HandshakeHost,
    refresher: Refresher,
    to_widget: VecDeque<String>,
    answer: Answer,
    /// The request that the homeserver has not answered yet.
    fetching: Option<(FetchToken, Timestamp)>,
    fetches: usize,
    grant: Grant,
    question: Option<(AskToken, TurnCapability)>,
    /// All that a client could log of what it sees.
    log: String,
}

impl Layer {
    pub(crate) fn new(seed: u64) -> Self {
        let mut config = LayerConfig::new(WIDGET_ID);
        config.seed = seed;
        let refresh = RefreshConfig {
            seed,
            ..RefreshConfig::default()
        };
        Self {
            now: Timestamp::ZERO,
            layer: TurnLayer::new(config),
            host: HandshakeHost::new(WIDGET_ID, seed),
            refresher: Refresher::new(refresh),
            to_widget: VecDeque::new(),
            answer: Answer::Silent,
            fetching: None,
            fetches: 0,
            grant: Grant::Names(Vec::new()),
            question: None,
            log: String::new(),
        }
    }

    /// Carries out all that the machines want.
    fn run(&mut self) {
        loop {
            if let Some(output) = self.layer.poll_output() {
                write!(self.log, "{output:?} {:?}", self.layer).unwrap();
                self.carry_out(output);
            } else if let Some(text) = self.host.poll_output() {
                self.layer.handle_host_message(self.now, text);
            } else if let Some(output) = self.refresher.poll_output() {
                write!(self.log, "{output:?} {:?}", self.refresher).unwrap();
                match output {
                    RefreshOutput::Fetch(token) => {
                        self.fetches += 1;
                        self.fetching = Some((token, self.now + FETCH_PATIENCE));
                    }
                    RefreshOutput::Publish(supply) => self.layer.handle_supply(self.now, supply),
                    _ => {}
                }
            } else if !self.decide() && !self.fetch() {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::ToWidget(text) => self.to_widget.push_back(text),
            Output::ToHost(text) => {
                // What it drops is a log line.
                let dropped = self.host.handle_message(self.now, text);
                write!(self.log, "{dropped:?}").unwrap();
            }
            Output::Ask(token, capability) => self.question = Some((token, capability)),
            Output::Withdraw(_) => self.question = None,
            Output::Watch => {
                self.refresher.handle_watch(self.now);
                let supply = self.refresher.supply().clone();
                self.layer.handle_supply(self.now, supply);
            }
            Output::Unwatch => self.refresher.handle_unwatch(self.now),
            _ => {}
        }
    }

    fn decide(&mut self) -> bool {
        let Grant::Names(granted) = &self.grant else {
            return false;
        };
        let Some((token, capability)) = self.question.take() else {
            return false;
        };
        let granted = capability
            .names()
            .any(|name| granted.iter().any(|granted| granted == name));
        self.layer.handle_decision(self.now, &token, granted);
        true
    }

    fn fetch(&mut self) -> bool {
        let fetched = match &self.answer {
            Answer::Http { status, body } => {
                let text = match body {
                    Value::String(text) => text.clone(),
                    body => body.to_string(),
                };
                read_response(*status, None, text.as_bytes())
            }
            Answer::Silent
                if self
                    .fetching
                    .as_ref()
                    .is_some_and(|(_, until)| *until <= self.now) =>
            {
                Fetched::Failed(Failure::default())
            }
            Answer::Silent => return false,
        };
        let Some((token, _)) = self.fetching.take() else {
            return false;
        };
        self.refresher.handle_fetched(self.now, &token, fetched);
        true
    }

    fn due(&self) -> Option<Timestamp> {
        let machines = [
            self.layer.poll_timeout(),
            self.host.poll_timeout(),
            self.refresher.poll_timeout(),
        ];
        let given_up = self.fetching.as_ref().map(|(_, until)| *until);
        machines.into_iter().flatten().chain(given_up).min()
    }
}

impl Host for Layer {
    fn hand_in(&mut self, text: &str) {
        self.layer.handle_widget_message(self.now, text.to_owned());
        self.run();
    }

    fn page_loads(&mut self) {
        self.layer.handle_page_load(self.now);
        self.run();
        self.host.handle_page_load(self.now);
        self.run();
    }

    fn page_closes(&mut self) {
        unreachable!("scripts that need it are not played");
    }

    fn grant(&mut self, grant: &Grant) {
        self.grant = grant.clone();
        self.run();
    }

    fn source(&mut self, answer: &Answer) {
        self.answer = answer.clone();
        self.run();
    }

    fn asked(&self) -> usize {
        self.fetches
    }

    fn log(&self) -> String {
        self.log.clone()
    }

    fn next(&mut self, within: Duration) -> Option<String> {
        let end = self.now + within;
        loop {
            if let Some(text) = self.to_widget.pop_front() {
                return Some(text);
            }
            let Some(due) = self.due().filter(|due| *due <= end) else {
                self.now = end;
                return None;
            };
            self.now = self.now.max(due);
            self.layer.handle_timeout(self.now);
            self.host.handle_timeout(self.now);
            self.refresher.handle_timeout(self.now);
            self.run();
            let is_over = self.due().is_none_or(|next| next > self.now);
            assert!(is_over, "what was due at {due:?} still is");
        }
    }

    fn now(&self) -> Duration {
        self.now.since_origin()
    }
}
