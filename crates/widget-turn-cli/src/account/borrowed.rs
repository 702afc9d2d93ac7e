//! The session of an account that another process uses: its access token can be read, and nothing else is done with it.

use std::path::PathBuf;

use url::Url;
use widget_turn::Secret;

use super::fault::AccountError;
use super::{folder, kept, user_id};
use crate::arguments;

/// A session in use elsewhere. Its token is renewed there alone: two that renewed it would log each other out.
pub(crate) struct Borrowed {
    base_url: Url,
    file: PathBuf,
}

impl Borrowed {
    pub(crate) fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The access token of now, if the session is still kept.
    pub(crate) fn token(&self) -> Option<Secret> {
        // Replaced at once whenever it changes.
        let kept = kept::read(&self.file).ok()??;
        Some(Secret::new(kept.session().tokens.access_token))
    }
}

/// Reads the session of the user who is named, without the lock.
///
/// # Errors
///
/// [`AccountError::InUse`] when the other process has none yet.
pub(crate) fn borrow(login: &arguments::Login) -> Result<Borrowed, AccountError> {
    let root = folder::root(login.data.as_deref())?;
    let user = match &login.user {
        Some(name) => user_id(name, login.homeserver.as_deref())?,
        None => folder::only_account(&root)?,
    };
    let file = folder::session_of(&root, &user);
    let Some(kept) = kept::read(&file)? else {
        return Err(AccountError::InUse(user));
    };
    kept.check_homeserver(login.homeserver.as_deref())?;
    Ok(Borrowed {
        base_url: kept.base_url().clone(),
        file,
    })
}
