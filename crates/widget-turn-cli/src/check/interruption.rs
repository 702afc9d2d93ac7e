//! Ctrl-C, whoever stops services, or a terminal that goes: the first ends a check cleanly, one that insists ends it at once.

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::shutdown::{SAME, Signals};
use crate::terminal::Progress;

/// As a shell says it of a program that ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Turns true at the first signal. One that comes later than [`SAME`] ends the program, whatever it leaves behind.
pub(crate) fn interruptions(progress: Progress) -> watch::Receiver<bool> {
    let (interrupt, interrupted) = watch::channel(false);
    let (tell, signals) = mpsc::channel(1);
    tokio::spawn(async move {
        // Without signals nobody interrupts.
        let _ = forward(tell).await;
    });
    tokio::spawn(async move {
        if insisted(signals, &interrupt).await {
            progress.clear();
            std::process::exit(INTERRUPTED.into());
        }
        interrupt.closed().await;
    });
    interrupted
}

/// Whether somebody insists; `false` when there are no more signals.
pub(super) async fn insisted(
    mut signals: mpsc::Receiver<()>,
    interrupt: &watch::Sender<bool>,
) -> bool {
    if signals.recv().await.is_none() {
        return false;
    }
    interrupt.send_replace(true);
    let first = Instant::now();
    while signals.recv().await.is_some() {
        if first.elapsed() > SAME {
            return true;
        }
    }
    false
}

/// Passes each signal on until nobody cares any more.
async fn forward(tell: mpsc::Sender<()>) -> std::io::Result<()> {
    let mut signals = Signals::new()?;
    while !tell.is_closed() {
        signals.next().await?;
        let _ = tell.send(()).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_ends_cleanly_and_only_a_later_one_at_once() {
        let (tell, signals) = mpsc::channel(1);
        let (interrupt, interrupted) = watch::channel(false);
        let signalled = async {
            tell.send(()).await.unwrap();
            tell.send(()).await.unwrap();
            interrupted.clone().wait_for(|it| *it).await.unwrap();
            advance(SAME).await;
            tell.send(()).await.unwrap();
            // Taken, and no end.
            let _room = tell.reserve().await.unwrap();
            assert!(!tell.is_closed());
            advance(Duration::from_millis(1)).await;
            drop(_room);
            tell.send(()).await.unwrap();
        };
        let (insisted, ()) = tokio::join!(insisted(signals, &interrupt), signalled);
        assert!(insisted);
        assert!(tell.is_closed());
    }

    #[tokio::test]
    async fn nobody_insists_where_there_are_no_signals() {
        let (interrupt, interrupted) = watch::channel(false);
        let (tell, signals) = mpsc::channel(1);
        drop(tell);
        assert!(!insisted(signals, &interrupt).await);
        assert!(!*interrupted.borrow());
    }
}
