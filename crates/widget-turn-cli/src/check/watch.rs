//! Round after round, and what came of the last ones.

mod board;
mod history;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::report::Report;

pub(crate) use board::Board;

/// Runs rounds that begin `every` so often, none before the last has ended nor before the homeserver wants to be asked
/// again, until somebody interrupts. The exit code of the last that was whole; or of one that could not be shown, after which
/// there is none.
pub(crate) async fn repeat(
    every: Duration,
    mut interrupted: watch::Receiver<bool>,
    mut round: impl AsyncFnMut() -> Result<Report, u8>,
) -> Option<u8> {
    let first = Instant::now();
    let mut exit_code = None;
    loop {
        let report = match round().await {
            Ok(report) => report,
            Err(unshown) => return Some(unshown),
        };
        if report.interrupted {
            return exit_code;
        }
        exit_code = Some(report.exit_code);
        let pause = report.homeserver.and_then(|it| it.retry_after_seconds);
        let next = next_start(first, Instant::now(), every, pause);
        tokio::select! {
            Ok(_) = interrupted.wait_for(|interrupted| *interrupted) => return exit_code,
            () = sleep_until(next) => {}
        }
    }
}

/// The next whole number of intervals after the first round, and not before the pause is over.
fn next_start(first: Instant, now: Instant, every: Duration, pause: Option<u64>) -> Instant {
    let since = now.duration_since(first).as_nanos();
    let rest = every.as_nanos() - since % every.as_nanos().max(1);
    let regular = now + Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX)).min(every);
    // Whatever a homeserver says, a day is enough.
    let pause = Duration::from_secs(pause.unwrap_or(0).min(86_400));
    regular.max(now + pause)
}

#[cfg(test)]
mod tests;
