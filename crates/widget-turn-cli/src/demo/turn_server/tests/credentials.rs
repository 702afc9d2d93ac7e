//! Which names and passwords open what, and when.

use std::io::Write;
use std::sync::{Arc, Mutex};

use stun_types::attribute::{Nonce, Realm, Userhash};
use stun_types::message::{IntegrityAlgorithm, Message, MessageWriteVec, TransactionId};
use stun_types::prelude::{MessageWrite as _, MessageWriteExt as _};
use turn_types::message::{ALLOCATE, CREATE_PERMISSION};

use super::client::{Client, Signer, Transport, allocate_udp, peer};
use super::{REALM, Rig, SECRET, START, TRANSPORTS, V4, minted};
use crate::credentials::{Minted, SharedSecret};

fn named(username: &str) -> Minted {
    let secret = SharedSecret::from_text(SECRET);
    Minted {
        username: username.to_owned(),
        password: secret.password_of(username),
    }
}

/// Allocates with these credentials and returns the code and whether realm and nonce came with it.
async fn allocate_as(rig: &Rig, transport: Transport, minted: &Minted) -> u16 {
    let mut client = Client::connect(transport, rig.address, minted).await;
    let answer = client.allocate().await;
    if answer.code() == 401 {
        assert_eq!(answer.realm(), REALM);
        assert!(!answer.nonce().is_empty());
    }
    answer.code()
}

#[tokio::test]
async fn the_first_answer_is_a_challenge() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let answer = rig
            .client(transport)
            .await
            .ask(ALLOCATE, &allocate_udp)
            .await;
        assert_eq!(answer.code(), 401);
        assert_eq!(answer.realm(), REALM);
        assert!(!answer.nonce().is_empty());
    }
}

#[tokio::test]
async fn a_password_from_another_secret_is_refused() {
    let rig = Rig::start(V4).await;
    let other = SharedSecret::from_text("another-secret").mint(START + 10, "@alice:demo.localhost");
    for transport in TRANSPORTS {
        assert_eq!(allocate_as(&rig, transport, &other).await, 401);
    }
}

#[tokio::test]
async fn an_expired_name_is_refused_on_allocate() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        assert_eq!(allocate_as(&rig, transport, &minted(START + 1)).await, 200);
        assert_eq!(allocate_as(&rig, transport, &minted(START)).await, 200);
        assert_eq!(allocate_as(&rig, transport, &minted(START - 1)).await, 401);
        assert_eq!(allocate_as(&rig, transport, &minted(0)).await, 401);
    }
}

#[tokio::test]
async fn a_name_that_expires_while_it_is_used_opens_no_second_allocation() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        assert_eq!(client.allocate().await.code(), 200);
        rig.pass_time(11);
        let answer = client.allocate().await;
        assert_eq!((answer.code(), answer.realm().as_str()), (401, REALM));
        assert_eq!(client.refresh(0).await, 200);
        assert_eq!(client.allocate().await.code(), 401);
    }
}

#[tokio::test]
async fn a_name_without_an_expiry_is_refused() {
    let rig = Rig::start(V4).await;
    let names = [
        "alice",
        "alice:1999999999",
        "1999999999",
        ":alice",
        "+1999999999:alice",
        "-1:alice",
    ];
    for name in names.map(named) {
        for transport in TRANSPORTS {
            assert_eq!(
                allocate_as(&rig, transport, &name).await,
                401,
                "{}",
                name.username
            );
        }
    }
}

#[tokio::test]
async fn a_name_given_as_a_hash_is_refused() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Udp).await;
    assert_eq!(client.allocate().await.code(), 200);
    let answer = client.ask(ALLOCATE, &|_, _| {}).await;
    assert_eq!(answer.code(), 437);
    let nonce = answer.nonce();

    let key = client.signer.key().unwrap();
    let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    allocate_udp(&mut request, TransactionId::generate());
    let hash = Userhash::compute(&client.signer.username, REALM);
    request.add_attribute(&Userhash::new(hash)).unwrap();
    request.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
    request.add_attribute(&Nonce::new(&nonce).unwrap()).unwrap();
    request
        .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
        .unwrap();
    client.send(&request.finish()).await;
    let answer = super::client::Answer(client.receive().await.unwrap());
    assert_eq!(answer.code(), 401);
}

#[tokio::test]
async fn an_allocation_goes_on_after_its_name_has_expired() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        assert_eq!(client.allocate().await.code(), 200);
        rig.pass_time(86_400);
        assert_eq!(client.refresh(600).await, 200);
        assert_eq!(client.permit(rig.address).await, 200);
        assert_eq!(client.bind_channel(0x4000, rig.address).await, 200);
        assert_eq!(client.refresh(0).await, 200);
    }
}

#[tokio::test]
async fn new_credentials_do_not_fit_an_old_allocation() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        assert_eq!(client.allocate().await.code(), 200);
        let old = (
            client.signer.username.clone(),
            client.signer.password.clone(),
        );

        let new = minted(START + 1_000_000);
        client.signer.username = new.username.clone();
        client.signer.password = String::clone(&new.password);
        assert_eq!(client.refresh(600).await, 441);
        assert_eq!(client.permit(rig.address).await, 441);
        assert_eq!(client.refresh(0).await, 441);

        (client.signer.username, client.signer.password) = old;
        assert_eq!(client.refresh(600).await, 200);
    }
}

#[tokio::test]
async fn an_expired_name_that_opened_nothing_refreshes_nothing() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Udp).await;
    assert_eq!(client.allocate().await.code(), 200);
    let old = minted(START - 5);
    client.signer.username = old.username.clone();
    client.signer.password = String::clone(&old.password);
    assert_eq!(client.refresh(600).await, 401);
}

#[tokio::test]
async fn who_cannot_sign_is_not_told_which_peers_are_forbidden() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Udp).await;
    assert_eq!(client.allocate().await.code(), 200);
    client.signer.password = "wrong".to_owned();
    let foreign = peer("192.0.2.1:9".parse().unwrap());
    assert_eq!(
        client.request(CREATE_PERMISSION, &foreign).await.code(),
        401
    );
    client.signer = Signer::new(&minted(START + 10));
    assert_eq!(client.ask(CREATE_PERMISSION, &foreign).await.code(), 401);
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_secret_nor_password_is_logged_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // As long as there is only one subscriber, tracing lets a thread that has none switch a line of code off for all.
    let _second = tracing::Dispatch::new(
        tracing_subscriber::fmt()
            .with_writer(std::io::sink)
            .finish(),
    );
    let _guard = tracing::subscriber::set_default(subscriber);

    let rig = Rig::start(V4).await;
    let mut passwords = Vec::new();
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        passwords.push(client.signer.password.clone());
        assert_eq!(client.allocate().await.code(), 200);
        assert_eq!(client.permit("192.0.2.1:9".parse().unwrap()).await, 403);
        assert_eq!(client.permit(rig.address).await, 200);
        assert_eq!(client.refresh(0).await, 200);
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("turn_server_recv"),
        "the log shows the server: {log}"
    );
    assert!(!log.contains(SECRET));
    for password in passwords {
        assert!(!log.contains(&password));
    }
}
