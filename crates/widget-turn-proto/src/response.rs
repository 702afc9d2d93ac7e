//! What a homeserver's answer to `GET /_matrix/client/v3/voip/turnServer` means.
//!
//! The specification demands four fields; real servers send `{}`, fractions, zero, strings, and errors in HTML.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::turn_server::{NoTurn, Secret, TurnServer};

/// The path of the endpoint, which is all of the URL that a widget is told.
pub(crate) const PATH: &str = "/_matrix/client/v3/voip/turnServer";

/// A longer body is not read: no answer of an honest homeserver is longer (rule C9). In bytes.
///
/// ```
/// use widget_turn_proto::{Fetched, MAX_RESPONSE, read_response};
///
/// let endless = vec![b' '; MAX_RESPONSE + 1];
/// assert!(matches!(read_response(200, None, &endless), Fetched::Failed(_)));
/// ```
pub const MAX_RESPONSE: usize = 64 * 1024;

/// How long credentials are taken to live where the homeserver does not say, or says nonsense.
const TTL_UNKNOWN: Duration = Duration::from_secs(600);
/// No lifetime is believed beyond this.
const TTL_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// No homeserver is obeyed for longer than this.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// An error's text goes on to the widget up to this length, in characters.
pub(crate) const MAX_ERROR_TEXT: usize = 256;

/// What came of asking the homeserver for TURN credentials.
///
/// An input of [`Refresher`](crate::Refresher), not a Rust error: the world outside does what it does.
///
/// ```
/// use widget_turn_proto::{Fetched, NoTurn, read_response};
///
/// let Fetched::NoTurn(reason) = read_response(200, None, b"{}") else { panic!() };
/// assert_eq!(reason, NoTurn::EmptyObject);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fetched {
    /// Credentials.
    Credentials {
        /// The servers and what to tell them.
        server: TurnServer,
        /// How long they are valid, from the moment at which the request was sent. Between 0 and 30 days.
        ttl: Duration,
    },
    /// This homeserver has no TURN servers to give.
    NoTurn(NoTurn),
    /// 403: not for this account.
    Forbidden(ApiError),
    /// 401: the access token is no longer good.
    Unauthorized(ApiError),
    /// Anything that may pass: 429, 5xx, an answer that is no answer, no connection at all.
    Failed(Failure),
}

/// A failure that may pass.
///
/// ```
/// use std::time::Duration;
/// use widget_turn_proto::{Failure, Fetched, read_response};
///
/// let Fetched::Failed(failure) = read_response(503, Some(Duration::from_secs(7)), b"<html>") else { panic!() };
/// assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
/// assert_eq!(Failure::default().response, None, "no answer came");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// How long the homeserver asks to be left alone; an hour at most.
    pub retry_after: Option<Duration>,
    /// What it answered, if it did.
    pub response: Option<ApiError>,
}

/// A homeserver's error, as far as a widget may know it.
///
/// ```
/// use widget_turn_proto::{Fetched, read_response};
///
/// let body = br#"{"errcode":"M_GUEST_ACCESS_FORBIDDEN","error":"Guest access not allowed"}"#;
/// let Fetched::Forbidden(error) = read_response(403, None, body) else { panic!() };
/// assert_eq!(error.errcode.as_deref(), Some("M_GUEST_ACCESS_FORBIDDEN"));
/// assert_eq!(error.status, 403);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The Matrix error code, if the body had one.
    pub errcode: Option<String>,
    /// The text beside it, cut at 256 characters.
    pub error: Option<String>,
    /// How long the homeserver asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Reads a homeserver's answer. `retry_after` is the `Retry-After` header, which counts before `retry_after_ms` in the
/// body, whatever the status (rule C5).
///
/// A ttl that is missing, no number, zero or negative is taken as 600 s, and none is believed beyond 30 days.
///
/// ```
/// use std::time::Duration;
/// use widget_turn_proto::{Fetched, read_response};
///
/// let body = br#"{"username":"u","password":"p","uris":"turn:turn.example.com","ttl":3600.0}"#;
/// let Fetched::Credentials { server, ttl } = read_response(200, None, body) else { panic!() };
/// assert_eq!(server.uris(), ["turn:turn.example.com"]);
/// assert_eq!(ttl, Duration::from_secs(3600));
/// ```
pub fn read_response(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Fetched {
    let json = if body.len() > MAX_RESPONSE {
        None
    } else {
        serde_json::from_slice::<Value>(body).ok()
    };
    if let (200..=299, Some(Value::Object(object))) = (status, &json) {
        return read_credentials(object);
    }
    let error = api_error(status, retry_after, json.as_ref());
    match (status, error.errcode.as_deref()) {
        (401, _) => Fetched::Unauthorized(error),
        (403, _) => Fetched::Forbidden(error),
        // M_UNRECOGNIZED is a homeserver without the endpoint; a 404 without a code may be a proxy's.
        (404, Some("M_NOT_FOUND" | "M_UNRECOGNIZED")) => Fetched::NoTurn(NoTurn::NotFound),
        _ => Fetched::Failed(Failure {
            retry_after: error.retry_after,
            response: Some(error),
        }),
    }
}

fn read_credentials(object: &Map<String, Value>) -> Fetched {
    if object.is_empty() {
        return Fetched::NoTurn(NoTurn::EmptyObject);
    }
    match read_server(object) {
        Ok(server) => Fetched::Credentials {
            server,
            ttl: object.get("ttl").and_then(lifetime).unwrap_or(TTL_UNKNOWN),
        },
        Err(reason) => Fetched::NoTurn(reason),
    }
}

/// The servers and credentials as homeservers write them, and as MSC3846's update has them from there.
pub(crate) fn read_server(object: &Map<String, Value>) -> Result<TurnServer, NoTurn> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let uris: Vec<String> = match object.get("uris") {
        Some(Value::String(uri)) => vec![uri.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|uri| uri.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    TurnServer::new(uris, text("username"), Secret::new(text("password")))
}

fn lifetime(ttl: &Value) -> Option<Duration> {
    let seconds = match ttl {
        Value::Number(number) => number.as_f64()?,
        Value::String(digits) => digits.trim().parse().ok()?,
        _ => return None,
    };
    // `parse` reads "NaN" and "inf" too, and `min` would take them for the longest lifetime.
    if !seconds.is_finite() {
        return None;
    }
    let ttl = Duration::try_from_secs_f64(seconds.min(TTL_MAX.as_secs_f64())).ok()?;
    (!ttl.is_zero()).then_some(ttl)
}

fn api_error(status: u16, retry_after: Option<Duration>, json: Option<&Value>) -> ApiError {
    let text = |key: &str| {
        let text = json?.get(key)?.as_str()?;
        Some(text.chars().take(MAX_ERROR_TEXT).collect())
    };
    let in_body = || {
        let milliseconds = json?.get("retry_after_ms")?.as_f64()?;
        // The conversion refuses what does not fit into a `Duration`.
        let seconds = (milliseconds / 1000.0).clamp(0.0, RETRY_AFTER_MAX.as_secs_f64());
        Duration::try_from_secs_f64(seconds).ok()
    };
    ApiError {
        status,
        errcode: text("errcode"),
        error: text("error"),
        retry_after: retry_after
            .or_else(in_body)
            .map(|wait| wait.min(RETRY_AFTER_MAX)),
    }
}
