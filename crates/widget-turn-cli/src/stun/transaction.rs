//! One request of a TURN client and what comes of it, without I/O: RFC 8489 sections 6.2 (sending, again and again over
//! UDP), 6.3 (which answer counts) and 9.2 (the challenge, and the signature of the answer).
//!
//! Facts come in by `handle_…` with the time, what is to be sent comes out of [`Transaction::poll_transmit`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_types::attribute::{AlternateServer, ErrorCode, Software, XorMappedAddress};
use stun_types::message::{Message, MessageClass, StunParseError, TransactionId, ValidateError};
use stun_types::prelude::AttributeStaticType as _;
use turn_types::attribute::{Lifetime, XorRelayedAddress};

use super::request::{Request, Signer};

/// The first wait for an answer over UDP; each further one is twice as long (RFC 8489 section 6.2.1).
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How often a request is sent over UDP. With the doubled waits the last one leaves after 31.5 s.
const MAX_TRANSMISSIONS: u32 = 7;
/// How many stale nonces in a row are taken before the server is held to be at fault.
const MAX_STALE_NONCES: u32 = 3;

/// Whether what carries the request may lose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// UDP: sent again until answered.
    Datagrams,
    /// TCP or TLS: sent once.
    Stream,
}

/// Why there is no answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An error response.
    Refused {
        /// The error code, 300 to 699.
        code: u16,
        /// The text beside it, without the NULs that some servers pad it with.
        reason: String,
        /// Where a 300 sends the client.
        alternate: Option<SocketAddr>,
    },
    /// Nothing that answers the request came in time; perhaps something else did.
    NoAnswer(Option<Stray>),
    /// A 401 or 438 without the realm or nonce that the next try would need.
    NoChallenge,
    /// The server calls each nonce that it has just given out stale.
    StaleNonce,
    /// A success without MESSAGE-INTEGRITY: anybody on the way could have written it.
    Unsigned,
    /// A success whose MESSAGE-INTEGRITY is not by the password.
    BadlySigned,
}

/// What came instead of an answer, and was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stray {
    /// No STUN message, or not a whole one.
    NotStun,
    /// A response to a request that was not made.
    OtherTransaction,
}

/// A request under way.
pub(crate) struct Transaction<'a> {
    request: Request,
    signer: Option<&'a mut Signer>,
    delivery: Delivery,
    id: TransactionId,
    bytes: Vec<u8>,
    /// Transmissions of these bytes.
    transmissions: u32,
    /// When to send the next time; `None` if never.
    next: Option<Instant>,
    deadline: Instant,
    stale_nonces: u32,
    stray: Option<Stray>,
}

impl<'a> Transaction<'a> {
    /// Begins at `now`, to end after `limit` at the latest, challenges included. Binding takes no signer.
    pub(crate) fn new(
        request: Request,
        signer: Option<&'a mut Signer>,
        delivery: Delivery,
        now: Instant,
        limit: Duration,
    ) -> Self {
        let id = TransactionId::generate();
        Self {
            bytes: request.write(id, signer.as_deref()),
            request,
            signer,
            delivery,
            id,
            transmissions: 0,
            next: Some(now),
            deadline: now + limit,
            stale_nonces: 0,
            stray: None,
        }
    }

