//! Where an account's TURN credentials come from: the app, with its own HTTP client.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;
use widget_turn::{Failure, Fetched, Unavailable, read_response, read_retry_after};

use crate::callback_error::TurnCallbackError;
use crate::calls::Calls;
use crate::feed::Board;

/// How long the app has for one answer. Less than the feed's own patience, after which nobody would say why.
const FETCH_PATIENCE: Duration = Duration::from_secs(25);

/// The HTTP statuses that there are.
const STATUSES: RangeInclusive<u16> = 100..=599;

/// Where an account's TURN credentials come from. The app implements it.
#[uniffi::export(foreign)]
#[async_trait::async_trait]
pub trait TurnSource: Send + Sync {
    /// Asks the homeserver once: `GET /_matrix/client/v3/voip/turnServer` with the account's access token, and gives what
    /// it answered, whatever its status.
    ///
    /// What is thrown (no connection, no session) counts as something that may pass: it is tried again, later and later.
    /// When to try again is settled here, so turn the retries of the HTTP client off. After 25 s the call is cancelled, and
    /// counts as such too.
    async fn fetch(&self) -> Result<Arc<TurnServerResponse>, TurnCallbackError>;
}

/// A homeserver's answer to `GET /_matrix/client/v3/voip/turnServer`.
///
/// It is made from the raw answer, since real homeservers send much that is not in the specification. An app whose SDK
/// has made sense of it already, or that has a TURN server of its own, gives status 200 and the four fields as JSON:
/// `{"username":…,"password":…,"uris":[…],"ttl":seconds}`.
#[derive(Debug, uniffi::Object)]
pub struct TurnServerResponse {
    fetched: Fetched,
    /// What is wrong with it, in words for a person.
    problem: Option<String>,
}

#[uniffi::export]
impl TurnServerResponse {
    /// Reads the answer: its HTTP status, its body, and the headers `Retry-After` and `Date` as they came, if they came.
    ///
    /// Whatever is wrong with it counts as a fetch that failed, and `TurnFeedState.problem` says what.
    #[uniffi::constructor(default(retry_after = None, date = None))]
    pub fn new(
        status: u16,
        body: Vec<u8>,
        retry_after: Option<String>,
        date: Option<String>,
    ) -> Arc<Self> {
        let wait = retry_after
            .and_then(|text| read_retry_after(&text, date.as_deref(), SystemTime::now()));
        let fetched = if STATUSES.contains(&status) {
            read_response(status, wait, &body)
        } else {
            Fetched::Failed(Failure::default())
        };
        let problem = problem(status, &fetched);
        Arc::new(Self { fetched, problem })
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
        let answer = timeout(FETCH_PATIENCE, self.source.fetch());
        let unanswered = |why| (Fetched::Failed(Failure::default()), Some(why));
        let (fetched, problem) = match self.calls.run(answer).await {
            Some(Ok(Ok(response))) => (response.fetched.clone(), response.problem.clone()),
            Some(Ok(Err(error))) => unanswered(match error.reason() {
                why if why.is_empty() => {
                    "the homeserver could not be asked; the app does not say why".to_owned()
                }
                why => format!("the homeserver could not be asked: {why}"),
            }),
            Some(Err(_)) => unanswered(format!("no answer for {} s", FETCH_PATIENCE.as_secs())),
            // The feed ends, and with it the question.
            None => std::future::pending().await,
        };
        self.board.change(|state| state.problem = problem);
        fetched
    }
}

