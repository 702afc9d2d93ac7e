//! What does no harm, and what comes to an end.

use std::time::Duration;

use stun_types::message::BINDING;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn_types::message::ALLOCATE;

use super::client::{Client, GENEROUS, Transport, Wire, allocate_udp};
use super::{LIMITS, Limits, MAX_CLIENTS, Rig, START, TRANSPORTS, V4, minted, until};

const IMPATIENT: Limits = Limits {
    idle: Duration::from_millis(50),
    ..LIMITS
};

#[tokio::test]
async fn garbage_over_udp_is_ignored() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Udp).await;
    assert_eq!(client.allocate().await.code(), 200);
    let stranger = UdpSocket::bind(V4).await.unwrap();
    let (_, request) = client.signer.request(ALLOCATE, &allocate_udp);
    let pieces = (0..request.len()).map(|length| &request[..length]);
    let garbage = [
        &[0xff; 1500][..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x40\x00\x00\x01x",
    ];
    for datagram in pieces.chain(garbage) {
        stranger.send_to(datagram, rig.address).await.unwrap();
        client.send(datagram).await;
    }
    assert_eq!(client.refresh(600).await, 200);
    assert_eq!(rig.clients(), 1, "garbage of a stranger opens no session");
}

#[tokio::test]
async fn garbage_over_tcp_closes_that_connection_only() {
    let rig = Rig::start(V4).await;
    let mut other = rig.client(Transport::Tcp).await;
    assert_eq!(other.allocate().await.code(), 200);
    for garbage in [
        b"\xff\xff\xff\xff".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\x00\x01\x00\x00nonsense",
    ] {
        let mut client = rig.client(Transport::Tcp).await;
        assert_eq!(client.allocate().await.code(), 200);
        let Wire::Tcp(stream, _) = &mut client.wire else {
            unreachable!()
        };
        stream.write_all(garbage).await.unwrap();
        client.closed().await;
    }
    assert_eq!(other.refresh(600).await, 200);
    rig.until_clients_are(1).await;
}

#[tokio::test]
async fn a_framed_message_that_does_not_parse_is_ignored() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        assert_eq!(client.allocate().await.code(), 200);
        // One attribute that claims to be longer than the message.
        let (_, mut request) = client.signer.request(BINDING, &|_, _| {});
        request.truncate(20);
        request[3] = 4;
        request.extend_from_slice(&[0x00, 0x06, 0xff, 0xff]);
        client.send(&request).await;
        assert_eq!(client.refresh(600).await, 200);
    }
}

/// A client with an allocation, however often an impatient server shuts the door before there is one.
async fn allocated(rig: &Rig, transport: Transport) -> Client {
    loop {
        let mut client = rig.client(transport).await;
        while let Some(answer) = client.try_ask(ALLOCATE, &allocate_udp).await {
            if !client.signer.learn(&answer) {
                assert_eq!(answer.code(), 200);
                return client;
            }
        }
    }
}

#[tokio::test]
async fn idle_clients_without_an_allocation_are_let_go() {
    let rig = Rig::start_with(V4, IMPATIENT).await;
    let mut over_udp = allocated(&rig, Transport::Udp).await;
    let mut over_tcp = allocated(&rig, Transport::Tcp).await;
    let mut silent = rig.client(Transport::Tcp).await;
    let mut half = rig.client(Transport::Tcp).await;
    let Wire::Tcp(stream, _) = &mut half.wire else {
        unreachable!()
    };
    let _ = stream.write_all(b"\x00\x01").await;
    let mut challenged = rig.client(Transport::Udp).await;
    challenged.ask(ALLOCATE, &allocate_udp).await;

    silent.closed().await;
    half.closed().await;
    rig.until_clients_are(2).await;
    assert_eq!(over_udp.refresh(600).await, 200);
    assert_eq!(over_tcp.refresh(600).await, 200);
}

#[tokio::test]
async fn a_client_that_is_let_go_may_come_back() {
    let rig = Rig::start_with(V4, IMPATIENT).await;
    let mut client = rig.client(Transport::Udp).await;
    for _ in 0..3 {
        assert_eq!(client.ask(BINDING, &|_, _| {}).await.code(), 200);
        rig.until_clients_are(0).await;
    }
}

#[tokio::test]
async fn clients_that_came_and_went_leave_nothing_behind() {
    let rig = Rig::start_with(V4, IMPATIENT).await;
    for n in 0..2 * MAX_CLIENTS {
        until(|| async { rig.clients() < MAX_CLIENTS }).await;
        let minted = minted(START + n as u64);
        let mut client = Client::connect(TRANSPORTS[n % 2], rig.address, &minted).await;
        client.try_ask(BINDING, &|_, _| {}).await;
    }
    for transport in TRANSPORTS {
        for _ in 0..10 {
            until(|| async { rig.clients() < MAX_CLIENTS }).await;
            assert_eq!(allocated(&rig, transport).await.refresh(0).await, 200);
        }
    }
    rig.until_clients_are(0).await;
}

#[tokio::test]
async fn a_full_house_serves_nobody_more_until_somebody_leaves() {
    let rig = Rig::start(V4).await;
    let others = rig.room.acquire_many(MAX_CLIENTS as u32 - 1).await.unwrap();
    let mut first = rig.client(Transport::Udp).await;
    assert_eq!(first.allocate().await.code(), 200);

    rig.client(Transport::Tcp).await.closed().await;
    let mut late = rig.client(Transport::Udp).await;
    let (_, request) = late.signer.request(ALLOCATE, &allocate_udp);
    late.send(&request).await;
    assert_eq!(first.refresh(600).await, 200, "who is in is not bothered");

    drop(others);
    assert_eq!(late.allocate().await.code(), 200);
    assert_eq!(
        rig.client(Transport::Tcp).await.allocate().await.code(),
        200
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_its_connection_is_dropped() {
    let limits = Limits {
        write: Duration::from_millis(200),
        ..LIMITS
    };
    let rig = Rig::start_with(V4, limits).await;
    let sender = UdpSocket::bind(V4).await.unwrap();
    let mut reader = rig.client(Transport::Tcp).await;
    assert_eq!(reader.allocate().await.code(), 200);
    let mut sluggard = rig.client(Transport::Tcp).await;
    let relay = sluggard.allocate().await.relay();
    assert_eq!(sluggard.permit(sender.local_addr().unwrap()).await, 200);

    let flood = async {
        while rig.clients() == 2 {
            // Once the relay is closed the port refuses.
            let _ = sender.send_to(&[0; 60_000], relay).await;
            tokio::task::yield_now().await;
        }
    };
    timeout(GENEROUS, flood)
        .await
        .expect("the connection that nobody reads is dropped");
    assert_eq!(reader.refresh(600).await, 200);
    sluggard.closed().await;
}
