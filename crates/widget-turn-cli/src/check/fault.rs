//! What can go wrong with a TURN server, and the sentence that says what to do: one for every code.

use std::io;
use std::net::SocketAddr;

use tokio_rustls::rustls;

use crate::stun::framing::FramingError;
use crate::stun::transaction::{Failure, Stray};

use super::lint;
use super::target::Transport;

/// Why a step came to nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// STUN's own word.
    Stun(Failure),
    /// The operating system's word.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// The server writes no STUN on the connection.
    Framing(FramingError),
    /// The server speaks HTTP.
    Http,
    /// A connection that was not made in time.
    NoConnection,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// The alert by which a server ended TLS.
fn alert(error: &io::Error) -> Option<rustls::AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

impl From<FramingError> for Fault {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}

/// What was asked when it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Connection,
    Binding,
    Allocation,
    Permission,
    Refresh,
    Deletion,
}

/// Where and with what, as far as a sentence depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) asked: Asked,
    pub(crate) transport: Transport,
    pub(crate) server: SocketAddr,
    pub(crate) expiry: Expiry,
}

/// What a user name says of its own time, by this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Nothing: the credentials are static.
    Never,
    Ahead,
    Past,
}

impl Fault {
    /// The STUN error code.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Stun(Failure::Refused { code, .. }) => Some(*code),
            Self::Stun(Failure::StaleNonce) => Some(438),
            _ => None,
        }
    }

    /// Where a 300 sends the client.
    pub(crate) fn alternate(&self) -> Option<SocketAddr> {
        match self {
            Self::Stun(Failure::Refused { alternate, .. }) => *alternate,
            _ => None,
        }
    }

    /// Whether this machine has no way to addresses of this family.
    pub(crate) fn is_no_route(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(
            error.kind(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable
        ))
    }

    /// Whether there is no use in asking on.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Stun(_))
    }

    /// What happened.
    pub(crate) fn happened(&self) -> String {
        match self {
            Self::Stun(failure) => match failure {
                Failure::Refused { code: 0, .. } => {
                    "refused without an error code from 300 to 699".to_owned()
                }
                Failure::Refused { code, reason, .. } if reason.is_empty() => {
                    format!("refused with {code}")
                }
                Failure::Refused { code, reason, .. } => format!("refused with {code} {reason}"),
                Failure::NoAnswer(None) => "no answer in time".to_owned(),
                Failure::NoAnswer(Some(Stray::NotStun)) => {
                    "no answer in time; what came was no whole STUN message".to_owned()
                }
                Failure::NoAnswer(Some(Stray::OtherTransaction)) => {
                    "no answer in time; what came answered another request".to_owned()
                }
                Failure::NoChallenge => {
                    "asked for credentials without a realm and a nonce that can be used".to_owned()
                }
                Failure::StaleNonce => "refused with 438 each nonce that it gave out".to_owned(),
                Failure::Unsigned => "answered without a signature (MESSAGE-INTEGRITY)".to_owned(),
                Failure::BadlySigned => "answered with a signature of another password".to_owned(),
            },
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "the port is closed".to_owned()
            }
            Self::Io(error) => match (alert(error), error.raw_os_error()) {
                (Some(rustls::AlertDescription::CertificateRequired), _) => {
                    "the server wants a certificate of the client".to_owned()
                }
                (Some(alert), _) => format!("the server broke off TLS: {alert:?}"),
                // Without Rust's " (os error 113)".
                (None, Some(_)) => {
                    let text = error.to_string();
                    let end = text.find(" (os error").unwrap_or(text.len());
                    text[..end].to_lowercase()
                }
                (None, None) => error.to_string(),
            },
            Self::Closed => "the server closed the connection".to_owned(),
            Self::Framing(error) => format!("what the server sent is not STUN: {error}"),
            Self::Http => "what came is HTTP".to_owned(),
            Self::NoConnection => "no connection in time".to_owned(),
            Self::Interrupted => "interrupted".to_owned(),
        }
    }

    /// What to do.
    pub(crate) fn advice(&self, here: Circumstances) -> String {
        let port = here.server.port();
        let protocol = match here.transport {
            Transport::Udp => "UDP",
            Transport::Tcp | Transport::Tls => "TCP",
        };
        match self {
            Self::Stun(Failure::NoAnswer(_)) | Self::Io(_) | Self::Closed
                if here.asked == Asked::Deletion =>
            {
                "The relay may stay until its lifetime ends, ten minutes as a rule, and counts against the user's quota \
                 until then: look at the line to the server, and at its log."
                    .to_owned()
            }
            Self::Io(error) if alert(error) == Some(rustls::AlertDescription::CertificateRequired) => {
                "Browsers have none to show: let the server ask for none (coturn: without CA-file).".to_owned()
            }
            Self::Io(error) if alert(error).is_some() => {
                "Look at the server's TLS settings and its log.".to_owned()
            }
            Self::Http => format!(
                "A web server listens on port {port}, or a proxy stands before the TURN server: correct the port in the \
                 URI (Synapse: turn_uris), or what stands there."
            ),
            Self::Stun(failure) => failure_advice(failure, here, protocol),
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => format!(
                "Nothing listens on {protocol} port {port}: start the TURN server there, or correct the port in the \
                 URI (Synapse: turn_uris)."
            ),
            Self::Io(_) if here.asked == Asked::Connection && self.is_no_route() => format!(
                "This machine has no way to {}: run the check where there is one.",
                if here.server.is_ipv6() { "IPv6" } else { "IPv4" }
            ),
            Self::Io(_) => "A router or firewall on the way refuses: look at the routes, and let \
                 this port through."
                .to_owned(),
            Self::Closed => match here.transport {
                Transport::Tcp => "Look at the server's log: it may be full, refuse TCP, or expect TLS on this port \
                     (a turns: URI)."
                    .to_owned(),
                _ => "Look at the server's log: it may be full, or forbid this address.".to_owned(),
            },
            Self::Framing(_) => "Something other than a TURN server listens on this port, or it \
                 expects TLS (a turns: URI)."
                .to_owned(),
            Self::NoConnection => format!(
                "A firewall drops {protocol} to port {port}, or the address is another machine's: let the port \
                 through, or correct the name's addresses."
            ),
            Self::Interrupted => String::new(),
        }
    }
}

