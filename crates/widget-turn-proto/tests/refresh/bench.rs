//! Drives a refresher on a clock of its own, and checks after every step what must always hold.

use std::time::Duration;

use widget_turn_proto::{
    ApiError, Failure, FetchToken, Fetched, NoTurn, RefreshConfig, RefreshOutput, Refresher,
    Secret, Supply, Timestamp, TurnServer,
};

/// No homeserver is obeyed for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A refresher, its clock, and the request that it has in flight.
pub(crate) struct Bench {
    pub(crate) now: Timestamp,
    /// How far behind `now` the time is that calls hand in.
    pub(crate) lag: Duration,
    pub(crate) watchers: usize,
    pub(crate) in_flight: Option<FetchToken>,
    /// When each request was sent.
    pub(crate) requests: Vec<Timestamp>,
    /// What was published, in order.
    pub(crate) published: Vec<Supply>,
    refresher: Refresher,
    min_interval: Duration,
    last: Last,
    watched_since: bool,
    woken_since: bool,
    /// Somebody is about to watch.
    prefetching: bool,
}

/// What the last request came to: it says when the next one may be sent.
enum Last {
    Nothing,
    Credentials,
    NoTurn,
    Refused(Duration),
    Failed(Timestamp, Duration),
    SignedOut,
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Self {
        let config = RefreshConfig {
            seed,
            ..RefreshConfig::default()
        };
        Self {
            now: Timestamp::ZERO,
            lag: Duration::ZERO,
            watchers: 0,
            in_flight: None,
            requests: Vec::new(),
            published: Vec::new(),
            refresher: Refresher::new(config),
            min_interval: config.min_interval,
            last: Last::Nothing,
            watched_since: false,
            woken_since: false,
            prefetching: false,
        }
    }

    /// One who watches, whose credentials for `ttl` have just come.
    pub(crate) fn ready(seed: u64, ttl: Duration) -> Self {
        let mut bench = Self::new(seed);
        bench.watch();
        bench.answer(credentials(ttl));
        assert!(bench.is_ready(), "credentials for {ttl:?} came");
        bench
    }

    pub(crate) fn watch(&mut self) {
        self.watchers += 1;
        self.watched_since = true;
        self.refresher.handle_watch(self.lagging());
        self.check();
    }

    pub(crate) fn unwatch(&mut self) {
        self.watchers = self.watchers.saturating_sub(1);
        self.refresher.handle_unwatch(self.lagging());
        self.check();
    }

    pub(crate) fn prefetch(&mut self) {
        self.prefetching = true;
        self.refresher.handle_prefetch(self.lagging());
        self.check();
        self.prefetching = false;
    }

    pub(crate) fn wake(&mut self) {
        self.woken_since = true;
        self.refresher.handle_wake(self.lagging());
        self.check();
    }

    pub(crate) fn sign_out(&mut self) {
        self.last = Last::SignedOut;
        self.in_flight = None;
        self.refresher.handle_sign_out(self.lagging());
        self.check();
        assert!(!self.is_ready(), "signed out");
    }

    /// The request in flight comes to this.
    pub(crate) fn answer(&mut self, fetched: Fetched) {
        let token = self.in_flight.take().expect("a request is in flight");
        self.last = match &fetched {
            Fetched::Credentials { .. } => Last::Credentials,
            Fetched::NoTurn(_) => Last::NoTurn,
            Fetched::Forbidden(error) | Fetched::Unauthorized(error) => {
                Last::Refused(error.retry_after.unwrap_or_default())
            }
            Fetched::Failed(failure) => {
                Last::Failed(self.now, failure.retry_after.unwrap_or_default())
            }
            _ => panic!("an answer that these tests do not know"),
        };
        (self.watched_since, self.woken_since) = (false, false);
        self.refresher
            .handle_fetched(self.lagging(), &token, fetched);
        self.check();
    }

    /// An answer that nobody waits for any more: it must change nothing.
    pub(crate) fn stale_answer(&mut self, token: &FetchToken, fetched: Fetched) {
        let before = (self.supply().clone(), self.poll_timeout());
        self.refresher.handle_fetched(self.now, token, fetched);
        assert_eq!(self.refresher.poll_output(), None, "a stale answer");
        assert_eq!(before, (self.supply().clone(), self.poll_timeout()));
    }

    /// Time jumps, as when the machine slept: nothing was called in between.
    pub(crate) fn jump_to(&mut self, then: Timestamp) {
        assert!(then >= self.now, "the test's own clock goes forward");
        self.now = then;
        self.refresher.handle_timeout(then);
        self.check();
    }

