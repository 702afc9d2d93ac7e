//! A TURN server on one loopback address, UDP and TCP on the same port, for credentials minted from a [`SharedSecret`].
//!
//! Every client (one UDP source address, or one TCP connection) is a task of its own with a protocol instance of its
//! own: see [`session`]. What a client leaves behind (names, nonces, relays) is gone when its session ends, so a server
//! that runs for days holds no more than its [`MAX_CLIENTS`] present clients do.

mod gate;
mod protocol;
mod relay;
mod session;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;

use self::gate::Gate;
use self::session::Limits;
use crate::credentials::{SharedSecret, UnixClock, system_clock};

/// How many clients are served at a time, UDP and TCP together. Each has up to three sockets.
const MAX_CLIENTS: usize = 400;

/// How often another free port is tried when UDP cannot have the one that TCP was given.
const FREE_PORT_ATTEMPTS: usize = 16;

const LIMITS: Limits = Limits {
    idle: Duration::from_secs(20),
    write: Duration::from_secs(10),
};

/// Why there is no TURN server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnServerError {
    /// The address can be reached from other machines.
    #[error(
        "the demo's TURN server listens on loopback only, and {0} is not a loopback address: take 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    /// No STUN attribute holds the realm.
    #[error("expected a realm of 1 to 127 characters, got {0}")]
    Realm(usize),
    /// The port is taken, or not ours to take.
    #[error("cannot listen on {address} ({transport})")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        transport: &'static str,
        /// The operating system's word.
        source: io::Error,
    },
}

/// What all clients of one server have in common.
#[derive(Clone)]
struct Server {
    gate: Arc<Gate>,
    /// One permit for each client.
    room: Arc<Semaphore>,
    limits: Limits,
}

/// A TURN server that listens and, while [`run`](Self::run), serves.
pub(crate) struct TurnServer {
    udp: UdpSocket,
    tcp: TcpListener,
    local_addr: SocketAddr,
    server: Server,
}

impl TurnServer {
    /// Listens on `addr`, UDP and TCP. With port 0 both get the same free port.
    ///
    /// # Errors
    ///
    /// For an address that is not loopback, a realm that is empty or too long, and what cannot be bound.
    pub(crate) async fn bind(
        addr: SocketAddr,
        realm: &str,
        secret: SharedSecret,
    ) -> Result<Self, TurnServerError> {
        Self::bind_with(addr, realm, secret, system_clock(), LIMITS).await
    }

    /// [`bind`](Self::bind), with a clock that the test moves.
    #[cfg(test)]
    pub(crate) async fn bind_with_clock(
        addr: SocketAddr,
        realm: &str,
        secret: SharedSecret,
        clock: UnixClock,
    ) -> Result<Self, TurnServerError> {
        Self::bind_with(addr, realm, secret, clock, LIMITS).await
    }

    async fn bind_with(
        addr: SocketAddr,
        realm: &str,
        secret: SharedSecret,
        clock: UnixClock,
        limits: Limits,
    ) -> Result<Self, TurnServerError> {
        if !addr.ip().is_loopback() {
            return Err(TurnServerError::NotLoopback(addr));
        }
        let characters = realm.chars().count();
        if !(1..128).contains(&characters) {
            return Err(TurnServerError::Realm(characters));
        }
        let (udp, tcp, local_addr) = listen(addr).await?;
        Ok(Self {
            udp,
            tcp,
            local_addr,
            server: Server {
                gate: Arc::new(Gate::new(realm, secret, clock)),
                room: Arc::new(Semaphore::new(MAX_CLIENTS)),
                limits,
            },
        })
    }

    /// Where it listens, with the port that was given for port 0.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves for ever. Dropping the future ends every task and closes every socket of the server.
    pub(crate) async fn run(self) {
        tokio::join!(
            udp::serve(self.udp, self.local_addr, &self.server),
            tcp::serve(self.tcp, self.local_addr, &self.server),
        );
    }
}

async fn listen(addr: SocketAddr) -> Result<(UdpSocket, TcpListener, SocketAddr), TurnServerError> {
    let mut attempts = if addr.port() == 0 {
        FREE_PORT_ATTEMPTS
    } else {
        1
    };
    loop {
        attempts -= 1;
        let bind_error = |address, transport| {
            move |source| TurnServerError::Bind {
                address,
                transport,
                source,
            }
        };
        let tcp = TcpListener::bind(addr)
            .await
            .map_err(bind_error(addr, "TCP"))?;
        let local_addr = tcp.local_addr().map_err(bind_error(addr, "TCP"))?;
        match UdpSocket::bind(local_addr).await {
            Ok(udp) => return Ok((udp, tcp, local_addr)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
            Err(error) => return Err(bind_error(local_addr, "UDP")(error)),
        }
    }
}

#[cfg(test)]
mod tests;
