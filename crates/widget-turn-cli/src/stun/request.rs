//! What a TURN client asks, and how it signs (RFC 8489 section 9.2, RFC 8656).

use std::net::SocketAddr;
use std::time::Duration;

use stun_types::attribute::{Nonce, Realm, Username};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass,
    MessageIntegrityCredentials, MessageType, MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use widget_turn_proto::Secret;

/// The channel that is bound: the first that there is (RFC 8656 section 12).
const CHANNEL: u16 = 0x4000;

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// What is my address? The one request that is not signed.
    Binding,
    /// A relay for UDP, of this family; of the server's choice without one.
    Allocate(Option<AddressFamily>),
    /// The allocation is to live on for so long, in whole seconds; for zero it is to be deleted.
    Refresh(Duration),
    /// Let this peer (its port does not count) send to the relay.
    CreatePermission(SocketAddr),
    /// The first channel is to lead to this peer.
    ChannelBind(SocketAddr),
}

impl Request {
    fn method(self) -> Method {
        match self {
            Self::Binding => BINDING,
            Self::Allocate(_) => ALLOCATE,
            Self::Refresh(_) => REFRESH,
            Self::CreatePermission(_) => CREATE_PERMISSION,
            Self::ChannelBind(_) => CHANNEL_BIND,
        }
    }

    /// The request's bytes, signed if there is somebody to sign and the server has said how.
    pub(crate) fn write(self, id: TransactionId, signer: Option<&Signer>) -> Vec<u8> {
        let kind = MessageType::from_class_method(MessageClass::Request, self.method());
        let mut message = Message::builder(kind, id, MessageWriteVec::new());
        self.add_attributes(&mut message, id);
        if let Some(signer) = signer {
            signer.sign(&mut message);
        }
        message.finish()
    }

    fn add_attributes(self, message: &mut MessageWriteVec, id: TransactionId) {
        let added = match self {
            Self::Binding => Ok(()),
            Self::Allocate(family) => message
                .add_attribute(&RequestedTransport::new(RequestedTransport::UDP))
                .and_then(|()| match family {
                    Some(family) => message.add_attribute(&RequestedAddressFamily::new(family)),
                    None => Ok(()),
                }),
            Self::Refresh(lifetime) => {
                let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
                message.add_attribute(&Lifetime::new(seconds))
            }
            Self::CreatePermission(peer) => message.add_attribute(&XorPeerAddress::new(peer, id)),
            Self::ChannelBind(peer) => message
                .add_attribute(&ChannelNumber::new(CHANNEL))
                .and_then(|()| message.add_attribute(&XorPeerAddress::new(peer, id))),
        };
        added.expect("the message has room and none of these attributes");
    }
}

/// What the server wants a signature to be made of.
struct Challenge {
    realm: Realm,
    nonce: Nonce,
    key: MessageIntegrityCredentials,
}

/// Signs requests with a name and a password, once a server has sent realm and nonce. No `Debug`: holds the password.
pub(crate) struct Signer {
    username: Username,
    password: Secret,
    challenge: Option<Challenge>,
}

impl Signer {
    /// `None` for a user name that no STUN message holds: one of more than 513 bytes.
    pub(crate) fn new(username: &str, password: Secret) -> Option<Self> {
        Some(Self {
            username: Username::new(username).ok()?,
            password,
            challenge: None,
        })
    }

    /// Whether requests are signed by now.
    pub(crate) fn is_challenged(&self) -> bool {
        self.challenge.is_some()
    }

    /// The realm that the server named.
    pub(crate) fn realm(&self) -> Option<&str> {
        self.challenge
            .as_ref()
            .map(|challenge| challenge.realm.realm())
    }

    /// What answers are to be signed with.
    pub(super) fn key(&self) -> Option<&MessageIntegrityCredentials> {
        self.challenge.as_ref().map(|challenge| &challenge.key)
    }

    /// Takes realm and nonce from a 401 or 438. `false` if it has none; a 438 may leave the realm out.
    pub(super) fn learn(&mut self, answer: &Message<'_>) -> bool {
        let Ok(nonce) = answer.attribute::<Nonce>() else {
            return false;
        };
        let realm = match (answer.attribute::<Realm>(), self.challenge.take()) {
            (Ok(realm), _) => realm,
            (Err(_), Some(former)) => former.realm,
            (Err(_), None) => return false,
        };
        let key = LongTermKeyCredentials::new(
            self.username.username().to_owned(),
            self.password.expose().to_owned(),
            realm.realm().to_owned(),
        );
        self.challenge = Some(Challenge {
            realm,
            nonce,
            key: key.into(),
        });
        true
    }

    fn sign(&self, message: &mut MessageWriteVec) {
        let Some(challenge) = &self.challenge else {
            return;
        };
        message
            .add_attribute(&self.username)
            .and_then(|()| message.add_attribute(&challenge.realm))
            .and_then(|()| message.add_attribute(&challenge.nonce))
            .and_then(|()| message.add_message_integrity(&challenge.key, IntegrityAlgorithm::Sha1))
            .expect("the message has room and no signature yet");
    }
}
