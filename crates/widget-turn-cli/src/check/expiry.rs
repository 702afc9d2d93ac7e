//! Holds relays past the expiry of the credentials that opened them, and sees what the server says then.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turn_types::AddressFamily;

use super::client::Client;
use super::fault::Fault;
use super::lint::span;
use super::probe::{LIFETIME, Probe, Session, signer};
use super::report::expiry::ExpiryReport;
use super::report::{AddressReport, Outcome, ServerReport, Step, StepName};
use super::round::{Settings, Source, Supply};
use super::target::Target;
use crate::credentials::expiry_of;
use crate::stun::request::Request;

/// For how many seconds after the expiry a server that still gives relays may have a clock that is behind.
const TOLERANCE: u64 = 30;
/// Between two looks at the clock, and between two tries while the server's clock may be behind.
const TICK: Duration = Duration::from_secs(1);
/// How often a relay is refreshed while nothing happens: no NAT on the way forgets it.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

impl Settings {
    /// Waits until the credentials have expired and adds what follows to each address that relays. A step for the
    /// credentials if there is nothing to wait for.
    pub(super) async fn observe_expiry(
        &self,
        probe: &Probe,
        servers: &mut [ServerReport],
    ) -> Option<Step> {
        let expiry = match expiry_of(&probe.username) {
            None => {
                return Some(unobserved(
                    "they never expire: there is no expiry to wait for",
                ));
            }
            Some(expiry) if (self.clock)() > expiry => {
                let step = unobserved("they expired before a relay could be held until then");
                return Some(
                    step.advise("Take credentials that live longer than the check (--ttl)."),
                );
            }
            Some(expiry) => expiry,
        };
        let places = places(servers);
        let mut reports: Vec<Option<ExpiryReport>> = vec![None; places.len()];
        let mut held = Vec::new();
        for (place, report) in places.iter().zip(&mut reports) {
            match hold(probe, place).await {
                Ok(relay) => held.push((report, relay)),
                Err(fault) => {
                    *report = Some(ExpiryReport::of(vec![failed(StepName::Allocate, &fault)]));
                }
            }
        }
        let waited = wait(probe, expiry, &mut held).await;
        let mut fresh = None;
        for (report, mut relay) in held {
            let mut steps = match waited {
                Ok(()) => relay.try_expired(probe, expiry).await,
                Err(Interrupted) => Vec::new(),
            };
            steps.push(relay.delete(self, probe, &mut fresh).await);
            if !probe.is_interrupted() {
                *report = Some(ExpiryReport::of(steps));
            }
        }
        for (address, report) in relaying(servers).zip(reports) {
            address.expiry = report;
        }
        None
    }
}

fn unobserved(why: &str) -> Step {
    Step::seen(StepName::Credentials, Outcome::Skipped, why)
}

/// An address that relays.
struct Place {
    uri: String,
    target: Target,
    server: SocketAddr,
    family: Option<AddressFamily>,
}

/// Every address that relays, in the order of [`relaying`].
fn places(servers: &mut [ServerReport]) -> Vec<Place> {
    let mut places = Vec::new();
    for server in servers {
        let uri = server.uri.clone();
        let target = Target::read(&uri).expect("what relays has a URI that could be read");
        for address in relaying(std::slice::from_mut(server)) {
            let parsed = address.address.parse();
            let relay: Option<SocketAddr> = address
                .relayed_address
                .as_ref()
                .and_then(|it| it.parse().ok());
            places.push(Place {
                uri: uri.clone(),
                target: target.clone(),
                server: parsed.expect("it was written by a socket address"),
                // Some servers want IPv6 to be asked for.
                family: relay
                    .filter(SocketAddr::is_ipv6)
                    .map(|_| AddressFamily::IPV6),
            });
        }
    }
    places
}

fn relaying(servers: &mut [ServerReport]) -> impl Iterator<Item = &mut AddressReport> {
    let addresses = servers.iter_mut().flat_map(|server| &mut server.addresses);
    addresses.filter(|address| address.relays)
}

/// A relay that is kept until the credentials have expired.
struct Held<'a> {
    session: Session<'a>,
    client: Client,
    family: Option<AddressFamily>,
    /// What keeps a relay going, and whether the server grants it before the expiry.
    requests: [(StepName, Request, Result<(), Fault>); 3],
}

/// Opens a relay to be kept.
async fn hold<'a>(probe: &'a Probe, place: &'a Place) -> Result<Held<'a>, Fault> {
    let session = Session::new(probe, &place.uri, &place.target, place.server);
    let family = place.family;
    session.show(StepName::Allocate);
    let mut client = session.second_client().await?;
    let granted = session.ask_for_relay(&mut client, family).await;
    let relay = match granted {
        Ok(granted) => granted.response.relayed,
        Err((fault, _)) => {
            session.give_up(&mut client).await;
            return Err(fault);
        }
    };
    // The own relay is as good a peer as any: nothing is sent to it.
    let peer = relay.unwrap_or(place.server);
    let mut requests = [
        (StepName::Refresh, Request::Refresh(LIFETIME), Ok(())),
        (
            StepName::Permission,
            Request::CreatePermission(peer),
            Ok(()),
        ),
        (StepName::Channel, Request::ChannelBind(peer), Ok(())),
    ];
    for (_, request, before) in &mut requests {
        *before = ask(probe, &mut client, *request).await;
    }
    Ok(Held {
        session,
        client,
        family,
        requests,
    })
}

