//! Watch, unwatch, update: rules W1 to W9.

use super::{MAX_OUTSTANDING, OutagePolicy, Output, REPLY_PATIENCE, TurnLayer, UPDATE_PATIENCE};
use crate::capability::UPDATE;
use crate::message::{Head, MessageError, Request, is_refused, request_to_widget, same_id};
use crate::refusal::{Refusal, Unavailable};
use crate::supply::Supply;
use crate::time::Timestamp;
use crate::turn_server::TurnServer;

/// MSC3846's way to tell of an outage.
const NO_SERVERS: &str = r#"{"uris":[],"username":"","password":""}"#;

/// Whether the widget watches.
pub(super) enum Watch {
    Idle,
    /// Asked for, not answered yet.
    Starting {
        waiting: Vec<Request>,
        until: Timestamp,
    },
    /// Answered. What the widget was told in this watch.
    Watching(Told),
}

/// What a widget was told by updates (rule W8).
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Servers(TurnServer),
    /// The empty list of [`OutagePolicy::SendEmptyList`].
    NoServers,
    /// Something that did not arrive (rule W7).
    Lost,
}

/// An update that the widget has not answered yet (rule W7).
pub(super) struct InFlight {
    id: String,
    sent: Told,
    until: Timestamp,
    /// The widget asked to watch again since: if this is lost, it wants it again at once.
    wanted_again: bool,
}

impl TurnLayer {
    pub(super) fn watch(&mut self, now: Timestamp, request: Request) {
        if !self.grant.may_become_granted() {
            self.reply(&request, &Refusal::MissingCapability.response());
            return;
        }
        match &mut self.watch {
            Watch::Idle => {
                self.watch = Watch::Starting {
                    waiting: vec![request],
                    until: now + REPLY_PATIENCE,
                };
                if self.grant.is_granted() {
                    self.outputs.push_back(Output::Watch);
                }
            }
            // Rule W5: it joins the watch that is starting, and hears the same.
            Watch::Starting { waiting, .. } if waiting.len() < MAX_OUTSTANDING => {
                waiting.push(request)
            }
            Watch::Starting { .. } => self.reply(&request, "{}"),
            Watch::Watching(_) => {
                self.reply(&request, "{}");
                // Rule C6: an account that was refused is asked again only if somebody asks.
                if let Supply::Unavailable(_) = self.supply {
                    self.supply = Supply::Pending;
                    self.outputs.extend([Output::Unwatch, Output::Watch]);
                }
                match &mut self.in_flight {
                    Some(in_flight) => in_flight.wanted_again = true,
                    None => self.deliver(now),
                }
            }
        }
    }

    pub(super) fn unwatch(&mut self, request: &Request) {
        for waiting in self.end_watch() {
            self.reply(&waiting, "{}");
        }
        self.reply(request, "{}");
    }

    /// The grant that a starting watch waited for.
    pub(super) fn granted(&mut self) {
        if !matches!(self.watch, Watch::Idle) {
            self.outputs.push_back(Output::Watch);
        }
    }

    /// The grant is refused or gone.
    pub(super) fn not_granted(&mut self) {
        for waiting in self.end_watch() {
            self.reply(&waiting, &Refusal::MissingCapability.response());
        }
    }

    /// Ends the watch; gives back the requests that are still to be answered. `self.grant` is what it was during the watch.
    pub(super) fn end_watch(&mut self) -> Vec<Request> {
        let watch = std::mem::replace(&mut self.watch, Watch::Idle);
        self.supply = Supply::Pending;
        if self.grant.is_granted() && !matches!(watch, Watch::Idle) {
            self.outputs.push_back(Output::Unwatch);
        }
        match watch {
            Watch::Starting { waiting, .. } => waiting,
            Watch::Idle | Watch::Watching(_) => Vec::new(),
        }
    }

    pub(super) fn supplied(&mut self, now: Timestamp, supply: Supply) {
        if matches!(self.watch, Watch::Idle) || !self.grant.is_granted() {
            return;
        }
        match (&self.watch, &supply) {
            (Watch::Starting { .. }, Supply::Unavailable(why)) => self.refuse_watch(why),
            (Watch::Starting { .. }, Supply::Ready { .. } | Supply::Outage) => {
                self.supply = supply;
                self.answer_watch(now);
            }
            _ => {
                self.supply = supply;
                self.deliver(now);
            }
        }
    }

