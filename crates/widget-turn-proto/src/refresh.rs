//! When to fetch credentials, when to give up, when to publish. Knows nothing of widgets, HTTP or clocks.

mod output;
mod schedule;

use std::collections::VecDeque;
use std::time::Duration;

use crate::jitter::Jitter;
use crate::refusal::Unavailable;
use crate::response::{Fetched, RETRY_AFTER_MAX};
use crate::supply::Supply;
use crate::time::Timestamp;
use crate::turn_server::TurnServer;
pub use output::{FetchToken, RefreshConfig, RefreshOutput};
use schedule::{backoff_cap, margin};

/// A refused account is asked again at most this often, and only if somebody asks (rule C6).
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// A homeserver without TURN is asked again this often (rule C6), give or take a fifth.
const NO_TURN_PAUSE: Duration = Duration::from_secs(3600);
/// A wake-up cuts a back-off short, but not below this after the last request.
const WAKE_PAUSE: Duration = Duration::from_secs(5);

/// The credentials of one account: fetched when somebody is about to watch, refreshed before they expire while somebody
/// does, kept when nobody does.
///
/// ```
/// use std::time::Duration;
/// use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Supply, Timestamp, read_response};
///
/// let mut refresher = Refresher::new(RefreshConfig::default());
/// let mut now = Timestamp::ZERO;
/// refresher.handle_watch(now);
/// let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else { panic!() };
///
/// now = now + Duration::from_millis(80);
/// let body = br#"{"username":"u","password":"p","uris":["turn:t.example.com"],"ttl":3600}"#;
/// refresher.handle_fetched(now, &token, read_response(200, None, body));
/// let Some(RefreshOutput::Publish(Supply::Ready { expires_at, .. })) = refresher.poll_output() else { panic!() };
/// assert_eq!(expires_at, Timestamp::from_secs(3600), "counted from when the request was sent");
///
/// // The next fetch is due well before that, and not before.
/// let due = refresher.poll_timeout().expect("somebody watches");
/// assert!(due > Timestamp::from_secs(42 * 60) && due < Timestamp::from_secs(48 * 60));
/// refresher.handle_timeout(due);
/// assert!(matches!(refresher.poll_output(), Some(RefreshOutput::Fetch(_))));
/// ```
#[derive(Debug)]
pub struct Refresher {
    min_interval: Duration,
    jitter: Jitter,
    watchers: usize,
    next_token: u64,
    now: Timestamp,
    phase: Phase,
    cached: Option<Cached>,
    /// The lifetime last seen: it outlives the credentials, since it sets how long failures make us wait (rule C5).
    ttl: Option<Duration>,
    /// Why there is nothing better than `cached`, after the last result.
    trouble: Option<Trouble>,
    published: Supply,
    outputs: VecDeque<RefreshOutput>,
}

#[derive(Debug)]
enum Phase {
    /// A fetch is due at the time, if somebody watches or is about to.
    Due(Timestamp),
    /// A fetch failed for the `failures`th time; the next is due at the time.
    BackingOff {
        failures: u32,
        sent_at: Timestamp,
        due: Timestamp,
        /// What the homeserver asked for: a wake-up does not cut this short.
        not_before: Timestamp,
    },
    /// An answer is awaited.
    Fetching {
        token: FetchToken,
        sent_at: Timestamp,
        failures: u32,
    },
    /// Refused for what lasts: asking again starts a fetch, from `not_before` on.
    Refused {
        not_before: Timestamp,
        /// When it is asked again unbidden: for "no TURN here" alone, which an administrator may mend.
        due: Option<Timestamp>,
    },
    /// Signed out: over.
    Over,
}

#[derive(Debug)]
struct Cached {
    server: TurnServer,
    expires_at: Timestamp,
}

#[derive(Debug)]
enum Trouble {
    Passing,
    Lasting(Unavailable),
}

