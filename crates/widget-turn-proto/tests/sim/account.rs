//! One account's feed: the refresher as a driver runs it, and what must hold of it.

use std::collections::BTreeMap;
use std::time::Duration;

use widget_turn_proto::{FetchToken, Fetched, Supply, Timestamp};

use crate::bench::Bench;
use crate::clock::{FeedClock, Machine};
use crate::homeserver::{Answer, FETCH_PATIENCE};
use crate::premise::{Held, deadline};
use crate::tally::Tally;

/// A driver compares its clocks this often while somebody watches.
pub(crate) const TICK: Duration = Duration::from_secs(30);

pub(crate) struct Account {
    bench: Bench,
    clock: FeedClock,
    /// When the driver looks at its refresher by itself, on the monotonic clock.
    pub(crate) timer: Option<Timestamp>,
    flight: Option<Flight>,
    held: Option<Held>,
    /// Since when, on the feed's clock, nothing keeps it from getting credentials.
    reachable: Option<Timestamp>,
    /// Until when the homeserver asked to be left alone.
    asked_until: Timestamp,
    /// The last answer was one that lasts (rule C6).
    refused: bool,
    /// Who watches from then on has it asked again.
    asks_from: Option<Timestamp>,
    /// The machine slept or its clock was set, and the driver has not looked since.
    unnoticed: bool,
    failures: u64,
    /// When the credentials of each name expire, in the time that really passed.
    expiries: BTreeMap<String, Duration>,
    /// How far the feed's clock was behind that time, in nanoseconds, when the last credentials were asked for.
    behind: i128,
}

struct Flight {
    token: FetchToken,
    sent: Timestamp,
    elapsed: Duration,
    behind: i128,
    /// On the monotonic clock.
    until: Timestamp,
    answer: Answer,
}

/// An answer that came when nobody waited for it any more.
pub(crate) struct Stale(FetchToken, Fetched);

impl Account {
    pub(crate) fn new(seed: u64, machine: &Machine) -> Self {
        Self {
            bench: Bench::new(seed),
            clock: FeedClock::new(machine),
            timer: None,
            flight: None,
            held: None,
            reachable: None,
            asked_until: Timestamp::ZERO,
            refused: false,
            asks_from: None,
            unnoticed: false,
            failures: 0,
            expiries: BTreeMap::new(),
            behind: 0,
        }
    }

    pub(crate) fn supply(&self) -> &Supply {
        self.bench.supply()
    }

    /// How often something was published: what has changed, a widget's driver is told.
    pub(crate) fn edition(&self) -> usize {
        self.bench.published.len()
    }

    pub(crate) fn watchers(&self) -> usize {
        self.bench.watchers
    }

    pub(crate) fn watch(&mut self, machine: &Machine, up: bool) {
        let first = self.bench.watchers == 0;
        self.tell(machine, up, Bench::watch);
        if self.asks_from.is_some_and(|from| from <= self.bench.now) {
            assert!(self.bench.in_flight.is_some(), "c6: not asked again");
        }
        if first {
            self.is_reachable(up);
        }
    }

    pub(crate) fn prefetch(&mut self, machine: &Machine, up: bool) {
        self.tell(machine, up, Bench::prefetch);
    }

    pub(crate) fn unwatch(&mut self, machine: &Machine, up: bool) {
        self.tell(machine, up, Bench::unwatch);
        if self.bench.watchers == 0 {
            self.reachable = None;
        }
    }

    pub(crate) fn wake(&mut self, machine: &Machine, up: bool) {
        self.tell(machine, up, Bench::wake);
    }

    pub(crate) fn sign_out(&mut self, machine: &Machine, up: bool) {
        (self.flight, self.refused, self.reachable) = (None, true, None);
        self.asks_from = None;
        self.tell(machine, up, Bench::sign_out);
    }

    pub(crate) fn look(&mut self, machine: &Machine, up: bool) {
        self.tell(machine, up, |bench| bench.jump_to(bench.now));
    }

    /// The homeserver is another one from now on.
    pub(crate) fn spell_turns(&mut self, machine: &Machine, up: bool) {
        self.look(machine, up);
        self.is_reachable(up);
    }

    /// The clocks have moved against each other: the driver notices within a tick.
    pub(crate) fn clocks_moved(&mut self, machine: &Machine, notice: Duration) {
        self.unnoticed = true;
        self.reachable = None;
        if self.bench.watchers > 0 {
            let tick = machine.awake + notice;
            self.timer = Some(self.timer.map_or(tick, |timer| timer.min(tick)));
        }
    }

    /// A request that was just sent, if any, is to be answered.
    pub(crate) fn sent(
        &mut self,
        machine: &Machine,
        up: bool,
        answer: impl FnOnce() -> Answer,
    ) -> Option<Timestamp> {
        let token = self.bench.in_flight.clone()?;
        if self.flight.is_some() {
            return None;
        }
        if let Some(held) = self.held.filter(|_| self.failures == 0) {
            // The jitter is rounded to nanoseconds.
            let now = self.bench.now + Duration::from_micros(1);
            assert!(
                now >= held.earliest(),
                "c1: more than one request a lifetime, {held:?}"
            );
        }
        self.asks_from = None;
        if std::mem::take(&mut self.refused) {
            self.is_reachable(up);
        }
        let answer = answer();
        let until = machine.awake + answer.after;
        self.flight = Some(Flight {
            token,
            sent: self.bench.now,
            elapsed: machine.elapsed(),
            behind: self.lag(machine),
            until,
            answer,
        });
        Some(until)
    }

