//! A file that somebody else reads at any time: it is whole whenever it is there.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces the file at once. What is read is the old text or the new one.
///
/// # Errors
///
/// When the folder cannot be written to. The old file is still there then.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (mut file, new) = beside(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// Whether the file can be replaced, without doing it.
///
/// # Errors
///
/// When the folder cannot be written to, or there is something else than a file.
pub(crate) fn try_out(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("expected a regular file, or none yet"));
    }
    let (_, new) = beside(path)?;
    std::fs::remove_file(&new)
}

/// A new file in the same folder, so that it can be renamed, with an end that no collector looks for. Nobody who may write
/// there knows its name before, and no link is followed.
fn beside(path: &Path) -> io::Result<(File, PathBuf)> {
    beside_as(path, getrandom::u64()?)
}

fn beside_as(path: &Path, number: u64) -> io::Result<(File, PathBuf)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::other("expected the name of a file"));
    };
    let mut new = std::ffi::OsString::from(".");
    new.push(name);
    new.push(format!(".{number:016x}.new"));
    let new = path.with_file_name(new);
    let file = File::options().write(true).create_new(true).open(&new)?;
    Ok((file, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_that_somebody_has_put_there_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("widget-turn-link-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, victim) = (folder.join("turn.prom"), folder.join("victim"));
        let link = folder.join(".turn.prom.0000000000000007.new");
        std::os::unix::fs::symlink(&victim, link).unwrap();
        let refused = beside_as(&path, 7).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert!(!victim.exists());
        let names = [beside(&path).unwrap().1, beside(&path).unwrap().1];
        assert_ne!(names[0], names[1]);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder =
            std::env::temp_dir().join(format!("widget-turn-textfile-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("turn.prom");
        for text in ["one\n", "two\n"] {
            try_out(&path).unwrap();
            replace(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        }
        // A folder stands where the file should go.
        let taken = folder.join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(replace(&taken, "three\n").is_err());
        let nowhere = folder.join("none/turn.prom");
        assert!(try_out(&nowhere).is_err() && replace(&nowhere, "").is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