    /// What is to be sent now. To be called until `None` after the beginning and after each `handle_…`.
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let due = self.next.is_some_and(|next| next <= now);
        if !due {
            return None;
        }
        let wait = FIRST_WAIT * 2u32.pow(self.transmissions);
        self.transmissions += 1;
        let again = self.delivery == Delivery::Datagrams && self.transmissions < MAX_TRANSMISSIONS;
        self.next = again.then(|| now + wait);
        Some(&self.bytes)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.next
            .map_or(self.deadline, |next| next.min(self.deadline))
    }

    /// Takes the time. `Some` when there is none left.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Failure> {
        (now >= self.deadline).then_some(Failure::NoAnswer(self.stray))
    }

    /// Takes a message of the server that is no indication. `None` while there is no answer yet.
    pub(crate) fn handle_message(
        &mut self,
        bytes: &[u8],
        now: Instant,
    ) -> Option<Result<Response, Failure>> {
        let Ok(message) = Message::from_bytes(bytes) else {
            self.stray = Some(Stray::NotStun);
            return None;
        };
        if !message.is_response() || message.transaction_id() != self.id {
            self.stray = Some(Stray::OtherTransaction);
            return None;
        }
        if message.has_class(MessageClass::Success) {
            return Some(
                self.check_signature(&message)
                    .map(|()| Response::read(&message)),
            );
        }
        let (code, reason) = error_of(&message);
        let challenged = self
            .signer
            .as_ref()
            .is_some_and(|signer| signer.is_challenged());
        match (code, &mut self.signer) {
            (401, Some(signer)) if !challenged => {
                if !signer.learn(&message) {
                    return Some(Err(Failure::NoChallenge));
                }
            }
            (438, Some(signer)) => {
                self.stale_nonces += 1;
                if self.stale_nonces > MAX_STALE_NONCES {
                    return Some(Err(Failure::StaleNonce));
                }
                if !signer.learn(&message) {
                    return Some(Err(Failure::NoChallenge));
                }
            }
            _ => {
                let alternate = message.attribute::<AlternateServer>().ok();
                return Some(Err(Failure::Refused {
                    code,
                    reason,
                    alternate: alternate.map(|alternate| alternate.server()),
                }));
            }
        }
        self.id = TransactionId::generate();
        self.bytes = self.request.write(self.id, self.signer.as_deref());
        self.transmissions = 0;
        self.next = Some(now);
        None
    }

    fn check_signature(&self, message: &Message<'_>) -> Result<(), Failure> {
        let Some(signer) = &self.signer else {
            return Ok(());
        };
        // A success without a challenge is the answer of a server that wants no credentials.
        let Some(key) = signer.key() else {
            return Ok(());
        };
        match message.validate_integrity(key) {
            Ok(_) => Ok(()),
            Err(ValidateError::Parse(StunParseError::MissingAttribute(_))) => {
                Err(Failure::Unsigned)
            }
            Err(_) => Err(Failure::BadlySigned),
        }
    }
}

/// What a success says. Whatever the server left out is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// The address that the server sees the client at.
    pub(crate) mapped: Option<SocketAddr>,
    /// The address of the relay.
    pub(crate) relayed: Option<SocketAddr>,
    /// How long the allocation lives.
    pub(crate) lifetime: Option<Duration>,
    /// What the server calls itself.
    pub(crate) software: Option<String>,
}

impl Response {
    fn read(message: &Message<'_>) -> Self {
        let id = message.transaction_id();
        let seconds = |lifetime: Lifetime| Duration::from_secs(lifetime.seconds().into());
        Self {
            mapped: message
                .attribute()
                .ok()
                .map(|it: XorMappedAddress| it.addr(id)),
            relayed: message
                .attribute()
                .ok()
                .map(|it: XorRelayedAddress| it.addr(id)),
            lifetime: message.attribute().ok().map(seconds),
            software: message
                .attribute()
                .ok()
                .map(|it: Software| trimmed(it.software())),
        }
    }
}

/// Code and reason; 0 for an error response without a code, or with one that STUN has not.
///
/// stun-types reads none with a reason that is no UTF-8.
fn error_of(message: &Message<'_>) -> (u16, String) {
    let raw = message.raw_attribute(ErrorCode::TYPE);
    let Some([_, _, class, number, reason @ ..]) = raw.as_ref().map(|raw| &*raw.value) else {
        return (0, String::new());
    };
    match (class & 7, number) {
        (class @ 3..=6, number @ 0..=99) => (
            u16::from(class) * 100 + u16::from(*number),
            trimmed(&String::from_utf8_lossy(reason)),
        ),
        _ => (0, String::new()),
    }
}

/// Without the NULs that coturn pads texts with, and no longer than a report has room for.
fn trimmed(text: &str) -> String {
    text.trim_matches(['\0', ' ']).chars().take(120).collect()
}

#[cfg(test)]
mod tests;
