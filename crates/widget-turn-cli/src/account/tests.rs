//! Accounts on a small homeserver of the tests' own, on loopback.

mod discovery;
pub(crate) mod homeserver;
mod sessions;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::account::{Account, AccountError};
use crate::arguments::{Login, Logout};
use crate::terminal::Progress;
use homeserver::{ALICE, Homeserver, PASSWORD};

/// A folder that goes away with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("widget-turn-account-{:x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Alice's, as it is kept.
    fn account(&self) -> PathBuf {
        self.0.join("accounts").join("%40alice%3Aexample.org")
    }

    fn session(&self) -> Value {
        let text = std::fs::read_to_string(self.account().join("session.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn login(&self, homeserver: &Homeserver) -> Login {
        Login {
            homeserver: Some(homeserver.server.uri()),
            user: Some(ALICE.to_owned()),
            password_file: None,
            token_file: None,
            data: Some(self.0.clone()),
            limit: None,
        }
    }

    pub(crate) fn by_password(&self, homeserver: &Homeserver) -> Login {
        Login {
            password_file: Some(self.file("password", &format!("{PASSWORD}\n"))),
            ..self.login(homeserver)
        }
    }

    fn by_token(&self, homeserver: &Homeserver, token: &str) -> Login {
        Login {
            token_file: Some(self.file("token", &format!("{token}\n"))),
            ..self.login(homeserver)
        }
    }

    async fn log_out(&self, user: Option<&str>) -> Result<super::LoggedOut, AccountError> {
        super::log_out(&Logout {
            user: user.map(str::to_owned),
            data: Some(self.0.clone()),
        })
        .await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn log_in(login: &Login) -> Result<Account, AccountError> {
    super::log_in(login, false, &Progress::Hidden).await
}

/// Why it failed, in the words that the person reads.
async fn refused(login: &Login) -> String {
    match log_in(login).await {
        Ok(account) => panic!("{} is logged in", account.user()),
        Err(error) => error.to_string(),
    }
}

/// `None` if it is not there: SQLite removes files when it ends.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        metadata => Some(metadata.unwrap().permissions().mode() & 0o777),
    }
}
