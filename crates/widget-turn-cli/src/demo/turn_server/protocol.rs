//! The TURN protocol for one client, without I/O: [`turn_server_proto`] behind the [`Gate`].
//!
//! An instance of [`turn_server_proto`] never forgets a name or a nonce, finds clients by walking a list, and keeps the
//! allocation of a TCP connection that has closed. With one instance for each client nothing of that grows.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use stun_types::TransportType;
use stun_types::message::{Message, MessageType, MessageWriteVec};
use stun_types::prelude::MessageWrite as _;
use turn_server_proto::api::{
    SocketAllocateError, Transmit, TurnServerApi as _, TurnServerPollRet,
};
use turn_server_proto::server::TurnServer;
use turn_types::{AddressFamily, Instant};

use super::gate::{Gate, Verdict};

/// How many names one client may have in use before the older ones are forgotten.
pub(super) const MAX_NAMES: usize = 8;

/// What the protocol wants done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Send to the client.
    ToClient(Vec<u8>),
    /// Send from the relay at `relay` to `peer`.
    ToPeer {
        relay: SocketAddr,
        peer: SocketAddr,
        data: Vec<u8>,
    },
    /// Open a relay and say what came of it by [`Protocol::relay_opened`], before anything else.
    OpenRelay(AddressFamily),
    /// Close the relay at this address.
    CloseRelay(SocketAddr),
    /// Nothing before this time, unless something comes in.
    Wait(Instant),
}

/// The state of one client.
pub(super) struct Protocol {
    gate: Arc<Gate>,
    server: TurnServer,
    client: SocketAddr,
    /// The names that `server` knows; no more than [`MAX_NAMES`].
    names: Vec<String>,
    relays: Vec<SocketAddr>,
    ready: VecDeque<Output>,
}

impl Protocol {
    pub(super) fn new(gate: Arc<Gate>, listener: SocketAddr, client: SocketAddr) -> Self {
        Self {
            server: new_server(&gate, listener),
            gate,
            client,
            names: Vec::new(),
            relays: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Whether the client has an allocation.
    pub(super) fn has_relay(&self) -> bool {
        !self.relays.is_empty()
    }

    /// Takes a STUN message or ChannelData of the client. Anything else is ignored.
    pub(super) fn handle_client(&mut self, bytes: Vec<u8>, now: Instant) {
        let Ok(message) = Message::from_bytes(&bytes) else {
            return self.feed(bytes, self.client, self.server.listen_address(), now);
        };
        match self.gate.judge(&message) {
            Verdict::Ignore => {}
            Verdict::Answer(answer) => self.ready.push_back(Output::ToClient(answer)),
            Verdict::Challenge => {
                // The protocol answers 401 with REALM and NONCE to a request without credentials.
                let bare = unsigned(&message);
                self.feed(bare, self.client, self.server.listen_address(), now);
            }
            Verdict::PassAs(name) => {
                self.make_known(name);
                self.feed(bytes, self.client, self.server.listen_address(), now);
            }
            Verdict::Pass => self.feed(bytes, self.client, self.server.listen_address(), now),
        }
    }

    /// Takes a datagram that `peer` sent to the relay at `relay`.
    pub(super) fn handle_peer(
        &mut self,
        relay: SocketAddr,
        peer: SocketAddr,
        data: Vec<u8>,
        now: Instant,
    ) {
        self.feed(data, peer, relay, now);
    }

    /// The answer to [`Output::OpenRelay`].
    pub(super) fn relay_opened(
        &mut self,
        family: AddressFamily,
        relay: Result<SocketAddr, SocketAllocateError>,
        now: Instant,
    ) {
        match relay {
            Ok(relay) => self.relays.push(relay),
            // Of two that were asked for, turn-server-proto 0.7 forgets the first when the second fails.
            Err(_) => self
                .ready
                .extend(self.relays.drain(..).map(Output::CloseRelay)),
        }
        let listener = self.server.listen_address();
        let udp = TransportType::Udp;
        self.server
            .allocated_socket(udp, listener, self.client, udp, family, relay, now);
    }

    /// The next thing to do. To be called until it says [`Output::Wait`] after everything that comes in, and again at
    /// the time it says.
    pub(super) fn poll_output(&mut self, now: Instant) -> Output {
        if let Some(output) = self.ready.pop_front() {
            return output;
        }
        loop {
            let polled = self.server.poll(now);
            while let Some(transmit) = self.server.poll_transmit(now) {
                self.route(transmit);
            }
            match polled {
                TurnServerPollRet::AllocateSocket { family, .. } => {
                    self.ready.push_back(Output::OpenRelay(family));
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    self.relays.retain(|relay| *relay != listen_addr);
                    self.ready.push_back(Output::CloseRelay(listen_addr));
                }
                // The gate lets nothing of RFC 6062 in.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {
                    continue;
                }
                TurnServerPollRet::WaitUntil(time) => self.ready.push_back(Output::Wait(time)),
            }
            break;
        }
        self.ready
            .pop_front()
            .expect("every arm above that breaks has pushed")
    }

    fn feed(&mut self, data: Vec<u8>, from: SocketAddr, to: SocketAddr, now: Instant) {
        // UDP whatever the client speaks: streams are framed by `crate::stun::framing`.
        let transmit = Transmit::new(data, TransportType::Udp, from, to);
        if let Some(transmit) = self.server.recv(transmit, now) {
            self.route(transmit.build());
        }
    }

    /// Goes by where a datagram leaves from. What leaves from the listener is for the client, even the answers to
    /// Binding requests, which turn-server-proto 0.7 addresses to the listener itself.
    fn route(&mut self, transmit: Transmit<Vec<u8>>) {
        self.ready
            .push_back(if transmit.from == self.server.listen_address() {
                Output::ToClient(transmit.data)
            } else {
                Output::ToPeer {
                    relay: transmit.from,
                    peer: transmit.to,
                    data: transmit.data,
                }
            });
    }

    fn make_known(&mut self, name: String) {
        if self.names.contains(&name) {
            return;
        }
        if self.names.len() == MAX_NAMES {
            if self.has_relay() {
                // Whatever the name, it is not the one of the allocation: the protocol refuses it.
                return;
            }
            self.server = new_server(&self.gate, self.server.listen_address());
            self.names.clear();
        }
        self.server
            .add_user(name.clone(), self.gate.password_of(&name));
        self.names.push(name);
    }

    #[cfg(test)]
    pub(super) fn names_known(&self) -> usize {
        self.names.len()
    }
}

fn new_server(gate: &Gate, listener: SocketAddr) -> TurnServer {
    TurnServer::new(TransportType::Udp, listener, gate.realm().to_owned())
}

/// The same request, of the same transaction, without any attribute.
fn unsigned(request: &Message<'_>) -> Vec<u8> {
    Message::builder(
        MessageType::from_class_method(request.class(), request.method()),
        request.transaction_id(),
        MessageWriteVec::new(),
    )
    .finish()
}
