//! What an error reply to a watch means.

use std::time::Duration;

use serde_json::Value;

use super::WatchRefusal;
use crate::message::{MAX_OWNED, find};
use crate::refusal::{MISSING_CAPABILITY, Unavailable};
use crate::response::{Fetched, MAX_ERROR_TEXT, read_response};

/// Whether to ask again.
pub(super) enum Refused {
    /// Not before this has passed, if the homeserver said how long.
    Passing(Option<Duration>),
    Lasting(WatchRefusal),
}

/// The host's words, as far as they are worth a log line.
pub(super) fn words(reply: &str) -> String {
    let said = error(reply);
    let words = said["message"].as_str().unwrap_or_default();
    words.chars().take(MAX_ERROR_TEXT).collect()
}

/// Reads an error reply. Published hosts say "TURN servers not available" to a time-out and to a 403 alike: what does not
/// say that it lasts may pass.
pub(super) fn refused(reply: &str) -> Refused {
    let error = error(reply);
    if error["message"] == MISSING_CAPABILITY {
        return Refused::Lasting(WatchRefusal::NotGranted);
    }
    let answered = &error["matrix_api_error"];
    let status = answered["http_status"].as_u64();
    // No answer was a success, whatever the host writes.
    let Some(status @ 300..) = status.and_then(|status| u16::try_from(status).ok()) else {
        return Refused::Passing(None);
    };
    let body = answered["response"].to_string();
    match read_response(
        status,
        retry_after(&answered["http_headers"]),
        body.as_bytes(),
    ) {
        Fetched::Forbidden(error) => lasting(Unavailable::Forbidden(error)),
        Fetched::Unauthorized(error) => lasting(Unavailable::Unauthorized(error)),
        Fetched::NoTurn(reason) => lasting(Unavailable::NoTurn(reason)),
        Fetched::Failed(failure) => Refused::Passing(failure.retry_after),
        Fetched::Credentials { .. } => Refused::Passing(None),
    }
}

fn lasting(why: Unavailable) -> Refused {
    Refused::Lasting(WatchRefusal::Homeserver(why))
}

/// Seconds. A date would need a clock.
fn retry_after(headers: &Value) -> Option<Duration> {
    let headers = headers.as_object()?;
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let seconds = value.as_str()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What stands for an error in the reply; null where it is too long to be looked at.
fn error(reply: &str) -> Value {
    find(reply, &["response", "error"])
        .filter(|error| error.len() <= MAX_OWNED)
        .and_then(|error| serde_json::from_str(&reply[error]).ok())
        .unwrap_or_default()
}
