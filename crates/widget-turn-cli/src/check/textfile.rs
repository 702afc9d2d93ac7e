//! A file that somebody else reads at any time: it is whole whenever it is there.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces the file at once. What is read is the old text or the new one.
///
/// # Errors
///
/// When the folder cannot be written to. The old file is still there then.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = beside(path)?;
    let written = std::fs::File::create(&new)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
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
    let new = beside(path)?;
    std::fs::File::create(&new)?;
    std::fs::remove_file(&new)
}

/// In the same folder, so that it can be renamed, and with an end that no collector looks for.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::other("expected the name of a file"));
    };
    let mut new = std::ffi::OsString::from(".");
    new.push(name);
    new.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(new))
}

#[cfg(test)]
mod tests {
    use super::*;

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
