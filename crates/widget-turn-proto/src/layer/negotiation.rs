//! The handshake as the layer edits it: rules H1 to H4, P1.

use std::collections::VecDeque;

use super::{AskToken, MAX_DENIALS, MAX_OUTSTANDING, Output, TurnLayer};
use crate::capability::{API_VERSION, NOTIFY_CAPABILITIES, TurnCapability};
use crate::message::{Head, Request, edit_names, find, names, reply, same_id};
use crate::refusal::Refusal;

/// Where a page stands with its wish for TURN.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Grant {
    Unasked,
    /// Somebody decides, for as long as it takes (rule H4).
    Deciding(AskToken),
    Granted,
    Denied,
}

impl Grant {
    pub(super) fn is_granted(&self) -> bool {
        *self == Self::Granted
    }

    /// Whether somebody still decides.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Deciding(_))
    }

    pub(super) fn may_become_granted(&self) -> bool {
        self.is_granted() || self.is_open()
    }
}

/// How the widget hears of a decision.
pub(super) enum Notify {
    /// By the inner host's `notify_capabilities`, whenever it comes.
    ByHost,
    /// By this one, the first in the queue. What the inner host asked after it waits behind it (rule H3).
    Held(VecDeque<String>),
    /// By one of the layer's own.
    ByLayer,
}

/// What the inner host told the page of its capabilities.
pub(super) enum HostNotify {
    /// Nothing, and it did not ask for any either.
    None,
    /// Nothing yet: it asked.
    Due,
    /// This `notify_capabilities`, as it came.
    Last(Box<str>),
}

const REQUESTED: &[&str] = &["data", "requested"];
const APPROVED: &[&str] = &["data", "approved"];

impl TurnLayer {
    /// Rule H1. An inner host that does MSC3846 itself is left to it, unless the widget was already asked for TURN here.
    pub(super) fn versions_answered(&mut self, text: String) {
        let path = &["response", "supported_versions"];
        if names(&text, path).iter().any(|name| name == API_VERSION) {
            self.aside = self.grant == Grant::Unasked && self.renegotiations.is_empty();
        }
        let text = edit_names(text, path, |_| true, [API_VERSION]);
        self.outputs.push_back(Output::ToWidget(text));
    }

    /// The inner host asks what the widget wants.
    pub(super) fn capabilities_asked(&mut self, text: String) {
        if let HostNotify::None = self.host_notify {
            self.host_notify = HostNotify::Due;
        }
        if let Some(id) = Head::read(&text).ok().and_then(|head| head.request_id) {
            if self.questions.len() == MAX_OUTSTANDING {
                self.questions.remove(0);
            }
            self.questions.push(id.into());
        }
        self.outputs.push_back(Output::ToWidget(text));
    }

    /// The widget says what it wants.
    pub(super) fn capabilities_answered(&mut self, text: String) {
        let id = Head::read(&text)
            .ok()
            .and_then(|head| head.request_id)
            .unwrap_or_default();
        let path = &["response", "capabilities"];
        let awaited = self.questions.iter().any(|asked| same_id(asked, id));
        let answered = find(&text, path).is_some();
        let asked: TurnCapability = names(&text, path).into_iter().collect();
        self.pass_without_turn(text, path);
        if !awaited {
            return;
        }
        if !answered {
            // Inner hosts end the negotiation at an error, and tell nothing.
            if let HostNotify::Due = self.host_notify {
                self.host_notify = HostNotify::None;
            }
            return;
        }
        // One answer is enough: an inner host that asked twice takes the first.
        self.questions.clear();
        if asked.is_empty() {
            self.give_up_grant();
        } else {
            self.resend();
            self.ask(asked);
        }
    }

    /// The inner host tells what it approved (rule H3).
    pub(super) fn notified(&mut self, text: String) {
        if let Grant::Deciding(_) = self.grant {
            match &mut self.notify {
                Notify::Held(held) if held.len() >= MAX_OUTSTANDING => {
                    let superseded = supersede(held, text);
                    self.outputs.extend(superseded.map(Output::ToHost));
                }
                Notify::Held(held) => held.push_back(text),
                Notify::ByHost | Notify::ByLayer => {
                    self.notify = Notify::Held(VecDeque::from([text]))
                }
            }
            return;
        }
        let told = self.with_turn(&text);
        self.host_notify = HostNotify::Last(text.into_boxed_str());
        self.outputs.push_back(Output::ToWidget(told));
    }

