//! What `--redact` hides: who and where are replaced by `user-1`, `host-1`, `address-1`, in every text that is printed.
//!
//! What is known by name is hidden wherever it stands, in capitals or not; beside it whatever has the form of an IP address, a
//! Matrix id, a mail address or a host name, for servers put into their words what they like.

mod literal;

use std::net::IpAddr;

use super::report::Report;
use super::target::{Target, shown};
use crate::arguments;

/// More names are hidden without a number of their own: a server may send new ones for ever.
const MAX_NAMES: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Host,
    Address,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
            Self::Address => "address",
        }
    }
}

/// What is hidden, and by which name. The same in all rounds.
#[derive(Default)]
pub(crate) struct Redaction {
    /// The longest first: `turn.example.org` before `example.org`.
    hidden: Vec<(String, String)>,
    counts: [u32; 3],
}

impl Redaction {
    /// Knows whoever was named on the command line.
    pub(crate) fn of(arguments: &arguments::Check) -> Self {
        let mut redaction = Self::default();
        if let Some(home) = std::env::home_dir().as_deref().and_then(|it| it.to_str())
            && home.len() > 1
        {
            // Paths are in some errors, and the home folder has its owner's name.
            redaction.insert(home, "~".to_owned());
        }
        for user in [&arguments.user, &arguments.username].into_iter().flatten() {
            redaction.hide_user(user);
        }
        if let Some(homeserver) = &arguments.homeserver {
            redaction.hide_url(homeserver);
        }
        for uri in &arguments.uris {
            redaction.hide_uri(&shown(uri));
        }
        redaction
    }

    /// Replaces everything that is hidden.
    pub(crate) fn mask(&mut self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let known = self.known_at(text, at);
            let found = literal::at(text, at);
            let longest =
                found.filter(|(length, _)| known.as_ref().is_none_or(|(known, _)| known < length));
            if let Some((length, kind)) = longest {
                masked.push_str(&self.hide(&text[at..at + length], kind));
                at += length;
            } else if let Some((length, name)) = known {
                masked.push_str(&name);
                at += length;
            } else {
                masked.push(first);
                at += first.len_utf8();
            }
        }
        masked
    }

    /// What is known to stand there: its length, and its name.
    fn known_at(&self, text: &str, at: usize) -> Option<(usize, String)> {
        let (before, rest) = text.split_at(at);
        let before = before.chars().next_back();
        // A user `a` is not the `a` of `allocate`.
        let joined = |one: Option<char>, other: Option<char>| {
            one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
        };
        self.hidden.iter().find_map(|(hidden, name)| {
            let length = hidden.len();
            let same = rest.get(..length)?.eq_ignore_ascii_case(hidden);
            let after = rest[length..].chars().next();
            let part =
                joined(before, hidden.chars().next()) || joined(hidden.chars().next_back(), after);
            (same && !part).then(|| (length, name.clone()))
        })
    }

    /// The name of something that is hidden from now on.
    fn hide(&mut self, text: &str, kind: Kind) -> String {
        let text = match kind {
            Kind::Address => literal::canonical_address(text),
            Kind::User => literal::canonical_id(text),
            Kind::Host => text.to_owned(),
        };
        let mut known = self.hidden.iter();
        if let Some((_, name)) = known.find(|(hidden, _)| hidden.eq_ignore_ascii_case(&text)) {
            return name.clone();
        }
        if text.is_empty() || self.hidden.len() >= MAX_NAMES {
            return kind.word().to_owned();
        }
        self.counts[kind as usize] += 1;
        let name = format!("{}-{}", kind.word(), self.counts[kind as usize]);
        self.insert(&text, name.clone());
        name
    }

    fn insert(&mut self, text: &str, name: String) {
        let longer = |(hidden, _): &(String, String)| hidden.len() >= text.len();
        let place = self.hidden.partition_point(longer);
        self.hidden.insert(place, (text.to_owned(), name));
    }

    fn hide_host(&mut self, host: &str) {
        match host.parse::<IpAddr>() {
            Ok(_) => self.hide(host, Kind::Address),
            Err(_) => self.hide(host, Kind::Host),
        };
    }

    /// A Matrix id, its local part, or the user name of TURN credentials.
    fn hide_user(&mut self, name: &str) {
        // Only an expiry before the colon is not the user's.
        let user = match name.split_once(':') {
            Some((expiry, user)) if expiry.parse::<u64>().is_ok() => user,
            _ => name,
        };
        self.hide(user, Kind::User);
        if let Some((local, server)) = user.trim_start_matches('@').split_once(':') {
            self.hide(local, Kind::User);
            self.hide_host(server);
        }
    }

    /// A URL, or a server name, which has no scheme.
    fn hide_url(&mut self, text: &str) {
        let parsed = [text.to_owned(), format!("https://{text}")]
            .iter()
            .find_map(|url| Some(url::Url::parse(url).ok()?.host_str()?.to_owned()));
        let host = parsed.as_deref().unwrap_or(text);
        self.hide_host(host.trim_matches(['[', ']']));
    }

    fn hide_uri(&mut self, uri: &str) {
        match Target::read(uri) {
            Ok(target) => self.hide_host(&target.host),
            Err(_) => _ = self.hide(uri, Kind::Host),
        }
    }

    /// Hides whatever a report names.
    pub(crate) fn redact(&mut self, report: &mut Report) {
        if let Some(homeserver) = &report.homeserver {
            self.hide_url(&homeserver.name);
            if let Some(base_url) = &homeserver.base_url {
                self.hide_url(base_url);
            }
        }
        if let Some(credentials) = &report.credentials {
            self.hide_user(&credentials.username);
        }
        for server in &report.servers {
            self.hide_uri(&server.uri);
            for address in &server.addresses {
                if let Some(realm) = address.realm.as_deref().filter(|realm| !realm.is_empty()) {
                    self.hide(realm, Kind::Host);
                }
                let tls = address.tls.as_ref();
                let certificate = tls.and_then(|tls| tls.certificate.as_ref());
                for name in certificate.map_or(&[][..], |certificate| &certificate.names) {
                    self.hide_host(name);
                }
                if let Some(certificate) = certificate.filter(|certificate| certificate.self_signed)
                {
                    self.hide(&certificate.issuer, Kind::Host);
                }
            }
        }
        report.each_text(&mut |text| *text = self.mask(text));
    }
}

#[cfg(test)]
mod tests;
