//! Where an account's TURN credentials come from: the app, with its own HTTP client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use widget_turn::{Failure, Fetched, Unavailable, read_response, read_retry_after};

use crate::callback_error::TurnCallbackError;
use crate::calls::Calls;
use crate::feed::Board;

/// Where an account's TURN credentials come from. The app implements it.
#[uniffi::export(foreign)]
#[async_trait::async_trait]
pub trait TurnSource: Send + Sync {
    /// Asks the homeserver once: `GET /_matrix/client/v3/voip/turnServer` with the account's access token, and gives what
    /// it answered, whatever its status.
    ///
    /// What is thrown (no connection, no session) counts as something that may pass: it is tried again, later and later.
    /// When to try again is settled here, so turn the retries of the HTTP client off. After 30 s the call is cancelled.
    async fn fetch(&self) -> Result<Arc<TurnServerResponse>, TurnCallbackError>;
}

/// A homeserver's answer to `GET /_matrix/client/v3/voip/turnServer`.
///
/// It is made from the raw answer, since real homeservers send much that is not in the specification. An app whose SDK
/// has made sense of it already, or that has a TURN server of its own, gives status 200 and the four fields as JSON:
/// `{"username":…,"password":…,"uris":[…],"ttl":seconds}`.
#[derive(Debug, uniffi::Object)]
pub struct TurnServerResponse(Fetched);

#[uniffi::export]
impl TurnServerResponse {
    /// Reads the answer: its HTTP status, its body, and the headers `Retry-After` and `Date` as they came, if they came.
    #[uniffi::constructor(default(retry_after = None, date = None))]
    pub fn new(
        status: u16,
        body: Vec<u8>,
        retry_after: Option<String>,
        date: Option<String>,
    ) -> Arc<Self> {
        let wait = retry_after
            .and_then(|text| read_retry_after(&text, date.as_deref(), SystemTime::now()));
        Arc::new(Self(read_response(status, wait, &body)))
    }
}

/// The app's source, as the feed wants one.
pub(crate) struct ForeignSource {
    pub(crate) source: Arc<dyn TurnSource>,
    pub(crate) calls: Calls,
    pub(crate) board: Board,
}

impl widget_turn::TurnSource for ForeignSource {
    async fn fetch(&self) -> Fetched {
        let (fetched, problem) = match self.calls.run(self.source.fetch()).await {
            Some(Ok(response)) => (response.0.clone(), problem(&response.0)),
            Some(Err(error)) => (Fetched::Failed(Failure::default()), Some(error.reason())),
            // The feed ends, and with it the question.
            None => std::future::pending().await,
        };
        self.board.change(|state| state.problem = problem);
        fetched
    }
}

/// What is wrong with the answer, in words for a person; `None` for credentials.
fn problem(fetched: &Fetched) -> Option<String> {
    Some(match fetched {
        Fetched::Credentials { .. } => return None,
        Fetched::NoTurn(reason) => reason.to_string(),
        Fetched::Forbidden(error) => Unavailable::Forbidden(error.clone()).to_string(),
        Fetched::Unauthorized(error) => Unavailable::Unauthorized(error.clone()).to_string(),
        Fetched::Failed(failure) => {
            let mut text = match &failure.response {
                Some(error) => format!(
                    "the homeserver answered {} {}",
                    error.status,
                    error.errcode.as_deref().unwrap_or("without an error code"),
                ),
                None => "the homeserver's answer made no sense".to_owned(),
            };
            if let Some(wait) = failure.retry_after.filter(|wait| *wait > Duration::ZERO) {
                text += &format!(" and asks to wait for {} s", wait.as_secs_f64().ceil());
            }
            text
        }
        _ => "the homeserver's answer is of an unknown kind".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str, retry_after: Option<&str>) -> Option<String> {
        let response = TurnServerResponse::new(
            status,
            body.as_bytes().to_vec(),
            retry_after.map(str::to_owned),
            None,
        );
        problem(&response.0)
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let good = r#"{"username":"u","password":"hush","uris":["turn:t.example.org"],"ttl":3600}"#;
        assert_eq!(said(200, good, None), None);
        assert_eq!(
            said(200, "{}", None).unwrap(),
            "the homeserver answered with an empty object"
        );
        assert_eq!(
            said(429, r#"{"errcode":"M_LIMIT_EXCEEDED"}"#, Some("7")).unwrap(),
            "the homeserver answered 429 M_LIMIT_EXCEEDED and asks to wait for 7 s"
        );
        assert_eq!(
            said(502, "<html>", None).unwrap(),
            "the homeserver answered 502 without an error code"
        );
        let forbidden = said(403, r#"{"errcode":"M_FORBIDDEN"}"#, None).unwrap();
        assert!(forbidden.contains("403 M_FORBIDDEN"), "{forbidden}");
        let unauthorized = said(401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, None).unwrap();
        assert!(
            unauthorized.contains("401 M_UNKNOWN_TOKEN"),
            "{unauthorized}"
        );
    }

    #[test]
    fn a_response_does_not_show_the_password() {
        let body =
            br#"{"username":"u","password":"hush","uris":["turn:t.example.org"],"ttl":3600}"#;
        let response = TurnServerResponse::new(200, body.to_vec(), None, None);
        assert!(!format!("{response:?}").contains("hush"));
    }

    #[test]
    fn a_date_in_retry_after_is_by_the_homeservers_clock() {
        let response = TurnServerResponse::new(
            503,
            Vec::new(),
            Some("Tue, 24 Nov 2026 18:00:30 GMT".to_owned()),
            Some("Tue, 24 Nov 2026 18:00:00 GMT".to_owned()),
        );
        assert_eq!(
            problem(&response.0).unwrap(),
            "the homeserver answered 503 without an error code and asks to wait for 30 s"
        );
    }

    #[test]
    fn the_errors_of_the_app_are_shown_to_the_app_alone() {
        let error = TurnCallbackError::Failed {
            reason: "GET /?access_token=hush".to_owned(),
        };
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}