    /// The widget's answer to a notification: the inner host's business if it sent it.
    pub(super) fn notify_answered(&mut self, text: String) {
        let id = Head::read(&text).ok().and_then(|head| head.request_id);
        if !id.is_some_and(|id| self.is_own_id(id)) {
            self.outputs.push_back(Output::ToHost(text));
        }
    }

    /// Any other request of the inner host.
    pub(super) fn requested_by_host(&mut self, text: String) {
        match &mut self.notify {
            Notify::Held(held) => held.push_back(text),
            Notify::ByHost | Notify::ByLayer => self.outputs.push_back(Output::ToWidget(text)),
        }
    }

    pub(super) fn decided(&mut self, token: &AskToken, granted: bool) {
        if !matches!(&self.grant, Grant::Deciding(open) if open == token) {
            return;
        }
        self.grant = if granted {
            Grant::Granted
        } else {
            self.denials = self.denials.saturating_add(1);
            Grant::Denied
        };
        self.release_notify();
        // After the notification, so that a widget that waits for it is not told before it.
        if granted {
            self.granted();
        } else {
            self.not_granted();
        }
    }

    /// Forgets all that this page was granted; gives back the watch requests that are still to be answered.
    pub(super) fn forget_grant(&mut self) -> Vec<Request> {
        let waiting = self.end_watch();
        if let Grant::Deciding(token) = std::mem::replace(&mut self.grant, Grant::Unasked) {
            self.outputs.push_back(Output::Withdraw(token));
        }
        self.asked = TurnCapability::default();
        waiting
    }

    /// The page no longer wants TURN.
    fn give_up_grant(&mut self) {
        for waiting in self.forget_grant() {
            self.reply(&waiting, &Refusal::MissingCapability.response());
        }
        self.release_notify();
    }

    /// Nobody is deciding any more: what waited for it goes on.
    fn release_notify(&mut self) {
        match std::mem::replace(&mut self.notify, Notify::ByHost) {
            Notify::ByHost => {}
            Notify::ByLayer => self.send_notify(),
            Notify::Held(held) => {
                for text in held {
                    self.hear_host(text);
                }
            }
        }
    }

    pub(super) fn ask(&mut self, asked: TurnCapability) {
        self.asked = self.asked.union(asked);
        match self.grant {
            Grant::Granted | Grant::Deciding(_) => {}
            // Whoever said no three times to one page is left in peace until its reload.
            Grant::Denied if self.denials >= MAX_DENIALS => {}
            Grant::Unasked | Grant::Denied => {
                let token = AskToken(self.next_number());
                self.grant = Grant::Deciding(token.clone());
                self.outputs.push_back(Output::Ask(token, self.asked));
            }
        }
    }

    /// Rules H2 and H3: requested by the names it was asked for, approved only if granted, whatever the inner host says.
    pub(super) fn with_turn(&self, notify: &str) -> String {
        let text = edit_names(notify.to_owned(), REQUESTED, |_| true, self.asked.names());
        if self.grant.is_granted() {
            edit_names(text, APPROVED, |_| true, self.asked.names())
        } else {
            without_turn(text, APPROVED)
        }
    }

    /// Rule H2: the inner host does not see the names.
    pub(super) fn pass_without_turn(&mut self, text: String, path: &[&str]) {
        self.outputs
            .push_back(Output::ToHost(without_turn(text, path)));
    }
}

/// Rule C9: each tells the whole of what the page has, so that the last ones of many are enough. Puts `notify` in the place
/// of the last one before it, and gives the answer to that.
fn supersede(held: &mut VecDeque<String>, notify: String) -> Option<String> {
    let is_notify = |text: &String| {
        Head::read(text).is_ok_and(|head| head.action == NOTIFY_CAPABILITIES && !head.is_response)
    };
    let last = held.iter().rposition(is_notify)?;
    let superseded = std::mem::replace(&mut held[last], notify);
    reply(superseded, "{}").ok()
}

fn without_turn(text: String, path: &[&str]) -> String {
    let none: [&str; 0] = [];
    edit_names(text, path, |name| !TurnCapability::is_name(name), none)
}
