//! The handshake as the layer edits it: rules H1 to H6, P1.

use std::collections::VecDeque;

use super::{AskToken, MAX_OUTSTANDING, Output, TurnLayer};
use crate::capability::{API_VERSION, NOTIFY_CAPABILITIES, TurnCapability};
use crate::message::{
    Head, MessageError, Request, edit_names, find, names, request_to_widget, same_id,
};
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

    pub(super) fn may_become_granted(&self) -> bool {
        matches!(self, Self::Granted | Self::Deciding(_))
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

const REQUESTED: &[&str] = &["data", "requested"];
const APPROVED: &[&str] = &["data", "approved"];

impl TurnLayer {
    /// Rule H1.
    pub(super) fn versions_answered(&mut self, text: String) {
        let text = edit_names(
            text,
            &["response", "supported_versions"],
            |_| true,
            [API_VERSION],
        );
        self.outputs.push_back(Output::ToWidget(text));
    }

    /// The inner host asks what the widget wants.
    pub(super) fn capabilities_asked(&mut self, text: String) {
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
        let awaited =
            self.questions.iter().any(|asked| same_id(asked, &id)) && find(&text, path).is_some();
        let asked: TurnCapability = names(&text, path).into_iter().collect();
        self.pass_without_turn(text, path);
        if !awaited {
            return;
        }
        // One answer is enough: an inner host that asked twice takes the first.
        self.questions.clear();
        if asked.is_empty() {
            self.give_up_grant();
        } else {
            self.ask(asked);
        }
    }

    /// MSC2974: the widget wants more (rule H5). The request is the inner host's too if it names anything that is new to
    /// it; one that knows no MSC2974 refuses it, and the layer answers in its stead.
    pub(super) fn renegotiate(&mut self, text: String) -> Result<(), MessageError> {
        let path = &["data", "capabilities"];
        let wanted = names(&text, path);
        let asked: TurnCapability = wanted.iter().collect();
        if asked.is_empty() {
            self.outputs.push_back(Output::ToHost(text));
            return Ok(());
        }
        let Some(request) = self.own(text)? else {
            return Ok(());
        };
        let known = self
            .last_notify
            .as_deref()
            .map_or_else(Vec::new, |notify| names(notify, REQUESTED));
        let news = wanted
            .iter()
            .any(|name| !TurnCapability::is_name(name) && !known.contains(name));
        if news && self.renegotiations.len() < MAX_OUTSTANDING {
            self.pass_without_turn(request.text().to_owned(), path);
            self.renegotiations.push(request);
            self.ask(asked);
        } else {
            self.reply(&request, "{}");
            self.ask(asked);
            self.notify_by_layer();
        }
        Ok(())
    }

    /// What the inner host says to a renegotiation.
    pub(super) fn renegotiation_answered(&mut self, text: String) {
        let id = Head::read(&text)
            .ok()
            .and_then(|head| head.request_id)
            .unwrap_or_default();
        let open = self
            .renegotiations
            .iter()
            .position(|request| request.id().is_some_and(|open| same_id(open, id)));
        let Some(open) = open else {
            self.outputs.push_back(Output::ToWidget(text));
            return;
        };
        let request = self.renegotiations.remove(open);
        let refused =
            find(&text, &["response", "error"]).is_some_and(|error| &text[error] != "null");
        if refused {
            self.reply(&request, "{}");
            self.add_to_last_notify(&names(request.text(), &["data", "capabilities"]));
            self.notify_by_layer();
        } else {
            let response = find(&text, &["response"]).map_or("{}", |range| &text[range]);
            self.reply(&request, response);
        }
    }

    /// The inner host tells what it approved (rule H3).
    pub(super) fn notified(&mut self, text: String) {
        if let Grant::Deciding(_) = self.grant {
            match &mut self.notify {
                Notify::Held(held) => held.push_back(text),
                Notify::ByHost | Notify::ByLayer => {
                    self.notify = Notify::Held(VecDeque::from([text]))
                }
            }
            return;
        }
        let told = self.with_turn(&text);
        self.last_notify = Some(text.into_boxed_str());
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
                    self.take_from_host(text);
                }
            }
        }
    }

    fn ask(&mut self, asked: TurnCapability) {
        self.asked = self.asked.union(asked);
        match self.grant {
            Grant::Granted | Grant::Deciding(_) => {}
            Grant::Unasked | Grant::Denied => {
                let token = AskToken(self.next_number());
                self.grant = Grant::Deciding(token.clone());
                self.outputs.push_back(Output::Ask(token, self.asked));
            }
        }
    }

    /// The widget is told by the layer: now, or once somebody has decided.
    fn notify_by_layer(&mut self) {
        match (&self.grant, &self.notify) {
            (Grant::Deciding(_), Notify::ByHost) => self.notify = Notify::ByLayer,
            (Grant::Deciding(_), Notify::ByLayer | Notify::Held(_)) => {}
            (Grant::Unasked | Grant::Granted | Grant::Denied, _) => self.send_notify(),
        }
    }

    fn send_notify(&mut self) {
        let id = self.next_id();
        let last = self.last_notify.as_deref();
        let data = last
            .and_then(|notify| Some(&notify[find(notify, &["data"])?]))
            .unwrap_or(r#"{"requested":[],"approved":[]}"#);
        let text = request_to_widget(&self.config.widget_id, &id, NOTIFY_CAPABILITIES, data);
        let told = self.with_turn(&text);
        self.outputs.push_back(Output::ToWidget(told));
    }

    /// Rules H2 and H3: requested by the names it was asked for, approved only if granted.
    fn with_turn(&self, notify: &str) -> String {
        let text = edit_names(notify.to_owned(), REQUESTED, |_| true, self.asked.names());
        if self.grant.is_granted() {
            edit_names(text, APPROVED, |_| true, self.asked.names())
        } else {
            text
        }
    }

    fn add_to_last_notify(&mut self, wanted: &[String]) {
        let none = || {
            request_to_widget(
                &self.config.widget_id,
                "",
                NOTIFY_CAPABILITIES,
                r#"{"requested":[],"approved":[]}"#,
            )
        };
        let last = self.last_notify.take().map_or_else(none, String::from);
        let others = wanted.iter().filter(|name| !TurnCapability::is_name(name));
        self.last_notify = Some(edit_names(last, REQUESTED, |_| true, others).into_boxed_str());
    }

    /// Rule H2: the inner host does not see the names.
    fn pass_without_turn(&mut self, text: String, path: &[&str]) {
        let none: [&str; 0] = [];
        let text = edit_names(text, path, |name| !TurnCapability::is_name(name), none);
        self.outputs.push_back(Output::ToHost(text));
    }
}
