mod client;
mod credentials;
mod limits;
mod peers;
mod simulated;

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::AbortHandle;

use self::client::{Client, Transport};
use super::*;
use crate::credentials::Minted;

const REALM: &str = "demo.localhost";
const SECRET: &str = "a-secret-for-tests";
const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";
const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// When every test starts, in Unix seconds.
const START: u64 = 1_795_440_550;

/// A server that runs until the test ends.
struct Rig {
    address: SocketAddr,
    room: Arc<Semaphore>,
    /// What the server takes for the time, in Unix seconds.
    unix: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Rig {
    async fn start(address: &str) -> Self {
        Self::start_with(address, LIMITS).await
    }

    async fn start_with(address: &str, limits: Limits) -> Self {
        let unix = Arc::new(AtomicU64::new(START));
        let clock: UnixClock = {
            let unix = unix.clone();
            Arc::new(move || unix.load(Ordering::SeqCst))
        };
        let address = address.parse().unwrap();
        let secret = SharedSecret::from_text(SECRET);
        let server = TurnServer::bind_with(address, REALM, secret, clock, limits)
            .await
            .unwrap();
        Self {
            address: server.local_addr(),
            room: server.server.room.clone(),
            unix,
            task: tokio::spawn(server.run()).abort_handle(),
        }
    }

    fn pass_time(&self, seconds: u64) {
        self.unix.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A client with credentials for another 10 seconds.
    async fn client(&self, transport: Transport) -> Client {
        let expiry = self.unix.load(Ordering::SeqCst) + 10;
        Client::connect(transport, self.address, &minted(expiry)).await
    }

    fn clients(&self) -> usize {
        MAX_CLIENTS - self.room.available_permits()
    }

    /// Waits until that many clients are left.
    async fn until_clients_are(&self, count: usize) {
        until(|| async { self.clients() == count }).await;
    }
}

fn minted(expiry: u64) -> Minted {
    SharedSecret::from_text(SECRET).mint(expiry, "@alice:demo.localhost")
}

/// Waits for a condition, for as long as a slow machine may need.
async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(client::GENEROUS, reached)
        .await
        .expect("the condition in time");
}

#[tokio::test]
async fn both_transports_listen_on_the_same_port() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for transport in TRANSPORTS {
            assert_eq!(rig.client(transport).await.allocate().await.code(), 200);
        }
    }
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    for address in [
        "0.0.0.0:0",
        "[::]:0",
        "192.0.2.1:3478",
        "[::ffff:127.0.0.1]:0",
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let error = TurnServer::bind(address, REALM, SharedSecret::from_text(SECRET))
            .await
            .err();
        assert_eq!(
            error.unwrap().to_string(),
            format!(
                "the demo's TURN server listens on loopback only, and {address} is not a loopback address: \
                 take 127.0.0.1 or [::1]"
            )
        );
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_transport() {
    let taken = TcpListener::bind(V4).await.unwrap();
    let address = taken.local_addr().unwrap();
    let bind = || TurnServer::bind(address, REALM, SharedSecret::from_text(SECRET));
    let error = bind().await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address} (TCP)")
    );
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("in use"), "{source}");

    drop(taken);
    let _taken = UdpSocket::bind(address).await.unwrap();
    let error = bind().await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address} (UDP)")
    );
}

#[tokio::test]
async fn a_realm_that_no_attribute_holds_is_refused() {
    for (realm, length) in [(String::new(), 0), ("r".repeat(128), 128)] {
        let secret = SharedSecret::from_text(SECRET);
        let error = TurnServer::bind(V4.parse().unwrap(), &realm, secret)
            .await
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            format!("expected a realm of 1 to 127 characters, got {length}")
        );
    }
}

#[tokio::test]
async fn dropping_the_server_ends_every_task_and_socket() {
    let rig = Rig::start(V4).await;
    let mut over_udp = rig.client(Transport::Udp).await;
    let mut over_tcp = rig.client(Transport::Tcp).await;
    let relays = [
        over_udp.allocate().await.relay(),
        over_tcp.allocate().await.relay(),
    ];
    assert_eq!(rig.clients(), 2);

    rig.task.abort();

    over_tcp.closed().await;
    rig.until_clients_are(0).await;
    for address in relays.into_iter().chain([rig.address]) {
        until(|| async { UdpSocket::bind(address).await.is_ok() }).await;
    }
    until(|| async { TcpListener::bind(rig.address).await.is_ok() }).await;
}
