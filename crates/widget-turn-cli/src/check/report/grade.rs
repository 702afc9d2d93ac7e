//! How good a set of TURN servers is, and the exit code that says so.

use serde::Serialize;

use super::{Outcome, Report, ServerReport};
use crate::check::target::Transport;

/// From the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    /// Nothing relays.
    Fail,
    /// Something relays.
    Good,
    /// UDP and TLS relay.
    Great,
    /// So does TLS on port 443, which nearly every firewall lets through.
    Excellent,
}

impl Grade {
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Good => "good",
            Self::Great => "great",
            Self::Excellent => "excellent",
        }
    }
}

/// All URIs relay, on every address that could be tried.
pub(crate) const ALL_WELL: u8 = 0;
/// Some relay and some fail.
pub(crate) const SOME_FAIL: u8 = 1;
/// None relays.
pub(crate) const NONE_WORKS: u8 = 2;
/// The homeserver gave no answer to go by.
pub(crate) const NO_HOMESERVER: u8 = 3;

impl Report {
    /// Grades what has been found.
    pub(crate) fn conclude(&mut self) {
        let relays = |wanted: &dyn Fn(&ServerReport) -> bool| {
            let works = |server: &&ServerReport| server.addresses.iter().any(|it| it.relays);
            self.servers.iter().filter(works).any(wanted)
        };
        let over =
            |transport: Transport| move |server: &ServerReport| server.transport == Some(transport);
        let tls_on_443 =
            |server: &ServerReport| over(Transport::Tls)(server) && server.port == Some(443);
        let any = relays(&|_| true);
        let udp = relays(&over(Transport::Udp));
        let tls = relays(&over(Transport::Tls));
        let excellent = udp && relays(&tls_on_443);
        (self.grade, self.next_grade) = match (any, udp, tls) {
            (false, ..) => (Grade::Fail, None),
            _ if excellent => (Grade::Excellent, None),
            (_, true, true) => (
                Grade::Great,
                Some("turns: on port 443 passes firewalls that let only HTTPS through"),
            ),
            (_, false, false) => (
                Grade::Good,
                Some("UDP carries calls best, and turns: passes where only TLS is let through"),
            ),
            (_, false, true) => (Grade::Good, Some("UDP carries calls best")),
            (_, true, false) => (
                Grade::Good,
                Some("turns: over TCP passes firewalls that let only TLS through"),
            ),
        };
        let failed = |server: &ServerReport| server.outcome == Outcome::Failed;
        self.exit_code = if self.homeserver.is_some() && self.credentials.is_none() {
            match self.homeserver.as_ref().and_then(|it| it.no_turn) {
                Some(_) => NONE_WORKS,
                None => NO_HOMESERVER,
            }
        } else if !any {
            NONE_WORKS
        } else if self.servers.iter().any(failed) {
            SOME_FAIL
        } else {
            ALL_WELL
        };
    }
}
