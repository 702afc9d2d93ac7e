//! What goes through the relays.

use std::net::SocketAddr;

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageWriteVec};
use stun_types::prelude::MessageWriteExt as _;
use tokio::net::UdpSocket;
use turn_types::AddressFamily;
use turn_types::attribute::{AdditionalAddressFamily, RequestedTransport, XorRelayedAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CONNECT, CREATE_PERMISSION, REFRESH};

use super::client::{Client, Transport, Wire, allocate_in, allocate_udp, channel, peer};
use super::{Rig, TRANSPORTS, V4, V6, until};

const LENGTHS: [usize; 12] = [0, 1, 2, 3, 4, 5, 101, 1199, 1200, 1201, 1202, 9001];

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7) as u8).collect()
}

/// A UDP peer that sends everything back, as long as the test runs.
async fn echo(like: SocketAddr) -> SocketAddr {
    let socket = UdpSocket::bind((like.ip(), 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_535];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            socket.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_peer_is_reached_by_indications_and_by_channels() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for transport in TRANSPORTS {
            let peer = echo(rig.address).await;
            let mut client = rig.client(transport).await;
            let relay = client.allocate_own_family(rig.address).await;
            assert_eq!(relay.ip(), rig.address.ip());

            assert_eq!(client.permit(peer).await, 200);
            for length in LENGTHS {
                client.send_indication(peer, &data(length)).await;
                let came = client.receive_indication().await;
                assert_eq!(came, (peer, data(length)), "{transport:?} on {address}");
            }

            assert_eq!(client.bind_channel(0x4001, peer).await, 200);
            for length in LENGTHS {
                client.send_channel_data(0x4001, &data(length)).await;
                let came = client.receive_channel_data().await;
                assert_eq!(came, (0x4001, data(length)), "{transport:?} on {address}");
            }
            assert_eq!(client.refresh(0).await, 200);
        }
    }
}

#[tokio::test]
async fn channel_data_back_to_back_on_a_stream_keeps_its_borders() {
    let rig = Rig::start(V4).await;
    let peer = echo(rig.address).await;
    let mut client = rig.client(Transport::Tcp).await;
    assert_eq!(client.allocate().await.code(), 200);
    assert_eq!(client.bind_channel(0x4000, peer).await, 200);
    for length in LENGTHS {
        client.send_channel_data(0x4000, &data(length)).await;
    }
    for length in LENGTHS {
        assert_eq!(client.receive_channel_data().await, (0x4000, data(length)));
    }
    assert_eq!(client.refresh(600).await, 200);
}

#[tokio::test]
async fn two_allocations_talk_to_each_other_through_their_relays() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for (one, other) in [
            (Transport::Udp, Transport::Udp),
            (Transport::Udp, Transport::Tcp),
            (Transport::Tcp, Transport::Tcp),
        ] {
            let mut one = rig.client(one).await;
            let mut other = rig.client(other).await;
            let relay_of_one = one.allocate_own_family(rig.address).await;
            let relay_of_other = other.allocate_own_family(rig.address).await;
            assert_eq!(one.permit(relay_of_other).await, 200);
            assert_eq!(other.permit(relay_of_one).await, 200);

            one.send_indication(relay_of_other, b"hello").await;
            let came = other.receive_indication().await;
            assert_eq!(came, (relay_of_one, b"hello".to_vec()));

            assert_eq!(other.bind_channel(0x4000, relay_of_one).await, 200);
            other.send_channel_data(0x4000, b"hello you").await;
            let came = one.receive_indication().await;
            assert_eq!(came, (relay_of_other, b"hello you".to_vec()));

            assert_eq!(one.bind_channel(0x4fff, relay_of_other).await, 200);
            one.send_channel_data(0x4fff, b"odd").await;
            assert_eq!(
                other.receive_channel_data().await,
                (0x4000, b"odd".to_vec())
            );
        }
    }
}

#[tokio::test]
async fn many_clients_are_served_at_once() {
    let rig = Rig::start(V4).await;
    let peer = echo(rig.address).await;
    let mut clients = Vec::new();
    for n in 0..60 {
        let mut client = rig.client(TRANSPORTS[n % 2]).await;
        assert_eq!(client.allocate().await.code(), 200);
        assert_eq!(client.bind_channel(0x4000, peer).await, 200);
        clients.push(client);
    }
    for round in 0..3 {
        for (n, client) in clients.iter_mut().enumerate() {
            client
                .send_channel_data(0x4000, &data(100 * round + n))
                .await;
        }
        for (n, client) in clients.iter_mut().enumerate() {
            let came = client.receive_channel_data().await;
            assert_eq!(came, (0x4000, data(100 * round + n)));
        }
    }
}

