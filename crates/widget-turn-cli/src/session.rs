//! One tab of the page, and the layer behind it.

use std::convert::Infallible;
use std::sync::Arc;

use matrix_sdk::Room;
use matrix_sdk::widget::WidgetSettings;
use tokio::sync::{mpsc, watch};
use widget_turn::{
    Answer, Ask, Grants, InnerHost, Inquiry, LayerConfig, PermissionPolicy, PermissionRequest,
    Remembered, Supply, TrustedOrigins, TurnFeed, TurnLayer,
};
use widget_turn_matrix_sdk::{CapabilityRequest, TurnWidgetDriver};
use widget_turn_proto::{Api, Head};

use crate::event::{Event, Permission, Reporter};
use crate::observed::LastFetch;
use crate::page::{Decision, FromPage, PageSession, ToPage};

/// What all tabs share.
pub(crate) struct Shared {
    pub(crate) feed: TurnFeed,
    pub(crate) host: Host,
    pub(crate) trusted: TrustedOrigins,
    pub(crate) grants: Grants,
    pub(crate) fetches: watch::Receiver<Option<LastFetch>>,
    /// Why the homeserver cannot be reached; `None` while it can.
    #[expect(dead_code, reason = "the page does not show it yet")]
    pub(crate) outage: watch::Receiver<Option<String>>,
    pub(crate) reporter: Arc<Reporter>,
}

/// What stands behind a tab.
pub(crate) enum Host {
    /// The bare handshake.
    Handshake(LayerConfig),
    /// A room of an account.
    Room {
        settings: WidgetSettings,
        room: Room,
    },
}

/// What a tab's widget speaks with.
enum Layer {
    Handshake(TurnLayer),
    Room(TurnWidgetDriver),
}

impl Layer {
    async fn send(&mut self, text: String) -> bool {
        match self {
            Self::Handshake(layer) => layer.send(text).await,
            Self::Room(driver) => driver.send(text).await,
        }
    }

    async fn page_loaded(&mut self) -> bool {
        match self {
            Self::Handshake(layer) => layer.page_loaded().await,
            Self::Room(driver) => driver.page_loaded().await,
        }
    }

    async fn recv(&mut self) -> Option<String> {
        match self {
            Self::Handshake(layer) => layer.recv().await,
            Self::Room(driver) => driver.recv().await,
        }
    }
}

/// Serves one tab until it closes.
pub(crate) async fn run(mut page: PageSession, number: u64, shared: Arc<Shared>) {
    shared.reporter.report(&Event::Session {
        session: number,
        open: true,
    });
    let (to_person, mut inquiries) = mpsc::channel(1);
    let policy = shared
        .trusted
        .clone()
        .or(Remembered::new(shared.grants.clone()))
        .or(Ask::remembering(to_person, shared.grants.clone()));
    let layer = match &shared.host {
        Host::Handshake(config) => Layer::Handshake(TurnLayer::spawn(
            InnerHost::handshake(),
            &shared.feed,
            policy,
            config.clone(),
        )),
        Host::Room { settings, room } => {
            let (trusted, policy) = (shared.trusted.clone(), Arc::new(policy));
            let decide = move |request: CapabilityRequest| {
                let (trusted, policy) = (trusted.clone(), policy.clone());
                async move { approved(request, &trusted, &*policy).await }
            };
            let driver =
                TurnWidgetDriver::spawn(settings.clone(), room.clone(), decide, &shared.feed);
            Layer::Room(driver)
        }
    };
    let mut tab = Tab {
        number,
        shared: &shared,
        outgoing: page.outgoing,
        question: None,
        questions: 0,
    };
    tab.serve(&mut page.incoming, layer, &mut inquiries).await;
    shared.reporter.report(&Event::Session {
        session: number,
        open: false,
    });
}

