//! One account's TURN credentials, on a thread of their own.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::time::timeout;
use widget_turn::{FeedConfig, Supply};

use crate::calls::Calls;
use crate::exit;
use crate::set_up_error::TurnSetUpError;
use crate::source::{ForeignSource, TurnSource};

/// One account's TURN credentials: fetched for the first widget that may have them, refreshed before they expire while one
/// watches, shared by all.
///
/// Make one for each account and give it to every `TurnLayer` of that account. It has one thread.
/// `stop` it when the account is signed out or the app ends; it also ends when it and its layers are freed.
#[derive(uniffi::Object)]
pub struct TurnFeed {
    /// The thread ends when it is dropped.
    end: Mutex<Option<oneshot::Sender<()>>>,
    handle: Handle,
    feed: widget_turn::TurnFeed,
    calls: Calls,
    board: Board,
}

/// What a settings screen shows of a feed.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TurnFeedState {
    /// What is in hand.
    pub supply: TurnSupply,
    /// What went wrong when the homeserver was asked last, in English words for a person; nothing if it went well. What is
    /// in hand may be valid all the same. The words of what the app threw are in it.
    pub problem: Option<String>,
    /// How many widgets watch. While there is none, nothing is refreshed.
    pub watching: u32,
}

/// What a feed has in hand.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TurnSupply {
    /// No result yet, or none that is still valid.
    Pending,
    /// Credentials that are valid now.
    Ready {
        /// The servers' URIs.
        uris: Vec<String>,
        /// Until then. Newer ones are fetched before.
        expires_at: SystemTime,
    },
    /// Nothing valid, for a cause that may pass.
    Outage,
    /// Nothing valid, for a cause that lasts.
    Unavailable {
        /// It, in English words for a person.
        reason: String,
    },
}

#[uniffi::export]
impl TurnFeed {
    /// A feed that does nothing until a widget wants it.
    #[uniffi::constructor]
    pub fn new(source: Arc<dyn TurnSource>) -> Result<Arc<Self>, TurnSetUpError> {
        let no_thread = |error: io::Error| TurnSetUpError::NoThread {
            reason: error.to_string(),
        };
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(no_thread)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        exit::spawn(move || {
            // Its sender is dropped to end it.
            let _ = runtime.block_on(ended);
        })
        .map_err(no_thread)?;
        let calls = Calls::new();
        let board = Board::new();
        let source = ForeignSource {
            source,
            calls: calls.clone(),
            board: board.clone(),
        };
        let _context = handle.enter();
        let feed = widget_turn::TurnFeed::new(source, FeedConfig::default());
        tokio::spawn(follow(feed.subscribe(), feed.clone(), board.clone()));
        let feed = Arc::new(Self {
            end: Mutex::new(Some(end)),
            handle: handle.clone(),
            feed,
            calls,
            board,
        });
        exit::note(&feed);
        Ok(feed)
    }

    /// The network came back, the app came to the foreground, or a person asks to try again: what is due is done now.
    pub fn wake(&self) {
        self.feed.wake();
    }

    /// The account is signed out: the credentials are wiped, and none are fetched any more.
    pub fn sign_out(&self) {
        self.feed.sign_out();
    }

    /// For a settings screen: the state as it is now, and then as it changes. Any number of screens may have one each.
    pub fn states(&self) -> Arc<TurnFeedStates> {
        let mut board = self.board.read();
        board.mark_changed();
        Arc::new(TurnFeedStates(AsyncMutex::new(board)))
    }

    /// Ends the feed and its layers. From now on none of the app's functions is called, and those that run are cancelled.
    /// It returns when these have ended, `finally` and all, or after 3 s: for what does not listen to its cancellation it
    /// waits no longer, and of what a function has begun elsewhere, as in a thread, it does not know. To stop twice does no
    /// harm.
    pub async fn stop(&self) {
        self.calls.end();
        self.board.0.send_replace(None);
        // Also if nobody waits for it any more: whoever stops may be one of those who are cancelled.
        let _end = Ending(self);
        self.over(&self.calls).await;
    }
}