    /// The machine slept: what is in flight fails on waking, or is there at once.
    pub(crate) fn slept_in_flight(&mut self, machine: &Machine, fails: bool) -> Option<Timestamp> {
        let flight = self.flight.as_mut()?;
        flight.until = machine.awake;
        if fails {
            flight.answer.fetched = Fetched::Failed(widget_turn_proto::Failure::default());
            flight.answer.credentials = None;
        }
        Some(flight.until)
    }

    /// The request in flight is answered, if it is its time. Gives what comes after its time was over, and when.
    pub(crate) fn answered(
        &mut self,
        machine: &Machine,
        up: bool,
        tally: &mut Tally,
    ) -> Option<(Duration, Stale)> {
        let flight = self
            .flight
            .take_if(|flight| flight.until <= machine.awake)?;
        self.now(machine, up);
        if let Some((name, ttl)) = flight.answer.credentials {
            self.expiries.insert(name, flight.elapsed + ttl);
            self.behind = flight.behind;
            let held = Held {
                sent: flight.sent,
                ttl,
            };
            tally.count("fetched");
            if self.failures > 0 && held.ttl > FETCH_PATIENCE && self.is_ready() {
                tally.count("rescued");
            }
            (self.held, self.failures) = (Some(held), 0);
        } else {
            self.failures += 1;
            tally.count("failed");
        }
        let asked = match &flight.answer.fetched {
            Fetched::Failed(failure) => failure.retry_after,
            Fetched::NoTurn(_) | Fetched::Forbidden(_) | Fetched::Unauthorized(_) => {
                self.refused = true;
                self.reachable = None;
                tally.count("refused");
                // "No TURN here" is asked again by the hour, whoever watches.
                if !matches!(flight.answer.fetched, Fetched::NoTurn(_)) {
                    self.asks_from = Some(flight.sent + Duration::from_secs(60));
                }
                None
            }
            _ => None,
        };
        self.asked_until = self.bench.now + asked.unwrap_or_default();
        let fetched = flight.answer.fetched;
        self.tell(machine, up, |bench| bench.answer(fetched));
        let stale = flight.answer.late.map(|late| {
            let true_one = crate::bench::credentials(Duration::from_secs(3600));
            (late, Stale(flight.token, true_one))
        });
        if stale.is_some() {
            tally.count("answered too late");
        }
        stale
    }

    /// It must change nothing.
    pub(crate) fn stale_answer(&mut self, machine: &Machine, up: bool, stale: Stale) {
        self.look(machine, up);
        self.bench.stale_answer(&stale.0, stale.1);
    }

    /// C3, at any instant. `now` has come and nothing of it has happened yet.
    pub(crate) fn holds_what_it_could(&self, machine: &Machine) {
        if self.unnoticed {
            return;
        }
        let now = self.clock.peek(machine);
        if let Some(reachable) = self.reachable {
            let deadline = deadline(reachable.max(self.asked_until), self.held);
            assert!(
                now <= deadline,
                "c3: nothing came by {deadline:?}, reachable since {reachable:?}, held {:?}",
                self.held
            );
        }
    }

    /// C3, after any step: what is handed out is valid in the time that really passes.
    pub(crate) fn hands_out_what_is_valid(&self, machine: &Machine) {
        let Supply::Ready { server, .. } = self.bench.supply() else {
            return;
        };
        // A clock that was set back while the machine slept tells nobody how long that was.
        let watched = self.bench.watchers > 0;
        if !watched || self.unnoticed || self.lag(machine) > self.behind {
            return;
        }
        let expiry = self.expiries.get(server.username());
        let expiry = expiry.expect("the homeserver gave it");
        assert!(*expiry >= machine.elapsed(), "c3: expired credentials");
    }

    /// Nothing the feed knows of keeps the credentials in hand from being told.
    pub(crate) fn is_ready(&self) -> bool {
        !self.unnoticed && self.bench.is_ready()
    }

    /// How far the feed's clock is behind the time that really passed, in nanoseconds.
    fn lag(&self, machine: &Machine) -> i128 {
        let now = self.clock.peek(machine).since_origin();
        let nanos = |span: Duration| i128::try_from(span.as_nanos()).expect("years");
        nanos(machine.elapsed()) - nanos(now)
    }

    fn is_reachable(&mut self, up: bool) {
        let is = up && self.bench.watchers > 0 && !self.refused;
        self.reachable = is.then_some(self.bench.now);
    }

    fn now(&mut self, machine: &Machine, up: bool) {
        self.bench.now = self.clock.read(machine);
        if std::mem::take(&mut self.unnoticed) {
            self.is_reachable(up);
        }
    }

    fn tell(&mut self, machine: &Machine, up: bool, fact: impl FnOnce(&mut Bench)) {
        self.now(machine, up);
        fact(&mut self.bench);
        let due = self.bench.poll_timeout();
        self.timer = due.map(|due| machine.awake + (due - self.bench.now));
    }
}
