//! What is seen to be an address, an id or a host by its form alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Kind;

/// The longest text of an IPv6 address.
const MAX_IPV6: usize = 45;
/// The longest Matrix id (Matrix 1.19, "User Identifiers"), in bytes.
const MAX_ID: usize = 255;
/// No name is longer, in bytes; nobody makes this search for long.
const MAX_RUN: usize = 256;
/// What comes after a dot in the names of files that are no hosts.
const FILES: [&str; 5] = ["conf", "json", "pem", "prom", "txt"];

/// What stands at `at`, a character's first byte: its length in bytes, and what it is.
pub(super) fn at(text: &str, at: usize) -> Option<(usize, Kind)> {
    let (before, rest) = text.split_at(at);
    let previous = before.chars().next_back();
    id(rest)
        .map(|length| (length, Kind::User))
        .or_else(|| ipv6(previous, rest).map(|length| (length, Kind::Address)))
        .or_else(|| ipv4(previous, rest).map(|length| (length, Kind::Address)))
        .or_else(|| mail(previous, rest).map(|length| (length, Kind::User)))
        .or_else(|| host(before, rest).map(|length| (length, Kind::Host)))
}

/// An id without what URLs and file names write in place of its `@` and `:`.
pub(super) fn canonical_id(id: &str) -> String {
    let id = id.replace("%40", "@");
    id.replace("%3A", ":").replace("%3a", ":")
}

/// An address, as this program writes it.
pub(super) fn canonical_address(address: &str) -> String {
    let address = address.split('%').next().unwrap_or(address);
    let octets: Option<Vec<u8>> = address.split('.').map(|it| it.parse().ok()).collect();
    match octets.and_then(|it| <[u8; 4]>::try_from(it).ok()) {
        // Some write 192.000.002.001.
        Some(octets) => Ipv4Addr::from(octets).to_string(),
        None => match address.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => address.to_owned(),
        },
    }
}

/// The characters at the beginning that fit.
fn run(text: &str, fits: impl Fn(char) -> bool) -> &str {
    let mut rest = text.char_indices().take(MAX_RUN + 1);
    let end = rest.find(|(at, c)| *at >= MAX_RUN || !fits(*c));
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

fn after<'a>(text: &'a str, beginnings: &[&str]) -> Option<&'a str> {
    beginnings.iter().find_map(|it| {
        let (head, tail) = text.split_at_checked(it.len())?;
        head.eq_ignore_ascii_case(it).then_some(tail)
    })
}

fn is_in_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// `@alice:example.org`, percent-encoded perhaps.
fn id(text: &str) -> Option<usize> {
    let mut rest = after(text, &["@", "%40"])?;
    let mut local = 0;
    let server = loop {
        if let Some(server) = after(rest, &[":", "%3A"]) {
            break server;
        }
        let next = rest.chars().next()?;
        if next.is_whitespace() || next.is_control() || next == '@' || local > MAX_ID {
            return None;
        }
        local += next.len_utf8();
        rest = &rest[next.len_utf8()..];
    };
    let host = match server.strip_prefix('[') {
        Some(inside) => inside.find(']').map_or(0, |end| end + 2),
        None => run(server, is_in_host).trim_end_matches(['.', '-']).len(),
    };
    if local == 0 || host == 0 {
        return None;
    }
    let port = server[host..]
        .strip_prefix(':')
        .map_or("", |port| run(port, |c| c.is_ascii_digit()));
    let port = if port.is_empty() { 0 } else { 1 + port.len() };
    Some(text.len() - server.len() + host + port)
}

fn ipv6(previous: Option<char>, text: &str) -> Option<usize> {
    let joined = previous.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let first = text.chars().next()?;
    if joined || !(first.is_ascii_hexdigit() || first == ':') {
        return None;
    }
    let run = run(text, |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let run = &run[..run.len().min(MAX_IPV6)];
    let length = (3..=run.len()).rev().find(|length| {
        let digits = run[..*length].bytes().any(|it| it.is_ascii_hexdigit());
        digits && run[..*length].parse::<Ipv6Addr>().is_ok()
    })?;
    let zone = text[length..]
        .strip_prefix('%')
        .map_or("", |zone| self::run(zone, is_in_host));
    Some(length + if zone.is_empty() { 0 } else { 1 + zone.len() })
}

fn ipv4(previous: Option<char>, text: &str) -> Option<usize> {
    if previous.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut length = 0;
    for number in 0..4 {
        if number > 0 {
            length += text[length..].starts_with('.').then_some(1)?;
        }
        let digits = run(&text[length..], |c| c.is_ascii_digit());
        if digits.len() > 3 || digits.parse::<u8>().is_err() {
            return None;
        }
        length += digits.len();
    }
    Some(length)
}

fn mail(previous: Option<char>, text: &str) -> Option<usize> {
    if previous.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let local = run(text, |c| is_in_host(c) || c == '+');
    let server = text[local.len()..].strip_prefix('@')?;
    let server = run(server, is_in_host).trim_end_matches(['.', '-']);
    (!local.is_empty() && !server.is_empty()).then(|| local.len() + 1 + server.len())
}

/// A name with a dot and a top-level domain; after a scheme any name.
fn host(before: &str, text: &str) -> Option<usize> {
    let joined = |c: char| c.is_alphanumeric() || c == '_';
    if before.chars().next_back().is_some_and(joined) {
        return None;
    }
    let name = run(text, is_in_host).trim_end_matches(['.', '-']);
    if !name.starts_with(joined) {
        return None;
    }
    let ends_in = |end: &str| {
        let start = before.len().checked_sub(end.len());
        let start = start.and_then(|start| before.get(start..));
        start.is_some_and(|it| it.eq_ignore_ascii_case(end))
    };
    let named = ["turn:", "turns:", "stun:", "stuns:", "://"]
        .into_iter()
        .any(ends_in);
    let (_, last) = name.rsplit_once('.').unwrap_or(("", ""));
    let domain = last.len() >= 2
        && (last.chars().all(char::is_alphabetic) || last.starts_with("xn--"))
        && !FILES.contains(&last);
    (named || domain).then_some(name.len())
}
