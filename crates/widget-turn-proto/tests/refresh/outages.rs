//! C3: one who watches holds valid credentials whenever the homeserver could be reached long enough in the margin.
//!
//! How long is long enough follows from the schedule. Let `a` be the moment from which on the homeserver can be reached,
//! the machine is awake and a refresh is due, `expiry` when the credentials in hand end, and `latency` the longest time
//! that a request takes. A request that was sent before `a` may still fail, until `a + latency`. After a failure at `f`
//! the next try comes before half of what is left has passed, `f + (expiry - f) / 2`, and within `cap + 1 s`. It must
//! then be answered. So credentials are there within
//!
//! - `(expiry - a + latency) / 2 + latency` where that ends before the expiry,
//! - `latency + 1 s + cap + latency` in any case, with or without credentials in hand,
//!
//! and `Retry-After`, where the homeserver asked for it, counts as not to be reached.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use widget_turn_proto::{Supply, Timestamp};

use crate::bench::{Bench, credentials, failed, secs};
use crate::random::Random;

/// What the homeserver and the machine are like for a while.
#[derive(Clone, Copy, Debug)]
enum Spell {
    Up,
    Down,
    /// Every request is answered with 429 and this.
    Limited(Duration),
    /// The machine sleeps: nothing is called, what was in flight fails on waking.
    Asleep,
}

struct World {
    random: Random,
    bench: Bench,
    latency: Duration,
    spell: Spell,
    spell_began: Timestamp,
    spell_ends: Timestamp,
    /// When the request in flight was sent, and is answered.
    in_flight: Option<(Timestamp, Timestamp)>,
    /// When the last credentials were asked for, and how long they live.
    held: Option<(Timestamp, Duration)>,
    /// Since when the homeserver can be reached without a gap.
    reachable: Option<Timestamp>,
    /// Until when it asked to be left alone.
    asked_until: Timestamp,
    /// How often credentials came before the expiry after at least one failure.
    rescued: usize,
    failures: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let latency = match random.below(4) {
            0 => Duration::ZERO,
            1 => secs(10),
            _ => random.log_span(0.01, 10.0),
        };
        let mut bench = Bench::new(random.bits());
        bench.watch();
        let mut world = Self {
            random,
            bench,
            latency,
            spell: Spell::Down,
            spell_began: Timestamp::ZERO,
            spell_ends: Timestamp::ZERO,
            in_flight: None,
            held: None,
            reachable: None,
            asked_until: Timestamp::ZERO,
            rescued: 0,
            failures: 0,
        };
        world.turn();
        world.send();
        world
    }

    /// The next spell begins. Most come about as long as what matters just then.
    fn turn(&mut self) {
        let most = self.held.map_or(600.0, |(_, ttl)| ttl.as_secs_f64());
        let (spell, length) = match self.random.below(7) {
            0..=2 => (Spell::Up, self.random.log_span(0.5, 1.5 * most)),
            3..=4 => (Spell::Down, self.random.log_span(0.5, most)),
            5 => {
                let wait = self.random.log_span(0.1, 300.0);
                (Spell::Limited(wait), self.random.log_span(0.5, most / 2.0))
            }
            _ => (Spell::Asleep, self.random.log_span(0.5, 2.0 * most)),
        };
        self.spell = spell;
        self.spell_began = self.bench.now;
        self.spell_ends = self.bench.now + length;
        self.reachable = matches!(spell, Spell::Up).then_some(self.bench.now);
    }

    /// One thing happens: a spell ends, an answer comes, or a time-out is due.
    fn step(&mut self) {
        let awake = !matches!(self.spell, Spell::Asleep);
        let answered = self.in_flight.map(|(_, answered)| answered);
        let next = [self.bench.poll_timeout(), answered]
            .into_iter()
            .flatten()
            .filter(|_| awake)
            .fold(self.spell_ends, Timestamp::min);
        let next = next.max(self.bench.now);
        if let Some(deadline) = self.deadline() {
            assert!(
                next <= deadline,
                "c3: nothing came by {deadline:?}, reachable since {:?}, {:?} held",
                self.reachable,
                self.held
            );
        }
        if next == self.spell_ends {
            self.bench.now = next;
            self.turn();
        }
        if matches!(self.spell, Spell::Asleep) {
            return;
        }
        self.bench.jump_to(next);
        if self.in_flight.is_some_and(|(_, answered)| answered <= next) {
            self.answer();
        }
        self.send();
    }

    fn send(&mut self) {
        if self.bench.in_flight.is_some() && self.in_flight.is_none() {
            let sent = self.bench.now;
            let latency = self.latency.as_secs_f64();
            self.in_flight = Some((sent, sent + self.random.span(0.0, latency)));
        }
    }

    fn answer(&mut self) {
        let (sent, _) = self.in_flight.take().expect("a request is in flight");
        let one_spell = sent >= self.spell_began;
        match self.spell {
            Spell::Up if one_spell => {
                let ttl = self.random.log_span(60.0, 86_400.0);
                if self.failures > 0 && self.bench.is_ready() {
                    self.rescued += 1;
                }
                self.failures = 0;
                self.held = Some((sent, ttl));
                self.bench.answer(credentials(ttl));
                let expected = sent + ttl;
                let Supply::Ready { expires_at, .. } = self.bench.supply() else {
                    panic!("c3: credentials came and are not handed out");
                };
                assert_eq!(*expires_at, expected);
            }
            // A 429 may also have been on its way when the limit ended.
            Spell::Limited(_) | Spell::Up if self.random.below(3) > 0 => {
                self.failures += 1;
                let wait = match self.spell {
                    Spell::Limited(wait) => wait,
                    _ => self.random.log_span(0.1, 300.0),
                };
                self.asked_until = self.bench.now + wait;
                self.bench.answer(failed(Some(wait)));
            }
            _ => {
                self.failures += 1;
                self.bench.answer(failed(None));
            }
        }
    }

    /// By when credentials must have come, if the homeserver stays as it is.
    fn deadline(&self) -> Option<Timestamp> {
        let reachable = self.reachable?.max(self.asked_until);
        let ttl = self.held.map(|(_, ttl)| ttl);
        let cap = ttl.map_or_else(|| secs(600), |ttl| (ttl / 6).clamp(secs(60), secs(600)));
        let in_any_case = self.latency + secs(1) + cap + self.latency;
        let Some((sent, ttl)) = self.held else {
            return Some(reachable + in_any_case);
        };
        let margin = (ttl / 5).clamp(secs(60), secs(3600)).min(ttl / 2);
        let due = (sent + (ttl - margin)).max(sent + secs(30));
        let expiry = sent + ttl;
        let a = reachable.max(due);
        let before_expiry =
            ((expiry - a + self.latency) / 2).max(self.latency + secs(1)) + self.latency;
        Some(if a + before_expiry < expiry {
            a + before_expiry.min(in_any_case)
        } else {
            a + in_any_case
        })
    }
}

#[test]
fn c3_a_watcher_holds_valid_credentials_whenever_the_homeserver_could_be_reached() {
    let mut rescued = 0;
    for seed in 0..3000 {
        let case = AssertUnwindSafe(|| {
            let mut world = World::new(seed);
            for _ in 0..120 {
                world.step();
            }
            world.rescued
        });
        match catch_unwind(case) {
            Ok(here) => rescued += here,
            Err(panic) => {
                println!("seed {seed}");
                resume_unwind(panic);
            }
        }
    }
    // Otherwise the worlds are too kind to say anything.
    assert!(
        rescued > 1000,
        "{rescued} refreshes after a failure, before the expiry"
    );
}
