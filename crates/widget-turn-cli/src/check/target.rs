//! What a TURN URI names (RFC 7064, RFC 7065).

use serde::Serialize;
use tokio_rustls::rustls::pki_types::ServerName;
use widget_turn_proto::{UriError, check_uri};

/// How a client speaks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// What to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A host name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) reach: Reach,
}

/// How a URI is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `turn:` and `turns:`.
    Turn(Transport),
    /// `stun:`, which relays nothing.
    Stun,
    /// `turns:…?transport=udp` is DTLS, which browsers do not speak.
    Dtls,
}

impl Target {
    /// Reads a URI.
    ///
    /// # Errors
    ///
    /// For one that browsers do not take.
    pub(crate) fn read(uri: &str) -> Result<Self, UriError> {
        check_uri(uri)?;
        let (scheme, rest) = uri.split_once(':').ok_or(UriError::Scheme)?;
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, query),
            None => (rest, ""),
        };
        let reach = match (scheme, query) {
            ("stun", _) => Reach::Stun,
            ("turns", "transport=udp") => Reach::Dtls,
            ("turns", _) => Reach::Turn(Transport::Tls),
            (_, "transport=tcp") => Reach::Turn(Transport::Tcp),
            _ => Reach::Turn(Transport::Udp),
        };
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(UriError::Host)?,
            None => address.split_at(address.find(':').unwrap_or(address.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().map_err(|_| UriError::Port)?,
            None if scheme == "turns" => 5349,
            None => 3478,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            reach,
        })
    }

    /// The name that a certificate must be for; `None` for a host that no certificate can name.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        let host = self.host.strip_suffix('.').unwrap_or(&self.host);
        ServerName::try_from(host.to_owned()).ok()
    }

    /// Whether Chromium connects to this port: 53, 80, 443, and those from 1024 on.
    pub(crate) fn is_port_for_chromium(&self) -> bool {
        matches!(self.port, 53 | 80 | 443 | 1024..)
    }
}

/// The longest URI that is shown, in characters: none that can be used is longer.
const MAX_SHOWN: usize = 300;

/// The URI as it may be shown: with `***` for a user name and password, and for each value of a query but `transport`.
pub(crate) fn shown(uri: &str) -> String {
    let uri = without_userinfo(uri).unwrap_or_else(|| uri.to_owned());
    let shown = match uri.split_once(['?', '#']) {
        None => uri,
        Some((address, query)) => {
            let mark = &uri[address.len()..=address.len()];
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some(("transport", _)) => pair.to_owned(),
                Some((name, _)) => format!("{name}=***"),
                None => "***".to_owned(),
            });
            format!("{address}{mark}{}", pairs.collect::<Vec<_>>().join("&"))
        }
    };
    match shown.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// The URI with `***` for the user name and password that some write into it; `None` for one that has none, as RFC 7065
/// demands.
pub(crate) fn without_userinfo(uri: &str) -> Option<String> {
    let at = uri.rfind('@').map(|at| (at, 1));
    let encoded = uri.rfind("%40").map(|at| (at, 3));
    let (at, length) = at.into_iter().chain(encoded).max()?;
    let (before, host) = (&uri[..at], &uri[at + length..]);
    let schemes = ["turn", "turns", "stun", "stuns"];
    let scheme = before
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| schemes.iter().any(|it| it.eq_ignore_ascii_case(scheme)));
    Some(match scheme {
        Some(scheme) => format!("{scheme}:***@{host}"),
        // What stands before the colon may be the user.
        None => format!("***@{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_with_their_defaults() {
        let turn = Reach::Turn;
        for (uri, host, port, reach) in [
            ("turn:a.example", "a.example", 3478, turn(Transport::Udp)),
            ("turns:a.example", "a.example", 5349, turn(Transport::Tls)),
            (
                "turn:a.example:80?transport=tcp",
                "a.example",
                80,
                turn(Transport::Tcp),
            ),
            (
                "turn:a.example?transport=udp",
                "a.example",
                3478,
                turn(Transport::Udp),
            ),
            (
                "turns:[2001:db8::1]:443?transport=tcp",
                "2001:db8::1",
                443,
                turn(Transport::Tls),
            ),
            ("turn:[::1]", "::1", 3478, turn(Transport::Udp)),
            (
                "turns:a.example?transport=udp",
                "a.example",
                5349,
                Reach::Dtls,
            ),
            ("stun:a.example:19302", "a.example", 19302, Reach::Stun),
        ] {
            let expected = Target {
                host: host.to_owned(),
                port,
                reach,
            };
            assert_eq!(Target::read(uri), Ok(expected), "{uri}");
        }
        assert_eq!(Target::read("turn:a:0"), Err(UriError::Port));
        assert_eq!(Target::read("stuns:a"), Err(UriError::Scheme));
    }

    #[test]
    fn nobody_is_seen_in_a_uri() {
        for (uri, shown) in [
            (
                "turn:alice:hunter2@a.example:3478",
                "turn:***@a.example:3478",
            ),
            (
                "TURNS:hunter2@[::1]?transport=tcp",
                "TURNS:***@[::1]?transport=tcp",
            ),
            ("turn://alice:hunt?er@2@a.example", "turn:***@a.example"),
            ("alice:hunter2@a.example", "***@a.example"),
            ("turn:a.example?x=alice:hunter2@b", "turn:***@b"),
        ] {
            assert_eq!(without_userinfo(uri).as_deref(), Some(shown));
        }
        assert_eq!(without_userinfo("turn:a.example?transport=udp"), None);
        let long = format!("turn:{}", "a".repeat(400));
        for (uri, shown_as) in [
            (
                "turn:a.example?transport=udp",
                "turn:a.example?transport=udp",
            ),
            ("turn:alice:hunter2%40a.example", "turn:***@a.example"),
            ("turn:al@ice:hunter2%40a.example", "turn:***@a.example"),
            (
                "turn:a.example?transport=udp&credential=hunter2&hunter2",
                "turn:a.example?transport=udp&credential=***&***",
            ),
            ("turn:a.example?hunter2", "turn:a.example?***"),
            ("turn:a.example#hunter2", "turn:a.example#***"),
            (&long, &format!("{}…", &long[..300])),
        ] {
            assert_eq!(shown(uri), shown_as);
        }
    }

    #[test]
    fn certificates_name_hosts_and_addresses() {
        for uri in [
            "turns:a.example.",
            "turns:192.0.2.1",
            "turns:[2001:db8::1]:443",
        ] {
            assert!(Target::read(uri).unwrap().server_name().is_some(), "{uri}");
        }
    }
}
