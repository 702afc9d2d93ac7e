//! One client from its first message to its last: the [`Protocol`] with its link to the client and its relays.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use turn_server_proto::api::SocketAllocateError;

use super::Server;
use super::protocol::{Output, Protocol};
use super::relay::Relays;

/// How long a client may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// To say something, while it has no allocation. The session ends after that.
    pub(super) idle: Duration,
    /// To take one message from its TCP connection. The connection is closed after that.
    pub(super) write: Duration,
}

/// The way to a client, by whole messages.
pub(super) trait Link: Send {
    /// The next message of the client; `None` when there will be no more. Dropping the future loses nothing.
    fn receive(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Sends a message to the client. `Err` when there is no way to it any more.
    fn send(&mut self, message: Vec<u8>) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// The client cannot be reached any more.
pub(super) struct Gone;

/// Serves one client until it goes, or has been silent without an allocation for too long. Its relays close with it.
pub(super) async fn serve(
    mut link: impl Link,
    listener: SocketAddr,
    client: SocketAddr,
    server: Server,
) {
    let clock = SessionClock::start();
    let mut protocol = Protocol::new(server.gate.clone(), listener, client);
    let mut relays = Relays::default();
    let mut last_heard = Instant::now();
    loop {
        let Ok(wait) = carry_out(&mut protocol, &mut link, &mut relays, &clock).await else {
            return;
        };
        let idle = last_heard + server.limits.idle;
        let wake = if protocol.has_relay() {
            wait
        } else {
            wait.min(idle)
        };
        tokio::select! {
            message = link.receive() => {
                let Some(message) = message else { return };
                last_heard = Instant::now();
                protocol.handle_client(message, clock.now());
            }
            datagram = relays.receive(), if !relays.is_empty() => {
                if let Some((relay, peer, data)) = datagram {
                    protocol.handle_peer(relay, peer, data, clock.now());
                }
            }
            () = sleep_until(wake) => {
                if protocol.has_relay() || Instant::now() < idle {
                    continue;
                }
                // Something may have come in at the last moment.
                let Some(Some(message)) = link.receive().now_or_never() else { return };
                last_heard = Instant::now();
                protocol.handle_client(message, clock.now());
            }
        }
    }
}

/// Does all that the protocol wants done and says how long there is nothing more to do.
async fn carry_out(
    protocol: &mut Protocol,
    link: &mut impl Link,
    relays: &mut Relays,
    clock: &SessionClock,
) -> Result<Instant, Gone> {
    loop {
        match protocol.poll_output(clock.now()) {
            Output::ToClient(message) => link.send(message).await?,
            Output::ToPeer { relay, peer, data } => relays.send(relay, peer, &data).await,
            Output::OpenRelay(family) => {
                let relay: Result<_, SocketAllocateError> = relays.open(family).await;
                protocol.relay_opened(family, relay, clock.now());
            }
            Output::CloseRelay(relay) => relays.close(relay),
            Output::Wait(time) => return Ok(clock.at(time)),
        }
    }
}

/// Translates between tokio's time and the protocol's, which starts with the session.
struct SessionClock(std::time::Instant);

impl SessionClock {
    /// The protocol acts on a deadline only once it is past.
    const TICK: Duration = Duration::from_millis(10);

    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn now(&self) -> turn_types::Instant {
        turn_types::Instant::from_std(self.0)
    }

    fn at(&self, time: turn_types::Instant) -> Instant {
        Instant::from_std(time.to_std(self.0) + Self::TICK)
    }
}
