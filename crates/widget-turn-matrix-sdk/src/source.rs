//! TURN credentials from a homeserver, by the session of a `matrix_sdk::Client`.

mod endpoint;

use std::fmt;
use std::time::Duration;

use matrix_sdk::authentication::oauth::OAuthError;
use matrix_sdk::authentication::oauth::error::RequestTokenError;
use matrix_sdk::config::RequestConfig;
use matrix_sdk::ruma::api::error::ErrorBody;
use matrix_sdk::{Client, HttpError, RefreshTokenError};
use tokio::time::timeout;
use widget_turn::{Failure, Fetched, TurnSource, read_response};

use endpoint::{Answer, Request, UNKNOWN_TOKEN};

/// One request. Peers give a watch up after 10 s: an answer that comes later helps the next one, and the next one asks
/// anyway.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Two requests, and the refresh of the token between them, which the SDK may try again for a quarter of an hour.
const FETCH_TIMEOUT: Duration = Duration::from_secs(25);

/// Asks the homeserver of a [`Client`] by the client's own session: `GET /_matrix/client/v3/voip/turnServer`.
///
/// Where the access token has expired and the client refreshes tokens (`handle_refresh_tokens`), it is refreshed and the
/// request made once more. Where it is not accepted for good, the client's
/// [`subscribe_to_session_changes`](Client::subscribe_to_session_changes) tells so, and this gives
/// [`Fetched::Unauthorized`]. The SDK's own retries are off: [`TurnFeed`](widget_turn::TurnFeed) settles when to ask again.
///
/// The whole body of the answer is read by the SDK before its length is looked at.
///
/// ```no_run
/// use widget_turn::{FeedConfig, TurnFeed};
/// use widget_turn_matrix_sdk::MatrixTurnSource;
///
/// # async fn example(client: matrix_sdk::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let feed = TurnFeed::new(MatrixTurnSource::new(client.clone()), FeedConfig::default());
/// // … one feed for all widgets of the account, and when the account is signed out:
/// client.logout().await?;
/// feed.sign_out();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MatrixTurnSource {
    client: Client,
}

impl MatrixTurnSource {
    /// A source for the account that `client` is logged in to, at the time of each fetch.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use matrix_sdk::Client;
    /// use widget_turn::{Fetched, TurnSource};
    /// use widget_turn_matrix_sdk::MatrixTurnSource;
    ///
    /// let client = Client::builder().homeserver_url("http://localhost").build().await?;
    /// let source = MatrixTurnSource::new(client);
    /// assert!(matches!(source.fetch().await, Fetched::Unauthorized(_)), "nobody is logged in");
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl TurnSource for MatrixTurnSource {
    async fn fetch(&self) -> Fetched {
        if self.client.session_tokens().is_none() {
            return unauthorized("M_MISSING_TOKEN", "nobody is logged in");
        }
        let config = RequestConfig::new()
            .disable_retry()
            .timeout(REQUEST_TIMEOUT);
        let request = self.client.send(Request).with_request_config(config);
        match timeout(FETCH_TIMEOUT, request).await {
            Ok(Ok(Answer(fetched))) => fetched,
            Ok(Err(error)) => read_error(&error),
            Err(_) => {
                tracing::debug!("no answer from the homeserver in time");
                Fetched::Failed(Failure::default())
            }
        }
    }
}

impl fmt::Debug for MatrixTurnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatrixTurnSource").finish_non_exhaustive()
    }
}

/// What is left as an error: nothing came, or the session is at its end.
fn read_error(error: &HttpError) -> Fetched {
    if let Some(error) = error.as_client_api_error() {
        let message = match &error.body {
            ErrorBody::Standard(body) => &*body.message,
            ErrorBody::Json(_) | ErrorBody::NotJson { .. } => "",
        };
        return unauthorized(UNKNOWN_TOKEN, message);
    }
    if let HttpError::RefreshToken(error) = error
        && is_refused(error)
    {
        return unauthorized(UNKNOWN_TOKEN, "the access token could not be refreshed");
    }
    Fetched::Failed(Failure::default())
}

/// Whether whoever refreshes tokens said no, rather than nothing.
fn is_refused(error: &RefreshTokenError) -> bool {
    match error {
        RefreshTokenError::RefreshTokenRequired => true,
        RefreshTokenError::MatrixAuth(error) => error
            .as_client_api_error()
            .is_some_and(|error| matches!(error.status_code.as_u16(), 401 | 403)),
        RefreshTokenError::OAuth(error) => matches!(
            **error,
            OAuthError::RefreshToken(RequestTokenError::ServerResponse(_))
        ),
    }
}

fn unauthorized(errcode: &str, error: &str) -> Fetched {
    let body = serde_json::json!({ "errcode": errcode, "error": error }).to_string();
    read_response(401, None, body.as_bytes())
}
