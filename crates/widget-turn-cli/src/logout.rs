//! `widget-turn logout`: ends a session that is kept.

use std::io::Write as _;
use std::process::ExitCode;

use crate::account::{self, AccountError, Left, LoggedOut};
use crate::arguments;
use crate::terminal::escaped;

/// Nothing is kept any more, and the homeserver may still have the session.
const LEFT: u8 = 3;

pub(crate) async fn run(arguments: &arguments::Logout) -> Result<ExitCode, AccountError> {
    let LoggedOut { user, left } = account::log_out(arguments).await?;
    // Whoever read this has gone; it is done.
    let _ = writeln!(std::io::stdout(), "What was kept of {user} is wiped.");
    let Some(Left { why, device }) = left else {
        return Ok(ExitCode::SUCCESS);
    };
    let device = match device {
        Some(device) => format!("the device {}", escaped(device.as_str())),
        None => "a device".to_owned(),
    };
    eprintln!(
        "widget-turn: the homeserver could not be told, and may still list {device} of {user}: remove it with another client, \
         in its settings under Sessions or Devices ({why})"
    );
    Ok(LEFT.into())
}
