//! One tab of the page, and the host behind it.

mod host;
mod question;
mod relays;
#[cfg(test)]
mod tests;
mod window;

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use widget_turn::{Grants, Supply, TrustedOrigins, TurnFeed};
use widget_turn_proto::{Api, Head};

use crate::capability::Capability;
use crate::event::{Event, Permission, Reporter};
use crate::observed::LastFetch;
use crate::page::{Decision, FromPage, PageSession, ToPage};
use host::{Served, wanted_in};
use question::{Decider, Question};
use relays::RelayTest;
use window::Window;

pub(crate) use host::Host;

/// What all tabs share.
pub(crate) struct Shared {
    pub(crate) feed: TurnFeed,
    pub(crate) host: Host,
    pub(crate) trusted: TrustedOrigins,
    pub(crate) grants: Grants,
    pub(crate) fetches: watch::Receiver<Option<LastFetch>>,
    /// Why the homeserver cannot be reached; `None` while it can.
    pub(crate) outage: watch::Receiver<Option<String>>,
    pub(crate) reporter: Arc<Reporter>,
}

/// Serves one tab until it closes.
pub(crate) async fn run(mut page: PageSession, number: u64, shared: Arc<Shared>) {
    shared.reporter.report(&Event::Session {
        session: number,
        open: true,
    });
    let (to_person, mut questions) = mpsc::channel(1);
    let decider = Decider::new(shared.clone(), to_person, page.outgoing.clone());
    let served = shared.host.serve(&shared.feed, decider.clone());
    let mut tab = Tab {
        number,
        shared: &shared,
        decider,
        outgoing: page.outgoing,
        question: None,
        asked: 0,
        relay_test: None,
        window: Window::new(shared.host.widget_id()),
    };
    tab.serve(&mut page.incoming, served, &mut questions).await;
    shared.reporter.report(&Event::Session {
        session: number,
        open: false,
    });
}

struct Tab<'a> {
    number: u64,
    shared: &'a Shared,
    decider: Decider,
    outgoing: mpsc::Sender<ToPage>,
    /// What the person is being asked. A widget asks one thing at a time.
    question: Option<(u64, Question)>,
    /// How many questions there were.
    asked: u64,
    /// The last that the person wanted.
    relay_test: Option<RelayTest>,
    window: Window,
}

