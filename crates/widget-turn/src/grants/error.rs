//! Why grants cannot be read or written.

use std::io;
use std::path::PathBuf;

use super::VERSION;

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
