//! The task that runs a layer: one machine, one loop.

mod dropped;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use widget_turn_proto::{
    AskToken, HandshakeHost, MessageError, Output, Peer, Supply, Timestamp, TurnCapability,
    TurnLayer,
};

use super::status::Teller;
use super::{CAPACITY, LayerConfig, LayerStatus};
use crate::feed::{FeedWatch, TurnFeed};
use crate::host::{InnerHost, Kind};
use crate::permission::PermissionPolicy;
use crate::request::PermissionRequest;
use crate::runtime::{Instant, Panicked, Task, seed, sleep_until};
use dropped::Dropped;

/// What the client hands in.
pub(super) enum FromWidget {
    Message(String),
    PageLoad,
}

/// What an inner host that does not take its messages may leave lying before the widget is no longer listened to.
const HOST_BACKLOG: usize = 1024;

pub(super) struct Driver<P> {
    machine: TurnLayer,
    host: Host,
    feed: TurnFeed,
    watch: Option<FeedWatch>,
    policy: Arc<P>,
    config: LayerConfig,
    asking: Option<Asking>,
    to_widget: VecDeque<String>,
    dropped: Dropped,
    status: Teller,
    clock: Clock,
}

enum Host {
    Handshake(HandshakeHost),
    Channels {
        to_host: mpsc::Sender<String>,
        from_host: mpsc::Receiver<String>,
        backlog: VecDeque<String>,
    },
}

/// A question that is with the policy. Dropping it withdraws it.
struct Asking {
    token: AskToken,
    // A task of its own, so that a policy that panics takes nothing with it.
    granted: Task<bool>,
}

impl<P: PermissionPolicy> Driver<P> {
    pub(super) fn new(
        host: InnerHost,
        feed: TurnFeed,
        policy: P,
        config: LayerConfig,
        told: watch::Sender<LayerStatus>,
    ) -> Self {
        let seed = seed();
        let mut machine = widget_turn_proto::LayerConfig::new(&*config.widget_id);
        machine.seed = seed;
        machine.outage = config.outage;
        Self {
            machine: TurnLayer::new(machine),
            host: match host.0 {
                Kind::Handshake => Host::Handshake(HandshakeHost::new(&*config.widget_id, seed)),
                Kind::Channels { to_host, from_host } => Host::Channels {
                    to_host,
                    from_host,
                    backlog: VecDeque::new(),
                },
            },
            feed,
            watch: None,
            policy: Arc::new(policy),
            asking: None,
            to_widget: VecDeque::new(),
            dropped: Dropped::new(&config.widget_id),
            status: Teller::new(told),
            config,
            clock: Clock(Instant::now()),
        }
    }

    pub(super) async fn run(
        mut self,
        mut from_widget: mpsc::Receiver<FromWidget>,
        to_widget: mpsc::Sender<String>,
    ) {
        // One timer for all: making one costs more than most messages.
        let mut timer = pin!(sleep_until(self.clock.0));
        let mut armed = None;
        let mut gone = pin!(to_widget.closed());
        loop {
            self.carry_out();
            self.status
                .tell(self.asking.is_some(), self.watch.is_some());
            // What there is room for goes out at once.
            while let Some(text) = self.to_widget.pop_front() {
                match to_widget.try_send(text) {
                    Ok(()) => {}
                    Err(TrySendError::Full(text)) => {
                        self.to_widget.push_front(text);
                        break;
                    }
                    Err(TrySendError::Closed(_)) => return,
                }
            }
            // Back-pressure: a widget that does not read is not listened to, and its host neither. Time, decisions and
            // credentials go on.
            let flows = self.to_widget.len() < CAPACITY;
            let due = [self.machine.poll_timeout(), self.host.poll_timeout()];
            let due = due.into_iter().flatten().min();
            let deadline = due.map(|due| self.clock.instant(due));
            if let Some(deadline) = deadline.filter(|_| deadline != armed) {
                timer.as_mut().reset(deadline);
            }
            armed = deadline;
            tokio::select! {
                permit = to_widget.reserve(), if !self.to_widget.is_empty() => {
                    let Ok(permit) = permit else { return };
                    if let Some(text) = self.to_widget.pop_front() {
                        permit.send(text);
                    }
                }
                () = &mut gone => return,
                supply = changed(&mut self.watch) => self.machine.handle_supply(self.clock.now(), supply),
                (token, granted) = decided(&mut self.asking) => {
                    self.asking = None;
                    self.status.decided(granted);
                    if granted {
                        // Widgets ask for TURN servers as soon as they are told that they may.
                        self.feed.prefetch();
                    }
                    self.machine.handle_decision(self.clock.now(), &token, granted);
                }
                () = &mut timer, if deadline.is_some() => {
                    armed = None;
                    self.machine.handle_timeout(self.clock.now());
                    self.host.handle_timeout(self.clock.now());
                }
                said = self.host.exchange(flows) => match said {
                    Said::Text(text) => self.machine.handle_host_message(self.clock.now(), text),
                    Said::Delivered => {}
                    Said::Gone => break,
                },
                input = from_widget.recv(), if flows && self.host.backlog() < HOST_BACKLOG => match input {
                    Some(FromWidget::Message(text)) => self.machine.handle_widget_message(self.clock.now(), text),
                    Some(FromWidget::PageLoad) => self.page_loaded(),
                    None => return,
                },
            }
        }
        // The host has ended, and the layer with it; what it said before is still told.
        let said = std::mem::take(&mut self.to_widget);
        drop((self, from_widget));
        for text in said {
            if to_widget.send(text).await.is_err() {
                return;
            }
        }
    }

