//! Tries one URI: each address of its host, step by step.

mod address;
mod allocation;
mod connection;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::timeout;
use widget_turn_proto::Secret;

use super::fault::{Expiry, Fault};
use super::lint;
use super::quota::Quota;
use super::report::{AddressReport, Outcome, ServerReport, Step, StepName};
use super::target::{Reach, Target, shown};
use super::tls::Tls;
use crate::credentials::{UnixClock, expiry_of};
use crate::stun::request::Signer;
use crate::terminal::Progress;

pub(crate) use address::{Found, LIFETIME, Session};

/// More addresses of one host are not tried.
const MAX_ADDRESSES: usize = 8;

/// What servers are tried with, and how.
#[derive(Clone)]
pub(crate) struct Probe {
    pub(crate) username: String,
    pub(crate) password: Secret,
    /// How long one step may take.
    pub(crate) limit: Duration,
    /// How many datagrams are sent through a relay.
    pub(crate) datagrams: u32,
    /// Or why there is no TLS on this machine.
    pub(crate) tls: Result<Tls, String>,
    /// True once somebody has pressed Ctrl-C.
    pub(crate) interrupted: watch::Receiver<bool>,
    pub(crate) progress: Progress,
    pub(crate) clock: UnixClock,
    pub(crate) quota: Quota,
}

impl Probe {
    /// Tries a URI.
    pub(crate) async fn server(&self, uri: &str) -> ServerReport {
        let mut report = ServerReport {
            uri: shown(uri),
            transport: None,
            port: None,
            outcome: Outcome::Skipped,
            steps: Vec::new(),
            addresses: Vec::new(),
        };
        match lint::uri(uri) {
            Err(step) => report.steps.push(step),
            Ok((target, steps)) => {
                report.steps = steps;
                report.port = Some(target.port);
                if let Reach::Turn(transport) = target.reach {
                    report.transport = Some(transport);
                }
                if target.reach != Reach::Dtls {
                    self.addresses(&target, &mut report).await;
                }
            }
        }
        let steps = Outcome::worst(report.steps.iter().map(|step| step.outcome));
        let addresses = report.addresses.iter().map(|address| address.outcome);
        report.outcome = match Outcome::worst(addresses) {
            _ if report.addresses.is_empty() => steps,
            Outcome::Ok if steps == Outcome::Warning => steps,
            // That the host has addresses makes none of them work.
            worst => worst,
        };
        report
    }

    async fn addresses(&self, target: &Target, report: &mut ServerReport) {
        self.progress.show(&report.uri, "dns");
        let Some(addresses) = self.resolve(target, &mut report.steps).await else {
            return;
        };
        for address in addresses {
            let found = self.address(&report.uri, target, address, None).await;
            // Once, and not to where it came from: two servers may send a client back and forth.
            let alternate = found.alternate.filter(|alternate| *alternate != address);
            report.addresses.push(found.report);
            if let Some(alternate) = alternate {
                let found = self
                    .address(&report.uri, target, alternate, Some(address))
                    .await;
                report.addresses.push(found.report);
            }
        }
    }

    async fn address(
        &self,
        uri: &str,
        target: &Target,
        address: SocketAddr,
        alternate_of: Option<SocketAddr>,
    ) -> Found {
        let mut found = Session::new(self, uri, target, address).run().await;
        found.report.alternate_of = alternate_of.map(|from| from.to_string());
        found
    }

    /// The addresses of the host, each once. None if there are none to try, which is then in `steps`.
    async fn resolve(&self, target: &Target, steps: &mut Vec<Step>) -> Option<Vec<SocketAddr>> {
        let started = Instant::now();
        let looked_up = tokio::select! {
            biased;
            () = self.interruption() => {
                steps.push(Step::seen(StepName::Dns, Outcome::Skipped, "interrupted"));
                return None;
            }
            looked_up = timeout(self.limit, lookup_host((target.host.as_str(), target.port))) => looked_up,
        };
        let mut seen = HashSet::new();
        let addresses: Vec<_> = match looked_up {
            Ok(Ok(addresses)) => addresses
                .filter(|it| seen.insert(*it))
                .take(MAX_ADDRESSES)
                .collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let is_name = target.host.parse::<std::net::IpAddr>().is_err();
        if addresses.is_empty() {
            let detail = format!("no address of {}", target.host);
            let step = Step::seen(StepName::Dns, Outcome::Failed, detail)
                .advise("Give the name an A or AAAA record, or correct it in the URI; look whether this machine can \
                         look up names at all.")
                .took(started.elapsed());
            steps.push(step);
            return None;
        }
        if is_name {
            let shown: Vec<_> = addresses
                .iter()
                .map(|address| address.ip().to_string())
                .collect();
            let step = Step::seen(StepName::Dns, Outcome::Ok, shown.join(", "));
            steps.push(step.took(started.elapsed()));
        }
        Some(addresses)
    }

    /// Ends when somebody presses Ctrl-C.
    pub(crate) async fn interruption(&self) {
        let mut interrupted = self.interrupted.clone();
        if interrupted
            .wait_for(|interrupted| *interrupted)
            .await
            .is_err()
        {
            // Nobody is left who could.
            std::future::pending::<()>().await;
        }
    }

    /// Whether somebody has pressed Ctrl-C.
    pub(crate) fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    /// Does something, unless somebody presses Ctrl-C.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        future: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.interruption() => Err(Fault::Interrupted),
            result = future => result,
        }
    }

    fn signer(&self) -> Signer {
        signer(&self.username, &self.password)
    }

    /// What the user name says of its own time.
    fn expiry(&self) -> Expiry {
        match expiry_of(&self.username) {
            None => Expiry::Never,
            Some(expiry) if expiry < (self.clock)() => Expiry::Past,
            Some(_) => Expiry::Ahead,
        }
    }
}

/// Signs with a user name that has been checked on its way in.
pub(crate) fn signer(username: &str, password: &Secret) -> Signer {
    Signer::new(username, password.clone())
        .or_else(|| Signer::new("", password.clone()))
        .expect("an empty user name fits into a message")
}

impl AddressReport {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address: address.to_string(),
            family: if address.is_ipv6() { "IPv6" } else { "IPv4" },
            alternate_of: None,
            outcome: Outcome::Skipped,
            relays: false,
            steps: Vec::new(),
            software: None,
            realm: None,
            mapped_address: None,
            relayed_address: None,
            lifetime_seconds: None,
            tls: None,
            round_trip: None,
            expiry: None,
        }
    }
}
