//! One account's TURN credentials, shared by all its widgets.

mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use widget_turn_proto::{
    Failure, FetchToken, Fetched, RefreshConfig, RefreshOutput, Refresher, Supply, Timestamp,
    Unavailable,
};

use crate::clock::Clock;
use crate::runtime::{Instant, Panicked, Task, seed, sleep_until};
use crate::source::TurnSource;
pub use watch::FeedWatch;

/// While somebody watches, the clocks are compared this often, to notice that the machine slept (rule C4).
const TICK: Duration = Duration::from_secs(30);
/// A source that takes longer than this has failed: its own limits should be well below.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);

/// How a [`TurnFeed`] keeps time.
///
/// ```
/// use widget_turn::FeedConfig;
///
/// let config = FeedConfig::default();
/// assert_eq!(config.min_interval.as_secs(), 30);
/// assert_ne!(config.seed, FeedConfig::default().seed, "each feed refreshes at moments of its own");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// Where the jitter comes from; random by default.
    pub seed: u64,
    /// The least time between two successful fetches: 30 s by default. Lower it only where credentials live for less
    /// than a minute.
    pub min_interval: Duration,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            seed: seed(),
            min_interval: RefreshConfig::default().min_interval,
        }
    }
}

/// One account's TURN credentials: fetched while somebody watches, refreshed before they expire, shared by all.
///
/// Make one for each account, and clone it freely: N widgets cost one request per lifetime (rule C1). When the last
/// clone and the last [`FeedWatch`] are gone, its task ends.
///
/// ```
/// use std::time::Duration;
/// use widget_turn::{FeedConfig, Fetched, Secret, Supply, TurnFeed, TurnServer, TurnSource};
///
/// struct Fixed;
/// impl TurnSource for Fixed {
///     async fn fetch(&self) -> Fetched {
///         let server = TurnServer::new(["turn:turn.example.com".into()], "u", Secret::new("p"));
///         Fetched::Credentials { server: server.expect("it is complete"), ttl: Duration::from_secs(3600) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let feed = TurnFeed::new(Fixed, FeedConfig::default());
/// let mut watch = feed.watch();
/// let mut supply = watch.current();
/// while supply == Supply::Pending {
///     supply = watch.changed().await;
/// }
/// let Supply::Ready { server, .. } = supply else { panic!("the source gives credentials") };
/// assert_eq!(server.uris(), ["turn:turn.example.com"]);
/// # }
/// ```
#[derive(Clone)]
pub struct TurnFeed(Arc<Handle>);

/// Everything that keeps a feed alive has one; the last one to go ends the task.
struct Handle {
    shared: Arc<Shared>,
    _task: Task<()>,
}

struct Shared {
    state: Mutex<State>,
    supply: channel::Sender<Supply>,
    /// The task is to look at the state again.
    changed: Notify,
}

struct State {
    refresher: Refresher,
    clock: Clock,
    /// A fetch that the task is to start.
    wanted: Option<FetchToken>,
}

impl TurnFeed {
    /// A feed that does nothing until somebody watches or is about to.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, except in the browser, which needs none.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, Supply, TurnFeed, TurnSource};
    /// # struct Never;
    /// # impl TurnSource for Never {
    /// #     async fn fetch(&self) -> Fetched { panic!("nobody watches") }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Never, FeedConfig::default());
    /// assert_eq!(feed.supply(), Supply::Pending);
    /// # }
    /// ```
    pub fn new(source: impl TurnSource, config: FeedConfig) -> Self {
        Self::with_clock(source, config, Clock::new())
    }

    pub(crate) fn with_clock(source: impl TurnSource, config: FeedConfig, clock: Clock) -> Self {
        let refresher = Refresher::new(RefreshConfig {
            seed: config.seed,
            min_interval: config.min_interval,
        });
        let shared = Arc::new(Shared {
            supply: channel::Sender::new(refresher.supply().clone()),
            state: Mutex::new(State {
                refresher,
                clock,
                wanted: None,
            }),
            changed: Notify::new(),
        });
        let task = Task::spawn(run(shared.clone(), Arc::new(source)));
        Self(Arc::new(Handle {
            shared,
            _task: task,
        }))
    }