    /// The layer first: what the host says next is for the new page.
    fn page_loaded(&mut self) {
        self.status.page_loaded();
        self.machine.handle_page_load(self.clock.now());
        self.carry_out();
        self.host.page_loaded(self.clock.now());
    }

    /// Does what the machine wants, until it wants nothing more.
    fn carry_out(&mut self) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                match output {
                    Output::ToWidget(text) => self.to_widget.push_back(text),
                    Output::ToHost(text) => {
                        let now = self.clock.now();
                        if let Err(why) = self.host.take(now, text) {
                            self.dropped.note(now, Peer::Widget, &why);
                        }
                    }
                    Output::Ask(token, capability) => {
                        self.asking = Some(self.ask(token, capability))
                    }
                    Output::Withdraw(_) => self.asking = None,
                    Output::Watch => {
                        let mut watch = self.feed.watch();
                        self.machine
                            .handle_supply(self.clock.now(), watch.current());
                        self.watch = Some(watch);
                    }
                    Output::Unwatch => self.watch = None,
                    Output::Dropped(peer, why) => {
                        self.dropped.note(self.clock.now(), peer, &why);
                    }
                    _ => {}
                }
            }
            let Some(text) = self.host.poll() else { return };
            self.machine.handle_host_message(self.clock.now(), text);
        }
    }

    fn ask(&self, token: AskToken, capability: TurnCapability) -> Asking {
        let policy = self.policy.clone();
        let LayerConfig {
            origin,
            account,
            room,
            ..
        } = self.config.clone();
        let request = PermissionRequest::new(origin, account, room, capability);
        let granted = Task::spawn(async move { policy.decide(&request).await.is_grant() });
        Asking { token, granted }
    }
}

/// The machines' clock: awake time is enough for their limits of seconds.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Timestamp {
        Timestamp::new(self.0.elapsed())
    }

    fn instant(self, moment: Timestamp) -> Instant {
        self.0 + moment.since_origin()
    }
}

/// What comes of waiting for the inner host.
enum Said {
    Text(String),
    Delivered,
    Gone,
}

impl Host {
    /// Takes a message for the inner host, without waiting.
    fn take(&mut self, now: Timestamp, text: String) -> Result<(), MessageError> {
        match self {
            Self::Handshake(host) => host.handle_message(now, text),
            Self::Channels { backlog, .. } => {
                backlog.push_back(text);
                Ok(())
            }
        }
    }

    /// What the inner host says without being waited for.
    fn poll(&mut self) -> Option<String> {
        match self {
            Self::Handshake(host) => host.poll_output(),
            Self::Channels { .. } => None,
        }
    }

    fn page_loaded(&mut self, now: Timestamp) {
        if let Self::Handshake(host) = self {
            host.handle_page_load(now);
        }
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        match self {
            Self::Handshake(host) => host.poll_timeout(),
            Self::Channels { .. } => None,
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        if let Self::Handshake(host) = self {
            host.handle_timeout(now);
        }
    }

    fn backlog(&self) -> usize {
        match self {
            Self::Handshake(_) => 0,
            Self::Channels { backlog, .. } => backlog.len(),
        }
    }

    /// Waits until the inner host takes a message or, if `listening`, says something.
    async fn exchange(&mut self, listening: bool) -> Said {
        match self {
            Self::Handshake(_) => std::future::pending().await,
            Self::Channels {
                to_host,
                from_host,
                backlog,
            } => tokio::select! {
                permit = to_host.reserve(), if !backlog.is_empty() => {
                    match (permit, backlog.pop_front()) {
                        (Ok(permit), Some(text)) => permit.send(text),
                        // It has ended, once what it said before is heard.
                        _ => from_host.close(),
                    }
                    Said::Delivered
                },
                text = from_host.recv(), if listening => text.map_or(Said::Gone, Said::Text),
                else => std::future::pending().await,
            },
        }
    }
}

async fn changed(watch: &mut Option<FeedWatch>) -> Supply {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

async fn decided(asking: &mut Option<Asking>) -> (AskToken, bool) {
    match asking {
        Some(asking) => {
            let granted = match (&mut asking.granted).await {
                Ok(granted) => granted,
                // Rule P1: what did not say yes has not said yes.
                Err(Panicked) => {
                    tracing::error!("the permission policy panicked");
                    false
                }
            };
            (asking.token.clone(), granted)
        }
        None => std::future::pending().await,
    }
}