#[tokio::test]
async fn without_a_permission_nothing_passes() {
    let rig = Rig::start(V4).await;
    let stranger = UdpSocket::bind(V4).await.unwrap();
    let friend = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let friend_address = friend.local_addr().unwrap();
    let mut client = rig.client(Transport::Udp).await;
    let relay = client.allocate().await.relay();
    assert_eq!(client.permit(friend_address).await, 200);

    stranger.send_to(b"from a stranger", relay).await.unwrap();
    client
        .send_indication(stranger.local_addr().unwrap(), b"to a stranger")
        .await;
    client.send_indication(friend_address, b"to a friend").await;
    let mut buffer = [0; 100];
    let (length, from) = friend.recv_from(&mut buffer).await.unwrap();
    assert_eq!(
        (&buffer[..length], from),
        (b"to a friend".as_slice(), relay)
    );
    assert!(stranger.try_recv_from(&mut buffer).is_err());

    // Loopback keeps the order of what one relay receives.
    friend.send_to(b"from a friend", relay).await.unwrap();
    let came = client.receive_indication().await;
    assert_eq!(came, (friend_address, b"from a friend".to_vec()));
}

#[tokio::test]
async fn peers_on_other_machines_are_forbidden() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for transport in TRANSPORTS {
            let mut client = rig.client(transport).await;
            client.allocate_own_family(rig.address).await;
            let foreign = [
                "192.0.2.1:9",
                "0.0.0.0:9",
                "10.0.0.1:9",
                "[2001:db8::1]:9",
                "[::]:9",
                "[::ffff:192.0.2.1]:9",
            ];
            for foreign in foreign.map(|address| address.parse().unwrap()) {
                for (method, answer) in [
                    (
                        CREATE_PERMISSION,
                        client.request(CREATE_PERMISSION, &peer(foreign)).await,
                    ),
                    (
                        CHANNEL_BIND,
                        client
                            .request(CHANNEL_BIND, &channel(0x4000, foreign))
                            .await,
                    ),
                ] {
                    assert_eq!(answer.code(), 403, "{method} for {foreign}");
                    let key = client.signer.key().unwrap();
                    answer
                        .message()
                        .validate_integrity(&key)
                        .expect("a signed refusal");
                }
            }
            assert_eq!(client.permit(rig.address).await, 200);
        }
    }
}

#[tokio::test]
async fn one_peer_on_another_machine_spoils_the_whole_request() {
    let rig = Rig::start(V4).await;
    let friend = UdpSocket::bind(V4).await.unwrap();
    let friend_address = friend.local_addr().unwrap();
    let mut client = rig.client(Transport::Udp).await;
    let relay = client.allocate().await.relay();
    let answer = client
        .request(CREATE_PERMISSION, &|request, id| {
            peer(friend_address)(request, id);
            peer("192.0.2.1:9".parse().unwrap())(request, id);
        })
        .await;
    assert_eq!(answer.code(), 403);

    friend.send_to(b"too early", relay).await.unwrap();
    assert_eq!(client.refresh(600).await, 200);
    assert_eq!(client.permit(friend_address).await, 200);
    friend.send_to(b"in time", relay).await.unwrap();
    assert_eq!(
        client.receive_indication().await,
        (friend_address, b"in time".to_vec())
    );
}

#[tokio::test]
async fn a_deleted_allocation_is_gone_and_another_may_follow() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        let relay = client.allocate().await.relay();
        assert_eq!(client.allocate().await.code(), 437);
        assert_eq!(client.refresh(0).await, 200);
        until(|| async { UdpSocket::bind(relay).await.is_ok() }).await;
        assert_eq!(client.refresh(600).await, 437);
        assert_eq!(client.permit(rig.address).await, 437);
        assert_eq!(client.allocate().await.code(), 200);
    }
}

#[tokio::test]
async fn a_closed_connection_takes_its_relay_with_it() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Tcp).await;
    let relay = client.allocate().await.relay();
    drop(client);
    until(|| async { UdpSocket::bind(relay).await.is_ok() }).await;
    rig.until_clients_are(0).await;
}