    /// Begins to watch. While there is at least one watch, credentials are fetched and refreshed (rule C7); what is known
    /// is there at once (rule C1).
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, NoTurn, Supply, TurnFeed, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// let mut watch = feed.watch();
    /// assert!(matches!(watch.changed().await, Supply::Unavailable(_)));
    /// # }
    /// ```
    pub fn watch(&self) -> FeedWatch {
        self.0.shared.tell(Refresher::handle_watch);
        let supply = self.0.shared.supply.subscribe();
        FeedWatch {
            handle: self.0.clone(),
            supply,
        }
    }

    /// Somebody may watch soon: what a first watch would fetch is fetched now, once, and not refreshed (rule C7). A
    /// [`TurnLayer`](crate::TurnLayer) says so when its widget is granted TURN, so that a call need not wait for it.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, NoTurn, Supply, TurnFeed, TurnSource};
    /// # struct NoTurnHere;
    /// # impl TurnSource for NoTurnHere {
    /// #     async fn fetch(&self) -> Fetched { Fetched::NoTurn(NoTurn::EmptyObject) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(NoTurnHere, FeedConfig::default());
    /// feed.prefetch();
    /// while feed.supply() == Supply::Pending {
    ///     tokio::task::yield_now().await;
    /// }
    /// assert!(matches!(feed.watch().current(), Supply::Unavailable(_)), "it is there already");
    /// # }
    /// ```
    pub fn prefetch(&self) {
        self.0.shared.tell(Refresher::handle_prefetch);
    }

    /// What is known now, without watching.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, Supply, TurnFeed, TurnSource};
    /// # struct Never;
    /// # impl TurnSource for Never {
    /// #     async fn fetch(&self) -> Fetched { panic!("nobody watches") }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert_eq!(TurnFeed::new(Never, FeedConfig::default()).supply(), Supply::Pending);
    /// # }
    /// ```
    pub fn supply(&self) -> Supply {
        self.0.shared.tell(Refresher::handle_timeout);
        self.0.shared.supply.borrow().clone()
    }

    /// What is known, as it changes, without watching: for a settings screen. It ends with the feed.
    ///
    /// ```
    /// # use widget_turn::{Failure, FeedConfig, Fetched, Supply, TurnFeed, TurnSource};
    /// # struct Broken;
    /// # impl TurnSource for Broken {
    /// #     async fn fetch(&self) -> Fetched { Fetched::Failed(Failure::default()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Broken, FeedConfig::default());
    /// let mut screen = feed.subscribe();
    /// let watch = feed.watch();
    /// assert!(screen.changed().await.is_ok());
    /// assert_eq!(*screen.borrow(), Supply::Outage);
    /// # drop(watch);
    /// # }
    /// ```
    pub fn subscribe(&self) -> channel::Receiver<Supply> {
        self.0.shared.supply.subscribe()
    }

    /// The feed's clock, on which [`Supply::Ready`] says when the credentials expire.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, Timestamp, TurnFeed, TurnSource};
    /// # struct Never;
    /// # impl TurnSource for Never {
    /// #     async fn fetch(&self) -> Fetched { panic!("nobody watches") }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Never, FeedConfig::default());
    /// assert!(feed.now() < Timestamp::from_secs(60), "it starts with the feed");
    /// # }
    /// ```
    pub fn now(&self) -> Timestamp {
        self.0.shared.lock().clock.now()
    }

    /// The machine woke up, the network came back, or a person asks to try again: what is due is done now, a back-off is
    /// cut short (but not the homeserver's `Retry-After`), a refused account is asked again, at most once a minute
    /// (rules C4, C6). Call it from the platform's resume and online events; without it the feed notices within 30 s.
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, TurnFeed, TurnSource};
    /// # struct Never;
    /// # impl TurnSource for Never {
    /// #     async fn fetch(&self) -> Fetched { panic!("nobody watches") }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Never, FeedConfig::default());
    /// feed.wake(); // nobody watches: nothing happens
    /// # }
    /// ```
    pub fn wake(&self) {
        self.0.shared.tell(Refresher::handle_wake);
    }

    /// The account is signed out: the credentials are wiped, a request in flight is dropped, none follows (rule C7).
    ///
    /// ```
    /// # use widget_turn::{FeedConfig, Fetched, Supply, TurnFeed, TurnSource, Unavailable};
    /// # struct Never;
    /// # impl TurnSource for Never {
    /// #     async fn fetch(&self) -> Fetched { panic!("nobody watches") }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let feed = TurnFeed::new(Never, FeedConfig::default());
    /// feed.sign_out();
    /// assert_eq!(feed.watch().current(), Supply::Unavailable(Unavailable::SignedOut));
    /// # }
    /// ```
    pub fn sign_out(&self) {
        self.0.shared.tell(Refresher::handle_sign_out);
    }
}

