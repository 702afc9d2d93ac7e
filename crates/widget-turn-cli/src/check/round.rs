//! One round: asks for servers and credentials, tries each, reports.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch::Receiver;
use widget_turn_proto::Secret;

use super::homeserver::Homeserver;
use super::lint;
use super::probe::Probe;
use super::quota::Quota;
use super::report::{CredentialsReport, HomeserverReport, Report, ServerReport, milliseconds};
use super::tls::Tls;
use crate::credentials::{SharedSecret, UnixClock, expiry_of};
use crate::secrets::Secrets;
use crate::terminal::Progress;

/// Where servers and credentials come from, anew each round.
pub(super) enum Source {
    Given {
        uris: Vec<String>,
        username: String,
        password: Secret,
    },
    Minted {
        uris: Vec<String>,
        secret: SharedSecret,
        user: String,
        ttl: Duration,
    },
    Homeserver(Homeserver),
}

/// Servers, and credentials for them.
pub(super) struct Supply {
    pub(super) uris: Vec<String>,
    pub(super) username: String,
    pub(super) password: Secret,
    /// In seconds, where a homeserver named one.
    pub(super) ttl: Option<u64>,
}

/// What every round has in common.
pub(super) struct Settings {
    pub(super) source: Source,
    pub(super) tls: Result<Tls, String>,
    pub(super) limit: Duration,
    pub(super) datagrams: u32,
    pub(super) parallel: bool,
    pub(super) expect_expiry: bool,
    pub(super) clock: UnixClock,
    pub(super) quota: Quota,
    pub(super) progress: Progress,
    /// What is taken out of the report, whoever put it there.
    pub(super) secrets: Secrets,
    pub(super) interrupted: Receiver<bool>,
}

impl Settings {
    /// Asks, tries and reports once.
    pub(super) async fn round(&self) -> Report {
        let started = Instant::now();
        let checked_at = (self.clock)();
        self.quota.begin_round();
        let mut report = Report::begun(checked_at);
        let (homeserver, supply) = self.supply().await;
        report.homeserver = homeserver;
        if let Some(supply) = supply {
            let mut credentials = credentials(&supply, checked_at);
            let (probe, uris) = self.probe(supply);
            report.servers = self.servers(&probe, &uris).await;
            if self.expect_expiry {
                let step = self.observe_expiry(&probe, &mut report.servers).await;
                credentials.steps.extend(step);
            }
            report.credentials = Some(credentials);
        }
        report.interrupted = *self.interrupted.borrow();
        report.ms = milliseconds(started.elapsed());
        report.conclude();
        report.each_text(&mut |text| *text = self.secrets.mask(text));
        report
    }

    pub(super) async fn supply(&self) -> (Option<HomeserverReport>, Option<Supply>) {
        let (report, supply) = self.asked_supply().await;
        if let Some(supply) = &supply {
            self.secrets.add(&supply.password);
        }
        (report, supply)
    }

    async fn asked_supply(&self) -> (Option<HomeserverReport>, Option<Supply>) {
        match &self.source {
            Source::Given {
                uris,
                username,
                password,
            } => {
                let supply = Supply {
                    uris: uris.clone(),
                    username: username.clone(),
                    password: password.clone(),
                    ttl: None,
                };
                (None, Some(supply))
            }
            Source::Minted {
                uris,
                secret,
                user,
                ttl,
            } => {
                let minted = secret.mint((self.clock)().saturating_add(ttl.as_secs()), user);
                let supply = Supply {
                    uris: uris.clone(),
                    username: minted.username,
                    password: Secret::new(minted.password.as_str()),
                    ttl: None,
                };
                (None, Some(supply))
            }
            Source::Homeserver(homeserver) => {
                self.progress.show(homeserver.name(), "turnServer");
                let mut interrupted = self.interrupted.clone();
                tokio::select! {
                    (report, supply) = homeserver.ask(self.limit, &self.secrets) => (Some(report), supply),
                    Ok(_) = interrupted.wait_for(|interrupted| *interrupted) => {
                        (Some(homeserver.unasked()), None)
                    }
                }
            }
        }
    }

    fn probe(&self, supply: Supply) -> (Probe, Vec<String>) {
        let probe = Probe {
            username: supply.username,
            password: supply.password,
            limit: self.limit,
            datagrams: self.datagrams,
            tls: self.tls.clone(),
            interrupted: self.interrupted.clone(),
            progress: self.progress.clone(),
            clock: self.clock.clone(),
            quota: self.quota.clone(),
        };
        (probe, supply.uris)
    }

    async fn servers(&self, probe: &Probe, uris: &[String]) -> Vec<ServerReport> {
        if self.parallel {
            return join_all(uris.iter().map(|uri| probe.server(uri))).await;
        }
        let mut servers = Vec::new();
        for uri in uris {
            servers.push(probe.server(uri).await);
        }
        servers
    }
}

fn credentials(supply: &Supply, now: u64) -> CredentialsReport {
    let expires_at = expiry_of(&supply.username);
    CredentialsReport {
        username: supply.username.clone(),
        expires_at,
        expires_in_seconds: expires_at.map(|expiry| lint::seconds_between(now, expiry)),
        steps: lint::credentials(&supply.username, supply.password.expose(), now, supply.ttl),
    }
}