#[tokio::test]
async fn the_family_of_the_relay_is_the_one_that_was_asked_for() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for (family, relay_is_v4) in [(AddressFamily::IPV4, true), (AddressFamily::IPV6, false)] {
            let mut client = rig.client(Transport::Udp).await;
            let answer = client.request(ALLOCATE, &allocate_in(family)).await;
            assert_eq!(answer.relay().is_ipv4(), relay_is_v4);
        }
        // RFC 8656 section 7.2: IPv4 is what nobody asks for.
        let mut client = rig.client(Transport::Udp).await;
        assert!(client.allocate().await.relay().is_ipv4());
    }
}

#[tokio::test]
async fn both_families_can_be_had_at_once() {
    let rig = Rig::start(V4).await;
    let mut client = rig.client(Transport::Tcp).await;
    let answer = client
        .request(ALLOCATE, &|request, id| {
            allocate_udp(request, id);
            request
                .add_attribute(&AdditionalAddressFamily::new(AddressFamily::IPV6))
                .unwrap();
        })
        .await;
    let message = answer.message();
    let relays = [0, 1].map(|n| {
        let relay = message.nth_attribute::<XorRelayedAddress>(n).unwrap();
        relay.addr(message.transaction_id())
    });
    for relay in relays {
        let peer = echo(relay).await;
        assert_eq!(client.permit(peer).await, 200);
        client.send_indication(peer, b"either").await;
        assert_eq!(
            client.receive_indication().await,
            (peer, b"either".to_vec())
        );
    }
    assert_eq!(client.refresh(0).await, 200);
    for relay in relays {
        until(|| async { UdpSocket::bind(relay).await.is_ok() }).await;
    }
}

#[tokio::test]
async fn a_binding_request_is_answered_with_the_address_it_came_from() {
    for address in [V4, V6] {
        let rig = Rig::start(address).await;
        for transport in TRANSPORTS {
            let mut client = rig.client(transport).await;
            let own = match &client.wire {
                Wire::Udp(socket) => socket.local_addr().unwrap(),
                Wire::Tcp(stream, _) => stream.local_addr().unwrap(),
            };
            let answer = client.ask(BINDING, &|_, _| {}).await;
            let mapped = answer.message().attribute::<XorMappedAddress>().unwrap();
            assert_eq!(mapped.addr(answer.message().transaction_id()), own);
        }
    }
}

#[tokio::test]
async fn relays_over_tcp_are_not_offered() {
    let rig = Rig::start(V4).await;
    for transport in TRANSPORTS {
        let mut client = rig.client(transport).await;
        let tcp = RequestedTransport::new(RequestedTransport::TCP);
        let answer = client
            .request(ALLOCATE, &|request: &mut MessageWriteVec, _| {
                request.add_attribute(&tcp).unwrap();
            })
            .await;
        assert_eq!(answer.code(), 400);

        assert_eq!(client.allocate().await.code(), 200);
        let (_, connect) = client.signer.request(CONNECT, &peer(rig.address));
        client.send(&connect).await;
        // The next answer is that of the next request: there is none to CONNECT.
        let (id, refresh) = client.signer.request(REFRESH, &|_, _| {});
        client.send(&refresh).await;
        let answer = client.receive().await.unwrap();
        assert_eq!(Message::from_bytes(&answer).unwrap().transaction_id(), id);
    }
}

#[tokio::test]
async fn a_datagram_of_any_length_does_no_harm() {
    let rig = Rig::start(V6).await;
    let sender = UdpSocket::bind(V6).await.unwrap();
    let address = sender.local_addr().unwrap();
    let mut client: Client = rig.client(Transport::Tcp).await;
    let relay = client.allocate_own_family(rig.address).await;
    assert_eq!(client.permit(address).await, 200);
    // 65,527 bytes are the most that UDP over IPv6 takes; no Data indication holds them.
    for length in [65_527, 65_001, 65_000] {
        sender.send_to(&data(length), relay).await.unwrap();
    }
    assert_eq!(client.receive_indication().await, (address, data(65_000)));
    assert_eq!(client.bind_channel(0x4000, address).await, 200);
    sender.send_to(b"on", relay).await.unwrap();
    assert_eq!(
        client.receive_channel_data().await,
        (0x4000, b"on".to_vec())
    );
}
