//! Servers with faults, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use stun_types::attribute::{AlternateServer, ErrorCode, Nonce, Realm, Software};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials,
    MessageWriteVec,
};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::AbortHandle;
use turn_types::attribute::{Lifetime, XorRelayedAddress};

use super::{REALM, SECRET, SharedSecret, USERNAME};

/// A server that ends with the test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) fn uri(&self, transport: &str) -> String {
        format!("turn:{}?transport={transport}", self.address)
    }

    /// Answers each datagram with those that `answer` makes of it.
    pub(super) async fn udp(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let serving = async move {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                for datagram in answer(&buffer[..length]) {
                    let _ = socket.send_to(&datagram, from).await;
                }
            }
        };
        Self {
            address,
            task: tokio::spawn(serving).abort_handle(),
        }
    }

    /// Answers the first bytes of each connection with what `answer` makes of them; then closes it, or keeps it open.
    pub(super) async fn tcp(
        keep_open: bool,
        answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let serving = async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                connections.spawn(async move {
                    let mut buffer = vec![0; 65_535];
                    let length = stream.read(&mut buffer).await.unwrap_or(0);
                    let _ = stream.write_all(&answer(&buffer[..length])).await;
                    if keep_open {
                        // Until the client goes.
                        while stream
                            .read(&mut buffer)
                            .await
                            .is_ok_and(|length| length > 0)
                        {}
                    }
                });
            }
        };
        Self {
            address,
            task: tokio::spawn(serving).abort_handle(),
        }
    }
}

pub(super) fn key() -> MessageIntegrityCredentials {
    key_of(USERNAME)
}

pub(super) fn key_of(username: &str) -> MessageIntegrityCredentials {
    let password = SharedSecret::from_text(SECRET).password_of(username);
    LongTermKeyCredentials::new(username.into(), password.to_string(), REALM.into()).into()
}

/// A success without anything in it.
pub(super) fn success(request: &Message<'_>) -> Vec<u8> {
    Message::builder_success(request, MessageWriteVec::new()).finish()
}

pub(super) fn error(request: &Message<'_>, code: u16, reason: &str) -> Vec<u8> {
    let mut answer = Message::builder_error(request, MessageWriteVec::new());
    let code = ErrorCode::new(code, reason).unwrap();
    answer.add_attribute(&code).unwrap();
    answer.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
    answer
        .add_attribute(&Nonce::new("a nonce").unwrap())
        .unwrap();
    answer.finish()
}

pub(super) fn alternate(request: &Message<'_>, other: SocketAddr) -> Vec<u8> {
    let mut answer = Message::builder_error(request, MessageWriteVec::new());
    let code = ErrorCode::new(300, "Try Alternate").unwrap();
    answer.add_attribute(&code).unwrap();
    answer.add_attribute(&AlternateServer::new(other)).unwrap();
    answer.finish()
}

/// A relay, signed if there is a key.
pub(super) fn granted(
    request: &Message<'_>,
    relay: SocketAddr,
    key: Option<&MessageIntegrityCredentials>,
) -> Vec<u8> {
    let mut answer = Message::builder_success(request, MessageWriteVec::new());
    let relayed = XorRelayedAddress::new(relay, request.transaction_id());
    answer.add_attribute(&relayed).unwrap();
    answer.add_attribute(&Lifetime::new(600)).unwrap();
    let software = Software::new("\u{1b}[31mEvil\u{202e} 1.0").unwrap();
    answer.add_attribute(&software).unwrap();
    if let Some(key) = key {
        answer
            .add_message_integrity(key, IntegrityAlgorithm::Sha1)
            .unwrap();
    }
    answer.finish()
}

/// A relay, signed, for so many seconds, or without a word of that.
pub(super) fn granted_for(
    request: &Message<'_>,
    relay: SocketAddr,
    seconds: Option<u32>,
) -> Vec<u8> {
    let mut answer = Message::builder_success(request, MessageWriteVec::new());
    let relayed = XorRelayedAddress::new(relay, request.transaction_id());
    answer.add_attribute(&relayed).unwrap();
    if let Some(seconds) = seconds {
        answer.add_attribute(&Lifetime::new(seconds)).unwrap();
    }
    let sha1 = IntegrityAlgorithm::Sha1;
    answer.add_message_integrity(&key(), sha1).unwrap();
    answer.finish()
}

/// Answers Binding well and Allocate with a challenge; a signed request as `signed` says, or not if that is nothing.
pub(super) fn challenging(
    signed: impl Fn(&Message<'_>) -> Vec<u8>,
) -> impl Fn(&[u8]) -> Vec<Vec<u8>> {
    move |bytes| {
        let request = Message::from_bytes(bytes).unwrap();
        let answer = if request.has_method(BINDING) {
            success(&request)
        } else if request.attribute::<Nonce>().is_err() {
            error(&request, 401, "Unauthorized")
        } else {
            signed(&request)
        };
        if answer.is_empty() {
            Vec::new()
        } else {
            vec![answer]
        }
    }
}
