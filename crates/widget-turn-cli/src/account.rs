//! An account on a homeserver: logged in once, and kept on disk until it is logged out.
//!
//! [`homeserver`] finds the server, [`credential`] reads what the person gave, [`login`] gets a session for it, [`folder`] and
//! [`kept`] keep it, [`borrowed`] reads one that is in use, [`fault`] has the sentence for whatever went wrong.

mod borrowed;
mod credential;
mod fault;
mod folder;
mod homeserver;
mod kept;
mod login;

use std::collections::BTreeMap;
use std::time::Duration;

use matrix_sdk::authentication::matrix::MatrixSession;
use matrix_sdk::config::RequestConfig;
use matrix_sdk::ruma::api::client::account::whoami;
use matrix_sdk::ruma::api::client::keys::get_keys;
use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId, UserId};
use matrix_sdk::store::RoomLoadSettings;
use matrix_sdk::{Client, SqliteStoreConfig};
use url::Url;

use crate::arguments;
use crate::secrets::Secrets;
use crate::shutdown::unbroken;
use crate::terminal::Progress;
use credential::Credential;
use folder::Folder;
use homeserver::Homeserver;
use kept::Kept;

pub(crate) use borrowed::{Borrowed, borrow};
pub(crate) use credential::TOKEN_VARIABLE;
pub(crate) use fault::{AccountError, Fault, is_session_over, limited, said};
pub(crate) use homeserver::is_loopback;

/// One request, where there is nothing to retry it for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An account that is logged in. Nobody else uses its session while this lives.
pub(crate) struct Account {
    client: Client,
    user: OwnedUserId,
    _folder: Folder,
}

impl Account {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn user(&self) -> &UserId {
        &self.user
    }
}

/// Logs in, or takes up the session that is kept. The homeserver knows the session when this is done. Where it wants a
/// person to log in on a web page, that is opened if `browser`, and named in any case.
///
/// # Errors
///
/// Whatever the person can do something about.
pub(crate) async fn log_in(
    login: &arguments::Login,
    browser: bool,
    progress: &Progress,
) -> Result<Account, AccountError> {
    let secrets = Secrets::default();
    let account = log_in_with(login, browser, progress, &secrets).await;
    account.map_err(|error| error.without(&secrets))
}

/// The same; notes whatever a homeserver might put into its words.
async fn log_in_with(
    login: &arguments::Login,
    browser: bool,
    progress: &Progress,
    secrets: &Secrets,
) -> Result<Account, AccountError> {
    let root = folder::root(login.data.as_deref())?;
    let credential = Credential::read(login).await?;
    if let Some(Credential::Token(secret) | Credential::Password(secret)) = &credential {
        secrets.add(secret);
    }
    if let Some(Credential::Token(token)) = &credential {
        return by_token(login, token, &root, progress).await;
    }
    let user = match &login.user {
        Some(name) => user_id(name, login.homeserver.as_deref())?,
        None => folder::only_account(&root)?,
    };
    let mut folder = Folder::open(&root, &user)?;
    if let Some(kept) = folder.kept()? {
        kept.check_homeserver(login.homeserver.as_deref())?;
        progress.show(user.as_str(), "taking up its session");
        secrets.add(&widget_turn::Secret::new(
            kept.session().tokens.access_token,
        ));
        return take_up(folder, &user, kept).await;
    }
    let named = login.homeserver.as_deref();
    let homeserver = Homeserver::read(named.unwrap_or_else(|| user.server_name().as_str()))?;
    progress.show(homeserver.name(), "looking for it");
    let base_url = base_url(&homeserver, login.limit).await?;
    let ready = login::prepare(&base_url, &user, credential, browser, progress, secrets).await?;
    let name = homeserver.name().to_owned();
    let (folder, kept) = unbroken(begin(folder, name, ready)).await?;
    progress.show(user.as_str(), "beginning a session");
    take_up(folder, &user, kept).await
}

/// Logs in, and keeps the session that this begins. One that cannot be kept is ended: nobody could.
async fn begin(
    mut folder: Folder,
    name: String,
    ready: login::Ready,
) -> Result<(Folder, Kept), AccountError> {
    let base_url = ready.base_url().clone();
    let session = ready.log_in().await?;
    let kept = Kept::new(&name, base_url.clone(), session.clone());
    match kept.and_then(|kept| folder.keep(&kept).map(|()| kept)) {
        Ok(kept) => Ok((folder, kept)),
        Err(error) => {
            login::end(&base_url, session).await;
            Err(error)
        }
    }
}

