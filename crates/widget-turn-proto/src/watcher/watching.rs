//! One watch on the wire for any number of consumers.

use std::time::Duration;

use serde_json::Value;

use super::negotiation::Grant;
use super::refused::{Refused, refused};
use super::requests::Asked;
use super::{ANSWER_PATIENCE, TurnWatcher, WatchRefusal, WatcherOutput, WatcherSupply};
use crate::message::{Request, find, is_refused};
use crate::response::read_server;
use crate::time::Timestamp;

/// A watch that is not answered by then is sent again; so is one that was answered and after which nothing came. Longer
/// than hosts need for a slow homeserver: those that wait for it start a second poller at a second watch.
const WATCH_PATIENCE: Duration = Duration::from_secs(30);

/// Whether the host was asked to watch, and what came of it.
pub(super) enum Watch {
    /// It was not asked; it is as soon as there is a consumer and a grant.
    Idle,
    /// It was asked, began anew since, and may have forgotten it: it is asked again as soon as there is a grant.
    Stale,
    /// Asked for the `failures + 1`th time in a row, not answered yet.
    Starting { failures: u32, again_at: Timestamp },
    /// Answered, and nothing came since it was asked: some hosts take a page after a reload for one that watches already,
    /// and serve it no more. At the time it is ended and begun anew.
    Silent { failures: u32, again_at: Timestamp },
    /// Answered, and an update came.
    Served,
    /// It failed for a cause that may pass.
    Failed { failures: u32, again_at: Timestamp },
    /// It was refused for a cause that lasts.
    Refused,
    /// It was ended when the last consumer left. A host that has not answered by then, and goes on, is told again.
    Ended { until: Timestamp },
    /// It was ended before it was answered, and a consumer has come since: some hosts that are asked meanwhile watch
    /// twice, and end one of the two. It is asked at the answer, or then.
    Returned { until: Timestamp },
}

impl TurnWatcher {
    /// Asks the host to watch, if that is wanted, may be, and is not done.
    pub(super) fn pursue(&mut self) {
        if self.consumers.is_empty() || !self.may_watch() {
            return;
        }
        match self.watch {
            Watch::Idle | Watch::Stale => self.start_watch(0),
            Watch::Failed { failures, again_at } if again_at <= self.now => {
                self.start_watch(failures);
            }
            _ => {}
        }
    }

    pub(super) fn joined(&mut self) {
        if let Watch::Ended { .. } = self.watch {
            self.watch = if self.open.awaits(Asked::Watch) {
                Watch::Returned {
                    until: self.now + ANSWER_PATIENCE,
                }
            } else {
                Watch::Idle
            };
        }
        self.pursue();
    }

    /// The last consumer left.
    pub(super) fn deserted(&mut self) {
        let ready = matches!(self.supply, WatcherSupply::Ready(_));
        match self.watch {
            Watch::Stale | Watch::Starting { .. } | Watch::Silent { .. } | Watch::Served => {
                self.end_watch();
            }
            Watch::Idle if ready => self.end_watch(),
            // The host has said that it does not watch, and its time stands. Nobody renews what is in hand.
            Watch::Failed { .. } if ready => return self.tell(WatcherSupply::Outage),
            Watch::Failed { .. } => return,
            Watch::Returned { until } => self.watch = Watch::Ended { until },
            Watch::Idle | Watch::Refused | Watch::Ended { .. } => {}
        }
        if self.supply == WatcherSupply::Outage {
            self.tell(WatcherSupply::Pending);
        }
    }

    pub(super) fn watch_answered(&mut self, text: &str) {
        self.open.forget(Asked::Watch);
        let failures = match self.watch {
            Watch::Starting { failures, .. } => failures,
            Watch::Served | Watch::Returned { .. } => 0,
            _ => return,
        };
        if is_refused(text) {
            match refused(text) {
                // A host that cannot tell says the same while nobody has decided.
                Refused::Lasting(why @ WatchRefusal::NotGranted) if self.grant == Grant::Asked => {
                    self.tell(WatcherSupply::Unavailable(why));
                    self.watch_failed(failures, None);
                }
                Refused::Lasting(WatchRefusal::NotGranted) => self.not_granted(),
                Refused::Lasting(why) => self.refuse_watch(why),
                Refused::Passing(asked) => self.watch_failed(failures, asked),
            }
            return;
        }
        self.granted_by_answer();
        match self.watch {
            Watch::Starting { .. } => {
                self.watch = Watch::Silent {
                    failures,
                    again_at: self.later(WATCH_PATIENCE, failures),
                };
            }
            // It was told since to end what it has answered now.
            Watch::Returned { .. } => {
                self.watch = Watch::Idle;
                self.pursue();
            }
            _ => {}
        }
    }

    /// Some hosts answer an unwatch at their next refresh only, and take a watch that came meanwhile for one that is in
    /// force; what they say until then is still current.
    pub(super) fn unwatch_answered(&mut self) {
        match self.watch {
            Watch::Ended { .. } => {
                if let WatcherSupply::Ready(_) | WatcherSupply::Outage = self.supply {
                    self.tell(WatcherSupply::Pending);
                }
            }
            // What came was of the watch that is ended now, not of the one that is asked for.
            Watch::Served if self.open.awaits(Asked::Watch) => {
                self.watch = Watch::Starting {
                    failures: 0,
                    again_at: self.later(WATCH_PATIENCE, 0),
                };
            }
            // The host ended what it had just said to be in force.
            Watch::Silent { .. } | Watch::Served => {
                self.watch = Watch::Stale;
                self.pursue();
            }
            _ => {}
        }
    }

