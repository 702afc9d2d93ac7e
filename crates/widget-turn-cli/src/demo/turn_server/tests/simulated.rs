//! Days in no time: the protocol without sockets and with a made-up clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stun_types::message::{Message, Method};
use stun_types::prelude::MessageWriteExt as _;
use turn_server_proto::api::SocketAllocateError;
use turn_types::attribute::AdditionalAddressFamily;
use turn_types::message::{ALLOCATE, CREATE_PERMISSION, REFRESH};
use turn_types::{AddressFamily, Instant};

use super::client::{Answer, Fill, Signer, allocate_udp, lifetime, peer};
use super::{REALM, SECRET, START, minted};
use crate::credentials::SharedSecret;
use crate::demo::turn_server::gate::Gate;
use crate::demo::turn_server::protocol::{MAX_NAMES, Output, Protocol};

/// One client's protocol, its signer, and a second hand for both clocks.
struct Simulation {
    protocol: Protocol,
    signer: Signer,
    seconds: Arc<AtomicU64>,
    relays: Vec<SocketAddr>,
    /// What [`Output::OpenRelay`] is answered with; the port is counted up.
    ports: u16,
}

impl Simulation {
    fn start() -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = {
            let seconds = seconds.clone();
            Arc::new(move || START + seconds.load(Ordering::SeqCst))
        };
        let gate = Arc::new(Gate::new(REALM, SharedSecret::from_text(SECRET), clock));
        let listener = "127.0.0.1:3478".parse().unwrap();
        let client = "127.0.0.1:50000".parse().unwrap();
        Self {
            protocol: Protocol::new(gate, listener, client),
            signer: Signer::new(&minted(START + 10)),
            seconds,
            relays: Vec::new(),
            ports: 0,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.seconds.load(Ordering::SeqCst) as i64 * 1_000_000_000)
    }

    fn pass_time(&mut self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
        assert!(self.outputs().is_empty(), "nobody asked anything");
    }

    /// Takes new credentials, for the next 10 seconds.
    fn renew(&mut self) {
        let minted = minted(START + self.seconds.load(Ordering::SeqCst) + 10);
        self.signer.username = minted.username;
        self.signer.password = String::clone(&minted.password);
    }

    /// What the client is sent.
    fn outputs(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            let now = self.now();
            match self.protocol.poll_output(now) {
                Output::ToClient(message) => sent.push(message),
                Output::ToPeer { .. } => panic!("nothing was sent to a peer"),
                Output::OpenRelay(family) => {
                    assert_eq!(family, AddressFamily::IPV4);
                    self.ports = self.ports.wrapping_add(1).max(1);
                    let relay = SocketAddr::from(([127, 0, 0, 1], self.ports));
                    self.relays.push(relay);
                    self.protocol.relay_opened(family, Ok(relay), now);
                }
                Output::CloseRelay(relay) => self.relays.retain(|open| *open != relay),
                Output::Wait(time) => {
                    assert!(time >= now);
                    return sent;
                }
            }
        }
    }

    /// One request, repeated when the server wants it signed: the codes of all answers.
    fn request(&mut self, method: Method, fill: Fill<'_>) -> Vec<u16> {
        let mut codes = Vec::new();
        loop {
            let (id, request) = self.signer.request(method, fill);
            let now = self.now();
            self.protocol.handle_client(request, now);
            let mut sent = self.outputs();
            assert_eq!(sent.len(), 1, "one answer to one request");
            let answer = Answer(sent.remove(0));
            assert_eq!(Message::from_bytes(&answer.0).unwrap().transaction_id(), id);
            codes.push(answer.code());
            if !self.signer.learn(&answer) {
                return codes;
            }
        }
    }
}

#[test]
fn names_that_are_minted_for_days_stay_bounded() {
    let mut simulation = Simulation::start();
    let mut most = 0;
    // Every minute of two days somebody comes with a name that was minted just now.
    for _ in 0..2 * 24 * 60 {
        simulation.renew();
        let codes = simulation.request(ALLOCATE, &allocate_udp);
        assert_eq!(codes.last(), Some(&200));
        assert_eq!(simulation.relays.len(), 1);
        let codes = simulation.request(REFRESH, &lifetime(0));
        assert_eq!(codes.last(), Some(&200));
        assert_eq!(simulation.relays, []);
        most = most.max(simulation.protocol.names_known());
        simulation.pass_time(60);
    }
    assert_eq!(most, MAX_NAMES);
}