/// Looks for a homeserver, for `limit` at most if there is one.
async fn base_url(homeserver: &Homeserver, limit: Option<Duration>) -> Result<Url, AccountError> {
    let Some(limit) = limit else {
        return homeserver.base_url().await;
    };
    let found = tokio::time::timeout(limit, homeserver.base_url()).await;
    found.unwrap_or_else(|_| {
        Err(Fault::Unreachable {
            url: homeserver.name().to_owned(),
            why: "no answer in time".to_owned(),
        }
        .into())
    })
}

/// With a token that the person has from elsewhere.
async fn by_token(
    login: &arguments::Login,
    token: &widget_turn::Secret,
    root: &std::path::Path,
    progress: &Progress,
) -> Result<Account, AccountError> {
    let name = match (&login.homeserver, &login.user) {
        (Some(name), _) => name.clone(),
        (None, Some(user)) => user_id(user, None)?.server_name().to_string(),
        (None, None) => return Err(AccountError::WhichHomeserver),
    };
    let homeserver = Homeserver::read(&name)?;
    progress.show(homeserver.name(), "asking whose token it is");
    let base_url = base_url(&homeserver, login.limit).await?;
    let meta = login::owner(&base_url, token).await?;
    if let Some(wanted) = &login.user {
        let wanted = user_id(wanted, Some(homeserver.name()))?;
        if wanted != meta.user_id {
            return Err(AccountError::OtherUser {
                wanted,
                found: meta.user_id,
            });
        }
    }
    let user = meta.user_id.clone();
    let mut folder = Folder::open(root, &user)?;
    let session = MatrixSession {
        meta,
        tokens: matrix_sdk::SessionTokens {
            access_token: token.expose().to_owned(),
            refresh_token: None,
        },
    };
    let kept = match folder.kept()? {
        Some(kept) if kept.device_id() != &*session.meta.device_id => {
            return Err(AccountError::OtherDevice {
                user,
                kept: kept.device_id().to_owned(),
                given: session.meta.device_id,
            });
        }
        // Who answers there says whose the token is: another server must not take over what this one's folder holds.
        Some(kept) => {
            kept.check_homeserver(Some(homeserver.name()))?;
            kept.with_session(homeserver.name(), base_url, session)
        }
        None => {
            let kept = Kept::new(homeserver.name(), base_url, session)?;
            folder.keep(&kept)?;
            let taken = take_up(folder, &user, kept).await;
            if let Err(AccountError::OthersKeys { .. }) = &taken {
                Folder::open(root, &user)?.wipe()?;
            }
            return taken;
        }
    };
    folder.keep(&kept)?;
    take_up(folder, &user, kept).await
}

/// What is kept, as a client that the homeserver knows.
async fn take_up(folder: Folder, user: &UserId, kept: Kept) -> Result<Account, AccountError> {
    let client = restore(&folder, &kept).await?;
    let request = whoami::v3::Request::new();
    let who = client
        .send(request)
        .with_request_config(once())
        .await
        .map_err(|error| match is_session_over(&error) {
            true => AccountError::SessionOver(user.to_owned()),
            false => Fault::of(kept.base_url(), &error).into(),
        })?;
    if who.user_id != *user {
        return Err(AccountError::OtherUser {
            wanted: user.to_owned(),
            found: who.user_id,
        });
    }
    check_keys(&client, user).await?;
    Ok(Account {
        client,
        user: user.to_owned(),
        _folder: folder,
    })
}

