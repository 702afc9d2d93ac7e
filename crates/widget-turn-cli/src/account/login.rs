//! How a session begins.

use matrix_sdk::authentication::matrix::MatrixSession;
use matrix_sdk::ruma::api::client::session::get_login_types::v3::{self as ways, LoginType};
use matrix_sdk::ruma::api::client::session::login::v3::{self as login, LoginInfo};
use matrix_sdk::ruma::api::client::session::logout;
use matrix_sdk::ruma::api::client::uiaa::{MatrixUserIdentifier, UserIdentifier};
use matrix_sdk::ruma::api::error::ErrorKind;
use matrix_sdk::ruma::{OwnedUserId, UserId};
use matrix_sdk::store::RoomLoadSettings;
use matrix_sdk::utils::local_server::{LocalServerBuilder, LocalServerResponse};
use matrix_sdk::{Client, HttpError, SessionMeta};
use serde_json::Value;
use url::Url;
use widget_turn::Secret;

use super::credential::Credential;
use super::fault::{AccountError, Fault, is_session_over, limited, said};
use super::homeserver::{at, get, http_client};
use super::stranger;
use crate::browser;
use crate::secrets::Secrets;
use crate::terminal::{self, Progress};

/// What other devices of the account show.
const DEVICE_NAME: &str = "widget-turn";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

/// All that a log-in takes.
pub(super) struct Ready {
    client: Client,
    base_url: Url,
    user: OwnedUserId,
    info: LoginInfo,
}

/// For a log-in by password, or on the homeserver's web page where it takes none. Asks the person for what is missing.
pub(super) async fn prepare(
    base_url: &Url,
    user: &UserId,
    credential: Option<Credential>,
    browser: bool,
    progress: &Progress,
    secrets: &Secrets,
) -> Result<Ready, AccountError> {
    let client = stranger(base_url).await?;
    progress.show(user.as_str(), "logging in");
    let ways = client.send(ways::Request::new()).await;
    let ways = ways.map_err(|error| refused(base_url, user, &error))?.flows;
    let takes_passwords = ways.iter().any(|way| matches!(way, LoginType::Password(_)));
    let has_page = ways.iter().any(|way| matches!(way, LoginType::Sso(_)));
    let info = match credential {
        Some(Credential::Password(_)) if !takes_passwords => return Err(AccountError::NoPasswords),
        Some(Credential::Password(password)) => by_password(user, password.expose()),
        Some(Credential::Token(_)) | None if takes_passwords => {
            progress.clear();
            if !terminal::is_interactive() {
                return Err(AccountError::NoTerminal(user.to_owned()));
            }
            let question = progress.masked(&format!("Password of {user}: "));
            let password = terminal::ask_password(&question).await;
            let password = password.map_err(AccountError::Prompt)?;
            secrets.add(&Secret::new(&*password));
            by_password(user, &password)
        }
        _ if has_page => {
            progress.clear();
            let token = by_page(&client, |url| show_page(url, browser)).await?;
            LoginInfo::Token(login::Token::new(token))
        }
        _ => {
            let offered: Vec<_> = ways.iter().map(LoginType::login_type).collect();
            return Err(AccountError::NoWayIn(terminal::escaped(
                &offered.join(", "),
            )));
        }
    };
    Ok(Ready {
        client,
        base_url: base_url.clone(),
        user: user.to_owned(),
        info,
    })
}

impl Ready {
    pub(super) fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The homeserver knows a device more when this is done.
    pub(super) async fn log_in(self) -> Result<MatrixSession, AccountError> {
        let mut request = login::Request::new(self.info);
        request.initial_device_display_name = Some(DEVICE_NAME.to_owned());
        request.refresh_token = true;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| refused(&self.base_url, &self.user, &error))?;
        let session = MatrixSession::from(&response);
        if session.meta.user_id != self.user {
            let found = session.meta.user_id.clone();
            end(&self.base_url, session).await;
            return Err(AccountError::OtherUser {
                wanted: self.user,
                found,
            });
        }
        Ok(session)
    }
}