fn failure_advice(failure: &Failure, here: Circumstances, protocol: &str) -> String {
    let port = here.server.port();
    match failure {
        Failure::Refused {
            code, alternate, ..
        } => code_advice(*code, *alternate, here),
        Failure::StaleNonce => code_advice(438, None, here),
        Failure::NoAnswer(Some(Stray::NotStun)) => {
            format!("Something other than a TURN server answers on {protocol} port {port}: correct the port, or update the server.")
        }
        Failure::NoAnswer(Some(Stray::OtherTransaction)) => {
            "The server, or a middlebox before it, mixes up answers: update it, and look what else stands in \
             between."
                .to_owned()
        }
        Failure::NoAnswer(None) => match here.transport {
            Transport::Udp => format!(
                "A firewall drops UDP to or from port {port}, or the server is down: let UDP through, and compare \
                 with the rows over TCP and TLS."
            ),
            Transport::Tcp | Transport::Tls => {
                "The connection stands but nothing answers: look whether a TURN server listens here, and at its log."
                    .to_owned()
            }
        },
        Failure::NoChallenge => {
            "The server sends a 401 that no client can answer: set a realm (coturn: realm), or update it.".to_owned()
        }
        Failure::Unsigned | Failure::BadlySigned => {
            "The answer is not by a server that knows the password: clients throw it away. Look what stands in \
             between (a load balancer, an old server)."
                .to_owned()
        }
    }
}

