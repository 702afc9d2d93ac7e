//! What a widget may have: by trust, by what was granted before, and by asking the person.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use widget_turn::{GrantsError, TurnCapability};

use super::Shared;
use crate::capability::Capability;
use crate::event::Event;
use crate::page::{Decision, ToPage};

/// More than any widget needs, and as many as a person could look at; no name that means anything is longer.
const MOST_NAMES: usize = 1000;
const LONGEST_NAME: usize = 1024;

/// A question that is with the person. Dropping it denies.
pub(super) struct Question {
    /// What there is to decide on.
    pub(super) open: Vec<Capability>,
    /// What the widget has already.
    pub(super) held: Vec<Capability>,
    /// What this host has not.
    pub(super) unavailable: Vec<Capability>,
    /// How many names more nobody is asked about.
    pub(super) refused: usize,
    /// Where the answer goes, which names what is open and nothing else; closed once it no longer matters.
    pub(super) answer: oneshot::Sender<Decision>,
}

/// Decides on all that one tab's widget asks for (rule P2).
#[derive(Clone)]
pub(super) struct Decider {
    shared: Arc<Shared>,
    questions: mpsc::Sender<Question>,
    to_page: mpsc::Sender<ToPage>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Decider {
    pub(super) fn new(
        shared: Arc<Shared>,
        questions: mpsc::Sender<Question>,
        to_page: mpsc::Sender<ToPage>,
    ) -> Self {
        Self {
            shared,
            questions,
            to_page,
            heard: Arc::default(),
        }
    }

    /// Takes all that the widget has asked for, where its host would not pass it on.
    pub(super) fn hear(&self, wanted: Vec<String>) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }

    pub(super) fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names among `wanted` that are approved. It takes as long as the person takes (rule H4); dropping it withdraws the
    /// question.
    pub(super) async fn decide(&self, wanted: Vec<String>) -> Vec<String> {
        if self
            .shared
            .trusted
            .trusts(&self.shared.host.grantee().origin)
        {
            return wanted;
        }
        let (wanted, refused) = bounded(wanted);
        let held = self.held(&wanted).await;
        let (answer, answered) = oneshot::channel();
        let mut question = Question {
            open: Vec::new(),
            held: held.iter().map(|name| Capability::new(name)).collect(),
            unavailable: Vec::new(),
            refused,
            answer,
        };
        let mut asks_for_turn = false;
        for name in wanted.iter().filter(|name| !held.contains(name)) {
            // Its two names are one thing to decide on.
            if TurnCapability::is_name(name) && std::mem::replace(&mut asks_for_turn, true) {
                continue;
            }
            let place = if self.shared.host.has(name) {
                &mut question.open
            } else {
                &mut question.unavailable
            };
            place.push(Capability::new(name));
        }
        if question.open.is_empty() {
            return held;
        }
        // Nobody is there to be asked once the tab has gone.
        let decision = match self.questions.send(question).await {
            Ok(()) => answered.await.unwrap_or(Decision::Deny),
            Err(_) => Decision::Deny,
        };
        let (chosen, always) = match decision {
            Decision::Deny => return held,
            Decision::AllowOnce(chosen) => (chosen, false),
            Decision::AllowAlways(chosen) => (chosen, true),
        };
        if always {
            self.remember(&chosen).await;
        }
        let has_turn = chosen.iter().any(|name| TurnCapability::is_name(name));
        wanted
            .into_iter()
            .filter(|name| {
                held.contains(name)
                    || chosen.contains(name)
                    || has_turn && TurnCapability::is_name(name)
            })
            .collect()
    }

    /// What nobody needs to be asked about, in the order of `wanted`.
    async fn held(&self, wanted: &[String]) -> Vec<String> {
        let (grants, grantee) = (self.shared.grants.clone(), self.shared.host.grantee());
        let asked = wanted.to_vec();
        // A home folder may be on a network that is down: no other task should wait for it.
        let look = tokio::task::spawn_blocking(move || grants.granted(&grantee, asked));
        let granted = match look.await {
            Ok(Ok(granted)) => granted,
            Ok(Err(error)) => {
                self.tell(format!("What you granted for always is not known: {error}"))
                    .await;
                Vec::new()
            }
            // The runtime is shutting down.
            Err(_) => Vec::new(),
        };
        let granted: HashSet<_> = granted.into_iter().collect();
        wanted
            .iter()
            .filter(|name| self.shared.host.implies(name) || granted.contains(*name))
            .cloned()
            .collect()
    }

    async fn remember(&self, chosen: &[String]) {
        let (grants, grantee) = (self.shared.grants.clone(), self.shared.host.grantee());
        let chosen = chosen.to_vec();
        // Writing waits for the disk, and for other processes that write.
        let write = tokio::task::spawn_blocking(move || grants.grant(&grantee, chosen));
        let written: Result<Result<(), GrantsError>, _> = write.await;
        if let Ok(Err(error)) = written {
            self.tell(format!(
                "What you allowed for always holds this once only: {error}"
            ))
            .await;
        }
    }

    /// Something went wrong that the person should know of.
    async fn tell(&self, message: String) {
        self.shared.reporter.report(&Event::Error {
            message: message.clone(),
        });
        // Fails if the tab has gone.
        let _ = self.to_page.send(ToPage::Trouble { message }).await;
    }
}

/// Each name once, and no more than a person can be asked about; and how many names that leaves out.
fn bounded(wanted: Vec<String>) -> (Vec<String>, usize) {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    let mut refused = 0;
    for name in wanted {
        if !seen.insert(name.clone()) {
            continue;
        }
        if name.len() <= LONGEST_NAME && names.len() < MOST_NAMES {
            names.push(name);
        } else {
            refused += 1;
        }
    }
    (names, refused)
}