impl Tab<'_> {
    /// `None` when the tab or what serves it has ended, and nothing else.
    async fn serve(
        &mut self,
        incoming: &mut mpsc::Receiver<FromPage>,
        mut served: Served,
        questions: &mut mpsc::Receiver<Question>,
    ) -> Option<Infallible> {
        let mut fetches = self.shared.fetches.clone();
        let mut outage = self.shared.outage.clone();
        // The page takes it that all is well until it is told otherwise.
        if outage.borrow().is_some() {
            outage.mark_changed();
        }
        loop {
            let closed_until = self.window.closed_until();
            tokio::select! {
                said = incoming.recv(), if closed_until.is_none() => match said? {
                    FromPage::Message(text) => {
                        self.note_from_widget(&text);
                        let question = self.window.pass(text.len());
                        served.send(text).await?;
                        if let Some(question) = question {
                            served.send(question).await?;
                        }
                    }
                    FromPage::Loaded => served.page_loaded().await?,
                    FromPage::Decision { id, decision } => self.decided(id, decision),
                    FromPage::TestRelays => self.test_relays(),
                },
                () = sleep_until(closed_until.unwrap_or_else(Instant::now)), if closed_until.is_some() => {
                    self.window.open();
                }
                text = served.recv() => {
                    let text = text?;
                    let head = Head::read(&text);
                    if head.as_ref().is_ok_and(|head| self.window.is_answer(head)) {
                        continue;
                    }
                    let credentials = head.ok().and_then(|head| self.note_to_widget(&head));
                    self.tell(ToPage::Message(text)).await?;
                    if let Some(credentials) = credentials {
                        self.tell(credentials).await?;
                    }
                }
                Some(question) = questions.recv() => self.ask(question).await?,
                () = withdrawn(&mut self.question) => self.withdraw().await?,
                Ok(()) = fetches.changed() => {
                    let last = fetches.borrow_and_update().clone();
                    if let Some(last) = last {
                        self.tell(last.to_page()).await?;
                    }
                }
                Ok(()) = outage.changed() => {
                    let outage = outage.borrow_and_update().clone();
                    self.tell(ToPage::Homeserver { outage }).await?;
                }
            }
        }
    }

    /// One at a time: the answer comes, and can be asked for again.
    fn test_relays(&mut self) {
        if self.relay_test.as_ref().is_none_or(RelayTest::is_over) {
            let feed = self.shared.feed.clone();
            self.relay_test = Some(RelayTest::start(feed, self.outgoing.clone()));
        }
    }

    async fn tell(&self, what: ToPage) -> Option<()> {
        self.outgoing.send(what).await.ok()
    }

    async fn ask(&mut self, question: Question) -> Option<()> {
        self.withdraw().await?;
        self.asked += 1;
        self.report_permission(Permission::Asked, names(&question.open));
        let ask = ToPage::AskPermission {
            id: self.asked,
            origin: self.shared.host.grantee().origin.to_string(),
            capabilities: question.open.clone(),
            held: question.held.clone(),
            unavailable: question.unavailable.clone(),
            refused: question.refused,
        };
        self.question = Some((self.asked, question));
        self.tell(ask).await
    }

    async fn withdraw(&mut self) -> Option<()> {
        let Some((id, question)) = self.question.take() else {
            return Some(());
        };
        self.report_permission(Permission::Withdrawn, names(&question.open));
        self.tell(ToPage::WithdrawPermission { id }).await
    }

    fn decided(&mut self, id: u64, decision: Decision) {
        // A late answer to another question counts for nothing.
        let Some((_, question)) = self.question.take_if(|(open, _)| *open == id) else {
            return;
        };
        let open = names(&question.open);
        let asked = |mut chosen: Vec<String>| {
            chosen.retain(|name| open.contains(name));
            chosen
        };
        let decision = match decision {
            Decision::AllowOnce(chosen) => Decision::AllowOnce(asked(chosen)),
            Decision::AllowAlways(chosen) => Decision::AllowAlways(asked(chosen)),
            Decision::Deny => Decision::Deny,
        };
        let (permission, about) = match &decision {
            Decision::AllowOnce(chosen) if !chosen.is_empty() => {
                (Permission::AllowOnce, chosen.clone())
            }
            Decision::AllowAlways(chosen) if !chosen.is_empty() => {
                (Permission::AllowAlways, chosen.clone())
            }
            _ => (Permission::Deny, open),
        };
        self.report_permission(permission, about);
        // Fails if it no longer matters.
        let _ = question.answer.send(decision);
    }

    fn report_permission(&self, decision: Permission, capabilities: Vec<String>) {
        self.shared.reporter.report(&Event::Permission {
            session: self.number,
            origin: self.shared.host.grantee().origin.to_string(),
            decision,
            capabilities,
        });
    }

    fn note_from_widget(&self, text: &str) {
        let Ok(head) = Head::read(text) else { return };
        let session = self.number;
        match (head.api, head.is_response, &*head.action) {
            (Api::FromWidget, false, "watch_turn_servers") => {
                self.shared.reporter.report(&Event::Watch { session })
            }
            (Api::FromWidget, false, "unwatch_turn_servers") => {
                self.shared.reporter.report(&Event::Unwatch { session });
            }
            (Api::ToWidget, true, "capabilities")
            | (Api::FromWidget, false, "org.matrix.msc2974.request_capabilities") => {
                self.decider.hear(wanted_in(text));
            }
            _ => {}
        }
    }

    /// What the page shows of an update: how long the credentials last.
    fn note_to_widget(&self, head: &Head<'_>) -> Option<ToPage> {
        let is_update =
            head.api == Api::ToWidget && !head.is_response && head.action == "update_turn_servers";
        if !is_update {
            return None;
        }
        let Supply::Ready { server, expires_at } = self.shared.feed.supply() else {
            return None;
        };
        let expires_in = expires_at - self.shared.feed.now();
        self.shared.reporter.report(&Event::Update {
            session: self.number,
            uris: server.uris().len(),
            expires_in: expires_in.as_secs_f64(),
        });
        let ttl = self
            .shared
            .fetches
            .borrow()
            .as_ref()
            .and_then(|fetch| fetch.ttl);
        Some(ToPage::Credentials {
            username: server.username().to_owned(),
            expires_in,
            lifetime: ttl.unwrap_or(expires_in),
            uris: server.uris().to_vec(),
        })
    }
}

fn names(capabilities: &[Capability]) -> Vec<String> {
    let names = capabilities
        .iter()
        .map(|capability| capability.name.clone());
    names.collect()
}

async fn withdrawn(question: &mut Option<(u64, Question)>) {
    match question {
        Some((_, question)) => question.answer.closed().await,
        None => std::future::pending().await,
    }
}
