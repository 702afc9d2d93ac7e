//! The relayed transport addresses of one client.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use turn_server_proto::api::SocketAllocateError;
use turn_types::AddressFamily;

/// The longest datagram of a peer that still fits a Data indication over UDP and IPv4.
const LONGEST_DATAGRAM: usize = 65_000;

/// The relays of one client: none, or one for each address family.
#[derive(Default)]
pub(super) struct Relays {
    open: Vec<(SocketAddr, UdpSocket)>,
    buffer: Vec<u8>,
}

impl Relays {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Opens a relay on loopback, on any free port.
    pub(super) async fn open(
        &mut self,
        family: AddressFamily,
    ) -> Result<SocketAddr, SocketAllocateError> {
        let loopback = match family {
            AddressFamily::IPV4 => IpAddr::from(Ipv4Addr::LOCALHOST),
            AddressFamily::IPV6 => IpAddr::from(Ipv6Addr::LOCALHOST),
        };
        let opened = async {
            let socket = UdpSocket::bind((loopback, 0)).await?;
            io::Result::Ok((socket.local_addr()?, socket))
        };
        match opened.await {
            Ok((address, socket)) => {
                self.open.push((address, socket));
                Ok(address)
            }
            Err(error) => {
                tracing::warn!(%error, ?loopback, "no relay for a TURN client");
                Err(match error.kind() {
                    io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => {
                        SocketAllocateError::AddressFamilyNotSupported
                    }
                    _ => SocketAllocateError::InsufficientCapacity,
                })
            }
        }
    }

    pub(super) fn close(&mut self, relay: SocketAddr) {
        self.open.retain(|(address, _)| *address != relay);
        if self.open.is_empty() {
            self.buffer = Vec::new();
        }
    }

    /// Sends, or drops what cannot be sent, as UDP does.
    pub(super) async fn send(&self, relay: SocketAddr, peer: SocketAddr, data: &[u8]) {
        let Some((_, socket)) = self.open.iter().find(|(address, _)| *address == relay) else {
            return;
        };
        if let Err(error) = socket.send_to(data, peer).await {
            tracing::debug!(%error, %peer, "a datagram to a peer was lost");
        }
    }

    /// The next datagram: the relay it came to, the peer it came from, and what is in it. `None` for one that has to
    /// be dropped. Waits for ever without relays. Dropping the future loses nothing.
    pub(super) async fn receive(&mut self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let Self { open, buffer } = self;
        buffer.resize(usize::from(u16::MAX), 0);
        std::future::poll_fn(|context| {
            for (relay, socket) in open.iter() {
                let mut datagram = ReadBuf::new(buffer);
                match socket.poll_recv_from(context, &mut datagram) {
                    Poll::Ready(Ok(peer)) if datagram.filled().len() <= LONGEST_DATAGRAM => {
                        return Poll::Ready(Some((*relay, peer, datagram.filled().to_vec())));
                    }
                    Poll::Ready(_) => return Poll::Ready(None),
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        })
        .await
    }
}
