//! A TURN client on [`stun_types`] and [`turn_types`], as small as the tests allow.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageType, MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Data, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
    XorRelayedAddress,
};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND};

use crate::credentials::Minted;
use crate::stun::framing::{Framing, write_frame};

/// How long anything may take that is expected to happen.
pub(super) const GENEROUS: Duration = Duration::from_secs(60);

/// Adds attributes to a request.
pub(super) type Fill<'a> = &'a (dyn Fn(&mut MessageWriteVec, TransactionId) + Sync);

pub(super) fn allocate_udp(request: &mut MessageWriteVec, _: TransactionId) {
    let transport = RequestedTransport::new(RequestedTransport::UDP);
    request.add_attribute(&transport).unwrap();
}

pub(super) fn allocate_in(family: AddressFamily) -> impl Fn(&mut MessageWriteVec, TransactionId) {
    move |request, id| {
        allocate_udp(request, id);
        request
            .add_attribute(&RequestedAddressFamily::new(family))
            .unwrap();
    }
}

pub(super) fn lifetime(seconds: u32) -> impl Fn(&mut MessageWriteVec, TransactionId) {
    move |request, _| request.add_attribute(&Lifetime::new(seconds)).unwrap()
}

pub(super) fn peer(address: SocketAddr) -> impl Fn(&mut MessageWriteVec, TransactionId) {
    move |request, id| {
        request
            .add_attribute(&XorPeerAddress::new(address, id))
            .unwrap()
    }
}

pub(super) fn channel(
    number: u16,
    address: SocketAddr,
) -> impl Fn(&mut MessageWriteVec, TransactionId) {
    move |request, id| {
        request.add_attribute(&ChannelNumber::new(number)).unwrap();
        request
            .add_attribute(&XorPeerAddress::new(address, id))
            .unwrap();
    }
}

/// An answer of the server.
pub(super) struct Answer(pub(super) Vec<u8>);

impl Answer {
    pub(super) fn message(&self) -> Message<'_> {
        Message::from_bytes(&self.0).unwrap()
    }

    /// The error code, or 200.
    pub(super) fn code(&self) -> u16 {
        match self.message().class() {
            MessageClass::Success => 200,
            MessageClass::Error => self.message().attribute::<ErrorCode>().unwrap().code(),
            class => panic!("an answer of class {class:?}"),
        }
    }

    pub(super) fn relay(&self) -> SocketAddr {
        let message = self.message();
        let relay = message.attribute::<XorRelayedAddress>().unwrap();
        relay.addr(message.transaction_id())
    }

    pub(super) fn realm(&self) -> String {
        self.message()
            .attribute::<Realm>()
            .unwrap()
            .realm()
            .to_owned()
    }

    pub(super) fn nonce(&self) -> String {
        self.message()
            .attribute::<Nonce>()
            .unwrap()
            .nonce()
            .to_owned()
    }
}

/// Signs requests with a name and what the server said about realm and nonce.
pub(super) struct Signer {
    pub(super) username: String,
    pub(super) password: String,
    challenge: Option<(String, String)>,
}

impl Signer {
    pub(super) fn new(minted: &Minted) -> Self {
        Self {
            username: minted.username.clone(),
            password: String::clone(&minted.password),
            challenge: None,
        }
    }

    pub(super) fn key(&self) -> Option<MessageIntegrityCredentials> {
        let (realm, _) = self.challenge.as_ref()?;
        let credentials = LongTermKeyCredentials::new(
            self.username.clone(),
            self.password.clone(),
            realm.clone(),
        );
        Some(credentials.into())
    }

    pub(super) fn request(&self, method: Method, fill: Fill<'_>) -> (TransactionId, Vec<u8>) {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        let mut request = Message::builder(kind, id, MessageWriteVec::new());
        fill(&mut request, id);
        if let Some((realm, nonce)) = &self.challenge {
            request
                .add_attribute(&Username::new(&self.username).unwrap())
                .unwrap();
            request.add_attribute(&Realm::new(realm).unwrap()).unwrap();
            request.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
            let key = self.key().unwrap();
            request
                .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
                .unwrap();
        }
        (id, request.finish())
    }

    /// Takes what an answer says about realm and nonce; whether the request is to be repeated.
    pub(super) fn learn(&mut self, answer: &Answer) -> bool {
        let again = match answer.code() {
            401 => self.challenge.is_none(),
            438 => true,
            _ => false,
        };
        if again {
            self.challenge = Some((answer.realm(), answer.nonce()));
        }
        again
    }
}

/// How the client speaks to the server.
pub(super) enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Framing),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

pub(super) struct Client {
    pub(super) wire: Wire,
    pub(super) signer: Signer,
    /// Came while an answer was waited for.
    others: VecDeque<Vec<u8>>,
}

