//! One HTTP request to a homeserver, and what its headers say of time.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, Response, redirect};
use tokio::time::timeout;
use url::{Host, Url};
use widget_turn_proto::{MAX_RESPONSE, Secret};

use crate::check::lint::seconds_between;

/// How much of a header is shown, in characters.
const MAX_HEADER: usize = 200;

/// What came of a request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// Whether it named a wait that cannot be read.
    pub(super) has_unreadable_wait: bool,
    /// How far the server's clock is ahead, in seconds.
    pub(super) clock_skew: Option<i64>,
    /// Where a redirect leads, without what may be secret in it.
    pub(super) location: Option<String>,
    /// What the server says the body is.
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// One request. A request with a token follows no redirect, so that the token goes nowhere else.
pub(super) async fn get(
    url: Url,
    token: Option<&Secret>,
    limit: Duration,
) -> Result<Answer, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("widget-turn/", env!("CARGO_PKG_VERSION")))
        .redirect(match token {
            Some(_) => redirect::Policy::none(),
            None => redirect::Policy::limited(3),
        });
    if is_loopback(&url) {
        builder = builder.no_proxy();
        if url.scheme() == "http" {
            // No TLS can come up, so a system without root certificates will do.
            builder = builder.tls_certs_only([]);
        }
    }
    let client = builder
        .build()
        .map_err(|error| chain(&error.without_url()))?;
    let mut request = client.get(url);
    if let Some(token) = token {
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let mut value =
            HeaderValue::from_str(bearer.expose()).map_err(|_| "no token".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let asked = async {
        let response = request
            .send()
            .await
            .map_err(|error| chain(&error.without_url()))?;
        let now = SystemTime::now();
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        let has_unreadable_wait =
            response.headers().contains_key(RETRY_AFTER) && retry_after.is_none();
        let clock_skew = clock_skew(response.headers(), now);
        let location = location(&response);
        let content_type = header(response.headers(), CONTENT_TYPE);
        let content_type = content_type.map(|it| it.chars().take(MAX_HEADER).collect());
        Ok(Answer {
            status,
            retry_after,
            has_unreadable_wait,
            clock_skew,
            location,
            content_type,
            body: body(response).await?,
        })
    };
    timeout(limit, asked)
        .await
        .unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// The body, up to a little beyond [`MAX_RESPONSE`], where `read_response` refuses it.
async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while body.len() <= MAX_RESPONSE {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(chain(&error.without_url())),
        }
    }
    Ok(body)
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The target of a redirect, but for user name, password, query and fragment.
fn location(response: &Response) -> Option<String> {
    let text = header(response.headers(), LOCATION)?;
    let mut url = response.url().join(text).ok()?;
    // Fails for URLs that have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().chars().take(MAX_HEADER).collect())
}

pub(super) fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// Seconds, or a date by the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = header(headers, RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than there are numbers for are as good as for ever.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let from = header(headers, DATE).and_then(date).unwrap_or(now);
    Some(date(text)?.duration_since(from).unwrap_or_default())
}

fn clock_skew(headers: &HeaderMap, now: SystemTime) -> Option<i64> {
    let unix = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    let there = header(headers, DATE).and_then(date)?;
    Some(seconds_between(unix(now), unix(there)))
}

/// An error with its causes, which say whether name, network or certificate was at fault.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(300).collect()
}

/// Whether no proxy can reach it, nor anybody listen on the way.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
