//! Knows from what goes in and out alone whether the layer keeps the rules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;
use widget_turn_proto::{AskToken, OutagePolicy, Output, Supply, Timestamp, TurnCapability};

pub(crate) const WATCH: &str = "watch_turn_servers";
pub(crate) const UNWATCH: &str = "unwatch_turn_servers";
pub(crate) const UPDATE: &str = "update_turn_servers";
pub(crate) const RENEGOTIATE: &str = "org.matrix.msc2974.request_capabilities";
/// The password of all credentials here.
pub(crate) const PASSWORD: &str = "secret";

/// A request that the layer owns is answered by then (W1); the timer may be late by a part of it.
const PATIENCE: Duration = Duration::from_secs(3);
const UPDATE_PATIENCE: Duration = Duration::from_secs(10);
/// So many open questions are remembered (C9).
const MAX_OUTSTANDING: usize = 16;

/// Where the page stands with its wish, as it shows from outside.
#[derive(PartialEq)]
enum Grant {
    None,
    Asked(AskToken),
    Granted,
}

struct Flight {
    id: String,
    name: String,
    since: Timestamp,
    /// The widget has asked to watch since (W5, W7).
    wanted_again: bool,
}

pub(crate) struct Watchman {
    outage: OutagePolicy,
    grant: Grant,
    /// The requests that the layer is to answer, by their ids.
    owed: BTreeMap<String, (String, Timestamp)>,
    answered: BTreeSet<String>,
    /// The widget was answered that it watches, and not that it does so no more.
    watching: bool,
    /// The layer wants to be supplied.
    supplied: bool,
    /// The name in the last `Supply::Ready`, unless something else came after it.
    ready: Option<String>,
    /// The last supply was one of what lasts (W3).
    unavailable: bool,
    flight: Option<Flight>,
    /// What the widget was sent last in this watch; `None` if that was lost or nothing.
    told: Option<String>,
    /// What was lost, and is kept for the next watch or refresh.
    lost: Option<String>,
    /// Watches that came when nobody had granted anything nor was asked to.
    hopeless: BTreeSet<String>,
    loaded: bool,
    content_loaded: bool,
    /// The last of the inner host's open questions.
    questions: VecDeque<String>,
}

impl Watchman {
    pub(crate) fn new(outage: OutagePolicy) -> Self {
        Self {
            outage,
            grant: Grant::None,
            owed: BTreeMap::new(),
            answered: BTreeSet::new(),
            watching: false,
            supplied: false,
            ready: None,
            unavailable: false,
            flight: None,
            told: None,
            lost: None,
            hopeless: BTreeSet::new(),
            loaded: false,
            content_loaded: false,
            questions: VecDeque::new(),
        }
    }

    pub(crate) fn widget_says(&mut self, text: &str, now: Timestamp) {
        let Some(message) = well_formed(text) else {
            return;
        };
        let action = message["action"].as_str().unwrap_or_default().to_owned();
        let id = id_of(&message);
        let Some(response) = message.get("response").filter(|value| !value.is_null()) else {
            if message["api"] == "fromWidget" {
                self.widget_asks(&action, id, &message, now);
            }
            return;
        };
        if action == UPDATE && self.flight.as_ref().is_some_and(|flight| flight.id == id) {
            // An answer that comes when the time is over is none.
            let flight = self.flight.take().expect("it was just looked at");
            if !response["error"].is_null() || now >= flight.since + UPDATE_PATIENCE {
                self.lost(&flight);
            }
        }
        if action == "capabilities" && self.questions.contains(&id) {
            self.negotiated(&response["capabilities"]);
        }
    }

    fn widget_asks(&mut self, action: &str, id: String, message: &Value, now: Timestamp) {
        let wants_turn = || asks_for_turn(&message["data"]["capabilities"]);
        if id.is_empty() {
            return;
        }
        if action == WATCH || action == UNWATCH || (action == RENEGOTIATE && wants_turn()) {
            if action == WATCH && self.grant == Grant::None {
                self.hopeless.insert(id.clone());
            }
            self.owed.insert(id, (action.to_owned(), now));
        } else if action == "content_loaded" && std::mem::replace(&mut self.content_loaded, true) {
            self.loaded = false;
            self.reloaded();
        }
    }

