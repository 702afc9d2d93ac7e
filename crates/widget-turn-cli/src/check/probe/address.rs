//! Tries one address: connect, TLS, Binding, Allocate, the relay, a round trip through it, Refresh, delete.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_types::AddressFamily;

use super::Probe;
use super::allocation::{FAMILY, Granted, QUOTA, QUOTA_ADVICE, Relay, SECOND_TRY, lifetime_fault};
use crate::check::client::Client;
use crate::check::fault::{Asked, Circumstances, Fault};
use crate::check::lint;
use crate::check::report::{AddressReport, Outcome, RoundTrip, Step, StepName};
use crate::check::round_trip;
use crate::check::target::{Reach, Target, Transport};
use crate::stun::request::Request;
use crate::stun::transaction::{Failure, Response};

/// What an allocation is asked to live for; it is deleted long before.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);
/// How long the deletion of an allocation may take where nothing may be there to delete.
const LAST_TRY: Duration = Duration::from_secs(1);

/// What came of an address.
pub(crate) struct Found {
    pub(crate) report: AddressReport,
    /// Where a 300 sent the client.
    pub(crate) alternate: Option<SocketAddr>,
}

/// One address under test.
pub(crate) struct Session<'a> {
    pub(super) probe: &'a Probe,
    uri: &'a str,
    pub(super) target: &'a Target,
    pub(super) server: SocketAddr,
    pub(super) report: AddressReport,
    pub(super) alternate: Option<SocketAddr>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        probe: &'a Probe,
        uri: &'a str,
        target: &'a Target,
        server: SocketAddr,
    ) -> Self {
        Self {
            probe,
            uri,
            target,
            server,
            report: AddressReport::new(server),
            alternate: None,
        }
    }

    /// Takes every step, as far as they lead. What was allocated is deleted, whatever happens.
    pub(crate) async fn run(mut self) -> Found {
        if let Ok(mut client) = self.connect().await {
            self.talk(&mut client).await;
        }
        let proven = match self.target.reach {
            Reach::Stun => self.report.mapped_address.is_some(),
            Reach::Turn(_) | Reach::Dtls => self.report.relays,
        };
        let worst = Outcome::worst(self.report.steps.iter().map(|step| step.outcome));
        self.report.outcome = match worst {
            Outcome::Warning | Outcome::Failed => worst,
            _ if proven => Outcome::Ok,
            // Whatever went well on the way.
            _ => Outcome::Skipped,
        };
        Found {
            report: self.report,
            alternate: self.alternate,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self.target.reach {
            Reach::Turn(transport) => transport,
            Reach::Stun | Reach::Dtls => Transport::Udp,
        }
    }

    pub(crate) fn show(&self, step: StepName) {
        self.probe.progress.show(self.uri, step.shown());
    }

    async fn talk(&mut self, client: &mut Client) {
        if self.bind(client).await.is_err() || self.target.reach == Reach::Stun {
            return;
        }
        let Some(relay) = self.allocate(client).await else {
            self.give_up(client).await;
            return;
        };
        let judged = lint::relay(relay.address, self.server, relay.asked);
        let reachable = judged.outcome != Outcome::Failed;
        self.report.steps.push(judged);
        if reachable {
            self.report.relays = self.relay(client, &relay).await;
        } else {
            let step = Step::seen(
                StepName::RoundTrip,
                Outcome::Skipped,
                "nobody can reach the relay",
            );
            self.report.steps.push(step);
        }
        self.refresh(client).await;
        self.delete(client).await;
        if !self.probe.is_interrupted() {
            self.other_family(relay.address).await;
        }
    }

    /// Asks for the own address. `Err` if there is no use in asking for anything else.
    async fn bind(&mut self, client: &mut Client) -> Result<(), ()> {
        self.show(StepName::Binding);
        let started = Instant::now();
        let binding = client.call(Request::Binding, self.probe.limit);
        match self.probe.unless_interrupted(binding).await {
            Ok(response) => {
                self.report.mapped_address = response.mapped.map(|mapped| mapped.to_string());
                self.report.software = response.software;
                let detail = response.mapped.map(|mapped| format!("seen at {mapped}"));
                self.ok(StepName::Binding, started, detail);
                Ok(())
            }
            Err(fault) => {
                self.failed(StepName::Binding, started, &fault, Asked::Binding);
                if fault.is_final() { Err(()) } else { Ok(()) }
            }
        }
    }

    /// The round trip, and whether the relay may be held to work.
    async fn relay(&mut self, client: &mut Client, relay: &Relay) -> bool {
        self.show(StepName::RoundTrip);
        let started = Instant::now();
        let result = match self.second_client().await {
            Err(fault) => Err((fault, Asked::Connection)),
            Ok(mut other) => {
                let result = self.there_and_back(client, &mut other, relay).await;
                self.give_up(&mut other).await;
                result
            }
        };
        match result {
            Ok((round_trip, granted)) => {
                self.report.round_trip = Some(round_trip);
                let mut step = judge(round_trip).took_but_for(started.elapsed(), granted.waited);
                if granted.at_second_try && step.outcome == Outcome::Ok {
                    let detail = step.detail.unwrap_or_default();
                    step.outcome = Outcome::Warning;
                    step.detail = Some(format!("{detail}; {SECOND_TRY}"));
                    step.advice = Some(QUOTA_ADVICE.to_owned());
                }
                let works = step.outcome != Outcome::Failed;
                self.report.steps.push(step);
                works
            }
            // Common hardening; says nothing about peers elsewhere.
            Err((fault, Asked::Permission)) if fault.code() == Some(403) => {
                self.failed(StepName::RoundTrip, started, &fault, Asked::Permission);
                if let Some(step) = self.report.steps.last_mut() {
                    step.outcome = Outcome::Warning;
                    step.detail = Some(format!("the peer was {}", fault.happened()));
                }
                true
            }
            Err((fault, asked)) => {
                self.failed(StepName::RoundTrip, started, &fault, asked);
                false
            }
        }
    }

    /// What came back, and how the second relay was granted.
    async fn there_and_back(
        &self,
        near: &mut Client,
        far: &mut Client,
        relay: &Relay,
    ) -> Result<(RoundTrip, Granted), (Fault, Asked)> {
        let allocation = self.ask_for_relay(far, relay.asked).await;
        let granted = allocation.map_err(|(fault, _)| (fault, Asked::Allocation))?;
        let Some(other) = granted.response.relayed else {
            return Err((Fault::Stun(Failure::NoAnswer(None)), Asked::Allocation));
        };
        for (client, peer) in [(&mut *near, other), (&mut *far, relay.address)] {
            let permission = client.call(Request::CreatePermission(peer), self.probe.limit);
            let permitted = self.probe.unless_interrupted(permission).await;
            permitted.map_err(|fault| (fault, Asked::Permission))?;
        }
        let exchange = round_trip::measure(near, far, other, self.probe.datagrams);
        let measured = self.probe.unless_interrupted(exchange).await;
        measured
            .map(|round_trip| (round_trip, granted))
            .map_err(|fault| (fault, Asked::Refresh))
    }

    async fn refresh(&mut self, client: &mut Client) {
        self.show(StepName::Refresh);
        let started = Instant::now();
        let refresh = client.call(Request::Refresh(LIFETIME), self.probe.limit);
        match self.probe.unless_interrupted(refresh).await {
            Ok(response) => {
                let lifetime = response
                    .lifetime
                    .map(|it| format!("for {} s", it.as_secs()));
                match lifetime_fault(StepName::Refresh, response.lifetime) {
                    Some(fault) => self.report.steps.push(fault.took(started.elapsed())),
                    None => self.ok(StepName::Refresh, started, lifetime),
                }
            }
            Err(fault) => self.failed(StepName::Refresh, started, &fault, Asked::Refresh),
        }
    }

    async fn delete(&mut self, client: &mut Client) {
        self.show(StepName::Delete);
        let started = Instant::now();
        let deleted = client.delete(self.probe.limit).await;
        self.probe.quota.note_deletion();
        match deleted {
            Ok(()) => self.ok(StepName::Delete, started, None),
            Err(fault) => self.failed(StepName::Delete, started, &fault, Asked::Deletion),
        }
    }

    /// Deletes what may be there and does not ask what came of it: after something else has gone wrong.
    pub(crate) async fn give_up(&self, client: &mut Client) {
        if client.may_hold() {
            let _ = client.delete(LAST_TRY).await;
            self.probe.quota.note_deletion();
        }
    }

    /// Whether the server has relays of the other family: good to know, no fault if not.
    async fn other_family(&mut self, relay: SocketAddr) {
        self.show(StepName::OtherFamily);
        let started = Instant::now();
        let (family, shown) = match relay {
            SocketAddr::V4(_) => (AddressFamily::IPV6, "IPv6"),
            SocketAddr::V6(_) => (AddressFamily::IPV4, "IPv4"),
        };
        let Ok(mut client) = self.second_client().await else {
            return;
        };
        let asked = client.allocate(Some(family), self.probe.limit);
        let asked = self.probe.unless_interrupted(asked).await;
        self.give_up(&mut client).await;
        let detail = match asked {
            Ok(Response {
                relayed: Some(relayed),
                ..
            }) if relayed.is_ipv6() != relay.is_ipv6() => {
                format!("relays {shown} too")
            }
            Ok(_) => format!("no {shown} relays"),
            Err(fault) => match fault.code() {
                Some(FAMILY) => format!("no {shown} relays"),
                // Says nothing of families.
                Some(QUOTA) => return,
                _ => format!("no {shown} relay: {}", fault.happened()),
            },
        };
        let step = Step::seen(StepName::OtherFamily, Outcome::Info, detail);
        self.report.steps.push(step.took(started.elapsed()));
    }

    pub(super) fn ok(&mut self, name: StepName, started: Instant, detail: Option<String>) {
        let mut step = Step::seen(name, Outcome::Ok, "").took(started.elapsed());
        step.detail = detail;
        self.report.steps.push(step);
    }

    pub(super) fn failed(&mut self, name: StepName, started: Instant, fault: &Fault, asked: Asked) {
        let here = Circumstances {
            asked,
            transport: self.transport(),
            server: self.server,
            expiry: self.probe.expiry(),
        };
        let no_route = asked == Asked::Connection && fault.is_no_route();
        let outcome = match fault {
            Fault::Interrupted => Outcome::Skipped,
            _ if no_route => Outcome::Skipped,
            _ => Outcome::Failed,
        };
        let advice = fault.advice(here);
        // Once is enough.
        if let Some(before) = self.report.steps.last_mut()
            && before.advice.as_ref() == Some(&advice)
        {
            before.advice = None;
        }
        self.report.steps.push(
            Step {
                name,
                outcome,
                ms: None,
                waited_ms: None,
                code: fault.code(),
                detail: Some(fault.happened()),
                advice: (!advice.is_empty()).then_some(advice),
            }
            .took(started.elapsed()),
        );
    }
}

fn judge(round_trip: RoundTrip) -> Step {
    let RoundTrip { sent, received, .. } = round_trip;
    let step = |outcome, detail: String| Step::seen(StepName::RoundTrip, outcome, detail);
    match round_trip.rtt_ms {
        None => step(Outcome::Failed, format!("none of {sent} datagrams came back")).advise(
            "The server gives relays but nothing passes: let UDP to its range of relay ports through (coturn: \
             min-port, max-port), and set external-ip if it is behind a NAT.",
        ),
        Some(rtt) if received < sent => step(
            Outcome::Warning,
            format!("{} of {sent} datagrams lost, {} ms", sent - received, rtt.median),
        )
        .advise("Look at the load of the server and of the line to it; over UDP a few may get lost anywhere."),
        Some(rtt) => step(Outcome::Ok, format!("{sent} datagrams, {} ms", rtt.median)),
    }
}
