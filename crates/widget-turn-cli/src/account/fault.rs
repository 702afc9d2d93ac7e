//! What can go wrong with an account, in sentences that say what to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use matrix_sdk::ruma::api::error::{ErrorBody, ErrorKind, RetryAfter};
use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId};
use matrix_sdk::{HttpError, RefreshTokenError};
use url::Url;

use crate::secrets::Secrets;
use crate::terminal::escaped;

/// Why there is no account to act for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("no home folder is known: say where sessions are kept by `--data DIR`")]
    NoHome,
    #[error("no session is kept: say which account by `--user @name:server`")]
    NoAccount,
    #[error("sessions of several accounts are kept: say which by `--user`: {}", list(.0))]
    WhichAccount(Vec<OwnedUserId>),
    #[error("say by `--homeserver` whose token it is")]
    WhichHomeserver,
    #[error("{0} is no Matrix user: expected --user @name:server, such as @alice:example.org")]
    UserId(String),
    #[error("no session of {0} is kept")]
    NotKept(OwnedUserId),
    #[error(
        "{0} is no homeserver: expected a server name, such as example.org, or the URL of its client-server API"
    )]
    HomeserverName(String),
    #[error(
        "{0} is not asked without TLS, for passwords and tokens would go there in the clear: give its https: URL \
         (http: is for loopback only)"
    )]
    PlainHttp(String),
    #[error(
        "{url} is of no use: {why}. Ask who runs the server to correct it, or give the URL of the client-server API by \
         --homeserver"
    )]
    WellKnown { url: String, why: String },
    #[error("cannot read {path}: {source}")]
    CredentialFile { path: PathBuf, source: io::Error },
    #[error("{path} is empty: expected {expected}")]
    EmptyCredential {
        path: PathBuf,
        expected: &'static str,
    },
    #[error(
        "the access token is empty, or holds a blank or a character beyond ASCII: expected it as the homeserver gave it out"
    )]
    Token,
    #[error(
        "there is no terminal to ask for the password of {0}: give it by --password-file, or an access token by \
         --token-file"
    )]
    NoTerminal(OwnedUserId),
    #[error("no password was read: {0}")]
    Prompt(io::Error),
    #[error("the homeserver refuses this password of {user}: {said}")]
    WrongPassword { user: OwnedUserId, said: String },
    #[error(
        "the homeserver does not take passwords, and --password-file was given: leave it away to log in on its web page, \
         or give an access token by --token-file"
    )]
    NoPasswords,
    #[error(
        "the homeserver has no way to log in that this program knows (it offers {0}): give an access token by --token-file"
    )]
    NoWayIn(String),
    #[error("the log-in on the homeserver's web page came to nothing: {0}")]
    Sso(String),
    #[error("too many log-ins: the homeserver wants a pause of {} s, try again after it", .0.as_secs_f64().ceil())]
    LimitedFor(Duration),
    #[error("too many log-ins: the homeserver wants a pause, try again in some minutes")]
    Limited,
    #[error("{user} cannot log in: {said}")]
    Refused { user: OwnedUserId, said: String },
    #[error("the homeserver does not know this access token: log in anew, or give another one")]
    UnknownToken,
    #[error(
        "the access token belongs to no device, as those of application services do: expected one that comes from a log-in"
    )]
    NoDevice,
    #[error(
        "this is an account of {found}, not of {wanted}: give `--user {found}`, or log in to the other"
    )]
    OtherUser {
        wanted: OwnedUserId,
        found: OwnedUserId,
    },
    #[error(
        "the token is of the device {given} of {user}, and the session that is kept of {kept}: give another folder by \
         --data, or forget the session by `widget-turn logout --user {user}`"
    )]
    OtherDevice {
        user: OwnedUserId,
        kept: OwnedDeviceId,
        given: OwnedDeviceId,
    },
    #[error(
        "another program encrypts for the device {device} of {user}: used here too, neither could read what others send it. \
         Give a token that nothing else uses, or log in by password; a session that was kept is forgotten by \
         `widget-turn logout --user {user}`"
    )]
    OthersKeys {
        user: OwnedUserId,
        device: OwnedDeviceId,
    },
    #[error(
        "the session of {user} that is kept is with {kept}, not with {named}: leave --homeserver away, give another folder \
         by --data, or forget the session by `widget-turn logout --user {user}`"
    )]
    OtherHomeserver {
        user: OwnedUserId,
        kept: String,
        named: String,
    },
    #[error(
        "{0} is no longer logged in: the homeserver does not know the session any more (M_UNKNOWN_TOKEN). Forget it by \
         `widget-turn logout --user {0}` and log in anew"
    )]
    SessionOver(OwnedUserId),
    #[error(
        "another widget-turn uses the session of {0}: end that one, or log in a second time with another folder by --data"
    )]
    InUse(OwnedUserId),
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "{path} holds no session ({why}): expected it as this program wrote it. `widget-turn logout` forgets it"
    )]
    Broken { path: PathBuf, why: String },
    #[error("the store in {path} cannot be opened: {why}. `widget-turn logout` wipes it")]
    Store { path: PathBuf, why: String },
    #[error("cannot speak HTTP: {0}")]
    NoClient(String),
    #[error("the operating system has no randomness to give: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why a homeserver's answer is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(
        "{url} cannot be reached: {why}. Look whether the address is right and the homeserver runs"
    )]
    Unreachable { url: String, why: String },
    #[error(
        "the certificate of {url} is not accepted: {why}. Look whether the address is right; SSL_CERT_FILE names the \
         roots of an authority of your own"
    )]
    Certificate { url: String, why: String },
    #[error(
        "{url} answers, but is no Matrix homeserver (status {status}): give its server name, or the URL of its \
         client-server API"
    )]
    NotAHomeserver { url: String, status: u16 },
    #[error("{url} refuses: {said}")]
    Refused { url: String, said: String },
}

