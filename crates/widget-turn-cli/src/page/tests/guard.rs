use std::error::Error;
use std::net::{Ipv6Addr, SocketAddr};

use super::{Page, any_port, ask, config, header, status};
use crate::page::assets::PageFiles;
use crate::page::{LocalNames, PageServer};

const HANDSHAKE: &str = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

#[tokio::test]
async fn the_page_is_served_at_its_own_address() {
    let page = Page::serve().await;
    let answer = page.get(page.url.path()).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert!(answer.to_lowercase().contains("<!doctype html>"));
}

#[tokio::test]
async fn every_file_of_the_page_is_served_with_its_type() {
    let page = Page::serve().await;
    for file in PageFiles::iter() {
        let answer = page.get(&format!("{}{file}", page.url.path())).await;
        assert_eq!(status(&answer), 200, "{file}");
        let content_type = header(&answer, "content-type");
        assert_ne!(content_type, "application/octet-stream", "{file}");
    }
}

#[tokio::test]
async fn every_start_has_another_token_of_128_bits() {
    let (one, other) = (Page::serve().await, Page::serve().await);
    assert_eq!(one.token().len(), 22);
    assert_ne!(one.token(), other.token());
}

#[tokio::test]
async fn without_the_right_token_nothing_is_found() {
    let page = Page::serve().await;
    let token = page.token();
    let mut wrong = token.to_owned();
    wrong.replace_range(21.., if token.ends_with('A') { "Q" } else { "A" });
    for path in [
        "/".to_owned(),
        "/index.html".to_owned(),
        "/socket".to_owned(),
        "//".to_owned(),
        format!("/{wrong}/"),
        format!("/{wrong}/socket"),
        format!("/{}/", &token[..21]),
        format!("/{token}A/"),
        format!("//{token}/"),
    ] {
        let answer = page.get(&path).await;
        assert_eq!(status(&answer), 404, "{path}");
        assert!(answer.contains("whole address"), "{answer}");
        assert!(!answer.contains(token));
    }
}

#[tokio::test]
async fn the_address_that_a_browser_is_started_with_leads_to_the_page_once() {
    let page = Page::serve().await;
    let ticket = page.ticket_url.path();
    assert!(!ticket.contains(page.token()));
    assert_eq!(status(&page.get("/open/").await), 404);
    assert_eq!(status(&page.get(&format!("{ticket}A")).await), 404);

    let answer = page.get(ticket).await;
    assert_eq!(status(&answer), 303);
    assert_eq!(header(&answer, "location"), page.url.path());
    let again = page.get(ticket).await;
    assert_eq!(status(&again), 410);
    assert!(again.contains("another user"), "{again}");
    assert!(!again.contains(page.token()));
}

#[tokio::test]
async fn an_address_without_its_last_slash_leads_to_the_page() {
    let page = Page::serve().await;
    let answer = page.get(&format!("/{}", page.token())).await;
    assert_eq!(status(&answer), 308);
    assert_eq!(header(&answer, "location"), page.url.path());
}

#[tokio::test]
async fn no_path_leads_out_of_the_pages_files() {
    let page = Page::serve().await;
    for path in [
        "../../Cargo.toml",
        "%2e%2e/server.rs",
        "/etc/passwd",
        "nothing",
    ] {
        let answer = page.get(&format!("{}{path}", page.url.path())).await;
        assert_eq!(status(&answer), 404, "{path}");
    }
}

#[tokio::test]
async fn a_host_name_that_is_not_ours_is_refused_with_a_reason() {
    let page = Page::serve().await;
    let (port, path) = (page.addr.port(), page.url.path());
    for host in [
        format!("Host: rebound.example:{port}"),
        "Host: 127.0.0.1".to_owned(),
        format!("Host: 127.0.0.2:{port}"),
        format!("Host: localhost:{}", port ^ 1),
        format!("Host: localhost.:{port}"),
        "Host: ".to_owned(),
        "X: no host".to_owned(),
        format!("Host: 127.0.0.1:{port}\nHost: rebound.example"),
    ] {
        let answer = ask(page.addr, &format!("GET {path} HTTP/1.1\n{host}")).await;
        assert_eq!(status(&answer), 403, "{host}");
        assert!(answer.contains("answers only as"), "{answer}");
    }
}

#[tokio::test]
async fn the_page_may_be_opened_as_localhost() {
    let page = Page::serve().await;
    let host = format!("localhost:{}", page.addr.port());
    let request = format!("GET {} HTTP/1.1\nHost: {host}", page.url.path());
    let answer = ask(page.addr, &request).await;
    assert_eq!(status(&answer), 200);
    let policy = header(&answer, "content-security-policy");
    assert!(policy.contains(&format!("connect-src 'self' ws://{host};")));
}