async fn ask(probe: &Probe, client: &mut Client, request: Request) -> Result<(), Fault> {
    let asked = client.call(request, probe.limit);
    probe.unless_interrupted(asked).await.map(|_| ())
}

#[derive(Clone, Copy)]
struct Interrupted;

/// Keeps the relays until the expiry is past.
async fn wait(
    probe: &Probe,
    expiry: u64,
    held: &mut [(&mut Option<ExpiryReport>, Held<'_>)],
) -> Result<(), Interrupted> {
    let mut refreshed = Instant::now();
    loop {
        let now = (probe.clock)();
        if held.is_empty() || now > expiry {
            return Ok(());
        }
        let left = format!("{} left", span(expiry - now + 1));
        probe
            .progress
            .show("waiting for the credentials to expire", &left);
        if refreshed.elapsed() > KEEP_ALIVE {
            refreshed = Instant::now();
            for (_, relay) in &mut *held {
                // A relay that is lost is found out afterwards.
                let _ = ask(probe, &mut relay.client, Request::Refresh(LIFETIME)).await;
            }
        }
        pause(probe).await?;
    }
}

async fn pause(probe: &Probe) -> Result<(), Interrupted> {
    tokio::select! {
        () = probe.interruption() => Err(Interrupted),
        () = sleep(TICK) => Ok(()),
    }
}

impl Held<'_> {
    /// Asks for a new relay and for whatever keeps the old one going.
    async fn try_expired(&mut self, probe: &Probe, expiry: u64) -> Vec<Step> {
        self.session.show(StepName::Allocate);
        let mut steps = vec![self.try_allocation(probe, expiry).await];
        for (name, request, before) in &self.requests {
            self.session.show(*name);
            let started = Instant::now();
            let step = match before {
                Ok(()) => judged(*name, ask(probe, &mut self.client, *request).await),
                Err(fault) => {
                    let detail =
                        format!("not granted before the expiry either: {}", fault.happened());
                    Step::seen(*name, Outcome::Skipped, detail)
                }
            };
            steps.push(step.took(started.elapsed()));
        }
        steps
    }

    /// Asks for a new relay until it is refused, or the server's clock cannot be so far behind.
    async fn try_allocation(&mut self, probe: &Probe, expiry: u64) -> Step {
        loop {
            let started = Instant::now();
            let result = match self.session.second_client().await {
                Ok(mut client) => {
                    let asked = client.allocate(self.family, probe.limit);
                    let result = probe.unless_interrupted(asked).await.map(|_| ());
                    self.session.give_up(&mut client).await;
                    result
                }
                Err(fault) => Err(fault),
            };
            let late = (probe.clock)() > expiry.saturating_add(TOLERANCE);
            if late || result.is_err() || pause(probe).await.is_err() {
                return judged(StepName::Allocate, result).took(started.elapsed());
            }
        }
    }

    /// Deletes the relay, by other credentials if the server refuses it to expired ones.
    async fn delete(
        &mut self,
        settings: &Settings,
        probe: &Probe,
        fresh: &mut Option<Supply>,
    ) -> Step {
        self.session.show(StepName::Delete);
        let started = Instant::now();
        let mut deleted = self.client.delete(probe.limit).await;
        let mut detail = None;
        if matches!(&deleted, Err(fault) if fault.code().is_some()) {
            if fresh.is_none() && !matches!(settings.source, Source::Given { .. }) {
                (_, *fresh) = settings.supply().await;
            }
            if let Some(Supply {
                username, password, ..
            }) = fresh
            {
                self.client.sign_as(signer(username, password));
                deleted = self.client.delete(probe.limit).await;
                detail = Some("by fresh credentials".to_owned());
            }
        }
        probe.quota.note_deletion();
        let mut step = judged(StepName::Delete, deleted);
        if step.outcome == Outcome::Ok {
            step.detail = detail;
        } else {
            step.advice = Some(
                "The relay stays until its lifetime ends, ten minutes as a rule, and counts against the user's quota."
                    .to_owned(),
            );
        }
        step.took(started.elapsed())
    }
}

/// A refusal is what was looked for; anything else that is no success is a fault.
fn judged(name: StepName, result: Result<(), Fault>) -> Step {
    match result {
        Ok(()) => {
            let mut step = Step::seen(name, Outcome::Ok, "");
            step.detail = None;
            step
        }
        Err(fault) => {
            let mut step = failed(name, &fault);
            // Bad Request is pion's word for it.
            if matches!(fault.code(), Some(400 | 401 | 403 | 441)) {
                step.outcome = Outcome::Info;
            }
            step
        }
    }
}

fn failed(name: StepName, fault: &Fault) -> Step {
    let outcome = match fault {
        Fault::Interrupted => Outcome::Skipped,
        _ => Outcome::Failed,
    };
    let mut step = Step::seen(name, outcome, fault.happened());
    step.code = fault.code();
    step
}
