//! Clients over TCP: a connection each.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Server;
use super::session::{self, Gone, Link};
use crate::stun::framing::{Frame, Framing, write_frame};

/// Out of file descriptors, for one: some may be free a little later.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// Serves all TCP clients for ever. Dropping the future ends their tasks.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, server: &Server) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => open(stream, client, address, server, &mut sessions),
                Err(error) => {
                    tracing::warn!(%error, "accepting a TURN client over TCP");
                    sleep(PAUSE_AFTER_ERROR).await;
                }
            },
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "a TURN session ended by itself");
                }
            }
        }
    }
}

fn open(
    stream: TcpStream,
    client: SocketAddr,
    listener: SocketAddr,
    server: &Server,
    sessions: &mut JoinSet<()>,
) {
    let Ok(seat) = server.room.clone().try_acquire_owned() else {
        tracing::warn!(%client, "too many TURN clients: one more is not served");
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %client, "TCP_NODELAY on a TURN connection");
    }
    let link = TcpLink {
        stream,
        client,
        framing: Framing::new(),
        read: Box::new([0; READ_BUFFER]),
        write_limit: server.limits.write,
    };
    let session = session::serve(link, listener, client, server.clone());
    sessions.spawn(async move {
        session.await;
        drop(seat);
    });
}

const READ_BUFFER: usize = 8 * 1024;

struct TcpLink {
    stream: TcpStream,
    client: SocketAddr,
    framing: Framing,
    read: Box<[u8; READ_BUFFER]>,
    write_limit: Duration,
}

impl Link for TcpLink {
    async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.framing.next_frame() {
                Ok(Some(frame)) => return Some(Frame::into_bytes(frame)),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, client = %self.client, "closing a TURN connection");
                    return None;
                }
            }
            match self.stream.read(&mut *self.read).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.framing.push(&self.read[..length]),
            }
        }
    }

    /// Nothing queues here: while a client does not read, nothing more is taken from its peers either, and what they
    /// send is lost in the relay's socket, as it would be on a slow UDP path.
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Gone> {
        let mut bytes = Vec::with_capacity(message.len() + 3);
        write_frame(&message, &mut bytes);
        match timeout(self.write_limit, self.stream.write_all(&bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => {
                tracing::debug!(client = %self.client, "closing a TURN connection that is not read from");
                Err(Gone)
            }
        }
    }
}