/// What is wrong with the answer, in words for a person; `None` for credentials.
fn problem(status: u16, fetched: &Fetched) -> Option<String> {
    Some(match fetched {
        Fetched::Credentials { .. } => return None,
        Fetched::NoTurn(reason) => reason.to_string(),
        Fetched::Forbidden(error) => Unavailable::Forbidden(error.clone()).to_string(),
        Fetched::Unauthorized(error) => Unavailable::Unauthorized(error.clone()).to_string(),
        Fetched::Failed(failure) => {
            let errcode = failure
                .response
                .as_ref()
                .and_then(|error| error.errcode.as_deref())
                .unwrap_or("without an error code");
            let mut text = match status {
                200..=299 => format!(
                    "the homeserver answered {status}, but with no JSON object of at most 64 KiB (a login page, or \
                     another server?)"
                ),
                _ if STATUSES.contains(&status) => {
                    format!("the homeserver answered {status} {errcode}")
                }
                _ => format!(
                    "the app gave {status} as the HTTP status of the answer: expected one from {} to {}",
                    STATUSES.start(),
                    STATUSES.end()
                ),
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
    use widget_turn::FeedConfig;

    use super::*;
    use crate::feed::TurnFeedState;

    fn said(status: u16, body: &str, retry_after: Option<&str>) -> Option<String> {
        let response = TurnServerResponse::new(
            status,
            body.as_bytes().to_vec(),
            retry_after.map(str::to_owned),
            None,
        );
        response.problem.clone()
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
        let login = said(200, "<html>Welcome</html>", None).unwrap();
        assert!(login.contains("no JSON object"), "{login}");
        let forbidden = said(403, r#"{"errcode":"M_FORBIDDEN"}"#, None).unwrap();
        assert!(forbidden.contains("403 M_FORBIDDEN"), "{forbidden}");
        let unauthorized = said(401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#, None).unwrap();
        assert!(
            unauthorized.contains("401 M_UNKNOWN_TOKEN"),
            "{unauthorized}"
        );
    }

    #[test]
    fn a_status_that_is_none_is_a_failed_fetch_with_its_cause() {
        let good = r#"{"username":"u","password":"hush","uris":["turn:t.example.org"],"ttl":3600}"#;
        for status in [0, 1, 99, 600, 700, 1000, u16::MAX] {
            let response = TurnServerResponse::new(status, good.as_bytes().to_vec(), None, None);
            assert_eq!(response.fetched, Fetched::Failed(Failure::default()));
            assert_eq!(
                response.problem.clone().unwrap(),
                format!(
                    "the app gave {status} as the HTTP status of the answer: expected one from 100 to 599"
                )
            );
        }
        assert_eq!(
            said(599, "", None).unwrap(),
            "the homeserver answered 599 without an error code"
        );
    }

    /// Throws what it is given; without anything, never comes back.
    struct Unplugged(Option<&'static str>);

    #[async_trait::async_trait]
    impl TurnSource for Unplugged {
        async fn fetch(&self) -> Result<Arc<TurnServerResponse>, TurnCallbackError> {
            match self.0 {
                Some(reason) => Err(TurnCallbackError::Failed {
                    reason: reason.to_owned(),
                }),
                None => std::future::pending().await,
            }
        }
    }

    /// The first problem that a feed shows of its source.
    async fn shown(source: Unplugged) -> String {
        let board = Board::new();
        let source = ForeignSource {
            source: Arc::new(source),
            calls: Calls::new(),
            board: board.clone(),
        };
        let feed = widget_turn::TurnFeed::new(source, FeedConfig::default());
        let _watch = feed.watch();
        let mut states = board.read();
        let problem = |state: &Option<TurnFeedState>| state.clone()?.problem;
        let state = timeout(
            Duration::from_secs(40),
            states.wait_for(|state| problem(state).is_some()),
        );
        let state = state.await.expect("it comes").unwrap().clone();
        problem(&state).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_homeserver_that_does_not_answer_is_a_problem() {
        assert_eq!(shown(Unplugged(None)).await, "no answer for 25 s");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_app_throws_is_a_problem_in_words() {
        assert_eq!(
            shown(Unplugged(Some("connection refused"))).await,
            "the homeserver could not be asked: connection refused"
        );
        assert_eq!(
            shown(Unplugged(Some(" \n"))).await,
            "the homeserver could not be asked; the app does not say why"
        );
        assert_eq!(
            shown(Unplugged(Some("Error Domain\n  Code=-1004\n"))).await,
            "the homeserver could not be asked: Error Domain Code=-1004"
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
            response.problem.clone().unwrap(),
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
