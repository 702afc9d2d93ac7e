//! What a check found. This is the JSON that `--json` prints, by `docs/check.schema.json`: names are kept, new ones may be
//! added, and a change of meaning changes [`VERSION`].

mod each_text;
pub(crate) mod expiry;
pub(crate) mod grade;
pub(crate) mod prometheus;
pub(crate) mod text;

use std::time::Duration;

use serde::Serialize;

use super::target::Transport;
use super::tls::TlsSeen;
use expiry::ExpiryReport;
use grade::{Grade, NONE_WORKS};

/// The version of the JSON.
const VERSION: u32 = 1;

/// One round of checks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) version: u32,
    /// When it began, in Unix seconds.
    pub(crate) checked_at: u64,
    /// All of it, in milliseconds.
    pub(crate) ms: f64,
    /// What the homeserver said, if one was asked.
    pub(crate) homeserver: Option<HomeserverReport>,
    /// What the servers were tried with; none if there was nothing to try.
    pub(crate) credentials: Option<CredentialsReport>,
    /// One entry a URI, in their order.
    pub(crate) servers: Vec<ServerReport>,
    pub(crate) grade: Grade,
    /// What a better grade needs.
    pub(crate) next_grade: Option<&'static str>,
    /// Whether it was ended by Ctrl-C, and so is not whole.
    pub(crate) interrupted: bool,
    /// The exit code of the command.
    pub(crate) exit_code: u8,
}

/// What the homeserver said.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct HomeserverReport {
    /// As it was given.
    pub(crate) name: String,
    /// The base URL of its client-server API.
    pub(crate) base_url: Option<String>,
    pub(crate) steps: Vec<Step>,
    /// The HTTP status.
    pub(crate) status: Option<u16>,
    /// The Matrix error code.
    pub(crate) errcode: Option<String>,
    /// Which form of "no TURN" it was.
    pub(crate) no_turn: Option<&'static str>,
    /// The lifetime that it names, as it stands there.
    pub(crate) ttl: Option<serde_json::Value>,
    /// How long it asks to be left alone.
    pub(crate) retry_after_seconds: Option<u64>,
    /// How far its clock is ahead of this machine's.
    pub(crate) clock_skew_seconds: Option<i64>,
}

/// User name and lifetime. There is no password in a report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CredentialsReport {
    pub(crate) username: String,
    /// When they expire by the user name, in Unix seconds.
    pub(crate) expires_at: Option<u64>,
    /// The same from when the check began; negative if they have.
    pub(crate) expires_in_seconds: Option<i64>,
    pub(crate) steps: Vec<Step>,
}

/// One URI.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerReport {
    pub(crate) uri: String,
    /// None for a URI that relays nothing or cannot be read.
    pub(crate) transport: Option<Transport>,
    /// None for a URI that cannot be read.
    pub(crate) port: Option<u16>,
    pub(crate) outcome: Outcome,
    /// What concerns the URI as a whole.
    pub(crate) steps: Vec<Step>,
    pub(crate) addresses: Vec<AddressReport>,
}

/// One address that the host of a URI has.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AddressReport {
    /// With the port, as in `[2001:db8::1]:3478`.
    pub(crate) address: String,
    pub(crate) family: &'static str,
    /// The address that sent the client here by a 300.
    pub(crate) alternate_of: Option<String>,
    pub(crate) outcome: Outcome,
    /// Whether a relay was got and works as far as was seen.
    pub(crate) relays: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) software: Option<String>,
    pub(crate) realm: Option<String>,
    /// Where the server sees this machine.
    pub(crate) mapped_address: Option<String>,
    pub(crate) relayed_address: Option<String>,
    pub(crate) lifetime_seconds: Option<u64>,
    pub(crate) tls: Option<TlsSeen>,
    pub(crate) round_trip: Option<RoundTrip>,
    /// What expired credentials are still good for, if that was waited for.
    pub(crate) expiry: Option<ExpiryReport>,
}

