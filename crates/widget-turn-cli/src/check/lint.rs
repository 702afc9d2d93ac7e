//! What is wrong with URIs, credentials and relay addresses before anything is sent, or whatever is sent.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use turn_types::AddressFamily;

use super::report::{Outcome, Step, StepName};
use super::target::{Reach, Target, without_userinfo};
use crate::credentials::expiry_of;

/// The longest user name that libwebrtc takes, in bytes.
const MAX_USERNAME: usize = 509;
/// How far the expiry in a user name may be from the ttl beside it, in seconds, before a clock is at fault.
const TOLERANCE: i64 = 30;

/// Reads a URI; also what is to be said about it.
///
/// # Errors
///
/// What is wrong with one that browsers do not take.
pub(crate) fn uri(uri: &str) -> Result<(Target, Vec<Step>), Step> {
    if without_userinfo(uri).is_some() {
        return Err(Step::seen(
            StepName::Uri,
            Outcome::Failed,
            "a user name or a password stands in the URI, which has neither (RFC 7065)",
        )
        .advise(
            "Browsers throw on it, and on all servers that are listed with it: remove what stands before the @ (Synapse: \
             turn_uris), and change the password, for every user of the homeserver is told it.",
        ));
    }
    let target = Target::read(uri).map_err(|error| {
        Step::seen(StepName::Uri, Outcome::Failed, error.to_string()).advise(
            "Browsers throw on it, and on all servers that are listed with it: correct or remove it (Synapse: \
             turn_uris).",
        )
    })?;
    let mut steps = Vec::new();
    if !target.is_port_for_chromium() {
        let detail = format!(
            "Chromium connects to no TURN server on port {}",
            target.port
        );
        steps.push(
            Step::seen(StepName::Uri, Outcome::Warning, detail)
                .advise("Take 80, 443, or a port from 1024 on."),
        );
    }
    match target.reach {
        Reach::Turn(_) => {}
        Reach::Stun => steps.push(Step::seen(
            StepName::Uri,
            Outcome::Info,
            "a STUN server: relays nothing",
        )),
        Reach::Dtls => steps.push(
            Step::seen(
                StepName::Uri,
                Outcome::Skipped,
                "turns: over UDP is DTLS, which browsers do not speak",
            )
            .advise("Browsers connect by TLS over TCP instead: write ?transport=tcp."),
        ),
    }
    Ok((target, steps))
}

/// What is to be said about a user name and a password. `now` in Unix seconds; `ttl` in seconds, if a homeserver named one.
pub(crate) fn credentials(username: &str, password: &str, now: u64, ttl: Option<u64>) -> Vec<Step> {
    let step = |outcome, detail: String| Step::seen(StepName::Credentials, outcome, detail);
    let mut steps = Vec::new();
    if username.len() > MAX_USERNAME {
        let detail = format!("the user name has {} bytes", username.len());
        steps.push(step(Outcome::Failed, detail).advise("Browsers throw beyond 509 bytes."));
    }
    let Some(expiry) = expiry_of(username) else {
        steps.push(
            step(
                Outcome::Info,
                "the user name has no expiry: static credentials".to_owned(),
            )
            .advise(
                "Whoever has seen them can use the server for ever: a shared secret (coturn: use-auth-secret; \
                 Synapse: turn_shared_secret) makes such as expire.",
            ),
        );
        return steps;
    };
    let left = seconds_between(now, expiry);
    if left < 0 {
        steps.push(
            step(
                Outcome::Warning,
                format!("expired {} ago, by this machine's clock", span(left.unsigned_abs())),
            )
            .advise("Fetch fresh ones; if these are fresh, compare the clocks of this machine and the homeserver."),
        );
    } else if let Some(ttl) = ttl {
        let differs = left - i64::try_from(ttl).unwrap_or(i64::MAX);
        if differs.abs() > TOLERANCE {
            steps.push(
                step(
                    Outcome::Warning,
                    format!("expire in {} by the user name, in {} by the ttl", span(left.unsigned_abs()), span(ttl)),
                )
                .advise("A clock is wrong: compare those of this machine, the homeserver and the TURN server."),
            );
        }
    }
    let is_hmac = STANDARD
        .decode(password)
        .is_ok_and(|bytes| bytes.len() == 20);
    if !is_hmac {
        steps.push(
            step(
                Outcome::Warning,
                "the user name has an expiry, but the password is no HMAC-SHA1 in base64".to_owned(),
            )
            .advise("TURN servers with a shared secret expect one: 28 characters, made from the whole user name."),
        );
    }
    steps
}

