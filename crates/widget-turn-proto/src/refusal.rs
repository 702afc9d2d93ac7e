//! Every error text that a widget can get from us, and the shape it comes in (rule W4).

use serde_json::{Map, Value, json};

use crate::response::{ApiError, PATH};
use crate::turn_server::NoTurn;

/// Why the layer says no. Each is final for the widgets that exist: they do not ask again (rule W3).
///
/// ```
/// use widget_turn_proto::{NoTurn, Unavailable};
///
/// let why = Unavailable::NoTurn(NoTurn::EmptyObject);
/// assert_eq!(why.to_string(), "TURN servers not available: the homeserver answered with an empty object");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// The homeserver has no TURN servers.
    NoTurn(NoTurn),
    /// 403: the homeserver refuses TURN to this account.
    Forbidden(ApiError),
    /// 401: the account's access token is no longer good.
    Unauthorized(ApiError),
    /// The account was signed out on this side.
    SignedOut,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TURN servers not available: ")?;
        match self {
            Self::NoTurn(reason) => reason.fmt(f),
            Self::Forbidden(error) => write!(f, "the homeserver refuses them ({})", said(error)),
            Self::Unauthorized(error) => write!(f, "the session has ended ({})", said(error)),
            Self::SignedOut => f.write_str("signed out"),
        }
    }
}

fn said(error: &ApiError) -> String {
    match &error.errcode {
        Some(errcode) => format!("{} {errcode}", error.status),
        None => error.status.to_string(),
    }
}

/// The words of the other published hosts, which widgets may look for.
pub(crate) const MISSING_CAPABILITY: &str = "Missing capability";

/// An error reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal<'a> {
    MissingCapability,
    Unavailable(&'a Unavailable),
    TooLarge,
    UnknownAction(&'a str),
}

impl Refusal<'_> {
    /// The `response` object, as JSON text.
    pub(crate) fn response(self) -> String {
        let (message, answered) = match self {
            Self::MissingCapability => (MISSING_CAPABILITY.to_owned(), None),
            Self::Unavailable(why) => (
                why.to_string(),
                match why {
                    Unavailable::Forbidden(error) | Unavailable::Unauthorized(error) => Some(error),
                    Unavailable::NoTurn(_) | Unavailable::SignedOut => None,
                },
            ),
            Self::TooLarge => (
                "Message too large: expected at most 65536 bytes".to_owned(),
                None,
            ),
            Self::UnknownAction(action) => {
                let shown: String = action.chars().take(64).collect();
                (
                    format!("Unknown or unsupported from-widget action: {shown}"),
                    None,
                )
            }
        };
        let mut error = Map::new();
        error.insert("message".to_owned(), message.into());
        if let Some(answered) = answered {
            error.insert("matrix_api_error".to_owned(), matrix_api_error(answered));
        }
        json!({ "error": error }).to_string()
    }
}

fn matrix_api_error(error: &ApiError) -> Value {
    let mut headers = Map::new();
    if let Some(wait) = error.retry_after {
        headers.insert(
            "retry-after".to_owned(),
            wait.as_secs_f64().ceil().to_string().into(),
        );
    }
    json!({
        "http_status": error.status,
        "http_headers": headers,
        "url": PATH,
        "response": {
            "errcode": error.errcode.as_deref().unwrap_or("M_UNKNOWN"),
            "error": error.error.as_deref().unwrap_or_default(),
        },
    })
}