/// Datagrams through two relays and back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct RoundTrip {
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) loss_percent: f64,
    /// None if nothing came back.
    pub(crate) rtt_ms: Option<Rtt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Rtt {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// One thing that was tried or looked at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    pub(crate) name: StepName,
    pub(crate) outcome: Outcome,
    /// None for what takes no time.
    pub(crate) ms: Option<f64>,
    /// How long it waited besides for a quota to come down.
    pub(crate) waited_ms: Option<f64>,
    /// The STUN error code.
    pub(crate) code: Option<u16>,
    /// What was found.
    pub(crate) detail: Option<String>,
    /// What to do.
    pub(crate) advice: Option<String>,
}

impl Step {
    /// Something that was looked at.
    pub(crate) fn seen(name: StepName, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            name,
            outcome,
            ms: None,
            waited_ms: None,
            code: None,
            detail: Some(detail.into()),
            advice: None,
        }
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(crate) fn took(mut self, time: Duration) -> Self {
        self.ms = Some(milliseconds(time));
        self
    }

    /// Took this long, of which it only waited for that long.
    pub(crate) fn took_but_for(self, time: Duration, waited: Duration) -> Self {
        let mut step = self.took(time.saturating_sub(waited));
        step.waited_ms = (!waited.is_zero()).then(|| milliseconds(waited));
        step
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepName {
    Discovery,
    TurnServer,
    Clock,
    Credentials,
    Uri,
    Dns,
    Connect,
    Tls,
    Binding,
    Allocate,
    Relay,
    RoundTrip,
    Permission,
    Channel,
    Refresh,
    Delete,
    OtherFamily,
}

impl StepName {
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::TurnServer => "turnServer",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Uri => "uri",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Binding => "binding",
            Self::Allocate => "allocate",
            Self::Relay => "relay",
            Self::RoundTrip => "round trip",
            Self::Permission => "permission",
            Self::Channel => "channel",
            Self::Refresh => "refresh",
            Self::Delete => "delete",
            Self::OtherFamily => "other family",
        }
    }
}

/// What came of something; the worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Not tried, or not to be tried. Never a success.
    Skipped,
    /// Good to know, neither good nor bad.
    Info,
    Ok,
    /// It works, but somebody should look at it.
    Warning,
    Failed,
}

impl Outcome {
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Info => "info",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// The worst of all; skipped if there is none.
    pub(crate) fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Skipped)
    }
}

/// In milliseconds, to a tenth.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

impl Report {
    /// A report without findings, of a round that begins now, in Unix seconds.
    pub(crate) fn begun(now: u64) -> Self {
        Self {
            version: VERSION,
            checked_at: now,
            ms: 0.0,
            homeserver: None,
            credentials: None,
            servers: Vec::new(),
            grade: Grade::Fail,
            next_grade: None,
            interrupted: false,
            exit_code: NONE_WORKS,
        }
    }
}

/// How many TURN URIs there are; those of STUN do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) relaying: usize,
    /// Those that relay included.
    pub(crate) tested: usize,
    /// Which this machine cannot test, or nobody: without a route, over DTLS.
    pub(crate) skipped: usize,
}

impl Report {
    /// How many TURN URIs relay, of how many.
    pub(crate) fn count(&self) -> Count {
        let turn = || self.servers.iter().filter(|it| !it.is_stun());
        let skipped = turn().filter(|it| it.outcome == Outcome::Skipped).count();
        Count {
            relaying: turn().filter(|it| it.relays()).count(),
            tested: turn().count() - skipped,
            skipped,
        }
    }
}

impl Count {
    /// For people: `1 of 2 TURN URIs relay, 1 skipped`.
    pub(crate) fn shown(self, what: &str) -> String {
        let Self {
            relaying,
            tested,
            skipped,
        } = self;
        let skipped = match skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped"),
        };
        format!("{relaying} of {tested}{what} relay{skipped}")
    }
}

impl ServerReport {
    /// Whether it is a URI of STUN, which relays nothing.
    pub(crate) fn is_stun(&self) -> bool {
        let scheme = self.uri.split(':').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("stun")
    }

    /// Whether it relays on at least one address.
    pub(crate) fn relays(&self) -> bool {
        self.addresses.iter().any(|address| address.relays)
    }

    /// The slowest datagram that came back, in milliseconds.
    pub(crate) fn slowest_ms(&self) -> Option<f64> {
        let round_trips = self.addresses.iter().filter_map(|it| it.round_trip);
        let slowest = round_trips.filter_map(|it| Some(it.rtt_ms?.max));
        slowest.reduce(f64::max)
    }
}