impl Refresher {
    /// A refresher that knows nothing yet and does nothing until somebody watches.
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher};
    /// let refresher = Refresher::new(RefreshConfig::default());
    /// assert_eq!(refresher.poll_timeout(), None);
    /// ```
    pub fn new(config: RefreshConfig) -> Self {
        Self {
            min_interval: config.min_interval,
            jitter: Jitter::new(config.seed),
            watchers: 0,
            next_token: 0,
            now: Timestamp::ZERO,
            phase: Phase::Due(Timestamp::ZERO),
            cached: None,
            ttl: None,
            trouble: None,
            published: Supply::Pending,
            outputs: VecDeque::new(),
        }
    }

    /// What was published last, which a new watcher gets at once (rule C1).
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher, Supply};
    /// assert_eq!(*Refresher::new(RefreshConfig::default()).supply(), Supply::Pending);
    /// ```
    pub fn supply(&self) -> &Supply {
        &self.published
    }

    /// Somebody begins to watch. The first one starts the polling (rule C7).
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_watch(Timestamp::ZERO);
    /// refresher.handle_watch(Timestamp::ZERO);
    /// assert!(matches!(refresher.poll_output(), Some(RefreshOutput::Fetch(_))));
    /// assert_eq!(refresher.poll_output(), None, "two watchers cost one request");
    /// ```
    pub fn handle_watch(&mut self, now: Timestamp) {
        self.watchers += 1;
        // Rule C6: to watch is to ask again where the account was refused, but not where there is no TURN.
        let now = now.max(self.now);
        if matches!(self.phase, Phase::Refused { not_before, due: None } if now >= not_before) {
            self.phase = Phase::Due(now);
        }
        self.advance(now);
    }

    /// Somebody may watch soon: what a first watcher would start is started now, once (rule C7). Neither a back-off nor a
    /// refusal is cut short.
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_prefetch(Timestamp::ZERO);
    /// assert!(matches!(refresher.poll_output(), Some(RefreshOutput::Fetch(_))));
    /// assert_eq!(refresher.poll_timeout(), None, "what it brings is not refreshed until somebody watches");
    /// ```
    pub fn handle_prefetch(&mut self, now: Timestamp) {
        self.observe(now);
        self.fetch_if_due();
        self.publish();
    }

    /// Somebody no longer watches. After the last one the polling ends; what is cached stays (rule C7).
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_watch(Timestamp::ZERO);
    /// refresher.handle_unwatch(Timestamp::ZERO);
    /// refresher.handle_unwatch(Timestamp::ZERO); // one too many does no harm
    /// assert_eq!(refresher.poll_timeout(), None);
    /// ```
    pub fn handle_unwatch(&mut self, now: Timestamp) {
        self.watchers = self.watchers.saturating_sub(1);
        self.advance(now);
    }

    /// The machine woke up, the network came back, or a person asks: a back-off is cut short, down to 5 s after the last
    /// request and not below the homeserver's `Retry-After`, and begins anew; an account that was refused, or told that
    /// there is no TURN, is asked again, at most once a minute (rules C4, C6).
    ///
    /// ```
    /// # use widget_turn_proto::{Failure, Fetched, RefreshConfig, RefreshOutput, Refresher, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_watch(Timestamp::ZERO);
    /// let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else { panic!() };
    /// refresher.handle_fetched(Timestamp::ZERO, &token, Fetched::Failed(Failure::default()));
    /// refresher.handle_wake(Timestamp::from_secs(3));
    /// assert!(refresher.poll_timeout() <= Some(Timestamp::from_secs(5)));
    /// ```
    pub fn handle_wake(&mut self, now: Timestamp) {
        match &mut self.phase {
            // The waits begin anew, since a machine is often awake some seconds before its network is.
            Phase::BackingOff {
                failures,
                sent_at,
                due,
                not_before,
            } => {
                *failures = 0;
                *due = (*due).min((*sent_at + WAKE_PAUSE).max(*not_before));
            }
            // Within the minute the wake-up is kept: it may be for a token that was refreshed just after its 401.
            Phase::Refused { not_before, due } => {
                *due = Some(due.map_or(*not_before, |due| due.min(*not_before)));
            }
            Phase::Fetching { failures, .. } => *failures = 0,
            Phase::Due(_) | Phase::Over => {}
        }
        self.advance(now);
    }

    /// The account is signed out: everything is forgotten, nothing is fetched any more (rule C7).
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, RefreshOutput, Refresher, Supply, Timestamp, Unavailable};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_sign_out(Timestamp::ZERO);
    /// refresher.handle_watch(Timestamp::ZERO);
    /// let published = RefreshOutput::Publish(Supply::Unavailable(Unavailable::SignedOut));
    /// assert_eq!(refresher.poll_output(), Some(published));
    /// assert_eq!(refresher.poll_output(), None, "no fetch");
    /// ```
    pub fn handle_sign_out(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.cached = None;
        self.trouble = Some(Trouble::Lasting(Unavailable::SignedOut));
        self.phase = Phase::Over;
        // What is queued may still hold credentials.
        self.outputs.clear();
        self.advance(now);
    }

    /// What came of a fetch. An answer under a token that is not the current one is ignored.
    ///
    /// ```
    /// # use widget_turn_proto::{Fetched, NoTurn, RefreshConfig, RefreshOutput, Refresher, Supply, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_watch(Timestamp::ZERO);
    /// let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else { panic!() };
    /// refresher.handle_fetched(Timestamp::ZERO, &token, Fetched::NoTurn(NoTurn::EmptyObject));
    /// assert!(matches!(refresher.supply(), Supply::Unavailable(_)));
    /// let again = Fetched::NoTurn(NoTurn::NoUris);
    /// refresher.handle_fetched(Timestamp::ZERO, &token, again); // stale: ignored
    /// ```
    pub fn handle_fetched(&mut self, now: Timestamp, token: &FetchToken, fetched: Fetched) {
        let now = now.max(self.now);
        let (sent_at, failures) = match &self.phase {
            Phase::Fetching {
                token: awaited,
                sent_at,
                failures,
            } if awaited == token => (*sent_at, *failures),
            _ => return,
        };
        match fetched {
            Fetched::Credentials { server, ttl } => self.keep(sent_at, server, ttl),
            Fetched::NoTurn(reason) => {
                let spread = self.jitter.up_to(NO_TURN_PAUSE * 2 / 5);
                let due = sent_at + NO_TURN_PAUSE * 4 / 5 + spread;
                self.refuse(
                    sent_at + REFUSED_PAUSE,
                    Some(due),
                    Unavailable::NoTurn(reason),
                );
            }
            Fetched::Forbidden(error) => {
                let not_before = Self::refused_until(now, sent_at, error.retry_after);
                self.refuse(not_before, None, Unavailable::Forbidden(error));
            }
            Fetched::Unauthorized(error) => {
                let not_before = Self::refused_until(now, sent_at, error.retry_after);
                self.refuse(not_before, None, Unavailable::Unauthorized(error));
            }
            Fetched::Failed(failure) => {
                self.trouble = Some(Trouble::Passing);
                self.back_off(now, sent_at, failures, failure.retry_after);
            }
        }
        self.advance(now);
    }

    /// Time has passed. Late, early and repeated calls are safe.
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher, Timestamp};
    /// let mut refresher = Refresher::new(RefreshConfig::default());
    /// refresher.handle_timeout(Timestamp::from_secs(1));
    /// refresher.handle_timeout(Timestamp::ZERO);
    /// assert_eq!(refresher.poll_output(), None);
    /// ```
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// What is to be done next; call until `None` after every `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher};
    /// assert_eq!(Refresher::new(RefreshConfig::default()).poll_output(), None);
    /// ```
    #[must_use]
    pub fn poll_output(&mut self) -> Option<RefreshOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next; `None` for never. May change with every
    /// `handle_…`.
    ///
    /// ```
    /// # use widget_turn_proto::{RefreshConfig, Refresher};
    /// assert_eq!(Refresher::new(RefreshConfig::default()).poll_timeout(), None);
    /// ```
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.watchers == 0 {
            return None;
        }
        let expiry = self.cached.as_ref().map(|cached| cached.expires_at);
        self.due().into_iter().chain(expiry).min()
    }

    fn keep(&mut self, sent_at: Timestamp, server: TurnServer, ttl: Duration) {
        let margin = margin(ttl);
        let early = margin + self.jitter.up_to(margin / 2);
        let due = (sent_at + (ttl.saturating_sub(early))).max(sent_at + self.min_interval);
        self.phase = Phase::Due(due);
        self.trouble = None;
        self.cached = Some(Cached {
            server,
            expires_at: sent_at + ttl,
        });
        self.ttl = Some(ttl);
    }

    fn refused_until(
        now: Timestamp,
        sent_at: Timestamp,
        retry_after: Option<Duration>,
    ) -> Timestamp {
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        (sent_at + REFUSED_PAUSE).max(now + asked)
    }

    fn refuse(&mut self, not_before: Timestamp, due: Option<Timestamp>, why: Unavailable) {
        self.trouble = Some(Trouble::Lasting(why));
        self.phase = Phase::Refused { not_before, due };
    }

    fn back_off(
        &mut self,
        now: Timestamp,
        sent_at: Timestamp,
        failures: u32,
        retry_after: Option<Duration>,
    ) {
        let cap = backoff_cap(self.ttl);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let mut wait = asked.max(Duration::from_secs(1)) + self.jitter.back_off(failures, cap);
        // Rule C3: a homeserver that comes back shortly before the expiry must be found before it.
        if let Some(cached) = self
            .cached
            .as_ref()
            .filter(|cached| cached.expires_at > now)
        {
            wait = wait
                .min(((cached.expires_at - now) / 2).max(Duration::from_secs(1)))
                .max(asked);
        }
        self.phase = Phase::BackingOff {
            failures: failures.saturating_add(1),
            sent_at,
            due: now + wait,
            not_before: now + asked,
        };
    }

    fn advance(&mut self, now: Timestamp) {
        self.observe(now);
        if self.watchers > 0 {
            self.fetch_if_due();
        }
        self.publish();
    }

    fn observe(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self
            .cached
            .as_ref()
            .is_some_and(|cached| cached.expires_at <= self.now)
        {
            self.cached = None;
        }
    }

    fn fetch_if_due(&mut self) {
        if self.due().is_some_and(|due| due <= self.now) {
            let failures = match self.phase {
                Phase::BackingOff { failures, .. } => failures,
                _ => 0,
            };
            let token = FetchToken(self.next_token);
            self.next_token += 1;
            self.outputs.push_back(RefreshOutput::Fetch(token.clone()));
            self.phase = Phase::Fetching {
                token,
                sent_at: self.now,
                failures,
            };
        }
    }

    fn publish(&mut self) {
        let supply = self.current();
        if supply != self.published {
            self.published = supply.clone();
            self.outputs.push_back(RefreshOutput::Publish(supply));
        }
    }

    /// When the next fetch is due, if one is.
    fn due(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Due(due) | Phase::BackingOff { due, .. } => Some(due),
            Phase::Refused { due, .. } => due,
            Phase::Fetching { .. } | Phase::Over => None,
        }
    }

    fn current(&self) -> Supply {
        if let Some(cached) = &self.cached {
            return Supply::Ready {
                server: cached.server.clone(),
                expires_at: cached.expires_at,
            };
        }
        match (&self.trouble, &self.phase) {
            (None, _) => Supply::Pending,
            (Some(Trouble::Passing), _) => Supply::Outage,
            // Asked again: a watcher that came for it waits for the new word.
            (Some(Trouble::Lasting(_)), Phase::Fetching { .. }) => Supply::Pending,
            (Some(Trouble::Lasting(why)), _) => Supply::Unavailable(why.clone()),
        }
    }
}