impl AccountError {
    /// Without secrets in the homeserver's words.
    pub(super) fn without(mut self, secrets: &Secrets) -> Self {
        if let Self::WrongPassword { said, .. }
        | Self::Refused { said, .. }
        | Self::NoWayIn(said)
        | Self::Fault(Fault::Refused { said, .. }) = &mut self
        {
            *said = secrets.mask(said);
        }
        self
    }
}

impl Fault {
    /// Of a request by the SDK.
    pub(crate) fn of(url: &Url, error: &HttpError) -> Self {
        match error {
            HttpError::Reqwest(error) => Self::of_network(url, error),
            HttpError::Cached(error) => Self::of(url, error),
            _ => Self::Refused {
                url: url.to_string(),
                said: said(error),
            },
        }
    }

    pub(super) fn of_network(url: &Url, error: &reqwest::Error) -> Self {
        let (url, why) = (url.to_string(), network(error));
        if why.contains("certificate") {
            Self::Certificate { url, why }
        } else {
            Self::Unreachable { url, why }
        }
    }
}

/// What is wrong on the way, without the URL, which is long and may tell more than it should.
pub(crate) fn network(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause = error.source();
    let mut why = "the connection broke".to_owned();
    // The innermost says what happened; those around it, only where in the program.
    while let Some(error) = cause {
        why = error.to_string();
        cause = error.source();
    }
    escaped(&why.chars().take(300).collect::<String>())
}

/// The homeserver's own words, or what is wrong with its answer.
pub(crate) fn said(error: &HttpError) -> String {
    match error {
        HttpError::Reqwest(error) => network(error),
        HttpError::Cached(error) => said(error),
        HttpError::RefreshToken(RefreshTokenError::MatrixAuth(error)) => said(error),
        HttpError::Api(_) => match error.as_client_api_error() {
            Some(error) => match &error.body {
                ErrorBody::Standard(body) => {
                    let words: String = body.message.chars().take(300).collect();
                    escaped(&format!("{words} ({})", body.kind.errcode()))
                }
                _ => format!("status {}", error.status_code.as_u16()),
            },
            None => "its answer is not what the Matrix specification says".to_owned(),
        },
        _ => chain(error),
    }
}

/// Whether the homeserver does not know the session any more, for good.
pub(crate) fn is_session_over(error: &HttpError) -> bool {
    if let Some(ErrorKind::UnknownToken(_) | ErrorKind::MissingToken) =
        error.client_api_error_kind()
    {
        return true;
    }
    match error {
        HttpError::RefreshToken(RefreshTokenError::RefreshTokenRequired) => true,
        HttpError::RefreshToken(RefreshTokenError::MatrixAuth(error)) => error
            .as_client_api_error()
            .is_some_and(|error| matches!(error.status_code.as_u16(), 401 | 403)),
        HttpError::Cached(error) => is_session_over(error),
        _ => false,
    }
}

/// For how long the homeserver wants to be left alone, if it limits how often it is asked.
pub(crate) fn limited(error: &HttpError) -> Option<Option<Duration>> {
    let Some(ErrorKind::LimitExceeded(limit)) = error.client_api_error_kind() else {
        let status = error.as_client_api_error()?.status_code;
        return (status.as_u16() == 429).then_some(None);
    };
    Some(limit.retry_after.as_ref().map(|after| match after {
        RetryAfter::Delay(delay) => *delay,
        RetryAfter::DateTime(date) => date.duration_since(SystemTime::now()).unwrap_or_default(),
    }))
}

/// An error with its causes, which say whether name, network or certificate was at fault.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Many repeat what is within them.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    escaped(&text.chars().take(300).collect::<String>())
}

fn list(users: &[OwnedUserId]) -> String {
    let users: Vec<_> = users.iter().map(|user| user.as_str()).collect();
    users.join(", ")
}