/// All for a trusted origin; for others TURN, if `policy` grants it.
async fn approved(
    request: CapabilityRequest,
    trusted: &TrustedOrigins,
    policy: &impl PermissionPolicy,
) -> Vec<String> {
    let of_origin = PermissionRequest::new(
        request.origin.clone(),
        &*request.account,
        Some(request.room.clone()),
        ["m.turn_servers"].into_iter().collect(),
    );
    if trusted.decide(&of_origin).await.is_grant() {
        return request.capabilities;
    }
    match request.turn() {
        Some(turn) if policy.decide(&turn).await.is_grant() => {
            turn.capability.names().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

struct Tab<'a> {
    number: u64,
    shared: &'a Shared,
    outgoing: mpsc::Sender<ToPage>,
    /// What the person is being asked. A layer asks one thing at a time.
    question: Option<(u64, Inquiry)>,
    questions: u64,
}

impl Tab<'_> {
    /// `None` when the tab or the layer has ended, and nothing else.
    async fn serve(
        &mut self,
        incoming: &mut mpsc::Receiver<FromPage>,
        mut layer: Layer,
        inquiries: &mut mpsc::Receiver<Inquiry>,
    ) -> Option<Infallible> {
        let mut fetches = self.shared.fetches.clone();
        loop {
            tokio::select! {
                said = incoming.recv() => match said? {
                    FromPage::Message(text) => {
                        self.note_from_widget(&text);
                        layer.send(text).await.then_some(())?;
                    }
                    FromPage::Loaded => layer.page_loaded().await.then_some(())?,
                    FromPage::Decision { id, decision } => self.decided(id, decision),
                },
                text = layer.recv() => {
                    let text = text?;
                    let credentials = self.note_to_widget(&text);
                    self.tell(ToPage::Message(text)).await?;
                    if let Some(credentials) = credentials {
                        self.tell(credentials).await?;
                    }
                }
                Some(inquiry) = inquiries.recv() => self.ask(inquiry).await?,
                () = withdrawn(&self.question) => self.withdraw().await?,
                Ok(()) = fetches.changed() => {
                    let last = fetches.borrow_and_update().clone();
                    if let Some(last) = last {
                        self.tell(last.to_page()).await?;
                    }
                }
            }
        }
    }

    async fn tell(&self, what: ToPage) -> Option<()> {
        self.outgoing.send(what).await.ok()
    }

    async fn ask(&mut self, inquiry: Inquiry) -> Option<()> {
        self.withdraw().await?;
        self.questions += 1;
        let request = inquiry.request();
        let origin = request.origin.to_string();
        let question = ToPage::AskPermission {
            id: self.questions,
            origin: origin.clone(),
            capabilities: request.capability.names().map(str::to_owned).collect(),
        };
        self.report_permission(origin, Permission::Asked);
        self.question = Some((self.questions, inquiry));
        self.tell(question).await
    }

    async fn withdraw(&mut self) -> Option<()> {
        let Some((id, inquiry)) = self.question.take() else {
            return Some(());
        };
        self.report_permission(inquiry.request().origin.to_string(), Permission::Withdrawn);
        self.tell(ToPage::WithdrawPermission { id }).await
    }

    fn decided(&mut self, id: u64, decision: Decision) {
        // A late answer to another question counts for nothing.
        let Some((_, inquiry)) = self.question.take_if(|(open, _)| *open == id) else {
            return;
        };
        let (answer, permission) = match decision {
            Decision::AllowOnce => (Answer::Once, Permission::AllowOnce),
            Decision::AllowAlways => (Answer::Always, Permission::AllowAlways),
            Decision::Deny => (Answer::Deny, Permission::Deny),
        };
        self.report_permission(inquiry.request().origin.to_string(), permission);
        inquiry.answer(answer);
    }

    fn report_permission(&self, origin: String, decision: Permission) {
        let session = self.number;
        self.shared.reporter.report(&Event::Permission {
            session,
            origin,
            decision,
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
            _ => {}
        }
    }

    /// What the page shows of an update: how long the credentials last.
    fn note_to_widget(&self, text: &str) -> Option<ToPage> {
        let head = Head::read(text).ok()?;
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

async fn withdrawn(question: &Option<(u64, Inquiry)>) {
    match question {
        Some((_, inquiry)) => inquiry.withdrawn().await,
        None => std::future::pending().await,
    }
}