    /// The widget answered an open question of the inner host's.
    fn negotiated(&mut self, names: &Value) {
        if names.is_null() {
            return;
        }
        self.questions.clear();
        if asks_for_turn(names) {
            if self.flight.is_none() {
                self.lost = self.told.take().or_else(|| self.lost.take());
            }
        } else {
            self.grant = Grant::None;
            self.watching = false;
        }
    }

    pub(crate) fn host_says(&mut self, text: &str) {
        let Some(message) = well_formed(text) else {
            return;
        };
        if message["action"] == "capabilities" && message["response"].is_null() {
            if self.questions.len() == MAX_OUTSTANDING {
                self.questions.pop_front();
            }
            self.questions.push_back(id_of(&message));
        }
    }

    pub(crate) fn decided(&mut self, token: &AskToken, granted: bool) {
        if self.grant == Grant::Asked(token.clone()) {
            self.grant = if granted { Grant::Granted } else { Grant::None };
            // A watch that was answered while somebody decided.
            self.watching &= granted;
        }
    }

    pub(crate) fn supplied(&mut self, supply: &Supply) {
        if self.supplied {
            self.ready = match supply {
                Supply::Ready { server, .. } => Some(server.username().to_owned()),
                _ => None,
            };
            self.unavailable = matches!(supply, Supply::Unavailable(_));
        }
    }

    pub(crate) fn page_loads(&mut self) {
        if std::mem::replace(&mut self.loaded, true) {
            self.content_loaded = false;
            self.reloaded();
        }
    }

    fn reloaded(&mut self) {
        self.grant = Grant::None;
        self.owed.clear();
        self.answered.clear();
        self.watching = false;
        self.flight = None;
        self.told = None;
        self.lost = None;
        self.questions.clear();
    }

    fn lost(&mut self, flight: &Flight) {
        if self.told.as_ref() == Some(&flight.name) {
            let lost = self.told.take();
            self.lost = lost.filter(|_| !flight.wanted_again);
        }
    }

    /// An output, and what it says if it is a message.
    pub(crate) fn sees(&mut self, output: &Output, message: &Value, now: Timestamp) {
        match output {
            Output::ToWidget(_) => self.sees_message(message, now),
            Output::ToHost(text) => {
                let action = &message["action"];
                assert!(
                    action != WATCH && action != UNWATCH && action != UPDATE,
                    "w1: the inner host's to answer? {text}"
                );
                assert!(!text.contains(PASSWORD), "c8: the inner host gets it");
            }
            Output::Ask(token, names) => {
                assert!(self.grant == Grant::None, "p2: one question at a time");
                assert!(!names.is_empty(), "h2: for nothing");
                self.grant = Grant::Asked(token.clone());
            }
            Output::Withdraw(token) => {
                assert!(
                    self.grant != Grant::Asked(token.clone()),
                    "h4: it is still wanted"
                );
            }
            Output::Watch => {
                assert!(!self.supplied, "c7: watched already");
                assert!(self.grant == Grant::Granted, "p1: not granted");
                self.supplied = true;
                self.ready = None;
                self.unavailable = false;
            }
            Output::Unwatch => {
                assert!(self.supplied, "c7: not watched");
                self.supplied = false;
                self.ready = None;
            }
            _ => {}
        }
    }

    fn sees_message(&mut self, message: &Value, now: Timestamp) {
        let id = id_of(message);
        let Some(response) = message.get("response") else {
            match message["action"].as_str() {
                Some(UPDATE) => self.sees_update(message, now),
                Some("notify_capabilities") => self.sees_notify(&message["data"]),
                _ => {}
            }
            return;
        };
        let refused = response.get("error").is_some();
        if let Some((action, since)) = self.owed.remove(&id) {
            assert!(
                now <= since + PATIENCE,
                "w1: {action} {id} was answered late"
            );
            let answered = id.clone();
            assert!(self.answered.insert(id), "w1: twice");
            if action == WATCH {
                let hopeless = self.hopeless.contains(&answered);
                assert!(refused || !hopeless, "p1: not granted");
                let lasts = self.unavailable || self.grant == Grant::None;
                assert!(!refused || lasts, "w3: an error for what passes");
                let lasting = self.supplied && self.unavailable;
                assert!(
                    refused || self.watching || !lasting,
                    "w3: no error for what lasts"
                );
                if !refused {
                    // What was lost is to be sent again, also what will turn out to be.
                    self.lost = None;
                    if let Some(flight) = &mut self.flight {
                        flight.wanted_again |= self.watching;
                    }
                    if !std::mem::replace(&mut self.watching, true) {
                        self.told = None;
                    }
                }
            }
            if action == UNWATCH {
                assert!(!refused, "w6: it is always answered by `{{}}`");
                self.watching = false;
            }
        } else if let Some(action @ (WATCH | UNWATCH)) = message["action"].as_str() {
            panic!("w1, h6: {action} {id} was answered twice, or for a page that is gone");
        } else {
            assert!(!self.answered.contains(&id), "w1: {id} was answered twice");
        }
    }

