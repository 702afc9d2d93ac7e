//! Which TURN and STUN URIs a browser takes.
//!
//! `new RTCPeerConnection` throws on the whole list if one entry is bad, so a call fails for a typo in one of three URIs.
//! What passes here is a URI by RFC 7064 and RFC 7065 that neither Chromium (156, libwebrtc's parser) nor Firefox (153)
//! throws on (rule W9). Firefox is the stricter: no `stuns:`, no `transport=UDP` in capitals, no blocked port, no host
//! that ends like an IPv4 address and is none, no `xn--` that is no name.

mod punycode;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What is wrong with a URI.
///
/// ```
/// use widget_turn_proto::{UriError, check_uri};
///
/// assert_eq!(check_uri("http://example.org"), Err(UriError::Scheme));
/// assert_eq!(UriError::Scheme.to_string(), "expected a URI that begins with turn:, turns: or stun:");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// Neither `turn`, `turns` nor `stun`, in lower case. Firefox throws on `stuns`.
    Scheme,
    /// No host, a character in it that no host name or IP address has (`user@host` among them), or an internationalised
    /// name that is none.
    Host,
    /// A port that is not a number from 1 to 65535, or one that browsers block, such as 25 and 5060.
    Port,
    /// A query other than `transport=udp` or `transport=tcp`, or any on a STUN URI.
    Query,
    /// Longer than 512 bytes.
    TooLong,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "expected a URI that begins with turn:, turns: or stun:",
            Self::Host => "expected a host name, an IPv4 address or an IPv6 address in brackets after the scheme",
            Self::Port => "expected a port from 1 to 65535 that browsers do not block",
            Self::Query => "expected no query but ?transport=udp or ?transport=tcp, in lower case, and that on turn: and turns: alone",
            Self::TooLong => "expected at most 512 bytes",
        })
    }
}

impl std::error::Error for UriError {}

/// Longer ones exist nowhere; the limit bounds what a homeserver can make us keep (rule C9).
const MAX_LENGTH: usize = 512;

/// The ports that browsers block, by the Fetch standard: Firefox throws on them here too, but for 53.
const BLOCKED_PORTS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512,
    513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995,
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080,
];

/// Checks a URI by RFC 7064, RFC 7065 and what Chromium and Firefox accept.
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
        "stun" => query.is_none(),
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
        if host.is_empty()
            || !host.bytes().all(in_host)
            || (ends_in_a_number(host) && host.parse::<Ipv4Addr>().is_err())
            || !host.split('.').all(punycode::is_plausible)
        {
            return Err(UriError::Host);
        }
        port
    };
    match port {
        None => Ok(()),
        // `parse` alone would take a plus sign.
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(port @ 1..) if !BLOCKED_PORTS.contains(&port) => Ok(()),
            _ => Err(UriError::Port),
        },
        Some(_) => Err(UriError::Port),
    }
}

/// Whether a browser takes the host for an IPv4 address, by the URL standard, and so throws if it is none.
fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    if let Some(hex) = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")) {
        return hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
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
            ("turn:turn.example.com.", Ok(())),
            ("turn:turn2.example.com:443", Ok(())),
            ("turn:0x.example.com:53", Ok(())),
            ("turn:turn.xn--mller-kva.example:3478", Ok(())),
            ("turn:xn--11b5bs3a9aj6g.example", Ok(())),
            ("stuns:stun.example.com", Err(UriError::Scheme)),
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
            ("turn:256.1.1.1", Err(UriError::Host)),
            ("turn:1.2.3", Err(UriError::Host)),
            ("turn:1.2.3.4.5", Err(UriError::Host)),
            ("turn:09.1.1.1", Err(UriError::Host)),
            ("turn:10.20.30.40.", Err(UriError::Host)),
            ("turn:turn.example.com.1", Err(UriError::Host)),
            ("turn:turn.0x1F", Err(UriError::Host)),
            ("turn:xn--", Err(UriError::Host)),
            ("turn:_ff_..xn--a:56816", Err(UriError::Host)),
            ("turn:turn.example.com:", Err(UriError::Port)),
            ("turn:turn.example.com:0", Err(UriError::Port)),
            ("turn:turn.example.com:65536", Err(UriError::Port)),
            ("turn:turn.example.com:+80", Err(UriError::Port)),
            ("turn:turn.example.com:25", Err(UriError::Port)),
            ("turns:turn.example.com:993", Err(UriError::Port)),
            ("turn:turn.example.com:5060", Err(UriError::Port)),
            (
                "turn:turn.example.com:99999999999999999999",
                Err(UriError::Port),
            ),
            ("turn:turn.example.com:3478/path", Err(UriError::Port)),
            ("turn:turn.example.com?", Err(UriError::Query)),
            ("turn:turn.example.com?transport=tls", Err(UriError::Query)),
            ("turn:turn.example.com?transport=UDP", Err(UriError::Query)),
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