fn code_advice(code: u16, alternate: Option<SocketAddr>, here: Circumstances) -> String {
    let text = match (code, here.asked) {
        (300, _) => {
            return match alternate {
                Some(other) if lint::is_nobodys(other) => format!(
                    "The server sends clients on to {other}, where nobody can be: correct its list of alternate servers."
                ),
                Some(other) => format!(
                    "The server sends clients on to {other}, which is checked below. Few browsers follow: name that \
                     server in the URIs."
                ),
                None => "The server sends clients on and does not say where: correct its list of alternate servers."
                    .to_owned(),
            };
        }
        (400, Asked::Allocation) if here.expiry == Expiry::Past => {
            "The credentials have expired, by their own user name and this machine's clock: fetch fresh ones. Servers \
             built on pion (LiveKit, STUNner) answer 400 to such."
        }
        (400, Asked::Allocation | Asked::Refresh | Asked::Permission | Asked::Deletion) => {
            "Servers built on pion (LiveKit, STUNner) answer 400 to credentials that are wrong or expired: compare \
             the shared secret and the clocks of homeserver and TURN server. Any other server: look at its log."
        }
        (400, _) => "The server takes the request for malformed: look at its log, and update it.",
        (401, Asked::Binding) => {
            "The server wants credentials even for Binding (coturn: secure-stun); relaying does not need it."
        }
        (401, _) if here.expiry == Expiry::Past => {
            "The credentials have expired, by their own user name and this machine's clock: fetch fresh ones."
        }
        (401, _) if here.expiry == Expiry::Never => {
            "The server does not know the user by this password: compare both with its own (coturn: user), and, if it \
             holds a key in place of the password, the realm that the key was made for (coturn: realm)."
        }
        (401, _) => {
            "The server does not know these credentials: its shared secret (coturn: static-auth-secret) is not the \
             one they were made with (Synapse: turn_shared_secret), or its clock is ahead."
        }
        (403, Asked::Permission) => {
            "The server forbids this peer (coturn: denied-peer-ip). Relaying to its own address is often forbidden, \
             and calls do not need it unless both sides use this server: then allow it (coturn: allowed-peer-ip)."
        }
        (403, _) => {
            "The server forbids relays to this user or from this address: look at its lists."
        }
        (420, _) => "The server does not know an option that every client sends: update it.",
        (437, Asked::Refresh | Asked::Permission | Asked::Deletion) => {
            "The server no longer knows the relay that it has just granted: it was restarted, or several servers share \
             the address: let a load balancer keep each client on one server."
        }
        (437, _) => {
            "The server still holds another allocation for this address and port, or (coturn) knows the user by \
             another realm: look at its realm, and try again in ten minutes."
        }
        (438, _) => {
            "Its clock jumps, or several servers share the address and each has nonces of its own: let a load \
             balancer keep each client on one server."
        }
        (440, _) => {
            "The server has no relay addresses of this family: give it one (coturn: relay-ip), or take the name's \
             address of this family away."
        }
        (441, _) => {
            "An allocation belongs to the user name that made it, and another one was used: wait ten minutes and \
             try again."
        }
        (442, _) => "The server relays no UDP: allow it (coturn: without no-udp-relay).",
        (443, _) => {
            "Relay and peer are of different families: give the server relay addresses of both."
        }
        (486, _) => {
            "The user has as many relays as the server allows one user (a browser takes several for each call): \
             end other calls, wait ten minutes for what was not deleted, or raise the quota (coturn: user-quota)."
        }
        (500, _) => "The server failed: look at its log, and try again.",
        (508, _) => {
            "The server has no relay left: widen its range of ports (coturn: min-port, max-port), raise \
             total-quota, or look for allocations that are not deleted."
        }
        (300..=399, _) => "The server wants the client to go elsewhere: look at its settings.",
        (400..=499, _) => "The server takes the request for wrong: look at its log.",
        _ => "The server failed: look at its log.",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests;
