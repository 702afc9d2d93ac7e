//! What clients and peers send to the demo's TURN server: nothing panics, no relay is opened but for who may have one, and
//! nothing goes to other machines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stun_types::attribute::{
    AttributeType, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, RawAttribute,
    Realm, Username,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType,
    MessageWriteVec, TransactionId,
};
use stun_types::prelude::{AttributeStaticType as _, MessageWrite as _, MessageWriteExt as _};
use turn_server_proto::api::SocketAllocateError;
use turn_types::Instant;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};

#[path = "../../crates/widget-turn-cli/src/demo/turn_server/gate.rs"]
mod gate;
#[path = "../../crates/widget-turn-cli/src/demo/turn_server/protocol.rs"]
#[allow(dead_code, reason = "the command's tests ask it for more")]
mod protocol;

use crate::bytes::holds;
use crate::credentials::{Minted, SharedSecret};
use crate::transaction::pieces;
use gate::Gate;
use protocol::{Output, Protocol};

const SECRET: &str = "canary-secret";
/// The time at the beginning, in Unix seconds.
const START: u64 = 1_795_440_550;
/// Names are good for so long, in seconds.
const LIFETIME: u64 = 1000;
/// One client has relays of two families at most.
const MAX_RELAYS: usize = 2;
/// Between two inputs.
const MAX_OUTPUTS: usize = 100;

/// Pieces of a byte for what it is, one for its length, and as many bytes.
pub fn embedded(data: &[u8]) {
    let mut scene = Scene::new();
    scene.knows_secret = holds(data, SECRET);
    for (how, bytes) in pieces(data) {
        scene.happens(how, bytes);
    }
    scene.sleep(Duration::from_secs(2 * 3600));
    assert_eq!(scene.relays, [], "nobody has asked to keep it for so long");
}

struct Scene {
    protocol: Protocol,
    seconds: Arc<AtomicU64>,
    now: Instant,
    relays: Vec<SocketAddr>,
    ports: u16,
    /// What the server wants a signature to be made of.
    challenge: Option<(Realm, Nonce)>,
    /// The last message may open relays.
    may_open: bool,
    /// There are relays to be had.
    has_ports: bool,
    /// The input has it by chance.
    knows_secret: bool,
}

