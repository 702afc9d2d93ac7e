//! One writer at a time.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::GrantsError;
use super::file::{beside, create};

/// A change takes milliseconds: who held the lock for this long has crashed. If not, the worst is that of two changes at
/// the same moment one is lost.
const STALE: Duration = Duration::from_secs(10);
/// Long enough to see a crashed process's lock grow stale.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(5);

/// The right to change the grants, until it is dropped: a file beside theirs, which only one process can create.
///
/// The lock is not on the grants' file itself, which every change replaces by another.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock of the grants in the file at `path`.
    pub(super) fn take(path: &Path) -> Result<Self, GrantsError> {
        Self::take_within(path, PATIENCE)
    }

    fn take_within(path: &Path, patience: Duration) -> Result<Self, GrantsError> {
        let path = beside(path, ".lock");
        let started = Instant::now();
        loop {
            match create(&path) {
                Ok(_) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(GrantsError::Write { path, cause }),
            }
            if is_stale(&path) {
                // If that fails, the next turn waits or tells why.
                drop(fs::remove_file(&path));
            } else if started.elapsed() >= patience {
                return Err(GrantsError::Locked { path });
            } else {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it stays, it grows stale.
        drop(fs::remove_file(&self.path));
    }
}

/// A lock that is gone, or from the future by a clock that was set back, is not stale.
fn is_stale(path: &Path) -> bool {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|taken| taken.elapsed().is_ok_and(|age| age >= STALE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    /// A folder for one test, which goes when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("widget-turn-lock-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn grants(&self) -> PathBuf {
            self.0.join("grants.json")
        }

        fn leave_lock(&self, taken: SystemTime) {
            let lock = File::create(beside(&self.grants(), ".lock")).unwrap();
            lock.set_modified(taken).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_lock_that_is_held_is_not_given_twice() {
        let folder = Folder::new("held");
        let held = Lock::take(&folder.grants()).unwrap();
        let error = Lock::take_within(&folder.grants(), Duration::ZERO).unwrap_err();
        assert!(matches!(error, GrantsError::Locked { .. }), "{error}");
        assert!(error.to_string().contains("grants.json.lock"), "{error}");
        drop(held);
        Lock::take_within(&folder.grants(), Duration::ZERO).unwrap();
    }

    #[test]
    fn the_lock_of_a_crashed_process_is_taken_over() {
        let folder = Folder::new("crashed");
        folder.leave_lock(SystemTime::now() - STALE - Duration::from_secs(1));
        Lock::take_within(&folder.grants(), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_lock_from_the_future_is_not_taken_over() {
        let folder = Folder::new("future");
        folder.leave_lock(SystemTime::now() + Duration::from_secs(3600));
        Lock::take_within(&folder.grants(), Duration::ZERO).unwrap_err();
        assert!(beside(&folder.grants(), ".lock").exists());
    }
}