#[test]
fn names_that_fit_no_allocation_stay_bounded_too() {
    let mut simulation = Simulation::start();
    assert_eq!(simulation.request(ALLOCATE, &allocate_udp), [401, 200]);
    let first = (
        simulation.signer.username.clone(),
        simulation.signer.password.clone(),
    );
    for n in 1..100 {
        simulation.pass_time(1);
        simulation.renew();
        let code = if n < MAX_NAMES { 441 } else { 401 };
        assert_eq!(simulation.request(REFRESH, &lifetime(600)), [code]);
        assert!(simulation.protocol.names_known() <= MAX_NAMES);
    }
    (simulation.signer.username, simulation.signer.password) = first;
    assert_eq!(simulation.request(REFRESH, &lifetime(600)), [200]);
}

#[test]
fn an_expired_allocation_is_refreshed_for_days_through_stale_nonces() {
    let mut simulation = Simulation::start();
    assert_eq!(simulation.request(ALLOCATE, &allocate_udp), [401, 200]);
    let mut stale = 0;
    for _ in 0..3 * 24 * 12 {
        simulation.pass_time(300);
        let codes = simulation.request(REFRESH, &lifetime(600));
        assert_eq!(codes.last(), Some(&200));
        stale += codes.iter().filter(|code| **code == 438).count();
        let loopback = "127.0.0.1:9".parse().unwrap();
        assert_eq!(
            simulation.request(CREATE_PERMISSION, &peer(loopback)),
            [200]
        );
        assert_eq!(simulation.relays.len(), 1);
    }
    assert!(stale > 50, "a nonce lasts an hour, so {stale} is too few");
}

#[test]
fn an_allocation_that_nobody_refreshes_closes_its_relay() {
    let mut simulation = Simulation::start();
    assert_eq!(simulation.request(ALLOCATE, &allocate_udp), [401, 200]);
    simulation.pass_time(600);
    assert!(simulation.protocol.has_relay());
    simulation.pass_time(1);
    assert!(!simulation.protocol.has_relay());
    assert_eq!(simulation.relays, []);
}

#[test]
fn a_relay_that_cannot_be_opened_is_no_capacity() {
    for (error, code) in [
        (SocketAllocateError::InsufficientCapacity, 508),
        (SocketAllocateError::AddressFamilyNotSupported, 440),
    ] {
        let mut simulation = Simulation::start();
        let (_, request) = simulation.signer.request(ALLOCATE, &allocate_udp);
        let now = simulation.now();
        simulation.protocol.handle_client(request, now);
        let challenge = Answer(simulation.outputs().remove(0));
        simulation.signer.learn(&challenge);
        let (_, request) = simulation.signer.request(ALLOCATE, &allocate_udp);
        simulation.protocol.handle_client(request, now);
        assert_eq!(
            simulation.protocol.poll_output(now),
            Output::OpenRelay(AddressFamily::IPV4)
        );
        simulation
            .protocol
            .relay_opened(AddressFamily::IPV4, Err(error), now);
        assert_eq!(Answer(simulation.outputs().remove(0)).code(), code);
        assert!(!simulation.protocol.has_relay());
        assert_eq!(simulation.request(ALLOCATE, &allocate_udp), [200]);
    }
}

#[test]
fn when_the_second_of_two_relays_fails_the_first_is_closed() {
    let mut simulation = Simulation::start();
    let both: Fill<'_> = &|request, id| {
        allocate_udp(request, id);
        request
            .add_attribute(&AdditionalAddressFamily::new(AddressFamily::IPV6))
            .unwrap();
    };
    let now = simulation.now();
    let (_, request) = simulation.signer.request(ALLOCATE, both);
    simulation.protocol.handle_client(request, now);
    let challenge = Answer(simulation.outputs().remove(0));
    simulation.signer.learn(&challenge);
    let (_, request) = simulation.signer.request(ALLOCATE, both);
    simulation.protocol.handle_client(request, now);

    let relay = "[::1]:1".parse().unwrap();
    assert_eq!(
        simulation.protocol.poll_output(now),
        Output::OpenRelay(AddressFamily::IPV6)
    );
    simulation
        .protocol
        .relay_opened(AddressFamily::IPV6, Ok(relay), now);
    assert_eq!(
        simulation.protocol.poll_output(now),
        Output::OpenRelay(AddressFamily::IPV4)
    );
    let error = SocketAllocateError::InsufficientCapacity;
    simulation
        .protocol
        .relay_opened(AddressFamily::IPV4, Err(error), now);

    assert_eq!(
        simulation.protocol.poll_output(now),
        Output::CloseRelay(relay)
    );
    assert!(!simulation.protocol.has_relay());
    simulation.outputs();
    assert_eq!(simulation.request(ALLOCATE, &allocate_udp), [200]);
}
