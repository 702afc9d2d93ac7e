//! What `HttpTurnSource` does where no whole answer comes: it comes back, soon, and with little read.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "http_source/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use server::{Server, answer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;
use widget_turn::{Failure, Fetched, HttpTurnSource, Secret, TurnSource};

/// What the sockets between two ends on one machine may hold, and more: tens of MB at the worst, never 2 GB.
const BUFFERED: u64 = 64 * 1024 * 1024;

async fn fetch(homeserver: &Url) -> Fetched {
    let source = HttpTurnSource::new(homeserver.clone(), Secret::new("syt_token")).unwrap();
    source.fetch().await
}

fn status(fetched: &Fetched) -> Option<u16> {
    match fetched {
        Fetched::Failed(failure) => failure.response.as_ref().map(|answered| answered.status),
        other => panic!("{other:?}"),
    }
}

/// Sends `head` and then `piece` again and again. The receiver gets how much went out before the client hung up.
async fn flood(head: &'static str, piece: &[u8]) -> (Server, mpsc::UnboundedReceiver<u64>) {
    let (served, receiver) = mpsc::unbounded_channel();
    // In large writes, or ten seconds would pass before there is much to tell.
    let piece: Arc<[u8]> = piece.repeat(64 * 1024 / piece.len()).into();
    let server = Server::start(move |mut connection| {
        let (served, piece) = (served.clone(), Arc::clone(&piece));
        async move {
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut sent = 0;
            while sent < 4 * BUFFERED && connection.write_all(&piece).await.is_ok() {
                sent += piece.len() as u64;
            }
            served.send(sent).unwrap();
        }
    })
    .await;
    (server, receiver)
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n";
    let (server, mut served) = flood(head, b" ").await;
    assert_eq!(status(&fetch(&server.url).await), Some(200));
    assert!(served.recv().await.unwrap() < BUFFERED);
}

#[tokio::test]
async fn a_body_without_an_end_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{";
    let (server, mut served) = flood(head, b" ").await;
    assert_eq!(status(&fetch(&server.url).await), Some(200));
    assert!(served.recv().await.unwrap() < BUFFERED);
}

#[tokio::test]
async fn chunks_without_an_end_are_not_read() {
    let head = "HTTP/1.1 503 Down\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let (server, mut served) = flood(head, chunk.as_bytes()).await;
    assert_eq!(status(&fetch(&server.url).await), Some(503));
    assert!(served.recv().await.unwrap() < BUFFERED);
}

#[tokio::test]
async fn headers_without_an_end_are_not_read() {
    let (server, mut served) = flood("HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n").await;
    assert_eq!(
        fetch(&server.url).await,
        Fetched::Failed(Failure::default())
    );
    assert!(served.recv().await.unwrap() < BUFFERED);
}

/// Once the request is there, time passes only while all sides wait: nobody sits out ten seconds.
async fn then_wait_for_ever(connection: TcpStream) {
    tokio::time::pause();
    std::future::pending::<()>().await;
    drop(connection);
}

#[tokio::test]
async fn a_homeserver_that_never_answers_is_given_up() {
    let server = Server::start(then_wait_for_ever).await;
    assert_eq!(
        fetch(&server.url).await,
        Fetched::Failed(Failure::default())
    );
}

#[tokio::test]
async fn interim_answers_do_not_put_the_end_off() {
    let server = Server::start(|mut connection| async {
        let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
        connection.write_all(&interim).await.unwrap();
        then_wait_for_ever(connection).await;
    })
    .await;
    let fetched = fetch(&server.url).await;
    assert_eq!(fetched, Fetched::Failed(Failure::default()));
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up_and_the_head_still_counts() {
    let server = Server::start(|mut connection| async {
        let head = b"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 20\r\n\r\n{";
        connection.write_all(head).await.unwrap();
        then_wait_for_ever(connection).await;
    })
    .await;
    let fetched = fetch(&server.url).await;
    assert_eq!(status(&fetched), Some(429));
    let Fetched::Failed(failure) = fetched else {
        unreachable!("it has a status")
    };
    assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let (gone, mut hung_up) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let gone = gone.clone();
        async move {
            tokio::time::pause();
            let head = b"HTTP/1.1 200 OK\r\n\r\n";
            connection.write_all(head).await.unwrap();
            while connection.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            gone.send(()).unwrap();
        }
    })
    .await;
    assert_eq!(status(&fetch(&server.url).await), Some(200));
    hung_up.recv().await.unwrap();
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_is_given_up() {
    let server = Server::start(then_wait_for_ever).await;
    let mut url = server.url.clone();
    url.set_scheme("https").unwrap();
    assert_eq!(fetch(&url).await, Fetched::Failed(Failure::default()));
}

#[tokio::test]
async fn a_closed_port_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let fetched = fetch(&url.parse().unwrap()).await;
    assert_eq!(fetched, Fetched::Failed(Failure::default()));
}

#[tokio::test]
async fn half_a_body_says_nothing_even_if_it_is_json() {
    for body in ["{}", "", r#"{"username":"u""#] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{body}");
        let server = Server::answering(answer).await;
        assert_eq!(status(&fetch(&server.url).await), Some(200), "{body}");
    }
    let server = Server::answering(
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n{\"errcode\":\"M_NOT_FOUND\"}\r\n",
    )
    .await;
    assert_eq!(status(&fetch(&server.url).await), Some(404));
}

#[tokio::test]
async fn half_a_head_or_none_is_a_failure_and_asked_once() {
    for answer in ["", "HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let server = Server::answering(answer).await;
        assert_eq!(
            fetch(&server.url).await,
            Fetched::Failed(Failure::default()),
            "{answer}"
        );
        assert_eq!(server.requests().len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn garbage_instead_of_http_is_a_failure() {
    let garbage: [&[u8]; 5] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    ];
    for bytes in garbage {
        let server = Server::answering(bytes).await;
        assert_eq!(
            fetch(&server.url).await,
            Fetched::Failed(Failure::default()),
            "{bytes:?}"
        );
    }
}

#[tokio::test]
async fn plain_http_where_tls_was_expected_is_a_failure() {
    let server = Server::answering(answer("400 Bad Request", "", "{}")).await;
    let mut url = server.url.clone();
    url.set_scheme("https").unwrap();
    assert_eq!(fetch(&url).await, Fetched::Failed(Failure::default()));
}

#[tokio::test]
async fn a_dropped_fetch_ends_its_request() {
    let (gone, mut hung_up) = mpsc::unbounded_channel();
    let (arrived, mut waiting) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection| {
        let (gone, arrived) = (gone.clone(), arrived.clone());
        async move {
            arrived.send(()).unwrap();
            gone.send(server::read_request(&mut connection).await)
                .unwrap();
        }
    })
    .await;
    tokio::select! {
        _ = waiting.recv() => {}
        fetched = fetch(&server.url) => panic!("{fetched:?}"),
    }
    assert_eq!(hung_up.recv().await.unwrap(), "");
}
