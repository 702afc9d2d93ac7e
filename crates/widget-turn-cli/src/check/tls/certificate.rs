//! What a certificate says of itself, and what is wrong with one that was refused.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio_rustls::rustls::{CertificateError, Error};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::TlsSeen;

/// How many names of a certificate are shown; some have hundreds.
const MAX_NAMES: usize = 10;
const MAX_TEXT: usize = 120;

/// A certificate, as far as a report needs it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Certificate {
    /// Host names and addresses that it is for; the first ten.
    pub(crate) names: Vec<String>,
    /// Who signed it.
    pub(crate) issuer: String,
    /// Whether it is signed by its own subject.
    pub(crate) self_signed: bool,
    /// Its last day, `2026-11-23`.
    pub(crate) not_after: String,
    /// Whole days until then; negative for days since.
    pub(crate) days_left: i64,
    /// When it expires, in Unix seconds.
    #[serde(skip)]
    pub(crate) not_after_unix: i64,
}

impl Certificate {
    /// Reads DER. `None` for what is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let not_after = certificate.validity().not_after.timestamp();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
            });
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|extension| {
                let names = extension.value.general_names.iter();
                names.filter_map(name).take(MAX_NAMES).collect()
            });
        Some(Self {
            names: names.unwrap_or_default(),
            issuer: cut(&certificate.issuer().to_string()),
            self_signed: certificate.issuer() == certificate.subject(),
            not_after: day(not_after),
            days_left: not_after.saturating_sub(now).div_euclid(86_400),
            not_after_unix: not_after,
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(cut(name)),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            };
            Some(address.to_string())
        }
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// The day of a time in Unix seconds, `2026-11-23`.
fn day(unix: i64) -> String {
    let since = Duration::from_secs(u64::try_from(unix).unwrap_or(0));
    match UNIX_EPOCH.checked_add(since) {
        // humantime writes no year beyond 9999.
        Some(time) if since.as_secs() < 253_402_300_800 => {
            let text = humantime::format_rfc3339_seconds(time).to_string();
            text.chars().take(10).collect()
        }
        _ => "9999-12-31".to_owned(),
    }
}

/// What went wrong in a handshake, and what to do about it.
pub(crate) fn fault(error: &io::Error, seen: &TlsSeen, host: &str) -> (String, &'static str) {
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    else {
        return (
            format!("the connection broke off during the TLS handshake ({error})"),
            "Look at the server's log: it may have no certificate (coturn: cert and pkey), or this port may not speak \
             TLS.",
        );
    };
    match tls {
        Error::InvalidCertificate(why) => refused(why, seen, host),
        Error::InvalidMessage(_) => (
            "the answer is not TLS".to_owned(),
            "This port does not speak TLS: correct the port of the turns: URI, or set up TLS on it (coturn: \
             tls-listening-port, cert and pkey).",
        ),
        Error::AlertReceived(alert) => (
            format!("the server broke off the TLS handshake: {alert:?}"),
            "The server must allow TLS 1.2 or 1.3, ask for no client certificate, and have a certificate for this \
             name.",
        ),
        other => (
            cut(&other.to_string()),
            "Look at the server's TLS settings and its log.",
        ),
    }
}

fn refused(why: &CertificateError, seen: &TlsSeen, host: &str) -> (String, &'static str) {
    let own = seen.certificate.as_ref();
    let names = own.map_or_else(String::new, |own| own.names.join(", "));
    let self_signed = own.is_some_and(|own| own.self_signed);
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let when = own.map_or_else(String::new, |own| format!(" on {}", own.not_after));
            (
                format!("the certificate expired{when}"),
                "Renew the certificate and make the server load it (coturn: restart, or SIGUSR2).",
            )
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the certificate is not valid yet".to_owned(),
            "Compare this machine's clock with the day on which the certificate begins.",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            if names.is_empty() {
                format!("the certificate names no host, and so not {host}")
            } else {
                format!("the certificate is for {names}, not for {host}")
            },
            "Get a certificate for the name in the URI, or put a name of the certificate into the URI.",
        ),
        _ if self_signed => (
            "the certificate is self-signed".to_owned(),
            "Browsers refuse it: get a certificate of an authority that they know, such as Let's Encrypt.",
        ),
        CertificateError::UnknownIssuer if seen.certificates_sent < 2 => (
            "the certificate's issuer is unknown, and the server sent no chain".to_owned(),
            "Let the server send the whole chain (fullchain.pem, not cert.pem).",
        ),
        CertificateError::UnknownIssuer => (
            "the certificate's issuer is unknown".to_owned(),
            "Browsers refuse it: get a certificate of an authority that they know, such as Let's Encrypt.",
        ),
        CertificateError::Revoked => (
            "the certificate has been revoked".to_owned(),
            "Get a new certificate.",
        ),
        other => (
            cut(&format!("the certificate is refused: {other}")),
            "Get a certificate that browsers accept.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_people_write_them() {
        assert_eq!(day(1_795_440_550), "2026-11-23");
        assert_eq!(day(-5), "1970-01-01");
        assert_eq!(day(i64::MAX), "9999-12-31");
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        assert!(Certificate::read(b"garbage").is_none());
        assert!(Certificate::read(b"").is_none());
    }
}
