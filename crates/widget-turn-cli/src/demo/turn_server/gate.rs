//! Who may do what: draft-uberti-behave-turn-rest-00 for names, loopback for peers.

use stun_types::attribute::{
    ErrorCode, MessageIntegrity, MessageIntegritySha256, Userhash, Username,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass,
    MessageIntegrityCredentials, MessageWriteVec,
};
use stun_types::prelude::{
    Attribute as _, AttributeFromRaw as _, AttributeStaticType as _, MessageWrite as _,
    MessageWriteExt as _,
};
use turn_types::attribute::XorPeerAddress;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};

use crate::credentials::{SharedSecret, UnixClock, expiry_of};

/// What is to be done with a STUN message of a client.
pub(super) enum Verdict {
    /// Let the protocol answer it; it knows enough.
    Pass,
    /// Let the protocol answer it, with this name (and the password of it) known.
    PassAs(String),
    /// 401 with REALM and NONCE.
    Challenge,
    /// Send this answer.
    Answer(Vec<u8>),
    /// No answer at all.
    Ignore,
}

/// The policy of one server. Holds no state of clients.
pub(super) struct Gate {
    realm: String,
    secret: SharedSecret,
    clock: UnixClock,
}

impl Gate {
    pub(super) fn new(realm: &str, secret: SharedSecret, clock: UnixClock) -> Self {
        Self {
            realm: realm.to_owned(),
            secret,
            clock,
        }
    }

    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    pub(super) fn password_of(&self, username: &str) -> String {
        String::clone(&self.secret.password_of(username))
    }

    /// Judges a message by what it is and by the name in it. Its signature is left to the protocol, except before a
    /// refusal that only the owner of the name may see.
    pub(super) fn judge(&self, message: &Message<'_>) -> Verdict {
        match (message.class(), message.method()) {
            (MessageClass::Request, BINDING) | (MessageClass::Indication, SEND) => Verdict::Pass,
            (MessageClass::Request, ALLOCATE | REFRESH | CREATE_PERMISSION | CHANNEL_BIND) => {
                self.judge_request(message)
            }
            // RFC 8489 section 6.3: an unknown method is silently discarded. RFC 6062 (TCP relays) is one here.
            _ => Verdict::Ignore,
        }
    }

    fn judge_request(&self, message: &Message<'_>) -> Verdict {
        let signed = message.has_attribute(MessageIntegrity::TYPE)
            || message.has_attribute(MessageIntegritySha256::TYPE);
        if !signed {
            return Verdict::Pass;
        }
        // A name that nobody has told us in clear cannot be found by its hash.
        if message.has_attribute(Userhash::TYPE) {
            return Verdict::Challenge;
        }
        let Ok(username) = message.attribute::<Username>() else {
            return Verdict::Pass;
        };
        let username = username.username();
        let Some(expiry) = expiry_of(username) else {
            return Verdict::Challenge;
        };
        if has_foreign_peer(message) {
            return self.forbid(message, username);
        }
        // As coturn does it: the second of the expiry still counts.
        if (self.clock)() <= expiry {
            Verdict::PassAs(username.to_owned())
        } else if message.has_method(ALLOCATE) {
            Verdict::Challenge
        } else {
            // Only the protocol knows whether the name has opened an allocation while it could.
            Verdict::Pass
        }
    }

    /// 403, signed, to who can sign with this name.
    fn forbid(&self, message: &Message<'_>, username: &str) -> Verdict {
        let credentials = MessageIntegrityCredentials::from(LongTermKeyCredentials::new(
            username.to_owned(),
            self.password_of(username),
            self.realm.clone(),
        ));
        match message.validate_integrity(&credentials) {
            Ok(algorithm) => Verdict::Answer(forbidden(message, &credentials, algorithm)),
            Err(_) => Verdict::Challenge,
        }
    }
}

/// Whether a permission or a channel for another machine is asked for.
fn has_foreign_peer(message: &Message<'_>) -> bool {
    message
        .iter_attributes()
        .filter(|(_, attribute)| attribute.get_type() == XorPeerAddress::TYPE)
        .filter_map(|(_, attribute)| XorPeerAddress::from_raw(attribute).ok())
        .any(|peer| !peer.addr(message.transaction_id()).ip().is_loopback())
}

fn forbidden(
    request: &Message<'_>,
    credentials: &MessageIntegrityCredentials,
    algorithm: IntegrityAlgorithm,
) -> Vec<u8> {
    let mut answer = Message::builder_error(request, MessageWriteVec::new());
    let code = ErrorCode::new(ErrorCode::FORBIDDEN, "Forbidden: peers on loopback only")
        .expect("403 is a code and the reason is short");
    answer.add_attribute(&code).expect("the message is empty");
    answer
        .add_message_integrity(credentials, algorithm)
        .expect("the message is not signed yet");
    answer.finish()
}
