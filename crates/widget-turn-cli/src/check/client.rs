//! A TURN client on one connection: requests and answers, and datagrams to and from peers.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use stun_types::message::{Message, MessageClass, MessageType, MessageWriteVec, TransactionId};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};
use turn_types::AddressFamily;
use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::message::{DATA, SEND};

use super::fault::Fault;
use crate::stun::framing::{Framing, write_frame};
use crate::stun::request::{Request, Signer};
use crate::stun::transaction::{Delivery, Failure, Response, Stray, Transaction};

/// How many datagrams of peers are kept while an answer is waited for.
const MAX_WAITING: usize = 64;

/// A connection that STUN is spoken on: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

enum Wire {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>, Framing),
}

/// Whether the server keeps an allocation for a client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    Nothing,
    /// It was asked for one, and nobody knows what has come of it.
    Perhaps,
    Relay,
}

/// A TURN client. Whoever gives it up owes it [`delete`](Self::delete): a leaked allocation counts against the user's
/// quota for ten minutes.
pub(crate) struct Client {
    wire: Wire,
    signer: Signer,
    /// Data indications that came while an answer was waited for.
    waiting: VecDeque<Vec<u8>>,
    holding: Holding,
}

impl Client {
    /// A client that speaks UDP.
    ///
    /// # Errors
    ///
    /// Without a route to the server.
    pub(crate) async fn over_udp(server: SocketAddr, signer: Signer) -> io::Result<Self> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(server).await?;
        Ok(Self::new(Wire::Udp(socket), signer))
    }

    /// A client that speaks on a connection.
    pub(crate) fn over_stream(stream: impl Stream + 'static, signer: Signer) -> Self {
        Self::new(Wire::Stream(Box::new(stream), Framing::new()), signer)
    }

    fn new(wire: Wire, signer: Signer) -> Self {
        Self {
            wire,
            signer,
            waiting: VecDeque::new(),
            holding: Holding::Nothing,
        }
    }

    /// The realm that the server named, if it asked for credentials.
    pub(crate) fn realm(&self) -> Option<&str> {
        self.signer.realm()
    }

    /// Asks for a relay.
    pub(crate) async fn allocate(
        &mut self,
        family: Option<AddressFamily>,
        limit: Duration,
    ) -> Result<Response, Fault> {
        // Before the request: whoever drops this future does not know what has come of it.
        self.holding = Holding::Perhaps;
        let result = self.call(Request::Allocate(family), limit).await;
        self.holding = match &result {
            Ok(_) => Holding::Relay,
            Err(Fault::Stun(
                Failure::Refused { .. } | Failure::NoChallenge | Failure::StaleNonce,
            )) => Holding::Nothing,
            Err(_) => Holding::Perhaps,
        };
        result
    }

    /// Whether the server may keep an allocation.
    pub(crate) fn may_hold(&self) -> bool {
        match self.holding {
            Holding::Relay => true,
            // A server that has never answered has granted nothing.
            Holding::Perhaps => self.signer.is_challenged(),
            Holding::Nothing => false,
        }
    }

    /// Deletes the allocation, if there may be one.
    ///
    /// # Errors
    ///
    /// When it may still be there.
    pub(crate) async fn delete(&mut self, limit: Duration) -> Result<(), Fault> {
        if !self.may_hold() {
            return Ok(());
        }
        let held = std::mem::replace(&mut self.holding, Holding::Nothing);
        let delete = Request::Refresh(Duration::ZERO);
        let deleted = self.call(delete, limit).await;
        if matches!(&deleted, Err(fault) if fault.code().is_some()) {
            self.holding = held;
        }
        deleted.map(|_| ())
    }

    /// Signs from now on as somebody else, with what the server asks for next.
    pub(crate) fn sign_as(&mut self, signer: Signer) {
        self.signer = signer;
    }

    /// Makes a request and waits for its answer, for `limit` at most.
    pub(crate) async fn call(
        &mut self,
        request: Request,
        limit: Duration,
    ) -> Result<Response, Fault> {
        let Self {
            wire,
            signer,
            waiting,
            ..
        } = self;
        let signer = (request != Request::Binding).then_some(signer);
        let delivery = wire.delivery();
        let mut transaction = Transaction::new(request, signer, delivery, now(), limit);
        loop {
            while let Some(bytes) = transaction.poll_transmit(now()) {
                timeout(limit, wire.send(bytes))
                    .await
                    .map_err(|_| Fault::Stun(Failure::NoAnswer(None)))??;
            }
            let wake = Instant::from_std(transaction.poll_timeout());
            tokio::select! {
                received = wire.receive() => {
                    let bytes = received?;
                    if is_data(&bytes) {
                        if waiting.len() < MAX_WAITING {
                            waiting.push_back(bytes);
                        }
                    } else if let Some(end) = transaction.handle_message(&bytes, now()) {
                        return end.map_err(Fault::Stun);
                    }
                }
                () = sleep_until(wake) => {
                    match transaction.handle_timeout(now()) {
                        Some(Failure::NoAnswer(None)) if wire.has_part() => {
                            return Err(Fault::Stun(Failure::NoAnswer(Some(Stray::NotStun))));
                        }
                        Some(failure) => return Err(Fault::Stun(failure)),
                        None => {}
                    }
                }
            }
        }
    }

    /// Sends a datagram from the relay to a peer that has a permission.
    pub(crate) async fn send_to_peer(
        &mut self,
        peer: SocketAddr,
        data: &[u8],
    ) -> Result<(), Fault> {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Indication, SEND);
        let mut indication = Message::builder(kind, id, MessageWriteVec::new());
        indication
            .add_attribute(&XorPeerAddress::new(peer, id))
            .and_then(|()| indication.add_attribute(&Data::new(data)))
            .expect("the message has room and none of these attributes");
        self.wire.send(&indication.finish()).await
    }

    /// The next datagram that a peer sent to the relay: from where, and what. May be dropped at any time.
    pub(crate) async fn receive_from_peer(&mut self) -> Result<(SocketAddr, Vec<u8>), Fault> {
        loop {
            let bytes = match self.waiting.pop_front() {
                Some(bytes) => bytes,
                None => self.wire.receive().await?,
            };
            let Ok(message) = Message::from_bytes(&bytes) else {
                continue;
            };
            let peer = message.attribute::<XorPeerAddress>();
            let data = message.attribute::<Data<'_>>();
            if let (true, Ok(peer), Ok(data)) = (is_data(&bytes), peer, data) {
                return Ok((peer.addr(message.transaction_id()), data.data().to_vec()));
            }
        }
    }
}