/// From `from` to `to`, in seconds.
pub(crate) fn seconds_between(from: u64, to: u64) -> i64 {
    let difference = i128::from(to) - i128::from(from);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

/// A time for people: `59 min`.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Nobody,
    Loopback,
    LinkLocal,
    Private,
    Cgnat,
    Public,
}

impl Scope {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_unspecified() || address.is_multicast() => Self::Nobody,
            address if address.is_loopback() => Self::Loopback,
            IpAddr::V4(v4) => match v4.octets() {
                [0, ..] | [240..=255, ..] => Self::Nobody,
                [100, 64..=127, ..] => Self::Cgnat,
                _ if v4.is_link_local() => Self::LinkLocal,
                _ if v4.is_private() => Self::Private,
                _ => Self::Public,
            },
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal,
            IpAddr::V6(v6) if v6.is_unique_local() => Self::Private,
            IpAddr::V6(_) => Self::Public,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Nobody => "nobody's",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::Cgnat => "carrier-grade NAT",
            Self::Public => "public",
        }
    }
}

/// Whether there is nobody at an address who could be asked: port 0, 0.0.0.0, multicast, broadcast.
pub(crate) fn is_nobodys(address: SocketAddr) -> bool {
    address.port() == 0 || Scope::of(address.ip()) == Scope::Nobody
}