    /// Time passes, with every time-out served when it is due.
    pub(crate) fn run_to(&mut self, end: Timestamp) {
        while let Some(next) = self.poll_timeout().filter(|next| *next <= end) {
            self.jump_to(next);
        }
        self.jump_to(end.max(self.now));
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.run_to(self.now + span);
    }

    /// Time passes until a request is in flight; gives the time that it took.
    pub(crate) fn run_to_request(&mut self) -> Duration {
        let start = self.now;
        while self.in_flight.is_none() {
            let next = self.poll_timeout().expect("a request comes some time");
            self.jump_to(next);
        }
        self.now - start
    }

    pub(crate) fn supply(&self) -> &Supply {
        self.refresher.supply()
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.supply(), Supply::Ready { .. })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.refresher.poll_timeout()
    }

    fn lagging(&self) -> Timestamp {
        Timestamp::new(self.now.since_origin().saturating_sub(self.lag))
    }

    fn check(&mut self) {
        while let Some(output) = self.refresher.poll_output() {
            match output {
                RefreshOutput::Fetch(token) => self.sent(token),
                RefreshOutput::Publish(supply) => {
                    assert_ne!(self.published.last(), Some(&supply), "said twice");
                    self.published.push(supply);
                }
                other => panic!("an output that these tests do not know: {other:?}"),
            }
        }
        let last = self.published.last().unwrap_or(&Supply::Pending);
        assert_eq!(self.supply(), last, "the supply is what was published last");
        if let Supply::Ready { expires_at, .. } = self.supply() {
            assert!(*expires_at > self.now, "c3: expired ones are not ready");
        }
        match self.poll_timeout() {
            Some(next) => {
                assert!(self.watchers > 0, "c7: nothing is due while nobody watches");
                assert!(
                    next > self.now,
                    "a deadline that has passed makes a hot loop"
                );
            }
            None => assert!(
                self.watchers == 0
                    || self.in_flight.is_some()
                    || matches!(self.last, Last::SignedOut | Last::Refused(_)),
                "nothing would ever happen again"
            ),
        }
    }

    fn sent(&mut self, token: FetchToken) {
        assert!(
            self.watchers > 0 || self.prefetching,
            "c7: no request while nobody watches"
        );
        assert_eq!(self.in_flight, None, "c5: one request in flight");
        let since = |then: Timestamp| self.now - then;
        let before = self.requests.last().copied().unwrap_or_default();
        match self.last {
            Last::Nothing => {}
            Last::Credentials => assert!(since(before) >= self.min_interval, "c2"),
            Last::NoTurn if self.woken_since => assert!(since(before) >= secs(60), "c6"),
            Last::NoTurn => assert!(since(before) >= secs(48 * 60), "c6"),
            Last::Refused(wait) => {
                assert!(self.watched_since || self.woken_since, "c6: nobody asked");
                assert!(
                    since(before) >= secs(60).max(wait.min(RETRY_AFTER_MAX)),
                    "c6"
                );
            }
            Last::Failed(answered, wait) => {
                assert!(
                    since(answered) >= wait.min(RETRY_AFTER_MAX),
                    "c5: Retry-After"
                );
                let woken = self.woken_since && since(before) >= secs(5);
                assert!(woken || since(answered) >= secs(1), "c5");
            }
            Last::SignedOut => panic!("c7: a request after the sign-out"),
        }
        self.requests.push(self.now);
        self.in_flight = Some(token);
    }
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

pub(crate) fn credentials(ttl: Duration) -> Fetched {
    let server = TurnServer::new(["turn:a".to_owned()], "u", Secret::new("p"))
        .expect("a URI that browsers take");
    Fetched::Credentials { server, ttl }
}

pub(crate) fn failed(retry_after: Option<Duration>) -> Fetched {
    Fetched::Failed(Failure {
        retry_after,
        response: None,
    })
}

pub(crate) fn no_turn() -> Fetched {
    Fetched::NoTurn(NoTurn::EmptyObject)
}

pub(crate) fn forbidden() -> Fetched {
    Fetched::Forbidden(api_error(403, None))
}

pub(crate) fn unauthorized() -> Fetched {
    Fetched::Unauthorized(api_error(401, None))
}

pub(crate) fn api_error(status: u16, retry_after: Option<Duration>) -> ApiError {
    ApiError {
        status,
        errcode: None,
        error: None,
        retry_after,
    }
}
