//! Which TURN and STUN URIs a browser takes.
//!
//! `new RTCPeerConnection` throws on the whole list if one entry is bad, so a call fails for a typo in one of three URIs.
//! What passes here is a URI by RFC 7064 and RFC 7065 that also passes libwebrtc's parser (rule W9).

use std::fmt;
use std::net::Ipv6Addr;

/// What is wrong with a URI.
///
/// ```
/// use widget_turn_proto::{UriError, check_uri};
///
/// assert_eq!(check_uri("http://example.org"), Err(UriError::Scheme));
/// assert_eq!(UriError::Scheme.to_string(), "expected a URI that begins with turn:, turns:, stun: or stuns:");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// Not one of the four schemes, in lower case.
    Scheme,
    /// No host, or a character in it that no host name or IP address has (`user@host` among them).
    Host,
    /// A port that is not a number from 1 to 65535.
    Port,
    /// A query other than `transport=udp` or `transport=tcp`, or any on a STUN URI.
    Query,
    /// Longer than 512 bytes.
    TooLong,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "expected a URI that begins with turn:, turns:, stun: or stuns:",
            Self::Host => "expected a host name, an IPv4 address or an IPv6 address in brackets after the scheme",
            Self::Port => "expected a port from 1 to 65535",
            Self::Query => "expected no query but ?transport=udp or ?transport=tcp, and that on turn: and turns: alone",
            Self::TooLong => "expected at most 512 bytes",
        })
    }
}

impl std::error::Error for UriError {}

/// Longer ones exist nowhere; the limit bounds what a homeserver can make us keep (rule C9).
const MAX_LENGTH: usize = 512;

/// Checks a URI by RFC 7064, RFC 7065 and what libwebrtc accepts.
///
/// # Errors
///
/// The first thing that is wrong, reading from the left.
///
/// ```
/// use widget_turn_proto::{UriError, check_uri};
///
/// assert_eq!(check_uri("turn:turn.example.com:3478?transport=udp"), Ok(()));
/// assert_eq!(check_uri("turns:[2001:db8::1]:443?transport=tcp"), Ok(()));
/// assert_eq!(check_uri("turn:turn.example.com:0"), Err(UriError::Port));
/// assert_eq!(check_uri("stun:stun.example.com?transport=udp"), Err(UriError::Query));
/// ```
pub fn check_uri(uri: &str) -> Result<(), UriError> {
    if uri.len() > MAX_LENGTH {
        return Err(UriError::TooLong);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(UriError::Scheme)?;
    let (address, query) = match rest.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (rest, None),
    };
    let query_fits = match scheme {
        "turn" | "turns" => matches!(query, None | Some("transport=udp" | "transport=tcp")),
        "stun" | "stuns" => query.is_none(),
        _ => return Err(UriError::Scheme),
    };
    check_address(address)?;
    if query_fits {
        Ok(())
    } else {
        Err(UriError::Query)
    }
}

fn check_address(address: &str) -> Result<(), UriError> {
    let port = if let Some(rest) = address.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UriError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| UriError::Host)?;
        match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err(UriError::Host),
        }
    } else {
        let (host, port) = match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        };
        let in_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(in_host) {
            return Err(UriError::Host);
        }
        port
    };
    match port {
        None => Ok(()),
        // `parse` alone would take a plus sign.
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(1..) => Ok(()),
            _ => Err(UriError::Port),
        },
        Some(_) => Err(UriError::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::{UriError, check_uri};

    #[test]
    fn w9_only_uris_that_browsers_take_pass() {
        let table: &[(&str, Result<(), UriError>)] = &[
            ("turn:turn.example.com:3478?transport=udp", Ok(())),
            ("turn:10.20.30.40:3478?transport=tcp", Ok(())),
            ("turns:10.20.30.40:443?transport=tcp", Ok(())),
            ("turns:turn.example.com:443?transport=udp", Ok(())),
            ("turn:turn.example.com", Ok(())),
            ("turn:my_host-1.local:65535", Ok(())),
            ("turn:[::1]:3478", Ok(())),
            ("turn:[2001:db8::1]", Ok(())),
            ("stun:stun.example.com:3478", Ok(())),
            ("stuns:stun.example.com", Ok(())),
            ("", Err(UriError::Scheme)),
            ("turn", Err(UriError::Scheme)),
            ("TURN:turn.example.com", Err(UriError::Scheme)),
            ("http://turn.example.com", Err(UriError::Scheme)),
            (" turn:turn.example.com", Err(UriError::Scheme)),
            ("bogus:1", Err(UriError::Scheme)),
            ("turn:", Err(UriError::Host)),
            ("turn::3478", Err(UriError::Host)),
            ("turn://turn.example.com", Err(UriError::Host)),
            ("turn:user@turn.example.com", Err(UriError::Host)),
            ("turn:turn example.com", Err(UriError::Host)),
            ("turn:türn.example.com", Err(UriError::Host)),
            ("turn:[::1", Err(UriError::Host)),
            ("turn:[::1]x", Err(UriError::Host)),
            ("turn:[turn.example.com]", Err(UriError::Host)),
            ("turn:[fe80::1%eth0]", Err(UriError::Host)),
            ("turn:::1", Err(UriError::Host)),
            ("turn:turn.example.com:", Err(UriError::Port)),
            ("turn:turn.example.com:0", Err(UriError::Port)),
            ("turn:turn.example.com:65536", Err(UriError::Port)),
            ("turn:turn.example.com:+80", Err(UriError::Port)),
            (
                "turn:turn.example.com:99999999999999999999",
                Err(UriError::Port),
            ),
            ("turn:turn.example.com:3478/path", Err(UriError::Port)),
            ("turn:turn.example.com?", Err(UriError::Query)),
            ("turn:turn.example.com?transport=tls", Err(UriError::Query)),
            (
                "turn:turn.example.com?transport=udp&x=1",
                Err(UriError::Query),
            ),
            ("turn:turn.example.com?proto=udp", Err(UriError::Query)),
            ("turn:turn.example.com#x", Err(UriError::Host)),
            ("stun:stun.example.com?transport=udp", Err(UriError::Query)),
        ];
        for (uri, expected) in table {
            assert_eq!(check_uri(uri), *expected, "{uri:?}");
        }
        let long = format!("turn:{}", "a".repeat(600));
        assert_eq!(check_uri(&long), Err(UriError::TooLong));
    }
}
