//! `widget-turn logout`: ends a session that is kept.

use std::io::Write as _;

use crate::account::{self, AccountError, LoggedOut};
use crate::arguments;

pub(crate) async fn run(arguments: &arguments::Logout) -> Result<(), AccountError> {
    let LoggedOut { user, left } = account::log_out(arguments).await?;
    if let Some(why) = left {
        eprintln!(
            "widget-turn: the homeserver may still know the session; end it with another client of {user}: {why}"
        );
    }
    // Whoever read this has gone; it is done.
    let _ = writeln!(std::io::stdout(), "What was kept of {user} is wiped.");
    Ok(())
}