impl Client {
    pub(super) async fn connect(transport: Transport, server: SocketAddr, minted: &Minted) -> Self {
        let wire = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((server.ip(), 0)).await.unwrap();
                socket.connect(server).await.unwrap();
                Wire::Udp(socket)
            }
            Transport::Tcp => Wire::Tcp(TcpStream::connect(server).await.unwrap(), Framing::new()),
        };
        Self {
            wire,
            signer: Signer::new(minted),
            others: VecDeque::new(),
        }
    }

    /// Sends a message. A connection that the server has closed shows when the answer is waited for.
    pub(super) async fn send(&mut self, message: &[u8]) {
        match &mut self.wire {
            Wire::Udp(socket) => {
                socket.send(message).await.unwrap();
            }
            Wire::Tcp(stream, _) => {
                let mut bytes = Vec::new();
                write_frame(message, &mut bytes);
                let _ = stream.write_all(&bytes).await;
            }
        }
    }

    /// The next message; `None` when the server has closed the connection.
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
        timeout(GENEROUS, Self::receive_from(&mut self.wire))
            .await
            .expect("a message in time")
    }

    async fn receive_from(wire: &mut Wire) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_535];
        match wire {
            Wire::Udp(socket) => {
                let length = socket.recv(&mut buffer).await.unwrap();
                Some(buffer[..length].to_vec())
            }
            Wire::Tcp(stream, framing) => loop {
                if let Some(frame) = framing.next_frame().unwrap() {
                    return Some(frame.into_bytes());
                }
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(length) => framing.push(&buffer[..length]),
                }
            },
        }
    }

    /// One request and its answer, without a second try.
    pub(super) async fn ask(&mut self, method: Method, fill: Fill<'_>) -> Answer {
        self.try_ask(method, fill)
            .await
            .expect("the connection stays open")
    }

    /// The same; `None` when the server closes the connection instead.
    pub(super) async fn try_ask(&mut self, method: Method, fill: Fill<'_>) -> Option<Answer> {
        let (id, request) = self.signer.request(method, fill);
        self.send(&request).await;
        loop {
            let bytes = self.receive().await?;
            match Message::from_bytes(&bytes) {
                Ok(message) if message.transaction_id() == id => return Some(Answer(bytes)),
                _ => self.others.push_back(bytes),
            }
        }
    }

    /// One request, repeated when the server wants it signed, and its last answer.
    pub(super) async fn request(&mut self, method: Method, fill: Fill<'_>) -> Answer {
        loop {
            let answer = self.ask(method, fill).await;
            if !self.signer.learn(&answer) {
                return answer;
            }
        }
    }

    pub(super) async fn allocate(&mut self) -> Answer {
        self.request(ALLOCATE, &allocate_udp).await
    }

    /// Allocates a relay of the family that the client itself uses.
    pub(super) async fn allocate_own_family(&mut self, server: SocketAddr) -> SocketAddr {
        let answer = match server {
            SocketAddr::V4(_) => self.allocate().await,
            SocketAddr::V6(_) => {
                self.request(ALLOCATE, &allocate_in(AddressFamily::IPV6))
                    .await
            }
        };
        assert_eq!(answer.code(), 200);
        answer.relay()
    }

    pub(super) async fn permit(&mut self, address: SocketAddr) -> u16 {
        self.request(CREATE_PERMISSION, &peer(address)).await.code()
    }

    pub(super) async fn bind_channel(&mut self, number: u16, address: SocketAddr) -> u16 {
        self.request(CHANNEL_BIND, &channel(number, address))
            .await
            .code()
    }

    pub(super) async fn refresh(&mut self, seconds: u32) -> u16 {
        self.request(REFRESH, &lifetime(seconds)).await.code()
    }

    pub(super) async fn send_indication(&mut self, address: SocketAddr, data: &[u8]) {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Indication, SEND);
        let mut indication = Message::builder(kind, id, MessageWriteVec::new());
        indication
            .add_attribute(&XorPeerAddress::new(address, id))
            .unwrap();
        indication.add_attribute(&Data::new(data)).unwrap();
        self.send(&indication.finish()).await;
    }

    pub(super) async fn send_channel_data(&mut self, number: u16, data: &[u8]) {
        let mut message = vec![0; 4 + data.len()];
        ChannelData::new(number, data).write_into_unchecked(&mut message);
        self.send(&message).await;
    }

    async fn next_data(&mut self) -> Vec<u8> {
        match self.others.pop_front() {
            Some(message) => message,
            None => self.receive().await.expect("the connection stays open"),
        }
    }

    /// The next Data indication: from whom, and what.
    pub(super) async fn receive_indication(&mut self) -> (SocketAddr, Vec<u8>) {
        let bytes = self.next_data().await;
        let message = Message::from_bytes(&bytes).unwrap();
        assert!(message.has_class(MessageClass::Indication) && message.has_method(DATA));
        let peer = message.attribute::<XorPeerAddress>().unwrap();
        let data = message.attribute::<Data<'_>>().unwrap();
        (peer.addr(message.transaction_id()), data.data().to_vec())
    }

    /// The next ChannelData: number and data.
    pub(super) async fn receive_channel_data(&mut self) -> (u16, Vec<u8>) {
        let bytes = self.next_data().await;
        let data = ChannelData::parse(&bytes).unwrap();
        assert_eq!(
            bytes.len(),
            4 + data.data().len(),
            "padding has been stripped"
        );
        (data.id(), data.data().to_vec())
    }

    /// Waits until the server has closed the connection.
    pub(super) async fn closed(&mut self) {
        while self.receive().await.is_some() {}
    }
}