    fn sees_update(&mut self, message: &Value, now: Timestamp) {
        assert!(self.grant == Grant::Granted, "p1: not granted");
        assert!(
            self.watching,
            "w2, w6: not answered yet, or no more watching"
        );
        if let Some(flight) = self.flight.take() {
            let lost = now >= flight.since + UPDATE_PATIENCE;
            assert!(lost, "w7: two at a time");
            self.lost(&flight);
        }
        let data = &message["data"];
        let name = data["username"].as_str().expect("a user name").to_owned();
        if data["uris"].as_array().is_some_and(Vec::is_empty) {
            assert!(self.outage == OutagePolicy::SendEmptyList, "w9: not wanted");
            assert_eq!(self.ready, None, "w9: there is no outage");
        } else {
            assert_eq!(self.ready.as_ref(), Some(&name), "w7: not the last ones");
            assert_eq!(data["password"], PASSWORD);
        }
        assert_ne!(self.told.as_ref(), Some(&name), "w8: the same twice");
        self.told = Some(name.clone());
        self.lost = None;
        self.flight = Some(Flight {
            id: id_of(message),
            name,
            since: now,
            wanted_again: false,
        });
    }

    fn sees_notify(&self, data: &Value) {
        let approved = asks_for_turn(&data["approved"]);
        let granted = self.grant == Grant::Granted;
        assert_eq!(approved, granted, "p1, h3: what is approved in {data}");
        assert!(!approved || asks_for_turn(&data["requested"]), "h3: {data}");
        assert!(
            !matches!(self.grant, Grant::Asked(_)),
            "h3: somebody still decides"
        );
    }

    /// Between two facts.
    pub(crate) fn rests(&mut self, due: Option<Timestamp>, now: Timestamp) {
        for (id, (action, since)) in &self.owed {
            assert!(
                now <= *since + PATIENCE,
                "w1: {action} {id} is not answered"
            );
        }
        let over = |flight: &mut Flight| flight.since + UPDATE_PATIENCE <= now;
        if let Some(flight) = self.flight.take_if(over) {
            self.lost(&flight);
        }
        if self.watching && self.grant == Grant::Granted && self.flight.is_none() {
            let known = self.ready == self.told || self.ready == self.lost;
            assert!(
                self.ready.is_none() || known,
                "w7: {:?} is kept back",
                self.ready
            );
        }
        if let Some(due) = due {
            let latest = now + UPDATE_PATIENCE;
            assert!(due <= latest, "w7: nothing waits for so long");
        }
        assert!(
            !self.supplied || self.grant == Grant::Granted,
            "p1: watched without a grant"
        );
    }

    /// Whether the widget watches, and has answered what it was told.
    pub(crate) fn is_settled(&self) -> bool {
        self.watching && self.grant == Grant::Granted && self.flight.is_none()
    }

    /// Whether the layer watches the account's credentials.
    pub(crate) fn is_supplied(&self) -> bool {
        self.supplied
    }

    pub(crate) fn nothing_is_owed(&self) {
        assert!(self.owed.is_empty(), "w1: {:?}", self.owed);
    }
}

fn well_formed(text: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(text).ok()?;
    (message["widgetId"] == "w").then_some(message)
}

fn id_of(message: &Value) -> String {
    let id = message
        .get("requestId")
        .or_else(|| message.get("requestid"));
    id.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn asks_for_turn(names: &Value) -> bool {
    let names = names.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).any(TurnCapability::is_name)
}
