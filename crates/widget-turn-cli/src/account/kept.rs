//! The session of an account, in a file.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use matrix_sdk::authentication::matrix::MatrixSession;
use matrix_sdk::ruma::DeviceId;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::fault::AccountError;
use super::folder::owners_file;

const VERSION: u64 = 1;

/// What is kept of an account. No `Debug`: holds its tokens.
pub(super) struct Kept {
    /// The homeserver, as the person named it.
    name: String,
    base_url: Url,
    session: MatrixSession,
    /// What the store is encrypted with: its files alone tell nothing.
    store_key: Zeroizing<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u64,
    homeserver: String,
    base_url: Url,
    store_key: String,
    #[serde(flatten)]
    session: MatrixSession,
}

impl Kept {
    /// With a new key for its store.
    pub(super) fn new(
        name: &str,
        base_url: Url,
        session: MatrixSession,
    ) -> Result<Self, AccountError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self::again(name, base_url, session, key))
    }

    /// With the key of the store that is there.
    pub(super) fn again(
        name: &str,
        base_url: Url,
        session: MatrixSession,
        store_key: [u8; 32],
    ) -> Self {
        Self {
            name: name.to_owned(),
            base_url,
            session,
            store_key: Zeroizing::new(store_key),
        }
    }

    pub(super) fn with_session(&self, name: &str, base_url: Url, session: MatrixSession) -> Self {
        Self::again(name, base_url, session, *self.store_key)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn base_url(&self) -> &Url {
        &self.base_url
    }

    pub(super) fn device_id(&self) -> &DeviceId {
        &self.session.meta.device_id
    }

    pub(super) fn session(&self) -> MatrixSession {
        self.session.clone()
    }

    pub(super) fn store_key(&self) -> &[u8; 32] {
        &self.store_key
    }

    /// A session's token goes to no other homeserver than its own.
    pub(super) fn check_homeserver(&self, named: Option<&str>) -> Result<(), AccountError> {
        let Some(named) = named else { return Ok(()) };
        let same_url = || Url::parse(named).is_ok_and(|url| url == self.base_url);
        if named == self.name || same_url() || named == self.session.meta.user_id.server_name() {
            return Ok(());
        }
        Err(AccountError::OtherHomeserver {
            user: self.session.meta.user_id.clone(),
            kept: self.base_url.to_string(),
            named: named.to_owned(),
        })
    }
}

/// `None` where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Kept>, AccountError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(AccountError::Folder {
                path: path.to_owned(),
                source,
            });
        }
    };
    let broken = |why: String| AccountError::Broken {
        path: path.to_owned(),
        why,
    };
    // serde's own texts quote what they read: a token, say.
    let form: Form = serde_json::from_str(&text)
        .map_err(|error| broken(format!("line {}, column {}", error.line(), error.column())))?;
    if form.version != VERSION {
        return Err(broken(format!(
            "version {} of the format, expected {VERSION}",
            form.version
        )));
    }
    let key = Zeroizing::new(STANDARD.decode(&form.store_key).unwrap_or_default());
    let store_key: [u8; 32] = key
        .as_slice()
        .try_into()
        .map_err(|_| broken("its store_key is no key".to_owned()))?;
    Ok(Some(Kept::again(
        &form.homeserver,
        form.base_url,
        form.session,
        store_key,
    )))
}

/// Whole or not at all, and readable for its owner only from the start.
pub(super) fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let form = Form {
        version: VERSION,
        homeserver: kept.name.clone(),
        base_url: kept.base_url.clone(),
        store_key: STANDARD.encode(*kept.store_key),
        session: kept.session.clone(),
    };
    let text = Zeroizing::new(serde_json::to_vec_pretty(&form)?);
    let new = path.with_extension("json.new");
    // Left by one that was stopped in the midst of it, it may be open to others.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = owners_file(&new, OpenOptions::new().write(true).truncate(true))?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