impl fmt::Debug for TurnFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnFeed").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in a fact, and does what comes of it. Published under the lock, so that a watch sees it as soon as it is made.
    fn tell(&self, fact: impl FnOnce(&mut Refresher, Timestamp)) {
        let mut state = self.lock();
        let now = state.clock.now();
        fact(&mut state.refresher, now);
        while let Some(output) = state.refresher.poll_output() {
            match output {
                RefreshOutput::Fetch(token) => state.wanted = Some(token),
                RefreshOutput::Publish(supply) => {
                    self.supply.send_replace(supply);
                }
                _ => {}
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// When the task must look again on its own.
    fn deadline(&self) -> Option<Instant> {
        let mut state = self.lock();
        let due = state.refresher.poll_timeout()?;
        let wait = state.clock.until(due).min(TICK);
        Some(Instant::now() + wait)
    }
}

async fn run<S: TurnSource>(shared: Arc<Shared>, source: Arc<S>) {
    let mut fetch = None;
    loop {
        if let Some(token) = shared.lock().wanted.take() {
            fetch = Some(Fetch::start(token, source.clone()));
        }
        if *shared.supply.borrow() == Supply::Unavailable(Unavailable::SignedOut) {
            fetch = None;
        }
        let deadline = shared.deadline();
        tokio::select! {
            (token, fetched) = done(&mut fetch) => {
                fetch = None;
                log(&fetched);
                shared.tell(|refresher, now| refresher.handle_fetched(now, &token, fetched));
            }
            () = shared.changed.notified() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                shared.tell(Refresher::handle_timeout);
            }
        }
    }
}

/// A request that is under way. Dropping it ends it.
struct Fetch {
    token: FetchToken,
    // A task of its own, so that a source that panics takes nothing with it.
    answer: Task<Option<Fetched>>,
}

impl Fetch {
    fn start<S: TurnSource>(token: FetchToken, source: Arc<S>) -> Self {
        let answer = Task::spawn(async move {
            tokio::select! {
                biased;
                fetched = source.fetch() => Some(fetched),
                () = sleep_until(Instant::now() + FETCH_PATIENCE) => None,
            }
        });
        Self { token, answer }
    }
}

async fn done(fetch: &mut Option<Fetch>) -> (FetchToken, Fetched) {
    let Some(fetch) = fetch else {
        return std::future::pending().await;
    };
    let fetched = match (&mut fetch.answer).await {
        Ok(Some(fetched)) => fetched,
        Ok(None) => {
            tracing::warn!("asking for TURN servers took longer than {FETCH_PATIENCE:?}");
            Fetched::Failed(Failure::default())
        }
        Err(Panicked) => {
            tracing::error!("the TURN source panicked");
            Fetched::Failed(Failure::default())
        }
    };
    (fetch.token.clone(), fetched)
}

fn log(fetched: &Fetched) {
    match fetched {
        Fetched::Credentials { server, ttl } => {
            tracing::debug!(uris = server.uris().len(), ?ttl, "fetched TURN credentials");
        }
        Fetched::NoTurn(reason) => tracing::info!("no TURN servers: {reason}"),
        Fetched::Forbidden(error) | Fetched::Unauthorized(error) => {
            tracing::warn!(
                status = error.status,
                errcode = error.errcode,
                "TURN servers refused"
            );
        }
        Fetched::Failed(failure) => {
            let status = failure.response.as_ref().map(|response| response.status);
            tracing::warn!(status, retry_after = ?failure.retry_after, "asking for TURN servers failed");
        }
        _ => {}
    }
}
