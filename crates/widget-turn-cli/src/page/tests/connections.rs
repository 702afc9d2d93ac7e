//! What strangers on this machine, and other sites in its browser, can do with bare connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Page, any_port, ask, soon, status};
use crate::page::LocalListener;
use crate::page::listener::Bounds;

/// All that the server says to these bytes until it hangs up; a reset counts as that.
async fn said(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut said = Vec::new();
    let _ = soon(stream.read_to_end(&mut said)).await;
    String::from_utf8(said).unwrap()
}

fn answers(said: &str) -> Vec<u16> {
    let answers = said.match_indices("HTTP/1.");
    answers.map(|(at, _)| status(&said[at..])).collect()
}

/// A server that answers everything with "well", for other bounds than the page's.
async fn serve(bounds: Bounds, router: Router) -> SocketAddr {
    let listener = LocalListener::bind(any_port()).await.unwrap();
    let port = listener.names().origin();
    let port = port.rsplit(':').next().unwrap().parse().unwrap();
    tokio::spawn(listener.serve_within(bounds, router));
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn well() -> Router {
    Router::new().fallback(|| async { "well" })
}

#[tokio::test]
async fn wrong_tokens_are_answered_alike_however_much_of_them_is_right() {
    let page = Page::serve().await;
    let token = page.token();
    let other = |at: usize| {
        let mut wrong = token.to_owned();
        let letter = if &token[at..=at] == "A" { "Q" } else { "A" };
        wrong.replace_range(at..=at, letter);
        wrong
    };
    let mut tokens: Vec<_> = [0, 10, 20].map(other).to_vec();
    tokens.extend([
        String::new(),
        token[..1].to_owned(),
        token[..21].to_owned(),
        format!("{token}A"),
        token.to_lowercase() + "x",
        "A".repeat(22),
        "A".repeat(4000),
        "open".to_owned(),
    ]);
    let (addr, mut first) = (page.addr, None);
    for token in tokens {
        for (method, file) in [
            ("GET", ""),
            ("GET", "/"),
            ("GET", "/socket"),
            ("POST", "/"),
            ("OPTIONS", "/main.js"),
        ] {
            let request = format!("{method} /{token}{file} HTTP/1.1\nHost: {addr}");
            let answer = ask(addr, &request).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let head = head.lines().filter(|line| !line.starts_with("date: "));
            let answer = (head.map(str::to_owned).collect::<Vec<_>>(), body.to_owned());
            assert_eq!(
                &answer,
                first.get_or_insert_with(|| answer.clone()),
                "{request}"
            );
        }
    }
}

#[tokio::test]
async fn a_socket_with_its_handshake_but_without_the_token_is_not_found() {
    let page = Page::serve().await;
    let addr = page.addr;
    for path in ["/socket", "//socket", "/AAAAAAAAAAAAAAAAAAAAAA/socket"] {
        let request = format!(
            "GET {path} HTTP/1.1\nHost: {addr}\nOrigin: http://{addr}\nUpgrade: websocket\n\
             Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        );
        assert_eq!(status(&ask(addr, &request).await), 404, "{path}");
    }
}

#[tokio::test]
async fn no_answer_lets_the_script_of_another_site_read_it() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    for (method, path) in [
        ("GET", path),
        ("OPTIONS", path),
        ("GET", "/"),
        ("HEAD", path),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\nHost: {addr}\nOrigin: https://site.example\n\
             Access-Control-Request-Method: GET\nAccess-Control-Request-Private-Network: true"
        );
        let answer = ask(addr, &request).await.to_lowercase();
        assert!(!answer.contains("access-control-allow"), "{answer}");
        assert!(answer.contains("cross-origin-resource-policy: same-origin"));
        assert!(answer.contains("x-frame-options: deny"));
    }
}

#[tokio::test]
async fn a_first_line_that_names_another_host_is_refused() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    for (target, expected) in [
        (format!("http://{addr}{path}"), 200),
        (format!("http://rebound.example:{}{path}", addr.port()), 403),
        (format!("http://alice@{addr}{path}"), 403),
        (format!("http://127.0.0.1{path}"), 403),
    ] {
        let request = format!("GET {target} HTTP/1.1\nHost: {addr}");
        assert_eq!(status(&ask(addr, &request).await), expected, "{target}");
    }
}

#[tokio::test]
async fn what_is_no_request_by_the_standard_is_answered_by_an_error_and_the_end() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    let host = format!("Host: {addr}\r\n");
    // A server that reads on answers this by 200.
    let hidden = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    for (what, head) in [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n"),
        ("a list of lengths", "Content-Length: 0, 5\r\n"),
        ("a signed length", "Content-Length: +5\r\n"),
        ("a huge length", "Content-Length: 99999999999999999999\r\n"),
        ("an unknown coding", "Transfer-Encoding: chunked, x\r\n"),
        ("a folded line", "X: 1\r\n Y: 2\r\n"),
        ("a space before the colon", "Content-Length : 5\r\n"),
        ("a bare carriage return", "X: 1\rY: 2\r\n"),
        ("a zero byte", "X: \0\r\n"),
        ("no colon", "Content-Length\r\n"),
        ("no name", ": 1\r\n"),
    ] {
        let request = format!("POST {path} HTTP/1.1\r\n{host}{head}\r\n{hidden}");
        let said = said(addr, request.as_bytes()).await;
        assert_eq!(answers(&said), [400], "{what}: {said}");
    }
    for line in [
        "GET",
        "GET / HTTP/2.0",
        "GET / HTTP/1.2",
        "GET /\0 HTTP/1.1",
        "\u{16}\u{3}\u{1}",
    ] {
        let said = said(addr, format!("{line}\r\n{host}\r\n{hidden}").as_bytes()).await;
        assert!(
            answers(&said).iter().all(|&status| status >= 400),
            "{line}: {said}"
        );
    }
}

