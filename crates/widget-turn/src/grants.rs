//! What a person has granted for good.

mod error;
mod file;
mod grantee;
mod lock;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use widget_turn_proto::TurnCapability;

use crate::request::{Origin, PermissionRequest};
use lock::Lock;

pub use error::GrantsError;
pub use grantee::Grantee;

/// Grants that a person gave for good, in a JSON file (rule P3).
///
/// Each is bound to origin, account, room and the capability, be it TURN's or any other of the widget API; a widget whose
/// URL moves to another origin is asked about again. The file is read anew for every look-up and every change, so what another process revokes is revoked here as
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
    /// The capability by its name; TURN by its stable one: both names of it mean the same, and a grant outlives the change.
    pub capability: String,
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
        self.grant(&Grantee::from(request), request.capability.names())
    }

    /// Grants `capabilities` for good, by any names of the widget API; TURN by either of its two. What is granted already is
    /// not written again.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or the page has an opaque origin.
    ///
    /// ```
    /// use widget_turn::{Grantee, Grants};
    ///
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-grant-names-{}", std::process::id()));
    /// # let grants = Grants::open(folder.join("grants.json"))?;
    /// let room = Some("!room:example.com".to_owned());
    /// let widget = Grantee::new("https://example.org".parse()?, "@alice:example.com", room);
    /// grants.grant(&widget, ["town.robin.msc3846.turn_servers", "io.element.requires_client"])?;
    /// assert_eq!(grants.granted(&widget, ["m.turn_servers", "m.sticker"])?, ["m.turn_servers"]);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grant<I>(&self, to: &Grantee, capabilities: I) -> Result<(), GrantsError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut capabilities = capabilities.into_iter().peekable();
        if capabilities.peek().is_none() {
            return Ok(());
        }
        if to.origin.is_opaque() {
            return Err(GrantsError::OpaqueOrigin);
        }
        self.change(|grants| {
            let mut there = to.among(grants);
            let before = grants.len();
            for capability in capabilities {
                let capability = lasting(capability.as_ref());
                if there.insert(capability.to_owned()) {
                    grants.push(to.grant(capability));
                }
            }
            grants.len() > before
        })?;
        Ok(())
    }

    /// Those of `capabilities` that are granted for good, in their order. None for an opaque origin.
    ///
    /// # Errors
    ///
    /// The file is there but cannot be read, is broken, or can be written by others.
    ///
    /// ```
    /// use widget_turn::{Grantee, Grants};
    ///
    /// let grants = Grants::open("no-such-folder/grants.json")?;
    /// let widget = Grantee::new("https://example.org".parse()?, "@alice:example.com", None);
    /// assert!(grants.granted(&widget, ["m.turn_servers"])?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn granted<I>(&self, to: &Grantee, capabilities: I) -> Result<Vec<I::Item>, GrantsError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let there = to.among(&file::read(&self.path)?);
        let capabilities = capabilities.into_iter();
        Ok(capabilities
            .filter(|capability| there.contains(lasting(capability.as_ref())))
            .collect())
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
        let granted = self.granted(&Grantee::from(request), request.capability.names())?;
        Ok(!granted.is_empty())
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

    /// Takes back all that was granted to `origin`, for every account and room, from the next decision on. Returns how many
    /// grants that were.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written. All of them then still hold.
    ///
    /// ```
    /// # use widget_turn::{Grantee, Grants};
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-revoke-all-{}", std::process::id()));
    /// # let grants = Grants::open(folder.join("grants.json"))?;
    /// # let widget = Grantee::new("https://example.org".parse()?, "@alice:example.com", None);
    /// grants.grant(&widget, ["m.turn_servers", "m.sticker"])?;
    /// assert_eq!(grants.revoke_all(&"https://example.org/any/page".parse()?)?, 2);
    /// assert_eq!(grants.list()?, []);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke_all(&self, origin: &Origin) -> Result<usize, GrantsError> {
        let origin = origin.to_string();
        let mut revoked = 0;
        self.change(|grants| {
            let before = grants.len();
            grants.retain(|grant| grant.origin != origin);
            revoked = before - grants.len();
            revoked > 0
        })?;
        Ok(revoked)
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

/// The name under which a capability is remembered.
fn lasting(name: &str) -> &str {
    if TurnCapability::is_name(name) {
        TurnCapability::STABLE
    } else {
        name
    }
}
