//! The person's browser.

use std::io;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use url::Url;

use crate::account::TOKEN_VARIABLE;
use crate::event::{Event, Reporter};

/// The first argument of a process that is there for [`open_here`].
const OPEN: &str = "open-page";

/// Opens a page. Where there is no browser, that is told and the rest goes on.
pub(crate) fn open(url: Url, reporter: &Arc<Reporter>) {
    let reporter = reporter.clone();
    // It may wait for the browser.
    tokio::task::spawn_blocking(move || {
        if open_without_secrets(url.as_str()).is_err() {
            let message = "no browser could be opened: open the page's URL yourself".to_owned();
            reporter.report(&Event::Error { message });
        }
    });
}

/// Opens a page by a process of our own, whose environment the browser inherits, with all that it starts in its turn.
pub(crate) fn open_without_secrets(url: &str) -> io::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args([OPEN, url])
        .env_remove(TOKEN_VARIABLE)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Opens a page, if that is what this process was started for by [`open_without_secrets`].
pub(crate) fn open_here() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != OPEN {
        return None;
    }
    let url = arguments.next()?.into_string().ok()?;
    Some(webbrowser::open(&url).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}