#[tokio::test]
async fn a_body_is_never_taken_for_a_request() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    let host = format!("Host: {addr}\r\n");
    let hidden = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    let long = format!("{}{hidden}", " ".repeat(1 << 20));
    for body in [&hidden, &long] {
        let (length, chunk) = (
            body.len(),
            format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        );
        for (what, head, body) in [
            ("a length", format!("Content-Length: {length}"), body),
            ("chunks", "Transfer-Encoding: chunked".to_owned(), &chunk),
            // The coding counts (RFC 9112, 6.3).
            (
                "both",
                "Content-Length: 5\r\nTransfer-Encoding: chunked".to_owned(),
                &chunk,
            ),
            (
                "an upgrade",
                format!("Content-Length: {length}\r\nUpgrade: websocket"),
                body,
            ),
        ] {
            let request =
                format!("POST {path} HTTP/1.1\r\n{host}Connection: close\r\n{head}\r\n\r\n{body}");
            let said = said(addr, request.as_bytes()).await;
            assert!(matches!(answers(&said)[..], [405] | []), "{what}: {said}");
        }
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_turn() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    let one = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n{more}\r\n");
    let requests = [
        one(path, ""),
        one("/", ""),
        one(path, "Connection: close\r\n"),
    ]
    .concat();
    assert_eq!(
        answers(&said(addr, requests.as_bytes()).await),
        [200, 404, 200]
    );
}

#[tokio::test]
async fn http_1_0_is_answered_once_and_only_under_our_name() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    for (host, expected) in [(format!("Host: {addr}\r\n"), 200), (String::new(), 403)] {
        let request = format!("GET {path} HTTP/1.0\r\n{host}\r\n");
        let said = said(addr, request.repeat(2).as_bytes()).await;
        assert_eq!(answers(&said), [expected]);
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_answered_before_it_ends() {
    let page = Page::serve().await;
    let (addr, path) = (page.addr, page.url.path());
    let begin = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n");
    let line = format!("X: {}\r\n", "a".repeat(1000));
    for (what, head) in [
        (
            "a long line",
            format!("{begin}X: {}", "a".repeat(100 << 10)),
        ),
        ("many lines", format!("{begin}{}", line.repeat(100))),
        (
            "many short lines",
            format!("{begin}{}\r\n", "X: 1\r\n".repeat(101)),
        ),
        ("a long path", format!("GET /{}", "a".repeat(100 << 10))),
    ] {
        // It does not end: whoever waited for the end would wait for good.
        let said = said(addr, head.as_bytes()).await;
        assert!(
            matches!(answers(&said)[..], [431] | [414] | []),
            "{what}: {said}"
        );
    }
    let long = format!("{begin}{}Connection: close\r\n\r\n", line.repeat(30));
    assert_eq!(answers(&said(addr, long.as_bytes()).await), [200]);
}

#[tokio::test]
async fn whoever_is_slow_or_idle_is_hung_up_on() {
    let bounds = Bounds {
        connections: 8,
        lifetime: Duration::from_millis(100),
    };
    let addr = serve(bounds, well()).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let cut = &request[..20];
    let posted = format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 9\r\n\r\n");
    for (what, bytes, expected) in [
        ("nothing", "", 0),
        ("half a head", cut, 0),
        ("one request and no other", &request, 1),
        ("one and a half", &format!("{request}{cut}"), 1),
        ("no body", &posted, 1),
    ] {
        let said = said(addr, bytes.as_bytes()).await;
        assert_eq!(answers(&said).len(), expected, "{what}: {said}");
    }
    // One that asks and asks, and reads nothing.
    let mut deaf = TcpStream::connect(addr).await.unwrap();
    while soon(deaf.write_all(request.as_bytes())).await.is_ok() {}
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_nobody_out_for_long() {
    let bounds = Bounds {
        connections: 64,
        lifetime: Duration::from_millis(20),
    };
    let addr = serve(bounds, well()).await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(soon(TcpStream::connect(addr)).await.unwrap());
    }
    let answer = ask(addr, &format!("GET / HTTP/1.1\nHost: {addr}")).await;
    assert_eq!(status(&answer), 200);
    for mut stream in idle {
        // Or a reset, which is an end too.
        assert!(
            soon(stream.read(&mut [0]))
                .await
                .is_ok_and(|read| read == 0)
        );
    }
}

#[tokio::test]
async fn only_so_many_connections_are_served_at_once() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let router = Router::new().fallback(|| async {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        NOW.fetch_sub(1, Ordering::Relaxed);
    });
    let bounds = Bounds {
        connections: 2,
        ..Bounds::default()
    };
    let addr = serve(bounds, router).await;
    let request: Arc<str> = format!("GET / HTTP/1.1\nHost: {addr}").into();
    for answer in join_all((0..20).map(|_| ask(addr, &request))).await {
        assert_eq!(status(&answer), 200);
    }
    assert_eq!(MOST.load(Ordering::Relaxed), 2);
}
