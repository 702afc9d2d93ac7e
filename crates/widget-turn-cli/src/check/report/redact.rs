//! A report that can be shown to strangers: who and where are replaced by `user-1`, `host-1`, `address-1`.

use std::net::{IpAddr, SocketAddr};

use super::Report;
use crate::check::target::Target;

/// What is hidden, by its name in the redacted report.
#[derive(Default)]
struct Names {
    hidden: Vec<(String, String)>,
    counts: [u32; 3],
}

#[derive(Clone, Copy)]
enum Kind {
    User,
    Host,
    Address,
}

impl Names {
    fn hide(&mut self, text: &str, kind: Kind) {
        let known = self.hidden.iter().any(|(hidden, _)| hidden == text);
        if text.is_empty() || known {
            return;
        }
        self.counts[kind as usize] += 1;
        let word = ["user", "host", "address"][kind as usize];
        let name = format!("{word}-{}", self.counts[kind as usize]);
        self.hidden.push((text.to_owned(), name));
    }

    fn hide_host(&mut self, host: &str) {
        match host.parse::<IpAddr>() {
            Ok(_) => self.hide(host, Kind::Address),
            Err(_) => self.hide(host, Kind::Host),
        }
    }

    fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        'next: while let Some(first) = rest.chars().next() {
            for (hidden, name) in &self.hidden {
                // A user `a` is not the `a` of `allocate`.
                let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                if let Some(after) = rest.strip_prefix(hidden.as_str())
                    && !(joined(before) && joined(hidden.chars().next()))
                    && !(joined(after.chars().next()) && joined(hidden.chars().next_back()))
                {
                    redacted.push_str(name);
                    before = hidden.chars().next_back();
                    rest = after;
                    continue 'next;
                }
            }
            redacted.push(first);
            before = Some(first);
            rest = &rest[first.len_utf8()..];
        }
        redacted
    }
}

impl Report {
    /// Hides user names, host names and addresses, wherever they stand.
    pub(crate) fn redact(&mut self) {
        let mut names = Names::default();
        if let Some(homeserver) = &self.homeserver {
            for url in [Some(&homeserver.name), homeserver.base_url.as_ref()] {
                let Some(url) = url else { continue };
                // A server name has no scheme.
                let parsed = [url.clone(), format!("https://{url}")]
                    .iter()
                    .find_map(|url| Some(url::Url::parse(url).ok()?.host_str()?.to_owned()));
                names.hide_host(parsed.as_deref().unwrap_or(url));
            }
        }
        if let Some(credentials) = &self.credentials {
            let name = &credentials.username;
            // Only an expiry before the colon is not the user's.
            let user = match name.split_once(':') {
                Some((expiry, user)) if expiry.parse::<u64>().is_ok() => user,
                _ => name,
            };
            names.hide(user, Kind::User);
            if let Some((local, server)) = user.trim_start_matches('@').split_once(':') {
                names.hide(local, Kind::User);
                names.hide_host(server);
            }
        }
        for server in &self.servers {
            match Target::read(&server.uri) {
                Ok(target) => names.hide_host(&target.host),
                Err(_) => names.hide(&server.uri, Kind::Host),
            }
            for address in &server.addresses {
                let seen = [
                    Some(&address.address),
                    address.alternate_of.as_ref(),
                    address.mapped_address.as_ref(),
                    address.relayed_address.as_ref(),
                ];
                for known in seen.into_iter().flatten() {
                    if let Ok(known) = known.parse::<SocketAddr>() {
                        names.hide(&known.ip().to_string(), Kind::Address);
                    }
                }
                names.hide(address.realm.as_deref().unwrap_or_default(), Kind::Host);
                let certificate = address
                    .tls
                    .as_ref()
                    .and_then(|tls| tls.certificate.as_ref());
                for name in certificate.map_or(&[][..], |certificate| &certificate.names) {
                    names.hide_host(name);
                }
                if let Some(certificate) = certificate.filter(|certificate| certificate.self_signed)
                {
                    names.hide(&certificate.issuer, Kind::Host);
                }
            }
        }
        // `turn.example.org` before `example.org`.
        names
            .hidden
            .sort_by_key(|(hidden, _)| std::cmp::Reverse(hidden.len()));
        self.each_text(&mut |text| *text = names.redact(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_hidden_and_the_longer_first() {
        let mut names = Names::default();
        names.hide("turn.example.org", Kind::Host);
        names.hide("example.org", Kind::Host);
        names.hide("a", Kind::User);
        names.hide("192.0.2.1", Kind::Address);
        names.hide("::1", Kind::Address);
        for (text, redacted) in [
            ("turn:turn.example.org:3478", "turn:host-1:3478"),
            (
                "9:a allocates a relay at example.org",
                "9:user-1 allocates user-1 relay at host-2",
            ),
            (
                "192.0.2.1:3478, not 192.0.2.10",
                "address-1:3478, not 192.0.2.10",
            ),
            ("[::1]:3478", "[address-2]:3478"),
        ] {
            assert_eq!(names.redact(text), redacted);
        }
    }
}