    pub(super) fn watch_timeouts(&mut self, now: Timestamp) {
        if matches!(self.watch, Watch::Starting { until, .. } if until <= now) {
            self.answer_watch(now);
        }
        if let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.until <= now) {
            self.lost(now, &in_flight);
        }
    }

    pub(super) fn watch_timeout(&self) -> Option<Timestamp> {
        let starting = match self.watch {
            Watch::Starting { until, .. } => Some(until),
            Watch::Idle | Watch::Watching(_) => None,
        };
        let in_flight = self.in_flight.as_ref().map(|in_flight| in_flight.until);
        starting.into_iter().chain(in_flight).min()
    }

    pub(super) fn update_answered(
        &mut self,
        now: Timestamp,
        text: &str,
    ) -> Result<(), MessageError> {
        let id = Head::read(text)?.request_id.unwrap_or_default();
        let answered = |in_flight: &mut InFlight| same_id(&in_flight.id, id);
        let Some(in_flight) = self.in_flight.take_if(answered) else {
            return Err(MessageError::Unasked);
        };
        let refused = is_refused(text);
        if refused {
            self.lost(now, &in_flight);
        } else {
            self.deliver(now);
        }
        Ok(())
    }

    /// An update did not arrive. It is kept for the next watch, reload or refresh; what is newer goes out at once.
    fn lost(&mut self, now: Timestamp, in_flight: &InFlight) {
        if let Watch::Watching(told) = &mut self.watch {
            if *told == in_flight.sent {
                *told = Told::Lost;
                let newer = self.wanted().is_some_and(|wanted| wanted != in_flight.sent);
                if !newer && !in_flight.wanted_again {
                    return;
                }
            }
        }
        self.deliver(now);
    }

    /// The page may be another one, though nobody said so: it is told again if it watches.
    pub(super) fn resend(&mut self) {
        match &mut self.watch {
            Watch::Watching(told) if self.in_flight.is_none() && *told != Told::Nothing => {
                *told = Told::Lost;
            }
            _ => {}
        }
    }

    fn refuse_watch(&mut self, why: &Unavailable) {
        let response = Refusal::Unavailable(why).response();
        for waiting in self.end_watch() {
            self.reply(&waiting, &response);
        }
    }

    /// Rule W2: the answer first, the update after it.
    fn answer_watch(&mut self, now: Timestamp) {
        let watch = std::mem::replace(&mut self.watch, Watch::Watching(Told::Nothing));
        if let Watch::Starting { waiting, .. } = watch {
            for request in waiting {
                self.reply(&request, "{}");
            }
        }
        self.deliver(now);
    }

    /// What the widget ought to have been told by now, if anything.
    fn wanted(&self) -> Option<Told> {
        let Watch::Watching(told) = &self.watch else {
            return None;
        };
        match &self.supply {
            Supply::Ready { server, .. } => Some(Told::Servers(server.clone())),
            Supply::Outage | Supply::Unavailable(_)
                if self.config.outage == OutagePolicy::SendEmptyList
                    && matches!(told, Told::Servers(_) | Told::Lost) =>
            {
                Some(Told::NoServers)
            }
            Supply::Outage | Supply::Unavailable(_) | Supply::Pending => None,
        }
    }

    /// Sends what the widget ought to know and was not told, unless an update is still unanswered.
    fn deliver(&mut self, now: Timestamp) {
        let Some(wanted) = self.wanted() else { return };
        let Watch::Watching(told) = &mut self.watch else {
            return;
        };
        if self.in_flight.is_some() || *told == wanted {
            return;
        }
        *told = wanted.clone();
        let data = match &wanted {
            Told::Servers(server) => server.data().expose(),
            Told::NoServers | Told::Nothing | Told::Lost => NO_SERVERS,
        };
        let id = self.next_id();
        let text = request_to_widget(&self.config.widget_id, &id, UPDATE, data);
        self.outputs.push_back(Output::ToWidget(text));
        self.in_flight = Some(InFlight {
            id: format!("\"{id}\""),
            sent: wanted,
            until: now + UPDATE_PATIENCE,
            wanted_again: false,
        });
    }
}
