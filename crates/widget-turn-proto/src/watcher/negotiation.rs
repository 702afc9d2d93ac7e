//! The handshake as the widget has it: versions, capabilities, and what was granted.

use serde_json::json;

use super::requests::Asked;
use super::{ANSWER_PATIENCE, TurnWatcher, WatchRefusal, WatcherOutput, WatcherSupply};
use crate::capability::{API_VERSION, TurnCapability};
use crate::message::{Request, is_refused, names};
use crate::time::Timestamp;

/// What every watcher can do. MSC2871 is `notify_capabilities`, MSC2974 is `request_capabilities`.
const VERSIONS: [&str; 5] = ["0.0.1", "0.0.2", MSC2871, "org.matrix.msc2974", API_VERSION];
const MSC2871: &str = "org.matrix.msc2871";

/// What the host is known to be able to do.
pub(super) enum Versions {
    Unasked,
    /// Asked, and asked again at the time: so many times without an answer.
    Asking {
        failures: u32,
        again_at: Timestamp,
    },
    Told {
        /// MSC3846.
        turn: bool,
        /// MSC2871.
        notifies: bool,
    },
}

/// Where the page stands with its wish for TURN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    Unasked,
    /// The host has been told the wish, and has not told its decision.
    Asked,
    Granted,
    Refused,
}

impl TurnWatcher {
    /// MSC3846: "only call/support the actions if a widget API version of `town.robin.msc3846` is advertised".
    pub(super) fn may_watch(&self) -> bool {
        match (&self.versions, self.grant) {
            (Versions::Told { turn: true, .. }, Grant::Granted) => true,
            // A host without MSC2871 tells its decision by the answer to the watch alone.
            (Versions::Told { turn, notifies }, Grant::Asked) => *turn && !notifies,
            _ => false,
        }
    }

    pub(super) fn ask_versions(&mut self, failures: u32) {
        self.send(Asked::Versions, "{}");
        self.versions = Versions::Asking {
            failures: failures.saturating_add(1),
            again_at: self.later(ANSWER_PATIENCE, failures),
        };
    }

    pub(super) fn versions_due(&self) -> Option<(Timestamp, u32)> {
        match self.versions {
            Versions::Asking { failures, again_at } => Some((again_at, failures)),
            Versions::Unasked | Versions::Told { .. } => None,
        }
    }

    pub(super) fn versions_answered(&mut self, text: &str) {
        if is_refused(text) {
            // It is asked again when it is due.
            return;
        }
        self.open.forget(Asked::Versions);
        let listed = names(text, &["response", "supported_versions"]);
        let lists = |version| listed.iter().any(|listed| listed == version);
        self.versions = Versions::Told {
            turn: lists(API_VERSION),
            notifies: lists(MSC2871),
        };
        let unsupported = WatcherSupply::Unavailable(WatchRefusal::Unsupported);
        if !lists(API_VERSION) {
            self.tell(unsupported);
        } else if self.supply == unsupported || self.supply == WatcherSupply::Outage {
            self.tell(WatcherSupply::Pending);
        }
        self.pursue();
    }

    /// The host asks what the widget wants: at the page's beginning, or because it begins anew itself.
    pub(super) fn capabilities_asked(&mut self, request: &Request) {
        let response = json!({ "capabilities": self.wishes() });
        self.reply(request, &response.to_string());
        self.forget_watch();
        self.grant = Grant::Asked;
        match self.versions {
            Versions::Asking { failures: 1, .. } | Versions::Told { turn: true, .. } => {}
            Versions::Unasked | Versions::Asking { .. } | Versions::Told { turn: false, .. } => {
                self.ask_versions(0);
            }
        }
        self.pursue();
    }

    pub(super) fn versions_asked(&mut self, request: &Request) {
        let ours = VERSIONS.iter().copied();
        let others = self.config.versions.iter().map(String::as_str);
        let others = others.filter(|version| !VERSIONS.contains(version));
        let versions: Vec<_> = ours.chain(others).collect();
        let response = json!({ "supported_versions": versions });
        self.reply(request, &response.to_string());
    }

    /// MSC2871. Hosts that renegotiate tell of what is new alone as `requested`, and of all as `approved`.
    pub(super) fn notified(&mut self, request: &Request) {
        self.reply(request, "{}");
        let requested = names(request.text(), &["data", "requested"]);
        let approved = names(request.text(), &["data", "approved"]);
        let named = |names: &[String]| !names.iter().collect::<TurnCapability>().is_empty();
        if self.grant == Grant::Asked {
            self.approved.clear();
        }
        self.approved.retain(|name| !requested.contains(name));
        let asked_for = |name: &String| {
            TurnCapability::is_name(name) || self.config.capabilities.contains(name)
        };
        let approved_now = approved.iter().filter(|name| asked_for(name)).cloned();
        self.approved.extend(approved_now);
        match self.grant {
            _ if named(&approved) => self.granted(),
            Grant::Asked => self.not_granted(),
            _ if named(&requested) => self.not_granted(),
            Grant::Unasked | Grant::Granted | Grant::Refused => {}
        }
        self.outputs.push_back(WatcherOutput::Negotiated);
        self.pursue();
    }

    fn granted(&mut self) {
        if self.grant == Grant::Refused {
            self.forget_watch();
        }
        self.grant = Grant::Granted;
        self.reopen_watch();
    }

    /// The host watches, so it has granted what it may not have been able to tell.
    pub(super) fn granted_by_answer(&mut self) {
        if self.grant == Grant::Asked {
            self.granted();
            self.outputs.push_back(WatcherOutput::Negotiated);
        }
    }

    pub(super) fn not_granted(&mut self) {
        self.grant = Grant::Refused;
        self.refuse_watch(WatchRefusal::NotGranted);
    }

    /// MSC2974: the list is the whole of what the widget wants.
    pub(super) fn wish(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if !self.config.capabilities.contains(&name) {
                self.config.capabilities.push(name);
            }
        }
        let data = json!({ "capabilities": self.wishes() });
        self.send(Asked::Capabilities, &data.to_string());
    }

    /// TURN by the name that every published host knows, and the rest.
    fn wishes(&self) -> Vec<&str> {
        let others = self.config.capabilities.iter().map(String::as_str);
        let others = others.filter(|name| *name != TurnCapability::UNSTABLE);
        std::iter::once(TurnCapability::UNSTABLE)
            .chain(others)
            .collect()
    }
}
