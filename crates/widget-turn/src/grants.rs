//! What a person has granted for good.

mod file;
mod lock;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use widget_turn_proto::TurnCapability;

use crate::request::PermissionRequest;
use lock::Lock;

/// Grants that a person gave for good, in a JSON file (rule P3).
///
/// Each is bound to origin, account, room and the capability; a widget whose URL moves to another origin is asked about
/// again. The file is read anew for every look-up and every change, so what another process revokes is revoked here as
/// well. Processes that write at the same time wait for each other.
///
/// A clone is the same file. The methods do short, blocking file work: call them from async code by
/// `tokio::task::spawn_blocking`, as [`Remembered`](crate::Remembered) and [`Ask`](crate::Ask) do.
///
/// On Unix the file has the mode 0600 from the start, and a folder made for it 0700. A file that others could read is
/// closed to them when it is read. One that others could *write* is refused: its grants may not be the person's.
///
/// ```
/// use widget_turn::{Grants, PermissionRequest};
///
/// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-grants-{}", std::process::id()));
/// let grants = Grants::open(folder.join("grants.json"))?;
///
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
/// grants.remember(&request)?;
/// assert!(grants.contains(&request)?);
///
/// for grant in grants.list()? {
///     grants.revoke(&grant)?;
/// }
/// assert!(!grants.contains(&request)?);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Grants {
    path: Arc<PathBuf>,
}

/// One thing that a person granted for good.
///
/// ```
/// use widget_turn::{Grants, PermissionRequest};
///
/// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-grant-{}", std::process::id()));
/// # let grants = Grants::open(folder.join("grants.json"))?;
/// let asked = ["town.robin.msc3846.turn_servers"].into_iter().collect();
/// let room = Some("!room:example.com".to_owned());
/// grants.remember(&PermissionRequest::new("https://example.org/a".parse()?, "@alice:example.com", room, asked))?;
///
/// let grant = &grants.list()?[0];
/// assert_eq!(grant.origin, "https://example.org");
/// assert_eq!(grant.account, "@alice:example.com");
/// assert_eq!(grant.room.as_deref(), Some("!room:example.com"));
/// assert_eq!(grant.capability, "m.turn_servers");
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Grant {
    /// The origin of the widget's page, as in `https://example.org`.
    pub origin: String,
    /// The Matrix user id of the account.
    pub account: String,
    /// The room of the widget; `None` for a widget of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The capability, by its stable name: both names of TURN mean the same, and a grant outlives the change of name.
    pub capability: String,
}

/// Why grants cannot be read or written. Whatever it is, what is there stays as it is.
///
/// ```
/// use widget_turn::{Grants, GrantsError};
///
/// # let path = std::env::temp_dir().join(format!("widget-turn-doc-grants-error-{}.json", std::process::id()));
/// std::fs::write(&path, r#"{"version":2,"grants":[]}"#)?;
/// # #[cfg(unix)]
/// # std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
/// let error = Grants::open(&path).unwrap_err();
/// assert!(matches!(error, GrantsError::Version { found: 2, .. }));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantsError {
    /// The file is there but cannot be read.
    #[error("cannot read the grants in {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file, its folder or what is needed beside it cannot be written.
    #[error("cannot write the grants: {}: {cause}", path.display())]
    Write {
        /// What could not be written.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file holds something else than grants.
    #[error(
        "{} holds no grants ({cause}): expected JSON as this program wrote it; mend it, or delete it to be asked anew",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: serde_json::Error,
    },
    /// The file is of another version of the format.
    #[error("{} has version {found} of the format: expected version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// Others than its owner could write the file (Unix only).
    #[error(
        "others than the owner can write {} (mode {mode:04o}), so its grants are not believed: check them, then `chmod 600` it",
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process is writing and does not finish.
    #[error(
        "another process holds {} for too long: if none is there, delete it",
        path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A page with an opaque origin, such as a `data:` URL, cannot be known again.
    #[error("a page without an origin of its own (`data:`, `file:`) cannot be remembered")]
    OpaqueOrigin,
}

/// The only version of the format there is.
const VERSION: u64 = 1;

impl Grants {
    /// The grants in the file at `path`, which need not be there yet: no file means no grants.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read, is broken, or can be written by others.
    ///
    /// ```
    /// use widget_turn::Grants;
    ///
    /// let grants = Grants::open("no-such-folder/grants.json")?;
    /// assert!(grants.list()?.is_empty());
    /// # Ok::<(), widget_turn::GrantsError>(())
    /// ```
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, GrantsError> {
        let path = path.into();
        file::read(&path)?;
        Ok(Self {
            path: Arc::new(path),
        })
    }