fn by_password(user: &UserId, password: &str) -> LoginInfo {
    let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_string()));
    LoginInfo::Password(login::Password::new(user, password.to_owned()))
}

/// The person logs in on the homeserver's web page, which leads back to this machine with a token to log in with.
pub(super) async fn by_page(
    client: &Client,
    show: impl FnOnce(String),
) -> Result<String, AccountError> {
    let said_back = LocalServerResponse::PlainText(
        "You are logged in. Close this page, and go back to widget-turn.".to_owned(),
    );
    let server = LocalServerBuilder::new().response(said_back).spawn().await;
    let (redirect, back) = server.map_err(|error| AccountError::Sso(error.to_string()))?;
    let auth = client.matrix_auth();
    let url = auth.get_sso_login_url(redirect.as_str(), None).await;
    let url = url.map_err(|error| AccountError::Sso(error.to_string()))?;
    show(url);
    let query = back.await.map(|query| query.0.clone()).unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let token = pairs.find(|(name, _)| name == "loginToken");
    token
        .map(|(_, token)| token.into_owned())
        .ok_or_else(|| AccountError::Sso("it led back without a token".to_owned()))
}

fn show_page(url: String, browser: bool) {
    eprintln!("Log in on this page of the homeserver:\n\n  {url}\n");
    if browser {
        // It may wait for the browser, and without one the person has the URL.
        std::thread::spawn(move || browser::open_without_secrets(&url));
    }
}

/// Whose token it is. The SDK sends a token only with a session, whose owner is not known yet.
pub(super) async fn owner(base_url: &Url, token: &Secret) -> Result<SessionMeta, AccountError> {
    let asked = get(&http_client(base_url)?, &at(base_url, WHOAMI), Some(token)).await;
    let (status, body) = asked.map_err(|error| Fault::of_network(base_url, &error))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if status == 401 && matches!(text("errcode"), "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN") {
        return Err(AccountError::UnknownToken);
    }
    let user_id = UserId::parse(text("user_id"));
    let (200, Ok(user_id)) = (status, user_id) else {
        let words: String = text("error").chars().take(300).collect();
        return Err(Fault::Refused {
            url: base_url.to_string(),
            said: terminal::escaped(&format!("status {status} {words}")),
        }
        .into());
    };
    match text("device_id") {
        "" => Err(AccountError::NoDevice),
        device => Ok(SessionMeta {
            user_id,
            device_id: device.into(),
        }),
    }
}

/// A session that nobody keeps is no use to anybody.
pub(super) async fn end(base_url: &Url, session: MatrixSession) {
    if let Some(why) = log_out(base_url, session).await {
        tracing::warn!("a session may be left behind: {why}");
    }
}

/// Why the homeserver may still know the session; `None` when it does not.
pub(super) async fn log_out(base_url: &Url, session: MatrixSession) -> Option<String> {
    let client = match stranger(base_url).await {
        Ok(client) => client,
        Err(error) => return Some(error.to_string()),
    };
    let auth = client.matrix_auth();
    let restored = auth.restore_session(session, RoomLoadSettings::default());
    if let Err(error) = restored.await {
        return Some(super::fault::chain(&error));
    }
    match client.send(logout::v3::Request::new()).await {
        Ok(_) => None,
        Err(error) if is_session_over(&error) => None,
        Err(error) => Some(Fault::of(base_url, &error).to_string()),
    }
}

fn refused(base_url: &Url, user: &UserId, error: &HttpError) -> AccountError {
    match limited(error) {
        Some(Some(wait)) => return AccountError::LimitedFor(wait),
        Some(None) => return AccountError::Limited,
        None => {}
    }
    let user = user.to_owned();
    match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => AccountError::WrongPassword {
            user,
            said: said(error),
        },
        Some(ErrorKind::UserDeactivated | ErrorKind::InvalidUsername | ErrorKind::UserLocked) => {
            AccountError::Refused {
                user,
                said: said(error),
            }
        }
        _ => Fault::of(base_url, error).into(),
    }
}
