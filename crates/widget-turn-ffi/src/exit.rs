//! The end of a program whose language ends before its threads do.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::feed::TurnFeed;

/// How long the feeds' threads are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

static FEEDS: Mutex<Vec<Weak<TurnFeed>>> = Mutex::new(Vec::new());
static THREADS: Mutex<usize> = Mutex::new(0);
static ONE_ENDS: Condvar = Condvar::new();

/// Ends every feed, and waits until nothing of them runs any more, for 3 s at most. It blocks.
///
/// For Python, whose package calls it when the interpreter ends: a thread that speaks to the interpreter after that takes the
/// whole process down with it. Kotlin and Swift have no need of it.
#[uniffi::export]
pub fn end_turn_feeds() {
    for feed in std::mem::take(&mut *lock(&FEEDS)) {
        if let Some(feed) = feed.upgrade() {
            feed.end();
        }
    }
    // Whatever comes of it, the program ends.
    let _ = ONE_ENDS.wait_timeout_while(lock(&THREADS), PATIENCE, |threads| *threads > 0);
}

pub(crate) fn note(feed: &Arc<TurnFeed>) {
    let mut feeds = lock(&FEEDS);
    feeds.retain(|feed| feed.strong_count() > 0);
    feeds.push(Arc::downgrade(feed));
}

/// Begins a feed's thread.
pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // From now on: a program may end before its threads have begun.
    *lock(&THREADS) += 1;
    let counted = Counted;
    thread::Builder::new()
        .name("widget-turn".to_owned())
        .spawn(move || {
            run();
            drop(counted);
        })?;
    Ok(())
}

/// One of the `THREADS`.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        *lock(&THREADS) -= 1;
        ONE_ENDS.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