    /// Remembers that `request` is granted for good. What is remembered already is not written again, and a request that
    /// asks for nothing leaves nothing to remember.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or the page has an opaque origin.
    ///
    /// ```
    /// # use widget_turn::{Grants, PermissionRequest};
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-remember-{}", std::process::id()));
    /// # let grants = Grants::open(folder.join("grants.json"))?;
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// grants.remember(&request)?;
    /// grants.remember(&request)?;
    /// assert_eq!(grants.list()?.len(), 1);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember(&self, request: &PermissionRequest) -> Result<(), GrantsError> {
        if request.capability.is_empty() {
            return Ok(());
        }
        let grant = Grant::of(request).ok_or(GrantsError::OpaqueOrigin)?;
        self.change(|grants| {
            let new = !grants.contains(&grant);
            if new {
                grants.push(grant);
            }
            new
        })?;
        Ok(())
    }

    /// Whether `request` is granted for good. Never so for a request that asks for nothing or has an opaque origin.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read, is broken, or can be written by others.
    ///
    /// ```
    /// # use widget_turn::{Grants, PermissionRequest};
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-contains-{}", std::process::id()));
    /// # let grants = Grants::open(folder.join("grants.json"))?;
    /// let request = |page: &str| {
    ///     let asked = ["m.turn_servers"].into_iter().collect();
    ///     PermissionRequest::new(page.parse().unwrap(), "@alice:example.com", None, asked)
    /// };
    /// grants.remember(&request("https://example.org/call"))?;
    /// assert!(grants.contains(&request("https://example.org/board"))?);
    /// assert!(!grants.contains(&request("https://evil.test/call"))?);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, request: &PermissionRequest) -> Result<bool, GrantsError> {
        let grants = file::read(&self.path)?;
        Ok(!request.capability.is_empty()
            && Grant::of(request).is_some_and(|grant| grants.contains(&grant)))
    }

    /// All grants, in the order in which they were given.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read, is broken, or can be written by others.
    ///
    /// ```
    /// let grants = widget_turn::Grants::open("no-such-folder/grants.json")?;
    /// assert_eq!(grants.list()?, []);
    /// # Ok::<(), widget_turn::GrantsError>(())
    /// ```
    pub fn list(&self) -> Result<Vec<Grant>, GrantsError> {
        file::read(&self.path)
    }

    /// Takes `grant` back, from the next decision on. Returns whether it was there. A widget that has credentials keeps
    /// them until they expire.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written. The grant then still holds.
    ///
    /// ```
    /// # use widget_turn::{Grants, PermissionRequest};
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-revoke-{}", std::process::id()));
    /// # let grants = Grants::open(folder.join("grants.json"))?;
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// grants.remember(&request)?;
    /// let grant = grants.list()?.remove(0);
    /// assert!(grants.revoke(&grant)?);
    /// assert!(!grants.revoke(&grant)?);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke(&self, grant: &Grant) -> Result<bool, GrantsError> {
        self.change(|grants| {
            let before = grants.len();
            grants.retain(|other| other != grant);
            grants.len() < before
        })
    }

    /// Reads, changes and writes under the lock, so that nothing that another process wrote is lost. `change` tells
    /// whether there is anything to write.
    fn change(&self, change: impl FnOnce(&mut Vec<Grant>) -> bool) -> Result<bool, GrantsError> {
        let folder = file::folder(&self.path);
        file::make_folder(folder).map_err(|cause| GrantsError::Write {
            path: folder.to_owned(),
            cause,
        })?;
        let _lock = Lock::take(&self.path)?;
        let mut grants = file::read(&self.path)?;
        let changed = change(&mut grants);
        if changed {
            file::write(&self.path, &grants).map_err(|cause| GrantsError::Write {
                path: self.path.to_path_buf(),
                cause,
            })?;
        }
        Ok(changed)
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grants").field(&self.path).finish()
    }
}

impl Grant {
    /// `None` for a page with an opaque origin: any page could have it.
    fn of(request: &PermissionRequest) -> Option<Self> {
        (!request.origin.is_opaque()).then(|| Self {
            origin: request.origin.to_string(),
            account: request.account.clone(),
            room: request.room.clone(),
            capability: TurnCapability::STABLE.to_owned(),
        })
    }
}
