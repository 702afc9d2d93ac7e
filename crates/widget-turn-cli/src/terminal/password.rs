//! A password, typed without being shown.

use std::io;

use zeroize::Zeroizing;

use super::{line, show};

/// Asks on standard error, and gives what is typed.
///
/// # Errors
///
/// Where the terminal cannot hide what is typed, and where standard input ends.
pub(crate) async fn ask_password(question: &str) -> io::Result<Zeroizing<String>> {
    let hidden = Hidden::new()?;
    show(question);
    let mut password = line().await?;
    drop(hidden);
    let end = password.trim_end_matches(['\r', '\n']).len();
    password.truncate(end);
    Ok(password)
}

/// While it lives, the terminal does not show what is typed. It goes, too, when Ctrl-C ends the question.
#[cfg(unix)]
struct Hidden(nix::sys::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn new() -> io::Result<Self> {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

        let before = tcgetattr(io::stdin())?;
        let mut hiding = before.clone();
        hiding.local_flags.remove(LocalFlags::ECHO);
        hiding.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hiding)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};

        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn new() -> io::Result<Self> {
        Err(io::Error::other("this terminal cannot hide what is typed"))
    }
}