impl Wire {
    fn delivery(&self) -> Delivery {
        match self {
            Self::Udp(_) => Delivery::Datagrams,
            Self::Stream(..) => Delivery::Stream,
        }
    }

    /// Whether part of a message has come.
    fn has_part(&self) -> bool {
        match self {
            Self::Udp(_) => false,
            Self::Stream(_, framing) => framing.has_part(),
        }
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Udp(socket) => {
                socket.send(message).await?;
            }
            Self::Stream(stream, _) => {
                let mut bytes = Vec::new();
                write_frame(message, &mut bytes);
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        let mut buffer = vec![0; 65_535];
        match self {
            Self::Udp(socket) => {
                let length = socket.recv(&mut buffer).await?;
                buffer.truncate(length);
                Ok(buffer)
            }
            Self::Stream(stream, framing) => loop {
                if framing.is_http() {
                    return Err(Fault::Http);
                }
                if let Some(frame) = framing.next_frame()? {
                    return Ok(frame.into_bytes());
                }
                match stream.read(&mut buffer).await? {
                    0 => return Err(Fault::Closed),
                    length => framing.push(&buffer[..length]),
                }
            },
        }
    }
}

fn is_data(bytes: &[u8]) -> bool {
    Message::from_bytes(bytes).is_ok_and(|message| {
        message.has_class(MessageClass::Indication) && message.has_method(DATA)
    })
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
