//! Where a homeserver is found.

use url::Url;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::homeserver::{ALICE, Homeserver};
use super::{Folder, refused};
use crate::account::homeserver::{Homeserver as Named, discover, is_loopback, named_by};
use crate::arguments::Login;

/// A web server that answers with this for `/.well-known/matrix/client`.
async fn web_server(answer: ResponseTemplate) -> (MockServer, Url) {
    let server = MockServer::start().await;
    Mock::given(path("/.well-known/matrix/client"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let origin = server.uri().parse().unwrap();
    (server, origin)
}

fn naming(base_url: &str) -> ResponseTemplate {
    let body = serde_json::json!({ "m.homeserver": { "base_url": base_url } });
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn a_name_leads_to_the_server_that_its_well_known_file_names() {
    for base in [
        "https://matrix.example.org/",
        "https://example.org/a",
        "http://127.0.0.1:8008/",
    ] {
        let (_server, origin) = web_server(naming(base)).await;
        assert_eq!(discover(&origin).await.unwrap().as_str(), base);
    }
    let (_server, origin) = web_server(ResponseTemplate::new(404)).await;
    assert_eq!(discover(&origin).await.unwrap(), origin, "the name itself");
}

#[test]
fn only_what_is_on_this_machine_leads_to_it_without_tls() {
    let origin = |url: &str| Url::parse(url).unwrap();
    for named in ["http://127.0.0.1:8008", "http://localhost", "http://[::1]/"] {
        assert_eq!(named_by(&origin("https://example.org"), named), None);
        let here = named_by(&origin("https://localhost:8448"), named);
        assert_eq!(here, Some(origin(named)));
    }
    let there = named_by(&origin("https://example.org"), "https://localhost");
    assert_eq!(there, Some(origin("https://localhost")));
    for (url, expected) in [
        ("http://localhost:8008", true),
        ("http://LOCALHOST", true),
        ("http://127.9.9.9", true),
        ("http://matrix.localhost", false),
        ("http://localhost.example.org", false),
        ("http://notlocalhost", false),
    ] {
        assert_eq!(is_loopback(&origin(url)), expected, "{url}");
    }
}

#[tokio::test]
async fn a_well_known_file_of_no_use_is_told() {
    for (answer, expected) in [
        (naming("http://example.org"), "it names no https: URL"),
        (
            naming("https://user:pass@example.org"),
            "it names no https: URL",
        ),
        (naming("example.org"), "it names no https: URL"),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "no m.homeserver.base_url",
        ),
        (ResponseTemplate::new(500), "it answered 500"),
    ] {
        let (_server, origin) = web_server(answer).await;
        let said = discover(&origin).await.unwrap_err().to_string();
        assert!(
            said.contains(expected) && said.contains("--homeserver"),
            "{said}"
        );
        assert!(!said.contains("pass"), "{said}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_well_known_file_is_followed() {
    let (_there, origin) = web_server(naming("https://matrix.example.org/")).await;
    let target = origin.join("/.well-known/matrix/client").unwrap();
    let moved = ResponseTemplate::new(302).insert_header("location", target.as_str());
    let (_here, origin) = web_server(moved).await;
    let found = discover(&origin).await.unwrap();
    assert_eq!(found.as_str(), "https://matrix.example.org/");
}

#[test]
fn what_cannot_be_a_homeserver_is_told() {
    for name in [
        "",
        "exa mple.org",
        "example.org/path",
        "https://",
        "https://u:p@example.org",
        "ftp://x",
        "a?b",
    ] {
        let said = Named::read(name).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("is no homeserver"), "{name}: {said}");
    }
    for name in ["http://example.org", "http://matrix.localhost:8008"] {
        let said = Named::read(name).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("http: is for loopback only"), "{said}");
    }
    for name in [
        "example.org",
        "example.org:8448",
        "https://example.org/base/",
        "http://[::1]:8008",
    ] {
        assert!(Named::read(name).is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_homeserver_or_none_at_all_is_told() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let web = MockServer::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let not_tls = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = plain.accept() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for (name, expected) in [
        (web.uri(), "is no Matrix homeserver (status 404)"),
        (format!("http://127.0.0.1:{port}"), "cannot be reached"),
        (not_tls, "cannot be reached"),
    ] {
        let login = Login {
            homeserver: Some(name.clone()),
            ..folder.by_password(&homeserver)
        };
        let said = refused(&login).await;
        assert!(
            said.contains(expected) && said.contains(&name),
            "{name}: {said}"
        );
    }
}

#[tokio::test]
async fn a_password_is_not_redirected_elsewhere() {
    let other = MockServer::start().await;
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", other.uri().as_str());
    Mock::given(wiremock::matchers::any())
        .respond_with(away)
        .mount(&server)
        .await;
    let folder = Folder::new();
    let login = Login {
        homeserver: Some(server.uri()),
        user: Some(ALICE.to_owned()),
        password_file: Some(folder.file("password", "canary")),
        token_file: None,
        data: Some(folder.0.clone()),
        limit: None,
    };
    let said = refused(&login).await;
    assert!(said.contains("status 307"), "{said}");
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_homeserver_is_not_looked_for_for_longer_than_was_said() {
    let folder = Folder::new();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let login = Login {
        homeserver: Some(format!("http://{}", silent.local_addr().unwrap())),
        user: Some(ALICE.to_owned()),
        password_file: None,
        token_file: None,
        data: Some(folder.0.clone()),
        limit: Some(std::time::Duration::from_millis(100)),
    };
    // Less than an answer is waited for otherwise.
    let limit = std::time::Duration::from_secs(10);
    let said = tokio::time::timeout(limit, refused(&login)).await.unwrap();
    assert!(said.contains("no answer in time"), "{said}");
}