/// That no other program encrypts for the device. A sync would put keys of our own in the place of its own, and neither could
/// read any more what others send.
async fn check_keys(client: &Client, user: &UserId) -> Result<(), AccountError> {
    let Some(device) = client.device_id() else {
        return Ok(());
    };
    let mut request = get_keys::v3::Request::new();
    request
        .device_keys
        .insert(user.to_owned(), vec![device.to_owned()]);
    // A homeserver that does not tell lets nobody encrypt either.
    let Ok(response) = client.send(request).with_request_config(once()).await else {
        return Ok(());
    };
    let known = response
        .device_keys
        .get(user)
        .and_then(|devices| devices.get(device));
    let known = known.and_then(|keys| keys.get_field::<BTreeMap<String, String>>("keys").ok()?);
    let known = known.and_then(|mut keys| keys.remove(&format!("ed25519:{device}")));
    match (known, client.encryption().ed25519_key().await) {
        (Some(known), Some(ours)) if known != ours => Err(AccountError::OthersKeys {
            user: user.to_owned(),
            device: device.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A client with what is kept; nothing is asked of the homeserver.
async fn restore(folder: &Folder, kept: &Kept) -> Result<Client, AccountError> {
    let store = SqliteStoreConfig::new(folder.store()).key(Some(kept.store_key()));
    let client = Client::builder()
        .homeserver_url(kept.base_url())
        .http_client(homeserver::http_client(kept.base_url())?)
        // A widget gives up after 10 s, and nothing else of its host goes on meanwhile.
        .request_config(RequestConfig::short_retry())
        .respect_login_well_known(false)
        .handle_refresh_tokens()
        .sqlite_store_with_config_and_cache_path(store, None::<&str>)
        .build()
        .await
        .map_err(|error| unusable(folder, &error))?;
    folder.close_store()?;
    let file = folder.session_file();
    let (name, key) = (kept.name().to_owned(), *kept.store_key());
    let base_url = kept.base_url().clone();
    let save = move |client: Client| {
        if let Some(session) = client.matrix_auth().session() {
            kept::write(&file, &Kept::again(&name, base_url.clone(), session, key))?;
        }
        Ok(())
    };
    client
        .set_session_callbacks(
            Box::new(|_| Err("it is not read again".into())),
            Box::new(save),
        )
        .expect("they are set once");
    client
        .matrix_auth()
        .restore_session(kept.session(), RoomLoadSettings::default())
        .await
        .map_err(|error| unusable(folder, &error))?;
    Ok(client)
}

fn unusable(folder: &Folder, error: &dyn std::error::Error) -> AccountError {
    AccountError::Store {
        path: folder.store(),
        why: fault::chain(error),
    }
}

/// Logs out at the homeserver, if it can be reached, and wipes what is kept.
pub(crate) async fn log_out(arguments: &arguments::Logout) -> Result<LoggedOut, AccountError> {
    let root = folder::root(arguments.data.as_deref())?;
    let user = match &arguments.user {
        Some(name) => user_id(name, None)?,
        None => folder::only_account(&root)?,
    };
    if !folder::has_account(&root, &user) {
        return Err(AccountError::NotKept(user));
    }
    let mut folder = Folder::open(&root, &user)?;
    // What cannot be read can still be wiped.
    let left = match folder.kept() {
        Ok(Some(kept)) => {
            let why = login::log_out(kept.base_url(), kept.session()).await;
            why.map(|why| Left {
                why,
                device: Some(kept.device_id().to_owned()),
            })
        }
        Ok(None) => None,
        Err(error) => Some(Left {
            why: error.to_string(),
            device: None,
        }),
    };
    folder.wipe()?;
    Ok(LoggedOut { user, left })
}

/// What a log-out came to.
pub(crate) struct LoggedOut {
    pub(crate) user: OwnedUserId,
    /// What the homeserver may still know.
    pub(crate) left: Option<Left>,
}

/// A session that the homeserver was not told to forget.
#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) why: String,
    /// `None` where that could not be read.
    pub(crate) device: Option<OwnedDeviceId>,
}

fn once() -> RequestConfig {
    RequestConfig::new()
        .disable_retry()
        .timeout(REQUEST_TIMEOUT)
}

/// `@alice:example.org`; or `alice`, on a homeserver that is given by name.
fn user_id(text: &str, homeserver: Option<&str>) -> Result<OwnedUserId, AccountError> {
    let whole = match homeserver {
        Some(name) if !text.contains([':', '@']) && !name.contains("://") => {
            format!("@{text}:{name}")
        }
        _ => text.to_owned(),
    };
    UserId::parse(&whole).map_err(|_| AccountError::UserId(text.to_owned()))
}

/// A client that keeps nothing.
async fn stranger(base_url: &Url) -> Result<Client, AccountError> {
    let built = Client::builder()
        .homeserver_url(base_url)
        .http_client(homeserver::http_client(base_url)?)
        .request_config(once())
        .respect_login_well_known(false)
        .handle_refresh_tokens()
        .build()
        .await;
    built.map_err(|error| AccountError::NoClient(fault::chain(&error)))
}

#[cfg(test)]
pub(crate) mod tests;
