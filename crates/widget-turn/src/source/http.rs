//! Credentials from a homeserver, over HTTP with an access token.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use url::{Host, Url};
use widget_turn_proto::{Failure, Fetched, MAX_RESPONSE, Secret, read_response};

use super::{TurnSource, read_retry_after};

/// Appended to the homeserver's URL.
const PATH: &str = "/_matrix/client/v3/voip/turnServer";
/// A host that is there answers a connection within a round trip. Five seconds are enough for a lost packet or two, and
/// leave as long for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first step to the last byte, name look-up and proxies included. Peers give a watch up after 10 s: an answer
/// that comes later helps the next one, and the next one asks anyway.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks a homeserver: `GET /_matrix/client/v3/voip/turnServer` with an access token.
///
/// One fetch is one request, which takes 10 s at most and reads 64 KiB at most. Redirects are not followed, so that the
/// token goes to no other host. The system's proxy settings are kept, except for a homeserver on loopback, which no proxy
/// can reach.
///
/// A clone shares the access token: keep one to hand in a new token.
///
/// ```
/// use widget_turn::{HttpTurnSource, Secret};
///
/// let source = HttpTurnSource::new("https://matrix.example.com".parse()?, Secret::new("syt_canary"))?;
/// assert!(!format!("{source:?}").contains("syt_canary"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpTurnSource {
    client: Client,
    endpoint: Url,
    access_token: Arc<Mutex<Secret>>,
}

/// Why there is no [`HttpTurnSource`] for a homeserver or an access token.
///
/// ```
/// use widget_turn::{HttpTurnSource, HttpTurnSourceError, Secret};
///
/// let error = HttpTurnSource::new("ftp://example.com".parse()?, Secret::new("t")).unwrap_err();
/// assert!(matches!(error, HttpTurnSourceError::Scheme(_)));
/// assert_eq!(error.to_string(), "the homeserver's URL starts with `ftp:`: expected `https:` or `http:`");
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpTurnSourceError {
    /// The URL is neither `https:` nor `http:`.
    #[error("the homeserver's URL starts with `{0}:`: expected `https:` or `http:`")]
    Scheme(String),
    /// The URL has a user name or a password, which would end up in logs.
    #[error(
        "the homeserver's URL holds a user name or password: expected none, as in `https://matrix.example.com`"
    )]
    Userinfo,
    /// The URL has a `?query` or a `#fragment`.
    #[error(
        "the homeserver's URL has a `?` or `#` part: expected none, as in `https://matrix.example.com`"
    )]
    Query,
    /// The access token cannot be sent in a header.
    #[error(
        "the access token is empty or holds a blank, a line break or a character beyond ASCII: expected it as the \
         homeserver gave it out"
    )]
    AccessToken,
    /// There is no HTTP client to be had, as when the system has no root certificates.
    #[error("cannot set up HTTPS: {}", chain(.0.as_ref()))]
    Client(Box<dyn Error + Send + Sync>),
}

impl HttpTurnSource {
    /// A source that asks `homeserver` for the account that `access_token` belongs to.
    ///
    /// `homeserver` is the base URL of the client-server API, as the account's `.well-known` gives it. It may have a path.
    /// By `http:` the token and the password go over the network in clear: keep that to loopback and tests.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL or the token. No error shows either.
    ///
    /// ```
    /// use widget_turn::{HttpTurnSource, Secret};
    ///
    /// let with = |url: &str| HttpTurnSource::new(url.parse().unwrap(), Secret::new("syt_canary"));
    /// assert!(with("https://example.com/matrix/").is_ok());
    /// assert!(with("https://alice:hunter2@example.com").is_err());
    /// ```
    pub fn new(homeserver: Url, access_token: Secret) -> Result<Self, HttpTurnSourceError> {
        let endpoint = endpoint(homeserver)?;
        check_token(&access_token)?;
        Ok(Self {
            client: client(&endpoint)?,
            endpoint,
            access_token: Arc::new(Mutex::new(access_token)),
        })
    }

