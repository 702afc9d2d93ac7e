//! Where accounts are kept: a folder each, which only its owner can look into, and one process at a time uses.
//!
//! ```text
//! <data>/accounts/%40alice%3Aexample.org/   0700
//!     session.json                          0600: tokens, and the key of the store
//!     store/                                matrix-sdk's, encrypted
//!     lock
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use matrix_sdk::ruma::{OwnedUserId, UserId};

use super::fault::AccountError;
use super::kept::{self, Kept};

const SESSION: &str = "session.json";
const STORE: &str = "store";
const LOCK: &str = "lock";

/// An account's folder, locked.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

/// The folder of all accounts: in the one that was named, or in the person's data.
pub(super) fn root(named: Option<&Path>) -> Result<PathBuf, AccountError> {
    if let Some(path) = named {
        return Ok(path.join("accounts"));
    }
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = folder("XDG_DATA_HOME")
        .or_else(|| folder("LOCALAPPDATA"))
        .or_else(|| std::env::home_dir().map(|home| home.join(".local").join("share")))
        .ok_or(AccountError::NoHome)?;
    Ok(data.join("widget-turn").join("accounts"))
}

/// The account that is kept, if it is one.
pub(super) fn only_account(root: &Path) -> Result<OwnedUserId, AccountError> {
    let mut accounts = accounts(root)?;
    match (accounts.pop(), accounts.is_empty()) {
        (Some(account), true) => Ok(account),
        (None, _) => Err(AccountError::NoAccount),
        (Some(last), false) => {
            accounts.push(last);
            accounts.sort();
            Err(AccountError::WhichAccount(accounts))
        }
    }
}

/// Where the session of an account is, or would be.
pub(super) fn session_of(root: &Path, user: &UserId) -> PathBuf {
    folder_of(root, user).join(SESSION)
}

pub(super) fn has_account(root: &Path, user: &UserId) -> bool {
    folder_of(root, user).is_dir()
}

fn accounts(root: &Path) -> Result<Vec<OwnedUserId>, AccountError> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(root, source)),
    };
    let mut accounts = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| failed(root, source))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(user) = name.and_then(user_of)
            && path.join(SESSION).is_file()
        {
            accounts.push(user);
        }
    }
    Ok(accounts)
}

impl Folder {
    /// Makes it, if need be, and locks it.
    pub(super) fn open(root: &Path, user: &UserId) -> Result<Self, AccountError> {
        let path = folder_of(root, user);
        closed_folder(&path).map_err(|source| failed(&path, source))?;
        let file = path.join(LOCK);
        let lock = owners_file(&file, OpenOptions::new().append(true))
            .map_err(|source| failed(&file, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(AccountError::InUse(user.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(&file, source)),
        }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// Closes the store's files to others, which SQLite leaves to the folder. A copy of them may lie in another; what SQLite
    /// makes beside a file later is no wider than that.
    pub(super) fn close_store(&self) -> Result<(), AccountError> {
        let store = self.store();
        close_files(&store).map_err(|source| failed(&store, source))
    }

    pub(super) fn session_file(&self) -> PathBuf {
        self.path.join(SESSION)
    }

    /// The session, if one is kept.
    pub(super) fn kept(&mut self) -> Result<Option<Kept>, AccountError> {
        kept::read(&self.session_file())
    }

    /// Keeps a session. A store that belongs to no session goes.
    pub(super) fn keep(&mut self, kept: &Kept) -> Result<(), AccountError> {
        let (file, store) = (self.session_file(), self.store());
        if !file.exists() {
            remove(&store).map_err(|source| failed(&store, source))?;
        }
        closed_folder(&store).map_err(|source| failed(&store, source))?;
        kept::write(&file, kept).map_err(|source| failed(&file, source))
    }

    /// The session first: what is left without it is of no use to anybody.
    pub(super) fn wipe(self) -> Result<(), AccountError> {
        let file = self.session_file();
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&file, error)),
            _ => {}
        }
        remove(&self.store()).map_err(|source| failed(&self.store(), source))?;
        drop(self.lock);
        remove(&self.path).map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> AccountError {
    AccountError::Folder {
        path: path.to_owned(),
        source,
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder that only its owner can look into; one that is there is closed to others.
fn closed_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        builder.mode(0o700).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(path)
}

#[cfg(unix)]
fn close_files(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(folder)? {
        match fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o600)) {
            // SQLite has removed it meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_files(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file that only its owner can read.
pub(super) fn owners_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.create(true).open(path)
}

fn folder_of(root: &Path, user: &UserId) -> PathBuf {
    root.join(encoded(user.as_str()))
}

/// As in a URL: what file systems have another use for is `%3A`. Upper case too, for those to which it is all one.
fn encoded(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'=' => name.push(byte.into()),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

fn user_of(name: &str) -> Option<OwnedUserId> {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?.to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    UserId::parse(String::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{encoded, user_of};
    use matrix_sdk::ruma::user_id;

    #[test]
    fn an_account_is_found_again_by_its_folders_name() {
        for user in [
            user_id!("@alice:example.org"),
            user_id!("@Alice/../x=1:localhost:8448"),
            user_id!("@a%41:[::1]:80"),
        ] {
            let name = encoded(user.as_str());
            assert_eq!(user_of(&name).as_deref(), Some(user), "{name}");
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_.=".contains(&byte);
            assert!(name.bytes().all(plain), "{name}");
        }
        assert_eq!(encoded("@alice:example.org"), "%40alice%3Aexample.org");
        for name in ["", "%", "%4", "lost+found", "%FFx"] {
            assert_eq!(user_of(name), None, "{name}");
        }
    }
}
