//! What `HttpTurnSource` makes of what homeservers, and what stands before them, answer.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "http_source/server.rs"]
mod server;

use std::time::Duration;

use server::{Server, answer};
use url::Url;
use widget_turn::{
    ApiError, Failure, Fetched, HttpTurnSource, HttpTurnSourceError, NoTurn, Secret, TurnSource,
};

const GOOD: &str = r#"{"username":"1443779631:@user:example.com","password":"JlKfBy1QwLrO20385QyAtEyIv0=",
    "uris":["turn:turn.example.com?transport=udp"],"ttl":86400}"#;
const LIMITED: &str = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests"}"#;
const HTML: &str = "<html><body>Bad gateway</body></html>";

fn source(homeserver: &Url) -> HttpTurnSource {
    HttpTurnSource::new(homeserver.clone(), Secret::new("syt_token")).unwrap()
}

async fn fetch(status: &str, headers: &str, body: &str) -> Fetched {
    let server = Server::answering(answer(status, headers, body)).await;
    source(&server.url).fetch().await
}

fn failure(fetched: Fetched) -> Failure {
    match fetched {
        Fetched::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

async fn retry_after(status: &str, headers: &str, body: &str) -> Option<Duration> {
    failure(fetch(status, headers, body).await).retry_after
}

fn status(failure: &Failure) -> Option<u16> {
    failure.response.as_ref().map(|answered| answered.status)
}

#[tokio::test]
async fn credentials_are_read() {
    match fetch("200 OK", "Content-Type: application/json\r\n", GOOD).await {
        Fetched::Credentials { server, ttl } => {
            assert_eq!(server.uris(), ["turn:turn.example.com?transport=udp"]);
            assert_eq!(server.username(), "1443779631:@user:example.com");
            assert_eq!(server.password().expose(), "JlKfBy1QwLrO20385QyAtEyIv0=");
            assert_eq!(ttl, Duration::from_secs(86_400));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_put_together() {
    let (first, rest) = GOOD.split_at(30);
    let body = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        first.len(),
        rest.len(),
    );
    let server = Server::answering(body).await;
    let fetched = source(&server.url).fetch().await;
    assert!(
        matches!(fetched, Fetched::Credentials { .. }),
        "{fetched:?}"
    );
}

#[tokio::test]
async fn an_empty_object_is_no_turn() {
    let fetched = fetch("200 OK", "", "{}").await;
    assert_eq!(fetched, Fetched::NoTurn(NoTurn::EmptyObject));
}

#[tokio::test]
async fn fields_of_the_wrong_type_are_no_turn() {
    let body = r#"{"username":1,"password":["p"],"uris":{"0":"turn:a"},"ttl":"soon"}"#;
    let fetched = fetch("200 OK", "", body).await;
    assert_eq!(fetched, Fetched::NoTurn(NoTurn::NoUris));
}

#[tokio::test]
async fn html_may_pass_whatever_its_status() {
    for line in ["200 OK", "404 Not Found", "500 Oops", "502 Bad Gateway"] {
        let failure = failure(fetch(line, "Content-Type: text/html\r\n", HTML).await);
        assert_eq!(status(&failure), line[..3].parse().ok());
    }
}

#[tokio::test]
async fn a_404_is_no_turn_only_with_the_code_for_it() {
    for errcode in ["M_NOT_FOUND", "M_UNRECOGNIZED"] {
        let body = format!(r#"{{"errcode":"{errcode}","error":"no"}}"#);
        let fetched = fetch("404 Not Found", "", &body).await;
        assert_eq!(fetched, Fetched::NoTurn(NoTurn::NotFound), "{errcode}");
    }
    for body in ["", "{}", r#"{"errcode":"M_UNKNOWN"}"#] {
        let failure = failure(fetch("404 Not Found", "", body).await);
        assert_eq!(status(&failure), Some(404), "{body}");
    }
}

#[tokio::test]
async fn a_429_waits_the_seconds_of_its_header() {
    let body = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#;
    let wait = retry_after("429 Too Many Requests", "Retry-After: 7\r\n", body).await;
    assert_eq!(wait, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_429_waits_until_the_date_of_its_header_by_its_own_clock() {
    let headers =
        "Date: Sat, 01 Jan 2000 12:00:00 GMT\r\nRetry-After: Sat, 01 Jan 2000 12:01:30 GMT\r\n";
    let wait = retry_after("429 Too Many Requests", headers, LIMITED).await;
    assert_eq!(wait, Some(Duration::from_secs(90)));
    let past =
        "Date: Sat, 01 Jan 2000 12:00:00 GMT\r\nRetry-After: Fri, 31 Dec 1999 12:00:00 GMT\r\n";
    let wait = retry_after("429 Too Many Requests", past, LIMITED).await;
    assert_eq!(wait, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_429_waits_what_its_body_says_where_the_header_says_nothing() {
    let body = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#;
    for headers in ["", "Retry-After: soon\r\n", "Retry-After: \u{fe}\r\n"] {
        let wait = retry_after("429 Too Many Requests", headers, body).await;
        assert_eq!(wait, Some(Duration::from_millis(1500)), "{headers}");
    }
    assert_eq!(
        retry_after("429 Too Many Requests", "", LIMITED).await,
        None
    );
}

#[tokio::test]
async fn the_header_counts_with_any_status_and_body() {
    for line in ["200 OK", "302 Found", "404 Gone", "429 Slow", "503 Down"] {
        let wait = retry_after(line, "Retry-After: 9\r\n", HTML).await;
        assert_eq!(wait, Some(Duration::from_secs(9)), "{line}");
    }
}

#[tokio::test]
async fn refusals_carry_what_the_homeserver_said() {
    let body = r#"{"errcode":"M_GUEST_ACCESS_FORBIDDEN","error":"Guest access not allowed"}"#;
    let forbidden = ApiError {
        status: 403,
        errcode: Some("M_GUEST_ACCESS_FORBIDDEN".into()),
        error: Some("Guest access not allowed".into()),
        retry_after: None,
    };
    let fetched = fetch("403 Forbidden", "", body).await;
    assert_eq!(fetched, Fetched::Forbidden(forbidden));

    let body = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Token expired","soft_logout":true}"#;
    match fetch("401 Unauthorized", "", body).await {
        Fetched::Unauthorized(error) => {
            assert_eq!(error.errcode.as_deref(), Some("M_UNKNOWN_TOKEN"))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_500_may_pass_and_is_asked_once() {
    let server = Server::answering(answer("500 Oops", "", r#"{"errcode":"M_UNKNOWN"}"#)).await;
    let failure = failure(source(&server.url).fetch().await);
    assert_eq!(status(&failure), Some(500));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let other = Server::answering(answer("200 OK", "", GOOD)).await;
    for line in [
        "301 Moved",
        "302 Found",
        "303 See",
        "307 Temporary",
        "308 Permanent",
    ] {
        let location = format!("Location: {}\r\n", other.url);
        let failure = failure(fetch(line, &location, "").await);
        assert_eq!(status(&failure), line[..3].parse().ok());
    }
    assert_eq!(other.requests(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_to_itself_is_asked_once() {
    let location = "Location: /_matrix/client/v3/voip/turnServer\r\n";
    let server = Server::answering(answer("302 Found", location, "")).await;
    assert_eq!(
        status(&failure(source(&server.url).fetch().await)),
        Some(302)
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_compressed_body_is_neither_asked_for_nor_unpacked() {
    let server = Server::answering(answer(
        "200 OK",
        "Content-Encoding: gzip\r\n",
        "\u{1f}\u{8b}",
    ))
    .await;
    assert_eq!(
        status(&failure(source(&server.url).fetch().await)),
        Some(200)
    );
    let request = server.requests()[0].to_ascii_lowercase();
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn the_request_is_the_one_of_the_specification() {
    let server = Server::answering(answer("200 OK", "", GOOD)).await;
    let endpoint = "/_matrix/client/v3/voip/turnServer HTTP/1.1\r\n";
    for (base, path) in [
        ("", ""),
        ("/", ""),
        ("/matrix", "/matrix"),
        ("/a/b//", "/a/b"),
        ("/a%20b/", "/a%20b"),
    ] {
        let homeserver = server.url.join(base).unwrap();
        source(&homeserver).fetch().await;
        let request = server.requests().pop().unwrap();
        assert!(
            request.starts_with(&format!("GET {path}{endpoint}")),
            "{request}"
        );
        let authorization: Vec<_> = request
            .lines()
            .filter(|line| line.to_ascii_lowercase().contains("authorization"))
            .collect();
        assert_eq!(authorization, ["authorization: Bearer syt_token"]);
    }
}

#[tokio::test]
async fn a_refreshed_token_is_used_by_every_clone() {
    let server = Server::answering(answer("200 OK", "", GOOD)).await;
    let source = source(&server.url);
    let feed = source.clone();
    feed.fetch().await;
    source.set_access_token(Secret::new("mct_2")).unwrap();
    feed.fetch().await;
    // A token that cannot be sent changes nothing.
    source
        .set_access_token(Secret::new("mct_3\r\nX: y"))
        .unwrap_err();
    feed.fetch().await;
    let requests = server.requests();
    assert!(requests[0].contains("Bearer syt_token\r\n"));
    assert!(requests[1].contains("Bearer mct_2\r\n"));
    assert!(requests[2].contains("Bearer mct_2\r\n"));
}

#[test]
fn a_token_that_no_header_can_carry_is_refused() {
    for token in [
        "",
        " ",
        "syt_canary\n",
        "syt_canary\r\nX: y",
        "syt canary",
        "syt_canär",
        "syt\0canary",
    ] {
        let url = "https://example.com".parse().unwrap();
        let error = HttpTurnSource::new(url, Secret::new(token)).unwrap_err();
        assert!(matches!(error, HttpTurnSourceError::AccessToken));
        assert!(!format!("{error} {error:?}").contains("can"), "{error}");
    }
}

#[test]
fn a_url_that_is_no_homeserver_is_refused_with_what_was_expected() {
    for (url, expected) in [
        ("ftp://example.com", "expected `https:` or `http:`"),
        ("file:///etc/passwd", "expected `https:` or `http:`"),
        ("mailto:alice@example.com", "expected `https:` or `http:`"),
        (
            "https://alice@example.com",
            "expected none, as in `https://matrix.example.com`",
        ),
        (
            "https://alice:canary@example.com",
            "expected none, as in `https://matrix.example.com`",
        ),
        (
            "https://:canary@example.com",
            "expected none, as in `https://matrix.example.com`",
        ),
        (
            "https://example.com?access_token=canary",
            "a `?` or `#` part: expected none",
        ),
        (
            "https://example.com#canary",
            "a `?` or `#` part: expected none",
        ),
    ] {
        let error = HttpTurnSource::new(url.parse().unwrap(), Secret::new("t")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(!format!("{text} {error:?}").contains("canary"), "{text}");
    }
}