    /// Takes a refreshed access token, for this source and its clones, from the next fetch on.
    ///
    /// # Errors
    ///
    /// The token cannot be sent in a header. The one before stays.
    ///
    /// ```
    /// use widget_turn::{HttpTurnSource, Secret};
    ///
    /// let source = HttpTurnSource::new("https://example.com".parse()?, Secret::new("mct_1"))?;
    /// source.set_access_token(Secret::new("mct_2"))?;
    /// assert!(source.set_access_token(Secret::new("mct_3\n")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_access_token(&self, access_token: Secret) -> Result<(), HttpTurnSourceError> {
        check_token(&access_token)?;
        *self
            .access_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = access_token;
        Ok(())
    }

    fn authorization(&self) -> HeaderValue {
        let token = self
            .access_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let mut value = HeaderValue::from_str(bearer.expose()).expect("`check_token` saw to that");
        value.set_sensitive(true);
        value
    }
}

impl TurnSource for HttpTurnSource {
    async fn fetch(&self) -> Fetched {
        let started = Instant::now();
        let deadline = started + REQUEST_TIMEOUT;
        let request = self
            .client
            .get(self.endpoint.clone())
            .header(AUTHORIZATION, self.authorization());
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let error = error.without_url();
                debug!(elapsed = ?started.elapsed(), error = chain(&error), "no answer from the homeserver");
                return Fetched::Failed(Failure::default());
            }
            Err(_) => {
                debug!(elapsed = ?started.elapsed(), "no answer from the homeserver in time");
                return Fetched::Failed(Failure::default());
            }
        };
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = read_body(response, deadline).await;
        debug!(status, elapsed = ?started.elapsed(), whole = body.is_some(), "the homeserver answered");
        // Half a body says nothing, but the status and the header still count.
        read_response(status, retry_after, &body.unwrap_or_default())
    }
}

impl fmt::Debug for HttpTurnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTurnSource")
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

fn endpoint(mut homeserver: Url) -> Result<Url, HttpTurnSourceError> {
    if !matches!(homeserver.scheme(), "https" | "http") {
        return Err(HttpTurnSourceError::Scheme(homeserver.scheme().to_owned()));
    }
    if !homeserver.username().is_empty() || homeserver.password().is_some() {
        return Err(HttpTurnSourceError::Userinfo);
    }
    if homeserver.query().is_some() || homeserver.fragment().is_some() {
        return Err(HttpTurnSourceError::Query);
    }
    let path = format!("{}{PATH}", homeserver.path().trim_end_matches('/'));
    homeserver.set_path(&path);
    Ok(homeserver)
}

/// Blanks and control characters are out: a token read from a file often has a line break at its end.
fn check_token(token: &Secret) -> Result<(), HttpTurnSourceError> {
    let token = token.expose();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HttpTurnSourceError::AccessToken);
    }
    Ok(())
}

fn client(endpoint: &Url) -> Result<Client, HttpTurnSourceError> {
    let mut builder = Client::builder()
        .user_agent(concat!("widget-turn/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // Whatever other crates of the same program switch on in reqwest: the limit of a body is one of what came.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        // Fetches are the better part of an hour apart: a kept connection would be dead by then.
        .pool_max_idle_per_host(0);
    if is_loopback(endpoint) {
        builder = builder.no_proxy();
        if endpoint.scheme() == "http" {
            // No TLS can come up, so a system without root certificates will do.
            builder = builder.tls_certs_only([]);
        }
    }
    builder
        .build()
        .map_err(|error| HttpTurnSourceError::Client(error.without_url().into()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The body, up to a little beyond [`MAX_RESPONSE`], where `read_response` refuses it. `None` if it did not come whole.
async fn read_body(mut response: Response, deadline: Instant) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() <= MAX_RESPONSE {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => break,
            Ok(Err(_)) | Err(_) => return None,
        }
    }
    Some(body)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    read_retry_after(text(RETRY_AFTER)?, text(DATE), SystemTime::now())
}

/// An error with its causes: reqwest's own text alone does not say whether the name, the network or the certificate was
/// at fault.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