#[tokio::test]
async fn only_get_is_answered() {
    let page = Page::serve().await;
    let (path, addr) = (page.url.path(), page.addr);
    for (request, expected) in [
        (format!("POST {path} HTTP/1.1\nContent-Length: 0"), 405),
        (format!("OPTIONS {path} HTTP/1.1"), 405),
        (format!("HEAD {path} HTTP/1.1"), 200),
        ("OPTIONS * HTTP/1.1".to_owned(), 404),
        (format!("CONNECT {addr} HTTP/1.1"), 404),
    ] {
        let answer = ask(addr, &format!("{request}\nHost: {addr}")).await;
        assert_eq!(status(&answer), expected, "{request}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let page = Page::serve().await;
    let found = page.get(page.url.path()).await;
    let lost = page.get("/").await;
    let refused = ask(page.addr, "GET / HTTP/1.1\nHost: rebound.example").await;
    for answer in [found, lost, refused] {
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin");
        assert_eq!(
            header(&answer, "cross-origin-resource-policy"),
            "same-origin"
        );
        assert_eq!(header(&answer, "origin-agent-cluster"), "?1");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let policy = header(&answer, "content-security-policy");
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "frame-src https://widget.example",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(
                policy.split("; ").any(|given| given == directive),
                "{policy}"
            );
        }
    }
}

#[tokio::test]
async fn the_socket_opens_only_for_the_page_itself() {
    let page = Page::serve().await;
    let port = page.addr.port();
    let socket = format!("GET {}socket HTTP/1.1", page.url.path());
    for (host, origin) in [
        ("127.0.0.1", "X: no origin".to_owned()),
        ("127.0.0.1", "Origin: https://widget.example".to_owned()),
        ("127.0.0.1", "Origin: null".to_owned()),
        ("127.0.0.1", format!("Origin: https://127.0.0.1:{port}")),
        ("127.0.0.1", format!("Origin: http://localhost:{port}")),
        (
            "127.0.0.1",
            format!("Origin: http://127.0.0.1:{}", port ^ 1),
        ),
        (
            "127.0.0.1",
            format!("Origin: http://127.0.0.1:{port}\nOrigin: null"),
        ),
        ("localhost", format!("Origin: http://127.0.0.1:{port}")),
    ] {
        let request = format!("{socket}\nHost: {host}:{port}\n{origin}\n{HANDSHAKE}");
        let answer = ask(page.addr, &request).await;
        assert_eq!(status(&answer), 403, "{host} {origin}");
        assert!(answer.contains("expected `Origin: http://"), "{answer}");
    }
}

#[tokio::test]
async fn a_socket_without_its_handshake_is_refused() {
    let page = Page::serve().await;
    let request = format!(
        "GET {}socket HTTP/1.1\nHost: {addr}\nOrigin: http://{addr}",
        page.url.path(),
        addr = page.addr
    );
    let answer = ask(page.addr, &request).await;
    assert!((400..500).contains(&status(&answer)), "{answer}");
    header(&answer, "content-security-policy");
}

#[tokio::test]
async fn only_loopback_addresses_are_listened_on() {
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let addr: SocketAddr = addr.parse().unwrap();
        let Err(error) = PageServer::bind(addr).await else {
            panic!("{addr} was taken");
        };
        assert_eq!(
            error.to_string(),
            format!(
                "{addr} is not a loopback address: expected 127.0.0.1 or [::1] with a port, for example 127.0.0.1:0"
            )
        );
    }
}

#[test]
fn on_ipv6_the_page_goes_by_the_name_that_a_policy_can_hold() {
    let names = LocalNames::of(SocketAddr::from((Ipv6Addr::LOCALHOST, 7846)));
    assert_eq!(names.origin(), "http://localhost:7846");
    assert!(names.origins().iter().all(|origin| !origin.contains('[')));
}

#[tokio::test]
async fn a_port_in_use_is_named_with_a_way_out() {
    let first = PageServer::bind(any_port()).await.unwrap();
    let port = first.url().port().unwrap();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let Err(error) = PageServer::bind(addr).await else {
        panic!("the port was taken twice");
    };
    assert_eq!(
        error.to_string(),
        format!(
            "port {port} of 127.0.0.1 is in use: pass `--listen 127.0.0.1:0` for any free port, or name another one"
        )
    );
    assert!(error.source().is_none());
}

#[tokio::test]
async fn a_widget_url_that_cannot_be_framed_is_refused() {
    for url in [
        "data:text/html,hello",
        "file:///widget.html",
        "https://user:secret@a;script-src,b.example/app?token=secret",
        "http://[::1]:8080/widget.html",
    ] {
        let server = PageServer::bind(any_port()).await.unwrap();
        let (sessions, _receiver) = tokio::sync::mpsc::channel(1);
        let error = server.serve(config(url), sessions).err().unwrap();
        let text = error.to_string();
        assert!(text.contains("expected an http or https URL"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
