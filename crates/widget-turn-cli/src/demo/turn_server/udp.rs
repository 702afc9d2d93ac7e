//! Clients over UDP: one socket for all of them, told apart by their addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stun_types::message::{Message, MessageClass};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinSet;

use super::Server;
use super::session::{self, Gone, Link};

/// Datagrams of one client that wait to be handled. More are dropped, as UDP does.
const QUEUE: usize = 128;

/// Keeps an error that stays from keeping a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// Serves all UDP clients for ever. Dropping the future ends their tasks.
pub(super) async fn serve(socket: UdpSocket, listener: SocketAddr, server: &Server) {
    let mut clients = Clients {
        socket: Arc::new(socket),
        listener,
        server,
        inboxes: HashMap::new(),
        sessions: JoinSet::new(),
    };
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        tokio::select! {
            received = clients.socket.recv_from(&mut buffer) => match received {
                Ok((length, client)) => clients.deliver(&buffer[..length], client),
                Err(error) => {
                    tracing::debug!(%error, "receiving from TURN clients over UDP");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            },
            Some(ended) = clients.sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "a TURN session ended by itself");
                }
                clients.inboxes.retain(|_, inbox| !inbox.is_closed());
            }
        }
    }
}

struct Clients<'a> {
    socket: Arc<UdpSocket>,
    listener: SocketAddr,
    server: &'a Server,
    inboxes: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    sessions: JoinSet<()>,
}

impl Clients<'_> {
    fn deliver(&mut self, datagram: &[u8], client: SocketAddr) {
        if let Some(inbox) = self.inboxes.get(&client) {
            match inbox.try_send(datagram.to_vec()) {
                Ok(()) | Err(TrySendError::Full(_)) => return,
                Err(TrySendError::Closed(_)) => {}
            }
        }
        if opens_a_session(datagram) {
            self.open(datagram.to_vec(), client);
        }
    }

    fn open(&mut self, datagram: Vec<u8>, client: SocketAddr) {
        let Ok(seat) = self.server.room.clone().try_acquire_owned() else {
            tracing::warn!(%client, "too many TURN clients: one more is not served");
            return;
        };
        let (inbox, datagrams) = mpsc::channel(QUEUE);
        inbox.try_send(datagram).expect("a new queue has room");
        self.inboxes.insert(client, inbox);
        let link = UdpLink {
            socket: self.socket.clone(),
            client,
            datagrams,
        };
        let session = session::serve(link, self.listener, client, self.server.clone());
        self.sessions.spawn(async move {
            session.await;
            drop(seat);
        });
    }
}

/// Whether a stranger's datagram is worth a session: a STUN request is, garbage is not.
fn opens_a_session(datagram: &[u8]) -> bool {
    Message::from_bytes(datagram).is_ok_and(|message| message.has_class(MessageClass::Request))
}

struct UdpLink {
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    datagrams: mpsc::Receiver<Vec<u8>>,
}

impl Link for UdpLink {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        self.datagrams.recv().await
    }

    async fn send(&mut self, message: Vec<u8>) -> Result<(), Gone> {
        if let Err(error) = self.socket.send_to(&message, self.client).await {
            tracing::debug!(%error, client = %self.client, "a datagram to a TURN client was lost");
        }
        Ok(())
    }
}
