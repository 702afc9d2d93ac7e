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

/// Every TURN URI that could be tested relays, and nothing failed.
pub(crate) const ALL_WELL: u8 = 0;
/// Something relays, and something failed: another URI, one of several addresses, a STUN server, a refresh, a deletion.
pub(crate) const SOME_FAIL: u8 = 1;
/// No TURN URI relays.
pub(crate) const NONE_WORKS: u8 = 2;
/// The homeserver gave no answer to go by.
pub(crate) const NO_HOMESERVER: u8 = 3;

impl Report {
    /// Grades what has been found.
    pub(crate) fn conclude(&mut self) {
        let relays = |wanted: &dyn Fn(&ServerReport) -> bool| {
            let works = |server: &&ServerReport| server.relays();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::AddressReport;
    use crate::check::report::text::render;

    fn server(uri: &str, addresses: &[(Outcome, bool)]) -> ServerReport {
        let addresses = addresses.iter().map(|(outcome, relays)| {
            let mut address = AddressReport::new("192.0.2.1:3478".parse().unwrap());
            (address.outcome, address.relays) = (*outcome, *relays);
            address
        });
        let addresses: Vec<_> = addresses.collect();
        ServerReport {
            uri: uri.to_owned(),
            transport: None,
            port: None,
            outcome: Outcome::worst(addresses.iter().map(|it| it.outcome)),
            steps: Vec::new(),
            addresses,
        }
    }

    #[test]
    fn the_exit_code_and_the_last_line_say_the_same() {
        let (well, dead) = ((Outcome::Ok, true), (Outcome::Failed, false));
        let (skipped, answers) = ((Outcome::Skipped, false), (Outcome::Ok, false));
        let partly = (Outcome::Failed, true);
        for (servers, exit_code, said) in [
            (vec![("turn:a", vec![well])], 0, "1 of 1 TURN URIs relay;"),
            (
                vec![("turn:a", vec![well, skipped]), ("turns:b", vec![skipped])],
                0,
                "1 of 1 TURN URIs relay, 1 skipped;",
            ),
            (
                vec![("turn:a", vec![well]), ("turn:b", vec![dead])],
                1,
                "1 of 2 TURN URIs relay;",
            ),
            (
                vec![("turn:a", vec![well]), ("stun:b", vec![dead])],
                1,
                "1 of 1 TURN URIs relay, but something failed, see above;",
            ),
            (
                vec![("turn:a", vec![partly])],
                1,
                "1 of 1 TURN URIs relay, but something failed, see above;",
            ),
            (vec![("turn:a", vec![dead])], 2, "0 of 1 TURN URIs relay"),
            (
                vec![("turn:a", vec![skipped])],
                2,
                "no TURN URI could be tested",
            ),
            (
                vec![("stun:a", vec![answers])],
                2,
                "there is no TURN URI, and STUN relays nothing",
            ),
        ] {
            let mut report = Report::begun(0);
            let servers = servers
                .iter()
                .map(|(uri, addresses)| server(uri, addresses));
            report.servers = servers.collect();
            report.conclude();
            let text = render(&report).replace("\n       ", " ");
            assert!(text.contains(said), "{text}");
            assert_eq!(report.exit_code, exit_code, "{text}");
        }
    }
}