    pub(super) fn updated(&mut self, request: &Request) {
        // An error would be the last thing that some hosts hear.
        self.reply(request, "{}");
        match self.watch {
            // It goes on though it has said that it ended, or that it does not watch.
            Watch::Ended { .. } if !self.open.awaits(Asked::Unwatch) => return self.end_watch(),
            Watch::Failed { .. } | Watch::Refused if self.consumers.is_empty() => {
                return self.end_watch();
            }
            Watch::Ended { until } if until <= self.now => self.end_watch(),
            // The answer to a watch may come after its first update.
            Watch::Starting { .. }
            | Watch::Silent { .. }
            | Watch::Failed { .. }
            | Watch::Refused => self.watch = Watch::Served,
            Watch::Idle
            | Watch::Stale
            | Watch::Served
            | Watch::Ended { .. }
            | Watch::Returned { .. } => {}
        }
        let data = find(request.text(), &["data"]).map_or("{}", |data| &request.text()[data]);
        let data = serde_json::from_str::<Value>(data).unwrap_or_default();
        let none = serde_json::Map::new();
        match read_server(data.as_object().unwrap_or(&none)) {
            Ok(server) => self.tell(WatcherSupply::Ready(server)),
            Err(why) => {
                // MSC3846: an empty list says that there are none.
                if !matches!(data["uris"].as_array(), Some(uris) if uris.is_empty()) {
                    self.outputs.push_back(WatcherOutput::Unusable(why));
                }
                self.tell(WatcherSupply::Outage);
            }
        }
    }

    /// The host begins anew, and may have forgotten the watch.
    pub(super) fn forget_watch(&mut self) {
        self.open.forget(Asked::Watch);
        match self.watch {
            Watch::Stale | Watch::Starting { .. } | Watch::Silent { .. } | Watch::Served => {
                self.watch = Watch::Stale;
            }
            Watch::Failed { .. } | Watch::Returned { .. } => self.watch = Watch::Idle,
            Watch::Idle | Watch::Refused | Watch::Ended { .. } => {}
        }
        self.reopen_watch();
    }

    /// The host negotiates: what it refused before may be asked for again.
    pub(super) fn reopen_watch(&mut self) {
        if let Watch::Refused = self.watch {
            self.watch = Watch::Idle;
        }
        if let WatcherSupply::Unavailable(WatchRefusal::NotGranted | WatchRefusal::Homeserver(_)) =
            self.supply
        {
            self.tell(WatcherSupply::Pending);
        }
    }

    pub(super) fn refuse_watch(&mut self, why: WatchRefusal) {
        self.open.forget(Asked::Watch);
        if !matches!(self.watch, Watch::Ended { .. }) {
            self.watch = Watch::Refused;
        }
        self.tell(WatcherSupply::Unavailable(why));
    }

    pub(super) fn watch_timeouts(&mut self) {
        match self.watch {
            Watch::Starting { failures, again_at } if again_at <= self.now => {
                self.without_servers();
                self.ask_to_watch(failures.saturating_add(1));
            }
            Watch::Silent { failures, again_at } if again_at <= self.now => {
                self.without_servers();
                self.send(Asked::Unwatch, "{}");
                self.start_watch(failures.saturating_add(1));
            }
            Watch::Returned { until } if until <= self.now => {
                self.watch = Watch::Idle;
                self.pursue();
            }
            Watch::Failed { .. } => self.pursue(),
            _ => {}
        }
    }

    pub(super) fn watch_timeout(&self) -> Option<Timestamp> {
        match self.watch {
            Watch::Starting { again_at, .. } | Watch::Silent { again_at, .. } => Some(again_at),
            Watch::Returned { until } => Some(until),
            Watch::Failed { again_at, .. } if !self.consumers.is_empty() && self.may_watch() => {
                Some(again_at)
            }
            _ => None,
        }
    }

    fn watch_failed(&mut self, failures: u32, asked: Option<Duration>) {
        let least = asked.unwrap_or_default().max(Duration::from_secs(1));
        self.watch = Watch::Failed {
            failures: failures.saturating_add(1),
            again_at: self.later(least, failures),
        };
        self.without_servers();
    }

    /// What is in hand may be good still: only who has nothing is told.
    pub(super) fn without_servers(&mut self) {
        if self.supply == WatcherSupply::Pending {
            self.tell(WatcherSupply::Outage);
        }
    }

    fn end_watch(&mut self) {
        self.send(Asked::Unwatch, "{}");
        self.watch = Watch::Ended {
            until: self.now + ANSWER_PATIENCE,
        };
    }

    fn start_watch(&mut self, failures: u32) {
        self.open.forget(Asked::Watch);
        self.ask_to_watch(failures);
    }

    /// What is said to an earlier one that was not answered counts too.
    fn ask_to_watch(&mut self, failures: u32) {
        self.send(Asked::Watch, "{}");
        self.watch = Watch::Starting {
            failures,
            again_at: self.later(WATCH_PATIENCE, failures),
        };
    }
}