/// Whether peers can reach a relay that the server at `server` gave, when `asked` was asked for.
pub(crate) fn relay(relay: SocketAddr, server: SocketAddr, asked: Option<AddressFamily>) -> Step {
    let step = |outcome, detail: String| Step::seen(StepName::Relay, outcome, detail);
    let (scope, of_server) = (Scope::of(relay.ip()), Scope::of(server.ip()));
    if is_nobodys(relay) {
        return step(Outcome::Failed, format!("{relay} is no address of a relay"))
            .advise("Set the relay's address (coturn: relay-ip, external-ip).");
    }
    if scope != Scope::Public && scope != of_server {
        return step(Outcome::Failed, format!("{relay} is a {} address", scope.shown())).advise(
            "Peers elsewhere cannot reach it: set external-ip to the server's public address (coturn: \
             external-ip=PUBLIC/PRIVATE).",
        );
    }
    let wrong = match asked {
        Some(AddressFamily::IPV4) => relay.is_ipv6(),
        Some(AddressFamily::IPV6) => relay.is_ipv4(),
        None => relay.is_ipv6() && server.is_ipv4(),
    };
    if wrong {
        return step(Outcome::Warning, format!("{relay} is of the wrong family"))
            .advise("The server gives relays of a family that was not asked for: update it.");
    }
    if scope == Scope::Public {
        step(Outcome::Ok, relay.to_string())
    } else {
        let detail = format!("{relay}, {} as the server itself", scope.shown());
        step(Outcome::Ok, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(steps: &[Step]) -> Vec<&str> {
        steps
            .iter()
            .filter_map(|step| step.detail.as_deref())
            .collect()
    }

    #[test]
    fn uris_that_browsers_do_not_take_are_refused() {
        let refused = uri("turn:turn.example.org:5060").unwrap_err();
        assert_eq!(refused.outcome, Outcome::Failed);
        assert_eq!(
            refused.detail.as_deref(),
            Some("expected a port from 1 to 65535 that browsers do not block")
        );
        let (_, steps) = uri("turn:turn.example.org:3478").unwrap();
        assert!(steps.is_empty());
        let (_, steps) = uri("turn:turn.example.org:1000").unwrap();
        assert_eq!(
            details(&steps),
            ["Chromium connects to no TURN server on port 1000"]
        );
        let (_, steps) = uri("turns:turn.example.org?transport=udp").unwrap();
        assert_eq!(steps[0].outcome, Outcome::Skipped);
    }

    #[test]
    fn credentials_are_compared_with_the_clock_and_the_ttl() {
        let hmac = "uIPm+5XNpbd6Io+QwvEkuC9IoKA=";
        let found = |name: &str, password: &str, ttl| {
            let steps = credentials(name, password, 1_000_000, ttl);
            details(&steps).join("; ")
        };
        assert_eq!(found("1003600:@alice:example.org", hmac, Some(3600)), "");
        assert_eq!(found("1003600:@alice:example.org", hmac, None), "");
        assert_eq!(
            found("999400:@alice:example.org", hmac, Some(3600)),
            "expired 10 min ago, by this machine's clock"
        );
        assert_eq!(
            found("1007200:@alice:example.org", hmac, Some(3600)),
            "expire in 2 h by the user name, in 60 min by the ttl"
        );
        assert_eq!(
            found("alice", "x", None),
            "the user name has no expiry: static credentials"
        );
        assert_eq!(
            found("1003600:alice", "hunter2", None),
            "the user name has an expiry, but the password is no HMAC-SHA1 in base64"
        );
        let long = format!("1003600:{}", "a".repeat(502));
        assert_eq!(found(&long, hmac, None), "the user name has 510 bytes");
        assert_eq!(found("18446744073709551615:a", hmac, None), "");
    }

    #[test]
    fn relays_that_peers_cannot_reach_are_named() {
        let found = |address: &str, server: &str| {
            let step = relay(address.parse().unwrap(), server.parse().unwrap(), None);
            (step.outcome, step.detail.unwrap())
        };
        let public = "203.0.113.9:3478";
        for (address, word) in [
            ("10.1.2.3:50000", "private"),
            ("172.16.0.1:50000", "private"),
            ("100.64.0.1:50000", "carrier-grade NAT"),
            ("127.0.0.1:50000", "loopback"),
            ("169.254.1.1:50000", "link-local"),
            ("[fd00::1]:50000", "private"),
            ("[fe80::1]:50000", "link-local"),
            ("[::ffff:10.0.0.1]:50000", "private"),
        ] {
            let expected = format!("{address} is a {word} address");
            assert_eq!(found(address, public), (Outcome::Failed, expected));
        }
        for address in [
            "0.0.0.0:50000",
            "224.0.0.1:50000",
            "203.0.113.9:0",
            "255.255.255.255:5",
        ] {
            assert_eq!(found(address, public).0, Outcome::Failed, "{address}");
        }
        assert_eq!(found("203.0.113.9:50000", public).0, Outcome::Ok);
        assert_eq!(
            found("203.0.113.9:50000", "[2001:db8::1]:3478").0,
            Outcome::Ok
        );
        assert_eq!(found("[2001:db8::1]:50000", public).0, Outcome::Warning);
        assert_eq!(
            found("127.0.0.1:50000", "127.0.0.1:3478"),
            (
                Outcome::Ok,
                "127.0.0.1:50000, loopback as the server itself".to_owned()
            )
        );
        assert_eq!(found("10.0.0.9:50000", "10.0.0.1:3478").0, Outcome::Ok);
        assert_eq!(found("10.0.0.9:50000", "127.0.0.1:3478").0, Outcome::Failed);
        let asked = relay(
            public.parse().unwrap(),
            "[2001:db8::1]:3478".parse().unwrap(),
            Some(AddressFamily::IPV6),
        );
        assert_eq!(asked.outcome, Outcome::Warning);
    }
}
