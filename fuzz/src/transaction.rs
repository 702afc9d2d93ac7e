//! What a TURN server answers to a request of `check`: nothing panics, requests are signed as they should be and not sent
//! for ever, and what nobody has signed is not believed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_types::attribute::{Nonce, Realm, Username, XorMappedAddress};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageType, MessageWriteVec,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use turn_types::attribute::{Lifetime, XorRelayedAddress};
use turn_types::{AddressFamily, message::CREATE_PERMISSION};
use widget_turn_proto::Secret;

use crate::bytes::holds;
use crate::stun::request::{Request, Signer};
use crate::stun::transaction::{Delivery, Failure, Response, Transaction};

const USERNAME: &str = "1795440550:alice";
const PASSWORD: &str = "canary-password";
const LIMIT: Duration = Duration::from_secs(40);

/// The first byte is what is asked for, and how; then come pieces of a byte for what it is, one for its length, and as many
/// bytes.
pub fn transaction(data: &[u8]) {
    let Some((setup, rest)) = data.split_first() else {
        return;
    };
    let peer: SocketAddr = "127.0.0.1:9".parse().expect("an address");
    let request = match setup % 8 {
        0 => Request::Binding,
        1 => Request::Refresh(Duration::from_secs(u64::from(*setup))),
        2 => Request::CreatePermission(peer),
        3 => Request::ChannelBind(peer),
        4 => Request::Allocate(Some(AddressFamily::IPV6)),
        _ => Request::Allocate(None),
    };
    let delivery = match setup & 8 {
        0 => Delivery::Datagrams,
        _ => Delivery::Stream,
    };
    let mut signer = Signer::new(USERNAME, Secret::new(PASSWORD)).expect("a short name");
    let signs = (request != Request::Binding).then_some(&mut signer);
    let start = Instant::now();
    let mut server = Server::new(delivery);
    server.knows_password = holds(data, PASSWORD);
    let mut now = start;
    let mut transaction = Transaction::new(request, signs, delivery, start, LIMIT);
    server.takes(&mut transaction, now);
    for (how, bytes) in pieces(rest) {
        if how % 8 == 0 {
            now += Duration::from_millis(100) * u32::from(how / 8);
            match transaction.handle_timeout(now) {
                Some(Failure::NoAnswer(_)) => return assert!(now >= start + LIMIT),
                other => assert_eq!(other, None),
            }
            assert!(now < start + LIMIT, "it is over");
        } else {
            let (answer, signed) = server.answers(how, bytes);
            match transaction.handle_message(&answer, now) {
                Some(Ok(response)) => return server.believed(&response, signed),
                Some(Err(failure)) => return refused(&failure),
                None => {}
            }
        }
        server.takes(&mut transaction, now);
        assert!(transaction.poll_timeout() <= start + LIMIT);
    }
}

/// A byte for what it is, one for its length, and as many bytes.
pub(crate) fn pieces(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([how, length], rest) = data.split_first_chunk()?;
        let (piece, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        data = rest;
        Some((*how, piece))
    })
}

/// What a server has got.
struct Server {
    delivery: Delivery,
    last: Vec<u8>,
    /// How often each request has come, by its id.
    times: BTreeMap<u128, u32>,
    signed: bool,
    /// The input has it by chance.
    knows_password: bool,
}

impl Server {
    fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            last: Vec::new(),
            times: BTreeMap::new(),
            signed: false,
            knows_password: false,
        }
    }

    fn takes(&mut self, transaction: &mut Transaction<'_>, now: Instant) {
        while let Some(bytes) = transaction.poll_transmit(now) {
            let message = Message::from_bytes(bytes).expect("a STUN message");
            assert!(message.has_class(MessageClass::Request));
            assert!(self.knows_password || !holds(bytes, PASSWORD));
            let times = self.times.entry(message.transaction_id().into());
            *times.or_default() += 1;
            self.signed = message.attribute::<Username>().is_ok();
            if self.signed {
                assert!(message.attribute::<Nonce>().is_ok());
                assert!(message.validate_integrity(&key(&message)).is_ok());
            }
            self.last = bytes.to_vec();
        }
        let most = match self.delivery {
            Delivery::Datagrams => 7,
            Delivery::Stream => 1,
        };
        assert!(self.times.values().all(|times| *times <= most));
        assert!(self.times.len() <= 5, "challenged for ever");
    }

    /// An answer, and whether it is signed.
    fn answers(&self, how: u8, bytes: &[u8]) -> (Vec<u8>, bool) {
        let request = Message::from_bytes(&self.last).expect("a STUN message");
        let class = match how & 8 {
            0 => MessageClass::Success,
            _ => MessageClass::Error,
        };
        let method = match how & 16 {
            0 => request.method(),
            _ => CREATE_PERMISSION,
        };
        let id = request.transaction_id();
        let kind = MessageType::from_class_method(class, method);
        let mut answer = Message::builder(kind, id, MessageWriteVec::new());
        match how % 8 {
            // Anything at all.
            1 => return (bytes.to_vec(), false),
            // Attributes of any form.
            2..=4 => {}
            // An answer that is as it should be; something comes after the signature in some.
            _ => {
                for added in [
                    answer.add_attribute(&XorMappedAddress::new(ours(), id)),
                    answer.add_attribute(&XorRelayedAddress::new(ours(), id)),
                    answer.add_attribute(&Lifetime::new(600)),
                ] {
                    added.expect("there is room");
                }
            }
        }
        let signs = how % 8 > 4 && self.signed;
        if signs {
            let algorithm = match how & 32 {
                0 => IntegrityAlgorithm::Sha1,
                _ => IntegrityAlgorithm::Sha256,
            };
            let added = answer.add_message_integrity(&key(&request), algorithm);
            added.expect("it is not signed yet");
        }
        let mut answer = answer.finish();
        answer.extend_from_slice(bytes);
        answer.resize(answer.len().next_multiple_of(4), 0);
        let length = u16::try_from(answer.len() - 20).expect("a short message");
        answer[2..4].copy_from_slice(&length.to_be_bytes());
        (answer, signs)
    }

    fn believed(&self, response: &Response, signed: bool) {
        assert!(signed || !self.signed, "anybody could have said so");
        if signed {
            // What comes after the signature is not of who has signed.
            assert_eq!(
                (response.mapped, response.relayed),
                (Some(ours()), Some(ours()))
            );
            assert_eq!(response.lifetime, Some(Duration::from_secs(600)));
            assert_eq!(response.software, None);
        }
        let software = response.software.as_deref().unwrap_or_default();
        assert!(software.chars().count() <= 120);
    }
}

fn refused(failure: &Failure) {
    if let Failure::Refused { code, reason, .. } = failure {
        assert!(*code == 0 || (300..700).contains(code));
        assert!(reason.chars().count() <= 120);
    }
}

fn ours() -> SocketAddr {
    "192.0.2.1:49160".parse().expect("an address")
}

fn key(request: &Message<'_>) -> MessageIntegrityCredentials {
    let realm = request.attribute::<Realm>().expect("a realm");
    let realm = realm.realm().to_owned();
    LongTermKeyCredentials::new(USERNAME.to_owned(), PASSWORD.to_owned(), realm).into()
}
