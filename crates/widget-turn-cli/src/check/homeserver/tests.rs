use axum::{Router, http::StatusCode, routing::get as route};
use tokio::net::TcpListener;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use super::http::{date, retry_after};
use super::*;

const GENEROUS: Duration = Duration::from_secs(60);

/// What a discovery by this answer comes to.
async fn discovered(status: u16, body: &'static str) -> (Step, Option<String>) {
    let status = StatusCode::from_u16(status).unwrap();
    let app = Router::new().route(WELL_KNOWN, route(move || async move { (status, body) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    let origin = Url::parse(&origin).unwrap();
    let (step, base) = discover(&origin, GENEROUS).await;
    server.abort();
    let base = base.map(|base| match base == origin {
        true => "the origin".to_owned(),
        false => base.to_string(),
    });
    (step, base)
}

#[tokio::test]
async fn the_base_url_is_looked_up() {
    let named = r#"{"m.homeserver":{"base_url":"https://matrix.example.org/"}}"#;
    let (step, base) = discovered(200, named).await;
    assert_eq!(step.outcome, Outcome::Ok);
    assert_eq!(base.as_deref(), Some("https://matrix.example.org/"));
    let (step, base) = discovered(404, "").await;
    assert_eq!(step.outcome, Outcome::Ok);
    assert_eq!(base.as_deref(), Some("the origin"));
}

#[tokio::test]
async fn a_discovery_that_leads_nowhere_says_why() {
    for (status, body, why) in [
        (200, "<html>", "has no m.homeserver.base_url"),
        (200, "{}", "has no m.homeserver.base_url"),
        (
            200,
            r#"{"m.homeserver":{"base_url":7}}"#,
            "has no m.homeserver.base_url",
        ),
        (
            200,
            r#"{"m.homeserver":{"base_url":"http://matrix.example.org"}}"#,
            "names no https: URL",
        ),
        (
            200,
            r#"{"m.homeserver":{"base_url":"https://a:b@example.org"}}"#,
            "names no https: URL",
        ),
        (500, "", "answered 500"),
    ] {
        let (step, base) = discovered(status, body).await;
        assert_eq!(base, None);
        assert_eq!(step.outcome, Outcome::Failed);
        let expected = format!("/.well-known/matrix/client {why}");
        assert_eq!(step.detail, Some(expected), "{body}");
    }
}

#[test]
fn names_and_urls_are_checked_before_anything_is_sent() {
    let with = |name: &str| Homeserver::new(name, Secret::new("syt_canary"));
    for name in [
        "example.org",
        "example.org:8448",
        "https://example.org/matrix",
        "http://127.0.0.1:8008",
        "http://[::1]:1",
    ] {
        assert!(with(name).is_ok(), "{name}");
    }
    for name in [
        "",
        "http://example.org",
        "ftp://example.org",
        "https://a:b@example.org",
        "example.org/x",
        "a b",
        "https://example.org?x",
    ] {
        assert!(matches!(with(name), Err(HomeserverError::Name)), "{name}");
    }
    let token = Secret::new("two words");
    assert!(matches!(
        Homeserver::new("example.org", token),
        Err(HomeserverError::Token)
    ));
}

#[test]
fn retry_after_is_read_as_seconds_or_date() {
    let noon = "Mon, 23 Nov 2026 12:00:00 GMT";
    let now = date(noon).unwrap();
    let read = |pairs: &[(HeaderName, &str)]| {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        retry_after(&headers, now).map(|wait| wait.as_secs())
    };
    assert_eq!(read(&[(RETRY_AFTER, " 120 ")]), Some(120));
    assert_eq!(
        read(&[(RETRY_AFTER, "Mon, 23 Nov 2026 12:01:00 GMT")]),
        Some(60)
    );
    assert_eq!(
        read(&[
            (RETRY_AFTER, "Mon, 23 Nov 2026 13:01:00 GMT"),
            (DATE, "Mon, 23 Nov 2026 13:00:00 GMT")
        ]),
        Some(60)
    );
    for more_than_there_are in ["18446744073709551616", "99999999999999999999999999"] {
        assert_eq!(read(&[(RETRY_AFTER, more_than_there_are)]), Some(u64::MAX));
    }
    for none in ["soon", "-1", "+5", "1.5", ""] {
        assert_eq!(read(&[(RETRY_AFTER, none)]), None, "{none}");
    }
    assert_eq!(read(&[]), None);
}
