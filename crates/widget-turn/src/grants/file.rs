//! The grants as a JSON file: `{"version":1,"grants":[{"origin":…,"account":…,"room":…,"capability":…}]}`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::{Grant, GrantsError, VERSION};

/// Read first and by itself, so that another version is told from a broken file.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// Unknown fields are refused: writing the file again would lose them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    grants: Vec<Grant>,
}

/// The grants in the file at `path`; none if there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<Grant>, GrantsError> {
    let cannot = |cause| GrantsError::Read {
        path: path.to_owned(),
        cause,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error)),
    };
    close_to_others(&file, path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(cannot)?;
    let broken = |cause| GrantsError::Broken {
        path: path.to_owned(),
        cause,
    };
    let Head { version } = serde_json::from_slice(&text).map_err(broken)?;
    if version != VERSION {
        return Err(GrantsError::Version {
            path: path.to_owned(),
            found: version,
        });
    }
    let document: Document = serde_json::from_slice(&text).map_err(broken)?;
    Ok(document.grants)
}

/// Puts `grants` in the place of the file at `path`: whoever reads sees the old ones or the new ones, also after a crash.
pub(super) fn write(path: &Path, grants: &[Grant]) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        grants: grants.to_vec(),
    };
    let mut text = serde_json::to_vec_pretty(&document).expect("strings and numbers are JSON");
    text.push(b'\n');

    let new = new_name(path);
    let written = create(&new)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The first error is the one to tell.
        drop(fs::remove_file(&new));
    }
    written?;
    sync_folder(folder(path))
}

/// Makes a new file that only its owner can open. Where one is there already, that is an error.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The folder that the file at `path` is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes `folder` for its owner alone, if it is not there.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// `path` with `suffix` after the name of the file.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A name that no other writer takes, so that a lock that is lost costs a change and never the file.
fn new_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    beside(path, &format!(".{}-{count}.new", process::id()))
}

#[cfg(unix)]
fn close_to_others(file: &File, path: &Path) -> Result<(), GrantsError> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(|cause| GrantsError::Read {
        path: path.to_owned(),
        cause,
    })?;
    // What is no file fails on reading.
    let mode = metadata.permissions().mode() & 0o7777;
    if !metadata.is_file() || mode & 0o077 == 0 {
        return Ok(());
    }
    if mode & 0o022 != 0 {
        return Err(GrantsError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    // By the open file, not by its name: no other can be put there in between.
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(|cause| GrantsError::Write {
            path: path.to_owned(),
            cause,
        })
}

#[cfg(not(unix))]
fn close_to_others(_: &File, _: &Path) -> Result<(), GrantsError> {
    Ok(())
}

/// The new name of a file lasts only once its folder is on the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
