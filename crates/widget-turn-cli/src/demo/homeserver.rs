//! A homeserver with one endpoint: `GET /_matrix/client/v3/voip/turnServer` for one user, answered as Synapse does.

use std::convert::Infallible;
use std::fmt;
use std::future::IntoFuture as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::credentials::{SharedSecret, UnixClock};

/// What the endpoint answers, and to whom.
pub(crate) struct HomeserverConfig {
    /// The only access token that is accepted.
    pub(crate) access_token: Zeroizing<String>,
    /// Whose token it is; becomes part of the user names that are minted.
    pub(crate) user_id: String,
    /// The TURN URIs to hand out, as they are.
    pub(crate) turn_uris: Vec<String>,
    /// Shared with the TURN server that the URIs lead to.
    pub(crate) secret: SharedSecret,
    /// How long minted credentials last, in seconds.
    pub(crate) ttl: u64,
    /// The clock that expiries are counted from.
    pub(crate) clock: UnixClock,
}

impl fmt::Debug for HomeserverConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeserverConfig")
            .field("user_id", &self.user_id)
            .field("turn_uris", &self.turn_uris)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// Serves the endpoint until the future is dropped. Connections that are open then end with the runtime.
///
/// # Errors
///
/// Those of the listener.
pub(crate) async fn serve(listener: TcpListener, config: HomeserverConfig) -> std::io::Result<()> {
    axum::serve(listener, router(config)).into_future().await
}

fn router(config: HomeserverConfig) -> Router {
    Router::new()
        .route("/_matrix/client/v3/voip/turnServer", get(turn_server))
        .fallback(|| async { answer(StatusCode::NOT_FOUND, UNRECOGNIZED) })
        .method_not_allowed_fallback(|| async {
            answer(StatusCode::METHOD_NOT_ALLOWED, UNRECOGNIZED)
        })
        .with_state(Arc::new(config))
}

async fn turn_server(
    State(config): State<Arc<HomeserverConfig>>,
    AccessToken(token): AccessToken,
) -> Response {
    let Some(token) = token else {
        return answer(StatusCode::UNAUTHORIZED, MISSING_TOKEN);
    };
    if !same_in_constant_time(token.as_bytes(), config.access_token.as_bytes()) {
        return answer(StatusCode::UNAUTHORIZED, UNKNOWN_TOKEN);
    }
    let expiry = (config.clock)().saturating_add(config.ttl);
    let minted = config.secret.mint(expiry, &config.user_id);
    let body = json!({
        "username": minted.username,
        "password": *minted.password,
        "ttl": config.ttl,
        "uris": config.turn_uris,
    });
    answer(StatusCode::OK, body.to_string())
}

/// The token of `Authorization: Bearer …`, where there is one.
struct AccessToken(Option<Zeroizing<String>>);

impl<S: Sync> FromRequestParts<S> for AccessToken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| Zeroizing::new(token.trim().to_owned()));
        Ok(Self(token))
    }
}

/// Compares without telling by the time it takes where the first difference is.
fn same_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (one, other)| {
        std::hint::black_box(difference | (one ^ other))
    });
    one.len() == other.len() && difference == 0
}

const MISSING_TOKEN: &str = r#"{"errcode":"M_MISSING_TOKEN","error":"Missing access token"}"#;
const UNKNOWN_TOKEN: &str =
    r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed.","soft_logout":false}"#;
const UNRECOGNIZED: &str = r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#;

fn answer(status: StatusCode, json: impl Into<Body>) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "application/json"),
    ];
    (status, headers, json.into()).into_response()
}

#[cfg(test)]
mod tests;
