use std::net::SocketAddr;

use super::servers::{Server, alternate, challenging, error, granted, granted_for, key, success};
use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

use stun_types::message::{BINDING, LongTermKeyCredentials, Message, TransactionId};
use stun_types::message::{MessageClass, MessageType, MessageWriteVec};
use stun_types::prelude::MessageWrite as _;
use turn_types::message::CREATE_PERMISSION;

fn relay() -> SocketAddr {
    "127.0.0.1:49160".parse().unwrap()
}

async fn over_udp(name: &str, limit: Duration, server: Server) {
    let report = check(&[server.uri("udp")], limit).await;
    assert_eq!(report.exit_code, 2);
    assert_snapshot(name, &report);
}

async fn over_tcp(name: &str, limit: Duration, server: Server) {
    let report = check(&[server.uri("tcp")], limit).await;
    assert_eq!(report.exit_code, 2);
    assert_snapshot(name, &report);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_told() {
    over_udp("silence-udp", SHORT, Server::udp(|_| Vec::new()).await).await;
    over_tcp(
        "silence-tcp",
        SHORT,
        Server::tcp(true, |_| Vec::new()).await,
    )
    .await;
}

#[tokio::test]
async fn a_closed_port_is_told() {
    for transport in ["udp", "tcp"] {
        let free = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let report = check(&[format!("turn:{address}?transport={transport}")], GENEROUS).await;
        assert_eq!(report.exit_code, 2);
        assert_snapshot(&format!("closed-{transport}"), &report);
    }
}

#[tokio::test]
async fn garbage_is_told() {
    let server = Server::udp(|_| vec![b"garbage \x1b[31m".to_vec()]).await;
    over_udp("garbage-udp", SHORT, server).await;
    let server = Server::tcp(true, |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    over_tcp("garbage-tcp", SHORT, server).await;
    let server = Server::tcp(true, |_| b"\xff\xff\xff\xff".to_vec()).await;
    over_tcp("garbage-bits-tcp", GENEROUS, server).await;
}

#[tokio::test]
async fn no_datagram_is_too_short() {
    for length in 0..24 {
        let server =
            Server::udp(move |request| vec![request[..length.min(request.len() - 1)].to_vec()])
                .await;
        let report = check(&[server.uri("udp")], Duration::from_millis(50)).await;
        assert_eq!(report.exit_code, 2);
    }
}

#[tokio::test]
async fn half_a_message_is_told() {
    let half = |bytes: &[u8]| {
        let request = Message::from_bytes(bytes).unwrap();
        let whole = error(&request, 401, "Unauthorized");
        whole[..whole.len() / 2].to_vec()
    };
    over_udp(
        "half-udp",
        SHORT,
        Server::udp(move |bytes| vec![half(bytes)]).await,
    )
    .await;
    over_tcp(
        "half-and-closed-tcp",
        GENEROUS,
        Server::tcp(false, half).await,
    )
    .await;
    over_tcp("half-tcp", SHORT, Server::tcp(true, half).await).await;
}

#[tokio::test]
async fn an_answer_to_another_request_is_told() {
    let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
    let other =
        move || Message::builder(kind, TransactionId::generate(), MessageWriteVec::new()).finish();
    over_udp(
        "other-transaction",
        SHORT,
        Server::udp(move |_| vec![other()]).await,
    )
    .await;
}

#[tokio::test]
async fn a_success_that_is_not_signed_is_none() {
    let server = Server::udp(challenging(|request| granted(request, relay(), None))).await;
    over_udp("unsigned", GENEROUS, server).await;
}

#[tokio::test]
async fn a_success_that_another_password_has_signed_is_none() {
    let other = LongTermKeyCredentials::new(USERNAME.into(), "another".into(), REALM.into());
    let other = other.into();
    let server = Server::udp(challenging(move |request| {
        granted(request, relay(), Some(&other))
    }))
    .await;
    over_udp("badly-signed", GENEROUS, server).await;
}

#[tokio::test]
async fn a_peer_that_is_denied_is_told_from_a_relay_that_does_not_work() {
    let server = Server::udp(challenging(|request| {
        if request.has_method(CREATE_PERMISSION) {
            return error(request, 403, "Forbidden IP\0\0\0\0");
        }
        granted(request, relay(), Some(&key()))
    }))
    .await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    assert_eq!(report.exit_code, 0);
    assert_snapshot("peer-denied", &report);
}

#[tokio::test]
async fn a_nonce_that_goes_stale_on_the_way_is_replaced() {
    let stale = AtomicBool::new(false);
    let server = Server::udp(challenging(move |request| {
        // Every other request, the first that is signed included.
        if !stale.fetch_xor(true, Ordering::SeqCst) {
            return error(request, 438, "Stale Nonce");
        }
        granted(request, "10.1.2.3:49160".parse().unwrap(), Some(&key()))
    }))
    .await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    assert_eq!(report.exit_code, 2, "the relay is private");
    assert_snapshot("stale-nonce", &report);
}

#[tokio::test]
async fn a_300_is_followed_once() {
    let well = Embedded::start("127.0.0.1:0").await;
    let other = well.address;
    let server = Server::udp(challenging(move |request| alternate(request, other))).await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    assert_eq!(report.exit_code, 1);
    assert_snapshot("alternate", &report);

    let back = Server::udp(challenging(|request| alternate(request, relay()))).await;
    let there = back.address;
    let server = Server::udp(challenging(move |request| alternate(request, there))).await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    assert_eq!(report.servers[0].addresses.len(), 2, "and not further");
}

#[tokio::test]
async fn a_300_to_where_nobody_can_be_is_not_followed() {
    for nobodys in [
        "127.0.0.1:0",
        "0.0.0.0:3478",
        "224.0.0.1:3478",
        "255.255.255.255:3478",
    ] {
        let nobodys = nobodys.parse().unwrap();
        let server = Server::udp(challenging(move |request| alternate(request, nobodys))).await;
        let report = check(&[server.uri("udp")], GENEROUS).await;
        assert_eq!(report.servers[0].addresses.len(), 1, "{nobodys}");
        let text = report::text::render(&report);
        let words: Vec<_> = text.split_whitespace().collect();
        assert!(words.join(" ").contains("where nobody can be"), "{text}");
    }
}

#[tokio::test]
async fn a_relay_without_a_lifetime_is_told() {
    for (seconds, told, exit_code) in [
        (Some(0), "granted for 0 s", 1),
        (None, "granted without a lifetime", 0),
    ] {
        let server = Server::udp(challenging(move |request| {
            if request.has_method(CREATE_PERMISSION) {
                return error(request, 403, "Forbidden");
            }
            granted_for(request, relay(), seconds)
        }))
        .await;
        let report = check(&[server.uri("udp")], GENEROUS).await;
        let steps = report.servers[0].addresses[0].steps.iter();
        let told: Vec<_> = steps
            .filter(|it| it.detail.as_deref() == Some(told))
            .collect();
        assert_eq!(told.len(), 2, "on allocate and on refresh: {report:#?}");
        assert!(told.iter().all(|step| step.advice.is_some()));
        assert_eq!(report.exit_code, exit_code);
    }
}

#[tokio::test]
async fn a_deletion_that_is_not_answered_says_what_stays() {
    use turn_types::attribute::Lifetime;
    let server = Server::udp(challenging(|request| {
        if request.has_method(CREATE_PERMISSION) {
            return error(request, 403, "Forbidden");
        }
        let lifetime = request.attribute::<Lifetime>();
        if lifetime.is_ok_and(|it| it.seconds() == 0) {
            return Vec::new();
        }
        granted(request, relay(), Some(&key()))
    }))
    .await;
    let report = check(&[server.uri("udp")], SHORT).await;
    assert_eq!(report.exit_code, 1);
    assert_snapshot("deletion-unanswered", &report);
}

#[tokio::test]
async fn every_code_is_told_with_what_to_do() {
    for (code, reason) in [
        (400, "Bad Request"),
        (403, "Forbidden"),
        (420, "Unknown Attribute"),
        (437, "Allocation Mismatch\0\0\0"),
        (438, "Stale Nonce"),
        (440, "Address Family not Supported"),
        (441, "Wrong Credentials\0\0\0"),
        (442, "Unsupported Transport Protocol"),
        (443, "Peer Address Family Mismatch"),
        (486, "Allocation Quota Reached"),
        (500, "Server Error"),
        (508, "Insufficient Capacity"),
        (599, "\u{1b}]0;owned\u{7}"),
    ] {
        let server = Server::udp(challenging(move |request| error(request, code, reason))).await;
        over_udp(&format!("code-{code}"), GENEROUS, server).await;
    }
}

#[tokio::test]
async fn a_relay_that_nobody_can_reach_is_told() {
    let private = "10.1.2.3:49160".parse().unwrap();
    let server = Server::udp(challenging(move |request| {
        granted(request, private, Some(&key()))
    }))
    .await;
    over_udp("private-relay", GENEROUS, server).await;
}

#[tokio::test]
async fn a_grant_without_an_address_is_told() {
    let server = Server::udp(challenging(|request| {
        let mut answer = Message::builder_success(request, MessageWriteVec::new());
        use stun_types::prelude::MessageWriteExt as _;
        let sha1 = stun_types::message::IntegrityAlgorithm::Sha1;
        answer.add_message_integrity(&key(), sha1).unwrap();
        answer.finish()
    }))
    .await;
    over_udp("no-relay-address", GENEROUS, server).await;
}

#[tokio::test]
async fn a_server_that_asks_for_no_credentials_is_told() {
    let server = Server::udp(|bytes| {
        let request = Message::from_bytes(bytes).unwrap();
        vec![match request.has_method(BINDING) {
            true => success(&request),
            false => granted(&request, "10.1.2.3:49160".parse().unwrap(), None),
        }]
    })
    .await;
    over_udp("open-relay", GENEROUS, server).await;
}

#[tokio::test]
async fn a_server_without_binding_is_only_warned_of() {
    let server = Server::udp(|bytes| {
        let request = Message::from_bytes(bytes).unwrap();
        if request.has_method(BINDING) {
            return Vec::new();
        }
        challenging(|request| error(request, 486, "Allocation Quota Reached"))(bytes)
    })
    .await;
    over_udp("no-binding", Duration::from_secs(1), server).await;
}

#[tokio::test]
async fn a_password_in_a_uri_is_told_and_not_shown() {
    let uris = [
        "turn:alice:hunter2@turn.example.org:3478?transport=udp".to_owned(),
        "alice:hunter2@turn.example.org".to_owned(),
    ];
    let report = check(&uris, GENEROUS).await;
    assert_eq!(report.exit_code, 2);
    assert_snapshot("userinfo", &report);
    for text in [
        output::json_line(&report),
        report::prometheus::render(&report),
        Board::new(true).round(&report),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