impl Scene {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(START));
        let clock = {
            let seconds = seconds.clone();
            Arc::new(move || seconds.load(Ordering::Relaxed))
        };
        let secret = SharedSecret::from_text(SECRET);
        let gate = Arc::new(Gate::new("realm", secret, clock));
        Self {
            protocol: Protocol::new(gate, loopback(3478), loopback(50_000)),
            seconds,
            now: Instant::from_nanos(0),
            relays: Vec::new(),
            ports: 0,
            challenge: None,
            may_open: false,
            has_ports: true,
            knows_secret: false,
        }
    }

    fn happens(&mut self, how: u8, bytes: &[u8]) {
        match how % 8 {
            0 => self.protocol.handle_client(bytes.to_vec(), self.now),
            1..=5 => {
                let message = self.message(how, bytes);
                self.protocol.handle_client(message, self.now);
            }
            6 => {
                let at = usize::from(how >> 4);
                let Some(relay) = self.relays.get(at % MAX_RELAYS).copied() else {
                    return;
                };
                let peer = match how & 8 {
                    0 => loopback(9),
                    _ => SocketAddr::from(([192, 0, 2, 1], 9)),
                };
                let data = bytes.to_vec();
                self.protocol.handle_peer(relay, peer, data, self.now);
            }
            _ => {
                self.has_ports = how & 8 == 0;
                self.sleep(Duration::from_secs(u64::from(how >> 4).pow(2) * 5));
            }
        }
        self.drain();
        self.may_open = false;
    }

    /// A message with these attributes, signed in most cases, if the server has said how.
    fn message(&mut self, how: u8, bytes: &[u8]) -> Vec<u8> {
        let (class, method) = match (how >> 3) % 8 {
            0..=2 => (MessageClass::Request, ALLOCATE),
            3 => (MessageClass::Request, REFRESH),
            4 => (MessageClass::Request, CREATE_PERMISSION),
            5 => (MessageClass::Request, CHANNEL_BIND),
            6 => (MessageClass::Indication, SEND),
            _ => (MessageClass::Request, BINDING),
        };
        let id = TransactionId::from(7_u128);
        let kind = MessageType::from_class_method(class, method);
        let mut message = Message::builder(kind, id, MessageWriteVec::new());
        let mut rest = bytes;
        while let Some(([kind, other, high, low], after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
            let (value, after) = after.split_at(length);
            rest = after;
            let kind = AttributeType::new(u16::from_be_bytes([*kind, *other]));
            // These are added otherwise, or sent as they are.
            let ends = [
                MessageIntegrity::TYPE,
                MessageIntegritySha256::TYPE,
                Fingerprint::TYPE,
            ];
            if !ends.contains(&kind) {
                let attribute = RawAttribute::new(kind, value);
                message.add_attribute(&attribute).expect("there is room");
            }
        }
        let signs = how % 8 < 5 && class == MessageClass::Request;
        if let Some((realm, nonce)) = self.challenge.clone().filter(|_| signs) {
            // The last of them is over at once.
            let left = [LIFETIME, LIFETIME, LIFETIME, 0][usize::from(how % 8) - 1];
            let expiry = START + left;
            self.may_open = method == ALLOCATE && self.seconds.load(Ordering::Relaxed) <= expiry;
            let user = format!("u{}", how >> 6);
            let Minted { username, password } = SharedSecret::from_text(SECRET).mint(expiry, &user);
            let algorithm = match how % 8 {
                3 => IntegrityAlgorithm::Sha256,
                _ => IntegrityAlgorithm::Sha1,
            };
            let key = LongTermKeyCredentials::new(
                username.clone(),
                String::clone(&password),
                realm.realm().to_owned(),
            );
            let username = Username::new(&username).expect("a short name");
            for added in [
                message.add_attribute(&username),
                message.add_attribute(&realm),
                message.add_attribute(&nonce),
                message.add_message_integrity(&key.into(), algorithm),
            ] {
                added.expect("there is room");
            }
        }
        message.finish()
    }

    fn sleep(&mut self, span: Duration) {
        self.now += span;
        self.seconds.fetch_add(span.as_secs(), Ordering::Relaxed);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            match self.protocol.poll_output(self.now) {
                Output::ToClient(bytes) => self.client_gets(&bytes),
                Output::ToPeer { relay, peer, .. } => {
                    assert!(self.relays.contains(&relay), "{relay} is not open");
                    assert!(peer.ip().is_loopback(), "{peer} is another machine");
                }
                Output::OpenRelay(family) => {
                    assert!(self.may_open, "for nobody who may");
                    assert!(self.relays.len() < MAX_RELAYS);
                    self.ports += 1;
                    let relay = loopback(self.ports);
                    let opened = match self.has_ports {
                        true => Ok(relay),
                        false => Err(SocketAllocateError::InsufficientCapacity),
                    };
                    self.relays.extend(opened);
                    self.protocol.relay_opened(family, opened, self.now);
                }
                Output::CloseRelay(relay) => {
                    let at = self.relays.iter().position(|open| *open == relay);
                    self.relays.remove(at.expect("it is open"));
                }
                Output::Wait(time) => {
                    assert!(time >= self.now);
                    assert_eq!(self.protocol.has_relay(), !self.relays.is_empty());
                    return;
                }
            }
        }
        panic!("it never waits");
    }

    fn client_gets(&mut self, bytes: &[u8]) {
        assert!(self.knows_secret || !holds(bytes, SECRET));
        if bytes[0] >> 6 == 1 {
            let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            assert!((4 + length..8 + length).contains(&bytes.len()));
            return;
        }
        let message = Message::from_bytes(bytes).expect("a STUN message");
        let realm = message.attribute::<Realm>();
        if let (Ok(realm), Ok(nonce)) = (realm, message.attribute::<Nonce>()) {
            self.challenge = Some((realm, nonce));
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