/// Ends the feed when it is dropped.
struct Ending<'a>(&'a TurnFeed);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl TurnFeed {
    pub(crate) fn runtime(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn inner(&self) -> &widget_turn::TurnFeed {
        &self.feed
    }

    /// Waits until calls of the feed or of one of its layers are over: on the feed's thread, which has the clock for it.
    pub(crate) async fn over(&self, calls: &Calls) {
        let calls = calls.clone();
        // That of a feed which has stopped is gone, and they are over.
        let _ = self.handle.spawn(async move { calls.over().await }).await;
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    pub(crate) fn end(&self) {
        self.calls.end();
        self.board.0.send_replace(None);
        // Whoever frees a feed may not be kept waiting.
        self.end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Drop for TurnFeed {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for TurnFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnFeed").finish_non_exhaustive()
    }
}

/// The states of a feed, one after another; see `TurnFeed.states`.
#[derive(Debug, uniffi::Object)]
pub struct TurnFeedStates(AsyncMutex<watch::Receiver<Option<TurnFeedState>>>);

#[uniffi::export]
impl TurnFeedStates {
    /// The state, the first time at once and then when it has changed: of several changes the last. Nothing, at once and
    /// each time, once the feed has ended.
    pub async fn next(&self) -> Option<TurnFeedState> {
        let mut board = self.0.lock().await;
        // The last change was the end.
        let ended = board.borrow().is_none();
        if !ended {
            board.changed().await.ok()?;
        }
        board.borrow_and_update().clone()
    }
}

/// Where the state of a feed is posted. `None` once it has ended.
#[derive(Clone, Debug)]
pub(crate) struct Board(Arc<watch::Sender<Option<TurnFeedState>>>);

impl Board {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Some(TurnFeedState {
            supply: TurnSupply::Pending,
            problem: None,
            watching: 0,
        }))))
    }

    pub(crate) fn read(&self) -> watch::Receiver<Option<TurnFeedState>> {
        self.0.subscribe()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut TurnFeedState)) {
        self.0.send_if_modified(|state| {
            let Some(state) = state else { return false };
            let before = state.clone();
            change(state);
            *state != before
        });
    }
}

async fn follow(mut supply: watch::Receiver<Supply>, feed: widget_turn::TurnFeed, board: Board) {
    loop {
        let now = supply.borrow_and_update().clone();
        let mut valid_for = Duration::MAX;
        let shown = match now {
            Supply::Pending => TurnSupply::Pending,
            Supply::Ready { server, expires_at } => {
                valid_for = expires_at - feed.now();
                TurnSupply::Ready {
                    uris: server.uris().to_vec(),
                    expires_at: SystemTime::now() + valid_for,
                }
            }
            Supply::Unavailable(why) => TurnSupply::Unavailable {
                reason: why.to_string(),
            },
            // What is unknown may pass.
            _ => TurnSupply::Outage,
        };
        board.change(|state| state.supply = shown);
        match timeout(valid_for, supply.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            // The feed tells of an expiry by itself only while somebody watches.
            Err(_) => drop(feed.supply()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use widget_turn::{Fetched, read_response};

    use super::*;

    struct Homeserver;

    impl widget_turn::TurnSource for Homeserver {
        async fn fetch(&self) -> Fetched {
            let body =
                br#"{"username":"u","password":"p","uris":["turn:t.example.org"],"ttl":600}"#;
            read_response(200, None, body)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_expired_is_not_shown_as_valid_while_nobody_watches() {
        let feed = widget_turn::TurnFeed::new(Homeserver, FeedConfig::default());
        let board = Board::new();
        let mut states = board.read();
        tokio::spawn(follow(feed.subscribe(), feed.clone(), board));
        let ready = |state: &Option<TurnFeedState>| {
            matches!(
                state,
                Some(TurnFeedState {
                    supply: TurnSupply::Ready { .. },
                    ..
                })
            )
        };
        feed.prefetch();
        states.wait_for(ready).await.unwrap();
        let began = Instant::now();
        let expired = timeout(
            Duration::from_secs(3600),
            states.wait_for(|state| !ready(state)),
        );
        assert!(expired.await.is_ok());
        assert_eq!(began.elapsed().as_secs(), 600);
    }
}
