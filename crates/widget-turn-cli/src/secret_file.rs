//! Files that hold a secret. They may be pipes, such as `<(pass show matrix)`.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// In bytes. A secret is a line; a device that never ends is none.
const LONGEST: u64 = 64 * 1024;

/// The whole text. Ctrl-C need not wait for it: a pipe may never end.
///
/// # Errors
///
/// For what cannot be read, is no UTF-8, or is longer than 64 KiB.
pub(crate) async fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = Zeroizing::new(String::new());
        File::open(path)?
            .take(LONGEST + 1)
            .read_to_string(&mut text)?;
        if text.len() as u64 > LONGEST {
            let why = "it is longer than 64 KiB, expected a line";
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(text)
    });
    read.await
        .expect("nobody aborts it, and reading does not panic")
}
