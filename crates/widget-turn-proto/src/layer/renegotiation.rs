//! MSC2974, the widget wants more later on: rule H5.

use std::collections::BTreeSet;

use super::negotiation::{HostNotify, Notify};
use super::{MAX_OUTSTANDING, Output, REPLY_PATIENCE, TurnLayer};
use crate::capability::{NOTIFY_CAPABILITIES, TurnCapability};
use crate::message::{
    Head, MAX_OWNED, Marks, MessageError, Request, edit_names, find, is_refused, names,
    request_to_widget, same_id,
};
use crate::time::Timestamp;

/// A renegotiation that went to the inner host.
pub(super) struct Renegotiation {
    request: Request,
    reply: Reply,
}

enum Reply {
    /// Is the inner host's, until then.
    ByHost(Timestamp),
    /// The layer gave it: what the inner host still says to it is not for the widget.
    Given,
}

const WANTED: &[&str] = &["data", "capabilities"];
const REQUESTED: &[&str] = &["data", "requested"];

impl TurnLayer {
    /// The request is the inner host's too if it names anything that is new to it; for one that refuses it or says nothing,
    /// because it knows no MSC2974, the layer answers in its stead.
    pub(super) fn renegotiate(&mut self, text: String, marks: Marks) -> Result<(), MessageError> {
        let wanted = names(&text, WANTED);
        let asked: TurnCapability = wanted.iter().collect();
        if asked.is_empty() {
            self.outputs.push_back(Output::ToHost(text));
            return Ok(());
        }
        let Some(request) = self.own(text, marks)? else {
            return Ok(());
        };
        let known: BTreeSet<String> = match &self.host_notify {
            HostNotify::Last(notify) => names(notify, REQUESTED).into_iter().collect(),
            HostNotify::None | HostNotify::Due => BTreeSet::new(),
        };
        let news = wanted
            .iter()
            .any(|name| !TurnCapability::is_name(name) && !known.contains(name));
        if news && self.may_trouble_host() {
            self.pass_without_turn(request.text().to_owned(), WANTED);
            self.renegotiations.push(Renegotiation {
                request,
                reply: Reply::ByHost(self.now + REPLY_PATIENCE),
            });
            self.ask(asked);
        } else {
            self.reply(&request, "{}");
            self.ask(asked);
            self.notify_by_layer();
        }
        Ok(())
    }

    /// What the inner host says to a renegotiation.
    pub(super) fn renegotiation_answered(&mut self, text: String) -> Result<(), MessageError> {
        let id = Head::read(&text)?.request_id.unwrap_or_default();
        let of_id = |open: &Renegotiation| open.request.id().is_some_and(|open| same_id(open, id));
        let Some(open) = self.renegotiations.iter().position(of_id) else {
            self.outputs.push_back(Output::ToWidget(text));
            return Ok(());
        };
        let Renegotiation { request, reply } = self.renegotiations.remove(open);
        if let Reply::Given = reply {
            return Err(MessageError::Unasked);
        }
        let refused = is_refused(&text);
        if refused {
            self.stand_in(&request);
        } else {
            let response = find(&text, &["response"]).map_or("{}", |range| &text[range]);
            self.reply(&request, response);
        }
        Ok(())
    }

    pub(super) fn renegotiation_timeouts(&mut self, now: Timestamp) {
        let late =
            |open: &Renegotiation| matches!(open.reply, Reply::ByHost(until) if until <= now);
        while let Some(late) = self.renegotiations.iter().position(late) {
            let late = &mut self.renegotiations[late];
            late.reply = Reply::Given;
            let request = late.request.clone();
            self.stand_in(&request);
        }
    }

    pub(super) fn renegotiation_timeout(&self) -> Option<Timestamp> {
        let until = |open: &Renegotiation| match open.reply {
            Reply::ByHost(until) => Some(until),
            Reply::Given => None,
        };
        self.renegotiations.iter().filter_map(until).min()
    }

    /// Makes room for one more open renegotiation, at the cost of one that the widget no longer waits for.
    fn may_trouble_host(&mut self) -> bool {
        if self.renegotiations.len() < MAX_OUTSTANDING {
            return true;
        }
        let given = |open: &Renegotiation| matches!(open.reply, Reply::Given);
        let given = self.renegotiations.iter().position(given);
        given.is_some_and(|given| {
            self.renegotiations.remove(given);
            true
        })
    }

    /// Answers for the inner host, which granted none of what it was asked for.
    fn stand_in(&mut self, request: &Request) {
        self.reply(request, "{}");
        self.add_to_last_notify(&names(request.text(), WANTED));
        self.notify_by_layer();
    }

    /// The widget is told by the layer: now, or once somebody has decided.
    fn notify_by_layer(&mut self) {
        if !self.grant.is_open() {
            self.send_notify();
        } else if let Notify::ByHost = self.notify {
            self.notify = Notify::ByLayer;
        }
    }

    pub(super) fn send_notify(&mut self) {
        let last = match &self.host_notify {
            // The inner host's own will tell of TURN too. Widgets take the first for the whole of what they have.
            HostNotify::Due => return,
            HostNotify::None => None,
            HostNotify::Last(notify) => find(notify, &["data"]).map(|range| &notify[range]),
        };
        let data = last.unwrap_or(NOTHING).to_owned();
        let id = self.next_id();
        let text = request_to_widget(&self.config.widget_id, &id, NOTIFY_CAPABILITIES, &data);
        let told = self.with_turn(&text);
        self.outputs.push_back(Output::ToWidget(told));
    }

    /// The names that the inner host does not know count as requested and refused, as far as there is room for them.
    fn add_to_last_notify(&mut self, wanted: &[String]) {
        let last = match &self.host_notify {
            HostNotify::Due => return,
            HostNotify::None => {
                request_to_widget(&self.config.widget_id, "", NOTIFY_CAPABILITIES, NOTHING)
            }
            HostNotify::Last(last) => String::from(last.clone()),
        };
        let others = wanted.iter().filter(|name| !TurnCapability::is_name(name));
        let more = edit_names(last, REQUESTED, |_| true, others);
        if more.len() <= MAX_OWNED {
            self.host_notify = HostNotify::Last(more.into_boxed_str());
        }
    }
}

/// The `data` of a notification about nothing.
const NOTHING: &str = r#"{"requested":[],"approved":[]}"#;
